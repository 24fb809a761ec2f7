"""Python's smtplib, imaplib and poplib: every command that they have and that a first IMAP server must know."""
import imaplib
import pathlib
import poplib
import re
import shutil
import smtplib
import ssl
import sys
import unittest
from email.message import EmailMessage
from email.policy import SMTPUTF8

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import wait_until
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
            made = self.mail("тема", [self.box.user_name(4)]).as_bytes(policy=SMTPUTF8)
            self.assertEqual(link.sendmail(self.box.user_name(1), [self.box.user_name(4)], made, ["SMTPUTF8", "BODY=8BITMIME"]), {})
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
    accounts = 11

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

    def test_every_other_command(self):
        """With those above, each method that imaplib has; what a server of today does not know is BAD and harms nothing."""
        link = self.box.imap(9)
        words = set(link.capability()[1][0].decode().upper().split())
        for n in range(1, 4):
            self.assertEqual(link.append("INBOX", None, None, message(f"number {n}"))[0], "OK")
        self.assertEqual(link.status("INBOX", "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)")[0], "OK")
        self.assertEqual(link.examine() if hasattr(link, "examine") else link.select("INBOX", readonly=True), ("OK", [b"3"]))
        self.assertEqual(link.store("1", "+FLAGS", "(\\Seen)")[0], "NO")
        self.assertEqual(link.unselect()[0], "OK")
        self.assertEqual(link.enable("CONDSTORE")[0], "OK")
        self.assertEqual(link.select("INBOX"), ("OK", [b"3"]))
        self.assertEqual(link.check()[0], "OK")
        self.assertEqual(link.recent()[0], "OK")
        self.assertRegex(link.response("UIDVALIDITY")[1][0], rb"^\d+$")
        self.assertRegex(link.response("PERMANENTFLAGS")[1][0], rb"\\\*")
        for words_of_uid in (("FETCH", "1:*", "(FLAGS)"), ("SEARCH", "ALL"), ("STORE", "2", "+FLAGS", "(\\Answered)"),
                             ("COPY", "1:2", "Drafts"), ("STORE", "3", "+FLAGS", "(\\Deleted)"), ("EXPUNGE", "3")):
            self.assertEqual(link.uid(*words_of_uid)[0], "OK", words_of_uid)
        self.assertEqual(link.close()[0], "OK")
        self.assertEqual(len(self.box.messages(9)), 2)
        self.assertEqual(link.unsubscribe("Drafts")[0], "OK")
        self.assertEqual(link.lsub('""', "Drafts")[1], [None])
        for method, offered, call in self.commands_by_capability(link):
            with self.subTest(method=method):
                if offered in words:
                    self.assertIn(call()[0], ("OK", "NO"))
                else:
                    self.assert_bad(call)
        self.assert_bad(lambda: link.partial("1", "RFC822", "1", "10"))
        self.assertEqual(link.unselect()[0], "OK")
        for method, call in (("PROXYAUTH", lambda: link.proxyauth("somebody")),
                             ("GETANNOTATION", lambda: link.getannotation("INBOX", '"/comment"', '"*"')),
                             ("SETANNOTATION", lambda: link.setannotation("INBOX", '"/comment"', '("value.shared" "x")'))):
            with self.subTest(method=method):
                self.assert_bad(call)
        self.assertEqual(link.noop()[0], "OK")
        link.logout()

    def commands_by_capability(self, link):
        """(method, the capability that brings it, a call that is right)."""
        link.select("INBOX")
        user = self.box.user_name(10)
        return (("getquotaroot", "QUOTA", lambda: link.getquotaroot("INBOX")), ("getquota", "QUOTA", lambda: link.getquota('""')),
                ("setquota", "QUOTASET", lambda: link.setquota('""', "(STORAGE 1000)")),
                ("sort", "SORT", lambda: link.sort("(REVERSE DATE)", "UTF-8", "ALL")),
                ("thread", "THREAD=REFERENCES", lambda: link.thread("REFERENCES", "UTF-8", "ALL")),
                ("uid sort", "SORT", lambda: link.uid("SORT", "(SUBJECT)", "UTF-8", "ALL")),
                ("uid thread", "THREAD=ORDEREDSUBJECT", lambda: link.uid("THREAD", "ORDEREDSUBJECT", "UTF-8", "ALL")),
                ("myrights", "ACL", lambda: link.myrights("INBOX")), ("getacl", "ACL", lambda: link.getacl("INBOX")),
                ("setacl", "ACL", lambda: link.setacl("Drafts", user, "lr")), ("deleteacl", "ACL", lambda: link.deleteacl("Drafts", user)))

    def assert_bad(self, call):
        try:
            status = call()[0]
        except imaplib.IMAP4.error as failure:
            self.assertIn("BAD", str(failure))
        else:
            self.assertEqual(status, "BAD")

    def test_login_by_cram_md5_is_not_offered(self):
        """It would need the password in clear on the server's disk."""
        link = imaplib.IMAP4_SSL("localhost", self.box.ports["imaps"], ssl_context=self.box.tls(), timeout=60)
        with self.assertRaises(imaplib.IMAP4.error):
            link.login_cram_md5(self.box.user_name(11), self.box.password)
        self.assertEqual(link.login(self.box.user_name(11), self.box.password)[0], "OK")
        link.logout()


