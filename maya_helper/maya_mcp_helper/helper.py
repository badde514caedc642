"""The helper as one thing: door, server, scene and jobs, put together.

Invariant: requests arrive on the I/O thread (or, by a command port, on the main one) and everything
of Maya happens in _pass(), behind the door. No exception leaves into Maya's event loop.
"""

import os
import sys

from . import execute, frames, methods, progress, requests, shield, sources
from .announcement import Announcement
from .door import Door
from .guard import Guard
from .interrupt import Cancelled, Interrupt, can_stop
from .jobs import Job, Jobs
from .languages import new_namespace
from .output import Output
from .proof import secret_id
from .pulse import Pulse
from .scene import Scene
from .server import Server
from .stuck import where_it_is
from .watch import Watch

LOOPBACK = "127.0.0.1"
STOPPABLE = ("execute", "write_module")  # What runs the artist's code.


class Gone(Exception):
    """The helper has decided to leave; boot.py starts another one."""


class Helper:
    """Made, started and stopped on the main thread."""

    def __init__(self, version, package, namespaces):
        self._package = package
        self._namespaces = namespaces  # By client.
        self._jobs = Jobs()
        self._announcements = {}  # By folder.
        self._pid = os.getpid()
        self._in_job = False
        self._finished = False
        self._ended = False  # The server has; the rest is to be tidied up on the main thread.
        self._ports = None  # Maya's command ports, where there must be no other.
        self._server = Server(
            self._welcome, self._on_request, self._on_closed, self._on_end, self._remind
        )
        self._interrupt = Interrupt(self._insist, self._server.wake, self._ring)
        shield.on_stop = self._interrupt.owe
        hold_off = self._interrupt.hold_off
        self._scene = Scene(version, self._server.tell, self.stop, hold_off)
        self._guard = Guard()
        tell, wake = self._server.tell, self._server.wake
        self._watch = Watch(self._server.links, tell, wake, hold_off)
        self._runner = execute.Runner(self._interrupt, self._guard, self._new_output)
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
        self._guard.listen()
        self._server.start()

    def invite(self, secret):
        """Adds a secret; keeps every other."""
        if not self._server.invite(secret_id(secret), secret):
            raise Gone("the helper is leaving")

    def open_port(self, secret, client=""):
        """(port, key) of a command port of Maya's own for whoever was told that secret."""
        if self._is_fork:
            raise Gone("the helper runs in the process that this one was forked from")
        return self._open_port(secret_id(secret), client)

    @property
    def ports(self):
        """The command ports; none where there is a port of our own."""
        return self._ports

    @property
    def namespaces(self):
        """The clients' variables, for a successor."""
        return self._namespaces

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
            self._server.uninvite(secret_id(announcement.secret))
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

    # On the I/O thread; requests of a command port on the main one.

    def _ring(self):
        self._door.ring()

    def _welcome(self):
        return dict(self._scene.facts(), qt=self._door.qt, build=self._package.build)

    def _on_request(self, link, message):
        number = None
        try:
            number = requests.number_of(message)
            result = self._answer(link, number, requests.method_of(message), message)
        except requests.RequestError as error:
            link.send(frames.encode({"id": number, "error": _told(error)}))
            return
        if result is not None:
            link.send(frames.encode({"id": number, "result": result}))

    def _answer(self, link, number, method, message):
        """The result, or None for what is answered when it has been done."""
        params = requests.params_of(message)
        if method == "execute":
            request = requests.execute(params)
            job = Job(link, number, method, request, request.timeout_s, request.undo_name)
            return self._queue(job)
        if method in methods.MODULES or method in ("replace", "open_port"):
            return self._queue(Job(link, number, method, params))
        if method == "cancel":
            return self._cancel(link, requests.cancel(params))
        if method == "ping":
            requests.only(params, ())
            return {"main_waiting_ms": self._pulse.feel()}
        if method == "subscribe":
            link.events = requests.subscribe(params)
            self._door.ring()
            return {}
        if method == "leave":
            requests.only(params, ())
            self._stop_what_runs_for(link.secret_id)
            link.send(frames.encode({"id": number, "result": {}}))
            self._server.forget(link)
            return None
        raise requests.UnknownMethod(f"{method}: there is no such method")

    def _queue(self, job):
        if not self._jobs.add(job):
            raise requests.BadParams("id: a request of this id is not answered yet")
        self._door.ring()

    def _cancel(self, link, number):
        state, job = self._jobs.withdraw((link, number))
        stoppable = True
        if state == "waiting":
            job.link.send(_not_done(job, Cancelled()))
        elif state == "running":
            stoppable = job.method in STOPPABLE and can_stop()
            self._interrupt.stop(job, Cancelled)
        return {"state": state, "stoppable": stoppable}

    def _stop_what_runs_for(self, secret):
        job = self._jobs.running
        if job is not None and job.link.secret_id == secret:
            self._interrupt.stop(job, Cancelled)

    def _remind(self, now):
        """Does what is due: stops, output, progress, a selection. Says when to look again."""
        running = self._jobs.running
        output = running.output if running is not None else None
        reports = running.reports if running is not None else None
        back, ring = self._watch.turn(now)
        lonely = self._ports.due() if self._ports is not None else None
        if lonely is not None and now >= lonely:
            lonely, ring = None, True
        if ring:
            self._door.ring()
        dues = [
            back,
            lonely,
            output.turn(now) if output is not None else None,
            reports.turn(now) if reports else None,
            self._interrupt.remind(now),
        ]
        return min((due for due in dues if due is not None), default=None)

    def _insist(self, job, thread):
        line, source = where_it_is(job, thread)
        told = {"id": job.number, "line": line, "source": source}
        self._server.tell("not_stopping", told, [job.link])

    def _new_output(self, job):
        return Output(job.number, lambda: [job.link], self._server.wake)

    def _on_closed(self, link):
        self._jobs.withdraw_all_of(link)
        self._door.ring()  # It may have watched something, or had a port.

    def _on_end(self):
        self._withdraw()
        self._ended = True
        self._door.ring()

    # On the main thread.

    def _pass(self):
        try:
            self._interrupt.hold_off(self._shielded_beat)
            if self._in_job:
                return  # An event loop inside the artist's code; the job's end rings again.
            if self._ended:
                self._finish()
                return
            self._do_next_job()
        except BaseException:
            pass  # Nothing of ours may disturb Maya's event loop.

    def _shielded_beat(self):
        try:
            self._beat()
        except Exception:  # Whoever waits for something else has nothing to do with it.
            pass

    def _beat(self):
        if self._pulse.beat():
            self._server.tell("main_free", {})
        self._watch.settle()
        if self._ports is not None:
            for link in self._ports.lonely():
                self._server.forget(link)
            self._ports.close_unused()
            self._server.wake()  # It has to look at the clock anew.

    def _by_port(self, link, message):
        """A request by a command port: we are on the main thread, so what it asks for is done."""
        if self._in_job:  # An event loop inside the artist's code: a stop may be on its way to it.
            self._interrupt.hold_off(lambda: self._on_request(link, message))
            return
        self._on_request(link, message)
        while not self._ended and self._do_next_job():
            pass

    def _do_next_job(self):
        job = self._jobs.start()
        if job is None:
            return False
        self._in_job = True
        try:
            answer = self._do(job)
        finally:
            self._in_job = False
            if self._jobs.finish() or self._ended:
                self._door.ring()
        if answer is not None:
            self._watch.flush()
            job.link.send(answer)
        self._scene.compare()
        return True

    def _do(self, job):
        try:
            if job.method == "execute":
                return self._runner.run(job, self._namespace_of(job))
            if job.method == "replace":
                return self._replace(job)
            if job.method == "open_port":
                return self._open_another_port(job)
            return self._perform(job)
        except BaseException as error:  # A fault of ours is told as well: a job is always answered.
            return _not_done(job, error)

    def _namespace_of(self, job):
        client = job.link.client
        namespace = self._namespaces.setdefault(client, new_namespace())
        if job.params.language == "python":
            progress.give(namespace, self._jobs, self._server.wake, client)
        return namespace

    def _perform(self, job):
        waited = job.waited_ms()
        if job.method in STOPPABLE:
            reply = self._runner.perform(job)
        else:
            reply = methods.perform(job.method, job.params)
        answer = {"id": job.number, "result": reply.result, "waited_ms": waited}
        return frames.encode(answer, reply.binary)

    def _replace(self, job):
        requests.only(job.params, ("boot", "nonce"))
        boot, nonce = requests.text(job.params, "boot"), requests.text(job.params, "nonce")
        # If another build takes over, the server closes its sockets; the answer goes out by this.
        own = job.link.duplicate()
        try:
            answer = frames.encode({"id": job.number, "result": _run_boot(boot, nonce)})
            if not self._finished:
                return answer
            if own is not None and not job.link.was_cut:
                own.settimeout(1.0)
                own.sendall(b"".join(answer))
            return None
        finally:
            if own is not None:
                own.close()

    def _open_another_port(self, job):
        requests.only(job.params, ("client",))
        client = requests.text(job.params, "client")
        port, key = self._open_port(job.link.secret_id, client)
        return frames.encode({"id": job.number, "result": {"port": port, "key": key}})

    def _open_port(self, secret, client):
        if self._ports is None:
            from .ports import Ports

            self._ports = Ports(self._by_port)
        link, port, key = self._ports.open(secret, client)
        self._server.add_port_link(link)
        if not client:
            link.send(frames.encode({"welcome": self._welcome()}))
        return port, key

    def _finish(self):
        if self._finished:
            return
        self._finished = True
        self._withdraw()
        self._scene.close()
        self._guard.close()
        self._watch.close()
        self._door.close()
        if self._ports is not None:
            self._ports.close()
        sources.forget()
        package = self._package.__name__
        self._package.running = None
        if sys.modules.get(package) is self._package:
            for name in list(sys.modules):
                if name == package or name.startswith(package + "."):
                    del sys.modules[name]


def _not_done(job, error):
    """The frame that answers a job that was not done, or not to its end."""
    if job.method == "execute":
        return execute.without_running(job, error)
    return frames.encode({"id": job.number, "error": _told(error)})


def _told(error):
    return {"type": type(error).__name__, "message": str(error)}


def _run_boot(boot, nonce):
    import json
    import runpy

    return json.loads(runpy.run_path(boot)["connect"](nonce))
