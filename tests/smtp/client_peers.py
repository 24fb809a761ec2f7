"""The client's conversation with real servers: Postfix in clear and over STARTTLS, aiosmtpd as SMTP with AUTH and as LMTP.

    client_peers.py SMTP_SEND
"""
import os
import pathlib
import pwd
import subprocess
import sys
import tempfile
import unittest

try:
    from aiosmtpd.controller import Controller
    from aiosmtpd.lmtp import LMTP
    from aiosmtpd.smtp import AuthResult, SMTP
except ImportError:
    if os.path.realpath(sys.executable) == os.path.realpath("/usr/bin/python3") or not os.path.exists("/usr/bin/python3"):
        print("aiosmtpd is not installed (packaging/dependencies.sh test installs it)")
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ssl

from appliance import free_port_base, need, wait_until
from real_postfix import RealPostfix

SEND = sys.argv.pop(1)
OPENSSL = need("openssl")
BODY = b".\r\n..\r\n.x\r\n" + "ёлка 漢字\r\n".encode() + b"x" * 900 + b"\r\n\r\n"
MESSAGE = b"Subject: to a peer\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + BODY


def send(port, *words, message=MESSAGE, tls="none", kind="smtp", login="-", ca="-", body="-"):
    done = subprocess.run([SEND, f"127.0.0.1:{port}", tls, kind, login, ca, body, *words], input=message, capture_output=True, timeout=120,
                          check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [line.split("\t") for line in done.stdout.decode().splitlines()]


def certificate(folder):
    subprocess.run([OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=mx.sample.test", "-addext", "subjectAltName=DNS:mx.sample.test",
                    "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"], check=True, capture_output=True)


class WithCertificate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="mailboxd-peers-")
        certificate(cls.folder.name)
        cls.ca = f"{cls.folder.name}/cert.pem"

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()


class Postfix(WithCertificate):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        user = pwd.getpwnam("postfix")
        files = {name: pathlib.Path(cls.folder.name, name).read_bytes() for name in ("cert.pem", "key.pem")}
        cls.port = free_port_base(1)
        cls.postfix = RealPostfix(f"127.0.0.1:{cls.port}", {
            "virtual_mailbox_domains": "sample.test", "virtual_mailbox_base": "{mail}", "virtual_mailbox_maps": "inline:{{ann@sample.test=ann/, bob@sample.test=bob/, "
            + ", ".join(f"r{i}@sample.test=many/" for i in range(50)) + "}}", "virtual_mailbox_limit": "0",
            "virtual_uid_maps": f"static:{user.pw_uid}", "virtual_gid_maps": f"static:{user.pw_gid}", "virtual_minimum_uid": "1",
            "smtpd_tls_security_level": "may", "smtpd_tls_cert_file": "{etc}/cert.pem", "smtpd_tls_key_file": "{etc}/key.pem",
            "smtpd_recipient_limit": "20",
        }, files)
        cls.postfix.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.postfix.__exit__()
        super().tearDownClass()

    def arrived(self, mailbox, count):
        wait_until(lambda: len(self.postfix.arrived(mailbox)) >= count, 60, f"{count} messages at {mailbox}; {self.postfix.log()[-2000:]}")
        return self.postfix.arrived(mailbox)

    def test_in_clear_and_over_tls_it_takes_the_message_byte_for_byte(self):
        before = len(self.postfix.arrived("ann"))
        [clear] = send(self.port, "eve@client.test", "ann@sample.test")
        self.assertEqual(clear[:4], ["delivered", "250", "2.0.0", ""])
        [secure] = send(self.port, "eve@client.test", "ann@sample.test", tls="opportunistic")
        self.assertEqual(secure[0], "delivered")
        self.assertRegex(secure[3], r"^TLSv1\.[23], unverified$")
        [verified] = send(self.port, "eve@client.test", "ann@sample.test", tls="required", ca=self.ca)
        self.assertRegex(verified[3], r"^TLSv1\.[23], verified$")
        for stored in self.arrived("ann", before + 3):
            self.assertTrue(stored.endswith(b"\n\n" + BODY.replace(b"\r\n", b"\n")), stored)

    def test_an_unknown_recipient_loses_none_of_the_others_and_the_connection_goes_on(self):
        before = len(self.postfix.arrived("bob"))
        answers = send(self.port, "twice", "eve@client.test", "nobody@sample.test", "bob@sample.test")
        self.assertEqual([answer[0] for answer in answers], ["permanent", "delivered"] * 2)
        self.assertEqual(answers[0][1:3], ["550", "5.1.1"])
        self.arrived("bob", before + 2)

    def test_more_recipients_than_it_takes_at_once_are_no_loss(self):
        answers = send(self.port, "eve@client.test", *[f"r{i}@sample.test" for i in range(50)])
        self.assertEqual([answer[0] for answer in answers], ["delivered"] * 50)
        self.arrived("many", 50)

    def test_stray_line_ends_do_not_smuggle(self):
        before = len(self.postfix.arrived("ann"))
        [answer] = send(self.port, "eve@client.test", "ann@sample.test",
                        message=b"Subject: x\r\n\r\na\n.\nMAIL FROM:<evil@x.test>\r\n.\nb\r.\rc\r\n.\r\r\nend\r\n")
        self.assertEqual(answer[0], "delivered")
        stored = self.arrived("ann", before + 1)
        self.assertEqual(len(stored), before + 1)


