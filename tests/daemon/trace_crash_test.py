"""The trace after kill -9: whatever was acknowledged has its beginning and its end there, whichever rows the crash took; what says
"still waiting" is in the queue; the delivery times count all of it; and what owners did with their mail is told once."""
import contextlib
import imaplib
import json
import poplib
import pathlib
import random
import smtplib
import socketserver
import sqlite3
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import Appliance, send_data, wait_until
from box_case import message

imaplib.Commands.setdefault("MOVE", ("SELECTED",))


class Sink(socketserver.ThreadingTCPServer):
    """A server that takes mail, refuses never@…, and puts off later@…"""
    allow_reuse_address = True
    daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def say(self, text):
            self.wfile.write(text.encode() + b"\r\n")

        def handle(self):
            with contextlib.suppress(OSError):
                self.converse()

        def converse(self):
            self.say("220 sink.test")
            for line in self.rfile:
                verb = line[:4].upper()
                if verb == b"QUIT":
                    return self.say("221 bye")
                if verb == b"EHLO":
                    self.say("250-sink.test")
                    self.say("250 8BITMIME")
                elif verb == b"RCPT" and b"never" in line:
                    self.say("550 5.1.1 nobody of that name")
                elif verb == b"RCPT" and b"later" in line:
                    self.say("451 4.7.1 come again")
                elif verb == b"DATA":
                    self.say("354 go on")
                    while self.rfile.readline() not in (b".\r\n", b""):
                        pass
                    self.say("250 2.0.0 taken")
                else:
                    self.say("250 2.0.0 fine")


class Load:
    """Sessions that submit until the server goes away. `sent`: what was acknowledged, id and recipients."""
    def __init__(self, box, number, seed):
        self.box = box
        self.sent = {}
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(random.Random(seed * 100 + n),)) for n in range(number)]
        for thread in self.threads:
            thread.start()

    def recipients(self, chance):
        return chance.choice([[self.box.user_name(2)], ["ann@sink.test"], [self.box.user_name(2), self.box.user_name(3), "bob@sink.test"],
                              ["ann@sink.test", "cy@sink.test"], ["ann@sink.test", self.box.user_name(3)],
                              ["never@sink.test", "ann@sink.test"] if chance.random() < 0.3 else ["dan@sink.test"],
                              ["later@sink.test"] if chance.random() < 0.2 else [self.box.user_name(3)]])

    def run(self, chance):
        with contextlib.suppress(smtplib.SMTPException, OSError):
            link = smtplib.SMTP(self.box.host, self.box.ports["submission"], local_hostname="load.sample.test", timeout=60)
            link.ehlo()
            link.login(self.box.user_name(1), self.box.password)
            while True:
                self.send(link, self.recipients(chance), chance)

    def send(self, link, to, chance):
        link.mail(self.box.user_name(1))
        for address in to:
            assert link.rcpt(address)[0] == 250
        code, answer = send_data(link, message("under load", b"x" * chance.randrange(100, 3000), sender=self.box.user_name(1)))
        assert code == 250, answer
        with self.lock:
            self.sent[answer.decode().split()[1]] = to

    def finish(self):
        for thread in self.threads:
            thread.join(60)


