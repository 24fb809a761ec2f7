"""neomutt without a person: sends by smtps, reads the folder by imap, copies, flags, deletes and moves into a new folder."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need
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
set certificate_file="{self.box.ca_file}" ssl_ca_certificates_file="{self.box.ca_file}"
set header_cache="" message_cachedir="" confirmappend=no confirmcreate=no delete=yes mark_old=no quit=yes wait_key=no sleep_time=0
set copy=yes send_charset="utf-8" move=no timeout=2 mail_check=1 beep=no
unset ssl_verify_dates
""")
        return path

    def environment(self):
        return {"HOME": str(self.home), "TERM": "xterm", "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": str(self.home)}

    def drive(self, number, keys, *arguments, conversation=""):
        """neomutt with a terminal by expect, which waits for its end; the keys are pushed by neomutt itself, what must wait
        for a screen is said by expect."""
        script = self.home / f"drive{number}.exp"
        words = " ".join(f"{{{word}}}" for word in arguments)
        script.write_text(f"""set timeout 60
spawn {NEOMUTT} -n -F {self.rc(number)} -e {{push "{keys}"}} {words}
{conversation}
expect eof {{}} timeout {{ exit 5 }}
exit [lindex [wait] 3]
""")
        self.run_client([EXPECT, script], env=self.environment())

    def test_it_sends_and_keeps_a_copy(self):
        body = self.home / "body"
        body.write_text("Привет\n.\nend\n")
        # In batch mode neomutt keeps no copy in an IMAP folder, so it is sent from the compose menu.
        self.drive(1, "", "-e", "set editor=true autoedit=yes edit_headers=yes abort_unmodified=no", "-s", "from neomutt", "-i",
                   body, "--", self.box.user_name(2), conversation='expect "Security:" {send "y"} timeout {exit 6}')
        arrived = self.only_message(2)
        self.assertIn(b"Subject: from neomutt\r\n", arrived)
        copy = self.only_message(1, "Sent")
        self.assertIn(b"Subject: from neomutt\r\n", copy)
        self.assertEqual(copy.split(b"\r\n\r\n", 1)[1], arrived.split(b"\r\n\r\n", 1)[1])

    def test_it_reads_saves_and_deletes(self):
        for word in ("first", "second", "third"):
            self.box.deliver(message(f"the {word} one", f"words of the {word}\r\n".encode()), to=3)
        keys = "<first-entry><display-message><exit><first-entry><flag-message>" \
               "<first-entry><next-entry><copy-message><kill-line>+Drafts<enter>" \
               "<first-entry><next-entry><delete-message>" \
               "<last-entry><save-message><kill-line>+Archive2<enter><sync-mailbox><exit>"
        self.drive(3, keys)
        for folder, words in (("INBOX", [b"first"]), ("Drafts", [b"second"]), ("Archive2", [b"third"])):
            found = sorted(body.split(b"Subject: the ")[1].split(b" ")[0] for _, body in self.box.messages(3, folder))
            self.assertEqual(found, words, folder)
        link = self.box.imap(3)
        link.select("INBOX", readonly=True)
        _, data = link.search(None, 'SEEN FLAGGED SUBJECT "first"')
        self.assertTrue(data[0].split(), "what was read is seen, what was flagged is flagged")
        link.logout()


if __name__ == "__main__":
    unittest.main(verbosity=2)
