"""Forwarding, lists and reports of success between two servers of our own that send mail to each other: nothing goes in circles,
nothing is lost, and the trace tells each step."""
import email
import json
import pathlib
import re
import smtplib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import private_network

private_network.enter()

from appliance import Appliance, wait_until
from box_case import message
from remote_script import RemoteScript

SCRIPT = "127.0.0.4"


def domain_box(name):
    box = Appliance(accounts=1, settings={"server.hostname": f"mail.{name}", "outbound.private_targets": "allow"})
    box.domain_name = name
    return box


class Forwarding(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        private_network.up()
        cls.here, cls.there = domain_box("here.test"), domain_box("there.test")
        cls.here.routes = [{"domain": "there.test", "host": f"127.0.0.1:{cls.there.ports['smtp']}"},
                           {"domain": "script.test", "host": f"{SCRIPT}:2525"}]
        cls.there.routes = [{"domain": "here.test", "host": f"127.0.0.1:{cls.here.ports['smtp']}"}]
        for box in (cls.here, cls.there):
            box.write_config()
            cls.enterClassContext(box)
            box.ctl("domain", "add", box.domain_name)
        for name in ("ann", "bob", "cyd"):
            for box in (cls.here, cls.there):
                box.add_account(f"{name}@{box.domain_name}")

    def mail_of(self, box, name):
        link = box.imap()
        link.logout()
        import imaplib
        link = imaplib.IMAP4(box.host, box.ports["imap"])
        try:
            link.login(f"{name}@{box.domain_name}", box.password)
            link.select("INBOX", readonly=True)
            found = link.uid("SEARCH", "ALL")[1][0].split()
            return [link.uid("FETCH", uid, "(BODY.PEEK[])")[1][0][1] for uid in found]
        finally:
            link.logout()

    def subjects(self, box, name):
        return [email.message_from_bytes(text)["Subject"] for text in self.mail_of(box, name)]

    def arrives(self, box, name, subject):
        def found():
            return [text for text in self.mail_of(box, name) if email.message_from_bytes(text)["Subject"] == subject]
        try:
            return wait_until(found, 60, f"{subject} for {name}@{box.domain_name}")
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{self.here.log()[-3000:]}\n{self.there.log()[-3000:]}") from None

    def deliver(self, box, subject, to):
        code, words = box.deliver(message(subject), to=to)
        self.assertEqual(code, 250, words)
        return re.search(r"2\.0\.0 (\w+)", words.decode()).group(1)

    def all_quiet(self):
        for box in (self.here, self.there):
            wait_until(lambda: not json.loads(box.ctl("queue", "list", "--json").stdout)["messages"], 60, "nothing waits")

    def test_a_circle_of_two_servers_ends_in_the_mailbox_it_began_with(self):
        self.here.ctl("account", "forward", "ann@here.test", "ann@there.test", "--no-copy")
        self.there.ctl("account", "forward", "ann@there.test", "ann@here.test", "--no-copy")
        try:
            identifier = self.deliver(self.here, "round", "ann@here.test")
            self.arrives(self.here, "ann", "round")
            self.all_quiet()
            self.assertEqual(self.subjects(self.here, "ann").count("round"), 1)
            self.assertEqual(self.subjects(self.there, "ann").count("round"), 0)
            story = self.here.ctl("trace", identifier).stdout
            self.assertIn("ann@here.test led to ann@there.test (forward)", story)
            self.assertIn("delivered to", story)
            back = self.here.ctl("trace", "ann@here.test").stdout
            ids = [line.split()[2] for line in back.splitlines()[1:] if line.strip()] if "ACCEPTED" in back else []
            stories = "".join(self.here.ctl("trace", one, check=False).stdout for one in ids)
            self.assertIn("had sent this message on before", stories, back)
        finally:
            self.here.ctl("account", "forward", "ann@here.test", "--off")
            self.there.ctl("account", "forward", "ann@there.test", "--off")

    def test_the_mark_of_who_forwards_is_in_that_copy_and_in_no_other(self):
        self.here.ctl("account", "forward", "bob@here.test", "hidden@script.test")
        again = {"now": True}

        def answer(verb, _count):
            return "451 4.3.0 come again" if verb == "." and again["now"] else None
        try:
            for name, filling in (("small", b"x\r\n"), ("large", b"x" * 70 + b"\r\n")):
                with self.subTest(name), RemoteScript(SCRIPT, 2525, answer) as remote:
                    again["now"] = True
                    body = filling * (1 if name == "small" else 9_000)
                    # bob is a blind copy: nobody else may see that somebody else has it.
                    code, words = self.here.submit(message(name, body, sender=self.here.user_name(1)), ["cyd@here.test", "cyd@there.test", "bob@here.test"])
                    self.assertEqual(code, 250, words)
                    copies = [*self.arrives(self.here, "cyd", name), *self.arrives(self.there, "cyd", name), *self.arrives(self.here, "bob", name)]
                    self.assertEqual([text.lower().count(b"x-forwarded-mark") for text in copies], [0, 0, 0])
                    wait_until(lambda: remote.messages, 60, "the copy that is forwarded")
                    self.here.kill()
                    self.here.start()
                    again["now"] = False
                    wait_until(lambda: json.loads(self.here.ctl("queue", "list", "--json").stdout)["messages"], 60, "it waits")
                    self.here.ctl("queue", "retry", "--all")
                    wait_until(lambda: len(remote.messages) >= 2, 60, "the second attempt")
                    self.all_quiet()
                    for text in remote.messages:
                        self.assertEqual(text.count(b"X-Forwarded-Mark: "), 1)
                        self.assertTrue(text.startswith(b"X-Forwarded-Mark: "), text[:100])
                        self.assertTrue(text.endswith(body))
                    sizes = [int(re.search(r"SIZE=(\d+)", command).group(1)) for command in remote.commands if command.startswith("MAIL")]
                    self.assertEqual(sizes, [len(text) for text in remote.messages])
        finally:
            self.here.ctl("account", "forward", "bob@here.test", "--off")

    def test_a_report_of_our_own_is_marked_in_the_copy_that_is_forwarded_alone(self):
        self.here.ctl("alias", "add", "team@here.test", self.here.user_name(1), "bob@here.test")
        self.here.ctl("account", "forward", "bob@here.test", "hidden@script.test", "--no-copy")
        try:
            with RemoteScript(SCRIPT, 2525) as remote:
                with smtplib.SMTP(self.here.host, self.here.ports["submission"], timeout=60) as link:
                    link.ehlo()
                    link.login(self.here.user_name(1), self.here.password)
                    link.mail("team@here.test")
                    link.rcpt("nobody@there.test")
                    self.assertEqual(link.data(message("to nobody", sender="team@here.test").decode())[0], 250)

                def reports():
                    return [text for _, text in self.here.messages(1) if b"multipart/report" in text and b"to nobody" in text]
                wait_until(reports, 60, "the report")
                wait_until(lambda: remote.messages, 60, "what bob forwards of it")
                self.all_quiet()
                self.assertEqual(reports()[0].count(b"X-Forwarded-Mark"), 0)
                self.assertEqual([text.count(b"X-Forwarded-Mark: ") for text in remote.messages], [1])
                self.assertIn("MAIL FROM:<>", " ".join(remote.commands))
            story = self.here.ctl("trace", "hidden@script.test").stdout
            self.assertIn("what an account forwards of our own message", story)
        finally:
            self.here.ctl("account", "forward", "bob@here.test", "--off")
            self.here.ctl("alias", "remove", "team@here.test", "--yes")

    def test_a_copy_stays_and_the_other_leaves_under_our_name(self):
        self.here.ctl("account", "forward", "bob@here.test", "bob@there.test")
        try:
            self.assertIn("keeps a copy", self.here.ctl("account", "show", "bob@here.test").stdout)
            self.deliver(self.here, "copied", "bob@here.test")
            self.arrives(self.here, "bob", "copied")
            arrived = self.arrives(self.there, "bob", "copied")[0]
            self.assertRegex(arrived, rb"Return-Path: <FWD0=\w+=\w\w=\d+@here\.test>")
            self.assertEqual(arrived.count(b"Return-Path:"), 1)
            route = self.here.ctl("check", "route", "bob@here.test").stdout
            self.assertIn("bob@here.test keeps a copy and forwards to bob@there.test", route)
            self.assertIn("bob@there.test: ", route)
        finally:
            self.here.ctl("account", "forward", "bob@here.test", "--off")

    def test_who_forwards_hears_of_what_bounces_with_the_message_and_the_sender_does_not(self):
        self.here.ctl("account", "forward", "cyd@here.test", "secret@there.test", "--no-copy")
        try:
            with RemoteScript(SCRIPT, 2525) as remote:
                link = self.here.smtp()
                link.ehlo()
                link.mail("stranger@script.test")
                self.assertEqual(link.rcpt("cyd@here.test")[0], 250)
                code, words = link.data(message("for cyd alone").decode())
                self.assertEqual(code, 250)
                link.quit()
                report = wait_until(lambda: [text for text in self.mail_of(self.here, "cyd") if b"multipart/report" in text and b"for cyd alone" in text],
                                    60, "a report for who forwards")[0]
                self.all_quiet()
                self.assertEqual(remote.messages, [])
            parts = email.message_from_bytes(report).get_payload()
            self.assertIn("Final-Recipient: rfc822; secret@there.test", parts[1].as_string())
            self.assertEqual(parts[2].get_content_type(), "message/rfc822")
            # As it left.
            self.assertEqual(parts[2].get_payload(0).get_all("X-Forwarded-Mark", [])[1:], [])
            self.assertIsNotNone(parts[2].get_payload(0)["X-Forwarded-Mark"])
            self.assertEqual(email.message_from_bytes(report)["To"], "<cyd@here.test>")
            identifier = re.search(r"2\.0\.0 (\w+)", words.decode()).group(1)
            story = self.here.ctl("trace", identifier).stdout
            self.assertIn("secret@there.test", story)
            self.assertIn("told cyd@here.test", story)
        finally:
            self.here.ctl("account", "forward", "cyd@here.test", "--off")

    def test_a_lists_owner_hears_of_what_bounces_and_the_poster_does_not(self):
        self.here.ctl("alias", "add", "all@here.test", "cyd@here.test", "cyd@there.test", "nobody@there.test", "--owner", "bob@here.test")
        self.assertIn("bob@here.test", self.here.ctl("alias", "show", "all@here.test").stdout)
        identifier = self.deliver(self.here, "to all", "all@here.test")
        self.arrives(self.here, "cyd", "to all")
        arrived = self.arrives(self.there, "cyd", "to all")[0]
        self.assertIn(b"Return-Path: <bob@here.test>", arrived)
        report = wait_until(lambda: [text for text in self.mail_of(self.here, "bob") if b"multipart/report" in text and b"to all" in text],
                            60, "a report for the owner")[0]
        self.assertIn(b"nobody@there.test", report)
        self.all_quiet()
        story = self.here.ctl("trace", identifier).stdout
        self.assertIn("all@here.test led to", story)
        self.assertIn("all@here.test led to 2 members elsewhere, in message ", story)
        members = re.search(r"in message (\w+)", story).group(1)
        self.assertIn("cyd@there.test", self.here.ctl("trace", members).stdout)

    def test_success_is_told_once_for_a_mailbox_and_for_an_alias(self):
        self.here.ctl("alias", "add", "both@here.test", "cyd@here.test", "cyd@there.test")
        with RemoteScript(SCRIPT, 2525) as remote:
            link = self.here.smtp()
            for subject, to in (("to one", "cyd@here.test"), ("to both", "both@here.test")):
                link.ehlo()
                link.mail("poster@script.test", ["ENVID=id1"])
                self.assertEqual(link.rcpt(to, ["NOTIFY=SUCCESS", f"ORCPT=rfc822;{to}"])[0], 250)
                self.assertEqual(link.data(message(subject).decode())[0], 250)
            link.quit()
            wait_until(lambda: len(remote.messages) >= 2, 60, "two reports")
            self.all_quiet()
            self.assertEqual(len(remote.messages), 2)
            texts = {next(word for word in ("to one", "to both") if word.encode() in text): text for text in remote.messages}
            for subject, action, to in (("to one", "delivered", "cyd@here.test"), ("to both", "expanded", "both@here.test")):
                status = email.message_from_bytes(texts[subject]).get_payload()[1].as_string()
                self.assertIn(f"Action: {action}", status)
                self.assertIn(f"Final-Recipient: rfc822; {to}".lower(), status.lower())
                self.assertIn("Original-Envelope-Id: id1", status)

    def test_a_circle_is_refused_when_it_is_made(self):
        self.here.ctl("alias", "add", "a@here.test", "b@here.test")
        refused = self.here.ctl("alias", "add", "b@here.test", "a@here.test", check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("b@here.test -> a@here.test -> b@here.test", refused.stderr)
        self.here.ctl("alias", "remove", "a@here.test", "--yes")

    def test_a_list_of_ten_thousand_is_one_message(self):
        members = [f"m{n}@script.test" for n in range(10_000)]
        self.here.ctl("alias", "add", "many@here.test", *members, "--owner", "bob@here.test")
        with RemoteScript(SCRIPT, 2525, keywords=("PIPELINING", "8BITMIME", "SIZE 10000000", "LIMITS RCPTMAX=1000")) as remote:
            self.deliver(self.here, "to many", "many@here.test")
            wait_until(lambda: sum(command.startswith("RCPT") for command in list(remote.commands)) >= 10_000, 120, "all members")
            wait_until(lambda: len(remote.messages) == 10, 60, "ten transactions")
            self.all_quiet()
            self.assertEqual(len({command.split()[1] for command in remote.commands if command.startswith("RCPT")}), 10_000)
        self.here.ctl("alias", "remove", "many@here.test", "--yes")


if __name__ == "__main__":
    unittest.main(verbosity=2)
