"""What a client sees of its mailboxes is the same after a restart, after kill -9, and after the loss of the index: made by
six sessions that work on the same folders at once."""
import imaplib
import pathlib
import random
import re
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import Appliance
from box_case import message

FOLDERS = ("INBOX", "Drafts", "A", "A/B")
SEED = 20261121
imaplib.Commands.setdefault("MOVE", ("SELECTED",))


class Worker:
    """One session and its random acts; the same seed acts the same, as far as the others let it."""

    def __init__(self, box, number):
        self.box, self.number, self.random, self.failures = box, number, random.Random(SEED + number), []
        self.link = box.imap(1)
        self.link.select("INBOX")
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        acts = [self.append, self.deliver, self.store, self.mark, self.expunge, self.copy, self.move, self.select, self.fetch,
                self.search]
        for step in range(100):
            try:
                self.random.choice(acts)(step)
            except imaplib.IMAP4.error as error:
                # An empty mailbox has no sequence number 1 (RFC 9051 section 9): BAD is the right answer.
                if "no such sequence number" not in str(error):
                    self.failures.append(str(error))
            except OSError as error:
                self.failures.append(str(error))
                return
        self.link.logout()

    def folder(self):
        return self.random.choice(FOLDERS)

    def append(self, step):
        flags = self.random.choice([None, "(\\Seen)", "(\\Flagged keyword1)"])
        self.link.append(self.folder(), flags, None, message(f"appended {self.number} {step}"))

    def deliver(self, step):
        self.box.deliver(message(f"delivered {self.number} {step}"))

    def store(self, _):
        self.link.store("1:*", self.random.choice(["+FLAGS", "-FLAGS"]), self.random.choice(["(\\Seen)", "(\\Answered other)"]))

    def mark(self, _):
        self.link.uid("STORE", str(self.random.randrange(1, 60)), "+FLAGS", "(\\Deleted)")

    def expunge(self, _):
        self.link.expunge()

    def copy(self, _):
        self.link.uid("COPY", str(self.random.randrange(1, 60)), self.folder())

    def move(self, _):
        self.link.uid("MOVE", str(self.random.randrange(1, 60)), self.folder())

    def select(self, _):
        self.link.select(f'"{self.folder()}"')

    def fetch(self, _):
        self.link.fetch("1:*", "(UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")

    def search(self, _):
        self.link.search(None, self.random.choice(["SEEN", "UNSEEN", "KEYWORD other", 'SUBJECT "delivered"']))


class MailboxState(unittest.TestCase):
    def state(self, box):
        """folder → ({uid: (flags, internal date, bytes)}, status words)."""
        link, seen = box.imap(1), {}
        for folder in FOLDERS:
            link.select(f'"{folder}"', readonly=True)
            _, data = link.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])")
            rows = {}
            for part in data:
                if isinstance(part, tuple):
                    flags = set(re.search(rb"FLAGS \(([^)]*)\)", part[0]).group(1).split()) - {b"\\Recent"}
                    date = re.search(rb'INTERNALDATE "([^"]+)"', part[0]).group(1)
                    rows[int(re.search(rb"UID (\d+)", part[0]).group(1))] = (frozenset(flags), date, part[1])
            status = link.status(f'"{folder}"', "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY)")[1][0].decode()
            seen[folder] = (rows, dict(re.findall(r"(\w+) (\d+)", status)))
        link.logout()
        return seen

    def assert_same(self, before, after, with_uidnext):
        for folder in FOLDERS:
            self.assertEqual(before[folder][0], after[folder][0], folder)
            old, new = dict(before[folder][1]), dict(after[folder][1])
            if not with_uidnext:
                # Without the index the next UID is not known to one: it may jump ahead, never back (F7).
                self.assertGreaterEqual(int(new.pop("UIDNEXT")), int(old.pop("UIDNEXT")), folder)
            self.assertEqual(old, new, folder)

    def test_it_outlives_restart_kill_and_the_loss_of_the_index(self):
        with Appliance(accounts=1, settings={"log.level": "info"}) as box:
            link = box.imap(1)
            link.create("A/B")
            link.logout()
            workers = [Worker(box, number) for number in range(6)]
            for worker in workers:
                worker.thread.start()
            for worker in workers:
                worker.thread.join(300)
            self.assertEqual([w.failures for w in workers if w.failures], [])
            before = self.state(box)
            self.assertGreater(sum(len(rows) for rows, _ in before.values()), 50)
            box.stop()
            box.start()
            self.assert_same(before, self.state(box), with_uidnext=True)
            box.kill()
            box.start()
            self.assert_same(before, self.state(box), with_uidnext=True)
            box.stop()
            for path in (box.data / "mail").rglob("index.db*"):
                path.unlink()
            box.start()
            self.assert_same(before, self.state(box), with_uidnext=False)

    def test_an_unused_mailbox_keeps_its_uidnext_over_a_restart(self):
        """RFC 9051 section 2.3.1.1: UIDNEXT changes only when messages come."""
        with Appliance(accounts=1) as box:
            link = box.imap(1)
            link.create("A/B")
            link.logout()
            before = self.state(box)
            box.stop()
            box.start()
            self.assert_same(before, self.state(box), with_uidnext=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
