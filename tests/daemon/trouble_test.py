"""The daemon on bad days. G6: reads and writes of files and sockets that are cut short, interrupted or told to come again;
G7: a disk that is slow, or hangs under the workers while the loop lives; G5: an allocation that fails anywhere; G8: a clock
that is years off and jumps; G14: a log that cannot be written. Whatever was acknowledged is there once, byte for byte."""
import contextlib
import imaplib
import mmap
import os
import pathlib
import signal
import smtplib
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import Appliance, executable, fetch_all, in_ci, is_sanitized, wait_until
from box_case import message

WORDS = ("ragged", "hanging", "memory", "cut", "held", "refused", "clock",
         "slow", "slowed")


def find_shim(name):
    """Of the build that the executable is of; of any other build otherwise."""
    top = pathlib.Path(__file__).resolve().parents[2]
    built = pathlib.Path(executable()).resolve().parents[1]
    places = [built, *top.joinpath("build").glob("*")]
    places = [pathlib.Path(os.environ["MAILBOXD_SHIMS"])] if "MAILBOXD_SHIMS" in os.environ else \
        [place / "tests/fault" for place in places]
    found = [place / f"lib{name}.so" for place in places if (place / f"lib{name}.so").is_file()]
    return found[0].resolve() if found else None


class TroubledBox(Appliance):
    certificate_days = 36_500  # an expired one is refused at the start, by name

    def __init__(self, shim, **options):
        super().__init__(leaks=False, **options)
        path = self.folder / "trouble"
        path.write_bytes(bytes(4096))
        path.chmod(0o666)
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 4096)
        self.environment |= {"LD_PRELOAD": str(shim), "TROUBLE_SHIM_CONTROL": str(path)}

    def __getitem__(self, word):
        return struct.unpack_from("<q", self.page, 8 * WORDS.index(word))[0]

    def __setitem__(self, word, value):
        struct.pack_into("<q", self.page, 8 * WORDS.index(word), value)


