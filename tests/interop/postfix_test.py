"""A real Postfix relays to us: mail goes into its smtpd, through its queue and its smtp client, and arrives byte-exact.

Also A1 with Postfix as the front: whatever it lets through of the smuggling sequences, we never store two messages.
"""
import itertools
import pathlib
import smtplib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import added_headers, free_port_base, send_data, wait_until
from box_case import SHARED, BoxCase, message
from conversation import Conversation
from real_postfix import RealPostfix

class Relay(BoxCase):
    accounts = 5

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postfix = RealPostfix(f"127.0.0.1:{free_port_base(1)}", {
            "relay_domains": "example.test", "relay_transport": f"relay:[127.0.0.1]:{cls.box.ports['smtp']}",
            "smtp_tls_security_level": "encrypt", "smtp_tls_CAfile": "{etc}/ca.pem", "smtp_tls_loglevel": "1",
            "smtpd_forbid_bare_newline": "no", "smtpd_forbid_unauth_pipelining": "no"}, files={"ca.pem": cls.box.ca_file.read_bytes()})
        cls.postfix.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.postfix.__exit__()
        super().tearDownClass()

    def relay(self, sent, *to):
        with smtplib.SMTP("127.0.0.1", self.postfix.port, local_hostname="client.sample.test", timeout=60) as link:
            link.ehlo()
            link.mail("sender@sample.test", ["BODY=8BITMIME"])
            for number in to:
                self.assertEqual(link.rcpt(self.box.user_name(number))[0], 250)
            self.assertEqual(send_data(link, sent)[0], 250)

    def arrived(self, number, count):
        try:
            wait_until(lambda: len(self.box.messages(number)) >= count, 60, f"{count} messages relayed")
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{self.postfix.log()[-4000:]}") from None
        return self.box.messages(number)

    def test_a_message_arrives_byte_exact_over_tls(self):
        sent = message("relayed", b".\r\n..\r\n" + "ёлка 漢字\r\n".encode() + b"x" * 900 + b"\r\n\r\n\r\n")
        self.relay(sent, 1, 2)
        for number in (1, 2):
            [(_, stored)] = self.arrived(number, 1)
            self.assertIsNotNone(added_headers(stored, sent), stored[:2000])
            self.assertIn(b"ESMTPS", stored)
            self.assertIn(b"relay.sample.test", stored)

    def test_a_hundred_messages_of_the_corpus_size(self):
        sent = [message(f"burst {n}", f"line {n}\r\n".encode() * 200) for n in range(100)]
        for one in sent:
            self.relay(one, 3)
        stored = [body for _, body in self.arrived(3, 100)]
        self.assertEqual(len(stored), 100)
        for one in sent:
            self.assertEqual(len([s for s in stored if added_headers(s, one) is not None]), 1)
        self.assertTrue(self.postfix.queue_is_empty())

    def test_corpus_files_that_postfix_does_not_change(self):
        files = sorted(p for p in (SHARED / "corpus").glob("mail-parser/rfc/*") if p.is_file()) if SHARED.is_dir() else []
        if not files:
            self.skipTest("../shared/corpus is not here")
        sent = []
        for path in files:
            data = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
            lines = data.split(b"\r\n")
            # Postfix itself breaks lines of more than 998 bytes and repairs a first line that is no header.
            if all(len(line) < 990 for line in lines) and b"\0" not in data and b":" in lines[0].split(b" ")[0]:
                sent.append(data if data.endswith(b"\r\n") else data + b"\r\n")
        for one in sent:
            self.relay(one, 4)
        stored = [body for _, body in self.arrived(4, len(sent))]
        whole = [one for one in sent if any(s.endswith(one.split(b"\r\n\r\n", 1)[-1]) for s in stored)]
        self.assertEqual(len(whole), len(sent))

    def test_an_unknown_recipient_is_bounced_by_postfix_not_by_us(self):
        with smtplib.SMTP("127.0.0.1", self.postfix.port, timeout=60) as link:
            link.sendmail("", ["nobody-here@example.test"], message("to nobody"))
        wait_until(lambda: "550 5.1.1" in self.postfix.log(), 30, "Postfix heard 550 5.1.1")

    def test_a1_smuggling_through_postfix(self):
        """Every ending of up to three pieces out of CR, LF, CRLF around a lone dot, with a second message behind."""
        pieces = (b"\r", b"\n", b"\r\n", b"\r\r\n")
        tried = 0
        for before, after in itertools.product(pieces, pieces):
            if before == after == b"\r\n":
                continue
            tried += 1
            with Conversation("127.0.0.1", self.postfix.port) as link:
                link.reply()
                for command in ("EHLO x.sample.test", "MAIL FROM:<a@sample.test>", f"RCPT TO:<{self.box.user_name(5)}>", "DATA"):
                    link.say(command)
                smuggled = (f"MAIL FROM:<evil@sample.test>\r\nRCPT TO:<{self.box.user_name(5)}>\r\nDATA\r\n"
                            f"Subject: smuggled\r\n\r\nx\r\n.\r\nQUIT\r\n").encode()
                link.send(b"Subject: outer\r\n\r\nbody" + before + b"." + after + smuggled)
                link.socket.shutdown(1)
                link.rest()
        wait_until(self.postfix.queue_is_empty, 60, "Postfix has handed on or bounced everything")
        stored = [body for _, body in self.box.messages(5)]
        self.assertGreater(tried, 10)
        for body in stored:
            head = body.split(b"\r\n\r\n")[0]
            if b"Subject: smuggled" in head:
                # Postfix itself, told above to let it pass, split the message: it must have been two for Postfix too.
                self.assertIn(b"by relay.sample.test", head)


if __name__ == "__main__":
    unittest.main(verbosity=2)
