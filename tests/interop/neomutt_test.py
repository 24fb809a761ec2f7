"""neomutt without a person: sends by smtps, reads the folder by imap, copies, flags, deletes and moves into a new folder,
sits in IDLE, and opens a folder again from its own cache with CONDSTORE and with QRESYNC."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need
from box_case import BoxCase, message

NEOMUTT, EXPECT = need("neomutt", "expect")


class Neomutt(BoxCase):
    accounts = 6

    def setUp(self):
        self.home = self.box.folder / "neomutt"
        self.home.mkdir(exist_ok=True)

    def rc(self, number, more=""):
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
{more}
""")
        return path

    def environment(self):
        return {"HOME": str(self.home), "TERM": "xterm", "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": str(self.home)}

    def drive(self, number, keys, *arguments, conversation="", more=""):
        """neomutt with a terminal by expect, which waits for its end; the keys are pushed by neomutt itself, what must wait
        for a screen is said by expect."""
        script = self.home / f"drive{number}.exp"
        words = " ".join(f"{{{word}}}" for word in arguments)
        script.write_text(f"""set timeout 60
spawn {NEOMUTT} -n -F {self.rc(number, more)} -e {{push "{keys}"}} {words}
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

    def test_it_is_told_in_idle(self):
        """With IDLE neomutt sends no NOOP: it shows what it is told, and nothing else."""
        self.box.deliver(message("already there"), to=4)
        delivery = f"""import sys; sys.path.insert(0, {str(pathlib.Path(__file__).resolve().parents[1] / "support")!r})
import smtplib
from box_case import message
with smtplib.SMTP({self.box.host!r}, {self.box.ports["smtp"]}, timeout=60) as link:
    link.sendmail("a@sample.test", [{self.box.user_name(4)!r}], message("ring the bell"))
"""
        script = self.home / "deliver.py"
        script.write_text(delivery)
        self.drive(4, "", conversation=f"""expect "already there" {{}} timeout {{exit 6}}
exec {sys.executable} -B {script}
expect "ring the bell" {{send "q"}} timeout {{exit 7}}""",
                   more="set imap_idle=yes imap_keepalive=600 mail_check=600 timeout=1")

    def open_twice(self, number, more):
        """What changes while neomutt is away is there when it opens the folder from its cache."""
        cache = self.home / f"cache{number}"
        cache.mkdir(exist_ok=True)
        more = f'{more}\nset header_cache="{cache}/headers"\nset index_format="%Z#%s#"'
        for n in range(1, 6):
            self.box.deliver(message(f"number {n}"), to=number)
        self.drive(number, "", more=more, conversation='expect "number 5#" {send "q"} timeout {exit 6}')
        link = self.box.imap(number)
        link.select("INBOX")
        link.store("2", "+FLAGS", "(\\Flagged)")
        link.store("3", "+FLAGS", "(\\Deleted)")
        link.expunge()
        link.logout()
        self.box.deliver(message("number 6"), to=number)
        # The tag pattern leaves what is flagged; saving that into a folder shows what neomutt believes.
        keys = "<tag-pattern>~F<enter><tag-prefix><copy-message><kill-line>+Flagged<enter>" \
               "<untag-pattern>~A<enter><tag-pattern>!~F<enter><tag-prefix><copy-message><kill-line>+Others<enter><exit>"
        self.drive(number, keys, more=more)

        def subjects(folder):
            return sorted(body.split(b"Subject: number ")[1][:1] for _, body in self.box.messages(number, folder))
        self.assertEqual(subjects("Flagged"), [b"2"])
        self.assertEqual(subjects("Others"), [b"1", b"4", b"5", b"6"])

    def test_it_opens_from_its_cache_with_condstore(self):
        self.open_twice(5, "set imap_condstore=yes imap_qresync=no")

    def test_it_opens_from_its_cache_with_qresync(self):
        self.open_twice(6, "set imap_condstore=yes imap_qresync=yes")


if __name__ == "__main__":
    unittest.main(verbosity=2)
