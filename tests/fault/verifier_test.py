"""The verifier of the crash proof (ledger.py, verify.py) finds each kind of loss, without any server."""
import pathlib
import sys
import tempfile
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "support")]
import cut_image
from ledger import Account, Act, Box, History, Ledger, Row
import made_mail
from queue_load import QueueAct, QueueLedger, Submission
import queue_mail
from queue_sinks import Reception
import queue_verify
import record_drop
from sight import Folder, Message
import verify

NONE, SEEN = frozenset(), frozenset(["\\Seen"])
TOKENS = [made_mail.token_of("t", number, 300) for number in range(9)]


def folder(name, rows, uidvalidity=7, uidnext=100, **changed):
    """`rows`: {uid: (token, flags)}."""
    messages = {uid: Message(uid, 300, flags, "", token=token) for uid, (token, flags) in rows.items()}
    status = {"MESSAGES": len(rows), "UNSEEN": sum("\\Seen" not in flags for _, flags in rows.values()), "DELETED": 0,
              "SIZE": 300 * len(rows), "UIDNEXT": uidnext, "UIDVALIDITY": uidvalidity}
    return Folder(name, status | changed, messages, [])


class Verifier(unittest.TestCase):
    def setUp(self):
        account = Account({"INBOX": Box(7), "A": Box(8)}, History())
        account.place(account.boxes["INBOX"], 1, Row(TOKENS[1], {NONE}))
        account.place(account.boxes["INBOX"], 2, Row(TOKENS[2], {SEEN}))
        account.place(account.boxes["A"], 1, Row(TOKENS[3], {NONE}))
        self.ledger = Ledger({1: account})
        self.inbox = {1: (TOKENS[1], NONE), 2: (TOKENS[2], SEEN)}
        self.a = {1: (TOKENS[3], NONE)}

    def kinds(self, crash=100, inbox=None, a=None, inbox_words=None, **more):
        folders = {"INBOX": folder("INBOX", self.inbox if inbox is None else inbox, **(inbox_words or {})),
                   "A": folder("A", self.a if a is None else a, 8)} | more
        expected = self.ledger.expected(1, crash, {name: f.status["UIDVALIDITY"] for name, f in folders.items()})
        return [finding.kind for finding in verify.judge_account(expected, folders, "")]

    def did(self, act, answered=10, ok=True):
        act.answered, act.ok = answered, ok
        self.ledger.worker_acts(1, 0).append(act)

    def test_what_is_as_it_was_is_right(self):
        self.assertEqual(self.kinds(), [])

    def test_a_lost_message_is_a_loss(self):
        self.assertEqual(self.kinds(inbox={2: self.inbox[2]}), ["loss"])

    def test_a_lost_delivery_is_a_loss_and_one_in_doubt_is_none(self):
        self.ledger.deliver(Act("delivery", 5, 10, True, token=TOKENS[4], recipients=(1,)))
        self.ledger.deliver(Act("delivery", 5, token=TOKENS[5], recipients=(1,)))
        self.assertEqual(self.kinds(), ["loss"])
        self.assertEqual(self.kinds(crash=9), [])
        self.assertEqual(self.kinds(inbox=self.inbox | {3: (TOKENS[4], NONE), 4: (TOKENS[5], NONE)}), [])
        self.assertEqual(self.kinds(crash=4, inbox=self.inbox | {3: (TOKENS[4], NONE)}), ["returned"])

    def test_a_second_copy_is_a_duplicate(self):
        self.ledger.deliver(Act("delivery", 5, token=TOKENS[5], recipients=(1,)))
        twice = self.inbox | {3: (TOKENS[5], NONE), 4: (TOKENS[5], NONE)}
        self.assertEqual(self.kinds(inbox=twice), ["duplicate"])
        self.assertEqual(self.kinds(inbox=self.inbox | {3: (TOKENS[1], NONE)}), ["duplicate"])

    def test_what_was_expunged_does_not_return(self):
        self.did(Act("expunge", 5, mailbox="INBOX", uids=(1,)))
        self.assertEqual(self.kinds(inbox={2: self.inbox[2]}), [])
        self.assertEqual(self.kinds(), ["returned"])
        self.assertEqual(self.kinds(crash=9), [])
        self.assertEqual(self.kinds(crash=9, inbox={2: self.inbox[2]}), [])

    def test_flags_are_those_of_the_last_answer(self):
        self.did(Act("store", 5, mailbox="INBOX", uids=(1,), flags=SEEN, mode="+"))
        self.assertEqual(self.kinds(), ["flags"])
        self.assertEqual(self.kinds(crash=9), [])
        self.assertEqual(self.kinds(inbox=self.inbox | {1: (TOKENS[1], SEEN)}), [])

    def test_a_move_is_in_one_of_both(self):
        self.did(Act("move", 5, mailbox="INBOX", uids=(1,), target="A", placed=((1, 2),)))
        moved, there = {2: self.inbox[2]}, self.a | {2: (TOKENS[1], NONE)}
        self.assertEqual(self.kinds(inbox=moved, a=there), [])
        self.assertEqual(self.kinds(), ["loss", "returned"])
        self.assertEqual(self.kinds(crash=9), [])
        self.assertEqual(self.kinds(crash=9, inbox=moved, a=there), [])
        self.assertEqual(self.kinds(crash=9, inbox=moved), ["loss"])
        self.assertEqual(self.kinds(crash=9, a=there), ["half"])

    def test_a_uid_never_names_another_message(self):
        self.did(Act("expunge", 5, mailbox="INBOX", uids=(2,)))
        self.ledger.deliver(Act("delivery", 5, token=TOKENS[5], recipients=(1,)))
        self.assertIn("numbers", self.kinds(inbox={1: self.inbox[1], 2: (TOKENS[5], NONE)}))

    def test_numbers_do_not_go_back(self):
        self.did(Act("look", 5, mailbox="INBOX", bounds=(50, 0)))
        self.assertEqual(self.kinds(inbox_words={"uidnext": 49}), ["numbers"])
        self.assertEqual(self.kinds(inbox_words={"uidvalidity": 9}), ["numbers"])
        self.assertEqual(self.kinds(crash=9, inbox_words={"uidnext": 49}), [])

    def test_counters_are_counted_again(self):
        self.assertEqual(self.kinds(inbox_words={"MESSAGES": 3}), ["counters"])
        self.assertEqual(self.kinds(inbox_words={"UNSEEN": 2}), ["counters"])

    def test_mailboxes_are_there_once_and_whole(self):
        self.did(Act("rename", 5, mailbox="A", target="B"))
        renamed = {"INBOX": folder("INBOX", self.inbox), "B": folder("B", self.a, 8)}
        for crash, names, wrong in ((100, renamed, 0), (9, renamed, 0)):
            expected = self.ledger.expected(1, crash, {name: f.status["UIDVALIDITY"] for name, f in names.items()})
            self.assertEqual(len(verify.judge_account(expected, names, "")), wrong)
        self.assertEqual(self.kinds(), ["loss", "returned"])
        self.assertEqual(self.kinds(crash=9), [])
        self.assertEqual(self.kinds(C=folder("C", {}, 9)), ["loss", "returned", "returned"])

    def test_every_byte_of_a_message_counts(self):
        whole = b"Return-Path: <a@b>\r\n" + made_mail.content(TOKENS[1])
        self.assertEqual(made_mail.fault_of(whole), (TOKENS[1], None))
        for torn in (whole[:-1], whole[:-80] + b"\0" * 80, whole[:-1] + b"x", b"", b"X: y\r\n" + whole):
            self.assertIsNotNone(made_mail.fault_of(torn)[1], torn[:40])

    def test_a_rebuilt_index_says_the_same(self):
        seen = {1: {"INBOX": folder("INBOX", self.inbox)}}
        other = {1: {"INBOX": folder("INBOX", self.inbox | {1: (TOKENS[1], SEEN)})}}
        self.assertEqual(list(verify.judge_rebuild(seen, seen)), [])
        self.assertNotEqual(list(verify.judge_rebuild(seen, other)), [])


