"""G1: what the store calls a synced file system has left the disk's cache, also what was written over blocks that were
there before, on ext4 and on xfs: a flush of the disk lies between each such write and the end of the sync behind it.

usage: flush_test.py SYNC_VOLUME CUT_DISK"""
import argparse
import bisect
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import cut_image  # noqa: E402
import power_mode  # noqa: E402

BLOCK, BLOCKS, SYNCS, MEGABYTES = 4096, 1500, 1500, 512


def overwrite_and_sync(disk, place, program):
    """[the clock behind the sync of block n]. Each block is written over once, and carries its number."""
    moments = []
    with open(place / "file", "wb", buffering=0) as file:
        file.write(bytes(BLOCK * BLOCKS))
        os.fsync(file.fileno())
        with subprocess.Popen([program, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as syncing:
            for number in range(SYNCS):
                os.pwrite(file.fileno(), (b"block %08d " % number * BLOCK)[:BLOCK], number * BLOCK)
                syncing.stdin.write("\n")
                syncing.stdin.flush()
                if syncing.stdout.readline() != "synced\n":
                    raise AssertionError(f"sync_volume ended with {syncing.wait()}")
                moments.append(disk.clock())
            syncing.stdin.close()
    return moments


def unflushed(past, moments):
    """Blocks behind whose last write, before their sync had ended, the disk was not flushed."""
    flushes = [number for number, record in enumerate(past.records) if record[0] == cut_image.FLUSH]
    written = {}
    for at, record in enumerate(past.records):
        data = past.bytes_of(record) if record[0] == cut_image.WRITE else b""
        for offset in range(0, len(data), BLOCK):
            if data.startswith(b"block ", offset):
                number = int(data[offset + 6:offset + 14])
                if at < moments[number]:
                    written[number] = at
    if len(written) != SYNCS:
        raise AssertionError(f"of {SYNCS} blocks {len(written)} were written before their sync had ended")
    next_flush = {number: bisect.bisect_right(flushes, at) for number, at in written.items()}
    return [number for number, n in next_flush.items() if n == len(flushes) or flushes[n] >= moments[number]]


def judge(kind, program, options):
    with tempfile.TemporaryDirectory(prefix="mailboxd-flush-") as name:
        folder = pathlib.Path(name)
        place = folder / "volume"
        place.mkdir()
        cut_image.make_file_system(kind, folder / "disk.img", MEGABYTES)
        with power_mode.Disk(options, kind, folder, place) as disk:
            moments = overwrite_and_sync(disk, place, program)
        past = cut_image.Past(folder / "past")
        lost = unflushed(past, moments)
        print(f"{kind}: {SYNCS} blocks written over and synced one after the other, {past.flushes(0, len(past.records))} flushes, "
              f"{len(lost)} blocks still in the disk's cache", flush=True)
        past.close()
        return not lost


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sync_volume")
    parser.add_argument("cut_disk")
    options = parser.parse_args()
    power_mode.own_mounts()
    power_mode.require(["ext4", "xfs"], options.cut_disk)
    good = [judge(kind, options.sync_volume, options) for kind in ("ext4", "xfs")]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
