"""fetchmail: POP3S and STLS with a verified certificate, by UIDL without fetching twice, and fetching everything away."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need
from box_case import BoxCase, message

FETCHMAIL = need("fetchmail")


class Fetchmail(BoxCase):
    accounts = 4

    def fetch(self, number, port, tls, *options, expect=0):
        home = self.box.folder / f"fetchmail{number}"
        home.mkdir(exist_ok=True)
        taken, rc = home / "taken", home / "rc"
        taken.touch()
        rc.write_text(f"""set invisible
poll localhost protocol POP3 service {self.box.ports[port]} uidl
  user "{self.box.user_name(number)}" password "{self.box.password}"
  {tls} sslcertck sslcertfile "{self.box.ca_file}"
  no rewrite mda "tee -a {taken}"
""")
        rc.chmod(0o600)
        said = self.run_client([FETCHMAIL, "-v", "--nosyslog", "-f", rc, "-i", home / "ids", "--pidfile", home / "pid", *options],
                               expect=expect, env={"FETCHMAILHOME": str(home), "HOME": str(home), "LC_ALL": "C"})
        return taken.read_bytes(), said

    def test_pop3s_takes_the_mail_away(self):
        sent = [message(f"fetched {n}", b"line\r\n.dot\r\n..\r\n.\r\nend\r\n") for n in range(3)]
        for one in sent:
            self.box.deliver(one, to=1)
        taken, _ = self.fetch(1, "pop3s", "ssl", "--nokeep")
        for one in sent:
            self.assertIn(one.split(b"\r\n\r\n", 1)[1].replace(b"\r\n", b"\n"), taken)
        self.assertEqual(taken.count(b"Subject: fetched "), 3)
        self.assertEqual(self.box.messages(1), [])
        self.fetch(1, "pop3s", "ssl", "--nokeep", expect=1)  # 1: no mail

    def test_stls_and_uidl_fetch_each_message_once(self):
        self.box.deliver(message("kept one"), to=2)
        taken, said = self.fetch(2, "pop3", 'sslproto "TLS1.2+"', "--keep")
        self.assertIn("STLS", said)
        self.assertEqual(taken.count(b"Subject: kept"), 1)
        self.box.deliver(message("kept two"), to=2)
        taken, _ = self.fetch(2, "pop3", 'sslproto "TLS1.2+"', "--keep")
        self.assertEqual(taken.count(b"Subject: kept one"), 1)
        self.assertEqual(taken.count(b"Subject: kept two"), 1)
        self.assertEqual(len(self.box.messages(2)), 2)

    def test_a_header_in_utf8_comes_as_encoded_words(self):
        self.box.deliver(message("тема"), to=3)
        taken, _ = self.fetch(3, "pop3s", "ssl", "--keep")
        self.assertIn(b"Subject: =?", taken)


if __name__ == "__main__":
    unittest.main(verbosity=2)
