"""A unittest case with one running mailboxd for all of its tests, and the folders that tests read."""
import os
import pathlib
import subprocess
import unittest

from appliance import Appliance

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHARED = SOURCE.parent / "shared"


class BoxCase(unittest.TestCase):
    accounts = 4
    settings = {}
    options = {}  # more of Appliance's own

    @classmethod
    def setUpClass(cls):
        cls.box = Appliance(accounts=cls.accounts, settings=cls.settings, **cls.options)
        cls.box.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.box.__exit__(None, None, None)

    def run_client(self, command, text=None, expect=0, timeout=120, env=None):
        """A client program, run to its end; its whole output is shown when it fails."""
        done = subprocess.run([str(c) for c in command], input=text, capture_output=True, timeout=timeout, check=False,
                              env=os.environ | (env or {}), stdin=None if text is not None else subprocess.DEVNULL)
        output = (done.stdout + done.stderr).decode(errors="replace")
        if expect is not None:
            self.assertEqual(done.returncode, expect, f"{command}\n{output}")
        return done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")

    def only_message(self, number, folder="INBOX"):
        found = self.box.messages(number, folder)
        self.assertEqual(len(found), 1, f"messages in {folder} of {self.box.user_name(number)}")
        return found[0][1]


def message(subject, body=b"Hello.\r\n", sender="sender@sample.test", to="user0001@example.test"):
    head = f"From: <{sender}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n" \
           f"Message-ID: <{subject.replace(' ', '.')}@sample.test>\r\nMIME-Version: 1.0\r\n" \
           "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    return head.encode() + body
