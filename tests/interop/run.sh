#!/usr/bin/env bash
# Programs that others wrote against a mailboxd of their own: clients, senders, proxies. Prints a line for each and ends with 1
# when one fails; one that is not installed fails too (packaging/dependencies.sh test installs all).
#
#   tests/interop/run.sh               all of them
#   tests/interop/run.sh imap          only these parts:
#       imap      curl fetchmail getmail mbsync neomutt offlineimap python thunderbird
#       mail-out  mail_out forwarding tls_report exim
#       mail-in   postfix dane_in smtp_source swaks haproxy openssl corpus
#       web       chromium
#   tests/interop/run.sh thunderbird   only this program
#   --bin PATH   this mailboxd (default: the newest build; without one the asan preset is built first)
#   --skip       one that is not installed is left out
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
fail() { printf 'interop: %s\n' "$1" >&2; exit 2; }

declare -A parts=(
  [imap]="curl fetchmail getmail mbsync neomutt offlineimap python thunderbird"
  [mail-out]="mail_out forwarding tls_report exim"
  [mail-in]="postfix dane_in smtp_source swaks haproxy openssl corpus"
  [web]="chromium"
)
bin='' skip='' asked=()
while [ $# -gt 0 ]; do
  case "$1" in
    --help|-h) sed -n '2,15p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    --bin) bin=${2:?--bin wants a path}; shift ;;
    --skip) skip=1 ;;
    -*) fail "unknown option $1; see tests/interop/run.sh --help" ;;
    *) asked+=("$1") ;;
  esac
  shift
done

programs=()
for name in "${asked[@]}"; do
  if [ -n "${parts[$name]:-}" ]; then read -ra some <<<"${parts[$name]}"; programs+=("${some[@]}")
  elif [ -f "$here/${name}_test.py" ]; then programs+=("$name")
  else fail "no part and no program $name; see tests/interop/run.sh --help"; fi
done
if [ ${#programs[@]} -eq 0 ]; then
  for path in "$here"/*_test.py; do name=${path##*/}; programs+=("${name%_test.py}"); done
fi

if [ -z "$bin" ]; then
  bin=$(find "$top/build" -path '*/src/mailboxd' -type f -printf '%T@ %p\n' 2>/dev/null | sort -rn | head -1 | cut -d' ' -f2-)
  if [ -z "$bin" ]; then
    (cd "$top" && cmake --preset asan >/dev/null && cmake --build --preset asan --target mailboxd -j "$(nproc)" | tail -1)
    bin=$top/build/asan/src/mailboxd
  fi
fi
[ -x "$bin" ] || fail "$bin is not there, or cannot be run"
export MAILBOXD_BIN=$bin PYTHONPATH=$top/tests/support
[ -n "$skip" ] || export CI=true

log=$(mktemp) code=0
trap 'rm -f "$log"' EXIT
for name in "${programs[@]}"; do
  began=$SECONDS result=passed
  timeout 600 python3 -B "$here/${name}_test.py" >"$log" 2>&1 </dev/null || { [ $? -eq 77 ] && result="left out" || result=FAILED; }
  printf '%-12s %-9s %4d s  %s\n' "$name" "$result" $((SECONDS - began)) "$(grep -E '^(Ran|SKIPPED|FAILED:)' "$log" | tail -1)"
  if [ "$result" = FAILED ]; then code=1; tail -60 "$log" | sed 's/^/    /'; fi
done
exit $code
