"""The parts of `run.sh out`: mail from the submission port through the queue to a sink. The load program and the sink are those
of ../shared/bench (load/outbound.py), the same for both servers."""
import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time

from measures import settle
from servers import ACCOUNTS, TOP, Failed, run

OUTBOUND = TOP.parent / "shared" / "bench" / "load" / "outbound.py"
QUEUED = 100_000


def client(context):
    """The shared client, compiled into the throwaway folder."""
    folder = context.work / "lab-bin"
    if not (folder / "mailload").exists():
        folder.mkdir(exist_ok=True)
        run(["g++", "-O2", "-std=c++17", "-pthread", "-o", folder / "mailload", OUTBOUND.with_name("mailload.cpp")], 120)
    return folder


def outbound(context, *options, patience=200):
    """What outbound.py says of one server, by the name of the measure."""
    server = context.server
    if not OUTBOUND.exists():
        raise Failed("../shared/bench/load/outbound.py is not there: it is the client and the sink of both servers")
    place = ["--cgroup", server.cgroup] if getattr(server, "cgroup", "") else ["--pids", " ".join(map(str, server.pids()))]
    text = run([sys.executable, "-B", OUTBOUND, "--host", "127.0.0.1", "--smtp-port", server.smtp_port, "--submission-port", server.submission_port,
                "--imap-port", server.imap_port, "--imaps-port", server.imaps_port, "--sink-port", server.sink_port,
                "--user-format", server.user_format, "--password", server.password, "--users", ACCOUNTS, "--label", server.form,
                *place, *options], patience, cwd=OUTBOUND.parent, env=dict(os.environ, LAB_QUIET_WAIT="0", LAB_BIN=str(client(context))))
    found = {}
    for line in text.splitlines():
        if line.startswith("{"):
            said = json.loads(line)
            found[said["measure"]] = said
    return found


def one_at_a_time(context):
    said = outbound(context, "--count", context.amount(100, 100, 1000, 1000), "--burst", 0)["outbound_latency"]
    if said["lost"]:
        raise Failed(f"{said['lost']} of {said['count']} messages never came")
    context.add("out_p50", said["after_250_p50_ms"])
    context.add("out_p99", said["after_250_p99_ms"])


def burst(context):
    count = context.amount(1500, 4000, 5000, 20_000)
    said = outbound(context, "--count", 0, "--burst", count)["outbound_burst"]
    if said.get("lost") or said.get("duplicates") or not said.get("delivered"):
        raise Failed(f"of {said.get('submitted')} messages {said.get('lost')} were lost, {said.get('duplicates')} came twice: {said.get('errors')}")
    context.add("out_burst", said["delivered_per_s"], ceiling=said["client_ceiling_per_s"])
    context.add("out_cpu", said["server_cpu_s_per_1000"])
    context.note(f"burst, {context.server.name}: {said['submit_per_s']:.0f}/s submitted, {said['sink_connections']} connections to the sink")


def minute(context):
    """1,000 messages a minute by a second client, while others are timed, one at a time."""
    background = subprocess.Popen([sys.executable, "-B", str(pathlib.Path(__file__).with_name("out_trickle.py")), str(context.server.submission_port),
                                   context.server.user(2), context.server.password, "60", "1000"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # One run: its sink must be there all the time, or mail of the others waits for a host that was gone.
        said = outbound(context, "--count", context.amount(1000, 4_000, 5000, 15_000), "--burst", 0)["outbound_latency"]
    finally:
        background.terminate()
        background.wait(20)
    if said["lost"]:
        raise Failed(f"{said['lost']} of {said['count']} messages never came")
    context.add("out_minute_p99", said["after_250_p99_ms"])


class DeadHost:
    """Accepts a connection and answers 421: the attempt is seen, the mail waits."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.listener.settimeout(120)
        self.asked = None
        self.thread = threading.Thread(target=self._wait, daemon=True)
        self.thread.start()

    def _wait(self):
        with contextlib.suppress(OSError):
            link, _ = self.listener.accept()
            self.asked = time.monotonic()
            link.sendall(b"421 4.3.2 not now\r\n")
            link.close()

    def first(self):
        """When it was asked first."""
        self.thread.join(120)
        self.listener.close()
        if self.asked is None:
            raise Failed("nobody came within 120 s")
        return self.asked


def anonymous_mb(server):
    text = pathlib.Path(f"/proc/{server.pids()[0]}/status").read_text(encoding="ascii")
    return int(re.search(r"^RssAnon:\s+(\d+)", text, re.M).group(1)) / 1024


def reply(stream):
    while True:
        line = stream.readline()
        if line[3:4] != b"-":
            return line


def submit_many(server, count):
    """Messages to a host that is down, one recipient each."""
    import base64
    with socket.create_connection(("127.0.0.1", server.submission_port), timeout=120) as link, link.makefile("rb") as answers:
        def say(text):
            link.sendall(text)
            return reply(answers)
        reply(answers)
        say(b"EHLO bench\r\n")
        token = base64.b64encode(f"\0{server.user(1)}\0{server.password}".encode())
        if not say(b"AUTH PLAIN " + token + b"\r\n").startswith(b"235"):
            raise Failed("the submission port did not take the log-in")
        sender = server.user(1).encode()
        for number in range(count):
            body = b"From: <%s>\r\nSubject: waits %d\r\n\r\n" % (sender, number) + b"line of text\r\n" * 40
            link.sendall(b"MAIL FROM:<%s>\r\nRCPT TO:<r%d@dead.test>\r\nDATA\r\n" % (sender, number))
            for _ in range(3):
                last = reply(answers)
            if not last.startswith(b"354"):
                raise Failed(f"message {number}: {last.decode(errors='replace').strip()}")
            last = say(body + b".\r\n")
            if not last.startswith(b"250"):
                raise Failed(f"message {number}: {last.decode(errors='replace').strip()}")


def waiting(context):
    """Memory and restart with 100,000 messages that wait for a host that is down."""
    server = context.server
    server.restart()
    settle(server, 20)
    before = anonymous_mb(server)
    submit_many(server, QUEUED)
    settle(server, 120, 3)
    context.add("out_memory", anonymous_mb(server) - before)
    server.stop()
    host = DeadHost(server.port_base + 27)
    began = time.monotonic()
    server.resume()
    run([server.control, "queue", "retry", "--destination", "dead.test"], 120)
    context.add("out_restart", host.first() - began)
    run([server.control, "queue", "delete", "--destination", "dead.test"], 600)
    server.restart()