def body_of(name, size):
    return message(name, b"".join(b"%s line %d\r\n" % (name.encode(), n) for n in range(size // 16)))


class Trouble(unittest.TestCase):
    def shim(self, name="trouble_shim"):
        found = find_shim(name)
        if not found and in_ci():
            self.fail(f"{name} is not built (target {name})")
        if not found:
            self.skipTest(f"{name} is not built (target {name})")
        return found

    def assert_there_once(self, box, number, sent):
        stored = [body for _, body in box.messages(number)]
        self.assertEqual(len(stored), len(sent))
        for each in sent:
            self.assertEqual(sum(body.endswith(each) for body in stored), 1)

    def test_g6_short_and_interrupted_reads_and_writes_lose_and_double_nothing(self):
        with TroubledBox(self.shim(), accounts=2) as box:
            box["ragged"] = 1
            sent = []
            for n in range(12):
                sent.append(body_of(f"ragged-{n}", 600_000 if n % 6 == 5 else 3000))
                self.assertEqual(box.deliver(sent[-1], to=1)[0], 250)
            self.assert_there_once(box, 1, sent)
            link = box.imap(1, tls=True)
            appended = body_of("appended", 300_000)
            self.assertEqual(link.append("INBOX", r"(\Seen)", None, appended)[0], "OK")
            link.select("INBOX")
            self.assertEqual(link.copy("1:*", "Archive")[0], "OK")
            self.assertEqual(link.store("1", "+FLAGS", r"(\Deleted)")[0], "OK")
            self.assertEqual(link.expunge()[0], "OK")
            link.logout()
            self.assertEqual(len(box.messages(1, "Archive")), len(sent) + 1)
            self.assert_there_once(box, 1, sent[1:] + [appended])
            self.assertGreater(box["cut"], 1000, "the trouble was there")
            box.kill()
            box.start()  # recovery reads its files in pieces as well
            self.assert_there_once(box, 1, sent[1:] + [appended])
            box["ragged"] = 0
            for line in box.log().splitlines():
                self.assertRegex(line, r"^\S", "a line of the log is whole")

    def test_g7_workers_that_hang_in_a_disk_are_told_while_the_loop_serves_others(self):
        accounts = 8
        with TroubledBox(self.shim(), accounts=accounts, settings={"server.worker_threads": 3}) as box:
            for number in range(1, accounts + 1):
                box.deliver(body_of("before", 2000), to=number)
                self.assertEqual(len(box.messages(number)), 1)
            box["hanging"] = 1
            sent = body_of("meanwhile", 2000)
            for number in range(1, accounts + 1):
                # The journal's disk answers: taking responsibility waits for no mailbox.
                self.assertEqual(box.deliver(sent, to=number)[0], 250)
            wait_until(lambda: box["held"] >= 3, 30, "all workers hang")
            wait_until(lambda: box.http("/healthz")[0] == 503, 60, "/healthz says that work is not done")
            status, text, _ = box.http("/readyz")
            self.assertEqual(status, 503)
            self.assertIn(b"worker threads do not answer", text)
            with box.smtp() as link:  # the loop serves whoever needs no worker
                self.assertEqual(link.ehlo()[0], 250)
            box["hanging"] = 0
            wait_until(lambda: box.http("/healthz")[0] == 200 and box.http("/readyz")[0] == 200, 60, "it recovers by itself")
            for number in range(1, accounts + 1):
                wait_until(lambda: len(box.messages(number)) == 2, 60, "the mail is placed")
                self.assertEqual(sum(body.endswith(sent) for _, body in box.messages(number)), 1)
            self.assertIn("work is not done", box.log())
            wait_until(lambda: "work is done again" in box.log(), 30, "the log says that it is over")

    def test_g7_a_disk_that_takes_5_seconds_holds_up_only_who_waits_for_it(self):
        with TroubledBox(self.shim(), accounts=2) as box:
            box.deliver(body_of("before", 2000), to=2)
            reader = box.imap(2)
            reader.select("INBOX")
            box["slow"] = 5000
            sent = body_of("slow", 2000)
            answers = []
            waiter = threading.Thread(target=lambda: answers.append(box.deliver(sent, to=1)), daemon=True)
            waiter.start()
            wait_until(lambda: box["slowed"] > 0, 60, "the journal waits for its disk")
            with box.smtp() as link:
                self.assertEqual(link.ehlo()[0], 250)
                self.assertEqual(link.noop()[0], 250)
            self.assertEqual(reader.noop()[0], "OK")
            self.assertEqual(len(fetch_all(reader)), 1)
            waiter.join(120)
            self.assertEqual(answers[0][0], 250)
            box["slow"] = 0
            reader.logout()
            self.assert_there_once(box, 1, [sent])

    def test_g5_an_allocation_that_fails_anywhere_loses_nothing_that_was_acknowledged(self):
        if is_sanitized():
            self.skipTest("a sanitizer has an allocator of its own: run with MAILBOXD_BIN of the release preset")
        with TroubledBox(self.shim("memory_shim"), accounts=1, settings={"log.level": "info"}) as box:
            sent = []
            ends = 0
            for turn in range(40):
                box["memory"] = 1 + 37 * turn
                for n in range(4):
                    text = body_of(f"memory-{turn}-{n}", 300_000 if turn % 8 == 7 else 2000)
                    with contextlib.suppress(OSError, smtplib.SMTPException, AssertionError):
                        if box.deliver(text)[0] == 250:
                            sent.append(text)
                    with contextlib.suppress(OSError, AssertionError, imaplib.IMAP4.error):
                        box.messages(1)
                    if box.process.poll() is not None:
                        break
                box["memory"] = 0
                try:
                    box.http("/healthz")
                except OSError:
                    box.process.wait(60)  # it is about to end
                if box.process.poll() is not None:
                    ends += 1
                    self.assertIn(box.process.returncode, (1, -signal.SIGABRT), "it ended of its own will")
                    box.process = None
                    box.start()
                if turn % 10 == 9:
                    self.assert_acknowledged(box, sent)
            self.assertGreater(box["refused"], 20)
            print(f"G5: {box['refused']} allocations refused, {ends} ends of the process, {len(sent)} messages acknowledged")
            self.assert_acknowledged(box, sent)

    def assert_acknowledged(self, box, sent):
        """What was answered otherwise may be there too: the answer is what got lost. What could not be placed is tried again."""
        def counts():
            stored = [body for _, body in box.messages(1)]
            return [sum(body.endswith(each) for body in stored) for each in sent]

        wait_until(lambda: 0 not in counts(), 60, "all that was acknowledged is there")
        self.assertEqual(set(counts()), {1})

    def test_g8_wherever_the_clock_stands_mail_goes_on_and_no_number_goes_back(self):
        year = 365 * 86400
        to_1970 = 86400 - int(time.time())
        with TroubledBox(self.shim(), accounts=1) as box:
            sent = []
            uids = []
            validities = []

            def go_on(name):
                sent.append(body_of(name, 2000))
                self.assertEqual(box.deliver(sent[-1])[0], 250)
                self.assert_there_once(box, 1, sent)
                uids.append(max(uid for uid, _ in box.messages(1)))
                link = box.imap(1)
                self.assertEqual(link.create("again")[0], "OK")
                link.select("again")
                validities.append(int(link.response("UIDVALIDITY")[1][0]))
                link.select("INBOX")
                inbox.add(int(link.response("UIDVALIDITY")[1][0]))
                self.assertEqual(link.delete("again")[0], "OK")
                link.logout()

            inbox = set()
            go_on("now")
            for name, seconds in (("1970", to_1970), ("2038", 14 * year), ("hour-back", -3600), ("year-on", year), ("here", 0)):
                box["clock"] = seconds  # under way, as NTP does it
                go_on(f"{name}-jumped")
                box.kill()
                box.start()  # and before NTP came
                go_on(f"{name}-started")
                box.stop()
                box.start()
                go_on(f"{name}-again")
            self.assertEqual(len(inbox), 1, "INBOX's UIDVALIDITY stays")
            self.assertEqual(uids, sorted(set(uids)))
            self.assertEqual(validities, sorted(set(validities)), "a mailbox made again has a greater UIDVALIDITY")

    def test_g14_mail_goes_on_when_the_log_cannot_be_written(self):
        with Appliance(accounts=1) as box:
            box.stop()
            real = box.log_path
            box.log_path = pathlib.Path("/dev/full")
            try:
                box.start()
                sent = [body_of(f"log-{n}", 2000) for n in range(20)]
                for each in sent:
                    self.assertEqual(box.deliver(each)[0], 250)
                self.assert_there_once(box, 1, sent)
                self.assertGreater(box.metrics()["mailboxd_log_dropped_lines"], 0)
                os.kill(box.pid, signal.SIGTERM)
                self.assertEqual(box.process.wait(60), 0)
                box.process = None
            finally:
                box.log_path = real
            box.start()
            self.assert_there_once(box, 1, sent)


if __name__ == "__main__":
    unittest.main(verbosity=2)
