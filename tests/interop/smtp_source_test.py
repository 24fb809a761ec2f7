"""Postfix's smtp-source: many sessions, many messages, several recipients; each message is there exactly once."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need
from box_case import BoxCase

SMTP_SOURCE = need("smtp-source")


class SmtpSource(BoxCase):
    accounts = 4

    def source(self, number, *options):
        return self.run_client([SMTP_SOURCE, "-f", "a@sample.test", "-t", self.box.user_name(number), "-M",
                                "client.sample.test", *options, f"{self.box.host}:{self.box.ports['smtp']}"])

    def test_ten_sessions_deliver_a_hundred_messages_once_each(self):
        self.source(1, "-s", "10", "-m", "100", "-l", "5120", "-N")
        found = self.box.messages(1)
        self.assertEqual(len(found), 100)
        ids = [re.search(rb"^Message-Id: (\S+)", body, re.M | re.I).group(1) for _, body in found]
        self.assertEqual(len(set(ids)), 100, "every message once")
        self.assertEqual(len({uid for uid, _ in found}), 100)

    def test_a_connection_for_each_message(self):
        self.source(2, "-d", "-s", "5", "-m", "20", "-l", "2048")
        self.assertEqual(len(self.box.messages(2)), 20)

    def test_a_large_message(self):
        self.source(3, "-m", "1", "-l", str(20 * 1024 * 1024))
        self.assertGreater(len(self.only_message(3)), 20 * 1024 * 1024)


if __name__ == "__main__":
    unittest.main(verbosity=2)
