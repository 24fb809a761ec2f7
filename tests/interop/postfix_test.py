"""A real Postfix relays to us: mail goes into its smtpd, through its queue and its smtp client, and arrives byte-exact.

Also A1 with Postfix as the front: whatever it lets through of the smuggling sequences, we never store two messages.
"""
import itertools
import os
import pathlib
import shutil
import smtplib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import added_headers, free_port_base, need, need_root, send_data, wait_until
from box_case import SHARED, BoxCase, message
from conversation import Conversation

POSTFIX, POSTQUEUE = need("postfix", "postqueue")
need_root("Postfix's master starts as root only")

MASTER = """127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class RealPostfix:
    """An instance of its own: its configuration, queue and log lie in a temporary folder."""

    def __init__(self, target_port, ca_file):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mailboxd-postfix-"))
        self.folder.chmod(0o755)
        self.port = free_port_base(1)
        for name in ("etc", "spool", "data", "log"):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(0o755)
        shutil.chown(self.folder / "data", "postfix")
        shutil.copy(ca_file, self.folder / "etc" / "ca.pem")
        (self.folder / "etc" / "ca.pem").chmod(0o644)
        (self.folder / "etc" / "main.cf").write_text(f"""compatibility_level = 3.6
queue_directory = {self.folder}/spool
data_directory = {self.folder}/data
multi_instance_name =
multi_instance_group =
maillog_file = {self.folder}/log/postfix.log
maillog_file_prefixes = {self.folder}/log
myhostname = relay.sample.test
mydomain = sample.test
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relay_domains = example.test
relay_transport = relay:[127.0.0.1]:{target_port}
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_forbid_bare_newline = no
smtpd_forbid_unauth_pipelining = no
message_size_limit = 67108864
smtp_tls_security_level = encrypt
smtp_tls_CAfile = {self.folder}/etc/ca.pem
smtp_tls_loglevel = 1
header_checks =
always_add_missing_headers = no
enable_long_queue_ids = yes
bounce_queue_lifetime = 0
maximal_queue_lifetime = 5m
""")
        (self.folder / "etc" / "master.cf").write_text(MASTER.format(port=self.port))
        for name in ("main.cf", "master.cf"):
            (self.folder / "etc" / name).chmod(0o644)

    def __enter__(self):
        self.run("start")
        wait_until(self.answers, 20, "Postfix answers")
        return self

    def __exit__(self, *_):
        master = self.folder / "spool" / "pid" / "master.pid"
        pid = int(master.read_text()) if master.exists() else 0
        subprocess.run([POSTFIX, "-c", str(self.folder / "etc"), "stop"], capture_output=True, check=False)
        if pid:
            wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), 20, "Postfix has stopped")
        if not os.environ.get("MAILBOXD_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, word):
        done = subprocess.run([POSTFIX, "-c", str(self.folder / "etc"), word], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False)
        assert done.returncode == 0, f"postfix {word}: {done.returncode}\n{self.log()}"

    def answers(self):
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=5) as link:
                return link.noop()[0] == 250
        except OSError:
            return False

    def log(self):
        path = self.folder / "log" / "postfix.log"
        return path.read_text(errors="replace") if path.exists() else "(no log)"

    def queue_is_empty(self):
        done = subprocess.run([POSTQUEUE, "-c", str(self.folder / "etc"), "-p"], capture_output=True, text=True, check=False)
        return "Mail queue is empty" in done.stdout


class Relay(BoxCase):
    accounts = 5

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postfix = RealPostfix(cls.box.ports["smtp"], cls.box.ca_file)
        cls.postfix.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.postfix.__exit__()
        super().tearDownClass()

    def relay(self, sent, *to):
        with smtplib.SMTP("127.0.0.1", self.postfix.port, local_hostname="client.sample.test", timeout=60) as link:
            link.ehlo()
            link.mail("sender@sample.test", ["BODY=8BITMIME"])
            for number in to:
                self.assertEqual(link.rcpt(self.box.user_name(number))[0], 250)
            self.assertEqual(send_data(link, sent)[0], 250)

    def arrived(self, number, count):
        try:
            wait_until(lambda: len(self.box.messages(number)) >= count, 60, f"{count} messages relayed")
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{self.postfix.log()[-4000:]}") from None
        return self.box.messages(number)

    def test_a_message_arrives_byte_exact_over_tls(self):
        sent = message("relayed", b".\r\n..\r\n" + "ёлка 漢字\r\n".encode() + b"x" * 900 + b"\r\n\r\n\r\n")
        self.relay(sent, 1, 2)
        for number in (1, 2):
            [(_, stored)] = self.arrived(number, 1)
            self.assertIsNotNone(added_headers(stored, sent), stored[:2000])
            self.assertIn(b"ESMTPS", stored)
            self.assertIn(b"relay.sample.test", stored)

    def test_a_hundred_messages_of_the_corpus_size(self):
        sent = [message(f"burst {n}", f"line {n}\r\n".encode() * 200) for n in range(100)]
        for one in sent:
            self.relay(one, 3)
        stored = [body for _, body in self.arrived(3, 100)]
        self.assertEqual(len(stored), 100)
        for one in sent:
            self.assertEqual(len([s for s in stored if added_headers(s, one) is not None]), 1)
        self.assertTrue(self.postfix.queue_is_empty())

    def test_corpus_files_that_postfix_does_not_change(self):
        files = sorted(p for p in (SHARED / "corpus").glob("mail-parser/rfc/*") if p.is_file()) if SHARED.is_dir() else []
        if not files:
            self.skipTest("../shared/corpus is not here")
        sent = []
        for path in files:
            data = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
            lines = data.split(b"\r\n")
            # Postfix itself breaks lines of more than 998 bytes and repairs a first line that is no header.
            if all(len(line) < 990 for line in lines) and b"\0" not in data and b":" in lines[0].split(b" ")[0]:
                sent.append(data if data.endswith(b"\r\n") else data + b"\r\n")
        for one in sent:
            self.relay(one, 4)
        stored = [body for _, body in self.arrived(4, len(sent))]
        whole = [one for one in sent if any(s.endswith(one.split(b"\r\n\r\n", 1)[-1]) for s in stored)]
        self.assertEqual(len(whole), len(sent))

    def test_an_unknown_recipient_is_bounced_by_postfix_not_by_us(self):
        with smtplib.SMTP("127.0.0.1", self.postfix.port, timeout=60) as link:
            link.sendmail("", ["nobody-here@example.test"], message("to nobody"))
        wait_until(lambda: "550 5.1.1" in self.postfix.log(), 30, "Postfix heard 550 5.1.1")

    def test_a1_smuggling_through_postfix(self):
        """Every ending of up to three pieces out of CR, LF, CRLF around a lone dot, with a second message behind."""
        pieces = (b"\r", b"\n", b"\r\n", b"\r\r\n")
        tried = 0
        for before, after in itertools.product(pieces, pieces):
            if before == after == b"\r\n":
                continue
            tried += 1
            with Conversation("127.0.0.1", self.postfix.port) as link:
                link.reply()
                for command in ("EHLO x.sample.test", "MAIL FROM:<a@sample.test>", f"RCPT TO:<{self.box.user_name(5)}>", "DATA"):
                    link.say(command)
                smuggled = (f"MAIL FROM:<evil@sample.test>\r\nRCPT TO:<{self.box.user_name(5)}>\r\nDATA\r\n"
                            f"Subject: smuggled\r\n\r\nx\r\n.\r\nQUIT\r\n").encode()
                link.send(b"Subject: outer\r\n\r\nbody" + before + b"." + after + smuggled)
                link.socket.shutdown(1)
                link.rest()
        wait_until(self.postfix.queue_is_empty, 60, "Postfix has handed on or bounced everything")
        stored = [body for _, body in self.box.messages(5)]
        self.assertGreater(tried, 10)
        for body in stored:
            head = body.split(b"\r\n\r\n")[0]
            if b"Subject: smuggled" in head:
                # Postfix itself, told above to let it pass, split the message: it must have been two for Postfix too.
                self.assertIn(b"by relay.sample.test", head)


if __name__ == "__main__":
    unittest.main(verbosity=2)
