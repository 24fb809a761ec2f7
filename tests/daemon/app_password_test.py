"""App passwords: they log in to IMAP, POP3 and submission beside the account's own password, by PLAIN, LOGIN, USER and SCRAM;
a removed one is refused everywhere, and the sessions that it opened end (J5)."""
import hashlib
import imaplib
import pathlib
import poplib
import smtplib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import PASSWORD, wait_until
from box_case import BoxCase, message
from conversation import Conversation
from scram import Scram


class AppPasswords(BoxCase):
    accounts = 1

    def setUp(self):
        self.name = self.box.user_name(1)

    def tearDown(self):
        self.box.ctl("account", "app-password", "remove", self.name, "--all")

    def add(self, label):
        return self.box.ctl_json("account", "app-password", "add", self.name, label)

    def remove(self, one):
        self.box.ctl("account", "app-password", "remove", self.name, str(one["id"]))

    def by_imap(self, password):
        link = imaplib.IMAP4(self.box.host, self.box.ports["imap"], timeout=60)
        try:
            link.login(self.name, password)
            return link.select("INBOX")[0] == "OK"
        except imaplib.IMAP4.error:
            return False
        finally:
            link.logout()

    def by_scram(self, password):
        link = imaplib.IMAP4(self.box.host, self.box.ports["imap"], timeout=60)
        try:
            return link.authenticate("SCRAM-SHA-256", Scram(self.name, password).answer)[0] == "OK"
        except imaplib.IMAP4.error:
            return False
        finally:
            link.logout()

    def by_scram_plus(self, password):
        link = imaplib.IMAP4_SSL("localhost", self.box.ports["imaps"], ssl_context=self.box.tls(), timeout=60)
        # RFC 5929 section 4: our certificates are signed with SHA-256.
        end_point = hashlib.sha256(link.sock.getpeercert(binary_form=True)).digest()
        client = Scram(self.name, password, "p=tls-server-end-point,,", end_point)
        try:
            return link.authenticate("SCRAM-SHA-256-PLUS", client.answer)[0] == "OK"
        except imaplib.IMAP4.error:
            return False
        finally:
            link.logout()

    def by_pop3(self, password):
        link = poplib.POP3(self.box.host, self.box.ports["pop3"], timeout=60)
        try:
            link.user(self.name)
            link.pass_(password)
            return True
        except poplib.error_proto:
            return False
        finally:
            link.quit()

    def by_submission(self, password):
        with smtplib.SMTP(self.box.host, self.box.ports["submission"], local_hostname="client.sample.test", timeout=60) as link:
            link.ehlo()
            for mechanism in (link.auth_plain, link.auth_login):
                link.user, link.password = self.name, password
                try:
                    link.auth(mechanism.__name__.removeprefix("auth_"), mechanism)
                except smtplib.SMTPAuthenticationError:
                    continue
                link.sendmail(self.name, [self.name], message("by an app password", sender=self.name, to=self.name))
                return True
            return False

    def ways(self, password):
        return [way(password) for way in (self.by_imap, self.by_scram, self.by_scram_plus, self.by_pop3, self.by_submission)]

    def test_it_logs_in_everywhere_until_it_is_removed_and_no_other_is_touched(self):
        phone, laptop = self.add("phone"), self.add("laptop")
        self.assertRegex(phone["password"], "^[a-z2-9]{4}(-[a-z2-9]{4}){4}$")
        for password in (phone["password"], laptop["password"], phone["password"].replace("-", ""), PASSWORD):
            self.assertEqual(self.ways(password), [True] * 5, password)
        self.assertTrue(self.by_imap(phone["password"].upper().replace("-", " ")))
        self.remove(phone)
        # Once each: more would be held up as guesses.
        self.assertEqual(self.ways(phone["password"]), [False] * 5)
        self.assertEqual(self.ways(laptop["password"]), [True] * 5)
        self.assertEqual(self.ways(PASSWORD), [True] * 5)

    def test_j5_removing_it_ends_the_sessions_that_it_opened_and_no_others(self):
        phone, laptop = self.add("phone"), self.add("laptop")
        ours = imaplib.IMAP4(self.box.host, self.box.ports["imap"], timeout=60)
        ours.login(self.name, laptop["password"])
        with Conversation(self.box.host, self.box.ports["imap"]) as theirs:
            theirs.line()
            theirs.send(f'a LOGIN {self.name} "{phone["password"]}"\r\n'.encode())
            self.assertIn(b"a OK", theirs.line())
            opened = sorted(row["app_password"] for row in self.box.ctl_json("session", "list")["sessions"])
            self.assertEqual(opened, [phone["id"], laptop["id"]])
            self.remove(phone)
            wait_until(lambda: len(self.box.ctl_json("session", "list")["sessions"]) == 1, 30, "the phone's session has ended")
        self.assertEqual(ours.noop()[0], "OK")
        ours.logout()

    def test_j6_it_is_shown_once_and_written_nowhere(self):
        phone = self.add("phone")
        self.assertEqual(self.ways(phone["password"]), [True] * 5)
        places = [("log", self.box.log().encode())]
        places += [(str(path), path.read_bytes()) for path in self.box.folder.rglob("*") if path.is_file() and not path.is_symlink()]
        for secret in (phone["password"].encode(), phone["password"].replace("-", "").encode()):
            self.assertEqual([place for place, content in places if secret in content], [])

    def test_when_it_was_last_used_outlives_a_restart(self):
        phone = self.add("phone")
        listed = lambda: self.box.ctl_json("account", "app-password", "list", self.name)["app_passwords"]
        self.assertIsNone(listed()[0]["last_used"])
        self.assertTrue(self.by_imap(phone["password"]))
        used = listed()[0]["last_used"]
        self.assertIsNotNone(used)
        self.box.stop()
        self.box.start()
        self.assertEqual(listed()[0]["last_used"], used)
        self.assertTrue(self.by_imap(phone["password"]))


if __name__ == "__main__":
    unittest.main()
