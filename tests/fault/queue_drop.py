"""Sabotage of the queue between a kill and the restart: what its replay needs is taken out of the closed journal, or out of its
files. Each must be missed at the end: by a loss, or by a second copy."""
import pathlib

from record_drop import ACCEPTED_OUTGOING, ACCEPTED_TRACED, OUTGOING, OUTGOING_TRACED, PREFIX, Journal, Numbers, find_journal


def trace_id_of(record):
    """The id of an accepted message, which begins its record's head."""
    length = PREFIX.unpack_from(record.payload)[2]
    return Numbers(record.payload[PREFIX.size:PREFIX.size + length]).text().decode()


def is_for_others(record):
    """An acceptance with recipients on other servers. What was made void is empty."""
    if len(record.payload) < 2:
        return False
    kind = record.payload[1]
    if kind != ACCEPTED_TRACED:
        return kind == ACCEPTED_OUTGOING
    head = Numbers(record.payload[PREFIX.size:PREFIX.size + PREFIX.unpack_from(record.payload)[2]])
    # trace id, date, size, CRC, name in the spool, recipients here (id, local part, domain), envelope
    head.text(), head.number(), head.number(), head.number(), head.text()
    for _ in range(head.number()):
        head.number(), head.text(), head.text()
    return head.text() != b""


def entries(data):
    return {path.stem: path for path in (pathlib.Path(data) / "queue").glob("??/*.entry")}


def drop_accepted(data, ledger):
    """Messages that stand in the journal alone; they were never accepted, as far as it knows."""
    journal, there = Journal(find_journal(pathlib.Path(data))), entries(data)
    acknowledged = {one.id for one in ledger.submissions if one.ok}
    chosen = [record for record in journal.records() if is_for_others(record)
              and trace_id_of(record) in acknowledged and trace_id_of(record) not in there]
    journal.void(chosen)
    journal.save()
    return len(chosen)


def drop_changes(data, _):
    """All that the queue wrote about what became of its messages."""
    journal = Journal(find_journal(pathlib.Path(data)))
    chosen = [record for record in journal.records() if len(record.payload) > 1 and record.payload[1] in (OUTGOING, OUTGOING_TRACED)]
    journal.void(chosen)
    journal.save()
    return len(chosen)


def drop_entry(data, ledger):
    """The files of one message that waits, and that the journal has forgotten."""
    journal, there = Journal(find_journal(pathlib.Path(data))), entries(data)
    held_by_journal = {trace_id_of(record) for record in journal.records() if is_for_others(record)}
    acknowledged = {one.id for one in ledger.submissions if one.ok}
    for name in sorted((there.keys() & acknowledged) - held_by_journal):
        there[name].unlink()
        return 1
    return 0


SABOTAGES = {"accepted": drop_accepted, "changes": drop_changes, "entry": drop_entry}
MUST_FIND = {
    "accepted": (("loss",), "records of acceptance are dropped from the journal"),
    "changes": (("duplicate", "report"), "the queue's records are dropped from the journal"),
    "entry": (("loss",), "an entry's file is removed"),
}
