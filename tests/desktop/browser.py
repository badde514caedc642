"""The real window, driven through WebKit's own WebDriver.

The driver starts the program itself, and its session begins when the program opens a window.
"""

import base64
import json
import socket
import subprocess
import threading
import urllib.request

from .program import TRAY
from .waiting import DEADLINE, until

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    def __init__(self, environment, log, *arguments):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._address = f"http://127.0.0.1:{port}"
        with log.open("ab") as output:
            self._driver = subprocess.Popen(
                ["WebKitWebDriver", f"--port={port}", "--host=127.0.0.1"],
                env=environment,
                stdout=output,
                stderr=output,
            )
        until(self._listens, what="WebKitWebDriver")
        self._session = None
        self._refusal = None
        options = {"binary": str(TRAY), "args": list(arguments)}
        wanted = {"alwaysMatch": {"browserName": "wry", "webkitgtk:browserOptions": options}}
        self._starting = threading.Thread(target=self._start, args=[wanted], daemon=True)
        self._starting.start()

    def _start(self, wanted):
        try:
            self._session = self._ask("POST", "/session", {"capabilities": wanted}, 60)["sessionId"]
        except OSError as error:
            self._refusal = error

    def attach(self):
        """Waits until the window is there."""
        self._starting.join(DEADLINE)
        assert self._session, f"no window to drive: {self._refusal}"

    def find(self, testid):
        """The element, or None."""
        wanted = {"using": "css selector", "value": f'[data-testid="{testid}"]'}
        found = self._command("POST", "/elements", wanted)
        return found[0][ELEMENT] if found else None

    def click(self, testid):
        element = until(lambda: self.find(testid), what=f"an element {testid!r}")
        self._command("POST", f"/element/{element}/click", {})

    def write(self, testid, text):
        """Puts the text in place of what is there."""
        element = until(lambda: self.find(testid), what=f"a field {testid!r}")
        self._command("POST", f"/element/{element}/clear", {})
        self._command("POST", f"/element/{element}/value", {"text": text})

    def text(self, testid):
        """What it says; None when it is not there."""
        return self._ask_element(testid, "element.textContent")

    def attribute(self, testid, name):
        return self._ask_element(testid, "element.getAttribute(name)", name)

    def first_in(self, testid):
        """The test id of its first row."""
        return self._ask_element(testid, "element.firstElementChild.dataset.testid")

    def pick(self, testid, value):
        """One of the options of a select."""
        event = "new Event('change', {bubbles: true})"
        change = f"(element.value = name, element.dispatchEvent({event}))"
        until(lambda: self._ask_element(testid, change, value), what=f"a choice {testid!r}")

    def picked(self, testid):
        return self._ask_element(testid, "element.value")

    def checked(self, testid):
        """Whether the radio button in it is chosen."""
        return self._ask_element(testid, "element.querySelector('input').checked")

    def picture(self, path):
        # What has changed a moment ago is drawn with the next frame.
        frames = (
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))"
        )
        self._command("POST", "/execute/async", {"script": frames, "args": []})
        path.write_bytes(base64.b64decode(self._command("GET", "/screenshot")))

    def stop(self):
        self._driver.kill()
        self._driver.wait()

    def _ask_element(self, testid, question, name=None):
        # In one step: what is found in one may be drawn anew before the next.
        script = f"""
            const [testid, name] = arguments;
            const element = document.querySelector(`[data-testid="${{testid}}"]`);
            return element && {question};"""
        return self._command("POST", "/execute/sync", {"script": script, "args": [testid, name]})

    def _command(self, method, path, body=None):
        return self._ask(method, f"/session/{self._session}{path}", body)

    def _ask(self, method, path, body=None, deadline=DEADLINE):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, method=method)
        with urllib.request.urlopen(request, timeout=deadline) as reply:
            return json.load(reply)["value"]

    def _listens(self):
        try:
            return self._ask("GET", "/status")["ready"]
        except OSError:
            return False
