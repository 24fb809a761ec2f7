"""G15: without randomness the daemon ends loudly and never serves with a guessable seed; nothing that should be random comes
out the same twice."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import Appliance, need

STRACE = need("strace")


class Randomness(unittest.TestCase):
    def test_g15_no_entropy_is_a_loud_failure(self):
        """getrandom fails in every call, as on a machine whose kernel has nothing to give: an end with words, no port opens."""
        box = Appliance(accounts=1, leaks=False)
        try:
            trace = box.folder / "trace"
            box.prefix = [STRACE, "-f", "-qq", "-o", str(trace), "-e", "trace=getrandom,bind,listen", "-e",
                          "inject=getrandom:error=EIO"]
            box.start(wait=False)
            code = box.process.wait(60)
            box.process = None
            self.assertNotEqual(code, 0)
            self.assertRegex(box.log(), r"(?i)random|entropy")
            self.assertNotIn("event=ready", box.log())
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
