"""Thunderbird, driven from outside: a profile of one's own, no screen, and its remote protocol (Marionette).

Marionette speaks JSON arrays with a length in front, over TCP on loopback: [0, id, command, parameters] and
[1, id, error, result]. Scripts run inside the program, with what the program itself uses."""
import json
import pathlib
import signal
import socket
import subprocess

from appliance import free_port_base, wait_until

PREFERENCES = {
    "app.donation.eoy.version.viewed": 999, "app.update.enabled": False, "browser.cache.disk.enable": False,
    "datareporting.policy.dataSubmissionEnabled": False, "extensions.update.enabled": False, "mail.provider.enabled": False,
    "mail.rights.version": 1, "mail.shell.checkDefaultClient": False, "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True, "mailnews.start_page.enabled": False, "mailnews.start_page_override.mstone": "ignore",
    "network.dns.disableIPv6": True, "toolkit.telemetry.enabled": False, "dom.security.https_first": False,
    "mail.biff.show_alert": False, "mail.biff.play_sound": False, "calendar.timezone.local": "UTC",
}


class Thunderbird:
    """`with Thunderbird(program, folder) as bird: bird.run("return 1 + arguments[0]", 2)`."""

    def __init__(self, program, folder, preferences=None):
        self.program, self.folder = program, pathlib.Path(folder)
        self.port = free_port_base(1)
        self.preferences = PREFERENCES | {"marionette.port": self.port} | (preferences or {})
        self.process = self.socket = None
        self.count = 0

    def __enter__(self):
        profile = self.folder / "profile"
        profile.mkdir(parents=True)
        lines = [f"user_pref({json.dumps(key)}, {json.dumps(value)});" for key, value in self.preferences.items()]
        (profile / "user.js").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.log = self.folder / "thunderbird.log"
        environment = {"HOME": str(self.folder), "MOZ_HEADLESS": "1", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin",
                       "MOZ_CRASHREPORTER_DISABLE": "1", "XDG_RUNTIME_DIR": str(self.folder), "TZ": "UTC"}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([self.program, "--marionette", "--remote-allow-system-access", "--headless", "--no-remote", "--profile", str(profile)],
                                            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until(self.connect, 60, "Thunderbird listens")
            self.socket.settimeout(120)
            self.read()  # what it is
            self.ask("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": True}}})
            self.ask("Marionette:SetContext", {"value": "chrome"})
            self.ask("WebDriver:SetTimeouts", {"script": 60_000})
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        if self.socket is not None:
            self.socket.close()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def connect(self):
        assert self.process.poll() is None, "Thunderbird ended: " + self.log.read_text(errors="replace")[-2000:]
        try:
            self.socket = socket.create_connection(("127.0.0.1", self.port), 5)
        except OSError:
            return False
        return True

    def read(self):
        length = b""
        while not length.endswith(b":"):
            more = self.socket.recv(1)
            assert more, "Thunderbird closed the connection: " + self.log.read_text(errors="replace")[-2000:]
            length += more
        left, text = int(length[:-1]), b""
        while len(text) < left:
            text += self.socket.recv(left - len(text))
        return json.loads(text)

    def ask(self, command, parameters):
        self.count += 1
        text = json.dumps([0, self.count, command, parameters]).encode()
        self.socket.sendall(b"%d:" % len(text) + text)
        _, number, error, result = self.read()
        assert number == self.count and error is None, f"{command}: {error}"
        return result

    def run(self, script, *arguments):
        """The value of a script that returns it or a promise of it."""
        whole = 'const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");\n' + script
        result = self.ask("WebDriver:ExecuteScript", {"script": whole, "args": list(arguments), "sandbox": "system", "newSandbox": False})
        return result["value"]
