"""The clients of a run: an IMAP connection that knows just enough, and `bench_load` with its own ceiling."""
import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import time

from servers import Failed

RUNNING = []  # what this program has started and not yet seen ending


class Imap:
    def __init__(self, server, number, timeout=600):
        self.socket = socket.create_connection(("127.0.0.1", server.imap_port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.count = b"", 0
        self.line()
        self.command(f'LOGIN {server.user(number)} "{server.password}"')

    def line(self):
        while True:
            line, end, rest = self.buffer.partition(b"\r\n")
            if end:
                self.buffer = rest
                return line
            more = self.socket.recv(1 << 16)
            if not more:
                raise Failed("the IMAP server closed the connection")
            self.buffer += more

    def command(self, text):
        """The untagged lines; fails unless the answer is OK. No literals in what these measures ask."""
        self.count += 1
        tag = b"t%d" % self.count
        self.socket.sendall(tag + b" " + text.encode() + b"\r\n")
        lines = []
        while True:
            line = self.line()
            if line.startswith(tag + b" "):
                if not line[len(tag) + 1:].upper().startswith(b"OK"):
                    raise Failed(f"{text[:40]}: {line.decode(errors='replace')[:90]}")
                return lines
            lines.append(line)

    def messages(self, mailbox="INBOX"):
        for line in self.command(f"STATUS {mailbox} (MESSAGES)"):
            found = re.search(rb"MESSAGES (\d+)", line.upper())
            if found:
                return int(found.group(1))
        raise Failed("STATUS answered no number of messages")

    def exists(self, mailbox="INBOX"):
        """SELECT; (messages, seconds)."""
        began = time.perf_counter()
        lines = self.command(f"SELECT {mailbox}")
        took = time.perf_counter() - began
        return next(int(l.split()[1]) for l in lines if l.upper().endswith(b" EXISTS")), took

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.sendall(b"bye LOGOUT\r\n")
        self.socket.close()


class Load:
    """One `bench_load` run: `ready()` when its sessions are logged in, `go()`, then `result()`."""
    program = None  # set by the main program

    def __init__(self, mode, password="", timeout=300, **options):
        words = [str(self.program), mode, "--timeout", str(timeout)]
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            words += [flag] if value is True else [] if value is False else [flag, str(value)]
        self.timeout = timeout
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, MAILBOXD_BENCH_PASSWORD=password))
        RUNNING.append(self.process)

    def line(self, what):
        readable, _, _ = select.select([self.process.stdout], [], [], self.timeout + 30)
        line = self.process.stdout.readline() if readable else ""
        if not line:
            self.end()
            raise Failed(f"the load client did not say {what}")
        return line.strip()

    def ready(self):
        while self.line("that it is ready") != "ready":
            pass

    def go(self):
        with contextlib.suppress(OSError):
            self.process.stdin.write("go\n")
            self.process.stdin.flush()

    def stop_issuing(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def is_running(self):
        return self.process.poll() is None

    def result(self):
        line = self.line("what it did")
        self.end()
        return json.loads(line)

    def end(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        if self.process in RUNNING:
            RUNNING.remove(self.process)


def end_all():
    for process in list(RUNNING):
        with contextlib.suppress(OSError):
            process.send_signal(signal.SIGKILL)
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            process.wait(10)
    RUNNING.clear()


_ceilings = {}


def ceiling(mode, sessions, size, pipeline=False):
    """Messages a second that the client reaches against a stub that keeps nothing, on this machine in this run."""
    key = (mode, sessions, size, pipeline)
    if key not in _ceilings:
        stub = Load("sink" if mode == "smtp" else "stub-imap")
        try:
            port = int(stub.line("its port").split()[1])
            load = Load(mode, sessions=sessions, size=size, port=port, pipeline=pipeline, messages=max(100, min(15000, 300_000_000 // size)))
            load.ready()
            load.go()
            _ceilings[key] = load.result()["per_s"]
        finally:
            stub.end()
    return _ceilings[key]


def complain_about(result):
    if result["accepted"] != result["issued"] or result["errors"]:
        raise Failed(f"{result['accepted']} of {result['issued']} messages were taken, {result['errors']} errors: "
                     f"{json.dumps(result['replies'])[:160]}")
