"""A real validating resolver: unbound in front of a NameServer, for peers that believe a resolver's AD bit (Postfix and Exim do not
validate themselves). Inside a private network, whose own /etc/resolv.conf names it."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import private_network
from appliance import need, wait_until
from name_server import answers

UNBOUND = need("unbound")
ADDRESS = "127.0.0.54"


class ValidatingResolver:
    """Asks `names` for its zones and nobody for others."""

    def __init__(self, names, address=ADDRESS):
        self.names, self.address = names, address
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mailboxd-unbound-"))
        self.folder.chmod(0o755)
        self.process = None

    def __enter__(self):
        zones = [*self.names.signed, *self.names.plain]
        # A resolver answers for test. itself, and asks no name server of its own host, unless it is told otherwise.
        (self.folder / "unbound.conf").write_text(f"""server:
  interface: {self.address}
  port: 53
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  do-daemonize: no
  do-not-query-localhost: no
  chroot: ""
  username: ""
  directory: "{self.folder}"
  pidfile: "{self.folder}/pid"
  use-syslog: no
  logfile: "{self.folder}/log"
  module-config: "validator iterator"
  val-log-level: 2
  trust-anchor-file: "{self.names.anchor_file}"
  local-zone: "test." nodefault
remote-control:
  control-enable: no
""" + "".join(f'stub-zone:\n  name: "{zone}"\n  stub-addr: {self.names.address}\n' for zone in zones))
        self.process = subprocess.Popen([UNBOUND, "-c", str(self.folder / "unbound.conf")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: answers(self.address, zones[0]), 20, f"unbound answers\n{self.log()}")
        self.become_the_resolver()
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "/etc/resolv.conf"], check=False)
        self.process.terminate()
        self.process.wait(20)
        if not os.environ.get("MAILBOXD_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def become_the_resolver(self):
        """Of every program of this mount namespace. Without trust-ad the C library takes the AD bit out of what it hands on."""
        assert os.environ.get(private_network.MARK), "the resolver is changed in a private network only"
        path = self.folder / "resolv.conf"
        path.write_text(f"nameserver {self.address}\noptions trust-ad edns0\n")
        path.chmod(0o644)
        subprocess.run(["mount", "--bind", str(path), "/etc/resolv.conf"], check=True)

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""
