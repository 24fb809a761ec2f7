"""Power cuts: the daemon's data directory lies on a file system on a cut_disk. The load is run once; then the past of the
disk is cut at many moments, and each cut is mounted, started and verified against what had been acknowledged by then."""
import ctypes
import mmap
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import uuid

from appliance import need, need_root, skip, wait_until
import cut_image
from fault_box import FaultBox
from imap_link import Gone, Refused
from ledger import Ledger
from load import Load
import record_drop
import sight
import verify

ACCOUNTS = 3
MEGABYTES = {"ext4": 2048, "xfs": 2048}
PR_SET_PDEATHSIG = 1
RECORD = "record"  # the sabotage that is done to the journal, not to the server
BOOT_ID = "/proc/sys/kernel/random/boot_id"


def require(file_systems, cut_disk):
    """Ends the program where the machine cannot do it: a failure in CI, a skip elsewhere."""
    if not cut_disk:
        skip("cut_disk is not built: packaging/dependencies.sh test installs fuse3, then configure and build again")
    need_root("it mounts file systems on loop devices")
    for path in ("/dev/fuse", "/dev/loop-control"):
        if not os.path.exists(path):
            skip(f"{path} is missing on this machine")
    need("mount", "umount", "fusermount3", *(f"mkfs.{kind}" for kind in file_systems))


def own_mounts():
    """Moves this program into mounts of its own, which go when it goes, however that happens."""
    if os.geteuid() == 0 and os.environ.get("MAILBOXD_FAULT_MOUNTS") != "own":
        os.environ["MAILBOXD_FAULT_MOUNTS"] = "own"
        os.execv(need("unshare"), ["unshare", "--mount", "--propagation", "private", sys.executable, "-B", *sys.argv])


class Boots:
    """A machine whose power was cut comes back with another boot id; ours is seen in our own mounts alone."""

    def __init__(self, folder):
        self.path = folder / "boot_id"

    def next(self):
        unmount(BOOT_ID)
        self.path.write_text(f"{uuid.uuid4()}\n")
        self.path.chmod(0o644)
        run("mount", "--bind", self.path, BOOT_ID)


def tied_to_us():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run(*command, check=True):
    return subprocess.run([str(word) for word in command], check=check, timeout=60, capture_output=True, text=True)


class Disk:
    """IMAGE below cut_disk below a loop device below a file system on `place`."""

    def __init__(self, options, kind, folder, place):
        self.options, self.kind, self.folder, self.place = options, kind, folder, place
        self.image, self.past, self.clock_path = folder / "disk.img", folder / "past", folder / "clock"
        self.point, self.process = folder / "fuse", None

    def __enter__(self):
        try:
            self.point.mkdir()
            self.process = subprocess.Popen([self.options.cut_disk, str(self.image), str(self.past), str(self.clock_path),
                                             str(self.point)], preexec_fn=tied_to_us)
            wait_until(lambda: (self.point / "disk").exists() or self.process.poll() is not None, 20, "cut_disk is mounted")
            if self.process.poll() is not None:
                raise AssertionError(f"cut_disk ended with {self.process.returncode}")
            with open(self.clock_path, "rb") as file:
                self.page = mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)
            mount(self.kind, self.point / "disk", self.place)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def clock(self):
        return struct.unpack("<Q", self.page[:8])[0]

    def close(self):
        unmount(self.place)
        unmount(self.point)
        if self.process is not None:
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


def mount(kind, image, place):
    command = ("mount", "-t", kind, "-o", "loop" + (",nouuid" if kind == "xfs" else ""), image, place)
    done = run(*command, check=False)
    if done.returncode != 0 and kind == "ext4":
        # Its superblock is two sectors long, and the cut may have taken one of two: a machine that starts repairs that first.
        # Whatever else is wrong with it stays wrong.
        if "Superblock checksum" in run("e2fsck", "-n", image, check=False).stdout:
            run("e2fsck", "-f", "-y", image, check=False)
            done = run(*command, check=False)
    if done.returncode != 0:
        raise AssertionError(f"mount of {kind} at a cut: {done.stderr.strip()}")


def unmount(place):
    """Waits for what still holds the place; at last the mount is only detached and goes with its holder."""
    for _ in range(50):
        if not os.path.ismount(place):
            return
        if run("umount", place, check=False).returncode == 0:
            return
        time.sleep(0.1)
    run("umount", "-l", place, check=False)


