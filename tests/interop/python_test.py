"""Python's smtplib and imaplib: every command that they have and that a first IMAP server must know."""
import imaplib
import pathlib
import re
import smtplib
import ssl
import sys
import unittest
from email.message import EmailMessage

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from box_case import BoxCase, message


class Smtplib(BoxCase):
    accounts = 6

    def mail(self, subject, to):
        made = EmailMessage()
        made["From"], made["To"], made["Subject"] = self.box.user_name(1), ", ".join(to), subject
        made.set_content("Grüße\n.\n..two\n")
        return made

    def test_starttls_and_log_in_and_two_recipients(self):
        to = [self.box.user_name(2), self.box.user_name(3)]
        with smtplib.SMTP("localhost", self.box.ports["submission"], timeout=60) as link:
            link.starttls(context=self.box.tls())
            link.login(self.box.user_name(1), self.box.password)
            self.assertEqual(link.send_message(self.mail("to two", to)), {})
        for number in (2, 3):
            self.assertIn(b"Subject: to two\r\n", self.only_message(number))

    def test_smtps_and_smtputf8(self):
        with smtplib.SMTP_SSL("localhost", self.box.ports["submissions"], context=self.box.tls(), timeout=60) as link:
            link.login(self.box.user_name(1), self.box.password)
            made = self.mail("тема", [self.box.user_name(4)])
            link.send_message(made, mail_options=["SMTPUTF8"])
        self.assertIn("тема".encode(), self.only_message(4))

    def test_refused_recipients_are_told_one_by_one(self):
        with self.box.smtp() as link:
            refused = link.sendmail("a@sample.test", [self.box.user_name(5), "none@example.test"], message("half"))
        self.assertEqual(list(refused), ["none@example.test"])
        self.assertEqual(refused["none@example.test"][0], 550)
        self.assertIn(b"Subject: half\r\n", self.only_message(5))

    def test_vrfy_noop_rset_help_and_expn(self):
        with self.box.smtp() as link:
            link.ehlo()
            self.assertEqual(link.verify(self.box.user_name(1))[0], 252)
            self.assertEqual(link.verify("none@example.test")[0], 252)
            self.assertIn(link.expn("list")[0], (252, 502))
            self.assertEqual(link.noop()[0], 250)
            self.assertEqual(link.docmd("HELP")[0], 214)
            self.assertEqual(link.rset()[0], 250)
            self.assertEqual(link.docmd("RCPT", "TO:<user0001@example.test>")[0], 503)
            self.assertEqual(link.docmd("NONSENSE")[0], 500)

    def test_postmaster_with_and_without_domain(self):
        with self.box.smtp() as link:
            link.ehlo()
            for address in ("postmaster", "Postmaster@example.test", "POSTMASTER"):
                link.mail("a@sample.test")
                self.assertEqual(link.docmd("RCPT", f"TO:<{address}>")[0], 250, address)
                link.rset()

    def test_size_is_refused_at_mail(self):
        with self.box.smtp() as link:
            link.ehlo()
            self.assertEqual(link.esmtp_features["size"], str(64 * 1024 * 1024))
            self.assertEqual(link.docmd("MAIL", f"FROM:<a@sample.test> SIZE={64 * 1024 * 1024 + 1}")[0], 552)
            self.assertEqual(link.docmd("MAIL", "FROM:<a@sample.test> SIZE=18446744073709551616")[0] // 100, 5)
            self.assertEqual(link.docmd("MAIL", f"FROM:<a@sample.test> SIZE={64 * 1024 * 1024}")[0], 250)


class Imaplib(BoxCase):
    accounts = 8

    def test_capabilities_over_tls_and_id_and_namespace(self):
        link = self.box.imap(1, tls=True)
        status, data = link.capability()
        words = data[0].decode().split()
        for word in ("IMAP4rev1", "IMAP4rev2", "IDLE", "LITERAL+", "UIDPLUS", "SPECIAL-USE", "MOVE", "NAMESPACE", "ID",
                     "ENABLE", "UNSELECT"):
            self.assertIn(word, words)
        self.assertEqual(link.namespace()[0], "OK")
        self.assertEqual(link.noop()[0], "OK")
        self.assertEqual(link.logout()[0], "BYE")

    def test_starttls(self):
        link = imaplib.IMAP4("localhost", self.box.ports["imap"], timeout=60)
        self.assertEqual(link.starttls(self.box.tls())[0], "OK")
        self.assertEqual(link.login(self.box.user_name(1), self.box.password)[0], "OK")
        link.logout()

    def test_authenticate_plain(self):
        link = imaplib.IMAP4_SSL("localhost", self.box.ports["imaps"], ssl_context=self.box.tls(), timeout=60)
        words = f"\0{self.box.user_name(1)}\0{self.box.password}".encode()
        self.assertEqual(link.authenticate("PLAIN", lambda _: words)[0], "OK")
        link.logout()

    def test_log_in_in_any_case_and_by_the_local_part(self):
        for name in (self.box.user_name(1).upper(), "user0001"):
            link = imaplib.IMAP4(self.box.host, self.box.ports["imap"], timeout=60)
            self.assertEqual(link.login(name, self.box.password)[0], "OK", name)
            link.logout()

    def test_folders(self):
        link = self.box.imap(2)
        self.assertEqual(link.create("Work/2026")[0], "OK")
        names = b"\n".join(link.list()[1])
        self.assertIn(b"Work/2026", names)
        self.assertEqual(link.subscribe("Work/2026")[0], "OK")
        self.assertIn(b"Work/2026", b"\n".join(link.lsub()[1]))
        self.assertEqual(link.rename("Work/2026", "Work/2027")[0], "OK")
        self.assertEqual(link.create("Work/2027")[0], "NO")
        self.assertEqual(link.delete("Work/2027")[0], "OK")
        self.assertNotIn(b"2027", b"\n".join(d or b"" for d in link.list('""', '"Work/%"')[1]))
        self.assertEqual(link.delete("INBOX")[0], "NO")
        for use in (b"\\Sent", b"\\Drafts", b"\\Trash", b"\\Junk"):
            self.assertIn(use, names)
        link.logout()

    def test_append_fetch_store_search_copy_expunge(self):
        link = self.box.imap(3)
        sent = message("appended", "тело письма\r\n".encode())
        status, data = link.append("INBOX", "(\\Seen)", '"21-Nov-2026 12:00:00 +0300"', sent)
        self.assertEqual(status, "OK")
        self.assertRegex(data[0], rb"APPENDUID \d+ 1")
        link.select("INBOX")
        status, data = link.fetch("1", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])")
        whole = b" ".join(p if isinstance(p, bytes) else b" ".join(p) for p in data)
        self.assertIn(sent, whole)
        self.assertIn(b"\\Seen", whole)
        self.assertIn(f"RFC822.SIZE {len(sent)}".encode(), whole)
        self.assertIn(b'"appended"', whole)
        moment = imaplib.Internaldate2tuple(re.search(rb'INTERNALDATE "[^"]+"', whole).group(0))
        self.assertEqual(moment.tm_year, 2026)
        self.assertEqual(link.store("1", "+FLAGS", "(\\Flagged $Important)")[0], "OK")
        for criterion in ('SUBJECT "appended"', "FLAGGED", "KEYWORD $Important", "SINCE 1-Nov-2026", "LARGER 10", "UID 1",
                          "NOT DELETED", "OR SEEN DRAFT", 'HEADER Message-ID "appended"'):
            self.assertEqual(link.search(None, criterion)[1], [b"1"], criterion)
        self.assertEqual(link.search(None, "TEXT", "appended")[1], [b"1"])
        self.assertEqual(link.copy("1", "Drafts")[0], "OK")
        self.assertEqual(link.store("1", "+FLAGS", "(\\Deleted)")[0], "OK")
        self.assertEqual(link.expunge(), ("OK", [b"1"]))
        self.assertEqual(link.close()[0], "OK")
        link.logout()
        self.assertEqual(self.box.messages(3, "Drafts")[0][1], sent)

    def test_search_by_utf8_literal(self):
        self.box.deliver(message("utf", "поиск слова\r\n".encode()), to=4)
        link = self.box.imap(4)
        link.select("INBOX")
        link.literal = "слова".encode()
        self.assertEqual(link.search("UTF-8", "BODY")[1], [b"1"])
        link.literal = "других".encode()
        self.assertEqual(link.search("UTF-8", "BODY")[1], [b""])
        link.logout()

    def test_move_by_uid(self):
        self.box.deliver(message("to be moved"), to=5)
        link = self.box.imap(5)
        link.select("INBOX")
        imaplib.Commands.setdefault("MOVE", ("SELECTED",))
        self.assertEqual(link.uid("MOVE", "1", "Junk")[0], "OK")
        self.assertEqual(link.uid("SEARCH", "ALL")[1], [b""])
        link.logout()

    def test_idle_tells_of_a_delivery(self):
        link = self.box.imap(6)
        link.select("INBOX")
        tag = link._new_tag()
        link.send(tag + b" IDLE\r\n")
        self.assertTrue(link.readline().startswith(b"+"))
        self.box.deliver(message("ring"), to=6)
        lines = []
        while not any(b"EXISTS" in line for line in lines):
            lines.append(link.readline())
            self.assertTrue(lines[-1], "the server closed in IDLE")
        link.send(b"DONE\r\n")
        while not lines[-1].startswith(tag):
            lines.append(link.readline())
        self.assertIn(b"OK", lines[-1])
        link.logout()

    def test_two_sessions_see_each_others_changes(self):
        self.box.deliver(message("shared"), to=7)
        one, two = self.box.imap(7), self.box.imap(7)
        one.select("INBOX")
        two.select("INBOX")
        one.store("1", "+FLAGS", "(\\Flagged)")
        two.noop()
        self.assertIn(b"Flagged", b" ".join(d for d in two.response("FETCH")[1] if d))
        one.store("1", "+FLAGS", "(\\Deleted)")
        one.expunge()
        two.noop()
        self.assertEqual(two.response("EXPUNGE")[1], [b"1"])
        one.logout()
        two.logout()

    def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(self):
        """J2: text and code do not tell whether an account exists."""
        answers = []
        for name in (self.box.user_name(8), "ghost@example.test"):
            link = imaplib.IMAP4(self.box.host, self.box.ports["imap"], timeout=60)
            with self.assertRaises(imaplib.IMAP4.error) as raised:
                link.login(name, "wrong")
            answers.append(str(raised.exception))
            link.shutdown()
        self.assertEqual(answers[0], answers[1])


if __name__ == "__main__":
    assert ssl.HAS_TLSv1_3
    unittest.main(verbosity=2)
