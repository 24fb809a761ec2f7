#!/usr/bin/env bash
# The transcripts of IMAP, and a table of every extension that docs/imap.md offers: its RFC, how many transcripts it has, and
# whether they pass. Ends with 1 when one fails, or when an extension has none.
#
#   tests/imap/run.sh                all
#   tests/imap/run.sh IDLE QRESYNC   the lines of these extensions only
#   --names          names each transcript
#   --program PATH   this imap_test (default: that of the asan preset, which is built first)
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
program='' pass=()
while [ $# -gt 0 ]; do
  case "$1" in
    --help|-h) sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    --program) program=${2:?--program wants a path}; shift ;;
    *) pass+=("$1") ;;
  esac
  shift
done
if [ -z "$program" ]; then
  cd "$top"
  [ -f build/asan/build.ninja ] || cmake --preset asan >/dev/null
  cmake --build --preset asan --target imap_test -j "$(nproc)" | tail -1
  program=$top/build/asan/tests/imap/imap_test
fi
exec python3 -B "$top/tests/imap/extensions_table.py" --program "$program" "${pass[@]}"
