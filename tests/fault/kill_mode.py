"""SIGKILL at a durable step, again and again on one data directory: under load, in the start, in the replay."""
import collections
import contextlib
import random
import time

from appliance import wait_until
from fault_box import KINDS, SIDES, FaultBox
from imap_link import Gone
from ledger import Ledger
from load import Load
import sight
import verify

ACCOUNTS = 4
ALL = 2 ** 63  # a moment after every answer and before none
LIFE_SECONDS = 60  # for the load to reach the chosen step
SPARSE = ("fdatasync", "fsync", "syncfs", "rename", "link", "unlink", "create", "mkdir", "truncate", "times")


class Totals:
    """What the closing lines say."""

    def __init__(self):
        self.runs = self.kills = self.cuts = self.acknowledged = self.rebuilds = self.dropped = 0
        self.has_journal = False
        self.by_step = collections.Counter()
        self.findings = []

    def count(self, *kinds):
        return sum(finding.kind in kinds for finding in self.findings)


def choose_point(dice, seen_kinds, in_start=False):
    """(kinds of steps, how many of them until the last, side). Half of the kills fall on kinds that are few, such as a rename."""
    side = dice.choice(SIDES)
    if in_start:
        return KINDS, int(2 ** dice.uniform(0, 9)), side
    sparse = [kind for kind in SPARSE if kind in seen_kinds]
    if dice.random() < 0.5 or not sparse:
        return KINDS, int(2 ** dice.uniform(0, 11)), side
    return (dice.choice(sparse),), int(2 ** dice.uniform(0, 6)), side


class KillRun:
    """One data directory: `kills` deaths, each followed by a restart and a verification."""

    def __init__(self, options, seed, kills, totals, say):
        self.options, self.seed, self.kills, self.totals, self.say = options, seed, kills, totals, say
        self.dice = random.Random(f"kill {seed}")

    def run(self):
        self.totals.runs += 1
        settings = self.options.settings
        box = self.box = FaultBox(ACCOUNTS, self.options.shim, settings=settings)
        with box:
            seen = sight.read_all(box, ACCOUNTS)
            self.expected = None
            for number in range(self.kills):
                if not self.one_kill(number, seen):
                    break
                seen = self.seen
            self.rebuild()
            box.stop()

    def one_kill(self, number, seen):
        """Answers whether the run may go on."""
        box, where = self.box, f"seed {self.seed} kill {number + 1}"
        ledger = Ledger(verify.adopt(self.expected, seen))
        load = Load(box, ledger, time.monotonic_ns, f"{self.seed}.{number}", ACCOUNTS, sessions=6)
        kinds, steps, side = choose_point(self.dice, box.control.seen_kinds())
        began = time.monotonic()
        wait_until(lambda: ledger.deliveries or box.dead() or load.failures, 60, "a first delivery")
        box.control.arm(kinds, steps, side)
        armed_anew = not box.wait_dead(LIFE_SECONDS if len(kinds) > 1 else 3)
        if armed_anew:
            box.control.arm(KINDS, 1, side)  # steps of that kind are rare: any will do now
            if not box.wait_dead(LIFE_SECONDS):
                raise AssertionError(f"{where}: the load stands still:\n{box.log()[-3000:]}")
        load.join()
        self.died(where, armed_anew)
        found = [verify.Finding("run", where, failure) for failure in load.failures]
        acknowledged = ledger.acknowledged()
        self.totals.acknowledged += acknowledged
        self.restart(where)
        findings, self.expected = verify.judge(box, ledger, self.seen, ALL)
        found += findings
        if not verify.grave(found) and self.options.rebuild_every and (number + 1) % self.options.rebuild_every == 0:
            found += self.rebuild(judged=True)
        for finding in found:
            finding.where = f"{where}, {finding.where}"
            self.totals.findings.append(finding)
        messages = sum(len(folder.messages) for folders in self.seen.values() for folder in folders.values())
        self.say(f"  {where}: {side} {'any step' if len(kinds) > 1 else kinds[0]} {steps}, {acknowledged} acts acknowledged, "
                 f"{messages} messages there, {len(found)} findings, {time.monotonic() - began:.1f} s", detail=True)
        return not verify.grave(found)

    def died(self, where, armed_anew=False):
        step = self.box.reap_at_chosen_step(where, armed_anew)
        self.totals.kills += 1
        self.totals.by_step[step] += 1

    def restart(self, where):
        """Starts and reads everything; one time in four it dies on the way and starts again."""
        box = self.box
        while True:
            dying = self.dice.random() < 0.25
            if dying:
                box.control.arm(*choose_point(self.dice, (), in_start=True))
            box.start(wait=False)
            try:
                box.wait_ready()
                self.seen = sight.read_all(box, ACCOUNTS)
            except (AssertionError, OSError, Gone):
                with contextlib.suppress(Exception):
                    box.wait_dead(5)
                if not (dying and box.dead() and box.control.died_at()):
                    raise
                self.died(where + " (in the start)")
                continue
            box.control.disarm()
            if box.dead():  # between the last answer and here
                self.died(where + " (in the start)")
                continue
            return

    def rebuild(self, judged=False):
        """The index as it is against one that is built from the files."""
        box = self.box
        if box.dead():
            return []
        self.totals.rebuilds += 1
        box.stop()
        box.remove_indexes()
        box.start()
        after = sight.read_all(box, ACCOUNTS, bodies=False)
        found = list(verify.judge_rebuild(self.seen, after))
        for number, folders in after.items():
            for name, folder in folders.items():
                for uid, message in folder.messages.items():
                    before = self.seen[number].get(name)
                    if before and uid in before.messages:
                        message.token = before.messages[uid].token
        self.seen = after
        if not judged:
            for finding in found:
                self.totals.findings.append(finding)
        return found


def run_kills(options, say, totals):
    """`options.kills` deaths in runs of `options.kills_per_run`."""
    number = 0
    while totals.kills < options.kills and not verify.grave(totals.findings):
        left = options.kills - totals.kills
        KillRun(options, options.seed + number, min(left, options.kills_per_run), totals, say).run()
        number += 1
    return totals
