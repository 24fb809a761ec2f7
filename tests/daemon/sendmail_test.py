"""sendmail, mailq and newaliases as programs know them: with the daemon running, with it stopped, killed, and with users who
put everything but mail into the drop directory. The programs are links to the executable, as a package makes them."""
import email
import email.policy
import glob
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import Appliance, SANITIZER_REPORT, executable, wait_until

OK, USAGE, DATAERR, NOUSER, TEMPFAIL, NOPERM = 0, 64, 65, 67, 75, 77
PLAIN = b"Subject: plain\n\nhello\n"
AS_ROOT = os.geteuid() == 0


class Sink(socketserver.ThreadingTCPServer):
    """A remote server that takes everything but mail for late@: [(sender, recipients, message, options of MAIL and RCPT)]."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), SinkSession)
        self.mail = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def place(self):
        return f"127.0.0.1:{self.server_address[1]}"


class SinkSession(socketserver.StreamRequestHandler):
    def handle(self):
        say = lambda text: self.wfile.write(text.encode() + b"\r\n")
        say("220 sink.remote.test ESMTP")
        sender, recipients, options = "", [], []
        for line in self.rfile:
            word = line.decode(errors="replace").strip()
            verb = word[:4].upper()
            if verb == "EHLO":
                say("250-sink.remote.test\r\n250-8BITMIME\r\n250 DSN")
            elif verb in ("MAIL", "RCPT"):
                address = re.search(r"<(.*?)>", word).group(1)
                options.append(word[word.index(">") + 1:].strip())
                if verb == "MAIL":
                    sender = address
                    recipients = []
                else:
                    if address.startswith("late@"):
                        say("550 5.1.1 nobody here")
                        continue
                    recipients.append(address)
                say("250 2.1.0 ok")
            elif verb == "DATA":
                say("354 go on")
                body = b""
                while (line := self.rfile.readline()) != b".\r\n":
                    body += line[1:] if line.startswith(b".") else line
                self.server.mail.append((sender, recipients, body, options))
                options = []
                say("250 2.0.0 taken")
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")


class SendmailCase(unittest.TestCase):
    settings = {}
    accounts = 3

    def setUp(self):
        self.sink = Sink()
        self.box = Appliance(accounts=self.accounts, settings=self.settings,
                             routes=[{"domain": "remote.test", "host": self.sink.place, "tls": "none"}])
        self.box.__enter__()
        self.box.run.chmod(0o711)  # as systemd makes it
        self.links = self.box.folder / "bin"
        self.links.mkdir()
        self.program = self.copy_for_everybody()
        for name in ("sendmail", "mailq", "newaliases"):
            (self.links / name).symlink_to(self.program)
        self.drop = self.box.folder / "drop"

    def copy_for_everybody(self):
        """The build's folder may be closed to other users."""
        program = self.box.folder / "program"
        shutil.copy2(executable(), program)
        program.chmod(0o755)
        return program

    def tearDown(self):
        kind = sys.exc_info()[0]
        self.sink.shutdown()
        self.sink.server_close()
        if self.box.process is None:
            self.box.start()
        self.box.__exit__(kind, None, None)

    def call(self, name, *arguments, text=PLAIN, user=None, expect=OK, environment=None):
        command = [str(self.links / name), *arguments]
        env = {"PATH": "/usr/bin:/bin", "ASAN_OPTIONS": "detect_leaks=0", "MAILBOXD_CONFIG": str(self.box.config)} | (environment or {})
        identity = {}
        if user:
            entry = pwd.getpwnam(user)
            identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        done = subprocess.run(command, input=text, capture_output=True, timeout=60, check=False, env=env, cwd="/", **identity)
        output = (done.stdout + done.stderr).decode(errors="replace")
        self.assertFalse(SANITIZER_REPORT.search(output), output)
        self.assertEqual(done.returncode, expect, f"{command}\n{output}")
        return output

    def send(self, *arguments, **keywords):
        return self.call("sendmail", *arguments, **keywords)

    def dropped(self):
        return sorted(p.name for p in self.drop.iterdir() if p.name.startswith("mail-"))

    def bodies(self, number=1, subject=None, count=1):
        """Messages of an account, as soon as there are `count` of that subject."""
        def found():
            parsed = [email.message_from_bytes(body, policy=email.policy.SMTP) for _, body in self.box.messages(number)]
            parsed = [one for one in parsed if subject is None or str(one["Subject"]) == subject]
            return parsed if len(parsed) >= count else None
        all_of_them = wait_until(found, 60, f"{count} messages about {subject}")
        self.assertEqual(len(all_of_them), count)
        return all_of_them

    def wait_drop_empty(self):
        wait_until(lambda: not self.dropped(), 60, "the drop directory is empty")


