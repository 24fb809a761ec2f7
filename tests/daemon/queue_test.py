"""The queue as an administrator meets it: mail for a server that is away, held, released, returned, deleted, and the words that
mailboxctl has for it."""
import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import wait_until
from box_case import BoxCase, message


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Queue(BoxCase):
    accounts = 2
    options = {"routes": [{"domain": "*", "host": f"127.0.0.1:{closed_port()}", "tls": "none"}]}

    def submit(self, to, subject):
        code, answer = self.box.submit(message(subject, sender=self.box.user_name(1), to=to), to)
        self.assertEqual(code, 250, answer)
        return answer.decode().split()[1]

    def wait_for_a_try(self, name):
        wait_until(lambda: self.box.ctl_json("queue", "show", name)["recipients"][0]["attempts"] > 0, 30, "it was not tried")

    def say(self, *words, code=0):
        done = self.box.ctl(*words, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def test_the_words_of_the_queue(self):
        self.assertIn("the queue is empty", self.say("queue", "list"))
        first = self.submit("bob@away.test", "first")
        self.wait_for_a_try(first)
        listed = self.say("queue", "list")
        self.assertIn(first, listed)
        self.assertIn("next try in", listed)
        self.assertIn("mailboxctl queue retry " + first, self.say("queue", "show", first))
        self.assertIn("name their ids, as mailboxctl queue list shows them", self.say("queue", "bounce", code=2))
        self.assertEqual(self.say("queue", "hold", first), "1 message is held until released\n")
        self.assertIn("1 message is held and was left alone", self.say("queue", "retry", "--all"))
        self.assertIn("1 message is released", self.say("queue", "release", first))
        self.assertEqual(self.say("queue", "bounce", first), "1 message is returned to its sender\n")
        wait_until(lambda: "returned to the sender by the administrator for bob@away.test" in self.say("trace", first), 30, "the trace")
        self.assertIn("mailboxctl trace " + first, self.say("queue", "show", first, code=1))
        wait_until(lambda: self.box.messages(1), 30, "the report")

    def test_a_standing_hold_outlives_a_restart(self):
        self.assertIn("no standing holds", self.say("queue", "holds"))
        self.assertIn("0 messages of it", self.say("queue", "hold", "--standing", "--destination", "held.test"))
        name = self.submit("ann@held.test", "kept")
        self.box.stop()
        self.box.start()
        self.assertIn("all mail to held.test", self.say("queue", "holds"))
        shown = self.box.ctl_json("queue", "show", name)
        self.assertEqual(shown["recipients"][0]["held_by"], "all mail to held.test")
        self.assertEqual(shown["recipients"][0]["attempts"], 0)
        self.assertIn("mailboxctl queue release --destination held.test", self.say("queue", "list"))
        wait_until(lambda: "held in the queue by the administrator: all mail to held.test is held" in self.say("trace", name), 30, "the trace")
        self.assertIn("1 standing hold has ended", self.say("queue", "release", "--destination", "held.test"))
        self.wait_for_a_try(name)
        self.assertIn("deleted; nobody is told", self.say("queue", "delete", name))

    def test_a_list_of_holds_that_cannot_be_read_is_a_warning_of_the_status(self):
        self.box.stop()
        holds = pathlib.Path(self.box.data) / "queue" / "holds"
        holds.write_bytes(b"nonsense")
        self.box.start()
        self.assertIn("mailboxctl queue release --all", self.say("status"))
        self.say("queue", "release", "--all")
        self.assertNotIn("queue release --all", self.say("status"))

    def test_a_name_that_can_be_none(self):
        self.assertIn("a dot is there too many", self.say("dns", "lookup", "a..b", code=1))


if __name__ == "__main__":
    unittest.main()
