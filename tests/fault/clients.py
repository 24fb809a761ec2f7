"""Clients that load the server, a thread each, until it dies or they are to end."""
import threading
import time


class Clients:
    expected = ()  # what a crash does to a client; what was in doubt stands in the ledger

    def __init__(self, works):
        """Each work is (function, name, further arguments …)."""
        self.ended = threading.Event()
        self.failures = []  # of the harness or against the protocol: never expected
        self.threads = [threading.Thread(target=self._guarded, args=work, daemon=True) for work in works]

    def begin(self):
        for thread in self.threads:
            thread.start()

    def join(self, seconds=90):
        self.ended.set()
        end = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0.1, end - time.monotonic()))
        if any(thread.is_alive() for thread in self.threads):
            self.failures.append(f"a client did not end within {seconds} s")

    def _guarded(self, work, who, *arguments):
        try:
            work(who, *arguments)
        except self.expected:
            pass
        except Exception as error:  # every other one is a finding
            self.failures.append(f"{who}: {type(error).__name__}: {error}")
