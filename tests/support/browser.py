"""A headless Chromium, driven over its debugging pipe (JSON with a NUL behind each message on descriptors 3 and 4)."""
import contextlib
import json
import os
import select
import subprocess
import time


class Browser:
    """One page. `console` collects what the page's console said: errors, warnings, violations of its policies."""

    def __init__(self, program, folder, width=1280, height=900):
        self.command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                        "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
                        "--disable-sync", "--remote-debugging-pipe", f"--user-data-dir={folder}"]
        self.environment = os.environ | {"HOME": str(folder), "LANGUAGE": "en_GB"}
        self.size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.console = []
        self.number = 0
        self.buffer = b""

    def __enter__(self):
        read_theirs, self.to_browser = os.pipe()
        self.from_browser, write_theirs = os.pipe()

        def hand_over():
            # Above 4 first, so that neither copy lands on the other's source.
            first, second = os.dup2(read_theirs, 198), os.dup2(write_theirs, 199)
            os.dup2(first, 3)
            os.dup2(second, 4)
            os.set_inheritable(3, True)
            os.set_inheritable(4, True)

        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env=self.environment, close_fds=False, preexec_fn=hand_over)
        os.close(read_theirs)
        os.close(write_theirs)
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")
        self.ask("Emulation.setDeviceMetricsOverride", **self.size)
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError, AssertionError):
            self.session = None
            self.ask("Browser.close")
        os.close(self.to_browser)
        os.close(self.from_browser)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    session = None

    def ask(self, method, **parameters):
        """One command; its answer. What the page reports meanwhile goes to `console`."""
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(request).encode() + b"\0")
        while True:
            answer = self._next(method)
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def _next(self, what, seconds=60):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.from_browser], [], [], seconds)
            assert ready, f"the browser did not answer {what} within {seconds} s"
            data = os.read(self.from_browser, 1 << 16)
            assert data, f"the browser ended before it answered {what}"
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        event = json.loads(message)
        if event.get("method") in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.console.append(event["params"])
        return event

    def evaluate(self, expression):
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def open(self, url, until, seconds=60):
        """Goes there, and waits for the expression `until` to hold in the page."""
        self.ask("Page.navigate", url=url)
        end = time.monotonic() + seconds
        while not self.evaluate(f"document.readyState === 'complete' && Boolean({until})"):
            assert time.monotonic() < end, f"not within {seconds} s: {until}\n{self.evaluate('document.body.innerText')}"
            time.sleep(0.05)
