"""A unittest case whose `box` sends mail to other servers."""
import email
import json
import re
import unittest

from appliance import wait_until


class OutboundCase(unittest.TestCase):
    box = None  # of the derived class

    def submit(self, text, to, number=1, **more):
        """Hands it to our submission port as that user: the id under which it was taken."""
        code, words = self.box.submit(text, to, number, **more)
        self.assertEqual(code, 250, words)
        return re.search(r"2\.0\.0 (\w+)", words.decode()).group(1)

    def arrives(self, peer, subject, *mailbox):
        """The message of that subject as the peer has it, with LF for line ends."""
        def found():
            return [text for text in peer.arrived(*mailbox) if f"Subject: {subject}\n".encode() in text.replace(b"\r\n", b"\n")]
        try:
            return wait_until(found, 60, f"{subject} at {peer.host}")[0].replace(b"\r\n", b"\n")
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{self.box.log()[-3000:]}\n{peer.log()[-3000:]}") from None

    def story(self, identifier):
        return self.box.ctl("trace", identifier).stdout

    def is_told(self, identifier, pattern):
        """Its story has a line with that: soon after the other side has the message, or the queue knows of it."""
        try:
            wait_until(lambda: re.search(pattern, self.story(identifier)), 30, f"{pattern} in the story of {identifier}")
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{self.story(identifier)}") from None

    def waiting(self, identifier):
        """What `mailboxctl queue show` says of a message that is still there."""
        done = self.box.ctl("queue", "show", identifier, "--json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def waits_with(self, identifier, pattern, seconds=30):
        """It was tried, and is kept with a reason that fits: what the queue says of it."""
        wait_until(lambda: re.search(pattern, json.dumps(self.waiting(identifier) or {}, ensure_ascii=False)), seconds,
                   f"{identifier} waits with {pattern}")
        return json.dumps(self.waiting(identifier), ensure_ascii=False)

    def report(self, number, subject):
        """The DSN about a message, from its sender's INBOX."""
        def found():
            for _, text in self.box.messages(number):
                parsed = email.message_from_bytes(text)
                if parsed.get_content_type() == "multipart/report" and f"Subject: {subject}".encode() in text:
                    return parsed
            return None
        return wait_until(found, 60, f"a report about {subject}")
