"""Messages on their way out that tell what they are: the whole content follows from the token in their Subject."""
import re

import made_mail

TOKEN = re.compile(rb"^Subject: (q[\w.]+-\d+)\r$", re.M)
HEAD = "From: <{1}>\r\nTo: <list@all.test>\r\nSubject: {0}\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n" \
       "Message-ID: <{0}@sample.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
# What passes through memory, and what passes through a spool file.
SIZES = [(400, 2_000, 12), (2_000, 16_000, 6), (16_000, 70_000, 2), (250_000, 400_000, 1)]


def random_size(dice):
    return made_mail.random_size(dice, SIZES)


def token_of(who, number, size):
    return f"q{who}.{number}-{size}"


def body(token):
    return made_mail.lines(token, int(token.rsplit("-", 1)[1]) // 76 + 1)


def content(token, sender):
    return HEAD.format(token, sender).encode() + body(token)


def token_in(stored):
    found = TOKEN.search(stored, 0, 8192)
    return found.group(1).decode() if found else None


def fault_of(stored):
    """(token, what is wrong with these bytes or None)."""
    token = token_in(stored)
    if token is None:
        return None, f"{len(stored)} bytes that are no message of ours: {stored[:60]!r}"
    _, blank, found = stored.partition(b"\r\n\r\n")
    if not blank or found != body(token):
        return token, f"{len(stored)} bytes that are not those that were sent"
    return token, None
