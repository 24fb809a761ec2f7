"""The crash proof: kills and power cuts, then the same with a server that is sabotaged and must be found out.

usage: tests/fault/run.sh [--long] [kills|queue|cuts|proof …] [--seed N] [--bin PATH] (docs/testing.md)
"""
import argparse
import os
import pathlib
import random
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tests/fault/run.sh", description="kills and power cuts of a loaded mailboxd")
    parser.add_argument("parts", nargs="*", metavar="PART", help="kills, queue, cuts, proof; all of them when none is named")
    parser.add_argument("--long", action="store_true", help="1000 kills and hundreds of cuts, on ext4 and xfs")
    parser.add_argument("--seed", type=int, default=None, help="do again what a run with this seed did")
    parser.add_argument("--bin", help="the mailboxd to test (default: MAILBOXD_BIN, else the newest build)")
    parser.add_argument("--shim", help="libcrash_shim.so (default: beside the tests of the same build)")
    parser.add_argument("--cut-disk", help="cut_disk (default: beside the tests of the same build)")
    parser.add_argument("--kills", type=int, help="how many kills")
    parser.add_argument("--kills-per-run", type=int, default=10, help="kills of one data directory")
    parser.add_argument("--cuts", type=int, help="how many power cuts on each file system")
    parser.add_argument("--fs", action="append", choices=("ext4", "xfs"), help="file systems of the power cuts")
    parser.add_argument("--rebuild-every", type=int, default=2, help="compare the index with a rebuild after every so many crashes")
    parser.add_argument("--load-seconds", type=float, default=None, help="load before the power is cut")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of mailboxd.toml")
    parser.add_argument("--keep", action="store_true", help="leave the folders of failed runs, and the disks of cuts with findings")
    options = parser.parse_args(arguments)
    options.parts = options.parts or ["kills", "queue", "cuts", "proof"]
    unknown = set(options.parts) - {"kills", "queue", "cuts", "proof"}
    if unknown:
        parser.error(f"unknown part {sorted(unknown)[0]}")
    options.seed = random.SystemRandom().randrange(10 ** 6) if options.seed is None else options.seed
    options.kills = options.kills or (1000 if options.long else 50)
    options.cuts = options.cuts or (200 if options.long else 12)
    options.fs = options.fs or (["ext4", "xfs"] if options.long else ["ext4"])
    options.load_seconds = options.load_seconds or (20 if options.long else 6)
    options.settings = dict(pair.split("=", 1) for pair in options.set)
    return options


def find_built(options, executable):
    """The shim and the disk of the build that the executable is of; of any other build otherwise."""
    built = pathlib.Path(executable).resolve().parents[1]
    places = [built, *sorted(HERE.parents[1].joinpath("build").glob("*"), key=lambda p: p.stat().st_mtime, reverse=True)]
    for name, attribute in (("libcrash_shim.so", "shim"), ("cut_disk", "cut_disk")):
        if getattr(options, attribute):
            # The loader looks for a shim from another directory, and goes on without one.
            setattr(options, attribute, str(pathlib.Path(getattr(options, attribute)).resolve()))
        else:
            found = [place / "tests/fault" / name for place in places if (place / "tests/fault" / name).is_file()]
            setattr(options, attribute, str(found[0].resolve()) if found else "")


def say_line(line, detail=False):
    print(line, flush=True)


def interrupted(number, _):
    raise KeyboardInterrupt(f"signal {number}")


def patience_of(options):
    """Seconds: a minute for each kill or cut beyond the usual number, though most take a few seconds."""
    extra = max(options.kills - 50, 0) + max(options.cuts - 12, 0) * len(options.fs)
    return 5 * 3600 if options.long else 840 + 60 * extra


def closing(name, totals, options):
    import verify
    others = len(totals.findings) - totals.count("loss", "flags", "duplicate", "half")
    print(f"{name}: runs {totals.runs}, kills {totals.kills}, cuts {totals.cuts}, acknowledged {totals.acknowledged}, "
          f"index rebuilds {totals.rebuilds}, losses {totals.count('loss', 'flags')}, duplicates {totals.count('duplicate')}, "
          f"halves {totals.count('half')}, "
          f"others {others}, seed {options.seed}", flush=True)
    tolerated = [finding for finding in totals.findings if finding.kind in verify.TOLERATED]
    for finding in [*verify.grave(totals.findings)[:30], *tolerated[:5]]:
        print(f"    {finding}", flush=True)


def main():
    options = parse(sys.argv[1:])
    sys.argv = [__file__, *sys.argv[1:]]
    if options.bin:
        os.environ["MAILBOXD_BIN"] = str(pathlib.Path(options.bin).resolve())
    if options.keep:
        os.environ["MAILBOXD_KEEP"] = "1"
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGALRM, interrupted)
    signal.alarm(patience_of(options))  # so that what was started is also cleared away when something hangs
    import appliance
    import power_mode
    import proof
    if {"cuts", "proof"} & set(options.parts):
        power_mode.own_mounts()
    executable = appliance.executable()
    find_built(options, executable)
    began = time.monotonic()
    print(f"fault: {executable}, seed {options.seed} (again: --seed {options.seed})", flush=True)
    passed = proof.run_parts(options, say_line, closing)
    print(f"fault: {time.monotonic() - began:.0f} s, seed {options.seed}: {'passed' if passed else 'FAILED'}", flush=True)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
