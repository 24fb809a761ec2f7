#!/usr/bin/env bash
# From a fresh Debian to a running demo appliance, in one command.
#
#   packaging/quickstart.sh              install what is missing, build, start a demo on loopback, try it
#   packaging/quickstart.sh --check      the same, checks the round trip byte for byte, and stops the demo
#   packaging/quickstart.sh --stop       stops the demo
#
#   --dir DIR        where the demo lives (default: mailboxd-demo in the user's state folder)
#   --port-base N    SMTP on N+25, IMAP on N+143, and so on (default 20000)
#   --route DOMAIN=HOST:PORT   mail for DOMAIN goes there instead of to the servers that the DNS names (again for more)
#   --accounts N     user0001 … of example.test (default 2)
#   --no-install     do not look at packages
#   --bin PATH       use this mailboxd and build nothing
set -euo pipefail
# A pipe or file of the caller, beyond the three standard ones, is not ours to keep open.
for descriptor in /proc/$$/fd/*; do
  number=${descriptor##*/}
  if [ "$number" -gt 2 ] && [ "$number" -ne 255 ]; then eval "exec $number>&-"; fi
done

top=$(cd "$(dirname "$0")/.." && pwd)
step() { printf '\n[%3d s] %s\n' "$SECONDS" "$*"; }
fail() { printf 'quickstart: %s: %s\n' "$what" "$1" >&2; exit 1; }

dir= routes=() port_base=20000 accounts=2 check= stop= install=1 bin=
what="reading the options"
need() { [ $# -ge 2 ] && [ -n "$2" ] || fail "$1 wants a value; see packaging/quickstart.sh --help"; }
while [ $# -gt 0 ]; do
  case "$1" in
    --dir) need "$@"; dir=$2; shift ;;
    --port-base) need "$@"; port_base=$2; shift ;;
    --accounts) need "$@"; accounts=$2; shift ;;
    --bin) need "$@"; bin=$2; shift ;;
    --route) need "$@"; routes+=("$2"); shift ;;
    --check) check=1 ;;
    --stop) stop=1 ;;
    --no-install) install= ;;
    --help|-h) sed -n '2,14p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    *) fail "unknown option $1; see packaging/quickstart.sh --help" ;;
  esac
  shift
done
for route in "${routes[@]}"; do
  case "$route" in *[!A-Za-z0-9.:=\[\]*-]*|=*|*=) fail "--route wants DOMAIN=HOST:PORT, not $route" ;; *=*:*) ;; *) fail "--route wants DOMAIN=HOST:PORT, not $route" ;; esac
done
for value in "$port_base" "$accounts"; do
  case "$value" in *[!0-9]*|??????*) fail "--port-base and --accounts want whole numbers, not $value" ;; esac
