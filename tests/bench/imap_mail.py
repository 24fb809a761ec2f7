"""The mail of the IMAP parts: the same bytes for the same number in every run, and nothing random to wait for.

Threads of one to eight messages, fifty senders, encoded words, every fifth with an attachment, every fifth as text and HTML."""
import base64
import functools

WORDS = ("invoice meeting report budget quarterly review server please attached schedule customer delivery order number "
         "tomorrow question answer project contract holiday travel office machine update version release branch merge test").split()
SUBJECTS = ("quarterly report", "meeting on Tuesday", "=?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=", "your order", "invoice",
            "=?utf-8?b?0J/RgNC40LLQtdGC?= from the office", "release of the branch", "holiday schedule")
DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


@functools.cache
def lines():
    """997 lines to choose from."""
    made, state = [], 12345
    for _ in range(997):
        words = []
        for _ in range(10):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            words.append(WORDS[(state >> 16) % len(WORDS)])
        made.append(" ".join(words) + "\r\n")
    return made


def text(number, size):
    chosen, have, at = [], 0, number * 7919
    while have < size:
        line = lines()[at % 997]
        chosen.append(line)
        have += len(line)
        at += 31 + number % 89
    if number % 100 == 0:
        chosen.insert(len(chosen) // 2, f"here is needle{number // 100}needle\r\n")
    return "".join(chosen)


@functools.cache
def attachment(size):
    return base64.encodebytes(bytes((i * 131 + (i >> 5)) & 255 for i in range(size))).decode().replace("\n", "\r\n")


def message(number, size, to="user@example.test"):
    thread, place = number // 8, number % 8
    sender, minute = number % 50, number % (60 * 24 * 300)
    day = minute // 1440
    date = f"{1 + day % 28} {('Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct')[day // 30 % 10]} 2026"
    head = [f"Return-Path: <sender{sender}@remote.test>",
            "Received: from client.remote.test (client.remote.test [127.0.0.1])\r\n\tby mail.example.test with ESMTP id "
            f"{number:08x};\r\n\tFri, 20 Nov 2026 10:{number // 60 % 60:02d}:{number % 60:02d} +0000",
            f"Date: {date} {minute // 60 % 24:02d}:{minute % 60:02d}:{number % 60:02d} +0000",
            f'From: "Sender {sender}" <sender{sender}@remote.test>', f"To: <{to}>",
            f"Subject: {'Re: ' if place else ''}{SUBJECTS[thread % 8]} {thread}", f"Message-ID: <m{number}.{thread:08x}@remote.test>"]
    if place:
        ids = [f"<m{n}.{thread:08x}@remote.test>" for n in range(thread * 8, number)]
        head += ["In-Reply-To: " + ids[-1], "References: " + "\r\n ".join(ids)]
    head.append("MIME-Version: 1.0")
    room = max(200, size - sum(len(h) + 2 for h in head) - 120)
    mark = f"part-{number:08x}"
    if number % 5 == 0:
        head.append(f'Content-Type: multipart/mixed; boundary="{mark}"')
        body = (f"--{mark}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text(number, room // 2)}\r\n--{mark}\r\n"
                'Content-Type: application/pdf; name="a.pdf"\r\nContent-Disposition: attachment; filename="a.pdf"\r\n'
                f"Content-Transfer-Encoding: base64\r\n\r\n{attachment(room * 3 // 10)}\r\n--{mark}--\r\n")
    elif number % 5 == 1:
        head.append(f'Content-Type: multipart/alternative; boundary="{mark}"')
        body = (f"--{mark}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text(number, room // 3)}\r\n--{mark}\r\n"
                f"Content-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>{text(number, room // 2)}</p></body></html>\r\n--{mark}--\r\n")
    else:
        head.append("Content-Type: text/plain; charset=utf-8")
        body = text(number, room)
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


@functools.cache
def first(count, size):
    """The first so many messages, made once for both servers."""
    return [message(number, size) for number in range(count)]


def with_attachment(size):
    """One message of about so many bytes as it travels, nearly all of them an attachment."""
    head = ("From: <sender1@remote.test>\r\nTo: <user@example.test>\r\nSubject: the plans\r\nMessage-ID: <large@remote.test>\r\n"
            'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="large"\r\n\r\n--large\r\nContent-Type: text/plain\r\n\r\n'
            'See the attachment.\r\n--large\r\nContent-Type: application/pdf; name="plans.pdf"\r\n'
            'Content-Disposition: attachment; filename="plans.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n')
    return (head + attachment(int(size * 0.73)) + "\r\n--large--\r\n").encode()
