#!/usr/bin/env bash
# G1: a loaded mailboxd is killed at its durable steps and its disk's power is cut; after each restart all that
# was acknowledged must be there once. Then the server is sabotaged, and the same must report losses.
#
#   tests/fault/run.sh                 50 kills, 50 of a server with mail on its way out, 12 power cuts on ext4, the proof
#   tests/fault/run.sh --long          1000 kills of each, 200 power cuts on ext4 and on xfs, the proof
#   tests/fault/run.sh kills cuts      only these parts (kills, queue, cuts, proof)
#   --seed N     the choices of an earlier run again        --bin PATH   this mailboxd (default: the newest build)
#   --help       the other options
#
# Power cuts need root, /dev/fuse and loop devices (docs/testing.md). Needs a build of the targets mailboxd, crash_shim and
# cut_disk: without one the asan preset is built first.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${MAILBOXD_BIN:-}" ] && [ -z "$(find "$top/build" -path '*/tests/fault/libcrash_shim.so' -print -quit 2>/dev/null)" ]; then
  cd "$top"
  cmake --preset asan >/dev/null
  cmake --build --preset asan --target mailboxd crash_shim -j "$(nproc)" | tail -1
  cmake --build --preset asan --target cut_disk -j "$(nproc)" | tail -1
fi
exec python3 -B "$top/tests/fault/fault.py" "$@"
