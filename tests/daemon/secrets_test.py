"""J6: a password is nowhere: not in the log at debug level, the data directory, the process's command line or environment.
J5: a changed password, a disabled or a removed account ends live sessions and cached log-ins within a second."""
import base64
import imaplib
import os
import pathlib
import smtplib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import wait_until
from box_case import BoxCase
from conversation import Conversation

MARKER = "Zx9-Marker-Qv7"
BODY_MARKER = "Body-Marker-Kw3"


class Secrets(BoxCase):
    accounts = 1

    def everywhere(self):
        """(place, bytes) of everything the server wrote or shows."""
        yield "log", self.box.log().encode()
        for path in self.box.folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield str(path), path.read_bytes()
        for name in ("cmdline", "environ"):
            yield name, pathlib.Path(f"/proc/{self.box.pid}/{name}").read_bytes()
        for path in ("/", "/metrics", "/healthz", "/readyz"):
            yield path, self.box.http(path)[1]

    def test_j6_no_password_is_written_anywhere(self):
        box, name = self.box, "marked@example.test"
        box.add_account(name, MARKER)
        context = box.tls()
        plain = base64.b64encode(f"\0{name}\0{MARKER}".encode()).decode()
        with smtplib.SMTP_SSL("localhost", box.ports["submissions"], context=context) as link:
            link.login(name, MARKER)
        for command in (f"AUTH PLAIN {plain}", f"AUTH PLAIN {plain}x", f"auth  plain {plain}"):
            with Conversation(box.host, box.ports["submission"]) as link:
                link.reply()
                link.say("EHLO x")
                link.say(command)
        with Conversation(box.host, box.ports["smtp"]) as link:
            link.reply()
            link.say(f"AUTH PLAIN {plain}")
            link.say(f"{MARKER} nonsense")
        with Conversation(box.host, box.ports["submission"]) as link:
            link.reply()
            link.say("EHLO x")
            link.say("AUTH LOGIN")
            link.say(base64.b64encode(name.encode()).decode())
            link.say(base64.b64encode(MARKER.encode()).decode() + "=")
        for command in (f'a LOGIN {name} "{MARKER}"', f'a LOGIN {name} "{MARKER}" extra', f"a AUTHENTICATE PLAIN {plain}",
                        f"LOGIN {name} {MARKER}", f"a login {name} {MARKER}x"):
            with Conversation(box.host, box.ports["imap"]) as link:
                link.line()
                link.send(command + "\r\n").line()
        with Conversation(box.host, box.ports["imap"]) as link:
            link.line()
            link.send(f"a LOGIN {{{len(name)}}}\r\n").line()
            link.send(f"{name} {{{len(MARKER)}}}\r\n").line()
            link.send(f"{MARKER}\r\n").tagged("a")
        box.set_password(name, MARKER + "2")
        box.ctl("account", "show", name)
        needles = [MARKER.encode(), plain.encode()[:24], base64.b64encode(MARKER.encode())[:14]]
        for place, data in self.everywhere():
            for needle in needles:
                self.assertNotIn(needle, data, f"found in {place}")

    def test_j6_no_body_is_logged(self):
        self.box.deliver(f"Subject: s\r\n\r\n{BODY_MARKER}\r\n".encode())
        self.box.messages(1)
        self.assertNotIn(BODY_MARKER, self.box.log())

    def test_a10_what_clients_send_is_printable_in_the_log(self):
        with Conversation(self.box.host, self.box.ports["smtp"]) as link:
            link.reply()
            link.say(b"EHLO evil\x1b[2J\x07\x00\xff\xfe\r\n")
            link.say(b"MAIL FROM:<\x1b]0;owned\x07@sample.test>\r\n")
            link.say(b"\x1b[31mNOOP\r\n")
        with Conversation(self.box.host, self.box.ports["imap"]) as link:
            link.line()
            link.send(b"a\x1b[2J LOGIN x\x00 y\r\n").line()
            link.send(b"a LOGIN \"us\x1b[31mer\" y\r\n").line()
        raw = self.box.log_path.read_bytes()
        for byte in (b"\x1b", b"\x07", b"\x00", b"\xff"):
            self.assertNotIn(byte, raw)

    def test_the_data_directory_is_closed_to_others(self):
        for path in self.box.data.rglob("*"):
            self.assertEqual(path.stat().st_mode & 0o007 if path.name != "certificate.pem" else 0, 0, path)

    def assert_ended_within_a_second(self, link, begun):
        link.sock.settimeout(10)
        while link.readline():
            pass
        self.assertLess(time.monotonic() - begun, 1.5)

    def ended_by(self, act, name, password):
        """Opens three kinds of sessions, does `act`, and expects the end of all and no further log-in."""
        box = self.box
        sessions = []
        for idle in (False, True):
            link = imaplib.IMAP4(box.host, box.ports["imap"], timeout=30)
            link.login(name, password)
            link.select("INBOX")
            if idle:
                link.send(b"x IDLE\r\n")
                link.readline()
            sessions.append(link)
        submission = Conversation("localhost", box.ports["submission"])
        submission.reply()
        submission.say("EHLO x")
        plain = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
        self.assertTrue(submission.say(f"AUTH PLAIN {plain}").startswith(b"235"))
        act()
        begun = time.monotonic()  # the second counts from the answer to the administrator
        for link in sessions:
            self.assert_ended_within_a_second(link, begun)
            link.shutdown()
        self.assertTrue(submission.rest().startswith((b"421", b"")))
        submission.__exit__()
        again = imaplib.IMAP4(box.host, box.ports["imap"], timeout=30)
        with self.assertRaises(imaplib.IMAP4.error):
            again.login(name, password)
        again.shutdown()

    def test_j5_a_changed_password_ends_sessions_and_cached_log_ins(self):
        name = "changing@example.test"
        self.box.add_account(name, "first-password-1")
        self.ended_by(lambda: self.box.set_password(name, "second-password-2"), name, "first-password-1")
        link = imaplib.IMAP4(self.box.host, self.box.ports["imap"], timeout=30)
        self.assertEqual(link.login(name, "second-password-2")[0], "OK")
        link.logout()

    def test_j5_a_disabled_account_ends_sessions(self):
        name = "disabled@example.test"
        self.box.add_account(name, "first-password-1")
        self.ended_by(lambda: self.box.ctl("account", "set", name, "--disable"), name, "first-password-1")

    def test_j5_a_removed_account_ends_sessions_and_its_mail_is_kept_aside(self):
        name = "removed@example.test"
        self.box.add_account(name, "first-password-1")
        self.box.deliver(b"Subject: kept-aside\r\n\r\nx\r\n", to=name)
        said = []
        self.ended_by(lambda: said.append(self.box.ctl("account", "remove", name).stdout), name, "first-password-1")
        kept = wait_until(lambda: [p for p in (self.box.data / "mail" / ".removed").rglob("*")
                                   if p.parent.name in ("cur", "new") and b"Subject: kept-aside" in p.read_bytes()], 10,
                          "the mail is kept aside")
        self.assertEqual(len(kept), 1)
        self.assertIn("removed", said[0], "and the command says where")
        with self.box.smtp() as link:
            link.ehlo()
            link.mail("a@sample.test")
            self.assertEqual(link.rcpt(name)[0], 550)

    @unittest.skipUnless(os.geteuid() == 0, "as root the limits of another user's process can be read")
    def test_j6_no_core_dumps(self):
        limits = pathlib.Path(f"/proc/{self.box.pid}/limits").read_text()
        self.assertRegex(limits, r"Max core file size\s+0\s+0")


