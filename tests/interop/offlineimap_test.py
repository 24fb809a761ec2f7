"""offlineimap3 both ways: folders with Unicode names, new mail, flags and removals travel; the second run moves nothing."""
import imaplib
import os
import pathlib
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need
from box_case import BoxCase, message

OFFLINEIMAP = need("offlineimap")
FOLDER = "Проекты & planы"
ON_THE_WIRE = "&BB8EQAQ+BDUEOgRCBEs- &- plan&BEs-"


class Offlineimap(BoxCase):
    accounts = 1

    def setUp(self):
        self.home = self.box.folder / "offlineimap"
        self.mail = self.home / "mail"
        self.mail.mkdir(parents=True, exist_ok=True)
        self.rc = self.home / "rc"
        self.rc.write_text(f"""[general]
accounts = box
ui = basic
metadata = {self.home}/state
socktimeout = 60

[Account box]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = {self.mail}
nametrans = lambda name: {{"{FOLDER}": "{ON_THE_WIRE}"}}.get(name, name)

[Repository far]
type = IMAP
remotehost = localhost
remoteport = {self.box.ports["imaps"]}
ssl = yes
sslcacertfile = {self.box.ca_file}
remoteuser = {self.box.user_name(1)}
remotepass = {self.box.password}
auth_mechanisms = PLAIN
maxconnections = 2
expunge = yes
nametrans = lambda name: {{"{ON_THE_WIRE}": "{FOLDER}"}}.get(name, name)
""", encoding="utf-8")

    def sync(self):
        return self.run_client([OFFLINEIMAP, "-o", "-c", self.rc], env={"HOME": str(self.home), "LC_ALL": "C.UTF-8"})

    def near(self, folder="INBOX"):
        """{subject: path} of the local copy."""
        found = {}
        for part in ("cur", "new"):
            for path in (self.mail / folder / part).glob("*"):
                found[re.search(rb"^Subject: (.*?)\r?$", path.read_bytes(), re.M).group(1).decode()] = path
        return found

    def far(self, folder="INBOX"):
        """{subject: flags} of the server's side."""
        link = self.box.imap(1)
        link.select(f'"{folder}"', readonly=True)
        _, data = link.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        link.logout()
        return {re.search(rb"Subject: (.*)\r", part[1]).group(1).decode(): imaplib.ParseFlags(part[0])
                for part in data if isinstance(part, tuple)}

    def test_two_way(self):
        link = self.box.imap(1)
        self.assertEqual(link.create(f'"{ON_THE_WIRE}"')[0], "OK")
        link.subscribe(f'"{ON_THE_WIRE}"')
        link.append(f'"{ON_THE_WIRE}"', "(\\Seen)", None, message("in the folder"))
        link.logout()
        for number in range(1, 9):
            self.box.deliver(message(f"number {number}", f"body {number}\r\n".encode()), to=1)
        self.sync()
        self.assertEqual(len(self.near()), 8)
        self.assertEqual(list(self.near(FOLDER)), ["in the folder"], os.listdir(self.mail))
        self.assertRegex(self.near(FOLDER)["in the folder"].name, ":2,S$")

        before = self.files()
        self.sync()
        self.assertEqual(self.files(), before, "the second run moves nothing")
        self.assertEqual(len(self.far()), 8)

        self.changes_go_up()
        self.changes_come_down()
        before = self.files()
        self.sync()
        self.assertEqual(self.files(), before)

    def files(self):
        return sorted((str(p.relative_to(self.mail)), p.stat().st_mtime_ns) for p in self.mail.rglob("*") if p.is_file())

    def changes_go_up(self):
        """A flag, a removal, and a message written here."""
        near = self.near()
        flagged, gone = near["number 1"], near["number 2"]
        flagged.rename(flagged.parent.parent / "cur" / (re.sub(":2,.*", "", flagged.name) + ":2,FS"))
        gone.unlink()
        written = message("written here").replace(b"\r\n", b"\n")
        (self.mail / FOLDER / "new" / f"{int(time.time())}.1_0.local").write_bytes(written)
        self.sync()
        self.assertEqual(set(self.far()["number 1"]), {b"\\Flagged", b"\\Seen"})
        self.assertNotIn("number 2", self.far())
        self.assertEqual(sorted(self.far(ON_THE_WIRE)), ["in the folder", "written here"])

    def changes_come_down(self):
        link = self.box.imap(1)
        link.select("INBOX")
        for subject, flag in (("number 3", "\\Answered"), ("number 4", "\\Deleted")):
            _, data = link.search(None, f'SUBJECT "{subject}"')
            link.store(data[0], "+FLAGS", f"({flag})")
        link.expunge()
        link.logout()
        self.sync()
        self.assertEqual(sorted(self.near()), [f"number {n}" for n in (1, 3, 5, 6, 7, 8)])
        self.assertRegex(self.near()["number 3"].name, ":2,R$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
