"""A server that only answers, in a process of its own: what the measuring itself costs.

Invariant: it ends with the pipe to whoever started it.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from .wire import HEAD_END, Connection, request

TESTS = Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def answering(size):
    """A connection to a server that answers every request with `size` bytes, and such a request."""
    command = [sys.executable, "-m", "bench.echo", str(size)]
    env = {**os.environ, "PYTHONPATH": str(TESTS)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=env, **pipes) as process:
        port = int(process.stdout.readline())
        connection = Connection(port)
        yield connection, request(port, "POST", b"x" * 200, content_type="application/json")
        connection.close()
        process.stdin.close()


def serve(size):
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n" % size
    answer += b"x" * size + b"\r\n0\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        client, _ = listener.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    read = b""
    while part := client.recv(65536):
        read += part
        head, end, body = read.partition(HEAD_END)
        if end and len(body) == int(head.rpartition(b"content-length: ")[2].split(b"\r\n")[0]):
            client.sendall(answer)
            read = b""


if __name__ == "__main__":
    serve(int(sys.argv[1]))
