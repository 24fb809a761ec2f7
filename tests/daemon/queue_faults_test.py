"""The queue of the running daemon: 10,000 recipients, servers that die at each step, and files that the disk damages."""
import os
import pathlib
import random
import re
import signal
import smtplib
import sys
import threading
import unittest
from socket import create_server

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import Appliance, free_port_base, is_sanitized, send_data, wait_until
from box_case import message
from remote_script import RemoteScript

MANY = 10_000


def identifier_of(words):
    return re.search(r"2\.0\.0 (\w+)", words.decode()).group(1)


class QueueCase(unittest.TestCase):
    settings = {}

    def setUp(self):
        self.port = free_port_base(1)
        routes = [{"domain": domain, "host": f"127.0.0.1:{self.port}"} for domain in ("script.test", "second.test")]
        self.box = self.enterContext(Appliance(accounts=2, routes=routes, leaks=False, quarantine_mb=4, settings={"outbound.connect_timeout": "5s"} | self.settings))

    def submit(self, subject, to="bob@script.test"):
        code, words = self.box.submit(message(subject, sender=self.box.user_name(1)), to)
        self.assertEqual(code, 250, words)
        return identifier_of(words)

    def waiting(self):
        return self.box.ctl_json("queue", "list")["messages"]

    def empty(self):
        self.box.ctl("queue", "retry", "--all", check=False)
        return not self.waiting()


class Recipients(QueueCase):
    def test_ten_thousand_recipients_of_one_submission_all_get_it_once(self):
        """RCPT beyond the limit is 452 4.5.3, and the client sends the rest in further transactions (RFC 5321 4.5.3.1.10)."""
        body = message("to very many", sender=self.box.user_name(1))
        self.submit("warm up")  # nobody listens yet; what it costs is not counted
        self.box.ctl("queue", "delete", "--all")
        before = self.box.resident_kib()
        left, transactions, put_off = [f"r{n}@script.test" for n in range(MANY)], 0, 0
        with RemoteScript("127.0.0.1", self.port) as remote:
            with smtplib.SMTP(self.box.host, self.box.ports["submission"], local_hostname="client.sample.test", timeout=60) as link:
                link.ehlo()
                link.login(self.box.user_name(1), self.box.password)
                while left:
                    self.assertEqual(link.mail(self.box.user_name(1))[0], 250)
                    for taken, address in enumerate(left):
                        code, words = link.rcpt(address)
                        if code != 250:
                            self.assertEqual((code, words[:5]), (452, b"4.5.3"))
                            put_off += 1
                            break
                    else:
                        taken = len(left)
                    self.assertGreaterEqual(taken, min(100, len(left)))  # RFC 5321 section 4.5.3.1.8
                    code, words = send_data(link, body)
                    self.assertEqual(code, 250, words)
                    left, transactions = left[taken:], transactions + 1
            wait_until(lambda: not self.waiting(), 120, "all are delivered")
            heard = [line for line in remote.commands if line.startswith("RCPT")]
        self.assertEqual(len(heard), MANY)
        self.assertEqual(len(set(heard)), MANY)
        self.assertEqual(put_off, transactions - 1)
        # The sanitizer takes more than twice as much around each allocation.
        self.assertLess(self.box.resident_kib() - before, (160 if is_sanitized() else 64) * 1024)


class Deaths(QueueCase):
    STEPS = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT")

    def test_c13_a_server_that_dies_at_any_step_gets_the_message_in_the_end_once(self):
        """Also what is no reply, and a refusal for now, at each step."""
        deeds = ("451 4.3.0 not now", b"\x16\x03\x01 garbage\r\n", "999 what")
        for number, step in enumerate(self.STEPS):
            for deed in ("close", deeds[number % len(deeds)]):
                with self.subTest(step=step, deed=deed):
                    self.die_once(step, deed)

    def die_once(self, step, deed):
        subject = f"{step} {str(deed)[:6]}".replace(".", "dot").replace("\\", "").replace("'", "")
        with RemoteScript("127.0.0.1", self.port, lambda verb, count: deed if verb == step and count == 1 else None) as remote:
            self.submit(subject)
            wait_until(lambda: remote.counts.get(step), 30, f"it came to {step}")
            wait_until(self.empty, 60, f"delivered after {step} {deed!r}")
            got = [text for text in remote.messages if f"Subject: {subject}\r".encode() in text]
        # Behind the dot the script had it when it said something else: only there are there two.
        self.assertEqual(len(got), 2 if step == "." else 1)

    def test_i8_a_kill_in_the_middle_of_a_delivery_loses_nothing_and_sends_no_second_copy(self):
        """The other server holds back its answer at each step but the last dot while we are killed."""
        for step in ("greeting", "MAIL", "DATA"):
            held, go = threading.Event(), threading.Event()

            def answer(verb, count, step=step, held=held, go=go):
                if verb == step and count == 1:
                    held.set()
                    go.wait(60)
                return None
            with RemoteScript("127.0.0.1", self.port, answer) as remote:
                subject = f"killed at {step}"
                self.submit(subject)
                self.assertTrue(held.wait(30))
                self.box.kill()
                go.set()
                self.box.start()
                wait_until(self.empty, 60, f"delivered after the kill at {step}")
                got = [text for text in remote.messages if f"Subject: {subject}\r".encode() in text]
                self.assertEqual(len(got), 1)

    def test_c13_a_server_that_answers_in_the_middle_of_the_message_and_goes_gets_it_later(self):
        """It says 421 while a large message is on its way, and reads no further."""
        heard = threading.Event()
        text = (b"x" * 70 + b"\r\n") * 100_000
        with create_server(("127.0.0.1", self.port)) as listener:
            def serve():
                link, _ = listener.accept()
                with link, link.makefile("rb") as lines:
                    link.sendall(b"220 script ESMTP\r\n")
                    for line in lines:
                        if line.startswith(b"EHLO"):
                            link.sendall(b"250-script\r\n250 PIPELINING\r\n")
                        elif line.startswith(b"DATA"):
                            link.sendall(b"354 go on\r\n")
                            lines.readline()
                            link.sendall(b"421 4.3.2 going down\r\n")
                            break
                        else:
                            link.sendall(b"250 2.0.0 ok\r\n")
                heard.set()
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            code, words = self.box.submit(message("large", text, sender=self.box.user_name(1)), "bob@script.test")
            self.assertEqual(code, 250, words)
            self.assertTrue(heard.wait(60))
            thread.join(30)
        wait_until(lambda: [one for one in self.waiting() if one["recipients"][0]["attempts"] > 0], 60, "it waits for another attempt")
        with RemoteScript("127.0.0.1", self.port) as remote:
            wait_until(self.empty, 60, "delivered")
            self.assertEqual(len(remote.messages), 1)
            self.assertTrue(remote.messages[0].endswith(text))


