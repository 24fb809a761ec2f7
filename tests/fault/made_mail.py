"""Messages that tell what they are: the whole content follows from the token in their Subject, so that a ledger needs to
remember a word for each message and a reader can judge every byte."""
import hashlib
import re

from appliance import added_headers, only_trace_fields

TOKEN = re.compile(rb"^Subject: (m[\w.]+-\d+)\r$", re.M)
HEAD = "From: <load@sample.test>\r\nTo: <list@example.test>\r\nSubject: {0}\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n" \
       "Message-ID: <{0}@sample.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"

# What passes through memory, what passes through a spool file, and both sides of the borders between them.
SIZES = [(200, 2_000, 10), (2_000, 16_000, 8), (16_000, 70_000, 2), (250_000, 400_000, 1)]


def random_size(random, sizes=SIZES):
    low, high, _ = random.choices(sizes, [weight for _, _, weight in sizes])[0]
    return random.randrange(low, high)


def lines(token, count):
    """CRLF line ends, no two lines alike and none of another message."""
    salt = hashlib.sha256(token.encode()).hexdigest().encode()
    return b"".join(b"%06d %s\r\n" % (n, salt + salt[:3]) for n in range(count))


def token_of(who, number, size):
    return f"m{who}.{number}-{size}"


def content(token):
    """About as many bytes as the token says."""
    size = int(token.rsplit("-", 1)[1])
    head = HEAD.format(token).encode()
    return head + lines(token, max(1, (size - len(head)) // 76 + 1))


def token_in(stored):
    found = TOKEN.search(stored, 0, 8192)
    return found.group(1).decode() if found else None


def fault_of(stored):
    """(token, what is wrong with these bytes or None)."""
    token = token_in(stored)
    if token is None:
        return None, f"{len(stored)} bytes that are no message of ours: {stored[:60]!r}"
    head = added_headers(stored, content(token))
    if head is None:
        return token, f"{len(stored)} bytes that are not those that were sent"
    if head and not only_trace_fields(head):
        return token, f"more than trace fields in front: {head[:80]!r}"
    return token, None
