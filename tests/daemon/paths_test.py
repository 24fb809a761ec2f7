"""F1: whatever a mailbox is called, no system call names a path outside of the data directory (seen by strace); F6: odd
things inside cur/ are not opened."""
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import Appliance, need, wait_until
from box_case import message
from conversation import Conversation

STRACE = need("strace")
NAMES = ["../../etc", "a/../b", "a/../../b", "/abs", "//abs", "~root", "~", ".", "..", "...", "a/", "/", "a//b", "INBOX/../x", ".hidden",
         "cur", "new", "tmp", "index.db", "state", "a\\b", "&AC8-etc", "&AAA-", "&AC4ALg-", "&AC4ALgAv-x", "%2e%2e%2f", "a b", "a\tb",
         "нет", "x" * 300, "/".join("d" * 40 for _ in range(40)), "con:", "a;b", "$(id)", "`id`", "-rf", "\u202etxt.exe", "mail/../../x"]
SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/localtime", "/usr/", "/lib", "/etc/ld.so", "/etc/ssl", "/etc/passwd", "/etc/group",
          "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/host", "/etc/resolv.conf", "/etc/login.defs")


class Paths(unittest.TestCase):
    def quoted(self, name):
        return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def test_f1_no_path_leaves_the_data_directory(self):
        trace = pathlib.Path("/tmp") / f"mailboxd-paths-{os.getpid()}.strace"
        box = Appliance(accounts=2, leaks=False)  # the leak check and strace are both tracers
        box.prefix = [STRACE, "-f", "-qq", "-y", "-s", "4096", "-e", "trace=%file", "-o", str(trace)]
        try:
            box.start()
            box.add_accounts()
            mark = trace.stat().st_size
            secret = box.folder / "outside"
            secret.write_text("outside\n")
            for number, name in enumerate(NAMES):
                with Conversation(box.host, box.ports["imap"]) as link:
                    link.line()
                    link.send(f'a LOGIN {box.user_name(1)} "{box.password}"\r\n').tagged("a")
                    for verb in ("CREATE {}", "SELECT {}", "STATUS {} (MESSAGES)", "SUBSCRIBE {}", "RENAME {} {}x", "LIST \"\" {}",
                                 "DELETE {}x", "DELETE {}", "UNSUBSCRIBE {}"):
                        quoted = self.quoted(name)
                        literal = name.encode()
                        tag = f"t{number}"
                        if verb.count("{}") == 1 and not name.isascii():
                            head, tail = verb.split("{}")
                            link.send(f"{tag} {head}{{{len(literal)}+}}\r\n".encode() + literal + tail.encode() + b"\r\n")
                        elif name.isascii():
                            link.send(f"{tag} {verb.replace('{}x', self.quoted(name + 'x')).replace('{}', quoted)}\r\n".encode())
                        else:
                            continue
                        answer = link.tagged(tag)
                        self.assertRegex(answer.splitlines()[-1], rb"^t\d+ (OK|NO|BAD)", (verb, name))
            with box.smtp() as link:
                link.ehlo()
                for local in ('"../../x"', '"/etc/passwd"', '".."', "user0001+../../x", '"user0001+/../x"'):
                    link.mail("a@sample.test")
                    code, _ = link.docmd("RCPT", f"TO:<{local}@example.test>")
                    if code == 250:
                        link.data(b"Subject: x\r\n\r\nx\r\n")
                    link.rset()
            box.stop()
            allowed = (str(box.data), str(box.run), str(box.config))
            outside, calls = set(), 0
            with open(trace, errors="replace") as lines:
                lines.seek(mark)
                lines.readline()
                for line in lines:
                    calls += str(box.data) in line
                    for path in re.findall(r'"(/[^"]*)"', line):
                        real = os.path.normpath(path)
                        if not real.startswith(allowed) and not path.startswith(SYSTEM) and not box.data.is_relative_to(real):
                            outside.add(line.strip()[:300])
                    # Relative names go through directory descriptors, which -y shows: none may climb.
                    if re.search(r'AT_FDCWD[^,]*, "(?!/)', line) or re.search(r'<[^>]*>, "[^"]*(\.\./|/\.\.)', line):
                        outside.add(line.strip()[:300])
            self.assertGreater(calls, 300, "the trace shows what it is about")
            self.assertEqual(sorted(outside)[:10], [])
            self.assertEqual(secret.read_text(), "outside\n")
        finally:
            box.discard()
            trace.unlink(missing_ok=True)

    def test_f6_odd_things_in_a_maildir(self):
        with Appliance(accounts=1) as box:
            box.deliver(message("real"))
            self.assertEqual(len(box.messages(1)), 1)
            inbox = box.data / "mail" / box.domain / "user0001"
            outside = box.folder / "outside.eml"
            outside.write_bytes(message("secret outside"))
            cur = inbox / "cur"
            os.symlink(outside, cur / "1700000001.link.host,S=10:2,S")
            os.symlink("/etc/shadow", cur / "1700000002.link.host,S=10:2,S")
            os.mkfifo(cur / "1700000003.fifo.host,S=10:2,S")
            (cur / "1700000004.folder.host,S=10:2,S").mkdir()
            (cur / "1700000005.empty.host,S=0:2,S").write_bytes(b"")
            (cur / "1700000006.locked.host,S=10:2,S").write_bytes(b"Subject: x\r\n\r\n")
            (cur / "1700000006.locked.host,S=10:2,S").chmod(0)
            link = box.imap(1)
            link.select("INBOX")
            link.noop()
            status, data = link.fetch("1:*", "(UID RFC822.SIZE BODY.PEEK[])")
            self.assertEqual(status, "OK")
            text = b" ".join(p if isinstance(p, bytes) else b" ".join(p) for p in data)
            self.assertNotIn(b"secret outside", text)
            self.assertNotIn(b"root:", text)
            self.assertIn(b"Subject: real", text)
            link.logout()
            self.assertEqual(box.http("/healthz")[0], 200)

    def test_f5_a_file_that_vanishes_and_one_that_another_program_brings(self):
        with Appliance(accounts=1) as box:
            for number in range(3):
                box.deliver(message(f"file {number}"))
            before = box.messages(1)
            inbox = box.data / "mail" / box.domain / "user0001"
            files = [p for sub in ("new", "cur") for p in (inbox / sub).iterdir()]
            gone = next(p for p in files if b"Subject: file 1" in p.read_bytes())
            gone.unlink()
            brought = inbox / "new" / "1700000009.brought.host"
            brought.write_bytes(message("brought by another program").replace(b"\r\n", b"\n"))
            if box.as_root:
                import shutil
                shutil.chown(brought, box.user)

            def subjects():
                return sorted(re.search(rb"^Subject: (.*?)\r?$", body, re.M).group(1) for _, body in box.messages(1))

            wait_until(lambda: subjects() == [b"brought by another program", b"file 0", b"file 2"], 30, "both are noticed")
            after = dict((re.search(rb"^Subject: (.*?)\r?$", body, re.M).group(1), uid) for uid, body in box.messages(1))
            self.assertEqual(after[b"file 0"], before[0][0], "the others keep their UIDs")
            self.assertGreater(after[b"brought by another program"], max(uid for uid, _ in before))


if __name__ == "__main__":
    unittest.main(verbosity=2)
