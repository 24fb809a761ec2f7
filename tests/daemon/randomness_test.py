"""G15: without randomness the daemon ends loudly and never serves with a guessable seed; nothing that should be random comes
out the same twice."""
import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import Appliance, executable, need

STRACE = need("strace")


class Randomness(unittest.TestCase):
    def test_g15_no_entropy_is_a_loud_failure(self):
        """getrandom and /dev/urandom both fail from the first call on, as on a machine whose kernel has nothing to give."""
        box = Appliance(accounts=1)
        try:
            trace = box.folder / "trace"
            # The sanitizer's and the C library's own calls at start must pass; they ask for few bytes and never again.
            done = subprocess.run(
                [STRACE, "-f", "-qq", "-o", str(trace), "-e", "trace=getrandom,openat", "-e", "inject=getrandom:error=EIO:when=3+",
                 "-e", "inject=openat:error=EIO", "-P", "/dev/urandom", "-P", "/dev/random",
                 executable(), "--config", str(box.config)],
                capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
                env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0:handle_abort=0"})
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(done.stderr, r"(?i)random|entropy")
            self.assertNotIn("/readyz", done.stdout)
        finally:
            box.discard()

    def test_g15_two_servers_have_nothing_random_in_common(self):
        found = []
        for _ in range(2):
            with Appliance(accounts=1) as box:
                _, said = box.deliver(b"Subject: x\r\n\r\nx\r\n")
                trace_id = re.match(rb"2\.0\.0 (\S+)", said).group(1)
                stored = b"".join(path.read_bytes() for path in box.data.glob("directory.db*"))
                salt = re.search(rb"\$argon2id\$v=19\$[^$]*\$([A-Za-z0-9+/]{16,})", stored)
                self.assertIsNotNone(salt, "the password is kept as Argon2id")
                found.append((trace_id, salt.group(1)))
        for first, second in zip(*found):
            self.assertNotEqual(first, second)


if __name__ == "__main__":
    unittest.main(verbosity=2)
