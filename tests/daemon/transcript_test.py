"""Protocol tests by transcript: transcripts/*.txt are played against the running daemon over real sockets, whole lines at a
time, then again one byte a segment: the replies must be the same (A4, A5, TCP owes nobody its boundaries).

    == title of the conversation | port role
    C: a line that the client sends; \\r \\n \\0 \\xNN are bytes, {user1} {plain1} {password} {x*1000} are filled in
    c: the same without CRLF at its end
    R: 250 …         one whole SMTP reply; its last line must match. … matches anything
    R+ …PIPELINING…  a line of the reply before
    S: * OK …        one line
    T: a OK …        lines up to the one tagged a, which must match
    T+ * SEARCH 1    a line before the tagged one
    T- …             no such line
    TLS              the TLS handshake, now
    END              the server has closed
"""
import base64
import pathlib
import re
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import PASSWORD
from box_case import BoxCase, message
from conversation import Conversation

TRANSCRIPTS = pathlib.Path(__file__).resolve().parent / "transcripts"


def conversations():
    for path in sorted(TRANSCRIPTS.glob("*.txt")):
        title, port, steps = None, None, []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.startswith("== "):
                if title:
                    yield path.name, title, port, steps
                title, port = (part.strip() for part in line[3:].rsplit("|", 1))
                steps = []
            elif line.strip() and not line.startswith("#"):
                steps.append((number, line))
        if title:
            yield path.name, title, port, steps


def matches(pattern, line):
    parts = [re.escape(part) for part in pattern.encode().split("…".encode())]
    return re.fullmatch(b".*".join(parts), line.removesuffix(b"\r\n"), re.S) is not None


class Player:
    def __init__(self, case, port, piece):
        self.case, self.piece, self.before = case, piece, []
        self.link = Conversation("localhost", case.box.ports[port])
        self.link.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fill(self, text):
        box = self.case.box
        for number in range(1, box.accounts + 1):
            name = box.user_name(number)
            text = text.replace(f"{{user{number}}}", name)
            plain = base64.b64encode(f"\0{name}\0{PASSWORD}".encode()).decode()
            text = text.replace(f"{{plain{number}}}", plain)
        text = text.replace("{password}", PASSWORD)
        text = re.sub(r"\{(.)\*(\d+)\}", lambda m: m.group(1) * int(m.group(2)), text)
        data = text.encode()
        return re.sub(rb"\\(r|n|0|x[0-9a-f]{2}|\\)", lambda m: {b"r": b"\r", b"n": b"\n", b"0": b"\0", b"\\": b"\\"}.get(
            m.group(1)) or bytes([int(m.group(1)[1:], 16)]), data)

    def send(self, data):
        try:
            if not self.piece or len(data) > 20000:
                self.link.send(data)
                return
            for at in range(0, len(data), self.piece):
                self.link.send(data[at:at + self.piece])
        except (BrokenPipeError, ConnectionResetError):
            pass  # closed on us in the middle: what it said before is still to be read

    def play(self, word, text, where):
        if word == "C:":
            self.send(self.fill(text) + b"\r\n")
        elif word == "c:":
            self.send(self.fill(text))
        elif word == "R:":
            self.before = self.link.reply().splitlines(keepends=True)
            self.expect(text, self.before[-1] if self.before else b"", where)
        elif word == "S:":
            self.expect(text, self.link.line(), where)
        elif word == "T:":
            whole = self.link.tagged(text.split(" ")[0])
            lines = whole.splitlines(keepends=True)
            self.before = lines[:-1]
            self.expect(text, lines[-1] if lines else b"", where)
        elif word in ("R+", "T+"):
            self.case.assertTrue(any(matches(text, line) for line in self.before), f"{where}: no '{text}' in {self.before}")
        elif word == "T-":
            self.case.assertFalse(any(matches(text, line) for line in self.before), f"{where}: '{text}' in {self.before}")
        elif word == "TLS":
            self.link.secure(self.case.box.tls())
        elif word == "END":
            self.case.assertEqual(self.link.rest(), b"", f"{where}: more was said")
        else:
            raise ValueError(f"{where}: what is '{word}'?")

    def expect(self, pattern, line, where):
        self.case.assertTrue(matches(pattern, line), f"{where}: expected '{pattern}', got {line!r}")


class Transcripts(BoxCase):
    accounts = 3

    def play_all(self, piece):
        count = 0
        for name, title, port, steps in conversations():
            with self.subTest(title=title, piece=piece):
                count += 1
                player = Player(self, port, piece)
                try:
                    for number, line in steps:
                        word, _, text = line.partition(" ")
                        player.play(word, text, f"{name}:{number}")
                finally:
                    player.link.__exit__()
        self.assertGreater(count, 20)
        self.assertEqual(self.box.http("/healthz")[0], 200)

    def setUp(self):
        for number in (1, 2, 3):
            link = self.box.imap(number)
            for folder in [re.search(rb'"?([^" ]+)"?$', row).group(1).decode() for row in link.list()[1]]:
                if folder != "INBOX" and folder not in ("Sent", "Drafts", "Trash", "Junk", "Archive"):
                    link.delete(folder)
            link.select("INBOX")
            if link.search(None, "ALL")[1][0]:
                link.store("1:*", "+FLAGS.SILENT", "(\\Deleted)")
                link.expunge()
            link.append("INBOX", "", '"21-Nov-2026 12:00:00 +0000"', message("one"))
            link.append("INBOX", "(\\Seen)", '"22-Nov-2026 12:00:00 +0000"', message("two", b"second\r\n"))
            link.logout()

    def test_whole_lines(self):
        self.play_all(0)

    def test_one_byte_a_segment(self):
        self.play_all(1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
