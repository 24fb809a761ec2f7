"""Mail that leaves: real Postfix servers, real signed zones on nsd, nginx with an MTA-STS policy, and scripted remotes, in a network
of the test's own. The other direction is postfix_test.py's and
dane_in_test.py's."""
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import private_network

private_network.enter()

from appliance import Appliance, wait_until
from authority import Authority
from box_case import message
from name_server import NameServer
from outbound_case import OutboundCase
from real_postfix import RealPostfix
from remote_script import RemoteScript
from sts_policies import ADDRESS as WEB
from sts_policies import StsPolicies, policy

SECURE, CLEAR, SCRIPT = "127.0.0.2", "127.0.0.3", "127.0.0.4"


def zone(certificate_hash):
    return f"""
remote IN MX 10 mx.remote
mx.remote IN A {SECURE}
_25._tcp.mx.remote IN TLSA 3 1 1 {certificate_hash}
impostor IN MX 10 mx.impostor
mx.impostor IN A {SECURE}
_25._tcp.mx.impostor IN TLSA 3 1 1 {"ab" * 32}
clear IN MX 10 mx.clear
mx.clear IN A {CLEAR}
second IN MX 10 dead.second
second IN MX 20 mx.second
dead.second IN A 127.0.0.99
mx.second IN A {CLEAR}
bare IN A {CLEAR}
null IN MX 0 .
sts IN MX 10 mx.sts
mx.sts IN A {SECURE}
_mta-sts.sts IN TXT "v=STSv1; id=1;"
mta-sts.sts IN A {WEB}
stripped IN MX 10 mx.stripped
mx.stripped IN A {CLEAR}
_mta-sts.stripped IN TXT "v=STSv1; id=1;"
mta-sts.stripped IN A {WEB}
script IN MX 10 mx.script
mx.script IN A {SCRIPT}
behind IN DNAME under
one.under IN MX 10 mx.clear
alias IN CNAME mx.clear
aliased IN MX 10 alias
lame IN NS ns
forged IN NS ns
forged IN DS 12345 13 2 {"cd" * 32}
"""


# A zone that its parent says is signed, and is not: whoever validates gets no answer from it that counts.
FORGED = f"@ IN MX 10 mx\nmx IN A {CLEAR}\n"


