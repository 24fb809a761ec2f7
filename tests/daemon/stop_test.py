"""G9: SIGTERM under load drains (421 4.3.2, * BYE, exit 0, nothing acknowledged is lost); a second SIGTERM hurries; and G1
from outside: kill -9 in the middle of a load, after which every message that got its 250 is there exactly once."""
import collections
import os
import pathlib
import re
import signal
import smtplib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import Appliance, send_data, wait_until
from box_case import message
from conversation import Conversation


class Load:
    """Threads that deliver by SMTP until told to stop or the server goes; they note what was acknowledged."""

    def __init__(self, box, threads=6):
        self.box, self.acknowledged, self.offered = box, [], 0
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(n,), daemon=True) for n in range(threads)]
        for thread in self.threads:
            thread.start()

    def work(self, number):
        sent = 0
        while not self.ended.is_set():
            try:
                with smtplib.SMTP(self.box.host, self.box.ports["smtp"], local_hostname="load.sample.test", timeout=30) as link:
                    link.ehlo()
                    for _ in range(5):
                        sent += 1
                        name = f"load-{number}-{sent}"
                        body = message(name, f"{name}\r\n".encode() * 50)
                        if link.mail("a@sample.test")[0] != 250 or link.rcpt(self.box.user_name(1))[0] != 250:
                            break
                        with self.lock:
                            self.offered += 1
                        if send_data(link, body)[0] == 250:
                            with self.lock:
                                self.acknowledged.append(name)
            except (OSError, smtplib.SMTPException):
                if self.box.process is None or self.box.process.poll() is not None:
                    return
                time.sleep(0.01)

    def wait_for(self, count):
        wait_until(lambda: len(self.acknowledged) >= count, 120, f"{count} messages acknowledged")

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(60)


class Stop(unittest.TestCase):
    def subjects(self, box):
        return [re.search(rb"^Subject: (\S+)", body, re.M).group(1).decode() for _, body in box.messages(1)]

    def assert_all_once(self, box, load):
        found = collections.Counter(self.subjects(box))
        self.assertEqual([n for n in load.acknowledged if not found[n]], [], "acknowledged and lost")
        self.assertEqual([n for n, times in found.items() if times > 1], [], "stored twice")
        print(f"{len(load.acknowledged)} acknowledged of {load.offered} offered; {len(found)} stored", flush=True)

    def test_sigterm_under_load_loses_nothing_and_ends_with_0(self):
        with Appliance(accounts=1) as box:
            load = Load(box)
            load.wait_for(40)
            idle = box.imap(1)
            idle.select("INBOX")
            with Conversation(box.host, box.ports["smtp"]) as waiting:
                waiting.reply()
                waiting.say("EHLO waiting.sample.test")
                os.kill(box.pid, signal.SIGTERM)
                said = waiting.rest()
                self.assertTrue(said == b"" or said.startswith(b"421 4.3.2"), said)
                self.assertIn(b"421", said)
            lines = []
            while line := idle.readline():
                lines.append(line)
            self.assertTrue(any(line.startswith(b"* BYE") for line in lines), lines[-3:])
            idle.shutdown()
            self.assertEqual(box.process.wait(60), 0)
            box.process = None
            load.end()
            box.assert_no_report()
            box.start()
            self.assert_all_once(box, load)

    def test_a_transaction_in_progress_is_finished_within_the_time_to_stop(self):
        with Appliance(accounts=1, settings={"server.stop_timeout": "20s"}) as box:
            with Conversation(box.host, box.ports["smtp"]) as link:
                link.reply()
                for command in ("EHLO slow.sample.test", "MAIL FROM:<a@sample.test>", f"RCPT TO:<{box.user_name(1)}>", "DATA"):
                    link.say(command)
                link.send(b"Subject: begun\r\n\r\nhalf of it ")
                os.kill(box.pid, signal.SIGTERM)
                wait_until(lambda: not self.accepts(box), 20, "no new connection is accepted")
                reply = link.say(b"and the rest\r\n.\r\n")
                self.assertTrue(reply.startswith((b"250 ", b"421 ", b"451 ")), reply)
            self.assertEqual(box.process.wait(60), 0)
            box.process = None
            box.start()
            self.assertEqual(len(box.messages(1)), 1 if reply.startswith(b"250") else 0)

    def accepts(self, box):
        try:
            with Conversation(box.host, box.ports["smtp"], timeout=5) as link:
                return link.reply().startswith(b"220")
        except OSError:
            return False

    def test_a_second_sigterm_does_not_wait(self):
        with Appliance(accounts=1, settings={"server.stop_timeout": "5m"}) as box:
            link = Conversation(box.host, box.ports["smtp"])
            link.reply()
            for command in ("EHLO slow.sample.test", "MAIL FROM:<a@sample.test>", f"RCPT TO:<{box.user_name(1)}>", "DATA"):
                link.say(command)
            os.kill(box.pid, signal.SIGTERM)
            wait_until(lambda: not self.accepts(box), 20, "no new connection is accepted")
            self.assertIsNone(box.process.poll(), "it waits for the transaction")
            os.kill(box.pid, signal.SIGTERM)
            self.assertEqual(box.process.wait(30), 0)
            box.process = None
            link.__exit__()

    def test_a_storm_of_signals_does_not_make_the_end_a_failure(self):
        """G9: also the last moments belong to the daemon: what comes after its loop has ended changes nothing."""
        for _ in range(5):
            with Appliance(accounts=1) as box:
                while box.process.poll() is None:
                    os.kill(box.pid, signal.SIGTERM)
                    os.kill(box.pid, signal.SIGHUP)
                self.assertEqual(box.process.wait(60), 0)
                box.process = None

    def test_mailboxctl_stop(self):
        with Appliance(accounts=1) as box:
            box.ctl("stop")
            self.assertEqual(box.process.wait(60), 0)
            box.process = None

    def test_g1_kill_9_under_load_keeps_every_acknowledged_message_once(self):
        with Appliance(accounts=1) as box:
            everything = []
            for round_number in range(4):
                load = Load(box)
                load.wait_for(10 + 15 * round_number)
                box.kill()
                load.end()
                everything += [(round_number, name) for name in load.acknowledged]
                box.start()
                found = collections.Counter(self.subjects(box))
                self.assertEqual([n for n in load.acknowledged if not found[n]], [], "acknowledged and lost")
                self.assertEqual([n for n, times in found.items() if times > 1], [], "stored twice")
                uids = [uid for uid, _ in box.messages(1)]
                self.assertEqual(len(uids), len(set(uids)))
                link = box.imap(1)
                link.select("INBOX")
                link.store("1:*", "+FLAGS", "(\\Deleted)")
                link.expunge()
                link.logout()
            leftovers = [p for p in (box.data / "mail").rglob("tmp/*") if p.is_file()]
            print(f"{len(everything)} acknowledged over 4 kills; {len(leftovers)} unfinished files left in tmp/")


if __name__ == "__main__":
    unittest.main(verbosity=2)
