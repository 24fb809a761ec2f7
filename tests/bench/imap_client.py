"""IMAP clients of the IMAP parts: one that drains answers without looking at them, and its own ceiling.

What is measured must be the server: answers are read into one buffer, and only the last bytes of each piece are looked at."""
import contextlib
import os
import re
import select
import signal
import socket
import ssl
import time

from servers import Failed

PIECE = 1 << 20
_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_tls.check_hostname, _tls.verify_mode = False, ssl.CERT_NONE  # loopback, and not what is measured


def process_seconds(server):
    """User and system time of the server's processes, as exactly as the kernel tells."""
    total = getattr(server, "cpu_of_ended", None)
    if total is None:
        return server.cpu()
    for pid in server.pids():
        with contextlib.suppress(OSError):
            total += time.clock_gettime(((~pid) << 3) | 2)  # the process's clock: clock_getcpuclockid(3)
    return total


def last_line(tail):
    """The last line of bytes that end with CRLF."""
    return tail[:-2].rpartition(b"\r\n")[2]


class Raw:
    """One connection. `drain` is the fast way; `ask` gives the answer's bytes."""

    def __init__(self, server, number=None, tls=False, port=None, timeout=300):
        port = port or (server.imaps_port if tls else server.imap_port)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = _tls.wrap_socket(self.socket)
        self.space = bytearray(PIECE)
        self.count = 0
        self.greeting = self.line()
        if number is not None:
            self.ask(f'LOGIN {server.user(number)} "{server.password}"')

    def line(self):
        text = b""
        while not text.endswith(b"\r\n"):
            more = self.socket.recv(4096)
            if not more:
                raise Failed("the IMAP server closed the connection")
            text += more
        return text

    def send(self, text):
        self.count += 1
        tag = b"z%d " % self.count
        self.socket.sendall(tag + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return tag

    def finish(self, tag, keep):
        """Bytes until the tagged line, and (asked to keep) what they are. Only the last line is looked for."""
        view, total, tail, kept = memoryview(self.space), 0, b"", []
        while True:
            got = self.socket.recv_into(self.space)
            if got == 0:
                raise Failed("the IMAP server closed the connection")
            total += got
            if keep:
                kept.append(bytes(view[:got]))
            tail = (tail + bytes(view[max(0, got - 4096):got]))[-4096:]
            if not tail.endswith(b"\r\n"):
                continue
            last = last_line(tail)
            if last.startswith(tag):
                if not last[len(tag):].upper().startswith(b"OK"):
                    raise Failed(f"answered {last.decode(errors='replace').strip()[:100]}")
                return total, b"".join(kept)

    def drain(self, text):
        return self.finish(self.send(text), False)[0]

    def ask(self, text):
        return self.finish(self.send(text), True)[1]

    def select(self, mailbox="INBOX"):
        """Messages of the mailbox that is selected now."""
        return int(re.search(rb"^\* (\d+) EXISTS", self.ask(f'SELECT "{mailbox}"'), re.M | re.I).group(1))

    def capabilities(self):
        return set(re.search(rb"^\* CAPABILITY (.*)\r$", self.ask("CAPABILITY"), re.M | re.I).group(1).decode().upper().split())

    def append(self, mailbox, messages, flags=""):
        """One APPEND (MULTIAPPEND, RFC 3502, where there are several) with LITERAL+ and no waiting."""
        self.count += 1
        tag = b"z%d " % self.count
        pieces = [tag, f'APPEND "{mailbox}"'.encode()]
        for message in messages:
            pieces += [f" {flags}".rstrip().encode(), b" {%d+}\r\n" % len(message), message]
        self.socket.sendall(b"".join(pieces) + b"\r\n")
        return self.finish(tag, True)[1]

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.sendall(b"bye LOGOUT\r\n")
        self.socket.close()


@contextlib.contextmanager
def connected(server, number, **more):
    connection = Raw(server, number, **more)
    try:
        yield connection
    finally:
        connection.close()


# ------------------------------------------------------------------------------------------ log-ins

class LoginRun:
    """Log-ins on new connections, so many at once, one thread: greeting, LOGIN, its answer, LOGOUT, closed by the server."""

    def __init__(self, server, users, port=None):
        self.port, self.users, self.server = port or server.imap_port, users, server
        self.number = 0

    def start_one(self, poll, open_ones):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", self.port))
        poll.register(one, select.EPOLLIN)
        user = self.server.user(self.users[self.number % len(self.users)]) if self.server else "user"
        password = self.server.password if self.server else "pass"
        self.number += 1
        open_ones[one.fileno()] = [one, b"", b'a LOGIN %s "%s"\r\n' % (user.encode(), password.encode()), time.perf_counter()]

    def run(self, count, at_once):
        """(log-ins a second, their times)."""
        poll, open_ones, times, done = select.epoll(), {}, [], 0
        began = time.perf_counter()
        for _ in range(min(at_once, count)):
            self.start_one(poll, open_ones)
        started = len(open_ones)
        while done < count:
            ready = poll.poll(30)
            if not ready:
                raise Failed("no answer to a log-in within 30 s")
            for descriptor, _ in ready:
                state = open_ones[descriptor]
                more = state[0].recv(4096)
                if not more:
                    raise Failed("closed at the log-in: " + state[1].decode(errors="replace")[-80:])
                state[1] += more
                if not state[1].endswith(b"\r\n"):
                    continue
                if state[2]:
                    state[0].sendall(state[2])
                    state[1], state[2] = b"", None
                elif state[1].startswith(b"a ") or b"\r\na " in state[1]:
                    if b"a OK" not in state[1]:
                        raise Failed("log-in: " + state[1].decode(errors="replace")[:80])
                    done += 1
                    times.append(time.perf_counter() - state[3])
                    poll.unregister(descriptor)
                    state[0].close()
                    del open_ones[descriptor]
                    if started < count:
                        self.start_one(poll, open_ones)
                        started += 1
        poll.close()
        return count / (time.perf_counter() - began), times


# ------------------------------------------------------------------------------------------ the client's own ceiling

def _pour(connection, megabytes):
    """The other end of a ceiling: an answer of so many megabytes to every line."""
    block = b"x" * 78 + b"\r\n"
    block *= PIECE // len(block)
    connection.sendall(b"* OK\r\n")
    while True:
        line = connection.recv(4096)
        if not line:
            return
        for _ in range(megabytes):
            connection.sendall(block)
        connection.sendall(line.split(b" ")[0] + b" OK done\r\n")


_ceilings = {}


def drain_ceiling(server, tls=False):
    """Bytes a second that this client takes from a process that only sends, in this run on this machine."""
    if tls in _ceilings:
        return _ceilings[tls]
    listener = socket.create_server(("127.0.0.1", 0))
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            connection = listener.accept()[0]
            if tls:
                own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                own.load_cert_chain(*server.certificate())
                connection = own.wrap_socket(connection, server_side=True)
            _pour(connection, 128)
        os._exit(0)
    try:
        connection = Raw(None, tls=tls, port=listener.getsockname()[1])
        connection.drain("WARM")
        began = time.perf_counter()
        total = connection.drain("POUR")
        _ceilings[tls] = total / (time.perf_counter() - began)
        connection.socket.close()
    finally:
        listener.close()
        with contextlib.suppress(OSError):
            os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
    return _ceilings[tls]