class MailOut(OutboundCase):
    @classmethod
    def setUpClass(cls):
        private_network.up()
        authority = Authority()
        certificate, key = authority.certificate("mx.remote.test", "mx.sts.test")
        cls.names = cls.enterClassContext(NameServer(signed={"test.": zone(authority.spki_sha256(certificate))},
                                                     plain={"forged.test.": FORGED}))
        cls.enterClassContext(StsPolicies(authority, {"sts.test": policy("enforce", "mx.sts.test"),
                                                      "stripped.test": policy("enforce", "mx.stripped.test")}))
        domains = ("remote.test", "clear.test", "second.test", "bare.test", "sts.test", "impostor.test", "stripped.test",
                   "one.behind.test", "aliased.test", "forged.test")
        users = "".join(f"bob@{domain} {domain}/\n" for domain in domains)
        common = {"virtual_mailbox_domains": " ".join(domains),
                  "virtual_mailbox_maps": "texthash:{etc}/users", "virtual_mailbox_base": "{mail}", "virtual_minimum_uid": "1",
                  "virtual_mailbox_limit": "0", "virtual_uid_maps": "static:65534", "virtual_gid_maps": "static:65534", "mynetworks": "127.0.0.99/32"}
        tls = {"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": "{etc}/cert.pem", "smtpd_tls_key_file": "{etc}/key.pem",
               "smtpd_tls_loglevel": "1"}
        files = {"users": users.encode(), "cert.pem": certificate, "key.pem": key}
        cls.secure = cls.enterClassContext(RealPostfix(f"{SECURE}:25", common | tls, files=files))
        cls.clear = cls.enterClassContext(RealPostfix(f"{CLEAR}:25", common | {"smtpd_tls_security_level": "none"}, files=files))
        for postfix in (cls.secure, cls.clear):
            subprocess.run(["chown", "65534:65534", str(postfix.folder / "mail")], check=True)
        cls.box = cls.enterClassContext(Appliance(accounts=4, settings=cls.names.settings() | {
            "outbound.authorities": str(authority.file), "outbound.connect_timeout": "5s"}))

    def test_a_message_arrives_whole_over_dane(self):
        text = message("over dane", "ёлка\r\n..x\r\n.\r\n".encode() + b"y" * 900 + b"\r\n", sender=self.box.user_name(1), to="bob@remote.test")
        identifier = self.submit(text, "bob@remote.test")
        arrived = self.arrives(self.secure, "over dane", "remote.test")
        self.assertTrue(arrived.endswith(text.split(b"\r\n\r\n", 1)[1].replace(b"\r\n", b"\n")))
        self.assertIn(f"Return-Path: <{self.box.user_name(1)}>".encode(), arrived)
        self.assertEqual(arrived.count(b"Return-Path:"), 1)
        self.assertIn(identifier.encode(), arrived)
        self.assertIn("TLSv1.", self.secure.log())
        self.is_told(identifier, r"bob@remote\.test.*TLSv1\.\d, DANE\)")

    def test_without_mx_and_in_clear(self):
        for domain in ("clear.test", "bare.test", "second.test"):
            self.submit(message(f"to {domain}", sender=self.box.user_name(1)), f"bob@{domain}")
            self.arrives(self.clear, f"to {domain}", domain)

    def test_h3_a_domain_behind_a_dname_and_an_exchange_behind_an_alias(self):
        for domain in ("one.behind.test", "aliased.test"):
            self.submit(message(f"to {domain}", sender=self.box.user_name(1)), f"bob@{domain}")
            self.arrives(self.clear, f"to {domain}", domain)
        told = self.box.ctl("check", "route", "bob@one.behind.test").stdout
        self.assertIn("mx.clear.test", told)

    def test_b5_a_certificate_that_dane_does_not_know_keeps_the_mail_here(self):
        identifier = self.submit(message("impostor", sender=self.box.user_name(2)), "bob@impostor.test", 2)
        wait_until(lambda: "impostor" in self.box.ctl("queue", "list").stdout, 30, "it waits")
        self.assertIn("none of those that the TLSA records allow", self.waits_with(identifier, '"4.7.5"'))
        self.assertFalse([text for text in self.secure.arrived("impostor.test")])

    def test_mta_sts_verified(self):
        identifier = self.submit(message("by policy", sender=self.box.user_name(1)), "bob@sts.test")
        self.arrives(self.secure, "by policy", "sts.test")
        self.is_told(identifier, r"TLSv1\.\d, MTA-STS\)")

    def test_b4_b5_mta_sts_and_a_server_without_starttls_keeps_the_mail_here(self):
        identifier = self.submit(message("stripped", sender=self.box.user_name(2)), "bob@stripped.test", 2)
        self.waits_with(identifier, r"4\.7\.\d+")
        self.assertFalse([text for text in self.clear.arrived("stripped.test")])

    def test_an_unknown_mailbox_comes_back_as_one_report(self):
        self.submit(message("to nobody", sender=self.box.user_name(3)), ["nobody@clear.test", "bob@clear.test"], 3)
        self.arrives(self.clear, "to nobody", "clear.test")
        parsed = self.report(3, "to nobody")
        status = parsed.get_payload()[1].as_string()
        self.assertIn("Final-Recipient: rfc822; nobody@clear.test".lower(), status.lower())
        self.assertIn("Action: failed", status)
        self.assertRegex(status, r"Status: 5\.1\.1")
        self.assertNotIn("bob@clear.test", status)
        self.assertIsNone(parsed.get("Return-Path") if parsed.get("Return-Path") != "<>" else None)

    def test_null_mx_and_no_such_domain_come_back_at_once(self):
        for domain, code in (("null.test", "5.1.10"), ("no-such-domain.test", "5.1.2")):
            self.submit(message(f"to {domain}", sender=self.box.user_name(4)), f"bob@{domain}", 4)
            self.assertIn(code, self.report(4, f"to {domain}").get_payload()[1].as_string())

    def test_h1_h5_a_domain_that_cannot_be_asked_for_or_is_signed_wrongly_keeps_the_mail_here(self):
        for domain, why in (("lame.test", "failed"), ("forged.test", "bogus")):
            identifier = self.submit(message(f"to {domain}", sender=self.box.user_name(2)), f"bob@{domain}", 2)
            self.assertIn(why, self.waits_with(identifier, r'"4\.4\.\d+"', 60))
            self.assertIn(why, self.box.ctl("check", "route", f"bob@{domain}", check=False).stdout)
            self.box.ctl("queue", "delete", identifier)
        self.assertFalse(self.clear.arrived("forged.test"))

    def test_c13_a_remote_that_says_later_is_asked_again(self):
        with RemoteScript(SCRIPT, 25, lambda verb, count: "451 4.7.1 greylisted" if verb == "RCPT" and count == 1 else None) as remote:
            identifier = self.submit(message("greylisted", sender=self.box.user_name(1)), "bob@script.test")
            self.waits_with(identifier, "greylisted")
            self.box.ctl("queue", "retry", identifier)
            wait_until(lambda: remote.messages, 30, "it was taken")
            wait_until(lambda: self.waiting(identifier) is None, 30, "it is gone from the queue")
            self.assertEqual(len(remote.messages), 1)
        story = self.story(identifier)
        self.assertEqual(story.count("waits to be sent"), 1, story)

    def test_i8_a_kill_between_two_messages_loses_none(self):
        with RemoteScript(SCRIPT, 25, lambda verb, count: "451 4.3.0 later" if verb == "MAIL" and count <= 20 else None) as remote:
            sent = [f"killed {n}" for n in range(10)]
            for subject in sent:
                self.submit(message(subject, sender=self.box.user_name(1)), "bob@script.test")
            self.box.kill()
            self.box.start()
            self.box.ctl("queue", "retry", "--destination", "script.test")

            def all_there():
                self.box.ctl("queue", "retry", "--destination", "script.test", check=False)
                there = b"\n".join(remote.messages)
                return all(f"Subject: {subject}\r".encode() in there for subject in sent)
            wait_until(all_there, 60, "every message after the kill")

    def test_an_alias_with_an_outside_target_forwards_under_our_name(self):
        self.box.ctl("alias", "add", "friends@example.test", self.box.user_name(2), "bob@clear.test")
        code, words = self.box.deliver(message("to friends"), to="friends@example.test")
        self.assertEqual(code, 250, words)
        arrived = self.arrives(self.clear, "to friends", "clear.test")
        self.assertRegex(arrived, rb"Return-Path: <SRS0=\w+=\w\w=sample\.test=sender@example\.test>")


if __name__ == "__main__":
    unittest.main(verbosity=2)
