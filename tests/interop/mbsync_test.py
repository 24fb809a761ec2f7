"""mbsync both ways, twice: the second run transfers nothing; then flags, new local mail and removals travel.

All of it with every extension that mbsync knows, with none of them, and beside a client with QRESYNC (mbsync itself has no
CONDSTORE), whose memory of the mailbox must be right after each run."""
import pathlib
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need
from box_case import BoxCase, message
from imap_cache import QresyncCache

MBSYNC = need("mbsync")


class Mbsync(BoxCase):
    accounts = 1
    extensions = ""  # lines of the account's configuration

    def setUp(self):
        self.home = self.box.folder / "mbsync"
        (self.home / "mail").mkdir(parents=True, exist_ok=True)
        self.rc = self.home / "mbsyncrc"
        self.rc.write_text(f"""IMAPAccount box
Host localhost
Port {self.box.ports["imaps"]}
User {self.box.user_name(1)}
Pass "{self.box.password}"
SSLType IMAPS
CertificateFile {self.box.ca_file}
{self.extensions}

IMAPStore far
Account box

MaildirStore near
Path {self.home}/mail/
Inbox {self.home}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
""")

    def sync(self):
        return self.run_client([MBSYNC, "-V", "-c", self.rc, "all"])

    def near_files(self, folder="INBOX"):
        return sorted(p for sub in ("cur", "new") for p in (self.home / "mail" / folder / sub).glob("*"))

    def assert_nothing_moved(self, said):
        counts = re.findall(r"(?:Far|Near|F|N): \+(\d+) \*(\d+) #(\d+)", said)
        for row in counts:
            self.assertEqual(row, ("0", "0", "0"), said)
        for words in ("pushing", "pulling", "propagating", "Pushing", "Pulling"):
            for line in said.splitlines():
                if line.startswith(words):
                    self.assertRegex(line, r"0|none", said)

    def test_two_way(self):
        sent = [message(f"number {n}", f"body {n} ё\r\n".encode() * n) for n in range(1, 21)]
        for one in sent:
            self.box.deliver(one, to=1)
        self.sync()
        files = self.near_files()
        self.assertEqual(len(files), 20, "the first run brings all")
        # mbsync puts a line of its own into what it copies, to find it again.
        bodies = [re.sub(rb"^X-TUID: .*\n", b"", p.read_bytes().replace(b"\r\n", b"\n"), flags=re.M) for p in files]
        for one in sent:
            self.assertTrue(any(b.endswith(one.replace(b"\r\n", b"\n")) for b in bodies), one)
        self.assertTrue((self.home / "mail" / "Drafts").is_dir(), "special-use folders come along")

        before = {p: p.stat().st_mtime_ns for p in self.home.rglob("*") if p.is_file() and "mail" in p.parts and
                  not p.name.startswith(".")}
        uids = [uid for uid, _ in self.box.messages(1)]
        said = self.sync()
        self.assert_nothing_moved(said)
        after = {p: p.stat().st_mtime_ns for p in before if p.exists()}
        self.assertEqual(before, after, "the second run transfers nothing")
        self.assertEqual([uid for uid, _ in self.box.messages(1)], uids, "and makes nothing new")

        self.flags_and_new_mail_go_up(files)
        self.flags_and_removals_come_down()
        said = self.sync()
        self.assert_nothing_moved(said)

    def flags_and_new_mail_go_up(self, files):
        first = next(p for p in self.near_files() if b"number 1\n" in p.read_bytes().replace(b"\r\n", b"\n"))
        base = re.sub(r":2,.*", "", first.name)
        first.rename(first.parent.parent / "cur" / f"{base}:2,FS")
        new = message("written locally").replace(b"\r\n", b"\n")
        (self.home / "mail" / "INBOX" / "new" / f"{int(time.time())}.qa_1.local").write_bytes(new)
        self.sync()
        stored = [b for _, b in self.box.messages(1)]
        self.assertEqual(len(stored), 21)
        self.assertEqual(len([b for b in stored if b.endswith(b"Hello.\r\n") and b"written locally" in b]), 1)
        link = self.box.imap(1)
        link.select("INBOX", readonly=True)
        _, flagged = link.search(None, "FLAGGED SEEN")
        self.assertEqual(len(flagged[0].split()), 1, "the flags of the local file reached the server")
        link.logout()

    def flags_and_removals_come_down(self):
        link = self.box.imap(1)
        link.select("INBOX")
        _, data = link.search(None, 'SUBJECT "number 2"')
        numbers = data[0].split()
        link.store(numbers[0], "+FLAGS", "(\\Answered)")
        _, data = link.search(None, 'SUBJECT "number 19"')
        link.store(data[0].split()[0], "+FLAGS", "(\\Deleted)")
        link.expunge()
        link.logout()
        self.sync()
        files = self.near_files()
        self.assertEqual(len(files), 20, "the expunged message is gone here too")
        self.assertEqual(len([p for p in files if re.search(r":2,[A-Z]*R", p.name)]), 1, "and the answer is marked")


class MbsyncWithoutExtensions(Mbsync):
    """CLIENTS: mbsync finds its uploads by UIDNEXT when APPENDUID is missing, and doubles them if that comes too early."""
    extensions = "DisableExtensions UIDPLUS LITERAL+ MOVE NAMESPACE COMPRESS=DEFLATE\nPipelineDepth 1"


class MbsyncBesideQresync(Mbsync):
    """E12: what a client with a memory knows is right after each run of mbsync, and it is never told again what it knew."""

    def setUp(self):
        super().setUp()
        self.cache = QresyncCache(self.box, 1)

    def sync(self):
        said = super().sync()
        known, validity = dict(self.cache.flags), self.cache.validity
        self.cache.sync()
        self.assertEqual(self.cache.flags, self.cache.truth())
        if validity:
            self.assertEqual(self.cache.validity, validity)
            same = {uid for uid in known if known[uid] == self.cache.flags.get(uid)}
            self.assertEqual(same.intersection(self.cache.fetched), set(), "told again what was known")
        return said


if __name__ == "__main__":
    unittest.main(verbosity=2)
