"""Every file of ../shared/corpus: with its line ends made CRLF by SMTP and back by IMAP byte for byte; raw by SMTP, where a
bare CR, a bare LF or a NUL is refused as docs/smtp says; raw by APPEND."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import added_headers, fetch_all, in_ci, only_trace_fields, send_data, skip
from box_case import SHARED, BoxCase

FILES = sorted(p for p in (SHARED / "corpus").rglob("*") if p.is_file() and p.name != "README.md" and "spf" not in p.parts)
if not FILES:
    print(f"{SHARED / 'corpus'} is not here: its messages are not shipped with the project")
    skip("no corpus") if not in_ci() else sys.exit(77)

BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")


def crlf(data):
    data = re.sub(rb"\r\n|\r|\n", b"\r\n", data)
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def name(path):
    return str(path.relative_to(SHARED / "corpus"))


class Corpus(BoxCase):
    accounts = 3
    settings = {"smtp.max_errors": 1000}  # one session for all the refusals

    def open_smtp(self):
        link = self.box.smtp()
        link.ehlo()
        return link

    def send(self, link, data, number):
        self.assertEqual(link.mail("sender@sample.test", ["BODY=8BITMIME"])[0], 250)
        self.assertEqual(link.rcpt(self.box.user_name(number))[0], 250)
        return send_data(link, data)

    def test_with_crlf_by_smtp_and_back_by_imap(self):
        accepted, refused = [], []
        with self.open_smtp() as link:
            for path in FILES:
                data = crlf(path.read_bytes())
                code, text = self.send(link, data, 1)
                if b"\0" in data:
                    self.assertEqual(code // 100, 5, f"{name(path)} holds a NUL: {code} {text}")
                    refused.append(path)
                else:
                    self.assertEqual(code, 250, f"{name(path)}: {code} {text}")
                    accepted.append((path, data))
        stored = self.box.messages(1)
        self.assertEqual(len(stored), len(accepted))
        for (path, data), (_, body) in zip(accepted, stored):
            head = added_headers(body, data)
            self.assertIsNotNone(head, f"{name(path)} came back changed")
            self.assertTrue(only_trace_fields(head), f"{name(path)}: {head}")
        print(f"{len(accepted)} files came back byte for byte, {len(refused)} with NUL were refused")

    def test_raw_by_smtp(self):
        whole, bare, nul = [], 0, 0
        with self.open_smtp() as link:
            for path in FILES:
                data = path.read_bytes()
                self.assertEqual(link.mail("sender@sample.test", ["BODY=8BITMIME"])[0], 250)
                self.assertEqual(link.rcpt(self.box.user_name(2))[0], 250)
                self.assertEqual(link.docmd("DATA")[0], 354)
                # Dots are stuffed where a line begins for the server: after CRLF only.
                stuffed = re.sub(rb"(\A|\r\n)\.", rb"\1..", data)
                link.send(stuffed + (b"" if data.endswith(b"\r\n") else b"\r\n") + b".\r\n")
                code, text = link.getreply()
                if BARE.search(data):
                    self.assertEqual((code, text[:6]), (550, b"5.6.11"), f"{name(path)}: {code} {text}")
                    bare += 1
                elif b"\0" in data:
                    self.assertEqual(code // 100, 5, f"{name(path)}: {code} {text}")
                    nul += 1
                else:
                    self.assertEqual(code, 250, f"{name(path)}: {code} {text}")
                    whole.append((path, data))
        stored = self.box.messages(2)
        self.assertEqual(len(stored), len(whole))
        for (path, data), (_, body) in zip(whole, stored):
            self.assertIsNotNone(added_headers(body, data), f"{name(path)} came back changed")
        print(f"{len(whole)} stored, {bare} refused for a bare CR or LF, {nul} for a NUL")

    def test_raw_by_append(self):
        link = self.box.imap(3)
        kept, refused = [], []
        for path in FILES:
            data = path.read_bytes()
            link.literal = data
            tag = link._new_tag()
            link.literal = None
            link.send(tag + b" APPEND INBOX {%d}\r\n" % len(data))
            self.assertTrue(link.readline().startswith(b"+"), name(path))
            link.send(data + b"\r\n")
            while True:
                answer = link.readline()
                self.assertTrue(answer, f"the server closed at {name(path)}")
                if answer.startswith(tag):
                    break
            if answer.split()[1] == b"OK":
                kept.append((path, data))
            else:
                # RFC 9051 section 6.3.12: only a literal8 may carry a NUL; a literal's octets are CHAR8 (1 to 255).
                self.assertIn(b"\0", data, f"{name(path)}: {answer}")
                refused.append(path)
        link.select("INBOX", readonly=True)
        stored = fetch_all(link)
        self.assertEqual(len(stored), len(kept))
        for (path, data), (_, body) in zip(kept, stored):
            self.assertIn(body, (data, crlf(data), re.sub(rb"\r\n|\r|\n", b"\r\n", data)), f"{name(path)} came back changed")
        print(f"{len(kept)} appended and fetched, {len(refused)} with NUL refused")
        link.logout()

    def test_structures_and_searches_of_everything(self):
        """D: ENVELOPE, BODYSTRUCTURE, every part and SEARCH TEXT of every file, by a real client; nothing breaks."""
        link = self.box.imap(3)
        for path in FILES:
            link.append("Drafts", "", None, crlf(path.read_bytes()).replace(b"\0", b""))
        link.select("Drafts", readonly=True)
        count = int(link.search(None, "ALL")[1][0].split()[-1])
        self.assertEqual(count, len(FILES))
        for number in range(1, count + 1):
            status, data = link.fetch(str(number), "(ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE BODY.PEEK[HEADER] BODY.PEEK[TEXT] "
                                                   "BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[1.1.1] BODY.PEEK[]<10.20>)")
            self.assertEqual(status, "OK", data)
            text = b" ".join(p if isinstance(p, bytes) else p[0] for p in data)
            self.assertIn(b"ENVELOPE (", text)
            self.assertIn(b"BODYSTRUCTURE (", text)
        for criterion in ('TEXT "the"', 'BODY "a"', 'FROM "@"', 'SUBJECT "e"', "SENTSINCE 1-Jan-1990", "LARGER 1000"):
            self.assertEqual(link.search(None, criterion)[0], "OK")
        link.logout()


if __name__ == "__main__":
    unittest.main(verbosity=2)
