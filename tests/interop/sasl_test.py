"""SCRAM-SHA-256 and -PLUS (RFC 5802, 7677; RFC 5929 section 4) by clients that others wrote: Python's hashlib, mbsync and
neomutt through Cyrus SASL; curl where it is built with GNU SASL."""
import base64
import hashlib
import imaplib
import pathlib
import poplib
import smtplib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need
from box_case import BoxCase, message
from scram import Scram

MBSYNC = need("mbsync")
CURL = need("curl")


def end_point(link):
    """RFC 5929 section 4: our certificates are signed with SHA-256."""
    return hashlib.sha256(link.sock.getpeercert(binary_form=True)).digest()


class Sasl(BoxCase):
    accounts = 3

    def imaps(self):
        return imaplib.IMAP4_SSL("localhost", self.box.ports["imaps"], ssl_context=self.box.tls(), timeout=60)

    def test_imap_by_scram_and_by_scram_plus(self):
        for name in ("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"):
            link = self.imaps()
            self.assertIn(f"AUTH={name}", link.capabilities)
            is_plus = name.endswith("PLUS")
            scram = Scram(self.box.user_name(1), self.box.password,
                          *(("p=tls-server-end-point,,", end_point(link)) if is_plus else ()))
            self.assertEqual(link.authenticate(name, scram.answer)[0], "OK", name)
            self.assertEqual(link.select()[0], "OK")
            link.logout()

    def test_a_wrong_password_and_another_certificate_are_refused(self):
        link = self.imaps()
        for scram, name in ((Scram(self.box.user_name(2), "wrong"), "SCRAM-SHA-256"),
                            (Scram("nobody@example.test", "wrong"), "SCRAM-SHA-256"),
                            (Scram(self.box.user_name(2), self.box.password, "y,,"), "SCRAM-SHA-256"),
                            (Scram(self.box.user_name(2), self.box.password, "p=tls-server-end-point,,", bytes(32)),
                             "SCRAM-SHA-256-PLUS")):
            with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
                link.authenticate(name, scram.answer)
        link.logout()

    def test_submission_and_pop3_by_scram(self):
        scram = Scram(self.box.user_name(3), self.box.password)
        with smtplib.SMTP_SSL("localhost", self.box.ports["submissions"], context=self.box.tls(), timeout=60) as link:
            link.ehlo()
            self.assertIn("SCRAM-SHA-256", link.esmtp_features["auth"])
            code, said = link.auth("SCRAM-SHA-256", lambda challenge=b"": scram.answer(
                challenge if isinstance(challenge, bytes) else challenge.encode()).decode(), initial_response_ok=False)
            self.assertEqual(code, 235, said)
        scram = Scram(self.box.user_name(3), self.box.password)
        link = poplib.POP3_SSL("localhost", self.box.ports["pop3s"], context=self.box.tls(), timeout=60)
        self.assertIn("SCRAM-SHA-256", link.capa()["SASL"])
        said = self.pop(link, scram)
        self.assertTrue(said.startswith(b"+OK"), said)
        link.quit()

    def pop(self, link, scram):
        link.sock.sendall(b"AUTH SCRAM-SHA-256\r\n")
        while True:
            said = link.file.readline().strip()
            if not said.startswith(b"+ ") and said != b"+":
                return said
            answer = scram.answer(base64.b64decode(said[2:]))
            link.sock.sendall(base64.b64encode(answer) + b"\r\n")

    def test_mbsync_through_cyrus_sasl(self):
        self.box.deliver(message("for scram"), to=1)
        home = self.box.folder / "scram"
        (home / "mail").mkdir(parents=True, exist_ok=True)
        rc = home / "mbsyncrc"
        rc.write_text(f"""IMAPAccount box
Host localhost
Port {self.box.ports["imaps"]}
User {self.box.user_name(1)}
Pass "{self.box.password}"
SSLType IMAPS
CertificateFile {self.box.ca_file}
AuthMechs SCRAM-SHA-256

IMAPStore far
Account box

MaildirStore near
Path {home}/mail/
Inbox {home}/mail/INBOX

Channel all
Far :far:
Near :near:
Create Near
SyncState *
""")
        self.run_client([MBSYNC, "-V", "-c", rc, "all"])
        self.assertTrue(any(b"for scram" in p.read_bytes() for p in (home / "mail" / "INBOX" / "new").iterdir()))

    def test_curl_with_gnu_sasl(self):
        version = subprocess.run([CURL, "-V"], capture_output=True, check=True, text=True).stdout
        if "gsasl" not in version:
            self.skipTest("this curl is built without GNU SASL")
        self.run_client([CURL, "-sS", "--cacert", self.box.ca_file, "--user", f"{self.box.user_name(1)}:{self.box.password}",
                         "--login-options", "AUTH=SCRAM-SHA-256", f"imaps://localhost:{self.box.ports['imaps']}/"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
