"""The run: which parts, both servers in turn, pauses, deadlines, the table at the end. Started by run.sh."""
import argparse
import contextlib
import os
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import ground
import imap_parts
import measures
import out_parts
from book import Book
from clients import Load, end_all
from imap_rows import IMAP_ROWS
from probes import Device, DurableWrites, Noise
from servers import TOP, Failed, Ours, Peer

BEGAN = time.monotonic()
BOTH, OURS_ONLY, BOTH_IN_FULL = True, False, "in a full run"  # the last: minutes of the peer for a row that has a figure of its own
# name: (part, of both servers, seconds in a quick and in a full run, also for each round)
PARTS = {
    "5k1": (measures.rate("5k1", 1, 5120, (200, 800, 2000, 10000)), BOTH, 30, 180, True),
    "5k10": (measures.rate("5k10", 10, 5120, (500, 3000, 3000, 20000)), BOTH, 30, 180, True),
    "5k50": (measures.rate("5k50", 50, 5120, (500, 3000, 3000, 20000)), BOTH, 30, 180, True),
    "5k50p": (measures.rate("5k50p", 50, 5120, (500, 3000, 3000, 20000), pipeline=True), BOTH, 30, 180, True),
    "75k": (measures.rate("75k", 10, 76800, (150, 600, 800, 4000)), BOTH, 30, 180, True),
    "1m": (measures.large, BOTH, 30, 180, True),
    "cost": (measures.cost, BOTH, 75, 500, True),
    "syncs": (measures.durable_writes, BOTH, 75, 500, True),
    "append": (measures.append, BOTH, 30, 180, True),
    "idle": (measures.idle, BOTH, 40, 240, True),
    "select": (measures.select_large, BOTH, 110, 900, True),
    "rebuild": (measures.rebuild, OURS_ONLY, 110, 900, True),
    "memory": (measures.memory, OURS_ONLY, 100, 600, False),
    "commit": (measures.commit, OURS_ONLY, 75, 900, True),
    "long": (measures.long_run, BOTH, 150, 4000, False),
    "grow-messages": (measures.grow_messages, OURS_ONLY, 120, 3000, False),
    "grow-accounts": (measures.grow_accounts, OURS_ONLY, 120, 3000, False),
}
# The figures of issue 4: `run.sh imap`. First in the order in which each leaves the mail as the next wants it.
IMAP_PARTS = {
    "imap-login": (imap_parts.login, BOTH, 30, 120, True),
    "imap-idle": (imap_parts.idle_plain, BOTH, 75, 400, False),
    "imap-idle-tls": (imap_parts.idle_tls, BOTH_IN_FULL, 75, 400, False),
    "imap-first": (imap_parts.first, BOTH, 60, 300, True),
    "imap-fetch": (imap_parts.warm_fetch, BOTH, 120, 400, True),
    "imap-bodies": (imap_parts.bodies, BOTH, 60, 300, True),
    "imap-search": (imap_parts.search, BOTH, 60, 300, True),
    "imap-sort": (imap_parts.sort, BOTH, 60, 300, True),
    "imap-thread": (imap_parts.thread, BOTH, 60, 300, True),
    "imap-store": (imap_parts.store, BOTH, 60, 300, True),
    "imap-sizing": (imap_parts.sizing, BOTH, 60, 300, True),
    "imap-100k": (imap_parts.of_100000, BOTH, 290, 900, True),
    "imap-busy": (imap_parts.busy, OURS_ONLY, 60, 900, False),
    "imap-idle-10000": (imap_parts.idle_10000, OURS_ONLY, 300, 600, False),
}
# The figures of issue 5: `run.sh out`.
OUT_PARTS = {
    "out-one": (out_parts.one_at_a_time, BOTH, 40, 120, True),
    "out-minute": (out_parts.minute, OURS_ONLY, 100, 300, True),
    "out-burst": (out_parts.burst, BOTH, 90, 300, True),
    "out-queue": (out_parts.waiting, OURS_ONLY, 240, 900, False),
}
STORE_PARTS = list(PARTS)
PARTS.update(OUT_PARTS)
PARTS.update(IMAP_PARTS)
GROUPS = {"all": STORE_PARTS, "out": list(OUT_PARTS), "imap": [name for name in IMAP_PARTS if name != "imap-idle-10000"], "rates": ["5k1", "5k10", "5k50", "5k50p", "75k", "1m"], "growth": ["grow-messages", "grow-accounts"]}


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--parts")
    parser.add_argument("--only-ours", action="store_true")
    parser.add_argument("--pause", type=float)
    parser.add_argument("--limit", type=float)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--load", required=True)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    parser.add_argument("--out")
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    asked.rounds = asked.rounds or (5 if asked.full else 1)
    asked.pause = asked.pause if asked.pause is not None else (15.0 if asked.full else 1.0)
    names = (asked.parts or "").replace(",", " ").split() + asked.names or ["all"]
    asked.limit = asked.limit or (12 * 3600 if asked.full else 900 if "imap" in names else 510)
    if names == ["imap"] and asked.full:
        names.append("imap-idle-10000")
    asked.parts = [part for name in names for part in GROUPS.get(name, [name])]
    for name in asked.parts:
        if name not in PARTS:
            parser.error(f"no part {name}; there are: {' '.join(GROUPS)} {' '.join(PARTS)}")
    return asked


