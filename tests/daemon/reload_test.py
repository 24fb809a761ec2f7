"""SIGHUP and mailboxctl reload: live keys change, keys that need a restart are named, a bad file changes nothing (G11);
certificates are exchanged under live sessions (B10)."""
import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import wait_until
from box_case import BoxCase
from conversation import Conversation

MIB = 1024 * 1024


class Reload(BoxCase):
    accounts = 2

    def announced_size(self):
        with self.box.smtp() as link:
            link.ehlo()
            return int(link.esmtp_features["size"])

    def test_a_live_key_changes_by_mailboxctl(self):
        self.box.write_config(smtp__max_message_size="8MiB")
        self.box.ctl("reload")
        self.assertEqual(self.announced_size(), 8 * MIB)

    def test_a_live_key_changes_by_sighup(self):
        self.box.write_config(smtp__max_message_size="9MiB")
        os.kill(self.box.pid, signal.SIGHUP)
        wait_until(lambda: self.announced_size() == 9 * MIB, 20, "the new size is announced")

    def test_a_key_that_needs_a_restart_is_named_and_stays(self):
        old = self.box.settings["server.hostname"]
        self.box.write_config(server__hostname="other.example.test")
        said = self.box.ctl("reload")
        self.assertIn("server.hostname", said.stdout + said.stderr)
        with Conversation(self.box.host, self.box.ports["smtp"]) as link:
            self.assertIn(old.encode(), link.reply())
        self.box.write_config(server__hostname=old)
        self.box.ctl("reload")

    def test_a_bad_file_is_refused_and_nothing_changes(self):
        before, good = self.announced_size(), self.box.config.read_text()
        self.box.config.write_text(good.replace("[smtp]", "[smtp]\nmax_mesage_size = 5"))
        said = self.box.ctl("reload", check=False)
        self.assertNotEqual(said.returncode, 0)
        self.assertIn("max_message_size", said.stdout + said.stderr)
        os.kill(self.box.pid, signal.SIGHUP)
        wait_until(lambda: "max_mesage_size" in self.box.log(), 20, "the refusal is logged")
        self.assertEqual(self.announced_size(), before)
        self.box.config.write_text(good)

    def test_config_show_tells_values_and_their_places(self):
        said = self.box.ctl("config", "show").stdout
        self.assertIn("smtp.max_errors", said)
        self.assertIn("mailboxd.toml:", said)
        self.assertIn("default", said)

    def source(self, key):
        return {row["key"]: row["source"] for row in self.box.ctl_json("config", "show")["settings"]}[key]

    def test_config_show_tells_after_a_reload_where_values_come_from_now(self):
        self.assertEqual(self.source("smtp.max_received"), "default")
        self.box.write_config(smtp__max_received=50)
        self.box.ctl("reload")
        self.assertIn("mailboxd.toml:", self.source("smtp.max_received"))
        del self.box.settings["smtp.max_received"]
        self.box.write_config()
        self.box.ctl("reload")
        self.assertEqual(self.source("smtp.max_received"), "default")

    def serial(self):
        link = self.box.tls()
        link.check_hostname = False
        link.verify_mode = 0
        with Conversation(self.box.host, self.box.ports["imaps"]) as talk:
            return talk.secure(link).socket.getpeercert(binary_form=True)

    def test_b10_a_new_certificate_takes_the_place_of_the_old_and_sessions_go_on(self):
        sessions = [self.box.imap(1, tls=True) for _ in range(20)]
        before = self.serial()
        self.box.make_certificate()
        self.box.ctl("reload")
        self.assertNotEqual(self.serial(), before)
        for link in sessions:
            self.assertEqual(link.noop()[0], "OK")
        after = self.serial()
        key = self.box.data / "tls" / "key.pem"
        good = key.read_bytes()
        key.write_bytes(good[:len(good) // 2])  # half-written
        said = self.box.ctl("reload", check=False)
        self.assertNotEqual(said.returncode, 0)
        self.assertIn("key.pem", said.stdout + said.stderr)
        self.assertEqual(self.serial(), after, "the old pair serves on")
        key.write_bytes(good)
        self.box.ctl("reload")
        for link in sessions:
            self.assertEqual(link.logout()[0], "BYE")

    def test_a_storm_of_sighups_is_survived(self):
        """G9: SIGHUP storm."""
        for _ in range(200):
            os.kill(self.box.pid, signal.SIGHUP)
        self.assertEqual(self.box.http("/healthz")[0], 200)
        with Conversation(self.box.host, self.box.ports["smtp"]) as link:
            self.assertTrue(link.reply().startswith(b"220"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
