"""Other people's listeners inside the Maya process: they are found by a probe and must survive it.

Invariant: none of them ever speaks the command port's protocol.
"""

import socket
import threading

ANSWER = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class OtherListener(threading.Thread):
    """`http` answers like a web server, `silent` says nothing, `closing` hangs up."""

    def __init__(self, kind):
        super().__init__(name=f"other listener ({kind})", daemon=True)
        self.kind = kind
        self.received = []
        self._kept = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self):
        while True:
            client, _ = self._listener.accept()
            self._kept.append(client)
            if self.kind == "closing":
                client.close()
                continue
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client):
        try:
            while data := client.recv(4096):
                self.received.append(data.decode("utf-8", "replace"))
                if self.kind == "http":
                    client.sendall(ANSWER)
                    break
        except OSError:
            pass
        client.close()

    def describe(self):
        return {"kind": self.kind, "address": self.address}
