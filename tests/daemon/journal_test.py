"""The journal from outside: G13 an empty mount point is no new server, nothing is made on it; G1 what was acknowledged just
before a kill -9 is there once, byte for byte, and UIDs stay; a clean stop leaves nothing to replay."""
import os
import pathlib
import re
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import Appliance, send_data, wait_until
from box_case import message
import smtplib


def deliver(box, names, recipients=(1,)):
    with smtplib.SMTP(box.host, box.ports["smtp"], local_hostname="load.sample.test", timeout=60) as link:
        link.ehlo()
        for name in names:
            assert link.mail("a@sample.test")[0] == 250
            for number in recipients:
                assert link.rcpt(box.user_name(number))[0] == 250
            size = 400_000 if name.endswith("large") else 2000
            assert send_data(link, message(name, b"x" * 70 + b"\r\n" + f"{name}\r\n".encode() * (size // len(name))))[0] == 250


class Journal(unittest.TestCase):
    def subjects(self, box, number=1):
        found = [re.search(rb"^Subject: (\S+)", body, re.M).group(1).decode() for _, body in box.messages(number)]
        return sorted(found)

    def test_g1_what_was_acknowledged_just_before_a_kill_is_there_once_and_keeps_its_uid(self):
        with Appliance(accounts=2) as box:
            sent = []
            seen = {}
            for round_number in range(4):
                names = [f"m-{round_number}-{n}" for n in range(10)] + [f"m-{round_number}-large"]
                deliver(box, names, recipients=(1, 2))
                sent += names
                if round_number % 2 == 0:
                    seen = {uid: body for uid, body in box.messages(1)}
                box.kill()
                box.start()
                for number in (1, 2):
                    self.assertEqual(self.subjects(box, number), sorted(sent))
                now = {uid: body for uid, body in box.messages(1)}
                for uid, body in seen.items():
                    self.assertEqual(now[uid], body, "a UID that was shown stands for the same message")
            self.assertEqual(box.metrics()["mailboxd_store_parked"], 0)

    def test_a_clean_stop_leaves_nothing_to_replay(self):
        with Appliance(accounts=1) as box:
            deliver(box, ["one", "two"])
            box.stop()
            before = len(box.log())
            box.start()
            self.assertNotIn("what the last run left", box.log()[before:])
            self.assertEqual(self.subjects(box), ["one", "two"])

    def test_g13_an_empty_mount_point_is_refused_and_stays_empty(self):
        with Appliance(accounts=1) as box:
            deliver(box, ["one"])
            box.stop()
            away = box.folder / "away"
            box.data.rename(away)
            box.data.mkdir(mode=0o750)
            (box.data / "tls").mkdir()
            for name in ("certificate.pem", "key.pem"):
                shutil.copy2(away / "tls" / name, box.data / "tls" / name)
                if box.as_root:
                    shutil.chown(box.data / "tls" / name, box.user)
            if box.as_root:
                shutil.chown(box.data, box.user)
            box.start(wait=False)
            self.assertNotEqual(box.process.wait(60), 0)
            box.process = None
            self.assertIn("mounted", box.log())
            self.assertEqual(sorted(os.listdir(box.data)), ["tls"])
            shutil.rmtree(box.data)
            away.rename(box.data)
            # Its mail alone on another volume, which is missing.
            (box.data / "mail").rename(box.folder / "mail-away")
            (box.data / "mail").mkdir()
            box.start(wait=False)
            self.assertNotEqual(box.process.wait(60), 0)
            box.process = None
            self.assertEqual(os.listdir(box.data / "mail"), [])
            (box.data / "mail").rmdir()
            (box.folder / "mail-away").rename(box.data / "mail")
            box.start()
            self.assertEqual(self.subjects(box), ["one"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
