"""TLSRPT (RFC 8460): who asks in the DNS gets a report of how encrypted delivery went: as mail, also where TLS to there fails, or
by POST. With a real name server and signed zones, in a network of the test's own."""
import email
import gzip
import http.server
import json
import pathlib
import ssl
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import private_network

private_network.enter()

from appliance import Appliance, wait_until
from authority import Authority
from box_case import message
from name_server import NameServer
from remote_script import RemoteScript

SCRIPT, STRICT, WEB = "127.0.0.4", "127.0.0.6", "127.0.0.5"
ZONE = f"""
quiet IN MX 10 mx.quiet
mx.quiet IN A {SCRIPT}
strict IN MX 10 mx.strict
mx.strict IN A {STRICT}
_25._tcp.mx.strict IN TLSA 3 1 1 {"ab" * 32}
_smtp._tls.strict IN TXT "v=TLSRPTv1;rua=mailto:tls@strict.test"
web IN MX 10 mx.web
mx.web IN A {STRICT}
_25._tcp.mx.web IN TLSA 3 1 1 {"cd" * 32}
_smtp._tls.web IN TXT "v=TLSRPTv1; rua=https://reports.web.test:8443/v1?from=us,mailto:unused@web.test"
reports.web IN A {WEB}
"""


class Receiver:
    """A web server that takes reports."""

    def __init__(self, authority):
        self.taken = []
        taken = self.taken

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken.append((self.path, dict(self.headers), body))
                self.send_response(201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        folder = pathlib.Path(tempfile.mkdtemp(prefix="mailboxd-reports-"))
        certificate, key = authority.certificate("reports.web.test")
        (folder / "cert.pem").write_bytes(certificate)
        (folder / "key.pem").write_bytes(key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.server = http.server.ThreadingHTTPServer((WEB, 8443), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class TlsReports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        private_network.up()
        authority = Authority()
        cls.names = cls.enterClassContext(NameServer(signed={"test.": ZONE}))
        cls.receiver = cls.enterClassContext(Receiver(authority))
        cls.quiet = cls.enterClassContext(RemoteScript(SCRIPT, 25))
        cls.strict = cls.enterClassContext(RemoteScript(STRICT, 25))
        cls.box = cls.enterClassContext(Appliance(accounts=2, settings=cls.names.settings() | {
            "outbound.tls_report_interval": "4s", "outbound.tls_report_organisation": "Us",
            "outbound.tls_report_from": "tlsrpt@example.test"}))

    def test_reports_reach_who_asked_and_nobody_else(self):
        for domain in ("quiet.test", "strict.test", "web.test"):
            code, words = self.box.submit(message(f"to {domain}", sender=self.box.user_name(1)), f"bob@{domain}")
            self.assertEqual(code, 250, words)
        wait_until(lambda: self.quiet.messages, 30, "what promises nothing is delivered")
        try:
            wait_until(lambda: self.strict.messages and self.receiver.taken, 60, "a mail and a POST")
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{self.box.log()[-5000:]}") from None
        # What must be encrypted waits; the report about it came in clear (section 5.3).
        texts = list(self.strict.messages)
        self.assertFalse([text for text in texts if b"Subject: to " in text])
        mail = email.message_from_bytes(texts[0])
        self.assertEqual(mail["TLS-Report-Domain"], "strict.test")
        self.assertEqual(mail["TLS-Report-Submitter"], "example.test")
        self.assertEqual(mail["To"], "<tls@strict.test>")
        self.assertEqual(mail.get_content_type(), "multipart/report")
        self.assertEqual(mail.get_param("report-type"), "tlsrpt")
        part = mail.get_payload()[1]
        self.assertEqual(part.get_content_type(), "application/tlsrpt+gzip")
        self.assertRegex(part.get_filename(), r"^example\.test!strict\.test!\d+!\d+\.json\.gz$")
        report = json.loads(gzip.decompress(part.get_payload(decode=True)))
        self.assertEqual(report["organization-name"], "Us")
        self.assertEqual(report["contact-info"], "tlsrpt@example.test")
        policy = report["policies"][0]
        self.assertEqual(policy["policy"]["policy-type"], "tlsa")
        self.assertGreater(policy["summary"]["total-failure-session-count"], 0)
        self.assertEqual(policy["failure-details"][0]["result-type"], "starttls-not-supported")
        path, fields, body = self.receiver.taken[0]
        self.assertEqual(path, "/v1?from=us")
        self.assertEqual(fields["Content-Type"], "application/tlsrpt+gzip")
        self.assertEqual(json.loads(gzip.decompress(body))["policies"][0]["policy"]["policy-domain"], "web.test")
        # Its own way is in no report, and nobody is asked for one who did not ask.
        self.assertFalse([text for text in self.quiet.messages if b"TLS-Report-Domain" in text])
        self.assertIn("a TLS report was sent", self.box.log())
        story = self.box.ctl("trace", "tls@strict.test").stdout
        self.assertIn("tlsrpt@example.test", story)

    def test_what_is_gathered_outlives_a_restart(self):
        before = len(self.receiver.taken)
        code, _ = self.box.submit(message("again", sender=self.box.user_name(2)), "bob@web.test", 2)
        self.assertEqual(code, 250)
        wait_until(lambda: "bob@web.test" in self.box.ctl("queue", "list").stdout, 30, "it waits")
        self.box.stop()
        self.assertTrue((self.box.data / "tls-reports").exists())
        self.box.start()
        wait_until(lambda: len(self.receiver.taken) > before, 60, "a report of what happened before")


if __name__ == "__main__":
    unittest.main(verbosity=2)