class Running(SendmailCase):
    def test_mail_of_cron_php_and_scripts_to_here_and_elsewhere(self):
        cron = b"From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@box> backup\n\ndone\n"
        self.send("-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root", text=cron)
        got = self.bodies(1, "Cron <root@box> backup")[0]  # user0001 is the administrator
        self.assertEqual(str(got["From"]), "Cron Daemon <root@mail.example.test>")
        self.assertEqual(str(got["To"]), "root@mail.example.test")
        self.assertRegex(str(got["Received"]), rf"\(uid {os.geteuid()}\)")
        self.assertTrue(got["Date"] and got["Message-ID"])

        self.send("-t", "-i", "-fuser0002@example.test",
                  text=b"To: user0003@example.test\r\nCc: Far <far@remote.test>\r\nBcc: hidden@remote.test\r\nSubject: php\r\n\r\nbody\r\n")
        got = self.bodies(3, "php")[0]
        self.assertIsNone(got["Bcc"])
        self.assertEqual(str(got["Return-Path"]), "<user0002@example.test>")
        wait_until(lambda: self.sink.mail, 60, "the remote has it")
        wait_until(lambda: sum(len(one[1]) for one in self.sink.mail) == 2, 60, "both recipients")
        sender, _, body, _ = self.sink.mail[0]
        self.assertEqual(sender, "user0002@example.test")
        self.assertEqual({to for one in self.sink.mail for to in one[1]}, {"far@remote.test", "hidden@remote.test"})
        self.assertNotIn(b"hidden", body)
        self.assertEqual(self.dropped(), [])

    def test_dots_long_8_bit_and_odd_line_ends(self):
        self.send("user0002@example.test", text=b"Subject: dot\n\nbefore\n.\nbehind\n")
        self.assertEqual(self.bodies(2, "dot")[0].get_payload(), "before\r\n")
        self.send("-i", "user0002@example.test", text=b"Subject: no dot\n\nbefore\n.\n..x\nbehind")
        self.assertEqual(self.bodies(2, "no dot")[0].get_payload(), "before\r\n.\r\n..x\r\nbehind\r\n")
        self.send("-oi", "user0002@example.test", text="Subject: odd\n\n10%\r20%\r\nПривет\0\n".encode())
        raw = [body for _, body in self.box.messages(2) if b"Subject: odd" in body][0]
        self.assertTrue(raw.endswith("\r\n\r\n10%\r\n20%\r\nПривет\r\n".encode()), raw)
        self.send("user0002@example.test", text=b"no header at all\n")
        raw = [body for _, body in self.box.messages(2) if b"no header at all" in body][0]
        self.assertIn(b"\r\n\r\nno header at all\r\n", raw)
        self.assertIn(b"\r\nFrom: ", raw)

    def test_full_name_null_sender_dsn_options(self):
        self.send("-F", "Анна (work)", "-f", "user0002@example.test", "user0003@example.test")
        self.assertEqual(str(self.bodies(3, "plain")[0]["From"]), '"Анна (work)" <user0002@example.test>')
        self.send("-f", "<>", "-N", "never", "-R", "hdrs", "-V", "abc", "far@remote.test")
        wait_until(lambda: self.sink.mail, 60, "the remote has it")
        sender, _, _, options = self.sink.mail[0]
        self.assertEqual(sender, "")
        self.assertIn("NOTIFY=NEVER", " ".join(options))
        self.assertIn("ENVID=abc", " ".join(options))

    def test_who_is_refused_and_how_that_is_told(self):
        told = self.send("nobody@example.test", "user0002@example.test", expect=NOUSER)
        self.assertIn("nobody@example.test: 550 5.1.1", told)
        self.bodies(2, "plain")  # the other has it
        self.send("nobody@example.test", expect=NOUSER)
        self.send("-t", text=PLAIN, expect=USAGE)
        self.send("-Z", expect=USAGE)
        for sender in ("a b@c.test", "x@y.test, z@w.test", "<x@y.test> z", "x@y.test>", "()"):
            told = self.send("-f", sender, "user0003@example.test", expect=DATAERR)
            self.assertIn(sender, told)
            self.assertIn("address", told)
        for recipient in ("x y user0002@example.test", "user0002@example.test x"):
            self.assertIn(recipient + " is no address", self.send(recipient, expect=DATAERR))
        self.send("a b@c d@e..f", "user0003@example.test", expect=DATAERR)
        self.bodies(3, "plain")
        # As they were written.
        for recipient in ("ann@", "<ann@>", "@a.test", "team: user0002@example.test"):
            self.assertIn("sendmail: " + recipient + " is no address", self.send(recipient, expect=DATAERR))
        for recipient in ('"no body"@example.test', '"a\\"b"@example.test'):
            self.assertIn(recipient + ": 550 5.1.1", self.send(recipient, expect=NOUSER))
        # What RCPT takes between brackets.
        self.send("@a.test:user0003@example.test", text=b"Subject: routed\n\nx\n")
        self.send("@a.test,@b.test:user0003@example.test", text=b"Subject: routed twice\n\nx\n")
        self.bodies(3, "routed")
        self.bodies(3, "routed twice")
        self.assertEqual(self.dropped(), [])

    def test_large_messages_are_refused_at_once(self):
        self.box.write_config(smtp__max_message_size="65536B")
        self.box.ctl("reload")
        self.send("user0002@example.test", text=b"Subject: x\n\n" + b"x" * 70000, expect=DATAERR)
        self.box.config.chmod(0o600)
        # Whoever cannot read the configuration hears it from the daemon.
        environment = {"MAILBOXD_CONFIG": "/nonexistent", "MAILBOXD_SENDMAIL_SOCKET": str(self.box.run / "sendmail.sock")}
        told = self.send("user0002@example.test", text=b"Subject: x\n\n" + b"x" * 70000, expect=DATAERR, environment=environment)
        self.assertIn("552 5.3.4", told)

    @unittest.skipUnless(AS_ROOT, "only root becomes another user")
    def test_other_users_send_but_not_as_anybody_and_see_no_queue(self):
        self.send("-f", "boss@elsewhere.test", "user0002@example.test", user="daemon", expect=NOPERM)
        self.send("user0002@example.test", user="daemon")
        got = self.bodies(2, "plain")[0]
        uid = pwd.getpwnam("daemon").pw_uid
        self.assertRegex(str(got["Received"]), rf"\(uid {uid}\)")
        self.assertEqual(str(got["Return-Path"]), "<daemon@mail.example.test>")
        self.assertIn("only root", self.call("mailq", user="daemon", expect=NOPERM))
        self.assertIn("only root", self.call("sendmail", "-q", user="daemon", expect=NOPERM))
        # A trusted one may.
        self.box.write_config(sendmail__trusted_users="daemon")
        self.box.ctl("reload")
        self.send("-f", "boss@elsewhere.test", "user0003@example.test", user="daemon")
        self.assertEqual(str(self.bodies(3, "plain")[0]["Return-Path"]), "<boss@elsewhere.test>")

    @unittest.skipUnless(AS_ROOT, "only root becomes another user")
    def test_over_the_limit_mail_waits_in_the_drop_directory(self):
        self.box.write_config(sendmail__max_messages_per_hour=2)
        self.box.ctl("reload")
        for number in range(4):
            self.send("user0002@example.test", text=b"Subject: many\n\nx\n", user="daemon")
        self.bodies(2, "many", 2)
        self.assertEqual(len(self.dropped()), 2)
        self.send("user0002@example.test", text=b"Subject: of root\n\nx\n")
        self.bodies(2, "of root")

    def test_mailq_newaliases_and_smtp_on_standard_input(self):
        self.assertIn("Mail queue is empty", self.call("mailq"))
        self.assertIn("mailboxctl alias", self.call("newaliases"))
        self.sink.shutdown()
        self.sink.server_close()
        self.send("far@remote.test")
        wait_until(lambda: "far@remote.test" in self.call("mailq"), 60, "it waits")
        listed = self.call("sendmail", "-bp")
        self.assertIn("-Queue ID-", listed)
        self.assertIn("in 1 Request.", listed)
        self.call("sendmail", "-q")
        said = self.call("sendmail", "-bs", text=b"EHLO x\r\nMAIL FROM:<root@localhost>\r\nRCPT TO:<user0002@example.test>\r\n"
                         b"DATA\r\nSubject: bs\r\n\r\nx\r\n.\r\nQUIT\r\n")
        self.assertIn("250 2.0.0", said)
        self.bodies(2, "bs")
        self.sink = Sink()

    def test_a_failure_elsewhere_is_told_to_root_which_is_no_mailbox(self):
        self.send("-f", "root", "far@remote.test")
        wait_until(lambda: self.sink.mail, 60, "the remote has it")
        self.assertEqual(self.sink.mail[0][0], "root@mail.example.test")
        self.send("-f", "root", "late@remote.test", text=b"Subject: late\n\nx\n")
        wait_until(lambda: any(b"late@remote.test" in body and b"nobody here" in body for _, body in self.box.messages(1)), 60,
                   "the administrator is told")


