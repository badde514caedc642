"""The mutual proof: both sides know the secret, and it never travels.

Invariant: whatever is not exactly the next step of the handshake is a Stranger.
"""

import hashlib
import hmac
import re

PROTOCOL = 1


class Stranger(Exception):
    """Somebody who does not know a secret; the message says by what we tell."""


def secret_id(secret):
    """What hello.secret says: which secret is meant, and nothing of what it is."""
    return hashlib.sha256(secret).hexdigest()[:8]


def proof(secret, role, theirs, ours):
    """That the one in this role knows the secret, for this pair of nonces only."""
    text = f"{role}:{theirs}:{ours}"
    return hmac.new(secret, text.encode("ascii"), hashlib.sha256).hexdigest()


class Handshake:
    """The helper's side: feed it messages; once it gives None, the engine has proven itself."""

    def __init__(self, secrets, nonce):
        self.secret_id = None
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
        if not hmac.compare_digest(offered.encode("utf-8"), self._expected.encode("ascii")):
            raise Stranger("wrong proof")
        return None

    def _challenge(self, hello):
        if not isinstance(hello, dict):
            raise Stranger("no hello")
        if hello.get("protocol") != PROTOCOL:
            raise Stranger("another protocol")
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
