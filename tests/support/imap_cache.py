"""A client that keeps what it knows of a mailbox and asks only for the difference: QRESYNC (RFC 7162), as a phone does it.

What it holds after `sync()` must be what a client without memory finds, and nothing that it once knew may be sent again."""
import re

from conversation import Conversation


def numbers(text):
    """The UIDs of a set: "1:3,5"."""
    found = set()
    for part in text.split(","):
        first, _, last = part.partition(":")
        found.update(range(int(first), int(last or first) + 1))
    return found


class QresyncCache:
    def __init__(self, box, number, mailbox="INBOX"):
        self.box, self.number, self.mailbox = box, number, mailbox
        self.validity = self.modseq = 0
        self.flags = {}    # UID: flags
        self.fetched = []  # UIDs that the last sync was told of

    def sync(self):
        """SELECT with what is known, and nothing else but the flags of UIDs that are new."""
        with Conversation(self.box.host, self.box.ports["imap"]) as link:
            link.line()
            self.ask(link, f'a LOGIN {self.box.user_name(self.number)} "{self.box.password}"')
            self.ask(link, "b ENABLE QRESYNC")
            known = f" (QRESYNC ({self.validity} {self.modseq}))" if self.validity else ""
            answer = self.ask(link, f'c SELECT "{self.mailbox}"{known}')
            validity = int(re.search(rb"UIDVALIDITY (\d+)", answer).group(1))
            if validity != self.validity:
                self.flags, self.validity = {}, validity
                answer += self.ask(link, "d UID FETCH 1:* (FLAGS)")
            highest = int(re.search(rb"HIGHESTMODSEQ (\d+)", answer).group(1))
            assert highest >= self.modseq, f"HIGHESTMODSEQ went back from {self.modseq} to {highest}"
            self.modseq = highest
            self.take(answer)
            link.send("e LOGOUT\r\n")
        return self

    def take(self, answer):
        self.fetched = []
        for match in re.finditer(rb"^\* VANISHED (?:\(EARLIER\) )?([\d:,]+)\r", answer, re.M):
            for uid in numbers(match.group(1).decode()):
                self.flags.pop(uid, None)
        for match in re.finditer(rb"^\* \d+ FETCH \((.*)\)\r", answer, re.M):
            uid = int(re.search(rb"UID (\d+)", match.group(1)).group(1))
            self.flags[uid] = self.without_recent(re.search(rb"FLAGS \(([^)]*)\)", match.group(1)).group(1))
            self.fetched.append(uid)

    @staticmethod
    def without_recent(flags):
        return frozenset(flags.decode().split()) - {"\\Recent"}

    @staticmethod
    def ask(link, command):
        link.send(command + "\r\n")
        answer = link.tagged(command[0])
        assert f"\r\n{command[0]} OK".encode() in b"\r\n" + answer, answer
        return answer

    def truth(self):
        """What a client without memory finds."""
        return QresyncCache(self.box, self.number, self.mailbox).sync().flags
