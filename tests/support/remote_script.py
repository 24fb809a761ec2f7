"""A remote server that does what the test says, one line at a time, and notes what it heard."""
import contextlib
import socket
import threading


class RemoteScript:
    """`answer(verb, count)` gives the reply to a command ("MAIL", 1: the first), "" for the dot as verb "."; None closes the
    connection; bytes go out as they are. Everything heard is in `messages` (bytes of DATA) and `commands`."""

    def __init__(self, host, port, answer=None, keywords=("PIPELINING", "8BITMIME", "SIZE 10000000")):
        self.answer = answer or (lambda verb, count: None)
        self.keywords = keywords
        self.messages, self.commands, self.counts = [], [], {}
        self.connections = 0
        self.listener = socket.create_server((host, port), backlog=64)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.lock = threading.Lock()
        self.links = []

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which would keep the port
        self.listener.close()
        self.thread.join(10)
        # A connection that is kept open for another message must not reach the script of the test behind.
        for link in self.links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                link, _ = self.listener.accept()
                self.connections += 1
                self.links.append(link)
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _say(self, link, verb, usual):
        with self.lock:
            self.counts[verb] = self.counts.get(verb, 0) + 1
            said = self.answer(verb, self.counts[verb])
        said = usual if said is None else said
        if said == "close":
            link.close()
            raise OSError("closed by the script")
        link.sendall(said if isinstance(said, bytes) else said.encode() + b"\r\n")
        return said

    def _serve(self, link):
        with contextlib.suppress(OSError), link, link.makefile("rb") as lines:
            self._say(link, "greeting", "220 script ESMTP")
            accepted = 0
            for line in lines:
                verb = line.split()[0].upper().decode(errors="replace") if line.split() else ""
                self.commands.append(line.rstrip(b"\r\n").decode(errors="replace"))
                if verb == "EHLO":
                    words = ["script", *self.keywords]
                    self._say(link, verb, "\r\n".join(f"250{'-' if n + 1 < len(words) else ' '}{word}" for n, word in enumerate(words)))
                elif verb == "DATA":
                    said = self._say(link, verb, "354 go on" if accepted else "554 5.5.1 no valid recipients")
                    if str(said).startswith("354"):
                        body = bytearray()
                        while not (body.endswith(b"\r\n.\r\n") or body == b".\r\n"):
                            more = lines.readline()
                            if not more:
                                return
                            body += more
                        self.messages.append(bytes(body[:-3]))
                        self._say(link, ".", "250 2.0.0 taken")
                elif verb == "QUIT":
                    self._say(link, verb, "221 bye")
                    return
                else:
                    said = str(self._say(link, verb, "250 2.0.0 ok"))
                    if verb in ("MAIL", "RSET"):
                        accepted = 0
                    elif verb == "RCPT" and said.startswith("2"):
                        accepted += 1
