"""Other servers, scripted: they take, put off, refuse or die by the address and domain they are asked for, and remember whatever
they answered with 250 to the final dot. They live in the harness, which nobody kills."""
import contextlib
import dataclasses
import random
import socket
import threading
import time
import zlib

from queue_mail import fault_of, token_in

# all      takes everything
# later    puts each recipient off once: 451 to the first RCPT
# dot      puts each message off once: 451 to the dot
# dies     dies under each message once: before the dot, or behind it without a word
# slow     lets the client wait for its 250
MANNERS = ("all", "later", "dot", "dies", "slow")
NEVER = "never."  # how addresses begin that are refused for ever, everywhere


@dataclasses.dataclass
class Reception:
    """One recipient's copy that was answered with 250."""
    address: str
    token: str
    life: int       # of mailboxd, counted by the harness
    at: int         # nanoseconds: just before the 250 went out
    next_at: int = 0  # when the client said the next thing on this connection; 0: it never did
    fault: str = ""


def domain_of(manner):
    return f"{manner}.test"


class Sinks:
    def __init__(self, seed):
        self.life = 0
        self.lock = threading.Lock()
        self.receptions = []
        self.is_patient = False  # at last everybody takes what is not refused for ever
        self.seen = set()        # what was put off once
        self.dice = random.Random(f"sinks {seed}")
        self.open_links = 0
        self.connections = 0
        self.failures = []
        self.listeners = {}
        for manner in MANNERS:
            self.listeners[manner] = socket.create_server(("127.0.0.1", 0), backlog=256)
            threading.Thread(target=self._accept, args=(manner,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for listener in self.listeners.values():
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def routes(self):
        return [{"domain": domain_of(manner), "host": "127.0.0.1:%d" % listener.getsockname()[1]}
                for manner, listener in self.listeners.items()]

    def end_life(self):
        """After mailboxd's death: when all that it still said has been heard, the next life begins."""
        end = time.monotonic() + 60
        for listener in self.listeners.values():
            # Connections are accepted in order: when this one was, all of the dead were.
            with socket.create_connection(listener.getsockname(), timeout=60) as last, last.makefile("rb") as lines:
                lines.readline()
        while self.open_links:
            if time.monotonic() > end:
                raise AssertionError(f"{self.open_links} connections of a dead mailboxd do not end")
            time.sleep(0.01)
        self.life += 1

    def _accept(self, manner):
        with contextlib.suppress(OSError):
            while True:
                link, _ = self.listeners[manner].accept()
                with self.lock:
                    self.open_links += 1
                    self.connections += 1
                threading.Thread(target=self._guarded, args=(manner, link), daemon=True).start()

    def _guarded(self, manner, link):
        try:
            with contextlib.suppress(OSError), link, link.makefile("rb") as lines:
                self._serve(manner, link, lines)
        except Exception as error:
            self.failures.append(f"{manner}: {type(error).__name__}: {error}")
        finally:
            with self.lock:
                self.open_links -= 1

    def _once(self, *what):
        """Whether it is the first time."""
        with self.lock:
            if self.is_patient or what in self.seen:
                return False
            self.seen.add(what)
            return True

    def _answer_rcpt(self, manner, address):
        if address.startswith(NEVER):
            return b"550 5.1.1 there is nobody of that name\r\n"
        if manner == "later" and self._once("rcpt", address):
            return b"451 4.7.1 come back later\r\n"
        return b"250 2.1.5 ok\r\n"

    def _serve(self, manner, link, lines):
        link.sendall(b"220 sink.test ESMTP\r\n")
        recipients, fresh = [], []
        for line in lines:
            now = time.monotonic_ns()
            for reception in fresh:
                reception.next_at = now
            fresh = []
            verb = line.split(b":")[0].split()[0].upper() if line.split() else b""
            if verb == b"EHLO":
                link.sendall(b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000\r\n")
            elif verb == b"RCPT":
                address = line[line.index(b"<") + 1:line.index(b">")].decode()
                said = self._answer_rcpt(manner, address)
                if said.startswith(b"2"):
                    recipients.append(address)
                link.sendall(said)
            elif verb == b"DATA" and not recipients:
                link.sendall(b"554 5.5.1 no valid recipients\r\n")
            elif verb == b"DATA":
                link.sendall(b"354 go on\r\n")
                fresh = self._take(manner, link, lines, recipients)
                recipients = []
            elif verb == b"QUIT":
                link.sendall(b"221 2.0.0 bye\r\n")
                return
            else:
                if verb in (b"MAIL", b"RSET"):
                    recipients = []
                link.sendall(b"250 2.0.0 ok\r\n")

    def _take(self, manner, link, lines, recipients):
        parts, dies_early = [], None
        for line in lines:
            if line == b".\r\n":
                break
            parts.append(line[1:] if line.startswith(b".") else line)
            if dies_early is None and manner == "dies" and len(parts) == 20:
                token = token_in(b"".join(parts))
                dies_early = zlib.crc32((token or "").encode()) % 2 == 0 and self._once("early", token)
            if dies_early:
                raise OSError("dies")
        else:
            raise OSError("cut off")
        message = b"".join(parts)
        token, fault = fault_of(message)
        if manner == "dies" and self._once("behind", token):
            raise OSError("dies")
        if manner == "dot" and self._once("dot", token):
            link.sendall(b"451 4.3.0 not now\r\n")
            return []
        if manner == "slow" and not self.is_patient:
            with self.lock:
                pause = self.dice.choice((0.0, 0.02, 0.1, 0.3))
            time.sleep(pause)
        with self.lock:
            fresh = [Reception(address, token or "", self.life, time.monotonic_ns(), fault=fault or "") for address in recipients]
            self.receptions += fresh
        link.sendall(b"250 2.0.0 taken\r\n")
        return fresh
