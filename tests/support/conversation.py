"""A raw socket with the few words that protocol tests need; nothing is hidden, nothing is repaired."""
import re
import socket
import ssl


class Conversation:
    def __init__(self, host, port, timeout=30, source=None):
        self.socket = socket.create_connection((host, port), timeout, source_address=source)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())
        return self

    def line(self):
        """The next line with its CRLF; b"" when the server has closed."""
        while b"\r\n" not in self.buffer:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                rest, self.buffer = self.buffer, b""
                return rest
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line + b"\r\n"

    def reply(self):
        """One SMTP reply, all of its lines: b"250-…\\r\\n250 …\\r\\n"."""
        whole = b""
        while True:
            line = self.line()
            whole += line
            if not line or re.match(rb"\d{3}(?!-)", line):
                return whole

    def say(self, command):
        """One SMTP command and its reply."""
        self.send(command if isinstance(command, bytes) else command.encode() + b"\r\n")
        return self.reply()

    def tagged(self, tag):
        """Lines up to the tagged IMAP response, that one included; literals are taken whole."""
        whole = b""
        while True:
            line = self.line()
            whole += line
            if not line or line.startswith(tag.encode() + b" "):
                return whole
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if literal:
                whole += self.exactly(int(literal.group(1)))

    def exactly(self, count):
        while len(self.buffer) < count:
            more = self.socket.recv(65536)
            if not more:
                break
            self.buffer += more
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def rest(self):
        """Everything until the server closes."""
        whole, self.buffer = self.buffer, b""
        while True:
            try:
                more = self.socket.recv(65536)
            except (ConnectionResetError, ssl.SSLError):
                return whole
            if not more:
                return whole
            whole += more

    def is_closed(self):
        return self.line() == b""

    def secure(self, context, name="localhost"):
        """Over to TLS; what was buffered in clear is dropped by us as by any good client."""
        self.buffer = b""
        self.socket = context.wrap_socket(self.socket, server_hostname=name)
        return self
