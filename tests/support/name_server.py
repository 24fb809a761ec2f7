"""A real name server: nsd with zones of the test's own, one of them signed as the root of trust. Inside a private network."""
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from appliance import need, wait_until

NSD, KEYGEN, SIGN, KEY2DS = need("nsd", "ldns-keygen", "ldns-signzone", "ldns-key2ds")
ADDRESS = "127.0.0.53"


def answers(address, name):
    """Whether a name server there answers a question for the SOA of `name`, asked by hand."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.strip(".").split("."))
    question = b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\x00\x00\x06\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(0.5)
        try:
            link.sendto(question, (address, 53))
            return link.recv(512)[:2] == b"\x12\x34"
        except OSError:
            return False


class NameServer:
    """`signed` and `plain`: {"test.": "mx.remote IN A 127.0.0.2\n…"}; names are relative to their zone."""

    def __init__(self, signed=None, plain=None, address=ADDRESS):
        self.address = address
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mailboxd-nsd-"))
        self.folder.chmod(0o755)
        self.process = None
        self.signed, self.plain = dict(signed or {}), dict(plain or {})
        self.anchor_file = self.folder / "anchors"

    def __enter__(self):
        anchors, zones = [], []
        for name, text in self.signed.items():
            path = self.write_zone(name, text)
            ksk = self.tool(KEYGEN, "-a", "ECDSAP256SHA256", "-k", name)
            zsk = self.tool(KEYGEN, "-a", "ECDSAP256SHA256", name)
            self.tool(SIGN, "-n", "-o", name, path.name, zsk, ksk)
            anchors.append((self.folder / f"{ksk}.ds").read_text())
            zones.append((name, f"{path.name}.signed"))
        zones += [(name, self.write_zone(name, text).name) for name, text in self.plain.items()]
        self.anchor_file.write_text("".join(anchors))
        self.anchor_file.chmod(0o644)
        (self.folder / "nsd.conf").write_text(f"""server:
  ip-address: {self.address}@53
  username: ""
  chroot: ""
  zonesdir: "{self.folder}"
  pidfile: "{self.folder}/nsd.pid"
  database: ""
  logfile: "{self.folder}/log"
  xfrdfile: "{self.folder}/xfrd.state"
  zonelistfile: "{self.folder}/zone.list"
  server-count: 1
  verbosity: 1
  do-ip6: no
remote-control:
  control-enable: no
""" + "".join(f'zone:\n  name: "{name}"\n  zonefile: "{file}"\n' for name, file in zones))
        self.process = subprocess.Popen([NSD, "-d", "-c", str(self.folder / "nsd.conf")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers, 20, f"nsd answers\n{self.log()}")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def write_zone(self, name, text):
        path = self.folder / f"{name.strip('.')}.zone"
        serial = int(time.time())
        path.write_text(f"$ORIGIN {name}\n$TTL 60\n@ IN SOA ns.{name} hostmaster.{name} {serial} 3600 600 86400 60\n"
                        f"@ IN NS ns.{name}\nns IN A {self.address}\n{text}")
        return path

    def tool(self, *command):
        done = subprocess.run([str(word) for word in command], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def answers(self):
        return answers(self.address, next(iter([*self.signed, *self.plain])))

    def settings(self):
        """Of a mailboxd that asks this server, trusts its signed zones, and sends to servers of this private network."""
        return {"dns.servers": [f"{self.address}:53"], "dns.trust_anchor_file": str(self.anchor_file),
                "outbound.private_targets": "allow"}
