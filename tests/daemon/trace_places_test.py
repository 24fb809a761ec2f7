"""A story tells of its own message alone, whatever accounts and mailboxes come and go and come again under a name that was there
before; it follows the message into other accounts and back from the undelete directory; and kill -9 changes nothing of that."""
import contextlib
import imaplib
import json
import pathlib
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import Appliance, wait_until
from box_case import message

imaplib.Commands.setdefault("MOVE", ("SELECTED",))


class Places(unittest.TestCase):
    def setUp(self):
        self.box = Appliance(accounts=4)
        self.box.__enter__()
        self.addCleanup(self.box.__exit__, None, None, None)

    def deliver(self, subject, to=2):
        code, answer = self.box.deliver(message(subject), to=to)
        self.assertEqual(code, 250)
        name = answer.decode().split()[1]
        wait_until(lambda: "placed" in self.kinds(name), 30, f"that {subject} is placed")
        return name

    def kinds(self, name):
        story = self.box.ctl_json("trace", name)["story"]
        return [event["kind"] for event in story["events"]] if story else []

    def uid(self, link, folder, subject):
        self.assertEqual(link.select(folder)[0], "OK")
        (found,) = link.uid("SEARCH", "HEADER", "Subject", f'"{subject}"')[1][0].split()
        return found.decode()

    def move(self, link, folder, subject, target):
        self.assertEqual(link.uid("MOVE", self.uid(link, folder, subject), target)[0], "OK")

    def expunge(self, link, folder, subject):
        uid = self.uid(link, folder, subject)
        self.assertEqual(link.uid("STORE", uid, "+FLAGS", "(\\Deleted)")[0], "OK")
        self.assertEqual(link.uid("EXPUNGE", uid)[0], "OK")

    def append(self, link, folder, subject):
        self.assertEqual(link.append(folder, None, None, message(subject))[0], "OK")

    def undelete(self, number, kind):
        listed = self.box.ctl_json("message", "undelete", self.box.user_name(number), "--list")["expunged"]
        (name,) = [one["name"] for one in listed if one["kind"] == kind]
        self.box.ctl("message", "undelete", self.box.user_name(number), name)

    def check(self, wanted):
        """{id: the acts behind its placing, in words with A, B and C for the accounts}, now and after two crashes."""
        def told(name):
            texts = [line["text"] for line in self.box.ctl_json("trace", name)["story"]["story"]]
            for letter, number in (("A", 2), ("B", 3), ("C", 4)):
                texts = [text.replace(self.box.user_name(number), letter) for text in texts]
            return texts[2:]
        for crash in range(3):
            if crash != 0:
                self.box.kill()
                self.box.start()
                # The journal's records are told before any question is answered.
            self.assertEqual({name: told(name) for name in wanted}, wanted, f"after {crash} crashes")

    def test_an_account_that_comes_again_has_its_own_messages(self):
        first = self.deliver("first", 4)
        self.box.ctl("account", "remove", self.box.user_name(4), "--yes")
        self.box.add_account(self.box.user_name(4))
        second = self.deliver("second", 4)
        self.expunge(self.box.imap(4), "INBOX", "second")
        self.check({first: [], second: ["expunged from INBOX of C by imap"]})

    def test_a_mailbox_that_is_renamed_keeps_its_messages_and_the_next_of_its_name_has_others(self):
        link = self.box.imap(2)
        link.create("R1")
        first, second = self.deliver("first"), self.deliver("second")
        for subject in ("first", "second"):
            self.move(link, "INBOX", subject, "R1")
        link.rename("R1", "R2")
        link.create("R1")
        self.append(link, "R1", "other")
        self.append(link, "R1", "a third")
        self.expunge(link, "R1", "other")
        self.move(link, "R1", "a third", "INBOX")
        self.move(link, "R2", "second", "INBOX")
        begin = ["moved from INBOX to R1 in the mailbox of A by imap", "its mailbox R1 of A was renamed to R2 by imap"]
        self.check({first: begin, second: [*begin, "moved from R2 to INBOX in the mailbox of A by imap"]})

    def test_inbox_that_is_renamed_is_a_move(self):
        first = self.deliver("first")
        link = self.box.imap(2)
        self.assertEqual(link.rename("INBOX", "Old")[0], "OK")
        second = self.deliver("second")
        self.expunge(link, "Old", "first")
        self.check({first: ["moved from INBOX to Old in the mailbox of A by imap", "expunged from Old of A by imap"], second: []})

    def test_a_mailbox_that_is_deleted_and_comes_back_takes_its_messages_along(self):
        link = self.box.imap(2)
        link.create("D1")
        first = self.deliver("first")
        self.move(link, "INBOX", "first", "D1")
        link.select("INBOX")
        link.delete("D1")
        link.create("D1")
        self.append(link, "D1", "other")
        self.move(link, "D1", "other", "INBOX")
        self.undelete(2, "mailbox")
        self.move(link, "D1-2", "first", "INBOX")
        self.check({first: ["moved from INBOX to D1 in the mailbox of A by imap", "deleted with its mailbox D1 of A by imap",
                            "restored with its mailbox D1-2 of A by the administrator",
                            "moved from D1-2 to INBOX in the mailbox of A by imap"]})

    def test_what_comes_back_from_the_undelete_directory_is_followed(self):
        first = self.deliver("first")
        link = self.box.imap(2)
        self.expunge(link, "INBOX", "first")
        self.undelete(2, "message")
        link.create("Z")
        self.move(link, "INBOX", "first", "Z")
        self.check({first: ["expunged from INBOX of A by imap", "restored into INBOX of A as message 2 by the administrator",
                            "moved from INBOX to Z in the mailbox of A by imap"]})

    def test_in_shared_mailboxes_it_is_told_whose_they_are_and_who_acts(self):
        owner, friend = self.box.imap(2), self.box.imap(3)
        names = {name: self.deliver(name) for name in ("taken", "removed")}
        self.box.ctl("acl", "set", self.box.user_name(2), "INBOX", self.box.user_name(3), "lrswite")
        shared = f'"Other Users/{self.box.user_name(2)}/INBOX"'
        owner.create("Mine")
        friend.create("Mine")
        self.append(owner, "Mine", "owner's own")
        self.move(friend, shared, "taken", "Mine")
        self.expunge(friend, shared, "removed")
        self.expunge(owner, "Mine", "owner's own")
        taken = ["moved from INBOX of A to Mine of B by B over imap"]
        wanted = {names["taken"]: taken, names["removed"]: ["expunged from INBOX of A by B over imap"]}
        self.check(wanted)
        friend = self.box.imap(3)
        friend.create("Old")
        self.move(friend, "Mine", "taken", "Old")
        self.expunge(friend, "Old", "taken")
        taken += ["moved from Mine to Old in the mailbox of B by imap", "expunged from Old of B by imap"]
        self.check(wanted)
        with contextlib.closing(sqlite3.connect(f"file:{self.box.data}/trace.db?mode=ro", uri=True)) as views:
            rows = views.execute("SELECT recipient, json_extract(facts, '$.by_login') FROM events WHERE kind IN ('moved', 'expunged')").fetchall()
            self.assertEqual(set(rows), {(self.box.user_name(2), self.box.user_name(3))}, json.dumps(rows))
            found = views.execute("SELECT mailbox, uid, mailbox_account FROM deliveries WHERE id = ?", (names["taken"],)).fetchall()
            self.assertEqual(found, [("Old", 1, self.box.user_name(3))])


if __name__ == "__main__":
    unittest.main(verbosity=2)
