#!/usr/bin/env bash
# Installs what mailboxd needs, by package name, from the machine's own Debian mirror.
#   packaging/dependencies.sh build     to build the release (clang-19, libraries)
#   packaging/dependencies.sh test      that, and every program that the tests use
#   packaging/dependencies.sh list WHAT only prints the names
#
# On Debian 12 mbedTLS 3.6 and llhttp come from Debian 13 and Catch2 v3 from the backports. The pin file lets these
# packages through and nothing else, so that no other package of the machine changes. Debian 13 needs none of that.
set -euo pipefail

build_packages=(clang-19 lld-19 libclang-rt-19-dev cmake ninja-build pkg-config git ca-certificates curl openssl
  libuv1-dev libsqlite3-dev liblmdb-dev libcli11-dev libsodium-dev nlohmann-json3-dev libtomlplusplus-dev libfmt-dev
  libcrypt-dev libidn2-dev libunbound-dev zlib1g-dev libmbedtls-dev libllhttp-dev)
test_packages=(catch2 libnet-ssleay-perl g++ ccache python3 python3-aiosmtpd python3-dnspython nsd ldnsutils unbound nginx-light postfix swaks isync offlineimap3 thunderbird neomutt fetchmail getmail6 strace binutils sqlite3 procps iproute2 xxd
  prometheus haproxy expect tmux man-db chromium fuse3 libfuse3-dev e2fsprogs xfsprogs util-linux mount
  libdb5.3 libgnutls-dane0 libidn12 libnsl2) # the last line: what Exim needs, which tests fetch and do not install

say() { printf '%s\n' "dependencies: $*" >&2; }
fail() { say "$1"; exit 1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; return; fi
  command -v sudo >/dev/null || fail "installing packages needs root: run this as root, or install sudo"
  sudo "$@"
}

# The mirror that the machine already uses for its own release, from either format of apt's sources.
find_mirror() {
  local codename=$1 files=()
  [ -f /etc/apt/sources.list ] && files+=(/etc/apt/sources.list)
  for file in /etc/apt/sources.list.d/*.list; do [ -f "$file" ] && files+=("$file"); done
  if [ ${#files[@]} -gt 0 ]; then
    awk -v suite="$codename" '$1 == "deb" { i = 2; if ($2 ~ /^\[/) { while ($i !~ /\]$/) i++; i++ }
      if ($(i + 1) == suite) { print $i; exit } }' "${files[@]}"
  fi
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    awk -v suite="$codename" 'BEGIN { RS = ""; FS = "\n" } { uri = ""; here = 0; binary = 0
      for (n = 1; n <= NF; n++) {
        if ($n ~ /^Types:/ && $n ~ /deb( |$)/) binary = 1
        if ($n ~ /^URIs:/) { split($n, part, /[ \t]+/); uri = part[2] }
        if ($n ~ /^Suites:/) { count = split($n, part, /[ \t]+/); for (k = 2; k <= count; k++) if (part[k] == suite) here = 1 }
      }
      if (binary && here && uri != "") { print uri; exit } }' "$file"
  done
}

write_if_changed() {
  local path=$1 text
  text=$(cat)
  if [ "$(cat "$path" 2>/dev/null || true)" != "$text" ]; then
    printf '%s\n' "$text" | as_root tee "$path" >/dev/null
    sources_changed=1
  fi
}

admit_debian_13_packages() {
  local mirror
  mirror=$(find_mirror bookworm | head -n 1)
  [ -n "$mirror" ] || fail "no apt source for bookworm was found in /etc/apt: add one, then run this again"
  write_if_changed /etc/apt/sources.list.d/mailboxd-build.sources <<SOURCES
Types: deb
URIs: $mirror
Suites: trixie bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
  write_if_changed /etc/apt/preferences.d/mailboxd-build <<'PINS'
Package: *
Pin: release n=trixie
Pin-Priority: -1

Package: *
Pin: release n=bookworm-backports
Pin-Priority: -1

Package: libmbedtls-dev libmbedtls21 libmbedcrypto16 libmbedx509-7 libllhttp-dev libllhttp9.2
Pin: release n=trixie
Pin-Priority: 990

Package: catch2 libcatch2-dev
Pin: release n=bookworm-backports
Pin-Priority: 990
PINS
}

missing_of() {
  local name
  for name in "$@"; do
    [ "$(dpkg-query -W -f '${Status}' "$name" 2>/dev/null || true)" = "install ok installed" ] || printf '%s\n' "$name"
  done
}

old_mbedtls() {
  local version
  version=$(dpkg-query -W -f '${Version}' libmbedtls-dev 2>/dev/null || true)
  [ -n "$version" ] && dpkg --compare-versions "$version" lt 3.6
}

what=${1:-build}
only_list=
if [ "$what" = list ]; then only_list=1; what=${2:-build}; fi
case "$what" in
  build) packages=("${build_packages[@]}") ;;
  test) packages=("${build_packages[@]}" "${test_packages[@]}") ;;
  *) fail "usage: packaging/dependencies.sh [list] build|test" ;;
esac
if [ -n "$only_list" ]; then printf '%s\n' "${packages[@]}"; exit 0; fi

. /etc/os-release
mapfile -t missing < <(missing_of "${packages[@]}")
if old_mbedtls; then missing+=(libmbedtls-dev); fi
if [ ${#missing[@]} -eq 0 ]; then say "all ${#packages[@]} packages are there"; exit 0; fi

sources_changed=
case "${ID:-}:${VERSION_ID:-}" in
  debian:12) admit_debian_13_packages ;;
  debian:*) ;;
  *) say "this is ${PRETTY_NAME:-an unknown system}, not Debian 12 or 13: trying Debian's package names all the same" ;;
esac
say "installing ${#missing[@]} packages: ${missing[*]}"
as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >/dev/null ||
  fail "apt-get update failed: check the network and /etc/apt, then run this again"
# Postfix asks questions and would start: neither is wanted where it is only a peer of the tests.
[ "$what" = test ] && { echo "postfix postfix/main_mailer_type select No configuration" | as_root debconf-set-selections || true; }
as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends "${missing[@]}" >&2 ||
  fail "apt-get install failed: the lines above say why"
