"""The main thread: Maya's event loop, and the queue of what shall run on it when it is idle.

Invariant: while something is modal nothing of the queue runs. Qt's own events do run, in Maya
as here: a modal dialog is a nested event loop.
"""

import os
import sys
import threading
import time
import traceback
from collections import deque

TICK = 0.016


def make(options):
    return PlainLoop(options.batch) if options.no_qt else QtLoop()


class _Loop:
    def __init__(self):
        self._queue = deque()
        self._modals = []
        self.exit_code = 0

    def post(self, work):
        """Runs `work()` on the main thread when idle; its error shows in the Script Editor."""
        self._queue.append(work)
        self._wake()

    def script(self, work):
        """Work for the control channel. The same, but for a batch Maya, which never turns idle."""
        self.post(work)

    def call(self, work):
        """Runs `work()` on the main thread and waits for its value, however long that takes."""
        if threading.current_thread() is threading.main_thread():
            return work()
        done = threading.Event()
        outcome = {}

        def run():
            try:
                outcome["value"] = work()
            except BaseException as error:
                outcome["error"] = error
            done.set()

        self.post(run)
        done.wait()
        if "error" in outcome:
            raise outcome["error"]
        return outcome["value"]

    def run_pending(self):
        """Everything that is queued by now, as `maya.utils.processIdleEvents` does."""
        for _ in range(len(self._queue)):
            self._run_one()

    def modal(self, window):
        """Shows `window` (see Modal) until it is finished. On the main thread only."""
        self._modals.append(window)
        window.opened.set()
        try:
            self._show(window)
        finally:
            self._modals.remove(window)
        for _ in range(len(self._queue)):
            self._wake()

    @property
    def modals(self):
        return list(self._modals)

    def _run_one(self):
        if self._modals or not self._queue:
            return
        try:
            self._queue.popleft()()
        except BaseException:  # A script's sys.exit() does not end Maya.
            traceback.print_exc(file=sys.stderr)


class Modal:
    """One modal window: `finish()` closes it from any thread."""

    def __init__(self, title):
        self.title = title
        self.opened = threading.Event()
        self.finished = threading.Event()
        self._close = lambda: None

    def on_finish(self, close):
        self._close = close

    def finish(self):
        self.finished.set()
        self._close()


class PlainLoop(_Loop):
    """Maya without Qt: what is queued runs at the next tick, never at once."""

    def __init__(self, batch):
        super().__init__()
        self._changed = threading.Condition()
        self._ended = False
        # A batch Maya runs its script and never turns idle: processIdleEvents empties the queue.
        self._idles = not batch
        self._batch_work = deque()

    def run(self):
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ended or self._batch_work or self._ready())
                if self._ended:
                    return self.exit_code
            time.sleep(TICK - time.monotonic() % TICK)
            while self._batch_work:
                self._run_batch_work()
            if self._idles:
                self.run_pending()

    def script(self, work):
        """As if the batch script itself did it, which needs no idle Maya."""
        with self._changed:
            self._batch_work.append(work)
            self._changed.notify_all()

    def call(self, work):
        if not self._idles and threading.current_thread() is not threading.main_thread():
            raise RuntimeError("executeInMainThreadWithResult is not available in batch mode")
        return super().call(work)

    def quit(self, code=0):
        self.exit_code = code
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _run_batch_work(self):
        try:
            self._batch_work.popleft()()
        except BaseException:
            traceback.print_exc(file=sys.stderr)

    def _ready(self):
        return self._idles and self._queue

    def _wake(self):
        with self._changed:
            self._changed.notify_all()

    def _show(self, window):
        window.finished.wait()


class QtLoop(_Loop):
    """Maya with its window: a QApplication on the main thread, drawing nowhere."""

    def __init__(self):
        super().__init__()
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from PySide6.QtCore import QEventLoop, QObject, Qt, Signal
        from PySide6.QtWidgets import QApplication

        class Door(QObject):
            knocked = Signal()

        self._event_loop = QEventLoop
        self._queued = Qt.ConnectionType.QueuedConnection
        self._door_class = Door
        self._app = QApplication(["Maya"])
        self._app.setApplicationName("Maya")
        # Maya has a window of its own, so closing a script's last window does not end it.
        self._app.setQuitOnLastWindowClosed(False)
        self._door = Door()
        # Queued: a knock from any thread, the main one included, is heard when the loop is idle.
        self._door.knocked.connect(self._run_one, self._queued)

    def run(self):
        # Not the code of exec(): a script may have called QApplication.exit itself.
        self._app.exec()
        return self.exit_code

    def quit(self, code=0):
        self.exit_code = code
        self._app.exit(code)

    def _wake(self):
        self._door.knocked.emit()

    def _show(self, window):
        nested = self._event_loop()
        door = self._door_class()
        door.knocked.connect(nested.quit, self._queued)
        window.on_finish(door.knocked.emit)
        if window.finished.is_set():
            return
        nested.exec()
        # A queued knock may come after the loop ended; the door must not outlive it.
        window.on_finish(lambda: None)