def say(text):
    print(f"[{time.monotonic() - BEGAN:5.0f} s] {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def deadline(seconds):
    def over(*_):
        raise Failed(f"took longer than {seconds:.0f} s")
    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, max(1.0, seconds))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Bench:
    def __init__(self, asked, work, out):
        self.asked, self.work = asked, work
        self.book = Book(out / "raw.jsonl")
        self.device = Device(work)
        self.servers = []  # (server, is ours)
        self.mounted = DurableWrites.mount()

    def start(self):
        if not self.asked.only_ours:
            peer = Peer(TOP.parent / "shared" / "bench", self.clean_folder("peer"), 24000)
            peer.folder.mkdir(mode=0o755)
            self.start_one(peer, False)
        self.start_one(Ours(self.clean_folder("ours"), 26000, self.asked.bin), True)
        if not any(is_ours for _, is_ours in self.servers):
            raise Failed("mailboxd did not start")

    def clean_folder(self, name):
        folder, cost = ground.clean_folder(self.work, name)
        if cost > ground.CLEAN:
            self.book.note(f"{folder.name}: creating a file takes {cost * 1e6:.0f} µs there, because files were deleted lately: "
                           "wait some minutes and measure again")
        return folder

    def start_one(self, server, is_ours):
        say(f"starting {server.name}")
        self.servers.append((server, is_ours))
        try:
            server.start()
        except (Failed, OSError, subprocess.SubprocessError, KeyError) as failure:
            self.servers.pop()
            server.stop()
            self.book.failed("start", server.name, str(failure))
            say(f"{server.name}: {failure}")

    def stop(self):
        end_all()
        for server, _ in self.servers:
            with contextlib.suppress(Exception):
                server.stop()
        if self.mounted:
            subprocess.run(["umount", "/sys/kernel/tracing"], stderr=subprocess.DEVNULL, check=False)

    def measure(self):
        for turn in range(1, self.asked.rounds + 1):
            # Who comes first changes with the rounds: the second finds the disk as the first has left it.
            order = self.servers if turn % 2 else self.servers[::-1]
            for name in self.asked.parts:
                part, both, quick, full, each_round = PARTS[name]
                if turn > 1 and not each_round:
                    continue
                for server, is_ours in order:
                    if is_ours or both is BOTH or (both is BOTH_IN_FULL and self.asked.full):
                        self.one(name, part, server, is_ours, turn, full if self.asked.full else quick)

    def one(self, name, part, server, is_ours, turn, seconds):
        left = self.asked.limit - (time.monotonic() - BEGAN)
        if left < 5:
            self.book.failed(name, server.name, f"left out: the {self.asked.limit:.0f} s of the whole run were over")
            return
        context = measures.Context(server, is_ours, self.book, self.device, not self.asked.full, self.work)
        context.round = turn
        began = time.monotonic()
        try:
            with deadline(min(seconds, left)), Noise(*(s for s, _ in self.servers)) as noise:
                died = server.ensure()
                if died:
                    self.book.failed("server", server.name, died)
                part(context)
            self.book.noisy(name, noise.cores)
            outcome = self.said(name, is_ours)
        except Exception as failure:  # whatever it is, the other parts and the table go on
            why = str(failure) if isinstance(failure, Failed) else f"{type(failure).__name__}: {failure}"
            if not isinstance(failure, Failed):
                self.book._raw(part=name, trace=traceback.format_exc())
            self.book.failed(name, server.name, why)
            outcome = "FAILED: " + why
        finally:
            end_all()
        say(f"round {turn}, {name}, {server.name}: {outcome} ({time.monotonic() - began:.0f} s)")
        with contextlib.suppress(Failed, OSError):
            measures.settle(server, 10 if not self.asked.full else 120)
        # This disk slows for minutes after many syncs: what one has left must not be the other's.
        os.sync()
        time.sleep(min(self.asked.pause, max(0.0, self.asked.limit - (time.monotonic() - BEGAN))))

    def said(self, name, is_ours):
        from book import ROWS, number
        words = [f"{row.key} {number(self.book.values[(row.key, int(is_ours))][-1])}{row.unit}"
                 for row in ROWS + IMAP_ROWS if row.part == name and (row.key, int(is_ours)) in self.book.values]
        return ", ".join(words) or "done"

    def head(self):
        kind = "full" if self.asked.full else "quick"
        versions = "; ".join(getattr(server, "version", server.name) for server, _ in self.servers)
        rounds = "median of " + str(self.asked.rounds) if self.asked.rounds > 1 else "one round"
        return (f"{time.strftime('%d %b %Y %H:%M')}, {kind} run, {rounds}, {os.cpu_count()} cores, Linux {platform.release()}: {versions}. "
                "Noise: cores used by others, the most of any round.")


