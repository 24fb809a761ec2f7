"""The two servers of a run, on loopback, in one throwaway folder: how each is started, found, measured and ended.
Everything that is started here is ended by its process id."""
import contextlib
import http.client
import os
import pathlib
import pwd
import re
import signal
import socket
import sqlite3
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
ACCOUNTS = 200


class Failed(Exception):
    """Why one part gave no figure; the others go on."""


def environment_file(path):
    """NAME=value lines, as a shell writes them."""
    found = {}
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        name, sign, value = line.partition("=")
        if sign:
            found[name.strip()] = value.strip().strip("'\"")
    return found


def run(command, timeout, **more):
    """subprocess.run whose failure carries the last lines of what was printed."""
    try:
        done = subprocess.run([str(c) for c in command], timeout=timeout, stdin=more.pop("stdin", subprocess.DEVNULL),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{pathlib.Path(str(command[0])).name} took longer than {timeout} s") from late
    if done.returncode != 0:
        tail = " / ".join(done.stdout.strip().splitlines()[-3:])
        raise Failed(f"{pathlib.Path(str(command[0])).name} ended with {done.returncode}: {tail}")
    return done.stdout


class UnixHttp(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Server:
    """What both have: ports, names, processes. `pids()` are alive now; `cpu()` counts also those that ended."""
    name = "server"

    def user(self, number):
        return self.user_format % number

    def smaps(self, key):
        """KiB of one line of smaps_rollup, all processes together."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for line in open(f"/proc/{pid}/smaps_rollup", encoding="ascii"):
                    if line.startswith(key + ":"):
                        total += int(line.split()[1])
        return total

    def maildir_files(self, numbers):
        """Messages as files of these users' INBOXes: the truth, whatever the server counts."""
        count = 0
        for number in numbers:
            for part in ("new", "cur"):
                with contextlib.suppress(FileNotFoundError), os.scandir(self.maildir(number) / part) as entries:
                    count += sum(1 for e in entries if not e.name.startswith(".") and e.is_file(follow_symlinks=False))
        return count


class Peer(Server):
    """Postfix + Dovecot by the script of the shared folder."""
    name = "Postfix + Dovecot"
    form = "other"

    def __init__(self, shared, folder, port_base):
        self.script = shared / "peers" / "postfix-dovecot.sh"
        self.folder = folder
        self.environment = dict(os.environ, LAB_DIR=str(folder), LAB_PORT_BASE=str(port_base), LAB_USERS=str(ACCOUNTS))
        self.started = False

    def start(self):
        self.started = True  # also a start that fails half-way is stopped
        # Its daemons keep their standard output, so it goes to a file: a pipe would never end.
        with open(self.folder.parent / "peer.log", "w", encoding="utf-8") as log:
            done = subprocess.run([self.script, "start"], env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                                  stderr=log, timeout=90, check=False)
        if done.returncode != 0:
            raise Failed("Postfix and Dovecot did not start: " + " / ".join(
                (self.folder.parent / "peer.log").read_text(errors="replace").splitlines()[-3:]))
        env = environment_file(self.folder / "peer.env")
        self.version = env["PEER_VERSION"]
        self.smtp_port, self.imap_port, self.imaps_port = (int(env[k]) for k in ("PEER_SMTP_PORT", "PEER_IMAP_PORT", "PEER_IMAPS_PORT"))
        self.submission_port, self.sink_port = int(env["PEER_SUBMISSION_PORT"]), int(env["PEER_SINK_PORT"])
        self.user_format, self.password = env["PEER_USER_FORMAT"], env["PEER_PASS"]
        self.cgroup = env.get("PEER_CGROUP", "")
        self.owner = int(env["PEER_MAIL_OWNER"])
        self.maildir_format = env["PEER_MAILDIR_FORMAT"]
        if not self.cgroup:
            raise Failed("no cgroup for the pair: its processor time cannot be told")

    def stop(self):
        if self.started:
            subprocess.run([self.script, "stop"], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=60, check=False)
        self.started = False

    def ensure(self):
        if not self.pids():
            raise Failed("Postfix and Dovecot are gone")
        return None

    def pids(self):
        with contextlib.suppress(OSError):
            return [int(p) for p in pathlib.Path(self.cgroup, "cgroup.procs").read_text(encoding="ascii").split()]
        return []

    def cpu(self):
        stat = pathlib.Path(self.cgroup, "cpu.stat")
        if stat.exists():
            values = dict(line.split() for line in stat.read_text(encoding="ascii").splitlines())
            return int(values["usage_usec"]) / 1e6
        return int(pathlib.Path(self.cgroup, "cpuacct.usage").read_text(encoding="ascii")) / 1e9

    def maildir(self, number):
        return pathlib.Path(self.maildir_format % number)

    def fill_folder(self, number):
        folder = self.maildir(number)
        folder.parent.mkdir(parents=True, exist_ok=True)
        os.chown(folder.parent, self.owner, self.owner)
        return folder

    def certificate(self):
        return self.folder / "tls" / "cert.pem", self.folder / "tls" / "key.pem"

    def without_index(self, number):
        """No session is open, so nothing of the mailbox is in any process."""
        for path in self.maildir(number).glob("dovecot*"):
            path.unlink()


class Ours(Server):
    """mailboxd as packaging/quickstart.sh sets it up; started again here, with limits that the figures need."""
    name = "mailboxd"
    form = "ours"

    def __init__(self, folder, port_base, binary):
        self.folder, self.port_base, self.binary = folder, port_base, binary
        self.process = None
        self.cpu_of_ended = 0.0

    def start(self):
        options = ["--dir", self.folder, "--port-base", self.port_base]
        self.sink_port = self.port_base + 26
        quickstart = TOP / "packaging" / "quickstart.sh"
        try:
            with open(self.folder.parent / "quickstart.log", "w", encoding="utf-8") as log:
                done = subprocess.run([str(c) for c in (quickstart, *options, "--accounts", 2, "--no-install", "--bin", self.binary,
                                                         "--route", f"sink.test=127.0.0.1:{self.sink_port}",
                                                         "--route", f"dead.test=127.0.0.1:{self.port_base + 27}")],
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=120, check=False)
        finally:
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                subprocess.run([str(c) for c in (quickstart, "--stop", *options)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)
        if done.returncode != 0:
            raise Failed("quickstart.sh: " + " / ".join(
                (self.folder.parent / "quickstart.log").read_text(errors="replace").splitlines()[-3:]))
        env = environment_file(self.folder / "demo.env")
        self.smtp_port, self.imap_port, self.imaps_port, self.http_port = (
            int(env[k]) for k in ("MB_SMTP_PORT", "MB_IMAP_PORT", "MB_IMAPS_PORT", "MB_HTTP_PORT"))
        self.submission_port = int(env["MB_SUBMISSION_PORT"])
        self.user_format, self.password, self.control = env["MB_USER_FORMAT"], env["MB_PASSWORD"], env["MB_CTL"]
        self.data = pathlib.Path(env["MB_DATA_DIR"])
        self.version = run([self.binary, "--version"], 10).splitlines()[0]
        self.owner = pwd.getpwnam("mailboxd").pw_uid
        config = self.folder / "mailboxd.toml"
        # One message of 1 GB is a row of the table; load programs connect from one address.
        text = config.read_text(encoding="utf-8")
        text = text.replace("[smtp]\n", '[smtp]\nmax_message_size = "2047MiB"\n', 1).replace("[imap]\n", "[imap]\nmax_sessions_per_account = 1000\n", 1)
        config.write_text(text, encoding="utf-8")
        self.add_accounts(ACCOUNTS)
        self.resume()

    def add_accounts(self, count, form="user%04d"):
        """Straight into directory.db of the stopped server, with the first account's password: ten thousand hashes
        would take minutes and are no part of any figure."""
        base = sqlite3.connect(self.data / "directory.db", isolation_level=None)
        with contextlib.closing(base):
            base.execute("PRAGMA foreign_keys = ON")
            base.execute("BEGIN IMMEDIATE")
            base.executemany("INSERT OR IGNORE INTO account (local_part, domain, password_hash) "
                             "SELECT ?, domain, password_hash FROM account ORDER BY id LIMIT 1",
                             ((form % n,) for n in range(1, count + 1)))
            base.execute("COMMIT")
            base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for name in ("directory.db", "directory.db-wal", "directory.db-shm"):
            if (self.data / name).exists():
                os.chown(self.data / name, self.owner, pwd.getpwuid(self.owner).pw_gid)

    def resume(self):
        with open(self.folder / "mailboxd.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([str(self.binary), "--config", str(self.folder / "mailboxd.toml")],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Failed("mailboxd ended at its start: " + " / ".join(self.log_tail()))
            with contextlib.suppress(OSError, http.client.HTTPException):
                asked = UnixHttp(str(self.folder / "run" / "control.sock"), 5)
                asked.request("GET", "/readyz")
                if asked.getresponse().status == 200:
                    return
            time.sleep(0.05)
        raise Failed("mailboxd was not ready within 120 s")

    def log_tail(self, lines=2):
        return (self.folder / "mailboxd.log").read_text(errors="replace").splitlines()[-lines:]

    def stop(self):
        if self.process is None:
            return
        before = self.cpu()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)
        self.cpu_of_ended = before
        self.process = None

    def ensure(self):
        if self.process is None or self.process.poll() is not None:
            code = None if self.process is None else self.process.returncode
            said = " / ".join(self.log_tail(3))
            self.process = None
            self.resume()
            if code is not None:
                return f"had ended with {code} and was started again: {said}"
        return None

    def restart(self):
        self.stop()
        self.resume()

    def pids(self):
        return [self.process.pid] if self.process is not None and self.process.poll() is None else []

    def cpu(self):
        total = self.cpu_of_ended
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
            total += sum(int(f) for f in fields[11:15]) / TICKS
        return total

    def dirtied(self):
        """Bytes that the process itself caused to be written, without what the file system adds."""
        text = pathlib.Path(f"/proc/{self.process.pid}/io").read_text(encoding="ascii")
        return int(re.search(r"^write_bytes: (\d+)", text, re.M).group(1))

    def maildir(self, number):
        local, domain = self.user(number).split("@")
        return self.data / "mail" / domain / local

    fill_folder = maildir

    def certificate(self):
        return self.data / "tls" / "certificate.pem", self.data / "tls" / "key.pem"

    def without_index(self, number):
        """The caller has stopped the server: an open index must not be pulled away."""
        for path in self.maildir(number).glob("index.db*"):
            path.unlink()

    def metrics(self):
        asked = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        asked.request("GET", "/metrics")
        answer = asked.getresponse()
        if answer.status != 200:
            raise Failed(f"/metrics answered {answer.status}")
        return answer.read().decode()

    def has_command(self, *words):
        """Whether mailboxctl knows these words: 2 is its exit code for a command line that is wrong."""
        done = subprocess.run([self.control, *words, "--help"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=20, check=False)
        return done.returncode == 0 and re.search(r"\b" + re.escape(words[-1]) + r"\b", done.stdout) is not None