class Brake(BoxCase):
    """J1: failures slow further guesses down, over all protocols together; the owner from a known address gets in."""
    accounts = 2
    settings = {"auth.failures_before_delay": 3, "auth.max_delay": "1s"}

    def attempt(self, source, password, name=None):
        with Conversation(self.box.host, self.box.ports["imap"], source=(source, 0)) as link:
            link.line()
            return link.send(f'a LOGIN {name or self.box.user_name(1)} "{password}"\r\n').tagged("a")

    def test_j1_guesses_are_slowed_and_the_owner_is_not_locked_out(self):
        self.assertIn(b"a OK", self.attempt("127.0.0.10", self.box.password))
        for number in range(12):
            self.assertIn(b"a NO", self.attempt("127.0.0.66", f"guess{number}"))
        with Conversation(self.box.host, self.box.ports["submission"], source=("127.0.0.66", 0)) as link:
            link.reply()
            link.say("EHLO x")
            plain = base64.b64encode(f"\0{self.box.user_name(1)}\0guess".encode()).decode()
            self.assertRegex(link.say(f"AUTH PLAIN {plain}"), rb"^(454 4\.7\.0|535 5\.7\.8)")
        begun = time.monotonic()
        self.assertIn(b"a OK", self.attempt("127.0.0.10", self.box.password))
        self.assertLess(time.monotonic() - begun, 10)
        self.assertIn(b"a OK", self.attempt("127.0.0.11", self.box.password, self.box.user_name(2)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
