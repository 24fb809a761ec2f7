"""The queue's crash proof: mailboxd dies at durable steps, half of them on files of the queue, while mail for scripted sinks is
submitted and an administrator acts on it. At last everything is let go and tried at once, and each recipient of each
acknowledged submission must have come to exactly one end (queue_verify.py). Then the same with a sabotaged server."""
import collections
import contextlib
import dataclasses
import email
import random
import time

from appliance import wait_until
from fault_box import KINDS, SIDES, FaultBox
import queue_drop
from queue_load import QueueLedger, QueueLoad, ask
from queue_mail import token_in
from queue_sinks import Sinks
import queue_verify
from verify import Finding

ACCOUNTS = 3
LIFE_SECONDS = 60
DRAIN_SECONDS = 120
MOST_TRIES = 36  # kills of a sabotage that finds nothing to take away
SPARSE = ("rename", "link", "unlink", "create", "truncate", "fdatasync")
SETTINGS = {"queue.connection_idle": "50ms", "queue.max_messages_per_connection": 4, "queue.warn_after": "0s",
            "outbound.connect_timeout": "5s"}


@dataclasses.dataclass
class QueueTotals:
    runs: int = 0
    kills: int = 0
    messages: int = 0
    recipients: int = 0
    received: int = 0
    reported: int = 0
    removed: int = 0
    unavoidable: int = 0
    widest: float = 0.0
    sabotaged: int = 0
    by_step: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    findings: list = dataclasses.field(default_factory=list)

    def count(self, *kinds):
        return sum(finding.kind in kinds for finding in self.findings)

    def add(self, ledger, outcome):
        self.messages += ledger.acknowledged()
        for name in ("recipients", "received", "reported", "removed", "unavoidable"):
            setattr(self, name, getattr(self, name) + getattr(outcome, name))
        self.widest = max(self.widest, outcome.widest)
        self.findings += outcome.findings


class QueueRun:
    """One data directory: `kills` deaths, then the end of all that waits."""

    def __init__(self, options, seed, kills, totals, say, sabotage=""):
        self.options, self.seed, self.kills, self.totals, self.say, self.sabotage = options, seed, kills, totals, say, sabotage
        self.dice = random.Random(f"queue {seed}")
        self.ledger, self.deaths, self.found = QueueLedger(), {}, []

    def run(self):
        self.totals.runs += 1
        with Sinks(self.seed) as self.sinks:
            settings = SETTINGS | self.options.settings
            self.box = FaultBox(ACCOUNTS, self.options.shim, settings=settings, routes=self.sinks.routes())
            with self.box:
                for number in range(self.kills):
                    self.one_kill(number)
                self.end()
                self.box.stop()

    def one_kill(self, number):
        box, where = self.box, f"seed {self.seed} kill {number + 1}"
        began, before = time.monotonic(), self.ledger.acknowledged()
        taken = len(self.sinks.receptions)
        load = QueueLoad(box, self.ledger, self.sinks.life, f"{self.seed}.{number}", ACCOUNTS)
        wait_until(lambda: len(self.sinks.receptions) > taken or box.dead() or load.failures, 60, "a first reception")
        kinds, steps, side, in_queue = self.choose_point()
        box.control.arm(kinds, steps, side, in_queue)
        armed_anew = not box.wait_dead(LIFE_SECONDS if len(kinds) > 1 else 3)
        if armed_anew:
            box.control.arm(KINDS, 1, side)  # steps of that kind are rare: any will do now
            if not box.wait_dead(LIFE_SECONDS):
                raise AssertionError(f"{where}: the load stands still:\n{box.log()[-3000:]}")
        load.join()
        self.died(where, armed_anew)
        self.found += [Finding("run", where, failure) for failure in load.failures]
        if self.sabotage:
            self.totals.sabotaged += queue_drop.SABOTAGES[self.sabotage](self.box.data, self.ledger)
        self.restart(where)
        self.say(f"  {where}: {side} {'any step' if len(kinds) > 1 else kinds[0]} {steps}{' of the queue' if in_queue else ''}, "
                 f"{self.ledger.acknowledged() - before} submissions acknowledged, {time.monotonic() - began:.1f} s", detail=True)

    def choose_point(self, in_start=False):
        side, in_queue = self.dice.choice(SIDES), self.dice.random() < 0.6
        if in_start:
            return KINDS, int(2 ** self.dice.uniform(0, 8)), side, in_queue
        sparse = [kind for kind in SPARSE if kind in self.box.control.seen_kinds()]
        if self.dice.random() < 0.5 or not sparse:
            return KINDS, int(2 ** self.dice.uniform(0, 10)), side, in_queue
        return (self.dice.choice(sparse),), int(2 ** self.dice.uniform(0, 5)), side, in_queue

    def died(self, where, armed_anew=False):
        step = self.box.reap_at_chosen_step(where, armed_anew)
        self.deaths[self.sinks.life] = time.monotonic_ns()
        self.totals.kills += 1
        self.totals.by_step[step] += 1
        self.sinks.end_life()

    def restart(self, where):
        """One time in four it dies on the way and starts again."""
        while True:
            dying = self.dice.random() < 0.25
            if dying:
                self.box.control.arm(*self.choose_point(in_start=True))
            self.box.start(wait=False)
            try:
                self.box.wait_ready()
            except (AssertionError, OSError):
                with contextlib.suppress(Exception):
                    self.box.wait_dead(5)
                if not (dying and self.box.dead() and self.box.control.died_at()):
                    raise
            self.box.control.disarm()
            if not self.box.dead():
                return
            self.died(where + " (in the start)")

    # -- the end of it

    def waiting(self):
        """Addresses that are still in the queue."""
        status, page = ask(self.box, "GET", "/api/v1/queue?limit=1000")
        if status != 200:
            return frozenset([f"{status} {page}"])  # its schedule is being made anew
        return frozenset(one["address"] for entry in page["messages"] for one in entry["recipients"]
                         if one["status"] in ("waiting", "failing"))

    def drain(self):
        """Everything is let go and tried at once, until nothing waits."""
        self.sinks.is_patient = True
        end = time.monotonic() + DRAIN_SECONDS
        empty = 0
        while empty < 2 and time.monotonic() < end:
            for act in ("release", "retry"):
                ask(self.box, "POST", "/api/v1/queue", {"act": act, "all": True})
            # Twice: a report on its way in is in no list.
            quiet = not self.waiting() and self.box.metrics()["mailboxd_queue_messages"] == 0
            empty = empty + 1 if quiet else 0
            time.sleep(0.3)
        return self.waiting()

    def reports_and_messages(self):
        """(address → accounts that were told of it, (account, token) → how often)."""
        reports, local = collections.defaultdict(list), collections.Counter()
        for account in range(1, ACCOUNTS + 1):
            for _, stored in self.box.messages(account):
                parsed = email.message_from_bytes(stored)
                if parsed.get_content_type() != "multipart/report":
                    local[account, token_in(stored)] += 1
                    continue
                for block in parsed.get_payload()[1].get_payload():
                    if block.get("Action", "").strip().lower() == "failed":
                        reports[block["Final-Recipient"].partition(";")[2].strip()].append(account)
        return dict(reports), local

    def end(self):
        freed_at = time.monotonic_ns()
        waiting = self.drain()
        reports, local = self.reports_and_messages()
        seen = queue_verify.Seen(self.sinks.receptions, reports, local, waiting, self.deaths, freed_at)
        outcome = queue_verify.Judge(self.ledger, seen).judge()
        if waiting:
            outcome.findings.append(Finding("run", f"seed {self.seed}", f"{len(waiting)} recipients did not leave the queue within {DRAIN_SECONDS} s"))
        outcome.findings += self.found + [Finding("run", f"seed {self.seed}", failure) for failure in self.sinks.failures]
        damaged = self.box.metrics()["mailboxd_queue_damaged"]
        if damaged and not self.sabotage:
            outcome.findings.append(Finding("files", f"seed {self.seed}", f"{damaged:.0f} entries were set aside"))
        for finding in outcome.findings:
            finding.where = f"seed {self.seed}, {finding.where}"
        self.totals.add(self.ledger, outcome)
        self.say(f"  seed {self.seed}: {self.ledger.acknowledged()} messages, {outcome.recipients} recipients, {outcome.received} received, "
                 f"{outcome.reported} reported, {outcome.removed} deleted, {len(outcome.findings)} findings", detail=True)