class TraceAfterCrashes(unittest.TestCase):
    kills = 5

    def crash_under_load(self, box, seed):
        load = Load(box, 6, seed)
        chance = random.Random(seed)
        wanted = chance.randrange(100, 300)
        end = time.monotonic() + 60
        while len(load.sent) < wanted and time.monotonic() < end:
            time.sleep(chance.random() * 0.02)
        box.kill()
        load.finish()
        self.assertGreaterEqual(len(load.sent), wanted)
        return load.sent

    def queued(self, box):
        """{id: [addresses that are not done with]}, of all pages."""
        found = {}
        after = []
        while True:
            page = box.ctl_json("queue", "list", *after)
            for entry in page["messages"]:
                found[entry["id"]] = [one["address"] for one in entry["recipients"] if one["status"] in ("waiting", "sending", "failing")]
            if not page["next"]:
                return found
            after = ["--after", page["next"]]

    def drain(self, box):
        def is_drained():
            return all(one == "later@sink.test" for open_ones in self.queued(box).values() for one in open_ones)
        wait_until(is_drained, 120, "the queue is drained but for what is put off")

    def test_what_was_acknowledged_is_told_from_its_beginning_to_its_end(self):
        with Sink(("127.0.0.1", 0), Sink.Handler) as sink:
            threading.Thread(target=sink.serve_forever, daemon=True).start()
            routes = [{"domain": "*", "host": f"127.0.0.1:{sink.server_address[1]}", "tls": "none"}]
            with Appliance(accounts=3, routes=routes) as box:
                sent = {}
                for number in range(self.kills):
                    sent |= self.crash_under_load(box, 40 + number)
                    box.start()
                self.drain(box)
                self.compare(box, sent)
            sink.shutdown()

    def compare(self, box, sent):
        waiting = set(self.queued(box))
        outcomes = {"never@sink.test": "failed", "later@sink.test": "waiting"}
        wrong = []
        good = 0
        # Also a flush of what was recorded until now.
        slo = box.ctl_json("slo", "--since", "1h")
        with contextlib.closing(sqlite3.connect(f"file:{box.data}/trace.db?mode=ro", uri=True)) as views:
            for name, to in sent.items():
                kinds = [row[0] for row in views.execute("SELECT kind FROM events WHERE id = ? ORDER BY at", (name,))]
                found = dict(views.execute("SELECT recipient, outcome FROM deliveries WHERE id = ?", (name,)).fetchall())
                wanted = {one: outcomes.get(one, "delivered" if one.endswith("@sink.test") else "placed") for one in to}
                good += sum(outcome in ("delivered", "placed") for outcome in wanted.values())
                if kinds[:1] != ["accepted"] or kinds.count("accepted") != 1 or found != wanted:
                    wrong.append((name, kinds, found, wanted))
                if kinds.count("placed") != sum(outcome == "placed" for outcome in wanted.values()):
                    wrong.append((name, kinds, "placed more than once"))
            self.assertEqual(wrong[:3], [], f"{len(wrong)} of {len(sent)}")
            open_ones = {row[0] for row in views.execute("SELECT id FROM deliveries WHERE outcome = 'waiting'")}
            self.assertEqual(open_ones - waiting, set(), "still waiting, and not in the queue")
            headless = views.execute("SELECT count(*) FROM messages m WHERE NOT EXISTS "
                                     "(SELECT 1 FROM events e WHERE e.id = m.id AND e.kind = 'accepted')").fetchone()
            self.assertEqual(headless, (0,), "stories without a beginning")
        self.assertGreaterEqual(slo["delivered"], good, "deliveries that the times do not count")
        story = box.ctl_json("trace", next(iter(sent)))["story"]
        self.assertEqual(story["message"]["subject"], "under load", json.dumps(story))
        self.assertEqual(story["message"]["account"], box.user_name(1))


class StandingHoldAfterCrash(unittest.TestCase):
    def test_what_a_standing_hold_keeps_is_told_once(self):
        with Appliance(accounts=1) as box:
            box.ctl("queue", "hold", "--standing", "--destination", "held.test")
            for number in range(3):
                code, answer = box.submit(message(f"kept {number}", sender=box.user_name(1)), "ann@held.test")
                self.assertEqual(code, 250)
                time.sleep((0, 0.03, 0.5)[number])
                box.kill()
                box.start()
                box.kill()
                box.start()
                name = answer.decode().split()[1]

                def told(name=name):
                    return [line["text"] for line in box.ctl_json("trace", name)["story"]["story"]]
                wait_until(lambda told=told: any(text.startswith("held") for text in told()), 20, f"that it is held: {told()}")
                self.assertEqual([text for text in told() if text.startswith("held")], ["held in the queue by the administrator: all mail to held.test is held"], told())


