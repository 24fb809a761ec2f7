#!/usr/bin/env bash
# Installs what the tests need, builds with sanitizers and runs every test; ends with ctest's closing line.
#   tests/run.sh            everything that CI runs
#   tests/run.sh --long     also what takes longer: g++ builds, compiler probes, long fuzzing
#   tests/run.sh --no-install   skip the package step
#   tests/run.sh -R REGEX   (and any other option of ctest) for a part
set -euo pipefail
cd "$(dirname "$0")/.."

long= install=1 ctest_options=()
while [ $# -gt 0 ]; do
  case "$1" in
    --long) long=1 ;;
    --no-install) install= ;;
    --help) sed -n '2,6p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    *) ctest_options+=("$1") ;;
  esac
  shift
done

say() { printf '\n== %s (%s s)\n' "$*" "$SECONDS"; }
jobs=$(nproc)
if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER:-ccache}; fi

if [ -n "$install" ]; then
  say "dependencies"
  packaging/dependencies.sh test
fi

say "build, address and undefined-behaviour sanitizers"
cmake --preset asan >/dev/null
cmake --build --preset asan -j "$jobs" | grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)' || [ "${PIPESTATUS[0]}" -eq 0 ]

if [ ${#ctest_options[@]} -eq 0 ]; then
  say "build and run the concurrent tests with the thread sanitizer"
  cmake --preset tsan >/dev/null
  cmake --build --preset tsan -j "$jobs" --target concurrent_tests |
    grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)' || [ "${PIPESTATUS[0]}" -eq 0 ]
  ctest --preset tsan --no-tests=error
fi

if [ -n "$long" ]; then
  say "compiler probes with g++ and clang++"
  tests/compiler/run.sh g++
  tests/compiler/run.sh clang++-19
  say "build with g++"
  cmake --preset gcc >/dev/null
  cmake --build --preset gcc -j "$jobs" | tail -1
  export MAILBOXD_FUZZ_SEED=0
  export MAILBOXD_FUZZ_SECONDS=${MAILBOXD_FUZZ_SECONDS:-60}
fi

say "tests"
ctest --preset asan --no-tests=error -j "$jobs" "${ctest_options[@]}"
