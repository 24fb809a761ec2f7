"""E12: after kills at any moment UIDVALIDITY stays, UIDNEXT and HIGHESTMODSEQ never go back, no UID means another message, and a
client with a memory (QRESYNC) is told the difference and nothing but that."""
import imaplib
import pathlib
import random
import re
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from box_case import BoxCase, message
from imap_cache import QresyncCache


class ImapNumbers(BoxCase):
    accounts = 1

    def numbers(self):
        link = self.box.imap(1)
        _, data = link.status("INBOX", "(UIDVALIDITY UIDNEXT HIGHESTMODSEQ)")
        link.logout()
        return {name: int(re.search(name.encode() + rb" (\d+)", data[0]).group(1)) for name in ("UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ")}

    def subjects(self):
        """{UID: subject}."""
        link = self.box.imap(1)
        link.select("INBOX", readonly=True)
        _, data = link.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        link.logout()
        return {int(re.search(rb"UID (\d+)", part[0]).group(1)): part[1].split(b"\r\n")[0] for part in data if isinstance(part, tuple)}

    def work(self, seed, started):
        """Appends, flags and expunges until the server is gone."""
        chance, number = random.Random(seed), 0
        link = self.box.imap(1)
        try:
            link.select("INBOX")
            while True:
                number += 1
                link.append("INBOX", None, None, message(f"{seed} number {number}"))
                _, data = link.uid("SEARCH", "ALL")
                uids = data[0].split()
                link.uid("STORE", chance.choice(uids), "+FLAGS", chance.choice(("\\Seen", "\\Flagged", "\\Answered")))
                if number % 5 == 0:
                    link.uid("STORE", chance.choice(uids), "+FLAGS", "\\Deleted")
                    link.expunge()
                if number == 10:
                    started.set()
        except (OSError, imaplib.IMAP4.abort, imaplib.IMAP4.error):
            started.set()
        finally:
            link.shutdown()

    def test_numbers_after_kills(self):
        cache = QresyncCache(self.box, 1).sync()
        known = {}
        for turn in range(4):
            before = self.numbers()
            started = threading.Event()
            worker = threading.Thread(target=self.work, args=(turn, started))
            worker.start()
            self.assertTrue(started.wait(120))
            seen, found = self.numbers(), self.subjects()  # what a client was told before the kill
            self.box.kill()
            worker.join(60)
            self.box.start()
            after = self.numbers()
            self.assertEqual(after["UIDVALIDITY"], before["UIDVALIDITY"])
            for name in ("UIDNEXT", "HIGHESTMODSEQ"):
                self.assertGreaterEqual(seen[name], before[name])
                self.assertGreaterEqual(after[name], seen[name], f"{name} went back")
            known |= found
            now = self.subjects()
            for uid, subject in now.items():
                self.assertEqual(known.setdefault(uid, subject), subject, f"UID {uid} is another message")
            cache.sync()
            self.assertEqual(cache.flags, cache.truth())
            self.assertEqual(set(cache.flags), set(now))


if __name__ == "__main__":
    unittest.main(verbosity=2)
