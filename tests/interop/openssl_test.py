"""openssl s_client: TLS versions, STARTTLS of all protocols, resumption, ALPN, ciphers, bad hellos (B1, B7, B9)."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need
from box_case import BoxCase
from conversation import Conversation

OPENSSL = need("openssl")


class SClient(BoxCase):
    accounts = 1

    def s_client(self, port, *options, text=b"", expect=None):
        return self.run_client([OPENSSL, "s_client", "-connect", f"localhost:{self.box.ports[port]}", "-CAfile",
                                self.box.ca_file, "-servername", "localhost", *options], text=text, expect=expect, timeout=60)

    def test_tls_1_3_and_1_2_are_spoken_and_verified(self):
        for port in ("imaps", "submissions"):
            for option, version in (("-tls1_3", "TLSv1.3"), ("-tls1_2", "TLSv1.2")):
                with self.subTest(port=port, version=version):
                    said = self.s_client(port, option, "-verify_return_error")
                    self.assertRegex(said, rf"Protocol\s*: {version}|New, {version}")
                    self.assertIn("Verify return code: 0 (ok)", said)

    def test_older_versions_are_refused(self):
        for option in ("-tls1_1", "-tls1"):
            with self.subTest(option=option):
                said = self.s_client("imaps", option, "-cipher", "ALL:@SECLEVEL=0")
                self.assertIn("Cipher is (NONE)", said)
                self.assertIn("alert", said)

    def test_starttls_of_smtp_imap_and_pop3(self):
        for port, protocol in (("smtp", "smtp"), ("submission", "smtp"), ("imap", "imap"), ("pop3", "pop3")):
            with self.subTest(port=port):
                said = self.s_client(port, "-starttls", protocol)
                self.assertIn("Verify return code: 0 (ok)", said)

    def test_a_session_is_resumed(self):
        kept = self.box.folder / "session.pem"
        for option, quit_word in (("-tls1_3", b"a LOGOUT\r\n"), ("-tls1_2", b"a LOGOUT\r\n")):
            with self.subTest(option=option):
                kept.unlink(missing_ok=True)
                self.s_client("imaps", option, "-sess_out", kept, "-ign_eof", text=quit_word)
                said = self.s_client("imaps", option, "-sess_in", kept, "-ign_eof", text=quit_word)
                self.assertIn("Reused, TLS", said)

    def test_no_early_data(self):
        """B11: 0-RTT is never offered."""
        said = self.s_client("imaps", "-tls1_3", "-ign_eof", text=b"a LOGOUT\r\n")
        self.assertIn("Max Early Data: 0", said)

    def test_modern_ciphers_only(self):
        for cipher in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "NULL", "aNULL", "CAMELLIA", "AES256-GCM-SHA384", "DHE"):
            with self.subTest(cipher=cipher):
                said = self.s_client("imaps", "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
                self.assertTrue("Cipher is (NONE)" in said or "no cipher match" in said, said[-1500:])
        for cipher in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"):
            with self.subTest(cipher=cipher):
                self.assertIn(f"Cipher is {cipher}", self.s_client("imaps", "-tls1_2", "-cipher", cipher))

    def test_groups(self):
        for group in ("X25519", "P-256"):
            with self.subTest(group=group):
                self.assertIn("Verify return code: 0", self.s_client("imaps", "-tls1_3", "-groups", group))

    def test_alpn(self):
        """B9: the protocol's own name is agreed to, a foreign one is refused (ALPACA)."""
        self.assertIn("ALPN protocol: imap", self.s_client("imaps", "-alpn", "imap"))
        self.assertIn("ALPN protocol: smtp", self.s_client("submissions", "-alpn", "smtp"))
        self.assertIn("ALPN protocol: pop3", self.s_client("pop3s", "-alpn", "pop3"))
        for port in ("imaps", "submissions", "pop3s"):
            said = self.s_client(port, "-alpn", "h2,http/1.1")
            self.assertTrue("Cipher is (NONE)" in said or "alert no application protocol" in said, said[-1500:])

    def test_renegotiation_is_refused(self):
        said = self.s_client("imaps", "-tls1_2", text=b"R\n")
        self.assertIn("RENEGOTIATING", said)  # s_client's own word for having asked
        self.assertNotIn("verify return", said.split("RENEGOTIATING")[1], "no second handshake")
        self.assertRegex(said.split("RENEGOTIATING")[1], "no renegotiation|error")

    def test_b7_bad_hellos_are_closed_and_others_are_served(self):
        hellos = {
            "SSLv2": bytes.fromhex("802e0100020015000000100100800200800300800400800500800600400700c0") + b"\0" * 16,
            "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "SMTP": b"EHLO me\r\n",
            "zero-length records": bytes.fromhex("1603010000") * 100,
            "alerts": bytes.fromhex("15030100020100") * 1000,
            "a record that never ends": bytes.fromhex("16030140ff") + b"\x01" * 100,
            "garbage": bytes(range(256)) * 64,
        }
        for name, hello in hellos.items():
            for port in ("imaps", "submissions"):
                with self.subTest(hello=name, port=port):
                    with Conversation(self.box.host, self.box.ports[port]) as link:
                        try:
                            link.send(hello)
                            link.socket.shutdown(1)
                            rest = link.rest()
                        except OSError:
                            rest = b""
                        self.assertNotIn(b"OK", rest)
                        self.assertNotIn(b"220", rest)
        self.assertEqual(self.box.imap(1, tls=True).logout()[0], "BYE")

    def test_tls_to_a_plain_port_is_answered_or_closed(self):
        for port in ("smtp", "imap"):
            said = self.s_client(port)
            self.assertRegex(said, r"wrong version number|unexpected|no peer certificate", re.I)


if __name__ == "__main__":
    unittest.main(verbosity=2)