class Damage(QueueCase):
    def put_off(self, count):
        """Messages that wait in files, and a daemon that has ended."""
        with RemoteScript("127.0.0.1", self.port, lambda verb, _: "451 4.7.1 later" if verb == "RCPT" else None):
            ids = [self.submit(f"waits {n}", [f"r{n}@script.test", f"r{n}@second.test"]) for n in range(count)]
            wait_until(lambda: sum(one["recipients"][0]["attempts"] > 0 for one in self.waiting()) == count, 60, "all were tried")
        self.box.stop()
        return ids

    def restart(self, times=4):
        """As systemd does; under a sanitizer a death over a page is a report of its own, which is not what is looked for here."""
        for _ in range(times):
            self.box.start(wait=False)
            try:
                self.box.wait_ready()
                self.box.ctl("queue", "list")
                self.box.ctl("queue", "retry", "--all")
                self.box.ctl("queue", "list")
                if self.box.process.poll() is None:
                    return
            except (AssertionError, OSError):
                pass
            if self.box.process.poll() is None:
                self.box.process.wait(10)
            self.box.process = None
            self.deaths += 1
        self.fail(f"it dies again and again\n{self.box.log()[-3000:]}")

    def test_f9_damaged_pages_of_the_schedule_cost_at_most_a_restart_and_no_message(self):
        self.deaths = 0
        ids = self.put_off(40)
        for seed in range(3):
            dice = random.Random(seed)
            path = self.box.data / "queue" / "queue.mdb"
            data = bytearray(path.read_bytes())
            for page in range(2, len(data) // 4096):
                if dice.random() < 0.5:
                    data[page * 4096:page * 4096 + 16] = dice.randbytes(16)
            path.write_bytes(data)
            deaths = self.deaths
            self.restart()
            self.assertLessEqual(self.deaths - deaths, 2)
            wait_until(lambda: {one["id"] for one in self.waiting()} == set(ids), 60, "all are listed")
            self.box.process.send_signal(signal.SIGTERM)
            self.assertEqual(self.box.process.wait(60), 0)
            self.box.process = None
        self.box.log_path.write_text("")  # what a process said of its death over a page
        self.box.start()
        with RemoteScript("127.0.0.1", self.port) as remote:
            wait_until(self.empty, 60, "all are delivered")
            self.assertEqual(len([line for line in remote.commands if line.startswith("RCPT")]), 80)

    def test_i9_a_damaged_message_is_set_aside_with_an_alarm_and_never_sent(self):
        ids = self.put_off(3)
        [path] = (self.box.data / "queue").glob(f"??/{ids[1]}.eml")
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        with RemoteScript("127.0.0.1", self.port) as remote:
            self.box.start()
            wait_until(self.empty, 60, "nothing waits any more")
            wait_until(lambda: self.box.metrics()["mailboxd_queue_damaged"] == 1, 30, "it is counted")
            health = str(self.box.http("/healthz"))
            self.assertIn("ok, but degraded", health)
            self.assertIn("1 entry of the queue is damaged", health)
            self.assertEqual(len(remote.messages), 4)
            self.assertFalse([text for text in remote.messages if b"Subject: waits 1\r" in text])
        self.assertIn("set aside", self.box.log())
        self.assertTrue((self.box.data / "queue" / "damaged" / f"{ids[1]}.eml").exists())
        self.assertTrue(os.path.exists(self.box.data / "queue" / "damaged" / f"{ids[1]}.entry"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