def run_queue(options, say, totals, sabotage="", kills=None):
    """`options.kills` deaths in runs of `options.kills_per_run`; a finding ends it. A sabotage that found nothing to take away yet (a
    checkpoint must have passed between two kills) has not been tried, and goes on."""
    number, kills, most = 0, kills or options.kills, MOST_TRIES if sabotage else 0
    while not totals.findings and totals.kills < (most if sabotage and totals.sabotaged == 0 else kills):
        left = kills - totals.kills if totals.kills < kills else kills
        QueueRun(options, options.seed + number, min(left, options.kills_per_run), totals, say, sabotage).run()
        number += 1
    return totals


def closing(name, totals, options):
    others = len(totals.findings) - totals.count("loss", "duplicate", "half")
    print(f"{name}: runs {totals.runs}, kills {totals.kills}, messages {totals.messages}, recipients {totals.recipients} (received "
          f"{totals.received}, reported {totals.reported}, deleted {totals.removed}), losses {totals.count('loss')}, duplicates "
          f"{totals.count('duplicate')}, halves {totals.count('half')}, others {others}; second copies that SMTP cannot avoid "
          f"{totals.unavoidable} (bound: what one group commit holds; widest {totals.widest * 1000:.0f} ms), seed {options.seed}", flush=True)
    for finding in totals.findings[:30]:
        print(f"    {finding}", flush=True)


def run_part(options, say):
    """Kills of the true server, then the same seeds with one that is sabotaged and must be found out."""
    totals = run_queue(options, say, QueueTotals())
    say("  died at: " + ", ".join(f"{step} {count}" for step, count in totals.by_step.most_common()))
    closing("queue", totals, options)
    passed = not totals.findings
    for sabotage, (kinds, meaning) in queue_drop.MUST_FIND.items():
        if not passed:
            break
        found = run_queue(options, say, QueueTotals(), sabotage, min(options.kills, 6))
        right = found.count(*kinds) > 0
        passed = passed and right
        print(f"  sabotaged, {meaning}: kills {found.kills}, done {found.sabotaged} times, losses {found.count('loss')}, duplicates "
              f"{found.count('duplicate')}{'' if right else '   <- FAILED'}", flush=True)
        for finding in found.findings[:3 if right else 20]:
            print(f"      {finding}", flush=True)
    return passed

