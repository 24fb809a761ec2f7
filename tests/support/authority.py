"""A certification authority of the test's own."""
import atexit
import hashlib
import pathlib
import shutil
import subprocess
import tempfile

from appliance import need

OPENSSL = need("openssl")


class Authority:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mailboxd-ca-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o755)
        self.file = self.folder / "ca.pem"
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                 "-subj", "/CN=Test authority", "-keyout", self.folder / "ca.key", "-out", self.file)
        self.file.chmod(0o644)

    def run(self, *command):
        done = subprocess.run([OPENSSL, *map(str, command)], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def certificate(self, *names):
        """(certificate, key) as PEM, for DNS names."""
        stem = self.folder / names[0]
        key, request, out = stem.with_suffix(".key"), stem.with_suffix(".csr"), stem.with_suffix(".pem")
        self.run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={names[0]}",
                 "-keyout", key, "-out", request)
        extension = stem.with_suffix(".ext")
        extension.write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + "\n")
        self.run("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.folder / "ca.key", "-CAcreateserial",
                 "-days", "30", "-extfile", extension, "-out", out)
        return out.read_bytes(), key.read_bytes()

    def spki_sha256(self, certificate):
        """What a TLSA record 3 1 1 holds."""
        path = self.folder / "of.pem"
        path.write_bytes(certificate)
        public = self.run("x509", "-in", path, "-pubkey", "-noout")
        (self.folder / "of.pub").write_bytes(public)
        der = self.run("pkey", "-pubin", "-in", self.folder / "of.pub", "-outform", "DER")
        return hashlib.sha256(der).hexdigest()
