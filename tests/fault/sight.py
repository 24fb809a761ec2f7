"""What is there: read over IMAP, and again from the files of the Maildir. Never from the daemon's own counters."""
import concurrent.futures
import dataclasses
import os
import re

from imap_link import ImapLink, decoded, quoted
import made_mail

ITEMS = re.compile(r"\bUID (\d+)|\bRFC822\.SIZE (\d+)|\bMODSEQ \((\d+)\)|\bEMAILID \(([^)]*)\)|\bINTERNALDATE \"([^\"]*)\""
                   r"|\bFLAGS \(([^)]*)\)")
FILE = re.compile(r"(?P<unique>[^,/:]+),S=(?P<size>\d+),I=(?P<uid>\d+)(?:,[^:]*)?(?::2,(?P<flags>[A-Za-z]*))?")
LETTERS = {"D": "\\Draft", "F": "\\Flagged", "P": "$Forwarded", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}


@dataclasses.dataclass
class Message:
    uid: int
    size: int
    flags: frozenset
    date: str
    emailid: str = ""
    modseq: int = 0
    token: str = ""
    fault: str = ""

    def for_rebuild(self):
        """What an index that was built anew must say the same of."""
        return self.uid, self.size, tuple(sorted(self.flags)), self.date, self.emailid


@dataclasses.dataclass
class Folder:
    name: str
    status: dict
    messages: dict  # uid → Message
    faults: list


def fetched(line, literals):
    words = {}
    for uid, size, modseq, emailid, date, flags in ITEMS.findall(line):
        words |= {"uid": int(uid)} if uid else {"size": int(size)} if size else {"modseq": int(modseq)} if modseq else \
            {"emailid": emailid} if emailid else {"date": date} if date else {}
        if flags:
            words["flags"] = frozenset(flags.split()) - {"\\Recent"}
    message = Message(words["uid"], words.get("size", -1), words.get("flags", frozenset()), words.get("date", ""),
                      words.get("emailid", ""), words.get("modseq", 0))
    if literals:
        message.token, fault = made_mail.fault_of(literals[0])
        message.fault = fault or ""
        if len(literals[0]) != message.size:
            message.fault += f" RFC822.SIZE {message.size}, BODY[] {len(literals[0])}"
    return message


def read_folder(link, name, bodies):
    items = ["UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE"]
    wanted = ["MESSAGES", "UNSEEN", "DELETED", "SIZE", "UIDNEXT", "UIDVALIDITY"]
    if "CONDSTORE" in link.capabilities:
        items.append("MODSEQ")
        wanted.append("HIGHESTMODSEQ")
    if "OBJECTID" in link.capabilities:
        items.append("EMAILID")
    if bodies:
        items.append("BODY.PEEK[]")
    link.command(f"EXAMINE {quoted(name)}")
    found, faults = {}, []
    for line, literals in link.command(f"UID FETCH 1:* ({' '.join(items)})").lines:
        if " FETCH (" not in line:
            continue
        message = fetched(line, literals)
        if message.uid in found:
            faults.append(f"UID {message.uid} twice in one FETCH")
        found[message.uid] = message
    return Folder(name, link.command(f"STATUS {quoted(name)} ({' '.join(wanted)})").status(), found, faults)


def read_account(box, number, bodies=True):
    """name → Folder."""
    with ImapLink(box.host, box.ports["imap"], box.user_name(number), box.password) as link:
        names = []
        for line, _ in link.command('LIST "" "*"').lines:
            found = re.fullmatch(r'LIST \(([^)]*)\) "/" (?:"((?:[^"\\]|\\.)*)"|(\S+))', line)
            if found and "\\NonExistent" not in found.group(1):
                names.append(decoded(found.group(2) if found.group(2) is not None else found.group(3)))
        return {name: read_folder(link, name, bodies) for name in names}


def read_all(box, accounts, bodies=True):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: read_account(box, number, bodies), range(1, accounts + 1)))
    return {number: folders for number, folders in enumerate(found, 1)}


# -- the Maildir

def folder_path(account_path, name):
    return account_path if name == "INBOX" else account_path / ("." + name.replace("/", "."))


def judge_files(box, number, folders):
    """Faults of the files of one account against what IMAP shows; to be called when nobody changes anything."""
    local, domain = box.user_name(number).split("@")
    account_path = box.data / "mail" / domain / local
    faults = []
    known = {folder_path(account_path, name) for name in folders}
    for path in sorted(p for p in account_path.iterdir() if p.is_dir() and (p / "cur").is_dir()):
        if path not in known and path.name.startswith("."):
            faults.append(f"{path.name}: a folder that IMAP does not show")
    for name, folder in folders.items():
        faults += [f"{name}: {fault}" for fault in judge_folder(folder_path(account_path, name), folder)]
    return faults


def judge_folder(path, folder):
    seen = {}
    for place in ("cur", "new"):
        for entry in os.scandir(path / place):
            found = FILE.fullmatch(entry.name)
            if not found:
                yield f"{place}/{entry.name}: no file of a message"
                continue
            uid, size = int(found["uid"]), int(found["size"])
            if uid in seen:
                yield f"UID {uid} in two files: {seen[uid]} and {entry.name}"
            seen[uid] = entry.name
            message = folder.messages.get(uid)
            if message is None:
                yield f"{place}/{entry.name}: a file that IMAP does not show"
                continue
            yield from judge_file(entry, message, size, found["flags"] or "")
    for uid in folder.messages.keys() - seen.keys():
        yield f"UID {uid} has no file"


def judge_file(entry, message, size, letters):
    with open(entry.path, "rb") as file:
        stored = file.read()
    token, fault = made_mail.fault_of(stored)
    if fault or token != message.token:
        yield f"{entry.name}: {fault or f'{token}, by IMAP it is {message.token}'}"
    if not size == len(stored) == message.size:
        yield f"{entry.name}: {len(stored)} bytes, RFC822.SIZE {message.size}"
    flags = {LETTERS[letter] for letter in letters if letter in LETTERS}
    shown = message.flags & set(LETTERS.values())
    if flags != shown:
        yield f"{entry.name}: the flags of the name {sorted(flags)}, by IMAP {sorted(shown)}"
