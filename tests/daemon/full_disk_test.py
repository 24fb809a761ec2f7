"""G3: a data disk with half of the reserve left, and none of it was left by mail. No mail is accepted (452 4.3.1), but what is
there can be read, flagged and expunged; expunging gives the space back, and mail is accepted again without anybody's help. A
start on the full disk works. On a disk without one block left nothing that was acknowledged is lost or changed."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import Appliance, need, need_root, wait_until
from box_case import message

IMAGE_BYTES = 600 << 20
RESERVE = IMAGE_BYTES // 50  # as src/intake/admission.cpp keeps it


class FullDisk(unittest.TestCase):
    accepted = 0  # of the small ones that ask whether mail is accepted

    @classmethod
    def setUpClass(cls):
        need_root("to mount a small file system")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="mailboxd-full-"))
        cls.folder.chmod(0o755)
        cls.image = cls.folder / "image"
        cls.mount = cls.folder / "disk"
        cls.mount.mkdir()
        with open(cls.image, "wb") as file:
            file.truncate(IMAGE_BYTES)
        subprocess.run([need("mkfs.ext4"), "-q", "-m", "0", "-i", "8192", str(cls.image)], check=True)
        done = subprocess.run(["mount", "-o", "loop", str(cls.image), str(cls.mount)], capture_output=True, check=False)
        if done.returncode != 0:
            cls.image.unlink()
            raise unittest.SkipTest("no loop device can be mounted here: " + done.stderr.decode().strip())

    @classmethod
    def tearDownClass(cls):
        subprocess.run(["umount", str(cls.mount)], check=False)
        cls.image.unlink()
        cls.mount.rmdir()
        cls.folder.rmdir()

    def free(self):
        status = os.statvfs(self.mount)
        return status.f_bavail * status.f_frsize

    def fill(self, leave=0):
        """By somebody else, as a database or a log beside us would."""
        with open(self.mount / "filler", "ab", buffering=0) as file:
            for piece in (1 << 20, 4096):
                try:
                    while self.free() > leave + piece:
                        file.write(bytes(piece))
                except OSError:
                    continue

    def refusal(self, box):
        with box.smtp() as link:
            link.ehlo()
            code, text = link.mail("sender@sample.test", ["SIZE=2000"])
            if code == 250:
                code, text = link.rcpt(box.user_name(1))
            if code == 250:
                code, text = link.docmd("DATA")
                if code == 354:
                    link.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
                    code, text = link.getreply()
                    self.accepted += code == 250
            return code, text

    def test_g3_on_a_full_disk_reading_and_expunging_work_and_give_the_space_back(self):
        data = self.mount / "data"
        settings = {"undelete.keep": "0s"}
        with Appliance(accounts=1, data=data, settings=settings) as box:
            large = [message(f"large-{n}", bytes([65 + n]) * 70 * 1 + b"\r\n" + b"y" * 70 + b"\r\n" + (b"z" * 70 + b"\r\n") * 14_000)
                     for n in range(30)]
            for each in large:
                self.assertEqual(box.deliver(each)[0], 250)
            self.assertEqual(len(box.messages(1)), 30)
            self.fill(leave=RESERVE // 2)
            self.assertLess(self.free(), RESERVE)
            wait_until(lambda: self.refusal(box)[0] == 452, 30, "no mail is accepted")
            self.assertTrue(self.refusal(box)[1].startswith(b"4.3.1"))
            # A start on it, too.
            box.kill()
            box.start()
            self.assertEqual(self.refusal(box)[0], 452)
            link = box.imap(1)
            self.assertEqual(link.select("INBOX")[0], "OK")
            status, found = link.fetch("1:*", "(UID BODY.PEEK[])")
            self.assertEqual(status, "OK")
            self.assertEqual(sum(isinstance(part, tuple) for part in found), 30 + self.accepted)
            self.assertEqual(link.store("1:25", "+FLAGS", r"(\Deleted)")[0], "OK")
            status, gone = link.expunge()
            self.assertEqual(status, "OK", gone)
            self.assertEqual(len(gone), 25)
            link.logout()
            self.assertEqual(len(box.messages(1)), 5 + self.accepted)
            wait_until(lambda: self.free() > 20 << 20, 60, "the space of what was expunged is free")
            wait_until(lambda: self.refusal(box)[0] == 250, 60, "mail is accepted again")
            after = box.messages(1)
            self.assertEqual(len(after), 5 + self.accepted)
            box.kill()
            box.start()
            self.assertEqual([uid for uid, _ in box.messages(1)], [uid for uid, _ in after])

    def test_g3_without_one_block_left_nothing_is_lost_and_all_goes_on_when_there_is_space(self):
        (self.mount / "filler").unlink(missing_ok=True)
        with Appliance(accounts=1, data=self.mount / "other") as box:
            for n in range(10):
                self.assertEqual(box.deliver(message(f"m-{n}"))[0], 250)
            before = box.messages(1)
            self.fill()
            self.assertLess(self.free(), 64 << 10)
            wait_until(lambda: self.refusal(box)[0] == 452, 30, "no mail is accepted")
            box.kill()
            box.start()
            self.assertEqual(self.refusal(box)[0], 452)
            (self.mount / "filler").unlink()
            wait_until(lambda: self.refusal(box)[0] == 250, 60, "mail is accepted again")
            self.assertEqual(box.messages(1)[:10], before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
