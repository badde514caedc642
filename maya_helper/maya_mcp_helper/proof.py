"""The mutual proof: both sides know the secret, and it never travels.

Invariant: whatever is not exactly the next step of the handshake is a Stranger.
"""

import importlib
import os
import re

PROTOCOL = 1
LONGEST_CLIENT = 256
BLOCK = 64  # SHA-256 works on blocks of so many bytes.


class Stranger(Exception):
    """Somebody who does not know a secret; the message says by what we tell."""


def _light_sha256():
    # hashlib and hmac bring all of OpenSSL into a Maya that has not loaded it: 4 MB.
    for name in ("_sha256", "_sha2", "hashlib"):
        try:
            return importlib.import_module(name).sha256
        except (ImportError, AttributeError):
            continue
    raise ImportError("this Python has no SHA-256")


sha256 = _light_sha256()


def secret_id(secret):
    """What hello.secret says: which secret is meant, and nothing of what it is."""
    return sha256(secret).hexdigest()[:8]


def proof(secret, role, theirs, ours):
    """That the one in this role knows the secret, for this pair of nonces only."""
    return hmac(secret, f"{role}:{theirs}:{ours}".encode("ascii"))


def hmac(key, text):
    """HMAC-SHA256 (RFC 2104) in hex, of a key that is no longer than a block."""
    key = key.ljust(BLOCK, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in key) + text).digest()
    return sha256(bytes(byte ^ 0x5C for byte in key) + inner).hexdigest()


def is_same(one, other):
    """Compares in a time that tells nothing: under a key of the moment, the values are anything."""
    key = os.urandom(32)
    return hmac(key, one.encode("utf-8")) == hmac(key, other.encode("utf-8"))


class Handshake:
    """The helper's side: feed it messages; once it gives None, the engine has proven itself."""

    def __init__(self, secrets, nonce):
        self.secret_id = None
        self.client = ""  # Whom the connection serves; "" is the engine itself.
        self._secrets = secrets
        self._nonce = nonce
        self._expected = None

    def receive(self, message):
        """The reply to this message, or None when it was the right proof."""
        if self._expected is None:
            return self._challenge(message.get("hello"))
        offered = message.get("proof")
        if not isinstance(offered, str) or not offered.isalnum():
            raise Stranger("no proof")
        if not is_same(offered, self._expected):
            raise Stranger("wrong proof")
        client = message.get("client", "")
        if not isinstance(client, str) or len(client) > LONGEST_CLIENT:
            raise Stranger("no name of a client")
        self.client = client
        return None

    def _challenge(self, hello):
        if not isinstance(hello, dict):
            raise Stranger("no hello")
        if not isinstance(hello.get("protocol"), int):
            raise Stranger("no protocol")
        nonce = hello.get("nonce")
        if not isinstance(nonce, str) or not re.match(r"[0-9a-f]{64}\Z", nonce):
            raise Stranger("no nonce")
        self.secret_id = hello.get("secret")
        secret = self._secrets.get(self.secret_id) if isinstance(self.secret_id, str) else None
        if secret is None:
            raise Stranger("unknown secret")
        self._expected = proof(secret, "engine", self._nonce, nonce)
        answer = proof(secret, "helper", nonce, self._nonce)
        return {"challenge": {"protocol": PROTOCOL, "nonce": self._nonce, "proof": answer}}
