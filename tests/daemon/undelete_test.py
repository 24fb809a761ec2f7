"""What was expunged comes back as it was: deleted by IMAP, restored by mailboxctl, read again, also after kill -9; quotas as
clients and administrators see them."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import wait_until
from box_case import BoxCase, message


class Undelete(BoxCase):
    accounts = 4

    def delete_all(self, number, folder="INBOX"):
        link = self.box.imap(number)
        link.select(folder)
        link.store("1:*", "+FLAGS", "(\\Deleted)")
        self.assertEqual(link.expunge()[0], "OK")
        link.logout()

    def expunged(self, number, *more):
        return self.box.ctl_json("message", "undelete", self.box.user_name(number), "--list", *more)

    def test_an_expunged_message_comes_back_byte_for_byte(self):
        self.box.deliver(message("keep me", "Grüße\r\n".encode()), to=1)
        stored = self.only_message(1)
        self.delete_all(1)
        self.assertEqual(self.box.messages(1), [])
        found = self.expunged(1)["expunged"]
        self.assertEqual([one["subject"] for one in found], ["keep me"])
        text = self.box.ctl("message", "undelete", self.box.user_name(1)).stdout
        self.assertIn("keep me", text)
        self.assertIn(found[0]["name"], text)
        done = self.box.ctl("message", "undelete", self.box.user_name(1), found[0]["name"]).stdout
        self.assertIn("1 restored, 0 failed", done)
        self.assertEqual(self.only_message(1), stored)
        self.assertEqual(self.expunged(1)["expunged"], [])
        self.assertEqual(self.box.ctl("message", "undelete", self.box.user_name(1), found[0]["name"], check=False).returncode, 1)
        # Restored was on the disk.
        self.box.kill()
        self.box.start()
        self.assertEqual(self.only_message(1), stored)

    def test_a_deleted_mailbox_comes_back_with_its_uids(self):
        link = self.box.imap(2)
        link.create("Projects")
        for n in range(3):
            link.append("Projects", None, None, message(f"number {n}"))
        link.select("Projects")
        before = link.response("UIDVALIDITY"), link.uid("SEARCH", "ALL")
        link.close()
        self.assertEqual(link.delete("Projects")[0], "OK")
        found = self.expunged(2)["expunged"]
        self.assertEqual([(one["kind"], one["mailbox"], one["messages"]) for one in found], [("mailbox", "Projects", 3)])
        self.box.ctl("message", "undelete", self.box.user_name(2), "--mailbox", "Projects", "--yes")
        self.assertEqual(link.select("Projects")[0], "OK")
        self.assertEqual((link.response("UIDVALIDITY"), link.uid("SEARCH", "ALL")), before)
        link.logout()

    def test_a_restored_message_reaches_an_open_session(self):
        self.box.deliver(message("watched"), to=3)
        link = self.box.imap(3)
        link.select("INBOX")
        link.store("1", "+FLAGS", "(\\Deleted)")
        link.expunge()
        self.box.ctl("message", "undelete", self.box.user_name(3), "--since", "1h", "--yes")
        link.noop()
        self.assertEqual(link.response("EXISTS")[1][-1], b"1")
        link.logout()

    def test_a_quota_is_told_and_holds(self):
        user = self.box.user_name(4)
        self.box.ctl("account", "set", user, "--quota", "1MiB", "--quota-messages", "2")
        link = self.box.imap(4)
        self.assertEqual(link.getquotaroot("INBOX")[1], [[b'"INBOX" ""'], [b'"" (STORAGE 0 1024 MESSAGE 0 2)']])
        for n in range(2):
            self.assertEqual(link.append("INBOX", None, None, message(f"number {n}"))[0], "OK")
        status, data = link.append("INBOX", None, None, message("too many"))
        self.assertEqual(status, "NO")
        self.assertIn(b"OVERQUOTA", data[0])
        shown = self.box.ctl("account", "show", user).stdout
        self.assertIn("2 messages of 2", shown)
        self.assertIn("nearly full", shown)
        self.delete_all(4)
        usage = self.box.ctl_json("account", "show", user)["usage"]
        self.assertEqual((usage["messages"], usage["expunged_messages"]), (0, 2))
        self.assertEqual(link.append("INBOX", None, None, message("room again"))[0], "OK")
        # One message of two comes back, the other finds no room.
        done = self.box.ctl("message", "undelete", user, "--all", "--yes", "--json", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual((json.loads(done.stdout)["restored"], json.loads(done.stdout)["failed"]), (1, 1))
        link.logout()


class Window(BoxCase):
    accounts = 1
    settings = {"undelete.keep": "0s"}

    def test_without_a_window_expunged_mail_is_gone_soon(self):
        self.box.deliver(message("gone"), to=1)
        link = self.box.imap(1)
        link.select("INBOX")
        link.store("1:*", "+FLAGS", "(\\Deleted)")
        link.expunge()
        link.logout()
        directory = self.box.data / "mail" / self.box.domain / "user0001" / "mailboxd-expunged"
        wait_until(lambda: not list(directory.iterdir()), 60, "the purge")


if __name__ == "__main__":
    unittest.main()
