#!/usr/bin/env bash
# Figures, as ratios to Postfix + Dovecot in one run: starts their pair and our server in turn with the programs of
# ../shared/bench, and prints their comparison. Nothing is asserted: the numbers are of this machine and this hour.
#
#   tests/bench/run.sh                     a smoke run, small counts (about 5 minutes)
#   tests/bench/run.sh --full              the counts of the baseline (about an hour)
#   tests/bench/run.sh --rounds N          how often each part runs, servers in turn (default 1; --full 3)
#   tests/bench/run.sh --parts "ingest idle login mem"
#   tests/bench/run.sh --only-ours         without the pair, for a look at one change
#   tests/bench/run.sh --bin PATH          this mailboxd instead of a release build
#   tests/bench/run.sh --out DIR           keep the raw lines there (default: a temporary folder, removed)
#
# Needs root (Postfix does), postfix, dovecot-imapd and dovecot-lmtpd. What it starts, it ends by process id.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
bench=$top/../shared/bench
fail() { printf 'bench: %s\n' "$1" >&2; exit 1; }

rounds= parts="ingest idle login mem" quick=1 ours_only= bin= out= port_base=24000
while [ $# -gt 0 ]; do
  case "$1" in
    --full) quick=0 ;;
    --rounds) rounds=${2:?--rounds wants a number}; shift ;;
    --parts) parts=${2:?--parts wants names}; shift ;;
    --only-ours) ours_only=1 ;;
    --bin) bin=${2:?--bin wants a path}; shift ;;
    --out) out=${2:?--out wants a folder}; shift ;;
    --help) sed -n '2,13p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    *) fail "unknown option $1; see tests/bench/run.sh --help" ;;
  esac
  shift
done
[ -d "$bench" ] || fail "$bench is not there: the load programs are not part of the project"
[ "$(id -u)" -eq 0 ] || fail "needs root: Postfix, the cgroup accounting and the sync counter do"
if [ -z "$ours_only" ]; then
  for program in postfix dovecot doveadm; do
    PATH=$PATH:/usr/sbin command -v "$program" >/dev/null ||
      fail "$program is missing: apt-get install postfix dovecot-imapd dovecot-lmtpd, or use --only-ours"
  done
fi
[ -n "$rounds" ] || { if [ "$quick" = 1 ]; then rounds=1; else rounds=3; fi; }

work=$(mktemp -d /tmp/mailboxd-bench.XXXXXX)
chmod 0755 "$work"
if [ -n "$out" ]; then mkdir -p "$out"; out=$(cd "$out" && pwd); else out=$work/out; mkdir "$out"; fi
demo=$work/demo pair=$work/pair pair_runs=
options=(--dir "$demo" --port-base "$port_base")
clean_up() {
  [ -n "$pair_runs" ] && LAB_DIR=$pair "$bench/peers/postfix-dovecot.sh" stop >/dev/null 2>&1
  "$top/packaging/quickstart.sh" --stop "${options[@]}" >/dev/null 2>&1
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Beside 50 mailboxes for the round robin of ingest, idle and append use numbers up to 149.
start_ours() {
  local more=()
  if [ -n "$bin" ]; then more=(--bin "$bin" --no-install); elif [ -d "$top/build/release" ]; then more=(--no-install); fi
  "$top/packaging/quickstart.sh" "${options[@]}" --accounts 150 "${more[@]}" >"$work/quickstart.log" 2>&1 </dev/null ||
    { tail -20 "$work/quickstart.log" >&2; fail "our server did not start"; }
  # shellcheck disable=SC1091
  . "$demo/demo.env"
  cat >"$work/ours.env" <<ENV
PEER_NAME=mailboxd
PEER_VERSION='$("$MB_BIN" --version | head -1)'
PEER_HOST=$MB_HOST
PEER_SMTP_PORT=$MB_SMTP_PORT
PEER_SUBMISSION_PORT=$MB_SUBMISSION_PORT
PEER_SUBMISSIONS_PORT=$MB_SUBMISSIONS_PORT
PEER_IMAP_PORT=$MB_IMAP_PORT
PEER_IMAPS_PORT=$MB_IMAPS_PORT
PEER_SINK_PORT=$((port_base + 26))
PEER_USER_FORMAT='$MB_USER_FORMAT'
PEER_USERS=$MB_USERS
PEER_PASS='$MB_PASSWORD'
PEER_PIDS=$MB_PID
ENV
}

start_pair() {
  LAB_DIR=$pair "$bench/peers/postfix-dovecot.sh" start >"$work/pair.log" 2>&1 </dev/null ||
    { tail -20 "$work/pair.log" >&2; fail "Postfix and Dovecot did not start"; }
  pair_runs=1
}

measure() { # NAME ENV-FILE PART
  printf '[%4d s] %s: %s\n' "$SECONDS" "$1" "$3" >&2
  LAB_QUICK=$quick LAB_REPEAT=1 LAB_BIN=$work/bin "$bench/run-baseline.sh" "$2" "$out/$1.jsonl" "$3" >"$work/$1.log" 2>&1 ||
    { tail -20 "$work/$1.log" >&2; printf 'bench: %s: part %s failed\n' "$1" "$3" >&2; }
}

# The load programs are compiled once, outside of any measure.
make -s -C "$bench/load" BIN="$work/bin" "$work/bin/smtpload" "$work/bin/mailload" >&2
printf '[%4d s] starting the servers\n' "$SECONDS" >&2
[ -n "$ours_only" ] || start_pair
start_ours
for round in $(seq "$rounds"); do
  for part in $parts; do
    [ -n "$ours_only" ] || measure pair "$pair/peer.env" "$part"
    measure ours "$work/ours.env" "$part"
  done
  printf '[%4d s] round %d of %d done\n' "$SECONDS" "$round" "$rounds" >&2
done

if [ -n "$ours_only" ]; then python3 "$bench/compare.py" "$out/ours.jsonl"
else python3 "$bench/compare.py" "$out/pair.jsonl" "$out/ours.jsonl"; fi