class Recorder:
    """What aiosmtpd took; LMTP's answers differ by recipient where asked."""

    def __init__(self):
        self.messages = []

    async def handle_DATA(self, server, session, envelope):
        self.messages.append((session, envelope))
        return "250 2.0.0 recorded"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"ann" and data.password == b"secret", handled=False)


class PythonPeer(Controller):
    def __init__(self, handler, port, **settings):
        self.lmtp = settings.pop("lmtp", False)
        super().__init__(handler, hostname="127.0.0.1", port=port, **settings)

    def factory(self):
        return (LMTP if self.lmtp else SMTP)(self.handler, **self.SMTP_kwargs)


class Aiosmtpd(WithCertificate):
    def serve(self, **settings):
        recorder = Recorder()
        peer = PythonPeer(recorder, free_port_base(1), **settings)
        peer.start()
        self.addCleanup(peer.stop)
        return recorder, peer.port

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{self.folder.name}/cert.pem", f"{self.folder.name}/key.pem")
        return context

    def test_it_records_what_was_sent(self):
        recorder, port = self.serve(enable_SMTPUTF8=True)
        [answer] = send(port, "eve@client.test", "почта@sample.test")
        self.assertEqual(answer[0], "delivered")
        [(_, envelope)] = recorder.messages
        self.assertEqual(envelope.content, MESSAGE)
        self.assertEqual(envelope.rcpt_tos, ["почта@sample.test"])

    def test_login_within_tls(self):
        settings = {"tls_context": self.context(), "authenticator": authenticate, "auth_required": True}
        recorder, port = self.serve(**settings)
        [answer] = send(port, "eve@client.test", "ann@sample.test", tls="required", ca=self.ca, login="ann:secret")
        self.assertEqual(answer[0], "delivered")
        self.assertTrue(recorder.messages[0][0].authenticated)
        [refused] = send(port, "eve@client.test", "ann@sample.test", tls="required", ca=self.ca, login="ann:wrong")
        self.assertEqual(refused[:2], ["temporary", "535"])
        [in_clear] = send(port, "eve@client.test", "ann@sample.test", login="ann:secret")
        self.assertEqual(in_clear[0], "temporary")
        self.assertEqual(len(recorder.messages), 1)

    def test_a_certificate_of_somebody_else_is_not_believed_where_it_counts(self):
        other = tempfile.TemporaryDirectory(prefix="mailboxd-peers-")
        self.addCleanup(other.cleanup)
        certificate(other.name)
        recorder, port = self.serve(tls_context=self.context())
        [answer] = send(port, "eve@client.test", "ann@sample.test", tls="required", ca=f"{other.name}/cert.pem")
        self.assertEqual(answer[0], "temporary")
        self.assertEqual(recorder.messages, [])

    def test_lmtp(self):
        recorder, port = self.serve(lmtp=True)
        [answer] = send(port, "eve@client.test", "ann@sample.test", kind="lmtp")
        self.assertEqual(answer[0], "delivered")
        self.assertEqual(recorder.messages[0][1].content, MESSAGE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
