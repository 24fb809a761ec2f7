"""A real Exim as peer: our mail to it in clear, over TLS, by DANE (signed zones on nsd) and by MTA-STS (policies on nginx), its mail to
us (by CHUNKING, over TLS), and Exim as a user's server that hands its mail to our submission port. In a network of the test's own.
What it sends to us by DANE is dane_in_test.py's."""
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
from name_server import NameServer
from outbound_case import OutboundCase
from sts_policies import ADDRESS as WEB
from sts_policies import StsPolicies, policy

SECURE, CLEAR, PORT = "127.0.0.2", "127.0.0.3", 25
# Domains with a policy in mode enforce, and where their servers listen: Exim's certificate names that of sts.test alone.
POLICIES = {"sts": SECURE, "misnamed": SECURE, "stripped": CLEAR}
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



def zone(certificate_hash):
    """dane.test and impostor.test promise a key, the others have a policy of MTA-STS."""
    text = f"""
dane IN MX 10 mx.dane
mx.dane IN A {SECURE}
_25._tcp.mx.dane IN TLSA 3 1 1 {certificate_hash}
impostor IN MX 10 mx.impostor
mx.impostor IN A {SECURE}
_25._tcp.mx.impostor IN TLSA 3 1 1 {"ab" * 32}
"""
    for domain, address in POLICIES.items():
        text += (f"{domain} IN MX 10 mx.{domain}\nmx.{domain} IN A {address}\n"
                 f"_mta-sts.{domain} IN TXT \"v=STSv1; id=1;\"\nmta-sts.{domain} IN A {WEB}\n")
    return text


class Exim(OutboundCase):
    @classmethod
    def setUpClass(cls):
        private_network.up()
        authority = Authority()
        certificate, key = authority.certificate("exim.sample.test", "mx.sts.test")
        cls.names = cls.enterClassContext(NameServer(signed={"test.": zone(authority.spki_sha256(certificate))}))
        cls.enterClassContext(StsPolicies(authority, {f"{domain}.test": policy("enforce", f"mx.{domain}.test")
                                                      for domain in POLICIES}))
        routes = [{"domain": "secure.test", "host": f"{SECURE}:{PORT}"}, {"domain": "clear.test", "host": f"{CLEAR}:{PORT}"}]
        settings = cls.names.settings() | {"outbound.authorities": str(authority.file)}
        cls.box = cls.enterClassContext(Appliance(accounts=3, routes=routes, settings=settings))
        transports = TRANSPORTS.replace("SMTP_PORT", str(cls.box.ports["smtp"])).replace("SUBMISSION_PORT", str(cls.box.ports["submission"]))
        cls.exim = cls.enterClassContext(real_exim.RealExim([SECURE, CLEAR], PORT, {"cert.pem": certificate, "key.pem": key}, ROUTERS,
                                                            transports, f"^{cls.box.user_name(1)}^{PASSWORD}"))

    def stays(self, domain, code, why):
        """Mail to that domain waits here with this code and reason, and Exim got none of it."""
        identifier = self.submit(message(f"to {domain}", BODY, sender=self.box.user_name(1)), f"bob@{domain}")
        self.assertIn(why, self.waits_with(identifier, f'"{code}"'))
        self.is_told(identifier, why)
        self.assertFalse([text for text in self.exim.arrived() if f"Subject: to {domain}\n".encode() in text.replace(b"\r\n", b"\n")])

    def arrives_whole(self, domain, protection):
        """Mail to that domain, over TLS, and the trace names what made sure of the server."""
        subject = f"under {protection}"
        identifier = self.submit(message(subject, BODY, sender=self.box.user_name(1), to=f"bob@{domain}"), f"bob@{domain}")
        arrived = self.arrives(self.exim, subject)
        self.assertTrue(arrived.endswith(b"\n\n" + BODY.replace(b"\r\n", b"\n")), arrived[-200:])
        self.assertIn(b"with esmtps", arrived)
        self.is_told(identifier, rf"mx\.{re.escape(domain)}.*TLSv1\.\d, {protection}\)")

    def test_ours_arrives_whole_over_dane(self):
        self.arrives_whole("dane.test", "DANE")

    def test_b5_an_exim_that_dane_does_not_know_gets_no_mail(self):
        self.stays("impostor.test", "4.7.5", "the certificate is none of those that the TLSA records allow")

    def test_ours_arrives_by_a_policy_of_mta_sts(self):
        self.arrives_whole("sts.test", "MTA-STS")

    def test_b4_b5_mta_sts_and_an_exim_without_starttls_or_of_another_name_keeps_the_mail_here(self):
        self.stays("stripped.test", "4.7.10", "TLS is needed, and the server does not offer it")
        self.stays("misnamed.test", "4.7.5", "the certificate is not believed: it is for another name")

    def test_ours_arrives_whole_in_clear_and_over_tls(self):
        for domain in ("clear.test", "secure.test"):
            sent = message(f"to {domain}", BODY, sender=self.box.user_name(1), to=f"bob@{domain}")
            identifier = self.submit(sent, f"bob@{domain}")
            arrived = self.arrives(self.exim, f"to {domain}")
            self.assertTrue(arrived.endswith(b"\n\n" + BODY.replace(b"\r\n", b"\n")), arrived[-200:])
            # Exim says "esmtps" of a message that came over TLS.
            self.assertEqual(b"with esmtps" in arrived, domain == "secure.test", arrived[:600])
            self.assertIn(f"Return-path: <{self.box.user_name(1)}>".encode(), arrived)
            self.assertIn(f"bob@{domain}", self.story(identifier))

    def test_a_name_that_exim_does_not_know_comes_back_and_the_other_arrives(self):
        self.submit(message("partly", sender=self.box.user_name(2)), ["nobody@clear.test", "bob@clear.test"], 2)
        self.arrives(self.exim, "partly")
        status = self.report(2, "partly").get_payload()[1].as_string()
        self.assertIn("nobody@clear.test", status)
        self.assertIn("5.1.1", status)
        self.assertNotIn("bob@clear.test", status)

    def test_i7_what_exim_puts_off_waits_and_goes_later(self):
        defer = self.exim.folder / "etc" / "defer"
        defer.touch()
        try:
            identifier = self.submit(message("put off", sender=self.box.user_name(1)), "bob@clear.test")
            self.waits_with(identifier, "greylisted")
        finally:
            defer.unlink()
        self.box.ctl("queue", "retry", identifier)
        self.arrives(self.exim, "put off")
        wait_until(lambda: self.waiting(identifier) is None, 30, "it is gone from the queue")

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
        arrived = self.arrives(self.exim, "by way of us")
        self.assertTrue(arrived.endswith(b"\n\n" + BODY.replace(b"\r\n", b"\n")), arrived[-200:])
        self.assertIn(b"ESMTPSA", arrived)  # ours, of what Exim submitted
        self.assertEqual(arrived.count(b"Received:"), 3, arrived[:2000])


if __name__ == "__main__":
    unittest.main(verbosity=2)
