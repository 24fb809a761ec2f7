"""What must have become of each recipient, against what is seen: the sinks' receptions, the reports and messages in the
accounts' mailboxes. Pure.

Each recipient of an acknowledged submission ends in one of: received by its sink, one report to its sender, taken away by an
administrator. A recipient is received twice only where the crash fell between the sink's 250 and the end of the group commit
that holds the record of it: RFC 1047 tells why SMTP cannot avoid that. That a record was written by then follows without
a clock: the client had gone on to its next command on that connection (which it does behind the record), and afterwards a
submission was begun and acknowledged, whose record stands behind in the same journal. A second copy then is a fault of ours.
"""
import collections
import dataclasses

from queue_sinks import NEVER
from verify import Finding


@dataclasses.dataclass
class Outcome:
    findings: list
    recipients: int = 0
    received: int = 0
    reported: int = 0
    removed: int = 0
    unavoidable: int = 0      # second copies that SMTP cannot avoid
    widest: float = 0.0       # of them: seconds from the 250 to the next life

    def count(self, *kinds):
        return sum(finding.kind in kinds for finding in self.findings)


@dataclasses.dataclass
class Seen:
    receptions: list          # of queue_sinks.Reception
    reports: dict             # address → [number of the account that got it, …]
    local: dict               # (account, token) → how often
    waiting: frozenset = frozenset()  # addresses that are still in the queue
    deaths: dict = dataclasses.field(default_factory=dict)  # life → when it ended
    freed_at: float = float("inf")  # when all that was held was let go


class Judge:
    def __init__(self, ledger, seen):
        self.ledger, self.seen = ledger, seen
        self.outcome = Outcome([])
        self.receptions = collections.defaultdict(list)
        for reception in seen.receptions:
            self.receptions[reception.address].append(reception)
        self.acts = collections.defaultdict(list)
        for act in ledger.acts:
            self.acts[act.id].append(act)
        self.proofs = collections.defaultdict(int)  # life → the latest dot that was acknowledged
        for one in ledger.submissions:
            if one.ok:
                self.proofs[one.life] = max(self.proofs[one.life], one.dot_at)

    def find(self, kind, where, what):
        self.outcome.findings.append(Finding(kind, where, what))

    def judge(self):
        known = set()
        for one in self.ledger.submissions:
            known.update(one.recipients)
            if one.ok:
                self.judge_acknowledged(one)
            elif one.answered == 0:
                self.judge_in_doubt(one)
            elif any(self.receptions.get(address) for address in one.recipients):
                self.find("returned", one.token, "was refused, and delivered")
        for address, receptions in self.receptions.items():
            if address not in known:
                self.find("returned", address, "nobody ever sent to it")
            for reception in receptions:
                if reception.fault:
                    self.find("loss", address, reception.fault)
        for address in self.seen.reports.keys() - known:
            self.find("report", address, "reported, and nobody ever sent to it")
        return self.outcome

    def judge_in_doubt(self, one):
        """Accepted as a whole or not at all."""
        there = {address: self.is_settled(address) for address in one.recipients}
        if one.local:
            there["local"] = bool(self.seen.local.get((one.local, one.token)))
        if any(there.values()) and not all(there.values()):
            missing = [address for address, is_there in there.items() if not is_there]
            self.find("half", one.token, f"in doubt, and only {missing} did not get it")
        for address in one.recipients:
            self.judge_copies(address)
            self.judge_reports(one, address, False)

    def is_settled(self, address):
        return bool(self.receptions.get(address) or self.seen.reports.get(address) or address in self.seen.waiting)

    def judge_acknowledged(self, one):
        acts = self.acts.get(one.id, [])
        removed = any(act.act == "delete" and (act.done or not act.answered) for act in acts)
        bounced = any(act.act == "bounce" and (act.done or not act.answered) for act in acts)
        for address in one.recipients:
            self.outcome.recipients += 1
            got, told = self.receptions.get(address, []), self.seen.reports.get(address, [])
            self.outcome.received += bool(got)
            self.outcome.reported += bool(told)
            if address.startswith(NEVER) and got:
                self.find("returned", address, "was refused by its sink, and received")
            if not got and not told and address not in self.seen.waiting:
                if removed:
                    self.outcome.removed += 1
                else:
                    self.find("loss", address, f"acknowledged as {one.id} in life {one.life}: neither received nor reported nor waiting")
            self.judge_copies(address)
            self.judge_reports(one, address, bounced)
            self.judge_acts(address, acts)
        if one.local:
            times = self.seen.local.get((one.local, one.token), 0)
            if times != 1:
                self.find("loss" if times == 0 else "duplicate", one.token, f"is {times} times with account {one.local}")

    def is_unavoidable(self, reception):
        """Whether the crash may have come before the record of this reception was written."""
        went_on = reception.next_at
        return not went_on or self.proofs[reception.life] <= went_on

    def judge_copies(self, address):
        """One copy, or another behind a crash that came too early for the record of the one before."""
        got = sorted(self.receptions.get(address, []), key=lambda one: one.at)
        for before, after in zip(got, got[1:]):
            if before.life == after.life:
                self.find("duplicate", address, f"twice in life {before.life}, without a crash between")
            elif not self.is_unavoidable(before):
                self.find("duplicate", address, f"in life {before.life} and {after.life}, and its record was written before the crash")
            else:
                self.was_unavoidable(before)

    def was_unavoidable(self, reception):
        self.outcome.unavoidable += 1
        end = self.seen.deaths.get(reception.life)
        if end:
            self.outcome.widest = max(self.outcome.widest, (end - reception.at) / 1e9)

    def judge_reports(self, one, address, bounced):
        told = self.seen.reports.get(address, [])
        if len(told) > 1:
            self.find("duplicate", address, f"its sender was told {len(told)} times")
        if any(account != one.sender for account in told):
            self.find("report", address, f"accounts {told} were told, the sender is {one.sender}")
        if not told:
            return
        if not address.startswith(NEVER) and not bounced:
            self.find("report", address, "reported as failed, and nothing failed")
        got = self.receptions.get(address, [])
        if not got:
            return
        # Returned by an administrator after a crash that came too early for the record of the delivery.
        if bounced and all(self.is_unavoidable(reception) for reception in got):
            self.was_unavoidable(got[-1])
        else:
            self.find("report", address, "received by its sink, and reported as failed")

    def judge_acts(self, address, acts):
        """What an administrator took away or stopped, acknowledged, is not delivered in a later life."""
        for act in acts:
            # What was being sent just then is not returned: it may go in a later life.
            if not act.done or act.act in ("release", "bounce"):
                continue
            for reception in self.receptions.get(address, []):
                if reception.life <= act.life:
                    continue
                freed = reception.at > self.seen.freed_at or any(other.act == "release" and other.sent > act.sent and other.sent < reception.at for other in acts)
                if act.act == "hold" and freed:
                    continue
                self.find("returned", address, f"{act.act} was acknowledged in life {act.life}, and it was delivered in life {reception.life}")