def write_docs(text, of_imap):
    path = TOP / "docs" / "performance.md"
    page = path.read_text(encoding="utf-8")
    kind = "IMAP figures" if of_imap else "figures"
    begin, end = f"<!-- {kind} -->\n", f"<!-- end of {kind} -->"
    path.write_text(page[:page.index(begin) + len(begin)] + text + page[page.index(end):], encoding="utf-8")


def clear_away(work):
    """Unlinking some hundred thousand files is this disk's slowest work: it may outlive the run, but never alter it."""
    removing = subprocess.Popen(["nice", "rm", "-rf", "--", str(work)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        removing.wait(120)
    except subprocess.TimeoutExpired:
        say(f"{work} is still being removed, by process {removing.pid}: start no other run before it has ended")


def main():
    asked = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    Load.program = asked.load
    work = pathlib.Path(tempfile.mkdtemp(prefix="mailboxd-bench.", dir=asked.folder))
    work.chmod(0o755)
    ground.spread(work)
    out = pathlib.Path(asked.out) if asked.out else work / "out"
    out.mkdir(parents=True, exist_ok=True)
    bench = Bench(asked, work, out)
    code = 1
    try:
        bench.start()
        bench.measure()
        code = 1 if bench.book.failures else 0
    except KeyboardInterrupt:
        bench.book.failed("run", "both", "interrupted")
        code = 130
    except Failed as failure:
        bench.book.failed("run", "both", str(failure))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        text = bench.book.text(asked.parts, bench.head())
        (out / "table.md").write_text(text, encoding="utf-8")
        print(text, flush=True)
        if asked.docs:
            write_docs(text, bench.book.is_imap(asked.parts))
        say("ending the servers, removing their files")
        bench.stop()
        clear_away(work)
        say("done")
    return code


if __name__ == "__main__":
    sys.exit(main())
