"""The load of the queue's crash proof: users who submit, and an administrator who acts on what waits. All that was said and
answered stands in the ledger."""
import dataclasses
import http.client
import json
import random
import re
import smtplib
import socket
import time

from appliance import send_data
from clients import Clients
from queue_mail import content, random_size, token_of
from queue_sinks import MANNERS, NEVER, domain_of

ACTS = ("hold", "release", "bounce", "delete")


@dataclasses.dataclass
class Submission:
    token: str
    sender: int       # number of the account
    recipients: tuple  # addresses elsewhere
    local: int        # number of an account that gets it as well; 0: none
    life: int
    dot_at: int       # nanoseconds: before the final dot went out
    answered: int = 0  # 0: it never was
    ok: bool = False
    id: str = ""      # as the 250 says


@dataclasses.dataclass
class QueueAct:
    act: str
    id: str
    life: int
    sent: int
    answered: int = 0
    done: bool = False  # the answer said so; without an answer it is in doubt


class QueueLedger:
    """Everything since the data directory was made. Threads add."""

    def __init__(self):
        self.submissions, self.acts = [], []

    def acknowledged(self):
        return sum(one.ok for one in self.submissions)


class ControlLink(http.client.HTTPConnection):
    """The administrator's way in: the control socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(box, method, path, document=None):
    """(status, JSON)."""
    link = ControlLink(box.run / "control.sock")
    try:
        link.request(method, path, json.dumps(document) if document is not None else None,
                     {"Content-Type": "application/json"} if document is not None else {})
        answer = link.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else {}
    finally:
        link.close()


class QueueLoad(Clients):
    expected = (OSError, smtplib.SMTPException, http.client.HTTPException)

    def __init__(self, box, ledger, life, seed, accounts, sessions=3):
        self.box, self.ledger, self.life, self.accounts = box, ledger, life, accounts
        super().__init__([(self._submit, f"{seed}.s{n}") for n in range(sessions)] + [(self._administer, f"{seed}.a")])
        self.begin()

    # -- users

    def _submit(self, who):
        dice, number = random.Random(who), 0
        while not self.ended.is_set():
            sender = dice.randrange(1, self.accounts + 1)
            with smtplib.SMTP(self.box.host, self.box.ports["submission"], local_hostname="load.sample.test", timeout=60) as link:
                link.ehlo()
                link.login(self.box.user_name(sender), self.box.password)
                for _ in range(dice.randrange(1, 12)):
                    if self.ended.is_set():
                        break
                    number += 1
                    self._submit_one(link, dice, sender, token_of(who, number, random_size(dice)))

    def _recipients(self, dice, token):
        addresses = []
        for n in range(dice.choice((1, 1, 1, 2, 3, 4))):
            begin = NEVER if dice.random() < 0.15 else f"r{n}."
            addresses.append(f"{begin}{n}.{token}@{domain_of(dice.choice(MANNERS))}")
        return tuple(addresses)

    def _submit_one(self, link, dice, sender, token):
        local = dice.randrange(1, self.accounts + 1) if dice.random() < 0.2 else 0
        one = Submission(token, sender, self._recipients(dice, token), local, self.life, 0)
        code, text = link.mail(self.box.user_name(sender))
        if code != 250:
            return self._rest(link, code, text)
        for address in [*one.recipients, *([self.box.user_name(local)] if local else [])]:
            code, text = link.rcpt(address)
            if code != 250:
                return self._rest(link, code, text)
        one.dot_at = time.monotonic_ns()
        self.ledger.submissions.append(one)
        code, text = send_data(link, content(token, self.box.user_name(sender)))
        if code < 200 or code == 354:
            raise OSError(f"{code} {text}")
        found = re.search(rb"2\.0\.0 (\w+)", text)
        one.id = found.group(1).decode() if found else ""
        one.ok, one.answered = code == 250, time.monotonic_ns()
        return None if one.ok else self._rest(link, code, text)

    def _rest(self, link, code, text):
        if code >= 500:
            raise AssertionError(f"{code} {text}")
        link.rset()
        self.ended.wait(0.05)

    # -- the administrator

    def _administer(self, who):
        dice = random.Random(who)
        while not self.ended.wait(0.03):
            if dice.random() < 0.6:
                self._ask({"act": "retry", "destination": domain_of(dice.choice(MANNERS[1:4]))})
                continue
            recent = [one for one in self.ledger.submissions[-400:] if one.ok]
            if not recent:
                continue
            act = dice.choices(ACTS, (6, 5, 1, 1))[0]
            held = [one.id for one in self.ledger.acts[-50:] if one.act == "hold"]
            chosen = dice.choice(held) if act == "release" and held else dice.choice(recent).id
            made = QueueAct(act, chosen, self.life, time.monotonic_ns())
            self.ledger.acts.append(made)
            done = self._ask({"act": act, "ids": [chosen]})
            if done is not None:
                made.done, made.answered = done > 0, time.monotonic_ns()

    def _ask(self, document):
        """How many messages it was done to; None: not now, or that is not known."""
        status, answer = ask(self.box, "POST", "/api/v1/queue", document)
        if status >= 500:
            return None  # its schedule is being made anew
        if status != 200:
            raise AssertionError(f"{document}: {status} {answer}")
        return answer["messages"]