class Cuts(unittest.TestCase):
    def test_every_mode_keeps_a_part_of_what_was_not_flushed(self):
        class Past:
            def bytes_of(self, record):
                return bytes([record[3]]) * record[2]

        class Dice:
            def randrange(self, most):
                return most - 1

            def random(self):
                return 0.4

        loose = [(cut_image.WRITE, 0, 1024, 1), (cut_image.WRITE, 4096, 1024, 2)]
        kept = {mode: [(at, len(data)) for at, data in cut_image.kept(mode, loose, Past(), Dice(), 512)] for mode in cut_image.MODES}
        self.assertEqual(kept["nothing"], [])
        self.assertEqual(kept["everything"], [(0, 1024), (4096, 1024)])
        self.assertEqual(kept["some writes"], [])
        self.assertEqual(kept["some sectors"], [(0, 512), (512, 512), (4096, 512), (4608, 512)])


class DroppedRecords(unittest.TestCase):
    IDENTITY = 77

    def frame(self, segment, offset, first, previous, payloads, checkpoint=0):
        body, crcs = b"", 0
        for payload in payloads:
            at = offset + record_drop.HEADER.size + len(body) + record_drop.RECORD.size
            place = segment.to_bytes(8, "little") + at.to_bytes(8, "little")
            head = record_drop.RECORD.pack(len(payload), record_drop.crc32c(place + payload))
            crcs = record_drop.crc32c(head, crcs)
            body += head + payload
        header = record_drop.HEADER.pack(record_drop.MAGIC, 1, len(payloads), self.IDENTITY, segment, 0, offset, first, first - 1,
                                         checkpoint, len(body), crcs, previous, 0)[:-4]
        crc = record_drop.crc32c(header)
        whole = header + crc.to_bytes(4, "little") + body
        return whole + bytes(-len(whole) % record_drop.BLOCK), crc

    def test_a_voided_record_is_gone_and_the_chain_of_frames_whole(self):
        self.assertEqual(record_drop.crc32c(b"123456789"), 0xE3069283)
        accepted = [record_drop.PREFIX.pack(1, record_drop.ACCEPTED, 3) + b"abc" + made_mail.content(token) for token in TOKENS[:3]]
        with tempfile.TemporaryDirectory() as name:
            data = pathlib.Path(name)
            (data / "journal").mkdir()
            (data / "mail/cur").mkdir(parents=True)
            (data / "mail/cur/1").write_bytes(made_mail.content(TOKENS[0]))
            one, crc = self.frame(1, 0, 1, 0, accepted[:2])
            two, _ = self.frame(2, 0, 3, crc, accepted[2:])
            (data / "journal/0000000000000001").write_bytes(one)
            (data / "journal/0000000000000002").write_bytes(two)
            self.assertIsNone(record_drop.drop_one(data, {TOKENS[0], TOKENS[5]}), "its file is there")
            self.assertEqual(record_drop.drop_one(data, {TOKENS[0], TOKENS[1]}), TOKENS[1])
            journal = record_drop.Journal(data / "journal")
            records = list(journal.records())
            self.assertEqual([record.payload[1] for record in records], [record_drop.ACCEPTED, record_drop.VOID, record_drop.ACCEPTED])
            self.assertEqual(journal.frames[1][1]["previous"], journal.frames[0][1]["crc"])
            again, _ = self.frame(1, 0, 1, 0, [record.payload for record in records[:2]])
            self.assertEqual((data / "journal/0000000000000001").read_bytes(), again)


