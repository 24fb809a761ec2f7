#!/usr/bin/env bash
# The proof from nothing: a fresh Debian 12 root, this commit cloned into it, and there, with nothing installed but git,
#   ./packaging/quickstart.sh --check
#   ./tests/run.sh
# By hand, as root; it takes as long as both together, and some 4 GB of disk.
#
#   tests/fresh/run.sh                 both
#   tests/fresh/run.sh --only WHAT     quickstart, tests, or root (make the root and the clone, run nothing)
#   tests/fresh/run.sh --keep DIR      make the root in DIR and leave it there; an existing one is used again
#   tests/fresh/run.sh --suite NAME    another suite than bookworm (trixie)
#   tests/fresh/run.sh --run COMMAND   run this in the clone instead
#
# The mirror and the way to it (proxy, apt settings) are the machine's own; none is named here. What is beside the clone
# (../shared: corpus, RFC texts) is bound in read-only when it is there.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
fail() { printf 'fresh: %s\n' "$1" >&2; exit 1; }
say() { printf '\n== [%4d s] %s\n' "$SECONDS" "$*"; }

quickstart=1 tests=1 command= root= suite=bookworm keep=
while [ $# -gt 0 ]; do
  case "$1" in
    --only)
      case "${2:-}" in quickstart) tests= ;; tests) quickstart= ;; root) quickstart= tests= ;;
        *) fail "--only wants quickstart, tests or root" ;; esac
      shift ;;
    --run) command=${2:?--run wants a command}; quickstart= tests=; shift ;;
    --keep) root=${2:?--keep wants a folder}; keep=1; shift ;;
    --suite) suite=${2:?--suite wants a name}; shift ;;
    --help) sed -n '2,14p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    *) fail "unknown option $1; see tests/fresh/run.sh --help" ;;
  esac
  shift
done
[ "$(id -u)" -eq 0 ] || fail "needs root: debootstrap and chroot do"
PATH=$PATH:/usr/sbin:/sbin
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"
[ -z "$(git -C "$top" status --porcelain)" ] || fail "uncommitted changes would not be in the clone: commit them first"

# The first deb line of the suite, in either format of apt's sources.
find_mirror() {
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
    awk -v suite="$1" '$1 == "deb" { i = 2; if ($2 ~ /^\[/) { while ($i !~ /\]$/) i++; i++ } if ($(i + 1) == suite) { print $i; exit } }'
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    awk -v suite="$1" 'BEGIN { RS = ""; FS = "\n" } { uri = ""; here = 0
      for (n = 1; n <= NF; n++) {
        if ($n ~ /^URIs:/) { split($n, part, /[ \t]+/); uri = part[2] }
        if ($n ~ /^Suites:/) { count = split($n, part, /[ \t]+/); for (k = 2; k <= count; k++) if (part[k] == suite) here = 1 }
      }
      if (here && uri != "") { print uri; exit } }' "$file"
  done
}
mirror=$(find_mirror "$suite" | head -n 1)
[ -n "$mirror" ] || mirror=$(find_mirror bookworm | head -n 1)
[ -n "$mirror" ] || fail "no mirror for $suite in this machine's apt sources"

[ -n "$root" ] || root=$(mktemp -d "${TMPDIR:-/var/tmp}/mailboxd-fresh.XXXXXX")
mkdir -p "$root"
root=$(cd "$root" && pwd)
bound=()
bind() { mkdir -p "$2"; mount --bind "$1" "$2"; bound=("$2" "${bound[@]}"); }
clean_up() {
  # A daemon of a test that was cut off would keep the root busy: only processes whose root this is are ended.
  for process in /proc/[0-9]*; do
    if [ "$(readlink "$process/root" 2>/dev/null)" = "$root" ]; then kill -KILL "${process#/proc/}" 2>/dev/null || true; fi
  done
  for place in "${bound[@]}"; do umount -l "$place" 2>/dev/null || true; done
  if [ -n "$keep" ]; then printf 'fresh: the root is kept in %s\n' "$root"
  elif [ ${#bound[@]} -eq 0 ] || ! grep -qF " $root/" /proc/mounts; then rm -rf --one-file-system "$root"; fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM

if [ ! -x "$root/usr/bin/git" ]; then
  say "debootstrap of $suite"
  settings=$(mktemp)
  apt-config dump | grep -E '^Acquire::(http|https)::' >"$settings" || true
  proxy=$(sed -n 's/^Acquire::http::Proxy "\(.*\)";$/\1/p' "$settings" | head -n 1)
  ${proxy:+env http_proxy="$proxy" https_proxy="$proxy"} debootstrap --variant=minbase --include=git,ca-certificates \
    "$suite" "$root" "$mirror" >"$root.log" 2>&1 || { tail -20 "$root.log" >&2; fail "debootstrap did not succeed"; }
  rm -f "$root.log"
  # The way to the mirror is the machine's: its apt settings, its sources, its certificates, its resolver.
  cp "$settings" "$root/etc/apt/apt.conf.d/99machine"
  rm -f "$settings" "$root/etc/apt/sources.list"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    case "$file" in *mailboxd*|*'*') continue ;; esac
    if [ -f "$file" ] && grep -q "$suite" "$file"; then cp "$file" "$root${file}"; fi
  done
  [ -n "$(cat "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/* 2>/dev/null)" ] ||
    printf 'deb %s %s main\n' "$mirror" "$suite" >"$root/etc/apt/sources.list"
  if [ -d /usr/local/share/ca-certificates ]; then
    cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
    chroot "$root" update-ca-certificates >/dev/null 2>&1 || true
  fi
fi
cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
grep -q localhost "$root/etc/hosts" 2>/dev/null || printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"

bind /proc "$root/proc"
bind /sys "$root/sys"
bind /dev "$root/dev"
bind /dev/pts "$root/dev/pts"
mkdir -p "$root/dev/shm" && mount -t tmpfs tmpfs "$root/dev/shm" && bound=("$root/dev/shm" "${bound[@]}")
home=$root/srv/clone
mkdir -p "$home"
if [ -d "$top/../shared" ]; then
  bind "$top/../shared" "$home/shared"
  mount -o remount,bind,ro "$home/shared"
fi

say "clone of $(git -C "$top" rev-parse --short HEAD)"
rm -rf "$home/mailboxd"
git -c safe.directory='*' clone -q --no-hardlinks "$top" "$home/mailboxd"

inside() {
  chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    CI=true bash -c "cd /srv/clone/mailboxd && $1"
}
if [ -n "$quickstart" ]; then
  say "packaging/quickstart.sh --check"
  inside "./packaging/quickstart.sh --check"
fi
if [ -n "$tests" ]; then
  say "tests/run.sh"
  inside "./tests/run.sh"
fi
if [ -n "$command" ]; then
  say "$command"
  inside "$command"
fi
say "done"