class Poplib(BoxCase):
    accounts = 5

    def pop(self, number, tls=True):
        if tls:
            link = poplib.POP3_SSL("localhost", self.box.ports["pop3s"], context=self.box.tls(), timeout=60)
        else:
            link = poplib.POP3("localhost", self.box.ports["pop3"], timeout=60)
            link.stls(self.box.tls())
        link.user(self.box.user_name(number))
        link.pass_(self.box.password)
        return link

    def test_every_command(self):
        sent = [message(f"number {n}", b".dot\r\n..\r\ntext\r\n") for n in (1, 2, 3)]
        for one in sent:
            self.box.deliver(one, to=1)
        link = self.pop(1)
        capabilities = link.capa()
        for word in ("TOP", "UIDL", "PIPELINING", "RESP-CODES", "EXPIRE", "UTF8", "SASL"):
            self.assertIn(word, capabilities)
        count, octets = link.stat()
        self.assertEqual(count, 3)
        sizes = [int(line.split()[1]) for line in link.list()[1]]
        self.assertEqual(sum(sizes), octets)
        ids = link.uidl()[1]
        self.assertEqual(len(set(ids)), 3)
        self.assertIn(ids[1], link.uidl(2))
        for number, one in enumerate(sent, 1):
            status, lines, counted = link.retr(number)
            body = b"\r\n".join(lines) + b"\r\n"
            self.assertTrue(body.endswith(one))
            self.assertEqual(len(body), sizes[number - 1])
        head = link.top(1, 0)[1]
        self.assertEqual(head[-1], b"")
        self.assertEqual(link.top(1, 1)[1], head + [b".dot"])
        self.assertTrue(link.noop().startswith(b"+OK"))
        link.dele(1)
        self.assertEqual(link.stat()[0], 2)
        link.rset()
        self.assertEqual(link.stat()[0], 3)
        link.dele(2)
        with self.assertRaises(poplib.error_proto):
            link.retr(2)
        link.quit()
        self.assertEqual(len(self.box.messages(1)), 2)
        again = self.pop(1, tls=False)
        self.assertEqual([line.split()[1] for line in again.uidl()[1]], [ids[0].split()[1], ids[2].split()[1]])
        again.quit()

    def test_a_lost_connection_deletes_nothing_and_frees_the_maildrop(self):
        """E20: no delete without QUIT."""
        self.box.deliver(message("stays"), to=2)
        link = self.pop(2)
        link.dele(1)
        busy = poplib.POP3_SSL("localhost", self.box.ports["pop3s"], context=self.box.tls(), timeout=60)
        busy.user(self.box.user_name(2))
        with self.assertRaisesRegex(poplib.error_proto, "IN-USE"):
            busy.pass_(self.box.password)
        link.close()
        wait_until(lambda: not any(one["service"] == "pop3" for one in self.box.ctl_json("session", "list")["sessions"]), 30,
                   "the lost session has ended")
        busy.user(self.box.user_name(2))
        busy.pass_(self.box.password)
        self.assertEqual(busy.stat()[0], 1)
        busy.quit()

    def test_imap_sees_what_pop3_read_and_removed(self):
        for n in range(2):
            self.box.deliver(message(f"shared {n}"), to=3)
        watcher = self.box.imap(3)
        watcher.select("INBOX")
        link = self.pop(3)
        link.retr(1)
        link.retr(2)
        link.dele(2)
        link.quit()
        watcher.noop()
        self.assertEqual(watcher.response("EXPUNGE")[1], [b"2"])
        self.assertEqual(watcher.search(None, "SEEN")[1], [b"1"])
        watcher.logout()

    def test_ten_thousand_messages_log_in_and_list(self):
        folder = self.box.data / "mail" / self.box.domain / "user0004" / "new"
        if not folder.is_dir():
            self.box.imap(4).logout()
        for n in range(10_000):
            (folder / f"{1_700_000_000 + n}.M{n}P1.sample").write_bytes(message(f"many {n}"))
        if self.box.as_root:
            for path in folder.iterdir():
                shutil.chown(path, self.box.user)
        link = self.pop(4)
        self.assertEqual(link.stat()[0], 10_000)
        self.assertEqual(len(link.uidl()[1]), 10_000)
        self.assertEqual(len(link.list()[1]), 10_000)
        link.quit()

    def test_utf8_mode(self):
        self.box.deliver(message("тема"), to=5)
        link = self.pop(5)
        self.assertIn(b"=?", b"\n".join(link.top(1, 0)[1]))
        link.quit()
        link = poplib.POP3_SSL("localhost", self.box.ports["pop3s"], context=self.box.tls(), timeout=60)
        self.assertTrue(link.utf8().startswith(b"+OK"))
        link.user(self.box.user_name(5))
        link.pass_(self.box.password)
        self.assertIn("тема".encode(), b"\n".join(link.retr(1)[1]))
        link.quit()


if __name__ == "__main__":
    assert ssl.HAS_TLSv1_3
    unittest.main(verbosity=2)
