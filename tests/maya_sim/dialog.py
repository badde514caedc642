"""The dialogs that Maya shows, and the artist who answers them.

Invariant: a dialog is modal on the main thread, and each question is asked anew, answered or not.
"""

import threading
import time
from collections import deque

from .loop import Modal

ALLOW, DENY, ALLOW_ALL = "Allow", "Deny", "Allow All"
FILE_BUTTONS = {"Open", "Save As"}
SECURITY_TITLE = "Maya Security Warning"


class Dialogs:
    def __init__(self, loop, answers, delay):
        self._loop = loop
        # Nobody has to sit before a Maya: without a script the dialog stays.
        self._answers = deque(answers or ["wait"])
        self._delay = delay
        self._changed = threading.Condition()
        self._open = None
        self.history = []

    def security_warning(self, port_name, code):
        """The question of a command port with securityWarning; gives back the button pressed."""
        shown = code[:300] + ("..." if len(code) > 300 else "")
        text = f"Command port {port_name} received the following code to execute:\n{shown}"
        return self.ask(SECURITY_TITLE, text, [ALLOW, DENY, ALLOW_ALL], ALLOW, DENY)

    def ask(self, title, text, buttons, default, cancel):
        """Shows a dialog and gives back the button pressed; Escape presses `cancel`."""
        record = {"title": title, "text": text, "buttons": list(buttons), "answer": None}
        window = Modal(title)
        with self._changed:
            scripted = self._next_answer()
            self._open = (record, window, default, cancel)
            self.history.append(record)
            self._changed.notify_all()
        if scripted != "wait":
            record["answer"] = _button(scripted, buttons, default)
            if self._delay > 0:
                timer = threading.Timer(self._delay, window.finish)
                timer.daemon = True
                timer.start()
            else:
                window.finish()
        self._loop.modal(window)
        with self._changed:
            self._open = None
            record["answer"] = record["answer"] or cancel
            self._changed.notify_all()
        return record["answer"]

    def answer(self, answer):
        """The artist presses a button of the open dialog. False when there is none."""
        with self._changed:
            if self._open is None:
                return False
            record, window, default, _ = self._open
            record["answer"] = _button(answer, record["buttons"], default)
        window.finish()
        return True

    def dismiss(self):
        """Escape, or the cross in the corner. False when there is no dialog."""
        with self._changed:
            if self._open is None:
                return False
            window = self._open[1]
        window.finish()
        return True

    def script(self, answers):
        with self._changed:
            self._answers = deque(answers)

    def shown(self):
        with self._changed:
            opened = self._open[0] if self._open else None
            return {"open": opened, "history": [dict(record) for record in self.history]}

    def wait_for(self, count, timeout):
        """Waits until `count` dialogs in all have been shown. False when the time is over."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while len(self.history) < count:
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    return len(self.history) >= count
            return True

    def _next_answer(self):
        return self._answers.popleft() if len(self._answers) > 1 else self._answers[0]


def _button(answer, buttons, default):
    """`allow-all` presses "Allow All"; a path is typed into a file dialog, where it counts as an
    answer; a dialog without such a button gets its default one."""
    for button in buttons:
        if _plain(button) == _plain(answer):
            return button
    return answer if FILE_BUTTONS & set(buttons) and answer.startswith("/") else default


def _plain(text):
    return "".join(c for c in text.lower().replace(" ", "-") if c.isalnum() or c == "-")
