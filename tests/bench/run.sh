#!/usr/bin/env bash
# Our figures beside those of Postfix + Dovecot, both servers in turn in one run on loopback: prints a table in which every
# row names peer, ours, ratio, target, and met or not. docs/performance.md says how each row is measured.
#
#   tests/bench/run.sh                 the store's and delivery's figures. Quick: small counts, one round, at most 12 minutes
#   tests/bench/run.sh imap            the figures of IMAP, with the processor beside each; quick, 7 to 15 minutes
#   tests/bench/run.sh out             the figures of mail that goes out, to a sink on loopback; quick, 8 minutes
#   tests/bench/run.sh --full [imap|out]   the real counts, medians of five rounds, a pause after every measure (hours)
#   PART … or --parts "rates select"   only these: 5k1 5k10 5k50 5k50p 75k 1m (all six: rates) cost syncs append idle
#                                      select rebuild memory commit long grow-messages grow-accounts (both: growth)
#                                      imap-login imap-idle imap-idle-tls imap-first imap-fetch imap-bodies imap-search
#                                      imap-sort imap-thread imap-store imap-sizing imap-100k imap-busy (all: imap)
#                                      imap-idle-10000 (in a full run only)
#                                      out-one out-minute out-burst out-queue (all: out)
#   --rounds N                         how often (memory, long and growth are measured once in any case)
#   --pause SECONDS                    after every measure (quick 1, full 15)
#   --limit SECONDS                    of the whole run: parts that would begin later are left out (quick 510, of imap 900)
#   --only-ours                        without the pair, for a look at one change
#   --bin PATH --load PATH             this mailboxd, this bench_load, instead of building the release preset
#   --folder DIR                       where the throwaway folder is made: the disk that is measured (default: the
#                                      system's temporary folder; other users must be able to enter it)
#   --out DIR                          keep table.md and raw.jsonl there
#   --docs                             write the tables into docs/performance.md as well
#
# Needs root (Postfix, cgroups and tracefs do), postfix, dovecot-imapd and dovecot-lmtpd, and ../shared/bench for the pair.
# A part that fails says why and does not end the others; the exit code is then 1. What is started is ended by process id.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
fail() { printf 'bench: %s\n' "$1" >&2; exit 2; }

pass=() bin='' load='' only_ours=''
while [ $# -gt 0 ]; do
  case "$1" in
    --help|-h) sed -n '2,25p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    --quick) ;;
    --only-ours) only_ours=1; pass+=("$1") ;;
    --full|--docs) pass+=("$1") ;;
    --bin) bin=${2:?--bin wants a path}; shift ;;
    --load) load=${2:?--load wants a path}; shift ;;
    --rounds|--parts|--pause|--limit|--folder|--out) pass+=("$1" "${2:?$1 wants a value}"); shift ;;
    -*) fail "unknown option $1; see tests/bench/run.sh --help" ;;
    *) pass+=("$1") ;;
  esac
  shift
done

[ "$(id -u)" -eq 0 ] || fail "needs root: Postfix, the cgroup accounting and the sync counter do"
PATH=$PATH:/usr/sbin:/sbin
if [ -z "$only_ours" ]; then
  [ -x "$top/../shared/bench/peers/postfix-dovecot.sh" ] || fail "../shared/bench is not there: it starts the pair; or use --only-ours"
  for program in postfix dovecot doveadm; do
    command -v "$program" >/dev/null || fail "$program is missing: apt-get install postfix dovecot-imapd dovecot-lmtpd, or use --only-ours"
  done
fi
targets=()
[ -n "$bin" ] || { bin=$top/build/release/src/mailboxd; targets+=(mailboxd); }
[ -n "$load" ] || { load=$top/build/release/tests/bench/bench_load; targets+=(bench_load); }
if [ "${#targets[@]}" -gt 0 ]; then
  log=$(mktemp)
  if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER:-ccache}; fi
  { cd "$top" && { [ -f build/release/build.ninja ] || cmake --preset release; } &&
      cmake --build build/release -j "$(nproc)" --target "${targets[@]}"; } >"$log" 2>&1 || { tail -30 "$log" >&2; rm -f "$log"; fail "the build failed"; }
  rm -f "$log"
fi
bin=$(cd "$(dirname "$bin")" && pwd)/$(basename "$bin")
load=$(cd "$(dirname "$load")" && pwd)/$(basename "$load")
[ -x "$bin" ] && [ -x "$load" ] || fail "$bin or $load is not there, or cannot be run"
exec python3 -B "$here/bench.py" --bin "$bin" --load "$load" "${pass[@]}"
