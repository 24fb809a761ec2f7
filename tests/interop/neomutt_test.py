"""neomutt without a person: sends by smtp, reads the folder by imap, saves, flags and deletes."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need, wait_until
from box_case import BoxCase, message

NEOMUTT, EXPECT = need("neomutt", "expect")


class Neomutt(BoxCase):
    accounts = 3

    def setUp(self):
        self.home = self.box.folder / "neomutt"
        self.home.mkdir(exist_ok=True)

    def rc(self, number):
        user, port = self.box.user_name(number).replace("@", "%40"), self.box.ports
        path = self.home / f"rc{number}"
        path.write_text(f"""set from="{self.box.user_name(number)}" realname="QA" use_envelope_from=yes
set smtp_url="smtps://{user}@localhost:{port['submissions']}/" smtp_pass="{self.box.password}"
set imap_user="{self.box.user_name(number)}" imap_pass="{self.box.password}"
set folder="imaps://localhost:{port['imaps']}/" spoolfile="+INBOX" record="+Sent" postponed="+Drafts" trash=""
set certificate_file="{self.box.ca_file}" ssl_ca_certificates_file="{self.box.ca_file}" ssl_usesystemcerts=no
set header_cache="" message_cachedir="" confirmappend=no delete=yes mark_old=no quit=yes wait_key=no sleep_time=0
set copy=yes send_charset="utf-8" move=no timeout=2 mail_check=1 beep=no
unset ssl_verify_dates
""")
        return path

    def environment(self):
        return {"HOME": str(self.home), "TERM": "xterm", "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": str(self.home)}

    def test_it_sends_and_keeps_a_copy(self):
        self.run_client([NEOMUTT, "-n", "-F", self.rc(1), "-s", "from neomutt", "--", self.box.user_name(2)],
                        text="Привет\n.\nend\n".encode(), env=self.environment())
        arrived = self.only_message(2)
        self.assertIn(b"Subject: from neomutt\r\n", arrived)
        copy = self.only_message(1, "Sent")
        self.assertIn(b"Subject: from neomutt\r\n", copy)

    def test_it_reads_saves_and_deletes(self):
        for word in ("first", "second", "third"):
            self.box.deliver(message(f"the {word} one", f"words of the {word}\r\n".encode()), to=3)
        script = self.home / "drive.exp"
        script.write_text(f"""set timeout 30
spawn {NEOMUTT} -n -F {self.rc(3)}
proc want {{what}} {{ expect {{ -re $what {{}} timeout {{ puts "\\nno $what"; exit 3 }} eof {{ puts "\\nended before $what"; exit 4 }} }} }}
want "the first one"
want "the third one"
send "\\r"
want "words of the"
send "q"
send "=\\r"
want "words of the first"
send "q"
send "=F"
send "jc"
send "\\025+Drafts\\r"
want "Drafts"
send "c\\025+INBOX\\r"
want "the second one"
send "=jd"
send "jC\\025+Archive2\\r"
expect {{ -re "Create" {{ send "y" }} timeout {{ exit 5 }} }}
expect -re "opy"
send "\\$"
expect {{ -re "\\\\(\\\\\\[?yes\\\\\\]?|\\\\(\\\\\\[" {{ send "y" }} timeout {{}} -re "urge" {{ send "y" }} }}
send "q"
expect eof
set result [wait]
exit [lindex $result 3]
""")
        self.run_client([EXPECT, script], env=self.environment())
        subjects = lambda folder: sorted(b.split(b"Subject: the ")[1].split(b" ")[0].decode()
                                         for _, b in self.box.messages(3, folder))
        wait_until(lambda: subjects("INBOX") == ["first", "third"], 10, "the second one is expunged")
        self.assertEqual(subjects("Archive2"), ["third"])
        link = self.box.imap(3)
        link.select("INBOX", readonly=True)
        _, data = link.search(None, 'SEEN SUBJECT "first"')
        self.assertTrue(data[0].split(), "what was read is seen")
        link.logout()


if __name__ == "__main__":
    unittest.main(verbosity=2)
