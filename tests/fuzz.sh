#!/usr/bin/env bash
# Runs one fuzzer on its seeds and then on new inputs for a bounded time (MAILBOXD_FUZZ_SECONDS, default 5). The sequence
# is the same each time for one build, so that a change is judged by its own faults; MAILBOXD_FUZZ_SEED=0 draws another
# one, as the long run does.
# tests/fuzz.sh FUZZER [SEED-FOLDER]
set -euo pipefail
fuzzer=$1
seeds=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/new" "$work/found"  # apart from the log, which would be read as a seed
folders=("$work/new")
[ -n "$seeds" ] && [ -d "$seeds" ] && folders+=("$seeds")
"$fuzzer" -seed="${MAILBOXD_FUZZ_SEED:-1}" -max_total_time="${MAILBOXD_FUZZ_SECONDS:-5}" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
  -print_final_stats=1 -artifact_prefix="$work/found/" "${folders[@]}" 2>"$work/log" || {
    tail -60 "$work/log"
    for found in "$work"/found/*; do
      [ -f "$found" ] && { echo "input, base64:"; base64 "$found" | head -50; }
    done
    exit 1
  }
grep -E 'number_of_executed_units|average_exec_per_sec' "$work/log"
