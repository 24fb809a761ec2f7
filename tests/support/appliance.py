"""A mailboxd of one's own: configured in a temporary folder, started on free loopback ports, stopped by its pid.

    with Appliance(accounts=2) as box:
        box.imap(1).select()

Python 3.11's library only. The executable comes from MAILBOXD_BIN (ctest sets it). Leaving the `with` block stops the
server by SIGTERM and fails the test when it does not end with exit code 0, or when a sanitizer reported anything.
Under CI=true a missing client program is a failure; elsewhere the test ends with code 77, which ctest counts as skipped.
"""
import contextlib
import http.client
import imaplib
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
DOMAIN = "example.test"
PASSWORD = "correct horse 42"
START_SECONDS = 60
STOP_SECONDS = 60
SANITIZER_REPORT = re.compile(r"(ERROR|WARNING): (Address|Thread|Leak|Memory)Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")
ROLES = ("smtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s", "http")


def in_ci():
    return os.environ.get("CI") == "true"


def skip(reason):
    """Ends the program: a failure in CI, a counted skip elsewhere."""
    print(f"{'FAILED' if in_ci() else 'SKIPPED'}: {reason}", flush=True)
    sys.exit(1 if in_ci() else SKIPPED)


def need(*programs):
    """Paths of the client programs of a test."""
    found = []
    for program in programs:
        path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")
        if not path:
            skip(f"{program} is not installed (packaging/dependencies.sh test installs it)")
        found.append(path)
    return found[0] if len(found) == 1 else found


def need_root(why):
    if os.geteuid() != 0:
        skip(f"needs root: {why}")


def executable():
    path = os.environ.get("MAILBOXD_BIN", "")
    if not path:
        built = pathlib.Path(__file__).resolve().parents[2] / "build"
        candidates = [p for p in built.glob("*/src/mailboxd") if p.is_file()]
        path = str(max(candidates, key=lambda p: p.stat().st_mtime)) if candidates else ""
    if not path or not os.access(path, os.X_OK):
        print("FAILED: no mailboxd: set MAILBOXD_BIN to the built executable", flush=True)
        sys.exit(1)
    return path


def is_sanitized():
    return b"__asan_init" in pathlib.Path(executable()).read_bytes()


def free_port_base(count):
    """The first of `count` neighbouring ports that nobody listens on, below the ephemeral range."""
    for _ in range(200):
        base = random.randrange(12000, 31000, 20)
        with contextlib.ExitStack() as held:
            try:
                for port in range(base, base + count):
                    probe = held.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", port))
                return base
            except OSError:
                continue
    raise RuntimeError("no free ports")