class PowerRun:
    def __init__(self, options, kind, seed, totals, say, sabotage="", cuts=None):
        self.options, self.kind, self.seed, self.totals, self.say = options, kind, seed, totals, say
        self.sabotage, self.cuts = sabotage, cuts or options.cuts
        self.dice = random.Random(f"cut {kind} {seed}")

    def run(self):
        self.totals.runs += 1
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mailboxd-cut-"))
        self.folder.chmod(0o755)
        self.place = self.folder / "volume"
        self.place.mkdir()
        self.boots = Boots(self.folder)
        try:
            self.prepare()
            if self.sabotage == RECORD and not self.totals.has_journal:
                return
            self.load()
            self.judge_cuts()
        finally:
            if getattr(self, "box", None) is not None:
                self.box.discard()
            unmount(self.place)
            unmount(BOOT_ID)
            shutil.rmtree(self.folder, ignore_errors=True)

    def prepare(self):
        """A set-up appliance on a clean file system: the disk before its first record."""
        image = cut_image.make_file_system(self.kind, self.folder / "disk.img", MEGABYTES[self.kind])
        mount(self.kind, image, self.place)
        shim_sabotage = "" if self.sabotage == RECORD else self.sabotage
        self.box = FaultBox(ACCOUNTS, self.options.shim, shim_sabotage, data=self.place / "data", settings=self.options.settings)
        self.box.start()
        self.box.add_accounts()
        self.seen = sight.read_all(self.box, ACCOUNTS)
        self.box.stop()
        self.totals.has_journal = record_drop.find_journal(self.place / "data") is not None
        unmount(self.place)
        cut_image.copy_sparse(image, self.folder / "base.img")

    def load(self):
        with Disk(self.options, self.kind, self.folder, self.place) as disk:
            box = self.box
            box.start()
            self.seen = sight.read_all(box, ACCOUNTS)
            # What was given so far stands; from here on the disk's past is cut.
            os.sync()
            self.first = disk.clock()
            self.ledger = Ledger(verify.adopt(None, self.seen))
            load = Load(box, self.ledger, disk.clock, f"{self.kind}.{self.seed}", ACCOUNTS, sessions=3)
            load.ended.wait(self.options.load_seconds)
            self.last = disk.clock()
            load.join()
            box.kill()
        if load.failures:
            self.totals.findings += [verify.Finding("run", f"{self.kind} seed {self.seed}", what) for what in load.failures]

    def moments(self, past):
        """A third of the cuts anywhere, a third at the very moment of an acknowledgement, a third where the journal has
        just been told that what is applied is on the disk: the moment at which a sync that was none shows."""
        answers = [moment for moment in self.ledger.moments_of_answers() if self.first <= moment <= self.last]
        if not answers:
            raise AssertionError(f"{self.kind} seed {self.seed}: nothing was acknowledged in {self.options.load_seconds} s")
        last = min(self.last, len(past.records))
        self.checkpoints = record_drop.moments_of_checkpoints(past, self.first, last)
        chosen = [self.dice.choice(self.checkpoints) for _ in range(self.cuts // 3 if self.checkpoints else 0)]
        chosen += [self.dice.randrange(self.first, last + 1) for _ in range(self.cuts // 3)]
        chosen += [self.dice.choice(answers) for _ in range(self.cuts - len(chosen))]
        return sorted(min(moment, last) for moment in chosen)

    def judge_cuts(self):
        past = cut_image.Past(self.folder / "past")
        (self.folder / "disk.img").unlink()
        cutter = cut_image.Cutter(past, self.folder / "base.img", self.folder, cut_image.SECTORS[self.kind])
        try:
            moments = self.moments(past)
            self.say(f"  {self.kind} seed {self.seed}{' sabotage ' + self.sabotage if self.sabotage else ''}: "
                     f"{self.last - self.first} records of the disk, {past.flushes(self.first, self.last)} flushes, "
                     f"{len(self.checkpoints)} moments of a checkpoint, "
                     f"{self.ledger.acknowledged()} acts acknowledged in {self.options.load_seconds:g} s")
            for number, moment in enumerate(moments):
                self.judge_cut(number, moment, cutter)
                if self.sabotage and verify.grave(self.totals.findings):
                    break
        finally:
            cutter.close()

    def judge_cut(self, number, moment, cutter):
        began, where = time.monotonic(), f"{self.kind} seed {self.seed} cut {number + 1} at {moment}"
        kept = cutter.cut(moment, self.dice)
        try:
            image = cutter.path
            if number % 3 == 2 and self.sabotage != RECORD:
                image, again = self.cut_recovery(cutter.path)
                kept += f"; cut again in the recovery, {again}"
            self.boots.next()
            if self.options.keep:
                cut_image.copy_sparse(image, self.folder / "judged.img")
            mount(self.kind, image, self.place)
            if self.sabotage == RECORD:
                kept += self.drop_record(moment)
            found = self.start_and_judge(moment)
        except (AssertionError, OSError, Gone, Refused) as error:
            found = [verify.Finding("run", "", f"{error}"[-1500:])]
        finally:
            self.box.discard_process()
            unmount(self.place)
        self.totals.cuts += 1
        if found and self.options.keep and not self.sabotage:
            self.keep_image(number)
        for finding in found:
            finding.where = f"{where}, {finding.where}"
            self.totals.findings.append(finding)
        acknowledged = sum(answer <= moment for answer in self.ledger.moments_of_answers())
        self.totals.acknowledged = max(self.totals.acknowledged, acknowledged)
        self.say(f"  {where}: {kept}, {acknowledged} acts acknowledged before, {len(found)} findings, "
                 f"{time.monotonic() - began:.1f} s", detail=True)
        for finding in found[:5]:  # at once: a run that is ended before its time tells them too
            self.say(f"    {finding}", detail=True)

    def keep_image(self, number):
        """The disk as it was before it was mounted, for whoever looks for the cause."""
        kept = pathlib.Path(tempfile.gettempdir()) / f"mailboxd-cut-{self.kind}-{self.seed}-{number + 1}.img"
        shutil.move(self.folder / "judged.img", kept)
        self.say(f"    kept: {kept}", detail=True)

    def drop_record(self, moment):
        """Of a delivery that was acknowledged before the cut and that no IMAP worker has copied or taken away."""
        touched = set()
        for acts in self.ledger.workers.values():
            names = {uid: token for act in acts for uid, token in act.seen}
            touched |= {names.get(uid) for act in acts if act.kind in ("copy", "move", "expunge") for uid in act.uids}
        wanted = {act.token for act in self.ledger.deliveries if act.ok and act.answered <= moment} - touched
        token = record_drop.drop_one(self.place / "data", wanted)
        self.totals.dropped += token is not None
        return f"; the record of {token} dropped" if token else "; no record that stands in the journal alone"

    def cut_recovery(self, image):
        """The power goes a second time while the file system, the daemon and its replay recover from the first cut."""
        folder = self.folder / "again"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        cut_image.copy_sparse(image, folder / "disk.img")
        self.boots.next()
        with Disk(self.options, self.kind, folder, self.place) as disk:
            mounted = disk.clock()
            self.box.start()
            sight.read_all(self.box, ACCOUNTS, bodies=False)
            last = disk.clock()
            self.box.kill()
        cutter = cut_image.Cutter(cut_image.Past(folder / "past"), image, folder, cut_image.SECTORS[self.kind])
        try:
            # Mounting xfs writes far more than the daemon does: three of four are the daemon's.
            moment = self.dice.randrange(mounted if self.dice.random() < 0.75 else 0, last + 1)
            return cutter.path, f"at {moment} of {last}: {cutter.cut(moment, self.dice)}"
        finally:
            cutter.close()

    def start_and_judge(self, moment):
        box = self.box
        box.start()
        seen = sight.read_all(box, ACCOUNTS)
        found, _ = verify.judge(box, self.ledger, seen, moment)
        if self.sabotage:
            return found
        box.stop()
        box.remove_indexes()
        box.start()
        found += verify.judge_rebuild(seen, sight.read_all(box, ACCOUNTS, bodies=False))
        self.totals.rebuilds += 1
        box.stop()
        return found


def run_cuts(options, say, totals, sabotage="", kinds=None, cuts=None):
    for kind in kinds or options.fs:
        PowerRun(options, kind, options.seed, totals, say, sabotage, cuts).run()
    return totals