done
port_base=$((10#$port_base)) accounts=$((10#$accounts))
[ "$port_base" -ge 1024 ] && [ "$port_base" -le 55000 ] || fail "--port-base must lie between 1024 and 55000"
[ "$accounts" -ge 2 ] && [ "$accounts" -le 9999 ] || fail "--accounts must lie between 2 and 9999"

# Root's server drops to a user of its own, which could not reach a folder inside root's home.
if [ -z "$dir" ]; then
  if [ "$(id -u)" -eq 0 ]; then dir=/var/lib/mailboxd-demo
  else dir=${XDG_STATE_HOME:-${HOME:?is not set: name a folder with --dir}/.local/state}/mailboxd-demo; fi
fi
if [ -n "$stop" ] && [ ! -d "$dir" ]; then printf 'No demo is running in %s.\n' "$dir"; exit 0; fi
mkdir -p "$dir" 2>/dev/null || fail "cannot make $dir: choose another with --dir"
dir=$(cd "$dir" 2>/dev/null && pwd) || fail "cannot enter $dir: choose another with --dir"
case "$dir" in *[\"\'\\\$\`]*|*$'\n'*) fail "$dir has a quote, a backslash, a dollar sign or a line end in its name: choose another with --dir" ;; esac

hostname=mail.example.test
domain=example.test
smtp=$((port_base + 25)) submission=$((port_base + 587)) submissions=$((port_base + 465))
imap=$((port_base + 143)) imaps=$((port_base + 993)) pop3=$((port_base + 110)) pop3s=$((port_base + 995))
http=$((port_base + 80))

# The process of demo.env, if it is still this demo's server.
running_pid() {
  local pid
  pid=$(sed -n 's/^MB_PID=//p' "$dir/demo.env" 2>/dev/null | tr -d "'")
  [ -n "$pid" ] && { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qF -- "$dir/mailboxd.toml" && printf '%s' "$pid"
}

stop_demo() {
  local pid
  what="stopping the demo"
  if [ -e "$dir/demo.env" ] && [ ! -r "$dir/demo.env" ]; then fail "$dir belongs to another user: stop it as that one"; fi
  pid=$(running_pid) || { printf 'No demo is running in %s.\n' "$dir"; return 0; }
  kill -TERM "$pid" 2>/dev/null || [ ! -d "/proc/$pid" ] || fail "process $pid is not yours: use the user who started it"
  for _ in $(seq 150); do
    [ -d "/proc/$pid" ] || { printf 'The demo in %s has stopped.\n' "$dir"; return 0; }
    sleep 0.1
  done
  fail "process $pid did not end within 15 seconds; its log is $dir/mailboxd.log"
}

if [ -n "$stop" ]; then stop_demo; exit 0; fi

# What stands in the folder is removed before each start, so it must be a demo's own.
marker=$dir/.mailboxd-demo
if [ ! -e "$marker" ] && [ ! -e "$dir/demo.env" ] && [ -n "$(ls -A "$dir")" ]; then
  fail "$dir is not empty and holds no demo: choose a new folder with --dir"
fi
: 2>/dev/null >"$marker" || fail "cannot write in $dir: choose another with --dir"

if [ -z "$bin" ]; then
  if [ -n "$install" ]; then
    step "Packages"
    what="installing the build dependencies"
    "$top/packaging/dependencies.sh" build || fail "see the lines above; packaging/dependencies.sh build shows it again"
  fi
  step "Building mailboxd (a few minutes the first time)"
  what="configuring the build"
  if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER:-ccache}; fi
  (cd "$top" && cmake --preset release) >"$dir/build.log" 2>&1 || { tail -20 "$dir/build.log" >&2; fail "see $dir/build.log"; }
  what="compiling"
  (cd "$top" && NINJA_STATUS='%f/%t ' cmake --build --preset release --target mailboxd -j "$(nproc)" 2>&1) | tee -a "$dir/build.log" |
    awk '/^[0-9]+\/[0-9]+ / { split($1, part, "/"); if (int(part[1] * 10 / part[2]) > shown) { shown = int(part[1] * 10 / part[2]);
         printf "        %d of %d\n", part[1], part[2]; fflush() } }' || { grep -m 5 'error:' "$dir/build.log" >&2 || tail -5 "$dir/build.log" >&2; fail "see $dir/build.log"; }
  bin=$top/build/release/src/mailboxd
fi
what="finding the executable"
[ -f "$bin" ] && [ -x "$bin" ] || fail "$bin is not there, or cannot be run"
command -v curl >/dev/null || fail "curl is not installed: packaging/dependencies.sh build installs it"
bin=$(cd "$(dirname "$bin")" && pwd)/$(basename "$bin")
ctl=$dir/mailboxctl
link=$dir/bin/mailboxctl

step "Setting up $dir"
stop_demo >/dev/null
what="setting up the demo"
user=$(id -un)
PATH=$PATH:/usr/sbin:/sbin
if [ "$(id -u)" -eq 0 ]; then
  user=mailboxd
  id -u "$user" >/dev/null 2>&1 || useradd --system --user-group --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin "$user" ||
    fail "cannot create the system user $user"
  chmod 0755 "$dir"
  probe=$dir
  while [ "$probe" != / ]; do
    [ -n "$(find "$probe" -maxdepth 0 -perm -001)" ] || fail "the user $user cannot enter $probe: choose another folder with --dir"
    probe=$(dirname "$probe")
  done
fi
# mailboxctl of this demo: the executable by its second name, its socket and configuration already said.
mkdir -p "$dir/bin"
ln -sfn "$bin" "$link"
rm -f "$ctl"
printf '#!/bin/sh\nexec "%s" --socket "%s" --config "%s" "$@"\n' "$link" "$dir/run/control.sock" "$dir/mailboxd.toml" >"$ctl"
chmod 0755 "$ctl"
# Its sendmail likewise: for any user, who need not be able to read the configuration.
sendmail=$dir/sendmail
ln -sfn "$bin" "$dir/bin/sendmail"
rm -f "$sendmail"
printf '#!/bin/sh\nMAILBOXD_SENDMAIL_SOCKET="%s" MAILBOXD_SOCKET="%s" MAILBOXD_DROP_DIRECTORY="%s" exec "%s" "$@"\n' \
  "$dir/run/sendmail.sock" "$dir/run/control.sock" "$dir/drop" "$dir/bin/sendmail" >"$sendmail"
chmod 0755 "$sendmail"
rm -rf "$dir/data" "$dir/run" "$dir/drop" "$dir/mailboxd.toml" "$dir/demo.env" "$dir/mailboxd.log"
password=demo-$(od -An -N9 -tx1 /dev/urandom | tr -d ' \n')
account() { printf "user%04d@$domain" "$1"; }
printf '%s\n' "$password" | "$link" setup --config "$dir/mailboxd.toml" --data "$dir/data" --hostname "$hostname" --domain "$domain" \
  --admin "$(account 1)" --password-stdin --quiet || fail "mailboxctl setup did not succeed"
(umask 077; cat >"$dir/mailboxd.toml" <<CONFIG
# A demo on loopback. The generous limits and the log-in without TLS are for load programs on this machine only.
[server]
hostname = "$hostname"
data_directory = "$dir/data"
runtime_directory = "$dir/run"
user = "$user"

[tls]
certificate = "$dir/data/tls/certificate.pem"
key = "$dir/data/tls/key.pem"

[smtp]
listen = ["127.0.0.1:$smtp"]
max_connections = 20000
max_connections_per_network = 20000
max_errors = 1000

[submission]
listen = ["127.0.0.1:$submission"]
listen_tls = ["127.0.0.1:$submissions"]
max_connections = 20000
max_connections_per_network = 20000

[imap]
listen = ["127.0.0.1:$imap"]
listen_tls = ["127.0.0.1:$imaps"]
max_connections = 20000
max_connections_per_network = 20000

[pop3]
listen = ["127.0.0.1:$pop3"]
listen_tls = ["127.0.0.1:$pop3s"]
max_connections = 20000
max_connections_per_network = 20000

[http]
listen = ["127.0.0.1:$http"]

[sendmail]
drop_directory = "$dir/drop"

[auth]
plaintext_login_networks = ["127.0.0.0/8"]
CONFIG
)
for route in "${routes[@]}"; do
  printf '\n[[outbound.route]]\ndomain = "%s"\nhost = "%s"\n' "${route%%=*}" "${route#*=}" >>"$dir/mailboxd.toml"
done
mkdir -p "$dir/run"
if [ "$(id -u)" -eq 0 ]; then
  chown -R "$user:$user" "$dir/data" "$dir/run"
  chown "root:$user" "$dir/mailboxd.toml"
  chmod 0640 "$dir/mailboxd.toml"
fi
"$bin" --config "$dir/mailboxd.toml" --check-config >/dev/null || fail "the configuration was refused"

step "Starting the server"
what="starting the server"
(umask 077; : >"$dir/mailboxd.log")
setsid "$bin" --config "$dir/mailboxd.toml" </dev/null >>"$dir/mailboxd.log" 2>&1 &
pid=$!
disown "$pid"
trap 'kill -TERM "$pid" 2>/dev/null || true; exit 130' INT TERM HUP
ready=
# Asked on its own socket: on the port another server might answer.
for _ in $(seq 300); do
  if curl -fsS -o /dev/null --unix-socket "$dir/run/control.sock" http://localhost/readyz 2>/dev/null; then ready=1; break; fi
  [ -d "/proc/$pid" ] || break
  sleep 0.1
done
[ -n "$ready" ] || { tail -5 "$dir/mailboxd.log" >&2; kill "$pid" 2>/dev/null || true
  fail "the lines above say why (all: $dir/mailboxd.log); where a port is taken, choose others with --port-base"; }

(umask 077; cat >"$dir/demo.env" <<ENV
MB_HOST=127.0.0.1
MB_SMTP_PORT=$smtp
MB_SUBMISSION_PORT=$submission
MB_SUBMISSIONS_PORT=$submissions
MB_IMAP_PORT=$imap
MB_IMAPS_PORT=$imaps
MB_POP3_PORT=$pop3
MB_POP3S_PORT=$pop3s
MB_HTTP_PORT=$http
MB_DOMAIN=$domain
MB_USER_FORMAT='user%04d@$domain'
MB_USERS=$accounts
MB_PASSWORD='$password'
MB_CA_FILE='$dir/data/tls/certificate.pem'
MB_DATA_DIR='$dir/data'
MB_PID=$pid
MB_BIN='$bin'
MB_CTL='$ctl'
MB_SENDMAIL='$sendmail'
ENV
)
give_up() { kill -TERM "$pid" 2>/dev/null || true; fail "$1"; }

what="creating the accounts"
step "Creating $accounts accounts of $domain"
for number in $(seq 2 "$accounts"); do
  printf '%s\n' "$password" | "$ctl" account add "$(account "$number")" --password-stdin --quiet ||
    give_up "$(account "$number") could not be added"
  [ $((number % 50)) -ne 0 ] || printf '        %d of %d\n' "$number" "$accounts"
done

step "Sending a message by submission and reading it by IMAP"
what="sending the message"
certificate=$dir/certificate.pem
cp "$dir/data/tls/certificate.pem" "$certificate"
chmod 0644 "$certificate"
message=$dir/message.eml fetched=$dir/fetched.eml
message_id="<quickstart.$pid.$(date +%s)@$hostname>"
printf '%s\r\n' "Date: $(LC_ALL=C date -R)" "From: <$(account 1)>" "To: <$(account 2)>" "Message-ID: $message_id" \
  "Subject: It works" "MIME-Version: 1.0" "Content-Type: text/plain; charset=utf-8" "Content-Transfer-Encoding: 8bit" "" \
  "Good day," "." ".. a line that begins with dots, and Привет." "" "mailboxd" >"$message"
curl_here=(curl -sS --max-time 30 --cacert "$certificate" --resolve "$hostname:$submission:127.0.0.1" --resolve "$hostname:$imaps:127.0.0.1")
printf 'user = "%s:%s"\n' "$(account 1)" "$password" |
  "${curl_here[@]}" --config - --ssl-reqd "smtp://$hostname:$submission" --mail-from "$(account 1)" --mail-rcpt "$(account 2)" \
    --upload-file "$message" || give_up "curl could not submit it on port $submission; the log is $dir/mailboxd.log"
what="reading the message"
read_mail() { printf 'user = "%s:%s"\n' "$(account 2)" "$password" | "${curl_here[@]}" --config - "$@"; }
uid=$(read_mail "imaps://$hostname:$imaps/INBOX" -X "UID SEARCH HEADER Message-ID $message_id" | tr -d '\r' | awk '/SEARCH/ { print $NF }') ||
  give_up "curl could not search INBOX on port $imaps"
case "$uid" in ''|*[!0-9]*) give_up "the message is not in INBOX" ;; esac
read_mail "imaps://$hostname:$imaps/INBOX;UID=$uid" -o "$fetched" || give_up "curl could not fetch UID $uid"
# The server puts Return-Path and Received before what was sent, and changes nothing of it.
tail -c "$(wc -c <"$message")" "$fetched" | cmp -s - "$message" || give_up "what came back differs from what was sent: $fetched"
printf '        byte for byte the same, %s bytes, behind %s bytes of trace headers\n' "$(wc -c <"$message")" \
  $(($(wc -c <"$fetched") - $(wc -c <"$message")))

if [ -n "$check" ]; then
  step "Stopping"
  what="stopping the server"
  stop_demo
  printf 'quickstart: all checks passed in %d s\n' "$SECONDS"
  exit 0
fi

trap - INT TERM HUP
quoted() { case "$1" in *[!A-Za-z0-9_./-]*) printf "'%s'" "$1" ;; *) printf '%s' "$1" ;; esac; }
cat <<DONE

mailboxd runs as process $pid (user $user). A mail client on this machine can use:
  incoming   IMAP  127.0.0.1  port $imaps (TLS) or $imap
  or         POP3  127.0.0.1  port $pop3s (TLS) or $pop3
  outgoing   SMTP  127.0.0.1  port $submissions (TLS) or $submission
  log-in     $(account 1) … $(account "$accounts"), password: see MB_PASSWORD in $dir/demo.env
  status     http://127.0.0.1:$http/
  command    $(quoted "$ctl") status

Stop it with:  $(quoted "$0") --stop --dir $(quoted "$dir")
DONE
