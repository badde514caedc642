"""The Script Editor as a window: every text at the end of a real text widget, which scrolls there.

Invariant: on the main thread only. What other threads print arrives in order, when Qt gets to it.
"""

from .running import on_main_thread

# When there are MOST lines, the first go until LEAST are left. One at a time would be dear: a
# QTextEdit moves all that is below a line that goes.
LEAST, MOST = 5_000, 10_000
COLOURS = {"warning": "#b080e0", "error": "#f06060", "trace": "#f06060"}


def make():
    """Opens the window; a QApplication is there already."""
    from PySide6.QtCore import QObject, Qt, Signal
    from PySide6.QtGui import QColor, QFont, QTextCharFormat, QTextCursor
    from PySide6.QtWidgets import QTextEdit

    class Window(QObject):
        printed = Signal(str, str)

        def __init__(self):
            super().__init__()
            # Maya's reporter is a QTextEdit, too: rich text, which costs more than plain text.
            self.widget = QTextEdit()
            self.widget.setWindowTitle("Script Editor")
            self.widget.setReadOnly(True)
            self.widget.setUndoRedoEnabled(False)
            self.widget.setFont(QFont("monospace", 9))
            self.widget.resize(900, 500)
            self.widget.show()
            self._formats = {kind: _format(colour) for kind, colour in COLOURS.items()}
            self._plain = QTextCharFormat()
            self.printed.connect(self._insert, Qt.ConnectionType.QueuedConnection)

        def add(self, kind, text):
            if on_main_thread():
                self._insert(kind, text)
            else:
                self.printed.emit(kind, text)

        def _insert(self, kind, text):
            cursor = self.widget.textCursor()
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(text, self._formats.get(kind, self._plain))
            self.widget.setTextCursor(cursor)
            self.widget.ensureCursorVisible()
            if self.widget.document().blockCount() > MOST:
                self._shorten()

        def _shorten(self):
            document = self.widget.document()
            cursor = QTextCursor(document)
            keep = document.findBlockByNumber(document.blockCount() - LEAST)
            cursor.setPosition(keep.position(), QTextCursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()

    def _format(colour):
        made = QTextCharFormat()
        made.setForeground(QColor(colour))
        return made

    return Window()
