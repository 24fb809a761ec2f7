"""A small IMAP client that hides nothing: one command, its untagged answers with their literals, the tagged one."""
import base64
import re
import socket


class Refused(Exception):
    """NO or BAD: an answer, and so no doubt."""


class Gone(Exception):
    """The connection ended before the tagged answer: whether it was done is in doubt."""


class Answer:
    def __init__(self, lines, text):
        self.lines, self.text = lines, text  # [(line, [literals])] of untagged ones; the tagged line behind "OK "

    def status(self):
        """{word: number} of a STATUS; what other clients did may be told beside it."""
        text = next(line for line, _ in self.lines if line.startswith("STATUS "))
        return {word: int(value) for word, value in re.findall(r"([A-Z]+) (\d+)", text[text.rindex("("):])}

    def code(self, name):
        """The arguments of a response code, tagged or not."""
        for line in [self.text, *(line for line, _ in self.lines)]:
            found = re.search(rf"\[{name} ?([^\]]*)\]", line)
            if found:
                return found.group(1)
        return None


class ImapLink:
    def __init__(self, host, port, user, password, timeout=60):
        try:
            self.socket = socket.create_connection((host, port), timeout)
            self.file = self.socket.makefile("rb")
            self.number = 0
            self._line()
            self.capabilities = set()
            self.command(f'LOGIN "{user}" "{password}"')
            for line, _ in self.command("CAPABILITY").lines:
                if line.startswith("CAPABILITY"):
                    self.capabilities = set(line.split()[1:])
        except OSError as error:
            raise Gone(str(error)) from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def _line(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise Gone("the connection ended")
        return line[:-2].decode()

    def _whole(self):
        """A line and the literals inside; each literal stands in it as {}."""
        text, literals = self._line(), []
        while found := re.search(r"\{(\d+)\}$", text):
            wanted = int(found.group(1))
            literal = self.file.read(wanted)
            if len(literal) != wanted:
                raise Gone("the connection ended inside a literal")
            literals.append(literal)
            text = text[:found.start()] + "{}" + self._line()
        return text, literals

    def command(self, text, literal=None):
        self.number += 1
        tag = f"t{self.number}"
        try:
            self.socket.sendall(f"{tag} {text}".encode() + (b" {%d}\r\n" % len(literal) if literal is not None else b"\r\n"))
            if literal is not None:
                while not (line := self._whole()[0]).startswith("+"):
                    if line.startswith(tag):
                        raise Refused(f"{text}: {line}")
                self.socket.sendall(literal + b"\r\n")
            lines = []
            while True:
                line, literals = self._whole()
                if line.startswith("* "):
                    if line.startswith("* BYE"):
                        raise Gone(line)
                    lines.append((line[2:], literals))
                elif line.startswith(tag + " "):
                    break
        except (OSError, ValueError) as error:
            raise Gone(str(error)) from None
        if not line.startswith(f"{tag} OK"):
            raise Refused(f"{text}: {line}")
        return Answer(lines, line[len(tag) + 1:])


def numbers(text):
    """[4, 5, 6, 9] of "4:6,9"."""
    found = []
    for part in text.split(",") if text else []:
        first, _, last = part.partition(":")
        low, high = sorted((int(first), int(last or first)))
        found += range(low, high + 1)
    return found


def number_set(uids):
    """"4:6,9" of [9, 4, 5, 6]."""
    parts, ordered = [], sorted(uids)
    for uid in ordered:
        if parts and parts[-1][1] == uid - 1:
            parts[-1][1] = uid
        else:
            parts.append([uid, uid])
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in parts)


def quoted(name):
    return '"' + encoded(name) + '"'


def encoded(name):
    """Modified UTF-7 (RFC 3501 section 5.1.3) of a mailbox name."""
    def shifted(found):
        return "&" + base64.b64encode(found.group(0).encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-"
    return re.sub(r"[^\x20-\x7e]+", shifted, name.replace("&", "&-"))


def decoded(name):

    def shifted(found):
        text = found.group(1).replace(",", "/")
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-16-be") if text else "&"
    return re.sub(r"&([^-]*)-", shifted, name)
