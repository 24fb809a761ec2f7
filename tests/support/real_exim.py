"""A real Exim of the test's own. Debian's Postfix and Exim exclude each other as packages, so Exim is not installed: its
package is fetched by name with apt and laid into a temporary folder. Its configuration, spool, mail and log lie there as well.

find() and fetch() need the network and come before private_network.enter()."""
import atexit
import os
import pathlib
import re
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile

import private_network
from appliance import SKIPPED, need, need_root, wait_until

PACKAGE = "exim4-daemon-light"
PLACE = "MAILBOXD_EXIM"

CONFIG = """primary_hostname = exim.sample.test
exim_path = {program}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
exim_user = nobody
exim_group = nogroup
never_users =
keep_environment =
local_interfaces = <; {interfaces}
daemon_smtp_ports = {port}
tls_advertise_hosts = ${{if eq{{$received_ip_address}}{{{tls_interface}}}{{*}}{{}}}}
tls_certificate = {folder}/etc/cert.pem
tls_privatekey = {folder}/etc/key.pem
chunking_advertise_hosts = *
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
prdr_enable = true
log_selector = +tls_cipher +smtp_protocol_error +received_recipients +smtp_confirmation
queue_run_in_order = false
message_size_limit = 50M
dns_dnssec_ok = 1
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data

begin acl
acl_rcpt:
  defer message = 451 4.7.1 greylisted
        condition = ${{if exists{{{folder}/etc/defer}}}}
  deny  message = 550 5.1.1 nobody of that name
        local_parts = nobody
  accept
acl_data:
  accept

begin routers
{routers}
mailbox:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
  create_directory
  user = nobody
  group = nogroup
  return_path_add
{transports}

begin retry
* * F,10m,1s

begin authenticators
plain_client:
  driver = plaintext
  public_name = PLAIN
  client_send = {login}
"""


def find():
    """Finds the program and puts its place into the environment, where the process inside the private network finds it. Why not, where
    it cannot be had; empty: it can."""
    if os.environ.get(PLACE):
        return ""
    if os.environ.get(private_network.MARK):
        return "Exim could not be fetched"  # as was found out before this process
    need_root("Exim starts as root only")
    here = shutil.which("exim4", path="/usr/sbin:/usr/bin")
    if here:
        os.environ[PLACE] = here
        return ""
    apt, dpkg = need("apt-get", "dpkg-deb")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mailboxd-exim-deb-"))
    folder.chmod(0o755)
    done = subprocess.run([apt, "download", PACKAGE], cwd=folder, capture_output=True, text=True, check=False)
    packages = list(folder.glob("*.deb"))
    if done.returncode != 0 or not packages:
        shutil.rmtree(folder, ignore_errors=True)
        return f"Exim is not installed, and apt-get download {PACKAGE} got none (is there a network?): {done.stderr.strip()[-300:]}"
    subprocess.run([dpkg, "-x", str(packages[0]), str(folder / "x")], check=True)
    os.environ[PLACE] = str(folder / "x/usr/sbin/exim4")
    os.environ[PLACE + "_FOLDER"] = str(folder)
    return ""


def fetch():
    """find() for a test that is about nothing but Exim: without it the test is skipped."""
    reason = find()
    if reason:
        print(f"SKIPPED: {reason}", flush=True)
        sys.exit(SKIPPED)


def make_its_user(folder):
    """The user that Debian's package makes, which Exim looks up whenever it starts: in this mount namespace alone."""
    assert os.environ.get(private_network.MARK), "Exim's user is made in a private network only"
    for name, line in (("passwd", "Debian-exim:x:65533:65533::/nonexistent:/usr/sbin/nologin\n"), ("group", "Debian-exim:x:65533:\n")):
        there = pathlib.Path("/etc") / name
        text = there.read_text()
        if "\nDebian-exim:" in text:
            continue
        (folder / name).write_text(text.rstrip("\n") + "\n" + line)
        (folder / name).chmod(0o644)
        subprocess.run(["mount", "--bind", str(folder / name), str(there)], check=True)


def program():
    """Where find() put it; with this process the fetched files go."""
    folder = os.environ.get(PLACE + "_FOLDER")
    if folder:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        make_its_user(pathlib.Path(folder))
    path = os.environ[PLACE]
    # It can be had: from here on whatever is missing is a failure.
    done = subprocess.run([path, "-C", "/dev/null", "-bV"], capture_output=True, text=True, check=False)
    assert "Exim version" in done.stdout, f"{path} does not run (packaging/dependencies.sh test installs its libraries): {done.stderr}"
    return path


class RealExim:
    """Listens on `interfaces` at `port`, with STARTTLS on the first of them. `routers` and `transports` are text of its
    configuration that goes before and behind those for its own mailbox, with {folder}."""

    def __init__(self, interfaces, port, files, routers="", transports="", login=""):
        self.host, self.port, self.program = interfaces[0], port, program()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mailboxd-exim-"))
        self.folder.chmod(0o755)
        for name in ("etc", "spool", "log", "mail"):
            (self.folder / name).mkdir()
            if name != "etc":
                shutil.chown(self.folder / name, "nobody", "nogroup")
        for name, content in files.items():
            (self.folder / "etc" / name).write_bytes(content)
            (self.folder / "etc" / name).chmod(0o644)
        text = CONFIG.format(program=self.program, folder=self.folder, interfaces=" ; ".join(interfaces), port=port,
                             tls_interface=interfaces[0], login=login or "^x^x", routers=routers.format(folder=self.folder),
                             transports=transports.format(folder=self.folder))
        self.config = self.folder / "etc" / "exim.conf"
        self.config.write_text(text)
        self.config.chmod(0o644)
        self.process = None

    def __enter__(self):
        with open(self.folder / "log" / "stderr", "wb") as errors:
            self.process = subprocess.Popen([self.program, "-C", str(self.config), "-bdf", "-q1m"], stdin=subprocess.DEVNULL,
                                            stdout=errors, stderr=errors, start_new_session=True)
        wait_until(self.answers, 20, f"Exim answers\n{self.log()}")
        return self

    def __exit__(self, *_):
        if self.process is not None:
            # Its deliveries are processes of the same session.
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)
        if not os.environ.get("MAILBOXD_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"Exim ended with {self.process.returncode}\n{self.log()}")
        try:
            with smtplib.SMTP(self.host, self.port, timeout=5) as link:
                return link.noop()[0] == 250
        except OSError:
            return False

    def log(self):
        return "\n".join(path.read_text(errors="replace") for path in sorted((self.folder / "log").glob("*")))

    def run_queue(self):
        """Tries what waits, at once."""
        subprocess.run([self.program, "-C", str(self.config), "-qff"], capture_output=True, timeout=60, check=False)

    def queued(self):
        done = subprocess.run([self.program, "-C", str(self.config), "-bpc"], capture_output=True, text=True, timeout=60, check=False)
        return int(re.sub(r"\D", "", done.stdout) or 0)

    def arrived(self):
        return [path.read_bytes() for path in sorted((self.folder / "mail").rglob("new/*"))]
