"""Hostile messages through the whole daemon: taken or refused as docs/smtp.md says, kept byte for byte, asked for in every
way by IMAP, in time that grows with their size and no faster."""
import base64
import gzip
import pathlib
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import added_headers
from box_case import BoxCase

EVERYTHING = "(ENVELOPE BODYSTRUCTURE BODY INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER] BODY.PEEK[HEADER.FIELDS (TO SUBJECT)] " \
             "BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[2.1] BODY.PEEK[1.1.1.1.1.1])"
TIMES = 4  # a message of twice the size may take that many times longer; a square would show at the sizes below


def plain(headers=b"", body=b"body\r\n"):
    return b"From: a@sample.test\r\nSubject: s\r\n" + headers + b"\r\n" + body


def nested(depth, last=b"Content-Type: text/plain\r\n\r\nleaf\r\n"):
    head = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(depth))
    return b"MIME-Version: 1.0\r\n" + head + last + b"".join(b"--b%d--\r\n" % n for n in reversed(range(depth)))


def parts(count, kind=b"text/plain"):
    one = b"--b\r\nContent-Type: " + kind + b"\r\n\r\nSubject: inner\r\n\r\nx\r\n"
    return b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + one * count + b"--b--\r\n"


def multipart(parameter, body):
    return b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed" + parameter + b"\r\n\r\n" + body


BODY = b"preamble\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: text/html\r\n\r\ntwo\r\n--b--\r\nepilogue\r\n"
BOMB = base64.encodebytes(gzip.compress(b"\0" * 100_000_000, 9)).replace(b"\n", b"\r\n")


