"""A real Postfix of the test's own: its configuration, queue, mail and log lie in a temporary folder."""
import os
import pathlib
import shutil
import smtplib
import subprocess
import tempfile

from appliance import need, need_root, wait_until

POSTFIX, POSTQUEUE = need("postfix", "postqueue")
need_root("Postfix's master starts as root only")

MASTER = """{listen} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
virtual unix - n n - - virtual
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


BASE = {
    "compatibility_level": "3.6", "multi_instance_name": "", "multi_instance_group": "", "myhostname": "relay.sample.test",
    "mydomain": "sample.test", "mydestination": "", "local_recipient_maps": "", "alias_maps": "", "alias_database": "",
    "mynetworks": "127.0.0.0/8", "inet_protocols": "ipv4", "relay_domains": "",
    "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination", "message_size_limit": "67108864",
    "header_checks": "", "always_add_missing_headers": "no", "enable_long_queue_ids": "yes", "bounce_queue_lifetime": "0",
    "maximal_queue_lifetime": "5m",
}


class RealPostfix:
    """Listens on `listen` ("127.0.0.2:25"). `settings` go over the ones above, with {etc} and {mail} for its folders; `files`
    are laid into etc."""

    def __init__(self, listen, settings, files=None):
        self.host, port = listen.rsplit(":", 1)
        self.port = int(port)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mailboxd-postfix-"))
        self.folder.chmod(0o755)
        for name in ("etc", "spool", "data", "log", "mail"):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(0o755)
        for name in ("data", "mail"):
            shutil.chown(self.folder / name, "postfix")
        for name, content in (files or {}).items():
            (self.folder / "etc" / name).write_bytes(content)
            (self.folder / "etc" / name).chmod(0o644)
        places = {"etc": self.folder / "etc", "mail": self.folder / "mail"}
        own = {"queue_directory": f"{self.folder}/spool", "data_directory": f"{self.folder}/data",
               "maillog_file": f"{self.folder}/log/postfix.log", "maillog_file_prefixes": f"{self.folder}/log",
               "inet_interfaces": self.host}
        lines = [f"{key} = {value}" for key, value in (BASE | own | settings).items()]
        (self.folder / "etc" / "main.cf").write_text("\n".join(line.format(**places) for line in lines) + "\n")
        (self.folder / "etc" / "master.cf").write_text(MASTER.format(listen=listen))
        for name in ("main.cf", "master.cf"):
            (self.folder / "etc" / name).chmod(0o644)

    def __enter__(self):
        self.run("start")
        wait_until(self.answers, 20, "Postfix answers")
        return self

    def __exit__(self, *_):
        master = self.folder / "spool" / "pid" / "master.pid"
        pid = int(master.read_text()) if master.exists() else 0
        subprocess.run([POSTFIX, "-c", str(self.folder / "etc"), "stop"], capture_output=True, check=False)
        if pid:
            wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), 20, "Postfix has stopped")
        if not os.environ.get("MAILBOXD_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, word):
        done = subprocess.run([POSTFIX, "-c", str(self.folder / "etc"), word], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False)
        assert done.returncode == 0, f"postfix {word}: {done.returncode}\n{self.log()}"

    def answers(self):
        try:
            with smtplib.SMTP(self.host, self.port, timeout=5) as link:
                return link.noop()[0] == 250
        except OSError:
            return False

    def log(self):
        path = self.folder / "log" / "postfix.log"
        return path.read_text(errors="replace") if path.exists() else "(no log)"

    def queue_is_empty(self):
        done = subprocess.run([POSTQUEUE, "-c", str(self.folder / "etc"), "-p"], capture_output=True, text=True, check=False)
        return "Mail queue is empty" in done.stdout

    def arrived(self, mailbox=""):
        """Messages that its virtual(8) delivered below {mail}."""
        return [path.read_bytes() for path in sorted((self.folder / "mail" / mailbox).rglob("new/*"))]
