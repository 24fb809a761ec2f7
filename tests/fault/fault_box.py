"""The daemon under test: an Appliance that runs with crash_shim.c preloaded and dies at a step that is told beforehand."""
import mmap
import os
import pathlib
import struct
import time

from appliance import Appliance

KINDS = ("write", "fdatasync", "fsync", "syncfs", "rename", "link", "unlink", "create", "mkdir", "truncate", "times")
SIDES = ("before", "after", "middle")


class Control:
    """The page that the shim shares with us."""

    def __init__(self, path):
        path.write_bytes(bytes(4096))
        path.chmod(0o666)
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 4096)

    def _put(self, word, value):
        struct.pack_into("<q", self.page, 8 * word, value)

    def _get(self, word):
        return struct.unpack_from("<q", self.page, 8 * word)[0]

    def arm(self, kinds, steps, side, in_queue=False):
        self.disarm()
        self._put(6 + len(KINDS), int(in_queue))
        self._put(1, sum(1 << KINDS.index(kind) for kind in kinds))
        self._put(2, steps)
        self._put(3, SIDES.index(side))
        self._put(5, 0)
        self._put(0, 1)

    def disarm(self):
        self._put(0, 0)

    def died_at(self):
        """The kind of the step that was the last; None when it did not die by the shim."""
        word = self._get(5)
        return KINDS[word - 1] if word else None

    def seen_kinds(self):
        """The kinds of steps that the daemon has taken so far."""
        return [kind for number, kind in enumerate(KINDS) if self._get(6 + number) > 0]


class FaultBox(Appliance):
    def __init__(self, accounts, shim, sabotage="", data=None, settings=None, routes=()):
        super().__init__(accounts=accounts, leaks=False, data=data, settings={"log.level": "info"} | dict(settings or {}), routes=routes)
        self.control_path = self.folder / "steps"
        self.control = Control(self.control_path)
        if self.as_root:
            os.chown(self.control_path, 65534, -1)
        # The sanitizer's interceptors stand in the executable and call what is preloaded; that order is right for us.
        self.environment |= {"LD_PRELOAD": str(shim), "CRASH_SHIM_CONTROL": str(self.control_path)}
        if sabotage:
            self.environment["CRASH_SHIM_SABOTAGE"] = sabotage

    def dead(self):
        return self.process is None or self.process.poll() is not None

    def wait_dead(self, seconds):
        end = time.monotonic() + seconds
        while not self.dead():
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def reap_at_chosen_step(self, where, armed_anew=False):
        """The step at which it was to die, and did; any other end is an error."""
        code, step = self.reap(), self.control.died_at()
        self.control.disarm()
        if armed_anew and step is None:
            step = "unknown"  # it came to the first choice while the second one was written over its mark
        if code != -9 or step is None:
            raise AssertionError(f"{where}: mailboxd ended with {code}, not by the chosen step:\n{self.log()[-6000:]}")
        self.assert_no_report()
        return step

    def reap(self):
        """After a death that was meant; any other end of the process is a finding."""
        code = self.process.wait(30)
        self.process = None
        return code

    def discard_process(self):
        """Ends it however it is; the folder stays."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def remove_indexes(self):
        removed = 0
        for path in (self.data / "mail").rglob("index.db*"):
            path.unlink()
            removed += 1
        return removed


def find_shim(path):
    path = pathlib.Path(path).resolve()
    if not path.is_file():
        raise SystemExit(f"FAILED: {path} is missing: build the target crash_shim")
    return path