class Messages(BoxCase):
    accounts = 3
    settings = {"smtp.max_errors": 1000}

    def ask_everything(self, number, count):
        link = self.box.imap(number)
        link.select("INBOX", readonly=True)
        for sequence in range(1, count + 1):
            status, data = link.fetch(str(sequence), EVERYTHING)
            self.assertEqual(status, "OK", data)
            text = b" ".join(p if isinstance(p, bytes) else p[0] for p in data)
            self.assertIn(b"BODYSTRUCTURE (", text)
            self.assertLess(sum(len(p) if isinstance(p, bytes) else len(p[0]) for p in data), 8_000_000, "bounded answers")
        for criterion in ('TEXT "leaf"', 'SUBJECT "s"', 'FROM "a"', "SENTSINCE 1-Jan-2000", 'HEADER "X-None" ""', 'BODY "two"'):
            self.assertEqual(link.search(None, criterion)[0], "OK")
        link.logout()

    def keep(self, number, rows):
        """Each row is delivered (code 250) or refused (another code), and what was taken comes back as it was sent."""
        taken = []
        before = len(self.box.messages(number))
        for name, message, expected in rows:
            with self.subTest(name):
                code, text = self.box.deliver(message, to=number)
                self.assertEqual(code, expected, text)
            if code == 250:
                taken.append((name, message))
        stored = self.box.messages(number)[before:]
        self.assertEqual(len(stored), len(taken))
        for (name, message), (_, body) in zip(taken, stored):
            with self.subTest(name):
                self.assertIsNotNone(added_headers(body, message), "came back changed")
        self.ask_everything(number, before + len(taken))

    def test_d1_d12_headers(self):
        self.keep(1, [
            ("D1: 9,000 To lines", plain(b"To: x@sample.test\r\n" * 9_000), 250),
            ("D1: 500,000 To lines", plain(b"To: x@sample.test\r\n" * 500_000), 552),
            ("D1: a field of 2 MB", plain(b"X: " + b"y" * 2_000_000 + b"\r\n"), 552),
            ("D1: a field of 900 kB in folds", plain(b"To: " + b"x@sample.test,\r\n " * 50_000 + b"\r\n"), 250),
            ("D8: 10,000 encoded words", plain(b"Subject:" + b" =?utf-8?q?=D0=B6?=" * 10_000 + b"\r\n"), 250),
            ("D8: a split character, control bytes", plain(b"Subject: =?utf-8?b?0A==?= =?utf-8?b?tg==?= =?utf-8?q?=0D=0A=00=1B?=\r\n"), 250),
            ("D9: gaps and a path", plain(b"Content-Disposition: attachment; filename*0=a; filename*9=b; filename=\"../../x\";\r\n"
                                          b" filename*=utf-8''%00%2e%2e%2f\r\n"), 250),
            ("D9: 5,000 pieces", plain(b"Content-Type: a/b; " + b"".join(b"n*%d=x;\r\n " % n for n in range(5_000)) + b"z=1\r\n"), 250),
            ("D10: dates", b"".join(b"Date: %s\r\n" % d for d in (b"31 Feb 0000 99:99:99 +9999", b"Fri, 1 Jan 9999999999999999999",
                                                                 b"-2200", b"")) + plain(), 250),
            ("D12: groups and comments", plain(b"To: g:a@b,,,;:<<>>, " + b"(" * 10_000 + b"x" + b")" * 10_000 + b" <a@b.c>\r\n"), 250),
            ("D12: never closed", plain(b"To: \"unclosed <a@b.c>\r\nCc: (((((\r\nBcc: <<<<<<\r\n"), 250),
            ("D16: headers only", b"From: a@sample.test\r\nSubject: only\r\n", 250),
            ("D16: one blank line", b"\r\n", 250),
            ("D16: spaces for a header", b"   \r\n\r\nbody\r\n", 250),
            ("D16: an mbox line", b"From a@sample.test Sat Nov 21 12:00:00 2026\r\nSubject: mbox\r\n\r\nFrom here\r\n", 250),
        ])

    def test_d2_d3_d4_structures(self):
        self.keep(2, [
            ("D2: 10,000 deep", nested(10_000), 250),
            ("D2: 1,000 rfc822 in each other", b"Content-Type: message/rfc822\r\n\r\n" * 1_000 + plain(), 250),
            ("D3: 10,001 parts", parts(10_001), 250),
            ("D3: the 10,000th is a message", parts(9_999)[:-7] + parts(1, b"message/rfc822")[72:], 250),
            ("D3: 300,000 parts", parts(300_000), 250),
            ("D4: no boundary", multipart(b"", BODY), 250),
            ("D4: an empty boundary", multipart(b'; boundary=""', BODY), 250),
            ("D4: a boundary of 100 kB", multipart(b'; boundary="' + b"x" * 100_000 + b'"', BODY), 250),
            ("D4: with spaces", multipart(b'; boundary=" b "', BODY), 250),
            ("D4: a prefix of another", multipart(b"; boundary=b", BODY.replace(b"--b\r\n", b"--bb\r\n", 1)), 250),
            ("D4: twice", multipart(b"; boundary=b; boundary=c", BODY), 250),
            ("D4: never closed", multipart(b"; boundary=b", BODY.split(b"--b--")[0]), 250),
            ("D4: quoted and in pieces", multipart(b'; boundary*0="b"; boundary*1=""', BODY), 250),
        ])

    def test_d5_d6_d7_bodies(self):
        encoded = b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: %s\r\nContent-Type: text/plain; charset=%s\r\n"
        before = self.box.resident_kib()
        self.keep(3, [
            ("D5: 100 MB of zeros, packed", plain(b"Content-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n", BOMB), 250),
            ("D6: base64 with junk", plain(encoded % (b"base64", b"utf-8"), b"QUJD!!\r\nR\r\n=====\r\nREVG=QUJD\r\n"), 250),
            ("D6: quoted-printable", plain(encoded % (b"quoted-printable", b"utf-8"), b"=\r\n=3\r\n=ZZ=\r\n" + b"=\r\n" * 100_000), 250),
            ("D6: an unknown encoding", plain(encoded % (b"x-uuencode", b"utf-8"), b"begin 644 x\r\n`\r\nend\r\n"), 250),
            ("D7: an unknown charset", plain(encoded % (b"8bit", b"x" * 100_000), b"\xff\xfe\x80\r\n"), 250),
            ("D7: iso-2022", plain(encoded % (b"7bit", b"iso-2022-cn-ext"), b"\x1b$*H\x1bN" * 10_000 + b"\r\n"), 250),
            ("D7: utf-7", plain(encoded % (b"7bit", b"utf-7"), b"+ADw-script+AD4-\r\n"), 250),
            ("D7: utf-16 without an order", plain(encoded % (b"base64", b"utf-16"), b"//8AAA==\r\n"), 250),
            ("D7: koi8-r that is windows-1251", plain(encoded % (b"8bit", b"koi8-r"), bytes(range(0x80, 0x100)) + b"\r\n"), 250),
        ])
        self.assertLess(self.box.resident_kib() - before, 90_000, "nothing was unpacked")

    def seconds_for(self, message):
        best = None
        for _ in range(3):
            begun = time.monotonic()
            self.assertEqual(self.box.deliver(message, to=1)[0], 250)
            link = self.box.imap(1)
            link.select("INBOX", readonly=True)
            link.fetch("*", EVERYTHING)
            link.logout()
            best = min(best or 1e9, time.monotonic() - begun)
        return best

    def test_d1_d2_d3_time_grows_with_the_size(self):
        """A ratio of two sizes on the same machine, best of three: eight times the size, and well under its square."""
        for name, make, small in (("header lines", lambda n: plain(b"To: x@sample.test\r\n" * n), 1_000), ("depth", nested, 2_000),
                                  ("parts", parts, 10_000), ("encoded words", lambda n: plain(
                                      b"Subject:" + b" =?utf-8?q?=D0=B6?=\r\n" * n), 1_000)):
            with self.subTest(name):
                few, many = self.seconds_for(make(small)), self.seconds_for(make(small * 8))
                self.assertLess(many, 8 * TIMES * max(few, 0.05), f"{name}: {few:.3f} s, then {many:.3f} s")

    def test_f4_names_that_look_alike_are_kept_apart_or_refused(self):
        link = self.box.imap(2)
        names = ["Caf&AOk-", "Cafe&AwE-", "caf&AOk-", "Work", "WORK", "work", "&BDUDCA-", "&BFE-", "&BDU-"]
        made = [name for name in names if link.create(f'"{name}"')[0] == "OK"]
        listed = [re.search(rb'"?([^" ]+)"?$', row).group(1).decode() for row in link.list()[1]]
        for name in made:
            self.assertEqual(listed.count(name), 1, f"{name} in {listed}")
        for name in set(names) - set(made):
            self.assertNotIn(name, listed)
        for name in made:
            self.assertEqual(link.append(name, "", None, plain(b"X-Name: " + name.encode() + b"\r\n"))[0], "OK")
        for name in made:
            [(_, body)] = self.box.messages(2, name)
            self.assertIn(b"X-Name: " + name.encode() + b"\r\n", body, "each holds its own")
            self.assertEqual(link.delete(f'"{name}"')[0], "OK")
        link.logout()


if __name__ == "__main__":
    unittest.main(verbosity=2)