def wait_until(condition, seconds, what):
    """Polls an observable fact; a failure names it."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(v)}" for key, v in value.items()) + "}"
    return json.dumps(str(value))


class Appliance:
    """`settings` are keys of mailboxd.toml ("smtp.max_errors": 3), laid over the ones of a test."""
    certificate_days = 30
    domain = DOMAIN  # its first; another one in a class derived from this

    def __init__(self, accounts=2, settings=None, environment=None, prefix=(), leaks=True, quarantine_mb=256, descriptors=0,
                 data=None, routes=()):
        self.accounts = accounts
        self.routes = list(routes)  # [[outbound.route]]: {"domain": "remote.test", "host": "127.0.0.1:2525"}
        self.environment = dict(environment or {})
        self.prefix = list(prefix)
        self.leaks = leaks
        self.quarantine_mb = quarantine_mb  # memory that the sanitizer holds back counts as resident
        self.descriptor_limit = descriptors
        self.host = "127.0.0.1"
        self.password = PASSWORD
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mailboxd-test-"))
        self.folder.chmod(0o755)
        self.data = pathlib.Path(data) if data else self.folder / "data"  # `data`: on a disk of the test's own, kept by it
        self.run = self.folder / "run"
        self.config = self.folder / "mailboxd.toml"
        self.log_path = self.folder / "log"
        self.ca_file = self.data / "tls" / "certificate.pem"
        self.process = None
        self.as_root = os.geteuid() == 0
        self.user = "nobody" if self.as_root else ""
        base = free_port_base(len(ROLES))
        self.ports = {role: base + number for number, role in enumerate(ROLES)}
        self.settings = self._settings() | dict(settings or {})
        self._prepare()

    def _settings(self):
        at = {role: f"{self.host}:{port}" for role, port in self.ports.items()}
        wide = 100_000
        return {
            "server.hostname": f"mail.{self.domain}", "server.data_directory": str(self.data),
            "server.runtime_directory": str(self.run), "server.user": self.user or "mailboxd",
            "sendmail.drop_directory": str(self.folder / "drop"),
            "log.level": "debug",
            "smtp.listen": [at["smtp"]], "submission.listen": [at["submission"]],
            "submission.listen_tls": [at["submissions"]], "imap.listen": [at["imap"]], "imap.listen_tls": [at["imaps"]],
            "pop3.listen": [at["pop3"]], "pop3.listen_tls": [at["pop3s"]],
            "http.listen": [at["http"]],
            **{f"{table}.{key}": wide for table in ("smtp", "submission", "imap", "pop3")
               for key in ("max_connections", "max_connections_per_network")},
            "auth.plaintext_login_networks": ["127.0.0.0/8"],
            "auth.failures_before_delay": 1000,  # the wrong log-ins of one test must not slow another
        }

    def _prepare(self):
        self.set_up()
        for folder in (self.data, self.run, self.data / "tls"):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o750)
        self.make_certificate()
        self.write_config()
        if self.as_root:
            for path in (self.data, self.run, *self.data.rglob("*")):
                shutil.chown(path, self.user)

    def set_up(self):
        """mailboxctl setup, as a person would run it: domain, administrator (user0001), directory, keys."""
        self.command_line("ctl", "setup", "--config", self.config, "--data", self.data, "--hostname", f"mail.{self.domain}",
                          "--domain", self.domain, "--admin", self.user_name(1), "--password-stdin", "--quiet",
                          *(["--user", self.user] if self.as_root else []), text=self.password + "\n")

    def make_certificate(self, name=""):
        """Self-signed, for the host name and loopback; on the place that the settings name by default."""
        name = name or f"mail.{self.domain}"
        key = self.data / "tls" / "key.pem"
        subprocess.run([need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", str(self.certificate_days), "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},DNS:localhost,IP:127.0.0.1",
                        "-keyout", str(key), "-out", str(self.ca_file)], check=True, capture_output=True)
        key.chmod(0o600)
        self.ca_file.chmod(0o644)
        if self.as_root:
            shutil.chown(key, self.user)
            shutil.chown(self.ca_file, self.user)

    def write_config(self, **changed):
        """Writes the file; keywords with `__` for the dot change settings first."""
        self.settings |= {key.replace("__", "."): value for key, value in changed.items()}
        tables = {}
        for key, value in self.settings.items():
            table, name = key.split(".", 1)
            tables.setdefault(table, []).append(f"{name} = {toml(value)}")
        text = "\n".join(f"[{table}]\n" + "\n".join(rows) + "\n" for table, rows in tables.items())
        for route in self.routes:
            text += "\n[[outbound.route]]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in route.items())
        self.config.write_text(text)
        self.config.chmod(0o644)

    # -- the process

    def __enter__(self):
        try:
            self.start()
            self.add_accounts()
        except BaseException:
            self.discard()
            raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            if self.process is not None:
                self.stop()
            self.assert_no_report()
        except BaseException:
            if kind is None:
                self.show_log()
                raise
        finally:
            if kind is not None:
                self.show_log()
            self.discard()

    def command(self):
        return [*self.prefix, executable(), "--config", str(self.config)]

    def start(self, descriptors=(), wait=True):
        options = ["halt_on_error=1", "abort_on_error=0", f"detect_leaks={1 if self.leaks else 0}",
                   f"quarantine_size_mb={self.quarantine_mb}"]
        limit = (self.descriptor_limit, self.descriptor_limit)
        undefined = "print_stacktrace=1:halt_on_error=1"
        environment = os.environ | {"ASAN_OPTIONS": ":".join(options), "UBSAN_OPTIONS": undefined, "LC_ALL": "C.UTF-8"} | \
            self.environment
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment, pass_fds=descriptors, cwd="/",
                                            preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit))
                                            if self.descriptor_limit else None)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"mailboxd ended with {self.process.returncode} at start:\n{self.log()[-3000:]}")
            try:
                return self.http("/readyz")[0] == 200
            except OSError:
                return False

        wait_until(ready, START_SECONDS, "/readyz answers 200")

    @property
    def pid(self):
        """Of mailboxd itself, also behind a prefix such as strace."""
        if not self.prefix:
            return self.process.pid
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def stop(self, number=signal.SIGTERM, expect=0):
        """Ends the server by its pid and asserts how it ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.process = None
            raise AssertionError(f"mailboxd did not end within {STOP_SECONDS} s of signal {number}:\n{self.log()[-3000:]}") \
                from None
        self.process = None
        assert code == expect, f"mailboxd ended with {code}, not {expect}:\n{self.log()[-6000:]}"
        self.assert_no_report()

    def kill(self):
        """As a power cut of the process: SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def discard(self):
        if self.process is not None:
            with contextlib.suppress(OSError, IndexError):
                os.kill(self.pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()
            self.process = None
        if not os.environ.get("MAILBOXD_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- what it says

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def show_log(self):
        print("---- the last lines of mailboxd's log:\n" + self.log()[-6000:], flush=True)

    def assert_no_report(self):
        found = SANITIZER_REPORT.search(self.log())
        assert not found, "a sanitizer reported:\n" + self.log()[max(0, found.start() - 500):found.start() + 6000]

    def http(self, path, method="GET", headers=None):
        link = http.client.HTTPConnection(self.host, self.ports["http"], timeout=20)
        with contextlib.closing(link):
            link.request(method, path, headers=headers or {})
            answer = link.getresponse()
            return answer.status, answer.read(), answer.headers

    def metrics(self):
        values = {}
        for line in self.http("/metrics")[1].decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values

    def resident_kib(self):
        """The process's own memory; mapped mail files count for the kernel's cache."""
        return int(re.search(r"^RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text(), re.M).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    # -- administration

    def command_line(self, *arguments, check=True, text=None, environment=None):
        """The executable, run to its end; `text` goes to its standard input."""
        command = [executable(), *map(str, arguments)]
        environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=1", "LC_ALL": "C.UTF-8"} | (environment or {})
        done = subprocess.run(command, input=text or "", capture_output=True, text=True, timeout=60, env=environment,
                              check=False)
        assert not SANITIZER_REPORT.search(done.stderr), done.stderr
        if check:
            assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def ctl(self, *arguments, check=True, text=None):
        """mailboxctl against this server."""
        return self.command_line("ctl", "--socket", self.run / "control.sock", *arguments, check=check, text=text)

    def ctl_json(self, *arguments):
        return json.loads(self.ctl(*arguments, "--json").stdout)

    def add_accounts(self):
        for number in range(2, self.accounts + 1):
            self.add_account(self.user_name(number))

    def add_account(self, address, password=None):
        self.ctl("account", "add", address, "--password-stdin", text=(password or self.password) + "\n")

    def set_password(self, address, password):
        self.ctl("account", "password", address, "--password-stdin", text=password + "\n")

    def user_name(self, number):
        return f"user{number:04d}@{self.domain}"

    # -- clients

    def tls(self):
        context = ssl.create_default_context(cafile=str(self.ca_file))
        return context

    def imap(self, number=1, password=None, tls=False):
        if tls:
            link = imaplib.IMAP4_SSL("localhost", self.ports["imaps"], ssl_context=self.tls(), timeout=60)
        else:
            link = imaplib.IMAP4(self.host, self.ports["imap"], timeout=60)
        link.login(self.user_name(number), password or self.password)
        return link

    def smtp(self):
        return smtplib.SMTP(self.host, self.ports["smtp"], local_hostname="client.sample.test", timeout=60)

    def submit(self, message, to, number=1, options=(), recipient_options=()):
        """As a user of ours, on the submission port: the reply to the dot. `to`: addresses."""
        with smtplib.SMTP(self.host, self.ports["submission"], local_hostname="client.sample.test", timeout=60) as link:
            link.ehlo()
            link.login(self.user_name(number), self.password)
            code, text = link.mail(self.user_name(number), list(options))
            assert code == 250, (code, text)
            for address in [to] if isinstance(to, str) else to:
                code, text = link.rcpt(address, list(recipient_options))
                assert code == 250, (address, code, text)
            return send_data(link, message)

    def deliver(self, message, to=1, sender="sender@sample.test"):
        """From outside, by smtplib: `message` has CRLF line ends and is not touched. Returns the reply to the dot."""
        with self.smtp() as link:
            link.ehlo()
            code, text = link.mail(sender, ["BODY=8BITMIME"])
            assert code == 250, (code, text)
            code, text = link.rcpt(self.user_name(to) if isinstance(to, int) else to)
            assert code == 250, (code, text)
            return send_data(link, message)

    def messages(self, number=1, folder="INBOX"):
        """[(uid, bytes)] of a folder, by IMAP."""
        link = self.imap(number)
        try:
            status, data = link.select(f'"{folder}"', readonly=True)
            assert status == "OK", data
            return fetch_all(link)
        finally:
            link.logout()


def fetch_all(link, what="BODY.PEEK[]"):
    status, data = link.uid("FETCH", "1:*", f"(UID {what})")
    assert status == "OK", data
    found = []
    for part in data:
        if isinstance(part, tuple):
            uid = re.search(rb"UID (\d+)", part[0])
            found.append([int(uid.group(1)) if uid else 0, part[1]])
        elif found and part and not found[-1][0]:
            uid = re.search(rb"UID (\d+)", part)
            found[-1][0] = int(uid.group(1)) if uid else 0
    return [tuple(f) for f in found]


def stuffed(message):
    """The bytes of DATA for a message with CRLF line ends: RFC 5321 section 4.5.2."""
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def send_data(link, message):
    """DATA over an smtplib link without its rewriting of line ends."""
    code, text = link.docmd("DATA")
    if code != 354:
        return code, text
    link.send(stuffed(message))
    return link.getreply()


def added_headers(stored, sent):
    """The bytes that the server put before `sent`; None when the message is not the one that was sent."""
    if not sent.endswith(b"\r\n"):
        sent += b"\r\n"
    return stored[:len(stored) - len(sent)] if stored.endswith(sent) else None


def only_trace_fields(head):
    """Whether `head` is made of the whole fields that docs/smtp.md allows in front of a message."""
    unfolded = re.sub(rb"\r\n[ \t]", b" ", head)
    return all(line.lower().startswith((b"return-path:", b"received:", b"x-malformed-header:")) for line in unfolded.split(b"\r\n") if line) \
        and head.endswith(b"\r\n")