class OwnersActsAfterCrashes(unittest.TestCase):
    kills = 6

    def uid_of(self, link, folder, subject):
        self.assertEqual(link.select(folder)[0], "OK")
        (found,) = link.uid("SEARCH", "HEADER", "Subject", f'"{subject}"')[1][0].split()
        return found

    def expunge_by_imap(self, link, folder, subject, how):
        uid = self.uid_of(link, folder, subject)
        self.assertEqual(link.uid("STORE", uid, "+FLAGS", "(\\Deleted)")[0], "OK")
        self.assertEqual(how()[0], "OK")

    def act(self, box, number):
        """Mail comes in, and its owner does something with each. {id: what its story has to say of it}"""
        told = {}
        for what in ("moved", "moved twice", "expunged", "closed", "moved and expunged", "to another account", "by pop3", "kept"):
            code, answer = box.deliver(message(f"{what} {number}"))
            self.assertEqual(code, 250)
            told[answer.decode().split()[1]] = what
        link = box.imap(1)
        for what in ("moved", "moved twice", "moved and expunged"):
            self.assertEqual(link.uid("MOVE", self.uid_of(link, "INBOX", f"{what} {number}"), "Kept")[0], "OK")
        self.assertEqual(link.uid("MOVE", self.uid_of(link, "INBOX", f"to another account {number}"), f'"{self.other}"')[0], "OK")
        self.assertEqual(link.uid("MOVE", self.uid_of(link, "Kept", f"moved twice {number}"), "INBOX")[0], "OK")
        self.expunge_by_imap(link, "Kept", f"moved and expunged {number}", link.expunge)
        self.expunge_by_imap(link, "INBOX", f"expunged {number}", link.expunge)
        self.expunge_by_imap(link, "INBOX", f"closed {number}", link.close)
        link.logout()
        drop = poplib.POP3(box.host, box.ports["pop3"], timeout=60)
        drop.user(box.user_name(1))
        drop.pass_(box.password)
        for line in drop.list()[1]:
            n = line.split()[0].decode()
            if f"Subject: by pop3 {number}".encode() in drop.top(n, 0)[1]:
                drop.dele(n)
        drop.quit()
        return told

    wanted = {
        "moved": [("moved", "INBOX", "Kept")],
        "moved twice": [("moved", "INBOX", "Kept"), ("moved", "Kept", "INBOX")],
        "expunged": [("expunged", "INBOX", None)],
        "closed": [("expunged", "INBOX", None)],
        "moved and expunged": [("moved", "INBOX", "Kept"), ("expunged", "Kept", None)],
        "by pop3": [("expunged", "INBOX", None)],
        "kept": [],
    }

    def test_what_owners_did_is_told_once_whenever_the_kill_comes(self):
        chance = random.Random(11)
        with Appliance(accounts=2) as box:
            first = box.imap(1)
            first.create("Kept")
            first.logout()
            second = box.imap(2)
            second.create("Ours")
            second.setacl("Ours", box.user_name(1), "lrswite")
            second.logout()
            self.other = f"Other Users/{box.user_name(2)}/Ours"
            told = {}
            for number in range(self.kills):
                told |= self.act(box, number)
                # At once, or with some of it written, or with the journal's records gone below a checkpoint.
                time.sleep(chance.choice([0, 0, 0.1, 0.25, 1.5]))
                box.kill()
                box.start()
                if number % 2 == 1:
                    box.kill()
                    box.start()
            wait_until(lambda: box.ctl_json("slo", "--since", "1h")["delivered"] == len(told), 60, "all is placed and told")
            self.compare(box, told)

    def compare(self, box, told):
        wrong = []
        with contextlib.closing(sqlite3.connect(f"file:{box.data}/trace.db?mode=ro", uri=True)) as views:
            for name, what in told.items():
                rows = views.execute("SELECT kind, facts, recipient FROM events WHERE id = ? AND kind IN ('moved', 'expunged') ORDER BY at", (name,)).fetchall()
                facts = [(kind, *(json.loads(text).get(key) for key in ("mailbox", "to_mailbox"))) for kind, text, _ in rows]
                wanted = self.wanted.get(what, [("moved", "INBOX", "Ours")])
                owners = {json.loads(text).get("to_account") for _, text, _ in rows}
                if what == "to another account" and owners != {box.user_name(2)}:
                    wrong.append((name, what, rows))
                by = {json.loads(text)["by"] for _, text, _ in rows}
                if facts != wanted or not by <= {"pop3" if what == "by pop3" else "imap"} or {row[2] for row in rows} - {box.user_name(1)}:
                    wrong.append((name, what, rows))
        self.assertEqual(wrong[:4], [], f"{len(wrong)} of {len(told)}")

    def test_of_a_long_expunge_a_thousand_rows_are_there_after_a_kill(self):
        with Appliance(accounts=1) as box:
            with box.smtp() as link:
                link.ehlo()
                for number in range(1100):
                    link.mail("sender@sample.test")
                    link.rcpt(box.user_name(1))
                    self.assertEqual(send_data(link, message(f"one of many {number}"))[0], 250)
            link = box.imap(1)
            link.select("INBOX")
            self.assertEqual(link.store("1:*", "+FLAGS.SILENT", "(\\Deleted)")[0], "OK")
            self.assertEqual(link.expunge()[0], "OK")
            box.kill()
            link.shutdown()
            box.start()

            def told():
                box.ctl("slo", "--since", "1h")
                with contextlib.closing(sqlite3.connect(f"file:{box.data}/trace.db?mode=ro", uri=True)) as views:
                    return views.execute("SELECT count(*), count(DISTINCT id) FROM events WHERE kind = 'expunged'").fetchone()
            wait_until(lambda: told()[0] >= 1000, 60, "a thousand are told")
            self.assertEqual(told(), (1000, 1000))


if __name__ == "__main__":
    unittest.main(verbosity=2)
