"""What became of messages, asked of the running daemon: a story from the refused recipient to the expunge, the search, the
delivery times, the public views, and a file that is damaged."""
import pathlib
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import wait_until
from box_case import BoxCase, message


class Trace(BoxCase):
    accounts = 3

    def file(self):
        return pathlib.Path(self.box.data) / "trace.db"

    def story(self, *words):
        return self.box.ctl_json("trace", *words)["story"]

    def texts(self, subject):
        story = self.story(subject)
        return [line["text"] for line in story["story"]] if story else []

    def test_a_message_is_told_from_its_refused_recipient_to_its_expunge(self):
        with self.box.smtp() as link:
            link.ehlo("client.sample.test")
            link.mail("sender@sample.test")
            self.assertEqual(link.rcpt("nobody@example.test")[0], 550)
            self.assertEqual(link.rcpt(self.box.user_name(1))[0], 250)
            code, answer = link.data(message("Обед at noon"))
            self.assertEqual(code, 250)
        name = answer.decode().split()[1]
        wait_until(lambda: any("placed" in text for text in self.texts("обед")), 30, "the message was not placed")
        link = self.box.imap(1)
        link.select("INBOX")
        link.create("Kept")
        self.assertEqual(link.uid("MOVE", "1:*", "Kept")[0], "OK")
        link.select("Kept")
        link.store("1:*", "+FLAGS", "(\\Deleted)")
        self.assertEqual(link.expunge()[0], "OK")
        link.logout()
        texts = self.texts("обед")
        kinds = [text.split()[0] for text in texts]
        self.assertEqual(kinds, ["refused", "accepted", "placed", "moved", "expunged"], texts)
        self.assertEqual(self.story(name)["message"]["id"], name)
        self.assertIn("nobody@example.test", texts[0])
        self.assertIn("from INBOX to Kept", texts[3])
        told = self.box.ctl("trace", name).stdout
        self.assertIn("by imap", told)
        unknown = self.box.ctl("trace", "nothing like it", check=False)
        self.assertEqual(unknown.returncode, 1)
        self.assertIn("no such message", unknown.stdout)

    def test_searches_times_and_views_know_every_message(self):
        for number in range(5):
            self.box.deliver(message(f"counted {number}"), to=2)
        found = self.box.ctl_json("trace", self.box.user_name(2))["messages"]
        self.assertEqual([one["subject"] for one in found], [f"counted {number}" for number in reversed(range(5))])
        slo = self.box.ctl_json("slo", "--since", "1h")
        self.assertGreaterEqual(slo["delivered"], 5)
        self.assertIn("(here)", self.box.ctl("slo").stdout)
        with sqlite3.connect(f"file:{self.file()}?mode=ro", uri=True) as views:
            self.assertEqual(views.execute("SELECT version FROM schema_version").fetchone(), (2,))
            rows = views.execute("SELECT outcome, mailbox FROM deliveries WHERE recipient = ?", (self.box.user_name(2),)).fetchall()
        self.assertEqual(rows, [("placed", "INBOX")] * 5)

    def test_a_damaged_file_is_set_aside_and_mail_goes_on(self):
        self.box.deliver(message("before"), to=3)
        self.box.stop()
        self.file().write_bytes(b"x" * 8192)
        for suffix in ("-wal", "-shm"):
            pathlib.Path(str(self.file()) + suffix).unlink(missing_ok=True)
        self.box.start()
        self.box.deliver(message("after"), to=3)
        wait_until(lambda: self.texts("after"), 30, "the new trace knows nothing")
        self.assertTrue(pathlib.Path(str(self.file()) + ".damaged").exists())
        self.assertIn("set aside", self.box.log())
        for told in (str(self.box.http("/healthz")), self.box.ctl("status").stdout):
            self.assertIn("trace.db.damaged", told)
        self.assertIn("ok, but degraded", str(self.box.http("/healthz")))


if __name__ == "__main__":
    unittest.main()
