"""Mail that reaches us by DANE: a real Postfix and a real Exim find our server in a signed zone on nsd, through a real validating
resolver, and believe our certificate because of its TLSA record alone. In a network of the test's own. Where Exim cannot be fetched
Postfix is shown without it."""
import pathlib
import re
import smtplib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import private_network
import real_exim

WITHOUT_EXIM = real_exim.find()
private_network.enter()

from appliance import Appliance, added_headers, send_data, wait_until
from authority import Authority
from box_case import message
from name_server import NameServer
from real_postfix import RealPostfix
from validating_resolver import ValidatingResolver

POSTFIX, EXIM, OURS, PORT = "127.0.0.2", "127.0.0.3", "127.0.0.6", 25
BODY = b".\r\n..\r\n.x\r\n" + "ёлка 漢字\r\n".encode() + b"x" * 900 + b"\r\n\r\n"
# Domains of ours beside example.test, by what is wrong with the promise that their zone makes of our server's key.
WRONG, UNSIGNED = "wrong.test", "unsigned.test"

ROUTERS = """
by_mx:
  driver = dnslookup
  domains = example.test : wrong.test : unsigned.test
  dnssec_request_domains = *
  transport = by_dane
  self = send
"""

TRANSPORTS = """
by_dane:
  driver = smtp
  hosts_require_dane = *
"""

# dane-only: where a host has no TLSA record that is secure, its mail stays with Postfix (postconf(5)).
POSTFIX_SETTINGS = {"relay_domains": f"example.test {WRONG} {UNSIGNED}", "relay_transport": "relay", "smtp_dns_support_level": "dnssec",
                    "smtp_tls_security_level": "dane-only", "smtp_tls_loglevel": "1"}


def zone(name, key_hash):
    """The records of a domain of ours, below test. or, without a name, in a zone of its own."""
    host = f"mx.{name}" if name else "mx"
    return f"{name or '@'} IN MX 10 {host}\n{host} IN A {OURS}\n_25._tcp.{host} IN TLSA 3 1 1 {key_hash}\n"


class DaneIn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        private_network.up()
        box = Appliance(accounts=3)
        box.settings["smtp.listen"] = [*box.settings["smtp.listen"], f"{OURS}:{PORT}"]
        box.write_config()
        authority = Authority()
        key_hash = authority.spki_sha256(box.ca_file.read_bytes())
        signed = zone("example", key_hash) + zone("wrong", "ab" * 32) + "unsigned IN NS ns\n"
        names = cls.enterClassContext(NameServer(signed={"test.": signed},
                                                 plain={"unsigned.test.": zone("", key_hash)}))
        cls.enterClassContext(ValidatingResolver(names))
        cls.box = cls.enterClassContext(box)
        for domain in (WRONG, UNSIGNED):
            cls.box.ctl("domain", "add", domain)
            cls.box.ctl("alias", "add", f"ann@{domain}", box.user_name(3))
        cls.postfix = cls.enterClassContext(RealPostfix(f"{POSTFIX}:{PORT}", POSTFIX_SETTINGS))
        cls.exim = None
        if WITHOUT_EXIM:
            return
        certificate, key = authority.certificate("exim.sample.test")
        cls.exim = cls.enterClassContext(real_exim.RealExim([EXIM], PORT, {"cert.pem": certificate, "key.pem": key}, ROUTERS, TRANSPORTS))

    def hand_to(self, peer, sent, to):
        with smtplib.SMTP(peer.host, peer.port, local_hostname="client.sample.test", timeout=60) as link:
            link.ehlo()
            link.mail("sender@sample.test", ["BODY=8BITMIME"])
            self.assertEqual(link.rcpt(to)[0], 250)
            self.assertEqual(send_data(link, sent)[0], 250)

    def logged(self, peer, pattern):
        """Its log has a line with that."""
        try:
            wait_until(lambda: re.search(pattern, peer.log()), 60, f"{pattern} in the log of {peer.host}")
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{peer.log()[-4000:]}") from None

    def reaches_us(self, peer, number):
        sent = message(f"by dane {number}", BODY)
        self.hand_to(peer, sent, self.box.user_name(number))
        try:
            [(_, stored)] = wait_until(lambda: self.box.messages(number), 60, f"a message from {peer.host}")
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{peer.log()[-4000:]}") from None
        self.assertIsNotNone(added_headers(stored, sent), stored[:2000])
        self.assertIn(b"ESMTPS", stored)

    def stays_away(self, domain, postfix_says, exim_says):
        """Neither gives us its mail for that domain of ours, and both say why."""
        for peer, why in ((self.postfix, postfix_says), (self.exim, exim_says)):
            if peer is None:
                continue
            self.hand_to(peer, message(f"to {domain}", BODY), f"ann@{domain}")
            self.logged(peer, why)
        self.assertFalse([text for _, text in self.box.messages(3) if f"Subject: to {domain}\r\n".encode() in text])

    def test_postfix_believes_our_key_by_its_tlsa_record(self):
        self.reaches_us(self.postfix, 1)
        self.logged(self.postfix, r"Verified TLS connection established to mx\.example\.test\[127\.0\.0\.6\]:25")

    @unittest.skipIf(WITHOUT_EXIM, WITHOUT_EXIM)
    def test_exim_believes_our_key_by_its_tlsa_record(self):
        self.reaches_us(self.exim, 2)
        self.logged(self.exim, r"=> user0002@example\.test .* H=mx\.example\.test \[127\.0\.0\.6\] X=TLS1\.[23]:.* CV=dane\b")

    def test_b5_another_key_than_ours_is_not_believed(self):
        self.stays_away(WRONG, r"mx\.wrong\.test.*no matching DANE TLSA records",
                        r"== ann@wrong\.test .*certificate verification failed")

    def test_h5_a_record_of_a_zone_that_is_not_signed_counts_for_nothing(self):
        self.stays_away(UNSIGNED, r"ann@unsigned\.test.*status=deferred \(non DNSSEC destination\)",
                        r"\*\* ann@unsigned\.test .*lookup not DNSSEC")


if __name__ == "__main__":
    unittest.main(verbosity=2)
