"""The queue as an administrator meets it: mail for a server that is away, held, released, returned, deleted, and the words that
mailboxctl has for it."""
import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import wait_until
from box_case import BoxCase, message
from remote_script import RemoteScript


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class QueueCase(BoxCase):
    port = 0  # of the server where everything goes

    @classmethod
    def setUpClass(cls):
        cls.port = closed_port()
        cls.options = {"routes": [{"domain": "*", "host": f"127.0.0.1:{cls.port}", "tls": "none"}]}
        super().setUpClass()

    def say(self, *words, code=0):
        done = self.box.ctl(*words, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def wait_for_words(self, expected, *words):
        wait_until(lambda: expected in self.say(*words), 30, f"{expected} in mailboxctl {' '.join(words)}")


class Queue(QueueCase):
    accounts = 2

    def submit(self, to, subject):
        code, answer = self.box.submit(message(subject, sender=self.box.user_name(1), to=to), to)
        self.assertEqual(code, 250, answer)
        return answer.decode().split()[1]

    def test_an_empty_filter_of_the_api_lists_nothing(self):
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(60)
            link.connect(str(self.box.run / "control.sock"))
            link.sendall(b"GET /api/v1/queue?destination=away.test&recipient= HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: link.recv(4096), b"")).decode()
        self.assertIn(" 422 ", answer.splitlines()[0])
        self.assertIn("recipient is empty", answer)
        self.assertIn("leave it out", answer)

    def wait_for_a_try(self, name):
        wait_until(lambda: self.box.ctl_json("queue", "show", name)["recipients"][0]["attempts"] > 0, 30, "it was not tried")

    def test_the_words_of_the_queue(self):
        self.assertIn("the queue is empty", self.say("queue", "list"))
        first = self.submit("bob@away.test", "first")
        self.wait_for_a_try(first)
        listed = self.say("queue", "list")
        self.assertIn(first, listed)
        self.assertIn("next try in", listed)
        self.assertIn("mailboxctl queue retry " + first, self.say("queue", "show", first))
        self.assertIn("name their ids, as mailboxctl queue list shows them", self.say("queue", "bounce", code=2))
        self.assertIn("an id is empty", self.say("queue", "delete", "", code=2))
        self.assertIn("the address is empty", self.say("check", "route", "", code=2))
        # Of a script's variable that was never set.
        for act in (("delete", "--yes"), ("hold",), ("hold", "--standing"), ("list",)):
            self.assertIn("it is empty", self.say("queue", *act, "--recipient", "", "--destination", "away.test", code=2))
        self.assertIn(first, self.say("queue", "show", first.upper()))
        self.assertIn("accepted from", self.say("trace", first.upper()))
        self.assertEqual(self.say("queue", "hold", first, first.upper()), "1 message is held until released\n")
        self.assertIn("1 message is held and was left alone", self.say("queue", "retry", "--all"))
        self.assertIn("1 message is released", self.say("queue", "release", first))
        self.assertEqual(self.say("queue", "bounce", first), "1 message is returned to its sender\n")
        wait_until(lambda: "returned to the sender by the administrator for bob@away.test" in self.say("trace", first), 30, "the trace")
        self.assertIn("mailboxctl trace " + first, self.say("queue", "show", first, code=1))
        wait_until(lambda: self.box.messages(1), 30, "the report")

    def test_a_hold_of_one_recipient_says_that_it_is_of_the_whole_message(self):
        code, answer = self.box.submit(message("two", sender=self.box.user_name(1)), ["bob@one.test", "eve@two.test"])
        self.assertEqual(code, 250, answer)
        name = answer.decode().split()[1]
        self.wait_for_a_try(name)
        self.assertEqual(self.say("queue", "hold", "--destination", "one.test"),
                         "1 message is held until released\nthat is of the whole message: 1 other recipient of it is held too; "
                         "mailboxctl queue hold --standing keeps those alone whom it names\n")
        self.assertEqual([one["next_in_seconds"] for one in self.box.ctl_json("queue", "show", name)["recipients"]], [None, None])
        self.assertEqual(self.box.ctl_json("queue", "release", "--recipient", "bob@one.test")["other_recipients"], 1)
        self.assertIn("1 other recipient of it is tried too", self.say("queue", "retry", "--recipient", "eve@two.test"))
        self.assertEqual(self.say("queue", "delete", name), "1 message is deleted; nobody is told\n")

    def test_a_hold_and_its_release_are_told_once_through_kill_9(self):
        name = self.submit("ann@kept.test", "told")
        self.wait_for_a_try(name)
        for _ in range(2):
            self.assertIn("1 message of it is", self.say("queue", "hold", "--standing", "--destination", "kept.test"))
        self.assertIn("1 message is held and was left alone", self.say("queue", "retry", "--destination", "kept.test"))
        self.box.kill()
        self.box.start()
        self.assertIn("1 message is released", self.say("queue", "release", "--all"))
        self.assertIn("nothing that fits is held", self.say("queue", "release", name))
        wait_until(lambda: "released by the administrator" in self.say("trace", name), 30, "the trace")
        self.box.kill()
        self.box.start()
        story = self.say("trace", name)
        self.assertEqual(story.count("held in the queue by the administrator: all mail to kept.test is held"), 1, story)
        self.assertEqual(story.count("released by the administrator"), 1, story)
        self.assertIn("deleted; nobody is told", self.say("queue", "delete", name))

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


class Forwarded(QueueCase):
    """What an account forwards, and nobody there takes: whoever is told of it is named by the queue and the trace."""
    accounts = 3

    def send_and_hold(self, number, subject):
        """A message for an account that forwards it and keeps no copy: its id in the queue, where it is held."""
        address = self.box.user_name(number)
        domain = f"gone{number}.test"
        self.box.ctl("account", "forward", address, f"away@{domain}", "--no-copy")
        self.box.ctl("queue", "hold", "--standing", "--destination", domain)
        self.assertEqual(self.box.deliver(message(subject, to=address), to=number)[0], 250)
        listed = wait_until(lambda: self.box.ctl_json("queue", "list", "--destination", domain)["messages"], 30, "it is in the queue")
        return listed[0]["id"], domain

    def refuse(self):
        return RemoteScript("127.0.0.1", self.port, lambda verb, count: "550 5.1.1 nobody here" if verb == "RCPT" else None)

    def test_a_report_that_waits_for_room_says_so(self):
        user = self.box.user_name(2)
        name, domain = self.send_and_hold(2, "full")
        link = self.box.imap(2)
        link.append("INBOX", None, None, message("the only one"))
        link.logout()
        self.box.ctl("account", "set", user, "--quota-messages", "1")
        with self.refuse():
            self.say("queue", "release", "--destination", domain)
            self.wait_for_words(f"failed for good; the report to {user} waits: the mailbox is full", "queue", "list")
        self.assertIn(f"report:   to {user} waits: the mailbox is full", self.say("queue", "show", name))
        self.assertEqual(self.box.ctl_json("queue", "show", name)["report_waits"], "the mailbox is full")
        self.wait_for_words(f"the report to {user}, that it cannot be delivered, waits: the mailbox is full", "trace", name)
        self.box.ctl("account", "set", user, "--quota-messages", "none")
        self.box.stop()
        self.box.start()  # which tries it again at once
        wait_until(lambda: len(self.box.messages(2)) == 2, 30, "the report")
        self.wait_for_words(f"told {user} in message", "trace", name)
        self.assertIn("the queue is empty", self.say("queue", "list"))

    def test_of_an_account_that_is_switched_off_the_administrators_are_told(self):
        user = self.box.user_name(3)
        name, domain = self.send_and_hold(3, "off")
        second, _ = self.send_and_hold(3, "off again")
        self.box.ctl("account", "set", user, "--disable")
        self.assertEqual(self.box.ctl_json("queue", "show", name)["not_told"], "is switched off")
        self.assertEqual(self.say("queue", "bounce", name),
                         "1 message is returned to the administrators: the account that forwarded it is switched off or gone\n")
        with self.refuse():
            self.say("queue", "release", "--destination", domain)
            wait_until(lambda: len(self.box.messages(1)) == 2, 30, "two reports to the administrator")
        for each in (name, second):
            self.wait_for_words(f"told the administrators ({user} is switched off) in message", "trace", each)
            self.assertNotIn(f"told {user}", self.say("trace", each))


if __name__ == "__main__":
    unittest.main()
