"""The helper as one thing: door, server, scene and jobs, put together.

Invariant: requests arrive on the I/O thread and everything of Maya happens in _pass(), behind the
door. No exception leaves into Maya's event loop.
"""

import os
import sys

from . import execute, frames, requests, sources
from .announcement import Announcement
from .door import Door
from .interrupt import Cancelled, Interrupt
from .jobs import Job, Jobs
from .languages import new_namespace
from .proof import secret_id
from .pulse import Pulse
from .scene import Scene
from .server import Server

LOOPBACK = "127.0.0.1"


class Gone(Exception):
    """The helper has decided to leave; boot.py starts another one."""


class Helper:
    """Made, started and stopped on the main thread."""

    def __init__(self, version, package):
        self._package = package
        self._jobs = Jobs()
        self._interrupt = Interrupt()
        self._namespaces = {}
        self._announcements = {}  # By folder.
        self._pid = os.getpid()
        self._in_job = False
        self._finished = False
        self._ended = False  # The server has; the rest is to be tidied up on the main thread.
        self._server = Server(
            self._welcome, self._on_request, self._on_closed, self._on_end, self._remind
        )
        self._scene = Scene(version, self._server.tell, self.stop, self._interrupt.hold_off)
        self._door = Door(self._pass, self._scene.batch)
        self._pulse = Pulse(self._door.ring)

    def listen_on(self, host):
        """The port at which the server listens on that address of this machine."""
        if self._is_fork:
            raise Gone("the helper runs in the process that this one was forked from")
        return self._server.listen_on(host)

    def start(self):
        """From here on the engine can come."""
        self._scene.listen()
        self._server.start()

    def invite(self, secret):
        """Adds a secret; keeps every other."""
        if not self._server.invite(secret_id(secret), secret):
            raise Gone("the helper is leaving")

    def announce(self, folder, build):
        """Leaves word in that folder. From then on the helper stays for as long as Maya runs."""
        port = self.listen_on(LOOPBACK)
        if folder in self._announcements:
            self._announcements[folder].write(port, build)
            return
        announcement = Announcement(folder, os.urandom(32))
        self.invite(announcement.secret)
        self._announcements[folder] = announcement  # From here on the I/O thread withdraws it.
        try:
            announcement.write(port, build)
        except BaseException:
            del self._announcements[folder]
            raise
        self._server.stay(secret_id(announcement.secret))

    def announced_in(self):
        """The folders in which there is word of this helper."""
        return [] if self._is_fork else list(self._announcements)

    def stop(self, reason):
        """Says good-bye and leaves Maya, at once. On the main thread."""
        if not self._is_fork:  # A fork has no I/O thread, and its sockets are the parent's.
            self._server.end(reason)
        self._finish()

    @property
    def _is_fork(self):
        return os.getpid() != self._pid

    def _withdraw(self):
        for announcement in list(self._announcements.values()):
            announcement.withdraw()

    # On the I/O thread.

    def _welcome(self):
        return dict(self._scene.facts(), qt=self._door.qt)

    def _on_request(self, link, message):
        number = None
        try:
            number = requests.number_of(message)
            result = self._answer(link, number, message.get("method"), message)
        except requests.RequestError as error:
            told = {"type": type(error).__name__, "message": str(error)}
            link.send(frames.encode({"id": number, "error": told}))
            return
        if result is not None:
            link.send(frames.encode({"id": number, "result": result}))

    def _answer(self, link, number, method, message):
        params = requests.params_of(message)
        if method == "execute":
            self._execute(link, number, requests.execute(params))
            return None  # Answered when it has run.
        if method == "cancel":
            return {"state": self._cancel(link, requests.cancel(params))}
        if method == "ping":
            requests.nothing(params)
            return {"main_waiting_ms": self._pulse.feel()}
        if method == "leave":
            requests.nothing(params)
            link.send(frames.encode({"id": number, "result": {}}))
            self._server.forget(link)
            return None
        raise requests.UnknownMethod(f"{method}: there is no such method")

    def _execute(self, link, number, request):
        if not self._jobs.add(Job(link, number, request)):
            raise requests.BadParams("id: an execute of this id is not answered yet")
        self._door.ring()

    def _cancel(self, link, number):
        state, job = self._jobs.withdraw((link, number))
        if state == "waiting":
            link.send(execute.without_running(job, Cancelled()))
        elif state == "running":
            self._interrupt.stop(job, Cancelled)
        return state

    def _remind(self, now):
        """Stops a job that is over its time; says when to look again."""
        due = self._interrupt.remind(now)
        if due is not None:
            return due
        timeout_s = self._jobs.shortest_timeout_s()
        return None if timeout_s is None else now + timeout_s

    def _on_closed(self, link):
        self._jobs.withdraw_all_of(link)

    def _on_end(self):
        self._withdraw()
        self._ended = True
        self._door.ring()

    # On the main thread.

    def _pass(self):
        try:
            self._interrupt.hold_off(self._beat)
            if self._in_job:
                return  # An event loop inside the artist's code; the job's end rings again.
            if self._ended:
                self._finish()
                return
            self._run_next_job()
        except BaseException:
            pass  # Nothing of ours may disturb Maya's event loop.

    def _beat(self):
        if self._pulse.beat():
            self._server.tell("main_free", {})

    def _run_next_job(self):
        job = self._jobs.start()
        if job is None:
            return
        self._in_job = True
        try:
            answer = self._run(job)
        finally:
            self._in_job = False
            if self._jobs.finish() or self._ended:
                self._door.ring()
        job.link.send(answer)
        self._scene.compare()

    def _run(self, job):
        try:
            namespace = self._namespaces.setdefault(job.request.namespace, new_namespace())
            return execute.execute(job, namespace, self._interrupt)
        except BaseException as error:  # A fault of ours is told as well: a job is always answered.
            return execute.without_running(job, error)

    def _finish(self):
        if self._finished:
            return
        self._finished = True
        self._withdraw()
        self._scene.close()
        self._door.close()
        sources.forget()
        package = self._package.__name__
        self._package.running = None
        if sys.modules.get(package) is self._package:
            for name in list(sys.modules):
                if name == package or name.startswith(package + "."):
                    del sys.modules[name]
