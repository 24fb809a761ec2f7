"""swaks: plain, STARTTLS, implicit TLS, AUTH PLAIN and LOGIN, and the refusals that it must see."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need
from box_case import BoxCase

SWAKS = need("swaks")


class Swaks(BoxCase):
    accounts = 6

    def swaks(self, port, number, *options, expect=0):
        return self.run_client([SWAKS, "--server", self.box.host, "--port", self.box.ports[port], "--from", "a@sample.test",
                                "--to", self.box.user_name(number), "--ehlo", "client.sample.test",
                                "--header", f"Subject: swaks {number}", "--body", "one\n.two\n..\nlast", "--timeout", "30",
                                *options], expect=expect)

    def assert_arrived(self, number):
        stored = self.only_message(number)
        self.assertIn(f"Subject: swaks {number}\r\n".encode(), stored)
        self.assertIn(b"\r\n\r\none\r\n.two\r\n..\r\nlast\r\n", stored)

    def test_mail_from_outside_arrives(self):
        said = self.swaks("smtp", 1)
        self.assertIn("250-PIPELINING", said.replace("250 PIPELINING", "250-PIPELINING"))
        self.assert_arrived(1)

    def test_mail_over_starttls_arrives_and_the_certificate_is_the_configured_one(self):
        self.swaks("smtp", 2, "--tls", "--tls-verify", "--tls-ca-path", self.box.ca_file, "--tls-sni", "localhost")
        self.assert_arrived(2)
        self.assertIn(b"ESMTPS", self.only_message(2))

    def test_submission_by_starttls_and_auth_plain(self):
        self.swaks("submission", 3, "--tls", "--auth", "PLAIN", "--auth-user", self.box.user_name(4),
                   "--auth-password", self.box.password, "--from", self.box.user_name(4))
        self.assert_arrived(3)
        self.assertIn(b"ESMTPSA", self.only_message(3))

    def test_submission_by_implicit_tls_and_auth_login(self):
        self.swaks("submissions", 4, "--tls-on-connect", "--auth", "LOGIN", "--auth-user", self.box.user_name(3),
                   "--auth-password", self.box.password, "--from", self.box.user_name(3))
        self.assert_arrived(4)

    def test_a_wrong_password_is_refused(self):
        said = self.swaks("submissions", 5, "--tls-on-connect", "--auth", "PLAIN", "--auth-user", self.box.user_name(5),
                          "--auth-password", "wrong", expect=28)  # 28: swaks could not authenticate
        self.assertIn("535 5.7.8", said)

    def test_an_unknown_recipient_is_refused_at_rcpt(self):
        said = self.run_client([SWAKS, "--server", self.box.host, "--port", self.box.ports["smtp"], "--from", "a@sample.test",
                                "--to", "nobody-here@example.test"], expect=24)  # 24: no recipient was accepted
        self.assertRegex(said, r"550 5\.1\.1")

    def test_pipelining(self):
        self.swaks("smtp", 6, "--pipeline")
        self.assert_arrived(6)


if __name__ == "__main__":
    unittest.main(verbosity=2)
