"""SCRAM-SHA-256 (RFC 5802, 7677) as a client does it, for tests of every protocol."""
import base64
import hashlib
import hmac
import secrets


class Scram:
    """The client's side, from the RFC's text alone."""

    def __init__(self, user, password, header="n,,", binding=b""):
        self.password, self.header, self.binding = password.encode(), header, binding
        self.bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={secrets.token_hex(12)}"
        self.signature = None

    def first(self):
        return (self.header + self.bare).encode()

    def final(self, server_first):
        fields = dict(part.split("=", 1) for part in server_first.decode().split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(fields["s"]), int(fields["i"]))
        bound = base64.b64encode(self.header.encode() + self.binding).decode()
        without_proof = f"c={bound},r={fields['r']}"
        signed = f"{self.bare},{server_first.decode()},{without_proof}".encode()
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        client_signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, client_signature))
        self.signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def answer(self, challenge):
        """One answer to whatever the server asked, as imaplib and smtplib want it."""
        if not challenge:
            return self.first()
        if challenge.startswith(b"v="):
            assert base64.b64decode(challenge[2:]) == self.signature, "the server does not know the password"
            return b""
        return self.final(challenge)
