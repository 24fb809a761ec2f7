"""A real Exim as peer: our mail to it in clear and over TLS, its mail to us (by CHUNKING, over TLS), and Exim as a user's
server that hands its mail to our submission port. In a network of the test's own."""
import email
import json
import pathlib
import re
import smtplib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import private_network
import real_exim

real_exim.fetch()
private_network.enter()

from appliance import PASSWORD, Appliance, added_headers, send_data, wait_until
from authority import Authority
from box_case import message

SECURE, CLEAR, PORT = "127.0.0.2", "127.0.0.3", 25
BODY = b".\r\n..\r\n.x\r\n" + "ёлка 漢字\r\n".encode() + b"x" * 900 + b"\r\n\r\n"

ROUTERS = """
to_mailboxd:
  driver = manualroute
  domains = example.test
  transport = to_mailboxd
  route_list = * 127.0.0.1
  self = send
submit:
  driver = manualroute
  domains = clear.test
  senders = user0001@example.test
  condition = ${{if eq{{$sender_host_address}}{{127.0.0.7}}}}
  transport = to_submission
  route_list = * 127.0.0.1
  self = send
"""

TRANSPORTS = """
to_mailboxd:
  driver = smtp
  port = SMTP_PORT
  hosts_require_tls = *
  hosts_try_chunking = *
to_submission:
  driver = smtp
  port = SUBMISSION_PORT
  hosts_require_tls = *
  hosts_require_auth = *
"""


class Exim(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        private_network.up()
        certificate, key = Authority().certificate("exim.sample.test")
        routes = [{"domain": "secure.test", "host": f"{SECURE}:{PORT}"}, {"domain": "clear.test", "host": f"{CLEAR}:{PORT}"}]
        cls.box = cls.enterClassContext(Appliance(accounts=3, routes=routes))
        transports = TRANSPORTS.replace("SMTP_PORT", str(cls.box.ports["smtp"])).replace("SUBMISSION_PORT", str(cls.box.ports["submission"]))
        cls.exim = cls.enterClassContext(real_exim.RealExim([SECURE, CLEAR], PORT, {"cert.pem": certificate, "key.pem": key}, ROUTERS,
                                                            transports, f"^{cls.box.user_name(1)}^{PASSWORD}"))

    def submit(self, text, to, number=1):
        code, words = self.box.submit(text, to, number)
        self.assertEqual(code, 250, words)
        return re.search(r"2\.0\.0 (\w+)", words.decode()).group(1)

    def at_exim(self, subject):
        def found():
            return [text for text in self.exim.arrived() if f"Subject: {subject}\n".encode() in text.replace(b"\r\n", b"\n")]
        try:
            return wait_until(found, 60, f"{subject} at Exim")[0].replace(b"\r\n", b"\n")
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{self.box.log()[-3000:]}\n{self.exim.log()[-3000:]}") from None

    def test_ours_arrives_whole_in_clear_and_over_tls(self):
        for domain in ("clear.test", "secure.test"):
            sent = message(f"to {domain}", BODY, sender=self.box.user_name(1), to=f"bob@{domain}")
            identifier = self.submit(sent, f"bob@{domain}")
            arrived = self.at_exim(f"to {domain}")
            self.assertTrue(arrived.endswith(b"\n\n" + BODY.replace(b"\r\n", b"\n")), arrived[-200:])
            # Exim says "esmtps" of a message that came over TLS.
            self.assertEqual(b"with esmtps" in arrived, domain == "secure.test", arrived[:600])
            self.assertIn(f"Return-path: <{self.box.user_name(1)}>".encode(), arrived)
            self.assertIn(f"bob@{domain}", self.box.ctl("trace", identifier).stdout)

    def test_a_name_that_exim_does_not_know_comes_back_and_the_other_arrives(self):
        self.submit(message("partly", sender=self.box.user_name(2)), ["nobody@clear.test", "bob@clear.test"], 2)
        self.at_exim("partly")

        def report():
            for _, text in self.box.messages(2):
                parsed = email.message_from_bytes(text)
                if parsed.get_content_type() == "multipart/report" and b"Subject: partly" in text:
                    return parsed
            return None
        status = wait_until(report, 60, "a report").get_payload()[1].as_string()
        self.assertIn("nobody@clear.test", status)
        self.assertIn("5.1.1", status)
        self.assertNotIn("bob@clear.test", status)

    def test_i7_what_exim_puts_off_waits_and_goes_later(self):
        defer = self.exim.folder / "etc" / "defer"
        defer.touch()
        try:
            identifier = self.submit(message("put off", sender=self.box.user_name(1)), "bob@clear.test")

            def shown():
                done = self.box.ctl("queue", "show", identifier, "--json", check=False)
                return json.loads(done.stdout) if done.returncode == 0 else {}
            wait_until(lambda: "greylisted" in json.dumps(shown()), 30, "it waits with Exim's words")
        finally:
            defer.unlink()
        self.box.ctl("queue", "retry", identifier)
        self.at_exim("put off")
        wait_until(lambda: not shown(), 30, "it is gone from the queue")

    def test_its_mail_reaches_us_whole_by_chunks_over_tls(self):
        sent = {size: message(f"from exim {size}", BODY * (size // len(BODY) + 1)) for size in (1_000, 400_000)}
        for one in sent.values():
            with smtplib.SMTP(CLEAR, PORT, local_hostname="client.sample.test", timeout=60) as link:
                link.ehlo()
                link.mail("sender@sample.test", ["BODY=8BITMIME"])
                self.assertEqual(link.rcpt(self.box.user_name(3))[0], 250)
                code, words = send_data(link, one)
                self.assertEqual(code, 250, words)
        try:
            wait_until(lambda: len(self.box.messages(3)) == len(sent), 60, "both from Exim")
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{self.exim.log()[-4000:]}") from None
        stored = [text for _, text in self.box.messages(3)]
        for size, one in sent.items():
            self.assertEqual(len([text for text in stored if self.is_same(text, one)]), 1, f"{size}: {stored[0][:1500]}")
        self.assertTrue(all(b"ESMTPS" in text for text in stored))
        self.assertRegex(self.exim.log(), r"=> user0003@example\.test .* X=TLS1\.[23]:.* K\b")  # K: by BDAT

    def is_same(self, stored, sent):
        """Exim puts its own fields between ours and the message, and may fold none of the message's."""
        return added_headers(stored, sent) is not None or stored.partition(b"\r\n\r\n")[2] == sent.partition(b"\r\n\r\n")[2]

    def test_exim_submits_to_us_as_a_user_and_we_send_it_on(self):
        sent = message("by way of us", BODY, sender=self.box.user_name(1), to="bob@clear.test")
        with smtplib.SMTP(SECURE, PORT, local_hostname="client.sample.test", timeout=60, source_address=("127.0.0.7", 0)) as link:
            link.ehlo()
            link.mail(self.box.user_name(1), ["BODY=8BITMIME"])
            self.assertEqual(link.rcpt("bob@clear.test")[0], 250)
            self.assertEqual(send_data(link, sent)[0], 250)
        arrived = self.at_exim("by way of us")
        self.assertTrue(arrived.endswith(b"\n\n" + BODY.replace(b"\r\n", b"\n")), arrived[-200:])
        self.assertIn(b"ESMTPSA", arrived)  # ours, of what Exim submitted
        self.assertEqual(arrived.count(b"Received:"), 3, arrived[:2000])


if __name__ == "__main__":
    unittest.main(verbosity=2)
