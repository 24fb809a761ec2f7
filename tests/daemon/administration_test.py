"""mailboxctl against the running daemon: every act is seen by SMTP and IMAP at once, survives a restart, speaks JSON, and
says by its exit code and its words what went wrong (L6: closed pipe, no daemon)."""
import imaplib
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import executable
from box_case import BoxCase, message


class Administration(BoxCase):
    accounts = 3

    def rcpt(self, address):
        with self.box.smtp() as link:
            link.ehlo()
            link.mail("a@sample.test")
            code, text = link.docmd(f"RCPT TO:<{address}>")  # as it stands: smtplib's rcpt() changes source routes
            return code, text[:5].decode()

    def test_domains_come_and_go(self):
        box = self.box
        self.assertEqual(self.rcpt("x@second.test"), (550, "5.7.1"))
        box.ctl("domain", "add", "second.test")
        self.assertEqual(self.rcpt("x@second.test"), (550, "5.1.1"))
        self.assertEqual(self.rcpt("postmaster@second.test")[0], 250)
        box.add_account("x@second.test")
        self.assertEqual(self.rcpt("x@second.test")[0], 250)
        self.assertNotEqual(box.ctl("domain", "remove", "second.test", "--yes", check=False).returncode, 0,
                            "a domain with accounts is not removed")
        box.ctl("domain", "set", "second.test", "--catch-all", "x@second.test")
        self.assertEqual(self.rcpt("anybody@second.test")[0], 250)
        box.ctl("domain", "set", "second.test", "--disable")
        self.assertEqual(self.rcpt("x@second.test")[0], 550)
        box.ctl("domain", "set", "second.test", "--enable", "--catch-all", "")
        self.assertEqual(self.rcpt("anybody@second.test"), (550, "5.1.1"))
        box.ctl("account", "remove", "x@second.test", "--yes")
        box.ctl("domain", "remove", "second.test", "--yes")
        self.assertEqual(self.rcpt("x@second.test"), (550, "5.7.1"))

    def test_aliases_deliver_once_to_each_target(self):
        box = self.box
        box.ctl("alias", "add", "team@example.test", box.user_name(2), box.user_name(3))
        self.assertEqual(box.deliver(message("for the team"), to="Team+x@example.test")[0], 250)
        for number in (2, 3):
            self.assertEqual(len([b for _, b in box.messages(number) if b"Subject: for the team" in b]), 1)
        files = [p for p in (box.data / "mail").rglob("new/*") if b"Subject: for the team" in p.read_bytes()]
        self.assertEqual(len({p.stat().st_ino for p in files}), 1, "stored once, hard-linked")
        box.ctl("alias", "set", "team@example.test", "--disable")
        self.assertEqual(self.rcpt("team@example.test")[0], 550)
        box.ctl("alias", "remove", "team@example.test", "--yes")
        self.assertEqual(self.rcpt("team@example.test"), (550, "5.1.1"))

    def test_an_alias_that_names_itself_does_not_go_in_circles(self):
        box = self.box
        first = box.ctl("alias", "add", "one@example.test", "two@example.test", check=False)
        second = box.ctl("alias", "add", "two@example.test", "one@example.test", check=False)
        if first.returncode == 0 and second.returncode == 0:
            self.assertEqual(self.rcpt("one@example.test"), (550, "5.4.6"))
        for name in ("one@example.test", "two@example.test"):
            box.ctl("alias", "remove", name, "--yes", check=False)

    def test_every_list_and_show_is_json_on_demand(self):
        for words in (("status",), ("domain", "list"), ("domain", "show", "example.test"), ("account", "list"),
                      ("account", "show", self.box.user_name(1)), ("alias", "list"), ("session", "list"), ("config", "show")):
            with self.subTest(words):
                self.assertIsInstance(self.box.ctl_json(*words), (dict, list))
                self.assertTrue(self.box.ctl(*words).stdout is not None)

    def test_names_that_are_no_addresses_are_refused_with_a_reason(self):
        for name in ("", "noat", "a@b@example.test", "a b@example.test", "x@unknown.test", "../x@example.test", "a/b@example.test",
                     ".@example.test", "x" * 65 + "@example.test", "a\nb@example.test", "user0001@example.test"):
            with self.subTest(name):
                done = self.box.ctl("account", "add", name, "--password-stdin", text="long enough 5\n", check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertNotEqual(done.stderr, "")
        self.assertFalse([p for p in (self.box.data / "mail").rglob("*") if p.name in ("x", "b", "..")])

    def test_what_is_not_there_is_said(self):
        for words in (("account", "show", "none@example.test"), ("domain", "show", "none.test"), ("alias", "show", "none@example.test"),
                      ("account", "remove", "none@example.test", "--yes"), ("alias", "remove", "none@example.test", "--yes")):
            done = self.box.ctl(*words, check=False)
            self.assertNotIn(done.returncode, (0, -6, -11), words)
            self.assertIn("none", done.stderr)

    def test_ids_that_are_not_there_fail_and_are_named(self):
        for act in ("hold", "release", "retry", "bounce", "delete"):
            with self.subTest(act=act):
                sure = ("--yes",) if act in ("bounce", "delete") else ()
                done = self.box.ctl("queue", act, "0abc", "zzz", *sure, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn("not in the queue: 0abc, zzz", done.stdout)
                done = self.box.ctl("queue", act, "zzz", "--json", *sure, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertEqual(json.loads(done.stdout)["unknown_ids"], ["zzz"])
        for command in (("queue", "show", "zzz"), ("trace", "zzz"), ("trace", "zzz", "--json")):
            self.assertEqual(self.box.ctl(*command, check=False).returncode, 1)

    def test_check_route_says_what_a_session_says(self):
        host = f"mail.{self.box.domain}"
        for address in (f"root@{host}", f"www-data@{host}", "postmaster@[127.0.0.1]", "postmaster@[IPv6:::1]", "x@[127.0.0.1]", "x@[IPv6:::1]",
                        "user0001@example.test", "nobody@example.test", "postmaster", "@hub.test:user0001@example.test",
                        "@hub.test,@next.test:nobody@example.test", "a/b@example.test", '"a/b"@example.test', '"a\\"b"@example.test',
                        '"a\\\\b"@example.test', '"..\\\\.."@example.test', '"a b?c#d%2f"@example.test'):
            with self.subTest(address=address):
                code, _ = self.rcpt(address)
                told = self.box.ctl("check", "route", address).stdout if code == 250 else self.box.ctl("check", "route", address, check=False).stdout
                verdict = told.strip().splitlines()[-1]
                stranger = next(one for one in verdict.split(". ") if "A message would" in one or "a stranger" in one)
                self.assertEqual("delivered here" in stranger, code == 250, told)
                self.assertEqual("refused: 550" in stranger, code == 550, told)
                self.assertTrue(told.startswith(address + "\n"), told)

    def test_check_route_of_accounts_that_take_nothing_now(self):
        box, owner = self.box, "full@example.test"
        box.add_account(owner)
        box.ctl("account", "set", owner, "--quota-messages", "1")
        self.assertEqual(box.deliver(message("fills it"), to=owner)[0], 250)
        for act, code, enhanced in ((("--no-admin",), 452, "4.2.2"), (("--disable",), 550, "5.2.1")):
            box.ctl("account", "set", owner, *act)
            with box.smtp() as link:
                link.ehlo()
                link.mail("a@sample.test")
                said = link.rcpt(owner)
            self.assertEqual((said[0], said[1][:5].decode()), (code, enhanced))
            told = box.ctl("check", "route", owner).stdout
            self.assertIn(f"would be {'put off' if code == 452 else 'refused'}: {code} {said[1].decode()}", told)
            self.assertEqual(box.ctl_json("check", "route", owner)["reachable"], False)

    def test_odd_words_are_told_as_they_are(self):
        quoted = '"a\\"b/c"@example.test'
        for command in (("check", "route", quoted), ("account", "show", quoted), ("alias", "show", quoted), ("queue", "show", "../../x"),
                        ("account", "show", "a\\b"), ("trace", quoted)):
            with self.subTest(command=command):
                done = self.box.ctl(*command, check=False)
                self.assertEqual(done.returncode, 0 if command[0] == "check" else 1, done)
                self.assertNotIn("not served", done.stderr)
                if command[0] != "trace":
                    self.assertIn(command[2], done.stdout + done.stderr)
        for command in (("check", "route", "user0001@example.test\n"), ("queue", "show", ""), ("trace", "\x01"), ("trace", "--since", "tomorrow"),
                        ("trace", "--since=-1h"), ("check", "route", "a@b.test", "--sender", "x"), ("account", "show", "..")):
            with self.subTest(command=command):
                self.assertEqual(self.box.ctl(*command, check=False).returncode, 2)
        held = self.box.ctl("queue", "hold", "--standing", "--destination", "gate.test.").stdout
        self.assertIn("held from now on", held)
        self.assertEqual(self.box.ctl_json("queue", "holds")["holds"][0]["destination"], "gate.test")
        self.box.ctl("queue", "release", "--destination", "gate.test.")
        self.assertEqual(self.box.ctl_json("queue", "holds")["holds"], [])

    def test_check_route_of_what_only_programs_reach_and_of_nothing(self):
        told = self.box.ctl("check", "route", "root@localhost").stdout
        self.assertIn("for programs of this machine localhost is this machine itself", told)
        self.assertIn("it reaches the account user0001@example.test", told)
        self.assertIn("A message of a program of this machine would be delivered here, to 1 mailbox. For users who have logged in: ", told)
        done = self.box.ctl("check", "route", "", check=False)
        self.assertEqual((done.returncode, done.stderr.count("the address is empty")), (2, 1), done.stderr)
        self.assertEqual(self.box.ctl("check", "route", "nobody", check=False).returncode, 1)

    def test_an_alias_that_leads_elsewhere_says_who_reads_where(self):
        words = "whoever writes to it is told bob@partner.test where that cannot be delivered"
        owner = "mailboxctl alias set away@example.test --owner ADDRESS"
        added = self.box.ctl("alias", "add", "away@example.test", "bob@partner.test", self.box.user_name(1)).stdout
        self.assertIn(words, added)
        self.assertIn(owner, added)
        self.assertIn(owner, self.box.ctl("alias", "show", "away@example.test").stdout)
        self.assertIn("the sender reads that address; give the alias an owner", self.box.ctl("check", "route", "away@example.test").stdout)
        self.assertNotIn(words, self.box.ctl("alias", "set", "away@example.test", "--owner", self.box.user_name(1)).stdout)
        self.assertNotIn("give the alias an owner", self.box.ctl("check", "route", "away@example.test").stdout)
        self.box.ctl("alias", "remove", "away@example.test", "--yes")

    def test_a_password_may_be_anything_that_a_line_can_hold(self):
        """J7: spaces, quotes, letters of any script; beyond 1,024 bytes it is refused."""
        for password in ("with  spaces  inside", 'quo"te\\back slash', "пароль-ёлка-漢字", "xyz0" * 256):
            self.box.add_account("odd@example.test", password)
            link = imaplib.IMAP4(self.box.host, self.box.ports["imap"], timeout=60)
            answer = link.authenticate("PLAIN", lambda _: f"\0odd@example.test\0{password}".encode())
            self.assertEqual(answer[0], "OK", password)
            link.logout()
            self.box.ctl("account", "remove", "odd@example.test", "--yes", "--keep", "0s")
        done = self.box.ctl("account", "add", "odd@example.test", "--password-stdin", text="xyz0" * 256 + "!\n", check=False)
        self.assertNotEqual(done.returncode, 0)

    def test_everything_survives_a_restart(self):
        box = self.box
        box.add_account("kept@example.test")
        box.ctl("alias", "add", "also.kept@example.test", "kept@example.test")
        self.assertEqual(box.deliver(message("kept"), to="also.kept@example.test")[0], 250)
        before = [box.ctl_json("account", "list"), box.ctl_json("alias", "list"), box.ctl_json("domain", "list")]
        uids = [uid for uid, _ in box.messages(1)]
        box.stop()
        box.start()
        self.assertEqual([box.ctl_json("account", "list"), box.ctl_json("alias", "list"), box.ctl_json("domain", "list")], before)
        self.assertEqual([uid for uid, _ in box.messages(1)], uids)
        link = imaplib.IMAP4(box.host, box.ports["imap"], timeout=60)
        link.login("kept@example.test", box.password)
        self.assertEqual(link.select("INBOX")[1], [b"1"])
        link.logout()

    def test_completion_scripts_are_understood_by_their_shell(self):
        script = self.box.command_line("ctl", "completion", "bash").stdout
        self.assertIn("mailboxctl", script)
        checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertIn("account", script)

    def test_l6_a_closed_pipe_is_quiet_and_no_daemon_is_explained(self):
        socket = self.box.run / "control.sock"
        piped = subprocess.run(["bash", "-c", 'set -o pipefail; "$1" ctl --socket "$2" config show | true', "x", executable(),
                                str(socket)], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(piped.stderr, "")
        done = self.box.command_line("ctl", "--socket", self.box.run / "nobody.sock", "status", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nobody.sock", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
