"""Compares what must be there (ledger.py) with what is there (sight.py), and says each difference in a line."""
import collections
import dataclasses

from ledger import Account, Box, Row
import record_drop
import sight

# Kinds of findings: loss, flags (also a loss), duplicate, half, returned, numbers, counters, index, files, run.
# A half: a MOVE in doubt that left both sides (RFC 6851 section 3.3: SHOULD NOT), a message in doubt that some of its
# recipients have. Without a journal, whose frames are all there or not at all, a server cannot help it.
TOLERATED = {"half"}
TORN = "torn"  # what a half is called where a journal stands


@dataclasses.dataclass
class Finding:
    kind: str
    where: str
    what: str

    def __str__(self):
        return f"{self.kind}: {self.where}: {self.what}"


def judge_account(expected, folders, where):
    """Findings of one account. What stands in IMAP is in `folders`."""
    found = [Finding(kind, where, what) for kind, what in expected.complaints]
    for name in expected.boxes.keys() - folders.keys():
        found.append(Finding("loss", where, f"the mailbox {name} is gone, with {len(expected.boxes[name].rows)} messages"))
    for name in folders.keys() - expected.boxes.keys():
        found.append(Finding("returned", where, f"the mailbox {name} is there, which must not be"))
    placed = {}
    for name in sorted(expected.boxes.keys() & folders.keys()):
        place = f"{where} {name}"
        found += judge_rows(expected, expected.boxes[name], folders[name], place, placed.setdefault(name, set()))
        found += judge_numbers(expected.history, expected.boxes[name], folders[name], place)
        found += judge_status(folders[name], place)
    found += judge_moves(expected, folders, where, placed)
    return found


def judge_rows(expected, box, folder, where, taken):
    """`taken` gets the tokens that came in by an act in doubt."""
    waiting = collections.defaultdict(list)
    for row in box.floating:
        waiting[row.token].append(row)
    for uid, message in sorted(folder.messages.items()):
        if message.fault:
            yield Finding("loss", where, f"UID {uid} {message.token or ''}: {message.fault}")
            continue
        row = box.rows.get(uid)
        if row is None:
            rows = waiting.get(message.token)
            if not rows:
                yield unexplained(expected, box, message, where)
                continue
            # The same message twice, with other flags: each has its own.
            row = next((row for row in rows if message.flags in row.flags), rows[0])
            rows.remove(row)
            taken.add(message.token)
        elif row.token != message.token:
            yield Finding("numbers", where, f"UID {uid} is {message.token}, it was {row.token}")
            continue
        if message.flags not in row.flags:
            yield Finding("flags", where, f"UID {uid} {message.token} has {sorted(message.flags)}, not "
                                          f"{' or '.join(str(sorted(flags)) for flags in row.flags)}")
    for uid, row in box.rows.items():
        if row.required and uid not in folder.messages:
            yield Finding("loss", where, f"UID {uid} {row.token} was acknowledged and is not there")
    for rows in waiting.values():
        for row in rows:
            if row.required:
                yield Finding("loss", where, f"{row.token} was acknowledged and is not there")


def unexplained(expected, box, message, where):
    uid, token = message.uid, message.token
    if (box.uidvalidity, uid) in expected.history.names:
        return Finding("returned", where, f"UID {uid} {token} was expunged or moved, acknowledged, and is there again")
    if any(row.token == token for row in [*box.rows.values(), *box.floating]):
        return Finding("duplicate", where, f"UID {uid} {token} is there twice")
    return Finding("returned", where, f"UID {uid} {token} was never sent to this mailbox, refused, or expunged")


def judge_moves(expected, folders, where, placed):
    """RFC 6851 section 3.3: never in neither, and not in both."""
    for source, uid, target, token in expected.moves:
        before = uid in folders[source].messages if source in folders else False
        after = token in placed.get(target, ())
        if not before and not after:
            yield Finding("loss", where, f"{token}: lost between {source} and {target} by a MOVE in doubt")
        if before and after:
            yield Finding("half", where, f"{token}: in {source} and in {target} by a MOVE in doubt")


def judge_numbers(history, box, folder, where):
    status = folder.status
    if status["UIDVALIDITY"] != box.uidvalidity:
        yield Finding("numbers", where, f"UIDVALIDITY {status['UIDVALIDITY']}, it was {box.uidvalidity}")
        return
    for word, floors in (("UIDNEXT", history.uidnext), ("HIGHESTMODSEQ", history.modseq)):
        floor = floors.get(box.uidvalidity, 0)
        if word in status and status[word] < floor:
            yield Finding("numbers", where, f"{word} {status[word]}, it was {floor}")
    for uid, message in folder.messages.items():
        other = history.names.get((box.uidvalidity, uid), message.token)
        if other != message.token and not message.fault:
            yield Finding("numbers", where, f"UID {uid} is {message.token}, it was {other}")


