"""Sabotage of the queue between a kill and the restart: what its replay needs is taken out of the closed journal, or out of its
files. Each must be missed at the end: by a loss, or by a second copy."""
import pathlib

from record_drop import ACCEPTED_OUTGOING, OUTGOING, PREFIX, Journal, Numbers, find_journal


def trace_id_of(record):
    """The id of an accepted message, which begins its record's head."""
    length = PREFIX.unpack_from(record.payload)[2]
    return Numbers(record.payload[PREFIX.size:PREFIX.size + length]).text().decode()


def entries(data):
    return {path.stem: path for path in (pathlib.Path(data) / "queue").glob("??/*.entry")}


def drop_accepted(data, ledger):
    """Messages that stand in the journal alone; they were never accepted, as far as it knows."""
    journal, there = Journal(find_journal(pathlib.Path(data))), entries(data)
    acknowledged = {one.id for one in ledger.submissions if one.ok}
    chosen = [record for record in journal.records() if record.payload[1] == ACCEPTED_OUTGOING
              and trace_id_of(record) in acknowledged and trace_id_of(record) not in there]
    journal.void(chosen)
    journal.save()
    return len(chosen)


def drop_changes(data, _):
    """All that the queue wrote about what became of its messages."""
    journal = Journal(find_journal(pathlib.Path(data)))
    chosen = [record for record in journal.records() if record.payload[1] == OUTGOING]
    journal.void(chosen)
    journal.save()
    return len(chosen)


def drop_entry(data, ledger):
    """The files of one message that waits, and that the journal has forgotten."""
    journal, there = Journal(find_journal(pathlib.Path(data))), entries(data)
    held_by_journal = {trace_id_of(record) for record in journal.records() if record.payload[1] == ACCEPTED_OUTGOING}
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
