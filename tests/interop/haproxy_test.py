"""haproxy in front, with PROXY protocol v1 and v2: we see the client's address; from strangers the header is refused (C12)."""
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import free_port_base, need, wait_until
from box_case import BoxCase, message
from conversation import Conversation

HAPROXY = need("haproxy")


class Behind(BoxCase):
    accounts = 2
    settings = {"proxy.networks": ["127.0.0.9/32"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = free_port_base(4)
        config = cls.box.folder / "haproxy.cfg"
        text = "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n"
        for number, (role, word) in enumerate((("smtp", "send-proxy"), ("smtp", "send-proxy-v2"), ("imap", "send-proxy-v2"))):
            text += f"listen l{number}\n  bind 127.0.0.1:{cls.base + number}\n" \
                    f"  server box 127.0.0.1:{cls.box.ports[role]} source 127.0.0.9 {word}\n"
        config.write_text(text)
        cls.haproxy = subprocess.Popen([HAPROXY, "-db", "-f", str(config)], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(cls.answers, 20, "haproxy listens")

    @classmethod
    def tearDownClass(cls):
        cls.haproxy.terminate()
        cls.haproxy.wait(20)
        super().tearDownClass()

    @classmethod
    def answers(cls):
        try:
            Conversation("127.0.0.1", cls.base + 2).__exit__()
            return True
        except OSError:
            return False

    def test_mail_through_both_versions_names_the_client(self):
        for number in (0, 1):
            with self.subTest(version=number + 1), \
                    Conversation("127.0.0.1", self.base + number, source=("127.0.0.77", 0)) as link:
                self.assertTrue(link.reply().startswith(b"220"))
                for command in ("EHLO behind.sample.test", "MAIL FROM:<a@sample.test>", f"RCPT TO:<{self.box.user_name(1)}>"):
                    self.assertTrue(link.say(command).startswith(b"250"))
                link.say("DATA")
                self.assertTrue(link.say(message(f"version {number + 1}") + b".\r\n").startswith(b"250"))
        stored = [body for _, body in self.box.messages(1)]
        self.assertEqual(len(stored), 2)
        for body in stored:
            self.assertIn(b"[127.0.0.77]", body.split(b"Subject:")[0])

    def test_imap_through_haproxy(self):
        with Conversation("127.0.0.1", self.base + 2) as link:
            self.assertTrue(link.line().startswith(b"* OK"))

    def test_c12_a_forged_header_from_a_stranger_is_no_header(self):
        for header in (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n", b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, 0x11, 0, 12]) + b"\0" * 12):
            with Conversation("127.0.0.1", self.box.ports["smtp"]) as link:
                link.send(header + b"QUIT\r\n")
                said = link.rest()
                self.assertNotIn(b"192.0.2.1", said)
                self.assertTrue(said.startswith((b"220", b"5")), said)
                self.assertIn(b"\r\n5", b"\r\n" + said)

    def test_c12_a_lying_header_from_the_proxy_is_closed(self):
        v2 = b"\r\n\r\n\0\r\nQUIT\n"
        for header in (b"EHLO me\r\n", b"PROXY TCP4 nonsense\r\n", b"PROXY " + b"x" * 200 + b"\r\n",
                       v2 + bytes([0x21, 0x11, 0, 4]) + b"\0" * 4, v2 + bytes([0x31, 0x11, 0, 12]) + b"\0" * 12,
                       v2 + bytes([0x21, 0x11, 0xff, 0xff]) + b"\0" * 100):
            with self.subTest(header=header[:40]), \
                    Conversation("127.0.0.1", self.box.ports["smtp"], source=("127.0.0.9", 0)) as link:
                link.send(header)
                link.socket.shutdown(1)
                self.assertEqual(link.rest(), b"")
        self.assertEqual(self.box.http("/healthz")[0], 200)


if __name__ == "__main__":
    unittest.main(verbosity=2)
