"""Start and stop: versions, bad configuration (G11), NEEDED libraries, systemd's READY, watchdog and sockets (G10), root's
privileges."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import SANITIZER_REPORT, Appliance, executable, need, wait_until
from conversation import Conversation

# What the release may ask the system for: Debian 12 and 13 both have these. mbedTLS, llhttp, fmt and toml++ are inside.
NEEDED = {"libuv.so.1", "libsqlite3.so.0", "libsodium.so.23", "libcrypt.so.1", "liblmdb.so.0", "libstdc++.so.6", "libm.so.6",
          "libgcc_s.so.1", "libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libz.so.1", "libzstd.so.1", "libidn2.so.0",
          "libunbound.so.8"}
SANITIZER_NEEDS = {"libresolv.so.2", "libdl.so.2", "librt.so.1", "libpthread.so.0"}


class CommandLine(unittest.TestCase):
    def run_it(self, *arguments):
        done = subprocess.run([executable(), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False,
                              stdin=subprocess.DEVNULL)
        self.assertNotRegex(done.stderr, SANITIZER_REPORT)
        return done

    def test_version_names_the_commit_and_the_libraries(self):
        done = self.run_it("--version")
        self.assertEqual(done.returncode, 0)
        for word in (r"mailboxd \d+\.\d+\.\d+", r"mbedTLS +3\.", r"SQLite +3\.", r"libuv +1\.", "libsodium", "llhttp", r"\b([0-9a-f]{7,40}|unknown|release)\b"):
            self.assertRegex(done.stdout, word)

    def test_help_goes_to_standard_output(self):
        done = self.run_it("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("--config", done.stdout)
        self.assertEqual(done.stderr, "")

    def test_an_unknown_option_is_an_error(self):
        done = self.run_it("--nonsense")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nonsense", done.stderr + done.stdout)

    def test_a_missing_file_is_named(self):
        done = self.run_it("--config", "/nonexistent/mailboxd.toml")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("/nonexistent/mailboxd.toml", done.stderr)

    def test_needed_libraries_are_the_allowed_ones(self):
        said = subprocess.run([need("readelf"), "-d", executable()], capture_output=True, text=True, check=True).stdout
        libraries = set(re.findall(r"\(NEEDED\).*\[(.*)\]", said))
        self.assertTrue(libraries, said)
        symbols = subprocess.run([need("readelf"), "-Ws", "--dyn-syms", executable()], capture_output=True, text=True, check=True)
        allowed = NEEDED | (SANITIZER_NEEDS if "__asan_init" in symbols.stdout else set())
        self.assertEqual(libraries - allowed, set(), "beyond the allow-list")


class BadConfiguration(unittest.TestCase):
    """G11: refused with file, line, column and a hint; nothing is started, nothing is written."""

    @classmethod
    def setUpClass(cls):
        cls.box = Appliance()

    @classmethod
    def tearDownClass(cls):
        cls.box.discard()

    def check(self, text, *words):
        self.box.config.write_bytes(text if isinstance(text, bytes) else text.encode())
        for extra in (["--check-config"], []):
            done = subprocess.run([executable(), "--config", str(self.box.config), *extra], capture_output=True, text=True,
                                  errors="replace", timeout=60, check=False, stdin=subprocess.DEVNULL)
            self.assertNotIn(done.returncode, (0, -signal.SIGSEGV, -signal.SIGABRT), done.stderr)
            self.assertNotRegex(done.stderr, SANITIZER_REPORT)
            for word in words:
                self.assertRegex(done.stderr, word)

    def test_bad_files(self):
        good = self.box.config.read_text()
        here = re.escape(str(self.box.config))
        rows = {
            "unknown key": ("[smtp]\nmax_recipient = 5\n", rf"{here}:2:\d+", "max_recipients"),
            "unknown table": ("[smpt]\nmax_recipients = 500\n", rf"{here}:1"),
            "wrong type": ("[smtp]\nmax_recipients = \"many\"\n", rf"{here}:2:\d+", "max_recipients"),
            "out of bounds": ("[smtp]\nmax_recipients = 1\n", rf"{here}:2:\d+", "100"),
            "2^64 (J10)": ("[smtp]\nmax_recipients = 18446744073709551616\n", rf"{here}:2"),
            "negative": ("[smtp]\nmax_recipients = -1\n", rf"{here}:2"),
            "duplicate": ("[smtp]\nmax_errors = 5\nmax_errors = 6\n", rf"{here}:3"),
            "unclosed": ("[smtp\nmax_errors = 5\n", rf"{here}:1"),
            "not text": (b"[smtp]\nmax_errors = \xff\xfe\0\n", rf"{here}"),
            "a bad endpoint": ("[smtp]\nlisten = [\"localhost:smtp\"]\n", rf"{here}:2"),
            "http off loopback": ("[http]\nlisten = [\"0.0.0.0:8080\"]\n", rf"{here}:2"),
            "plain log-in off loopback": ("[auth]\nplaintext_login_networks = [\"0.0.0.0/0\"]\n", rf"{here}:2"),
        }
        for name, (text, *words) in rows.items():
            with self.subTest(name):
                self.check(text, *words)
        self.box.config.write_text(good)

    def test_10_mb_and_a_deep_file_are_refused_quickly(self):
        good = self.box.config.read_text()
        self.check("# " + "x" * 10_000_000 + "\n", "(?i)large|size|big|long")
        self.check("[log]\nlevel = " + "[" * 100_000 + "\n", str(self.box.config))
        self.box.config.write_text(good)

    def test_a_missing_certificate_is_an_error_of_the_start(self):
        key = self.box.data / "tls" / "key.pem"
        kept = key.rename(key.with_suffix(".away"))
        done = subprocess.run([executable(), "--config", str(self.box.config)], capture_output=True, text=True, timeout=60,
                              check=False, stdin=subprocess.DEVNULL)
        kept.rename(key)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("key.pem", done.stderr)

    def test_a_good_file_passes_the_check(self):
        done = subprocess.run([executable(), "--config", str(self.box.config), "--check-config"], capture_output=True,
                              text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_taken_port_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", self.box.ports["imap"]))
            taken.listen()
            done = subprocess.run([executable(), "--config", str(self.box.config)], capture_output=True, text=True, timeout=60,
                                  check=False, stdin=subprocess.DEVNULL)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(self.box.ports["imap"]), done.stderr)


class Systemd(unittest.TestCase):
    def notify_socket(self, box):
        path = box.folder / "notify"
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.bind(str(path))
        path.chmod(0o777)
        receiver.settimeout(30)
        return receiver, str(path)

    def test_ready_comes_when_it_listens_then_the_watchdog_is_fed_then_stopping(self):
        box = Appliance(accounts=1)
        receiver, path = self.notify_socket(box)
        box.environment = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"}
        try:
            box.start(wait=False)
            box.environment["WATCHDOG_PID"] = str(box.process.pid)
            said = []
            while not any("READY=1" in text for text in said):
                said.append(receiver.recv(4096).decode())
            for role in ("smtp", "submission", "imap", "imaps", "submissions"):
                Conversation(box.host, box.ports[role]).__exit__()
            while not any("WATCHDOG=1" in text for text in said):
                said.append(receiver.recv(4096).decode())
            box.process.send_signal(signal.SIGHUP)
            while not any("RELOADING=1" in text for text in said):
                said.append(receiver.recv(4096).decode())
            said = []
            while not any("READY=1" in text for text in said):
                said.append(receiver.recv(4096).decode())
            box.stop()
            receiver.setblocking(False)
            try:
                while True:
                    said.append(receiver.recv(4096).decode())
            except BlockingIOError:
                self.assertTrue(any("STOPPING=1" in text for text in said), said)
        finally:
            receiver.close()
            box.discard()

    def test_g10_a_stopped_loop_starves_the_watchdog(self):
        """The watchdog is fed by the loop: SIGSTOP stands for a loop that hangs; nothing else feeds it meanwhile."""
        box = Appliance(accounts=1)
        receiver, path = self.notify_socket(box)
        box.environment = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"}
        try:
            box.start()
            os.kill(box.pid, signal.SIGSTOP)
            receiver.setblocking(False)
            try:
                while True:
                    receiver.recv(4096)
            except BlockingIOError:
                pass
            receiver.settimeout(1.0)
            with self.assertRaises(TimeoutError):
                receiver.recv(4096)
            os.kill(box.pid, signal.SIGCONT)
            receiver.settimeout(30)
            self.assertIn("WATCHDOG=1", receiver.recv(4096).decode())
            box.stop()
        finally:
            receiver.close()
            box.discard()

    def test_g10_no_ready_with_a_bad_configuration(self):
        box = Appliance(accounts=1)
        receiver, path = self.notify_socket(box)
        box.config.write_text("[smtp]\nnonsense = 1\n")
        try:
            done = subprocess.run([executable(), "--config", str(box.config)], capture_output=True, timeout=60, check=False,
                                  env=os.environ | {"NOTIFY_SOCKET": path}, stdin=subprocess.DEVNULL)
            self.assertNotEqual(done.returncode, 0)
            receiver.setblocking(False)
            with self.assertRaises(BlockingIOError):
                while True:
                    self.assertNotIn(b"READY=1", receiver.recv(4096))
        finally:
            receiver.close()
            box.discard()

    def test_sockets_passed_by_systemd_are_served(self):
        """LISTEN_FDS: the passed sockets take the place of the ones that the settings name for the same address."""
        box = Appliance(accounts=1)
        sockets = []
        for role in ("smtp", "imap"):
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((box.host, box.ports[role]))
            listener.listen(64)
            sockets.append(listener)
        # The numbers must be 3 and 4 in the child, and LISTEN_PID its own: a shell that execs arranges both.
        script = 'exec 3<&"$1" 4<&"$2"; export LISTEN_FDS=2 LISTEN_FDNAMES=smtp:imap LISTEN_PID=$$; shift 2; exec "$@"'
        numbers = [listener.fileno() for listener in sockets]
        high = [os.dup2(number, 60 + place, inheritable=True) for place, number in enumerate(numbers)]
        box.prefix = ["bash", "-c", script, "sockets", *map(str, high)]
        command = box.command()
        box.prefix = []
        box.command = lambda: command
        try:
            box.start(descriptors=high)
            for number, listener in zip(high, sockets):
                os.close(number)
                listener.close()
            with Conversation(box.host, box.ports["smtp"]) as link:
                self.assertTrue(link.reply().startswith(b"220 "))
            with Conversation(box.host, box.ports["imap"]) as link:
                self.assertTrue(link.line().startswith(b"* OK"))
            box.stop()
        finally:
            box.discard()


class Root(unittest.TestCase):
    @unittest.skipUnless(os.geteuid() == 0, "only root has privileges to drop")
    def test_started_as_root_it_becomes_the_configured_user(self):
        with Appliance(accounts=1) as box:
            status = pathlib.Path(f"/proc/{box.pid}/status").read_text()
            for field in ("Uid", "Gid"):
                numbers = set(re.search(rf"^{field}:\s+(.*)$", status, re.M).group(1).split())
                self.assertNotIn("0", numbers)
            self.assertEqual(int(re.search(r"^CapEff:\s+(\w+)", status, re.M).group(1), 16), 0)
            groups = re.search(r"^Groups:(.*)$", status, re.M).group(1).split()
            self.assertNotIn("0", groups)
            mode = (box.data / "tls" / "key.pem").stat()
            self.assertEqual(mode.st_mode & 0o077, 0)

    @unittest.skipUnless(os.geteuid() == 0, "only root can ask for root")
    def test_it_refuses_to_serve_as_root(self):
        box = Appliance(accounts=1)
        box.write_config(server__user="root")
        done = subprocess.run([executable(), "--config", str(box.config)], capture_output=True, text=True, timeout=60,
                              check=False, stdin=subprocess.DEVNULL)
        box.discard()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("server.user", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root could read what the daemon cannot")
    def test_the_check_judges_files_as_the_user_of_the_daemon(self):
        box = Appliance(accounts=1)
        os.chown(box.data / "tls" / "key.pem", 0, 0)
        said = [subprocess.run([executable(), "--config", str(box.config), *extra], capture_output=True, text=True, timeout=60,
                               check=False, stdin=subprocess.DEVNULL) for extra in (["--check-config"], [])]
        box.discard()
        for done in said:
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("key.pem", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root makes folders for another")
    def test_folders_that_are_missing_are_made_with_a_way_to_them(self):
        box = Appliance(accounts=1)
        deep = box.folder / "a" / "b"
        # Not the data directory: one that is missing may be a volume that is not mounted (HOSTILE row G13).
        box.write_config(server__runtime_directory=str(deep / "run"))
        try:
            box.start()
            for folder, mode in ((box.folder / "a", 0o755), (deep, 0o755), (deep / "run", 0o711)):
                self.assertEqual(folder.stat().st_mode & 0o777, mode, folder)
            self.assertEqual((deep / "run").owner(), box.user)
            self.assertEqual(deep.owner(), "root")
            box.stop()
        finally:
            box.discard()

    def test_a_key_that_others_can_read_is_refused(self):
        box = Appliance(accounts=1)
        (box.data / "tls" / "key.pem").chmod(0o644)
        done = subprocess.run([executable(), "--config", str(box.config)], capture_output=True, text=True, timeout=60,
                              check=False, stdin=subprocess.DEVNULL)
        box.discard()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("key.pem", done.stderr)


class Setup(unittest.TestCase):
    def test_a_second_setup_does_not_overwrite_the_first(self):
        box = Appliance(accounts=1)
        before = {p: p.read_bytes() for p in (box.config, box.data / "tls" / "key.pem")}
        done = box.command_line("ctl", "setup", "--config", box.config, "--data", box.data, "--hostname", "x.example.test",
                                "--domain", "other.test", "--admin", "a@other.test", "--password-stdin", "--quiet",
                                check=False, text="another password 7\n")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(before, {p: p.read_bytes() for p in before})
        box.discard()

    def test_status_as_json_through_the_control_socket(self):
        with Appliance(accounts=2) as box:
            self.assertIsInstance(json.loads(box.ctl("status", "--json").stdout), dict)
            mode = (box.run / "control.sock").stat().st_mode & 0o777
            self.assertEqual(mode & 0o007, 0, "nobody else may reach the control socket")
            wait_until(lambda: box.http("/healthz")[0] == 200, 10, "healthy")


if __name__ == "__main__":
    unittest.main(verbosity=2)
