#!/usr/bin/env bash
# Builds and runs every compiler probe with one compiler at -O0 and -O2.
#   tests/compiler/run.sh g++            compares with the table in expected.txt
#   tests/compiler/run.sh g++ --table    prints the rows for expected.txt instead
#
# A probe of house/ must be "ok" with any compiler. What a probe of broken/ does is compared with the row of exactly this
# compiler's version, where there is one; with another version it is only shown. The words stand in expected.txt.
set -uo pipefail
compiler=${1:?usage: tests/compiler/run.sh COMPILER [--table]}
table=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v "$compiler" >/dev/null || { echo "$compiler is not installed"; exit 1; }
case "$("$compiler" --version | head -n 1)" in
  *clang*) family=clang-$("$compiler" -dumpversion | cut -d. -f1) ;;
  *) family=gcc-$("$compiler" -dumpfullversion | cut -d. -f1,2) ;;
esac

outcome() {
  local source=$1 level=$2 log=$work/log program=$work/probe status
  if ! "$compiler" -std=c++20 "$level" -w -I "$here" -I "$here/../../src" -o "$program" "$source" 2>"$log"; then
    if grep -qiE 'internal compiler error|PLEASE submit a bug report' "$log"; then echo ice; else echo rejected; fi
    return
  fi
  timeout 20 "$program" >/dev/null 2>&1
  status=$?
  case $status in
    0) echo ok ;;
    *) echo bad ;;  # how a program that is broken ends is chance
  esac
}

bad=0 count=0
for source in "$here"/house/*.cpp "$here"/broken/*.cpp; do
  kind=$(basename "$(dirname "$source")")
  name=$kind/$(basename "$source" .cpp)
  for level in -O0 -O2; do
    got=$(outcome "$source" "$level" 2>/dev/null)
    count=$((count + 1))
    if [ "$table" = --table ]; then
      [ "$kind" = broken ] && echo "$family $name $level $got"
      continue
    fi
    expected=ok
    [ "$kind" = broken ] && expected=$(awk -v f="$family" -v n="$name" -v l="$level" '$1 == f && $2 == n && $3 == l { print $4 }' "$here/expected.txt")
    if [ -z "$expected" ]; then
      echo "$family $name $level: $got (no row for this compiler)"
    elif [ "$got" != "$expected" ]; then
      echo "$family $name $level: $got, expected $expected"
      bad=$((bad + 1))
    fi
  done
done
[ "$table" = --table ] && exit 0
echo "$family: $count probes, $bad not as expected"
[ "$bad" -eq 0 ]
