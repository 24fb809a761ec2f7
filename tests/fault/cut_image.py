"""From the past of a cut_disk the disks that a power cut can have left.

At a cut after the first C records, everything that was written before the last flush among them is on the disk. Of what
was written after it a disk may have kept all, nothing, or any sectors: caches write back in any order, and a block is torn
where the power ended."""
import pathlib
import shutil
import struct
import subprocess

RECORD = struct.Struct("<QII")
WRITE, FLUSH = 1, 2
# What a disk writes whole. xfs logs parts of its blocks of 4096 bytes and takes it that a block itself is not torn; ext4's
# journal has whole blocks and mends any tear.
SECTORS = {"ext4": 512, "xfs": 4096}
MODES = ("nothing", "everything", "some writes", "some sectors", "some sectors", "the first writes, the last one torn")


class Past:
    def __init__(self, path):
        self.file = open(path, "rb")
        self.records = []  # (kind, offset, length, where the bytes stand in the log)
        while len(head := self.file.read(RECORD.size)) == RECORD.size:
            offset, length, kind = RECORD.unpack(head)
            self.records.append((kind, offset, length, self.file.tell()))
            self.file.seek(length, 1)

    def close(self):
        self.file.close()

    def bytes_of(self, record):
        self.file.seek(record[3])
        return self.file.read(record[2])

    def flushes(self, first, last):
        return sum(record[0] == FLUSH for record in self.records[first:last])


class Cutter:
    """Makes images for growing moments; `base` is the disk before the first record."""

    def __init__(self, past, base, folder, sector):
        self.sector = sector
        self.past, self.safe_path, self.path = past, folder / "safe.img", folder / "cut.img"
        copy_sparse(base, self.safe_path)
        self.safe, self.done = open(self.safe_path, "r+b", buffering=0), 0

    def close(self):
        self.safe.close()
        self.past.close()

    def cut(self, moment, dice):
        """The image of a cut after `moment` records, and in words what it kept."""
        records = self.past.records[self.done:moment]
        last = max((n for n, record in enumerate(records) if record[0] == FLUSH), default=-1)
        for record in records[:last + 1]:
            if record[0] == WRITE:
                self._put(self.safe, record[1], self.past.bytes_of(record))
        self.done += last + 1
        copy_sparse(self.safe_path, self.path)
        mode, loose = dice.choice(MODES), [record for record in records[last + 1:] if record[0] == WRITE]
        with open(self.path, "r+b", buffering=0) as image:
            for offset, data in kept(mode, loose, self.past, dice, self.sector):
                self._put(image, offset, data)
        return f"{len(loose)} unflushed writes, {mode} kept"

    @staticmethod
    def _put(image, offset, data):
        image.seek(offset)
        image.write(data)


def kept(mode, loose, past, dice, sector):
    """(offset, bytes) of what survived, in the order of writing."""
    until = dice.randrange(len(loose) + 1) if loose else 0
    for number, record in enumerate(loose):
        data = past.bytes_of(record)
        if mode == "nothing" or mode == "some writes" and dice.random() < 0.5:
            continue
        if mode.startswith("the first"):
            if number > until:
                return
            if number == until:
                data = data[:sector * dice.randrange(len(data) // sector + 1)]
        if mode != "some sectors":
            yield record[1], data
            continue
        for at in range(0, len(data), sector):
            if dice.random() < 0.5:
                yield record[1] + at, data[at:at + sector]


def copy_sparse(source, target):
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(source), str(target)], check=True, timeout=120)


def make_file_system(kind, path, megabytes):
    """An empty file system in a file, with nothing left to be initialised later."""
    with open(path, "wb") as file:
        file.truncate(megabytes << 20)
    options = {"ext4": ["-q", "-F", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", "-i", "8192"],
               "xfs": ["-q", "-f", "-K", "-s", "size=4096"]}[kind]
    program = shutil.which(f"mkfs.{kind}") or shutil.which(f"mkfs.{kind}", path="/usr/sbin:/sbin")
    subprocess.run([program, *options, str(path)], check=True, timeout=120, capture_output=True)
    return pathlib.Path(path)