def judge_status(folder, where):
    messages = folder.messages.values()
    counted = {"MESSAGES": len(messages), "UNSEEN": sum("\\Seen" not in m.flags for m in messages),
               "DELETED": sum("\\Deleted" in m.flags for m in messages), "SIZE": sum(m.size for m in messages)}
    for word, value in counted.items():
        if folder.status[word] != value:
            yield Finding("counters", where, f"{word} {folder.status[word]}, counted {value}")
    if messages and folder.status["UIDNEXT"] <= max(folder.messages):
        yield Finding("counters", where, f"UIDNEXT {folder.status['UIDNEXT']}, and UID {max(folder.messages)} is there")
    if messages and folder.status.get("HIGHESTMODSEQ", max(m.modseq for m in messages)) < max(m.modseq for m in messages):
        yield Finding("counters", where, "a MODSEQ above HIGHESTMODSEQ")
    for fault in folder.faults:
        yield Finding("counters", where, fault)


def grave(findings):
    return [finding for finding in findings if finding.kind not in TOLERATED]


def judge(box, ledger, seen, crash):
    """Findings of the whole server, and its accounts as they were expected. `seen`: sight.read_all."""
    found, accounts = [], {}
    for number, folders in seen.items():
        names_now = {name: folder.status["UIDVALIDITY"] for name, folder in folders.items()}
        where = f"account {number}"
        expected = accounts[number] = ledger.expected(number, crash, names_now)
        faults = judge_account(expected, folders, where)
        for finding in faults[:3]:
            words = set(f"{finding.where} {finding.what}".split())
            finding.what += "".join(f"\n        {act}" for act in ledger.story(number, words, crash))
        found += faults
        found += [Finding("files", where, fault) for fault in sight.judge_files(box, number, folders)]
    found += judge_halves(ledger, accounts, seen, crash)
    if record_drop.find_journal(box.data):
        for finding in found:
            finding.kind = TORN if finding.kind == "half" else finding.kind
    return found, accounts


def judge_halves(ledger, accounts, seen, crash):
    """A message to several recipients that is in doubt: all of them have it, or none."""
    tokens = {number: accounts[number].sighted | {message.token for folder in folders.values() for message in
                                                  folder.messages.values()} for number, folders in seen.items()}
    for act in ledger.deliveries:
        if act.sent <= crash < act.answered:
            having = [number for number in act.recipients if act.token in tokens[number]]
            if 0 < len(having) < len(act.recipients):
                yield Finding("half", f"accounts {act.recipients}", f"{act.token} in doubt is only in {having}")


def judge_rebuild(before, after):
    """`before`: from the index as it was, `after`: from one built anew out of the files."""
    for number, folders in before.items():
        where = f"account {number}"
        if folders.keys() != after[number].keys():
            yield Finding("index", where, f"mailboxes {sorted(folders)}, rebuilt {sorted(after[number])}")
            continue
        for name, folder in folders.items():
            again = after[number][name]
            old = {uid: message.for_rebuild() for uid, message in folder.messages.items()}
            new = {uid: message.for_rebuild() for uid, message in again.messages.items()}
            for uid in sorted(old.keys() | new.keys()):
                if old.get(uid) != new.get(uid):
                    yield Finding("index", f"{where} {name}", f"UID {uid}: {old.get(uid)}, rebuilt {new.get(uid)}")
            for word in ("MESSAGES", "UNSEEN", "DELETED", "SIZE", "UIDVALIDITY"):
                if folder.status[word] != again.status[word]:
                    yield Finding("index", f"{where} {name}", f"{word} {folder.status[word]}, rebuilt {again.status[word]}")
            for word in ("UIDNEXT", "HIGHESTMODSEQ"):
                if again.status.get(word, 0) < folder.status.get(word, 0):
                    yield Finding("index", f"{where} {name}", f"{word} {folder.status[word]}, rebuilt {again.status[word]}")


def adopt(expected, seen):
    """The Accounts from which the next load sets out: what was seen, with the history of all that was told before."""
    accounts = {}
    for number, folders in seen.items():
        history = expected[number].history if expected else None
        account = Account(history=history)
        for name, folder in folders.items():
            box = account.boxes[name] = Box(folder.status["UIDVALIDITY"])
            for uid, message in folder.messages.items():
                account.place(box, uid, Row(message.token, {message.flags}))
            account.history.told(box.uidvalidity, folder.status["UIDNEXT"], folder.status.get("HIGHESTMODSEQ", 0))
        accounts[number] = account
    return accounts
