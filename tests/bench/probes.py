"""What is read from the machine beside a measure: durable writes by kind, the device's counters, memory, commit times."""
import contextlib
import os
import pathlib
import re
import subprocess
import threading
import time

from servers import Failed, TICKS

TRACING = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
O_DSYNC, RWF_DSYNC, RWF_SYNC, MS_SYNC = 0o10000, 0x2, 0x4, 4
SYNCS = ("fsync", "fdatasync", "sync", "syncfs", "msync", "sync_file_range", "io_uring_enter")
WRITES = ("write", "writev", "pwrite64", "pwritev", "pwritev2")
FILES = ("openat", "close")


class DurableWrites:
    """Every durable write of a server's threads and children, counted by kind, through a private tracefs instance.

    fsync, fdatasync, sync, syncfs, msync(MS_SYNC), io_uring_enter, and each write through a descriptor that was opened
    with O_DSYNC or O_SYNC, or with RWF_DSYNC. sync_file_range only starts writing, so it is named but not counted."""

    def __init__(self, server):
        self.server = server
        self.counts, self.lost = {}, 0

    @staticmethod
    def mount():
        """True: it was mounted here, and may be unmounted at the end."""
        if any(os.path.isdir(d + "/events/syscalls") for d in TRACING):
            return False
        done = subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACING[0]], stderr=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    def __enter__(self):
        root = next((d for d in TRACING if os.path.isdir(d + "/events/syscalls")), None)
        if root is None:
            raise Failed("tracefs is not there (mount -t tracefs tracefs /sys/kernel/tracing)")
        self.folder = pathlib.Path(root, "instances", f"mailboxd-bench-{os.getpid()}")
        self.folder.mkdir()
        try:
            self._put("buffer_size_kb", "32768")
            self._put("options/event-fork", "1")
            self.processes = {}
            for pid in self.server.pids():
                with contextlib.suppress(OSError):
                    self.processes.update((int(thread), pid) for thread in os.listdir(f"/proc/{pid}/task"))
            self._put("set_event_pid", " ".join(map(str, self.processes)))
            self.durable = self._durable_descriptors()
            for call in SYNCS + WRITES + FILES:
                self._put(f"events/syscalls/sys_enter_{call}/enable", "1")
            self._put("events/syscalls/sys_exit_openat/enable", "1")
            self._put("tracing_on", "1")
        except OSError as failure:
            self._remove()
            raise Failed(f"tracing: {failure}") from failure
        return self

    def __exit__(self, *_):
        try:
            self._put("tracing_on", "0")
            self._read()
        finally:
            self._remove()

    def total(self):
        return sum(n for kind, n in self.counts.items() if kind != "sync_file_range")

    def kinds(self):
        return ", ".join(f"{kind} {n}" for kind, n in sorted(self.counts.items(), key=lambda x: -x[1])) or "none"

    def _put(self, name, text):
        (self.folder / name).write_text(text, encoding="ascii")

    def _remove(self):
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _durable_descriptors(self):
        """(process, descriptor) of what is open with O_DSYNC before the tracing begins."""
        found = set()
        for pid in self.server.pids():
            with contextlib.suppress(OSError):
                for name in os.listdir(f"/proc/{pid}/fdinfo"):
                    with contextlib.suppress(OSError):
                        flags = re.search(r"^flags:\s*(\d+)", pathlib.Path(f"/proc/{pid}/fdinfo/{name}").read_text(), re.M)
                        if flags and int(flags.group(1), 8) & O_DSYNC:
                            found.add((pid, int(name)))
        return found

    def _process_of(self, thread):
        if thread not in self.processes:
            # One that has ended already: a thread of the only process, or else a child.
            before = set(self.processes.values())
            self.processes[thread] = before.pop() if len(before) == 1 else thread
            with contextlib.suppress(OSError, AttributeError):
                status = pathlib.Path(f"/proc/{thread}/status").read_text(encoding="utf-8")
                self.processes[thread] = int(re.search(r"^Tgid:\s*(\d+)", status, re.M).group(1))
        return self.processes[thread]

    def _add(self, kind):
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def _read(self):
        opening = {}
        line_form = re.compile(r"\s*.+-(\d+)\s+\[\d+\].*?: sys_(\w+)(?:\((.*)\)| -> (\S+))")
        with open(self.folder / "trace", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("#"):
                    entries = re.search(r"entries-in-buffer/entries-written: (\d+)/(\d+)", line)
                    self.lost += int(entries.group(2)) - int(entries.group(1)) if entries else 0
                    continue
                match = line_form.match(line)
                if match is None:
                    continue
                thread, call = int(match.group(1)), match.group(2)
                if match.group(4) is not None:
                    self._opened(thread, opening.pop(thread, 0), match.group(4))
                    continue
                arguments = dict(p.split(": ", 1) for p in match.group(3).split(", ") if ": " in p)
                if call == "openat":
                    opening[thread] = int(arguments.get("flags", "0"), 16)
                else:
                    self._called(thread, call, arguments)

    def _opened(self, thread, flags, result):
        descriptor = int(result, 16)
        if descriptor < 1 << 31:
            place = (self._process_of(thread), descriptor)
            (self.durable.add if flags & O_DSYNC else self.durable.discard)(place)

    def _called(self, thread, call, arguments):
        if call in SYNCS:
            if call != "msync" or int(arguments.get("flags", "0"), 16) & MS_SYNC:
                self._add(call)
            return
        place = (self._process_of(thread), int(arguments.get("fd", "0"), 16))
        if call == "close":
            self.durable.discard(place)
        elif call == "pwritev2" and int(arguments.get("flags", "0"), 16) & (RWF_DSYNC | RWF_SYNC):
            self._add("RWF_DSYNC")
        elif place in self.durable:
            self._add("O_DSYNC write")


class Device:
    """Counters of the disk under a folder: flushes and written bytes, of everything that uses it."""

    def __init__(self, folder):
        number = os.stat(folder).st_dev
        self.name = os.path.basename(os.path.realpath(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}"))

    def _fields(self):
        for line in pathlib.Path("/proc/diskstats").read_text(encoding="ascii").splitlines():
            fields = line.split()
            if fields[2] == self.name:
                return fields
        raise Failed("the disk of the run is not in /proc/diskstats")

    def flushes(self):
        fields = self._fields()
        return int(fields[18]) if len(fields) > 18 else 0

    def written(self):
        return int(self._fields()[9]) * 512


class Noise:
    """Cores used by neither the server nor this program's own children while the block ran."""

    def __init__(self, *servers):
        self.servers, self.cores = [s for s in servers if s is not None], 0.0

    def _busy(self):
        fields = [int(f) for f in pathlib.Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]]
        own = os.times()
        everything = (fields[0] + fields[1] + fields[2] + fields[5] + fields[6] + fields[7]) / TICKS
        return everything, own.user + own.system + own.children_user + own.children_system + sum(s.cpu() for s in self.servers)

    def __enter__(self):
        self.begin, self.at = time.monotonic(), self._busy()
        return self

    def __exit__(self, *_):
        now, took = self._busy(), time.monotonic() - self.begin
        if took > 0.2:
            self.cores = max(0.0, ((now[0] - self.at[0]) - (now[1] - self.at[1])) / took)


class PeakMemory:
    """The highest anonymous memory (KiB, smaps_rollup) that was seen, looked at every 20 ms by a thread."""

    def __init__(self, server):
        self.server, self.over = server, threading.Event()

    def __enter__(self):
        self.before = self.peak = self.server.smaps("Anonymous")
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()
        return self

    def _look(self):
        while not self.over.wait(0.02):
            self.peak = max(self.peak, self.server.smaps("Anonymous"))

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


COMMITS = "mailboxd_journal_commit_seconds"


def commit_buckets(server):
    """{upper bound in seconds: commits up to it} of the journal's histogram; {} where the server has none."""
    found = {}
    for line in server.metrics().splitlines():
        match = re.match(COMMITS + r'_bucket\{(?:.*,)?le="([^"]+)"[^}]*\}\s+(\S+)', line)
        if match:
            bound = float(match.group(1).replace("+Inf", "inf"))
            found[bound] = found.get(bound, 0) + int(float(match.group(2)))
    return found


def commit_times(before, after):
    """p50, p99 and max in milliseconds between two looks; None without commits. Within their buckets the first two are
    interpolated, as Prometheus does it; the greatest is known only as the upper bound of its bucket."""
    if not after:
        return None
    bounds = sorted(after)
    counts = [after[b] - before.get(b, 0) for b in bounds]
    total = counts[-1]
    if total <= 0:
        return None
    finite = [b for b in bounds if b != float("inf")] or [0.0]

    def up_to(share):
        wanted = max(1, share * total)
        at = next(i for i, n in enumerate(counts) if n >= wanted)
        if bounds[at] == float("inf"):
            return finite[-1] * 1e3
        below, fewer = (bounds[at - 1], counts[at - 1]) if at else (0.0, 0)
        return (below + (bounds[at] - below) * (wanted - fewer) / (counts[at] - fewer)) * 1e3
    return {"p50_ms": up_to(0.5), "p99_ms": up_to(0.99), "max_ms": up_to(1.0), "commits": total,
            "over": counts[-1] > counts[bounds.index(finite[-1])]}
