"""COMPRESS=DEFLATE (RFC 4978) by Python's zlib under imaplib, in clear and within TLS."""
import imaplib
import pathlib
import sys
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from box_case import BoxCase, message


class Deflated:
    """imaplib's file and socket in one, with raw DEFLATE both ways."""

    def __init__(self, sock):
        self.sock = sock
        self.deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        self.inflate = zlib.decompressobj(-15)
        self.pending = b""
        self.received = 0

    def sendall(self, data):
        self.sock.sendall(self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH))

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError("closed")
        self.received += len(data)
        self.pending += self.inflate.decompress(data)

    def read(self, size):
        while len(self.pending) < size:
            self.fill()
        taken, self.pending = self.pending[:size], self.pending[size:]
        return taken

    def readline(self, _limit=-1):
        while b"\n" not in self.pending:
            self.fill()
        line, self.pending = self.pending.split(b"\n", 1)
        return line + b"\n"

    def shutdown(self, how):
        self.sock.shutdown(how)

    def close(self):
        self.sock.close()


class Compressed(BoxCase):
    accounts = 1

    def compress(self, link):
        imaplib.Commands["COMPRESS"] = ("AUTH", "SELECTED")
        self.assertNotIn("COMPRESS=DEFLATE", link.capabilities)
        link.login(self.box.user_name(1), self.box.password)
        self.assertIn("COMPRESS=DEFLATE", link.capability()[1][0].decode())
        status, said = link._simple_command("COMPRESS", "DEFLATE")
        self.assertEqual(status, "OK", said)
        wire = Deflated(link.sock)
        link.sock = link._file = link.file = wire
        link.read, link.readline, link.send = wire.read, wire.readline, wire.sendall
        return wire

    def check_session(self, link):
        wire = self.compress(link)
        big = message("compressed", b"the same line again and again\r\n" * 20_000)
        self.assertEqual(link.append("INBOX", None, None, big)[0], "OK")
        link.select("INBOX")
        before = wire.received
        _, data = link.fetch("*", "(BODY.PEEK[])")
        self.assertEqual(data[0][1], big)
        self.assertLess(wire.received - before, len(big) // 20, "it was compressed")
        with self.assertRaisesRegex(imaplib.IMAP4.error, "COMPRESSIONACTIVE"):
            status, said = link._simple_command("COMPRESS", "DEFLATE")
            if status == "NO":
                raise imaplib.IMAP4.error(said)
        link.store("1:*", "+FLAGS", "(\\Deleted)")
        link.expunge()
        self.assertEqual(link.logout()[0], "BYE")

    def test_in_clear(self):
        self.check_session(imaplib.IMAP4(self.box.host, self.box.ports["imap"], timeout=60))

    def test_within_tls(self):
        self.check_session(imaplib.IMAP4_SSL("localhost", self.box.ports["imaps"], ssl_context=self.box.tls(), timeout=60))


if __name__ == "__main__":
    unittest.main(verbosity=2)