class Stopped(SendmailCase):
    def test_mail_is_kept_while_the_daemon_is_stopped_and_sent_once_at_its_start(self):
        self.box.stop()
        for number in range(3):
            self.send("-t", text=f"To: user0002@example.test, far@remote.test\nSubject: kept {number}\n\nПривет\n".encode())
        self.send("root", text=b"Subject: to root\n\nx\n")
        self.assertEqual(len(self.dropped()), 4)
        self.box.start()
        self.wait_drop_empty()
        for number in range(3):
            self.assertEqual(len(self.bodies(2, f"kept {number}")), 1)
        self.bodies(1, "to root")
        wait_until(lambda: len(self.sink.mail) == 3, 60, "the remote has all")
        # A second start finds nothing more.
        self.box.stop()
        self.box.start()
        self.assertEqual(len(self.box.messages(2)), 3)

    def test_what_appears_while_it_runs_is_taken_in_too(self):
        self.send("user0002@example.test", environment={"MAILBOXD_SENDMAIL_SOCKET": "/nonexistent"})
        self.bodies(2, "plain")
        self.wait_drop_empty()

    @unittest.skipUnless(AS_ROOT, "only root becomes another user")
    def test_other_users_can_leave_mail_and_see_nobody_elses(self):
        self.box.stop()
        self.send("user0002@example.test", user="daemon")
        name = self.dropped()[0]
        self.assertEqual((self.drop / name).stat().st_mode & 0o007, 0)
        for command in (["ls", str(self.drop)], ["cat", str(self.drop / name)], ["rm", "-f", str(self.drop / name)]):
            done = subprocess.run(command, capture_output=True, check=False, user="bin", group="bin", extra_groups=[])
            self.assertNotEqual(done.returncode, 0, command)
        self.box.start()
        uid = pwd.getpwnam("daemon").pw_uid
        self.assertRegex(str(self.bodies(2, "plain")[0]["Received"]), rf"\(uid {uid}\)")

    @unittest.skipUnless(AS_ROOT, "only root becomes another user")
    def test_what_cannot_be_delivered_later_is_told_to_the_sender(self):
        self.box.stop()
        self.send("-f", "user0003@example.test", "nobody@example.test", "user0002@example.test", text=b"Subject: half\n\nx\n")
        # A sender that is not this user's: the report goes to the user, not to the boss.
        self.send("-f", "boss@remote.test", "user0002@example.test", text=b"Subject: forged\n\nx\n", user="daemon")
        self.send("-f", "<>", "nobody@example.test", text=b"Subject: silent\n\nx\n")
        self.box.start()
        self.wait_drop_empty()
        self.bodies(2, "half")
        report = wait_until(lambda: [body for _, body in self.box.messages(3)], 60, "a report")[0]
        self.assertIn(b"nobody@example.test", report)
        self.assertIn(b"5.1.1", report)
        wait_until(lambda: any(b"forged" in body and b"5.7.1" in body for _, body in self.box.messages(1)), 60, "the administrator has it")
        self.assertEqual(self.sink.mail, [])
        # Nobody could be told of the last one: it is kept aside.
        self.assertEqual(len(list((self.drop / ".aside").iterdir())), 1)

    def test_hostile_files_hold_up_nobody(self):
        self.box.stop()
        self.send("user0002@example.test", text=b"Subject: good\n\nx\n")
        good = self.drop / self.dropped()[0]
        (self.drop / "mail-0000-garbage").write_bytes(os.urandom(5000))
        (self.drop / "mail-0001-empty").write_bytes(b"")
        torn = good.read_bytes()
        (self.drop / "mail-0002-torn").write_bytes(torn[:-3])
        (self.drop / "mail-0003-changed").write_bytes(torn[:-3] + b"zzz")
        (self.drop / "mail-0004-link").symlink_to("/etc/passwd")
        os.mkfifo(self.drop / "mail-0005-pipe")
        (self.drop / "mail-0006-folder").mkdir()
        (self.drop / "mail-0007-first").write_bytes(torn)
        os.link(self.drop / "mail-0007-first", self.drop / "second")
        with socket.socket(socket.AF_UNIX) as odd:
            odd.bind(str(self.drop / "mail-0008-socket"))
            with open(self.drop / "mail-0009-hole", "wb") as hole:
                hole.truncate(1 << 40)
            os.chmod(self.drop / "mail-0009-hole", 0o644)
            for path in self.drop.glob("mail-000[0-37]*"):
                path.chmod(0o644)
            (self.drop / "tmp-unfinished").write_bytes(b"half")
            self.box.start()
            self.bodies(2, "good")
            wait_until(lambda: not [n for n in self.dropped() if n != "mail-0006-folder"], 60, "all others are set aside")
        aside = {p.name[5:9] for p in (self.drop / ".aside").iterdir()}
        self.assertLessEqual({f"000{n}" for n in (0, 1, 2, 3, 4, 5, 7, 8, 9)}, aside)
        self.assertTrue((self.drop / "tmp-unfinished").exists())
        self.assertIn("set aside", self.box.log())
        self.assertEqual(len(self.box.messages(2)), 1)
        # What nobody takes in is named.
        self.assertTrue((self.drop / "second").exists())
        self.assertEqual(self.box.log().count("are not sendmail's, and are left alone"), 1)
        self.assertEqual(self.box.metrics()["mailboxd_sendmail_foreign"], 1)
        self.assertIn("(second) is not sendmail's", self.box.ctl("status").stdout)
        # So is what was set aside, until somebody has removed it.
        count = len(list((self.drop / ".aside").iterdir()))
        told = f"{count} messages that sendmail had left were set aside in {self.drop}/.aside (mail-0000-garbage and others)"
        wait_until(lambda: told in self.box.ctl("status").stdout, 60, told)
        self.assertIn("are not sent, or not to all whom they were for: the log says why", self.box.http("/healthz")[1].decode())
        self.assertEqual(self.box.metrics()["mailboxd_sendmail_aside"], count)
        for path in (self.drop / ".aside").iterdir():
            path.unlink()
        (self.drop / "tmp-look-again").write_bytes(b"")
        wait_until(lambda: "were set aside" not in self.box.ctl("status").stdout, 60, "nothing is aside any more")
        # And goes on.
        self.send("user0003@example.test")
        self.bodies(3, "plain")

    def test_what_can_be_neither_taken_nor_moved_is_named(self):
        self.box.stop()
        # Where everybody may make names, somebody may have made this one.
        (self.drop / ".aside").write_bytes(b"in the way")
        (self.drop / "mail-0000-garbage").write_bytes(b"nothing of sendmail's")
        (self.drop / "mail-0000-garbage").chmod(0o644)
        (self.drop / "folder").mkdir()
        self.box.start()
        told = f"{self.drop}/mail-0000-garbage can be neither taken in as a message of sendmail nor set aside, and is not sent: "
        wait_until(lambda: told in self.box.ctl("status").stdout, 60, told)
        health = self.box.http("/healthz")
        self.assertEqual((health[0], health[1].decode().count(told)), (200, 1))
        self.assertIn(f"A directory in {self.drop} (folder) is not sendmail's", health[1].decode())
        self.assertEqual(self.box.metrics()["mailboxd_sendmail_stuck"], 1)
        (self.drop / "mail-0001-folder").mkdir()
        more = f"{self.drop}/mail-0000-garbage and 1 other there can be neither taken in as messages of sendmail nor set aside"
        wait_until(lambda: more in self.box.http("/healthz")[1].decode(), 60, more)
        # Until somebody has removed them.
        (self.drop / "mail-0000-garbage").unlink()
        for path in ("mail-0001-folder", "folder"):
            (self.drop / path).rmdir()
        (self.drop / ".aside").unlink()
        (self.drop / "tmp-look-again").write_bytes(b"")
        wait_until(lambda: self.box.http("/healthz")[1] == b"ok\n", 60, "all is well again")
        self.assertEqual(self.box.metrics()["mailboxd_sendmail_stuck"], 0)

    def test_killed_in_the_middle_nothing_is_lost_and_little_is_twice(self):
        self.box.stop()
        count = 120
        for number in range(count):
            self.send("user0002@example.test", text=f"Subject: kill {number}\n\nx\n".encode())
        kills = 0
        for _ in range(6):
            self.box.start(wait=False)
            left = len(self.dropped())
            # Somewhere in the middle of taking them in.
            wait_until(lambda: len(self.dropped()) < max(left - 5, 1) or not self.dropped(), 120, "some are taken in")
            self.box.kill()
            kills += 1
            if not self.dropped():
                break
        self.box.start()
        self.wait_drop_empty()

        def subjects():
            return [re.search(rb"Subject: (kill \d+)", body).group(1) for _, body in self.box.messages(2)]
        wait_until(lambda: len(set(subjects())) == count, 60, "every message")
        self.assertLessEqual(len(subjects()) - count, kills, "more than one message twice for each kill")
        print(f"{count} messages, {kills} kills, {len(subjects()) - count} twice", flush=True)

    def test_without_a_place_for_mail_the_caller_is_told_to_try_later(self):
        self.box.stop()
        told = self.send("user0002@example.test", expect=TEMPFAIL, environment={"MAILBOXD_DROP_DIRECTORY": "/nonexistent"})
        self.assertIn("/nonexistent", told)
        self.assertIn("421 4.3.2", self.call("sendmail", "-bs", text=b"", expect=TEMPFAIL))
        self.assertEqual(self.call("newaliases", expect=OK).count("\n"), 1)
        self.send("user0002@example.test")
        (self.drop / "mail-dir").mkdir()  # no message
        told = self.call("mailq", expect=69)
        (self.drop / "mail-dir").rmdir()
        self.assertIn("1 message waits", told)

    def test_git_sends_its_patches_by_it(self):
        git = shutil.which("git")
        exec_path = subprocess.run([git, "--exec-path"], capture_output=True, text=True, check=True).stdout.strip() if git else ""
        if not glob.glob(f"{exec_path}/git-send-email"):
            self.skipTest("git send-email is not installed")
        patch = self.box.folder / "0001.patch"
        patch.write_text("From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: Ann <user0002@example.test>\n"
                         "Date: Sun, 22 Nov 2026 10:00:00 +0000\nSubject: [PATCH] by git\n\nbody\n---\n")
        subprocess.run([git, "send-email", "--from=user0002@example.test", "--to=user0003@example.test", "--confirm=never", "--quiet",
                        f"--sendmail-cmd={self.links}/sendmail", str(patch)], check=True, cwd=self.box.folder, capture_output=True,
                       env={"PATH": os.environ["PATH"], "HOME": str(self.box.folder), "MAILBOXD_CONFIG": str(self.box.config),
                            "ASAN_OPTIONS": "detect_leaks=0"})
        self.bodies(3, "[PATCH] by git")


if __name__ == "__main__":
    unittest.main(verbosity=2)
