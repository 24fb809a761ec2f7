"""curl: smtp with STARTTLS, smtps, imap, imaps, pop3, pop3s; upload, FETCH, SEARCH, LIST, STORE, EXPUNGE, APPEND, UIDL, DELE."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need
from box_case import BoxCase, message

CURL = need("curl")


class Curl(BoxCase):
    accounts = 7

    def curl(self, *options, text=None, expect=0):
        return self.run_client([CURL, "-sS", "--max-time", "60", "--cacert", self.box.ca_file, *options], text, expect)

    def url(self, scheme, port, path=""):
        return f"{scheme}://localhost:{self.box.ports[port]}/{path}"

    def log_in(self, number):
        return ("--user", f"{self.box.user_name(number)}:{self.box.password}")

    def send(self, scheme, port, to, sender, subject):
        sent = message(subject, b"line\r\n.dot\r\n" + "ёж 漢字\r\n".encode(), sender=self.box.user_name(sender))
        self.curl("--ssl-reqd", self.url(scheme, port), *self.log_in(sender), "--mail-from", self.box.user_name(sender),
                  "--mail-rcpt", self.box.user_name(to), "--upload-file", "-", text=sent)
        return sent

    def test_smtps_upload_comes_back_by_imaps_as_it_was_sent(self):
        sent = self.send("smtps", "submissions", 1, 2, "by smtps")
        back = self.run_client([CURL, "-sS", "--cacert", self.box.ca_file, *self.log_in(1),
                                self.url("imaps", "imaps", "INBOX;MAILINDEX=1")]).encode()
        self.assertTrue(back.endswith(sent), back)

    def test_submission_by_starttls_comes_back_by_imap_with_starttls(self):
        sent = self.send("smtp", "submission", 3, 2, "by starttls")
        back = self.curl("--ssl-reqd", *self.log_in(3), self.url("imap", "imap", "INBOX;UID=1")).encode()
        self.assertTrue(back.endswith(sent), back)

    def test_imap_commands(self):
        self.box.deliver(message("for the commands"), to=4)
        imap = (*self.log_in(4), self.url("imap", "imap", "INBOX"))
        self.assertIn("SEARCH 1", self.curl(*imap, "-X", 'SEARCH SUBJECT "for the"'))
        self.assertIn("(\\Seen", self.curl(*imap, "-X", "STORE 1 +FLAGS (\\Seen)"))
        self.assertIn("* STATUS", self.curl(*imap, "-X", "STATUS INBOX (MESSAGES UNSEEN)"))
        self.assertIn("INBOX", self.curl(*self.log_in(4), self.url("imap", "imap")))
        self.curl(*imap, "-X", "STORE 1 +FLAGS (\\Deleted)")
        self.assertIn("EXPUNGE", self.curl(*imap, "-X", "EXPUNGE"))
        self.assertEqual(self.box.messages(4), [])

    def test_imap_urls_and_mechanisms(self):
        """RFC 5092 as curl speaks it: sections, searches, ranges of UIDs; each mechanism that both know."""
        for n in range(1, 4):
            self.box.deliver(message(f"number {n}", f"text {n}\r\n".encode()), to=7)
        log_in = self.log_in(7)
        self.assertEqual(self.curl(*log_in, self.url("imaps", "imaps", "INBOX;UID=2;SECTION=TEXT")), "text 2\r\n")
        self.assertEqual(self.curl(*log_in, self.url("imaps", "imaps", "INBOX;MAILINDEX=3;SECTION=HEADER.FIELDS%20(SUBJECT)")),
                         "Subject: number 3\r\n\r\n")
        self.assertRegex(self.curl(*log_in, self.url("imaps", "imaps", "INBOX?SUBJECT%20number")), r"\* SEARCH 1 2 3\r?\n")
        self.assertRegex(self.curl(*log_in, self.url("imaps", "imaps", "INBOX"), "-X", "FETCH 1:2 (FLAGS UID)"), r"\* 2 FETCH \(")
        for command, words in (("CREATE Work/2026", ""), ("LIST \"\" *", "Work/2026"), ("RENAME Work/2026 Work/2027", ""),
                               ("EXAMINE Work/2027", "0 EXISTS"), ("DELETE Work/2027", ""), ("NOOP", ""), ("NAMESPACE", "NAMESPACE")):
            self.assertIn(words, self.curl(*log_in, self.url("imaps", "imaps"), "-X", command), command)
        for mechanism in ("PLAIN", "LOGIN"):
            self.assertIn("INBOX", self.curl("--login-options", f"AUTH={mechanism}", *log_in, self.url("imaps", "imaps")))
        self.assertIn("INBOX", self.curl("--sasl-ir", *log_in, self.url("imaps", "imaps")))
        self.curl(*log_in, self.url("imaps", "imaps", "INBOX;UIDVALIDITY=1;UID=1"), expect=78)  # not what the URL speaks of

    def test_append_by_upload(self):
        sent = message("appended by curl")
        draft = self.box.folder / "draft.eml"  # curl must know the size before it says APPEND
        draft.write_bytes(sent)
        self.curl(*self.log_in(5), self.url("imap", "imap", "Drafts"), "--upload-file", draft)
        self.assertEqual(self.only_message(5, "Drafts"), sent)

    def test_pop3s_and_pop3_with_stls(self):
        sent = message("by pop3", b"line\r\n.dot\r\n..\r\n.\r\nend\r\n")
        self.box.deliver(sent, to=6)
        pop3s = (*self.log_in(6), self.url("pop3s", "pop3s"))
        self.assertRegex(self.curl(*pop3s), r"^1 \d+\r?\n")
        back = self.curl("--ssl-reqd", *self.log_in(6), self.url("pop3", "pop3", "1")).encode()
        self.assertTrue(back.replace(b"\r\n", b"\n").endswith(sent.replace(b"\r\n", b"\n")), back)
        self.assertRegex(self.curl(*pop3s, "-X", "UIDL"), r"^1 [0-9A-F]{16}\r?\n")
        self.assertIn("Subject: by pop3", self.curl(*pop3s, "-X", "TOP 1 0"))
        for mechanism in ("PLAIN", "LOGIN"):
            self.curl("--login-options", f"AUTH={mechanism}", *pop3s)
        self.curl(*self.log_in(6), self.url("pop3s", "pop3s", "1"), "-l", "-X", "DELE")
        self.assertEqual(self.box.messages(6), [])
        self.curl("--user", f"{self.box.user_name(6)}:wrong", self.url("pop3s", "pop3s"), expect=67)

    def test_a_wrong_password_is_refused(self):
        said = self.curl("--user", f"{self.box.user_name(1)}:wrong", self.url("imaps", "imaps", "INBOX"), expect=67)
        self.assertIn("denied", said.lower())

    def test_no_https_talk_on_mail_ports(self):
        """B9: an HTTP request to a mail port is closed, not answered line by line."""
        for scheme, port in (("https", "imaps"), ("https", "submissions"), ("http", "imap"), ("http", "smtp"),
                             ("https", "pop3s"), ("http", "pop3")):
            with self.subTest(port=port):
                said = self.curl(f"{scheme}://localhost:{self.box.ports[port]}/", "--http0.9", expect=None)
                self.assertNotIn("<html", said)
                self.assertLess(said.count("\n"), 8, said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