class QueueVerifier(unittest.TestCase):
    """One message to a@ and b@, and to never.c@ which is refused; moments are 10, 20, 30 …"""
    A, B, C, TOKEN = "r0.a@all.test", "r1.b@all.test", "never.c@all.test", "q1-500"

    def setUp(self):
        self.ledger = QueueLedger()
        self.ledger.submissions.append(Submission(self.TOKEN, 1, (self.A, self.B, self.C), 2, 0, 10, 20, True, "id1"))
        self.receptions = [Reception(self.A, self.TOKEN, 0, 30, 35), Reception(self.B, self.TOKEN, 0, 31, 35)]
        self.reports, self.local, self.waiting = {self.C: [1]}, {(2, self.TOKEN): 1}, frozenset()

    def judge(self):
        return queue_verify.Judge(self.ledger, queue_verify.Seen(self.receptions, self.reports, self.local, self.waiting)).judge()

    def kinds(self):
        return [finding.kind for finding in self.judge().findings]

    def submitted_after(self, dot_at, life=0, ok=True):
        self.ledger.submissions.append(Submission("q2-500", 1, (), 0, life, dot_at, dot_at + 1, ok, "id2"))

    def test_what_came_to_its_end_is_right(self):
        self.assertEqual(self.kinds(), [])
        outcome = self.judge()
        self.assertEqual((outcome.recipients, outcome.received, outcome.reported), (3, 2, 1))

    def test_a_recipient_without_an_end_is_a_loss(self):
        del self.receptions[0]
        self.assertEqual(self.kinds(), ["loss"])
        self.waiting = frozenset([self.A])
        self.assertEqual(self.kinds(), [])

    def test_a_report_that_is_missing_or_comes_twice_is_found(self):
        self.reports = {}
        self.assertEqual(self.kinds(), ["loss"])
        self.reports = {self.C: [1, 1]}
        self.assertEqual(self.kinds(), ["duplicate"])
        self.reports = {self.C: [2]}
        self.assertEqual(self.kinds(), ["report"])

    def test_a_report_of_what_was_received_is_found(self):
        self.reports = {self.C: [1], self.A: [1]}
        self.assertEqual(self.kinds(), ["report", "report"])

    def test_a_second_copy_without_a_crash_between_is_a_fault(self):
        self.receptions.append(Reception(self.A, self.TOKEN, 0, 40, 45))
        self.assertEqual(self.kinds(), ["duplicate"])

    def test_a_second_copy_is_unavoidable_until_a_later_submission_is_acknowledged(self):
        self.receptions.append(Reception(self.A, self.TOKEN, 1, 140, 145))
        self.assertEqual(self.kinds(), [])
        self.assertEqual(self.judge().unavoidable, 1)
        self.submitted_after(34)  # the client had not gone on by then
        self.assertEqual(self.kinds(), [])
        self.submitted_after(36, ok=False)
        self.assertEqual(self.kinds(), [])
        self.submitted_after(136, life=1)
        self.assertEqual(self.kinds(), [])
        self.submitted_after(36)
        self.assertEqual(self.kinds(), ["duplicate"])
        self.receptions[0].next_at = 0
        self.assertEqual(self.kinds(), [])

    def test_what_was_deleted_is_no_loss_and_does_not_return(self):
        self.receptions = [Reception(self.B, self.TOKEN, 0, 31, 35)]
        self.ledger.acts.append(QueueAct("delete", "id1", 0, 50, 60, True))
        self.assertEqual(self.kinds(), [])
        self.receptions.append(Reception(self.A, self.TOKEN, 0, 61))  # it was on its way
        self.assertEqual(self.kinds(), [])
        self.receptions[-1].life = 1
        self.assertEqual(self.kinds(), ["returned"])

    def test_a_delete_that_did_nothing_excuses_nothing_and_one_in_doubt_does(self):
        del self.receptions[0]
        self.ledger.acts.append(QueueAct("delete", "id1", 0, 50, 60, False))
        self.assertEqual(self.kinds(), ["loss"])
        self.ledger.acts[0].answered = 0
        self.assertEqual(self.kinds(), [])

    def test_what_is_held_waits_for_its_release(self):
        self.receptions[0].life, self.receptions[0].at = 1, 200
        self.ledger.acts.append(QueueAct("hold", "id1", 0, 50, 60, True))
        self.assertEqual(self.kinds(), ["returned"])
        seen = queue_verify.Seen(self.receptions, self.reports, self.local, freed_at=199)
        self.assertEqual(queue_verify.Judge(self.ledger, seen).judge().findings, [])
        self.ledger.acts.append(QueueAct("release", "id1", 1, 150))
        self.assertEqual(self.kinds(), [])

    def test_one_in_doubt_goes_to_all_or_to_none(self):
        self.ledger.submissions[0].ok, self.ledger.submissions[0].answered, self.ledger.submissions[0].id = False, 0, ""
        self.assertEqual(self.kinds(), [])
        self.receptions, self.reports, self.local = [], {}, {}
        self.assertEqual(self.kinds(), [])
        self.receptions = [Reception(self.A, self.TOKEN, 0, 30)]
        self.assertEqual(self.kinds(), ["half"])

    def test_bytes_that_changed_are_a_loss(self):
        self.receptions[0].fault = queue_mail.fault_of(queue_mail.content(self.TOKEN, "x@y.test").replace(b"000001", b"000009"))[1]
        self.assertEqual(self.kinds(), ["loss"])
        self.assertEqual(queue_mail.fault_of(b"Received: x\r\n" + queue_mail.content(self.TOKEN, "x@y.test")), (self.TOKEN, None))

    def test_the_local_recipient_has_it_once(self):
        self.local = {}
        self.assertEqual(self.kinds(), ["loss"])
        self.local = {(2, self.TOKEN): 2}
        self.assertEqual(self.kinds(), ["duplicate"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
