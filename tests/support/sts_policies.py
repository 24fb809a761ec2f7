"""MTA-STS policies of some domains, served by a real nginx. Inside a private network, where its port is free."""
import os
import pathlib
import shutil
import subprocess
import tempfile

from appliance import need

NGINX = need("nginx")
ADDRESS = "127.0.0.5"  # where the zones of a test point mta-sts.DOMAIN


def policy(mode, mx):
    return f"version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: 86400\r\n"


class StsPolicies:
    """`policies`: {"remote.test": policy("enforce", "mx.remote.test")}."""

    def __init__(self, authority, policies):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mailboxd-nginx-"))
        certificate, key = authority.certificate(*[f"mta-sts.{domain}" for domain in policies])
        (self.folder / "cert.pem").write_bytes(certificate)
        (self.folder / "key.pem").write_bytes(key)
        servers = ""
        for domain, text in policies.items():
            place = self.folder / domain / ".well-known"
            place.mkdir(parents=True)
            (place / "mta-sts.txt").write_text(text)
            servers += (f"  server {{ listen {ADDRESS}:443 ssl; server_name mta-sts.{domain}; root {self.folder}/{domain};\n"
                        f"    ssl_certificate {self.folder}/cert.pem; ssl_certificate_key {self.folder}/key.pem; default_type text/plain; }}\n")
        for path in [self.folder, *self.folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        (self.folder / "nginx.conf").write_text(f"daemon off;\npid {self.folder}/pid;\nerror_log {self.folder}/log;\n"
                                                f"events {{}}\nhttp {{\n  access_log {self.folder}/access;\n{servers}}}\n")
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen([NGINX, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        if not os.environ.get("MAILBOXD_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
