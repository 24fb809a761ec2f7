"""packaging/quickstart.sh on an executable that is there: runs, repeats, stops, and refuses what it must not touch."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import executable, free_port_base, need
from box_case import SOURCE

need("curl", "setsid")
BIN = executable()
OFFSETS = (25, 80, 110, 143, 465, 587, 993, 995)


def free_base():
    """A base for --port-base whose eight ports nobody listens on."""
    while True:
        base = free_port_base(1)
        with contextlib.ExitStack() as held:
            try:
                for offset in OFFSETS:
                    held.enter_context(socket.socket()).bind(("127.0.0.1", base + offset))
                return base
            except OSError:
                continue


class Quickstart(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mailboxd quick start "))
        self.folder.chmod(0o755)
        self.demo = self.folder / "demo"
        self.ports = None
        # The server drops to a user who must reach the executable, wherever the tree was built.
        self.bin = self.folder / "mailboxd"
        shutil.copy(BIN, self.bin)

    def tearDown(self):
        self.run_it("--stop", "--dir", self.demo)
        shutil.rmtree(self.folder)

    def run_it(self, *options, expect=0):
        """Its whole output, which ends when it ends: what it starts must keep neither pipe nor terminal."""
        done = subprocess.run([SOURCE / "packaging/quickstart.sh", *map(str, options)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False, text=True)
        if expect is not None:
            self.assertEqual(done.returncode, expect, done.stdout)
        return done.stdout

    def start(self, *options, expect=0, demo=None):
        self.ports = self.ports or free_base()
        return self.run_it("--no-install", "--bin", self.bin, "--dir", demo or self.demo, "--port-base", self.ports, *options,
                           expect=expect)

    def variables(self):
        """demo.env as a shell reads it."""
        text = subprocess.run(["sh", "-c", 'set -a; . "$1"; env', "sh", self.demo / "demo.env"], capture_output=True, text=True,
                              check=True).stdout
        return dict(line.split("=", 1) for line in text.splitlines() if line.startswith("MB_"))

    def test_it_starts_repeats_and_stops(self):
        self.assertIn("byte for byte", self.start("--accounts", "3"))
        first = self.variables()
        self.assertEqual(first["MB_USERS"], "3")
        self.assertEqual((self.demo / "demo.env").stat().st_mode & 0o777, 0o600)
        said = subprocess.run([first["MB_CTL"], "account", "list"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(said.count("@example.test"), 3, said)

        for options, words in ((["-bp"], "Mail queue is empty"), (["-q"], "")):
            asked = subprocess.run([self.demo / "sendmail", *options], capture_output=True, text=True, check=False)
            self.assertEqual(asked.returncode, 0, asked.stderr)
            self.assertIn(words, asked.stdout)

        again = self.start("--route", "sink.test=127.0.0.1:2525", "--route", "other.test=[::1]:2626")
        self.assertIn("byte for byte", again)
        self.assertNotEqual(self.variables()["MB_PID"], first["MB_PID"])
        self.assertFalse(os.path.exists(f"/proc/{first['MB_PID']}"), "the one before was stopped")
        for domain, words in (("sink.test", "127.0.0.1:2525"), ("other.test", "[::1]:2626")):
            told = subprocess.run([first["MB_CTL"], "check", "route", f"bob@{domain}"], capture_output=True, text=True, check=False).stdout
            self.assertIn(words, told)

        other = self.start(expect=1, demo=self.folder / "other")
        self.assertIn("choose others with --port-base", other)

        self.assertIn("has stopped", self.run_it("--stop", "--dir", self.demo))
        self.assertIn("No demo is running", self.run_it("--stop", "--dir", self.demo))

    def test_check_leaves_nothing_running(self):
        self.assertIn("all checks passed", self.start("--check"))
        self.assertFalse(os.path.exists(f"/proc/{self.variables()['MB_PID']}"))

    def test_a_folder_that_is_no_demos_is_left_alone(self):
        precious = self.demo / "data" / "precious"
        precious.parent.mkdir(parents=True)
        precious.write_text("not to be lost")
        self.assertIn("holds no demo", self.start(expect=1))
        self.assertEqual(precious.read_text(), "not to be lost")

    def test_wrong_options_are_told(self):
        for options, words in ((("--frob",), "unknown option"), (("--dir",), "wants a value"), (("--accounts", "1"), "between"),
                               (("--port-base", "ten"), "whole numbers"), (("--route", "sink.test"), "DOMAIN=HOST:PORT"),
                               (("--route", "a b=c:25"), "DOMAIN=HOST:PORT"), (("--bin", self.folder), "cannot be run")):
            with self.subTest(options=options):
                self.assertIn(words, self.run_it("--no-install", "--dir", self.folder / "none", *options, expect=1))
        self.assertIn("--port-base", self.run_it("--help"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
