"""C4: no form of address makes us relay for a stranger; A1: no mix of CR, LF, NUL and dots makes two messages of one."""
import itertools
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from box_case import BoxCase
from conversation import Conversation


class Relay(BoxCase):
    accounts = 2
    settings = {"smtp.max_errors": 1000}  # each session tries every form

    def test_c4_open_relay_forms(self):
        ours = "example.test"
        forms = [
            "victim@sample.test", f"victim%sample.test@{ours}", f"victim@sample.test@{ours}", f'"victim@sample.test"@{ours}',
            f'"victim%sample.test"@{ours}', f"sample.test!victim@{ours}", f"{ours}!victim@sample.test", f"@{ours}:victim@sample.test",
            f"@{ours},@sample.test:victim@sample.test", "victim@[127.0.0.1]", "victim@[IPv6:::1]", f"victim@{ours}.sample.test",
            "victim%sample.test@[127.0.0.1]", "victim@localhost", "victim@mail.example.test.", '"victim"@sample.test',
            f"user0001@{ours}@sample.test", f"user0001%{ours}@sample.test", "victim", f"victim@{ours}", f"user0001@x.{ours}",
            "victim@sample.test.", "VICTIM@SAMPLE.TEST", f"user0001@{ours}%00sample.test", "root", "victim@127.0.0.1",
        ]
        senders = ["<>", "<a@sample.test>", f"<user0001@{ours}>", f"<postmaster@{ours}>", "<root@localhost>", "<a@[127.0.0.1]>"]
        greetings = ["EHLO localhost", f"EHLO mail.{ours}", "HELO 127.0.0.1", "EHLO [127.0.0.1]"]
        for greeting, sender in itertools.product(greetings, senders):
            with Conversation(self.box.host, self.box.ports["smtp"]) as link:
                link.reply()
                link.say(greeting)
                if not link.say(f"MAIL FROM:{sender}").startswith(b"250"):
                    continue
                refused = 0
                for form in forms:
                    reply = link.say(f"RCPT TO:<{form}>")
                    if reply.startswith(b"421") or not reply:
                        break
                    self.assertTrue(reply.startswith((b"550 ", b"501 ", b"553 ", b"554 ", b"551 ")), f"{greeting} {sender} {form}: {reply}")
                    refused += 1
                self.assertGreater(refused, 10)

    def test_c4_log_in_is_needed_on_the_submission_ports(self):
        with Conversation(self.box.host, self.box.ports["submission"]) as link:
            link.reply()
            link.say("EHLO localhost")
            self.assertTrue(link.say("MAIL FROM:<user0001@example.test>").startswith(b"530 5.7.0"))

    def test_a1_every_mix_of_endings(self):
        """All words of up to three of CR, LF, CRLF, NUL before and behind a dot: one reply to DATA, 0 or 1 messages."""
        pieces = [b"\r", b"\n", b"\r\n", b"\0"]
        words = [b"".join(w) for length in (1, 2) for w in itertools.product(pieces, repeat=length)]
        mixes = {before + b"." + after for before in words for after in words}
        mixes |= {b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\n\r\n.\r", b"\r\r\n.\r\r\n", b"\n\n.\n\n", b"\r\n.\r\r\n"}
        ends = b"\r\n.\r\n"
        stored_before = len(self.box.messages(2))
        accepted = tried = 0
        link = None
        for mix in sorted(mixes):
            if ends in mix:
                continue  # this one is an end
            tried += 1
            if link is None:
                link = Conversation(self.box.host, self.box.ports["smtp"])
                link.reply()
                link.say("EHLO mixes.sample.test")
            self.assertTrue(link.say("MAIL FROM:<a@sample.test>").startswith(b"250"), mix)
            link.say(f"RCPT TO:<{self.box.user_name(2)}>")
            self.assertTrue(link.say("DATA").startswith(b"354"))
            smuggled = f"MAIL FROM:<evil@sample.test>\r\nRCPT TO:<{self.box.user_name(2)}>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
            link.send(b"Subject: outer\r\n\r\nbody" + mix + smuggled.encode() + ends)
            reply = link.reply()
            self.assertTrue(reply.startswith((b"250 ", b"550 5.6.", b"554 5.6.")), f"{mix!r}: {reply!r}")
            accepted += reply.startswith(b"250")
            # The next reply is that of the next command: nothing of the data was taken for commands.
            self.assertTrue(link.say("NOOP").startswith(b"250 2.0.0"), mix)
            if tried % 10 == 0:
                link.say("QUIT")
                link.__exit__()
                link = None
        stored = self.box.messages(2)[stored_before:]
        self.assertEqual(len(stored), accepted)
        for _, body in stored:
            self.assertIn(b"Subject: outer", body.split(b"\r\n\r\n")[0])
        print(f"{tried} mixes, {accepted} accepted as one message, the others refused")


if __name__ == "__main__":
    unittest.main(verbosity=2)
