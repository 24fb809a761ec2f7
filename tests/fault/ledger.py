"""What the clients know: every act with the moments of its sending and of its answer, and the mailboxes that follow from it.

A moment is a number of a clock that orders the clients' acts against the crash: nanoseconds where only the process dies,
the number of records in the disk's log where the power is cut. At a crash at moment C an act is
    acknowledged  when its answer came at or before C: its effect must be there,
    in doubt      when it was sent at or before C and not answered by then: either outcome,
    not begun     when it was sent after C.
Acts of one IMAP worker follow one another, and each mailbox belongs to one worker: so what was acknowledged has one
meaning. Deliveries by SMTP go to INBOX beside them and are known by their tokens until a worker has seen their UIDs.
"""
import dataclasses
import threading

NEVER = float("inf")


@dataclasses.dataclass
class Act:
    kind: str
    sent: float
    answered: float = NEVER
    ok: bool = False
    mailbox: str = ""
    uids: tuple = ()
    flags: frozenset = frozenset()
    mode: str = ""
    target: str = ""
    token: str = ""
    recipients: tuple = ()  # of a delivery: numbers of accounts
    uidvalidity: int = 0  # of the mailbox that got messages, as the answer says
    placed: tuple = ()  # ((uid before or 0, uid now), …)
    seen: tuple = ()  # of a look: ((uid, token), …)
    bounds: tuple = ()  # (uidnext, highest mod-sequence) as told


@dataclasses.dataclass
class Row:
    token: str
    flags: set  # the sets of flags that are right
    required: bool = True

    def copy(self):
        return Row(self.token, set(self.flags), self.required)


@dataclasses.dataclass
class Box:
    uidvalidity: int
    rows: dict = dataclasses.field(default_factory=dict)  # uid → Row
    floating: list = dataclasses.field(default_factory=list)  # Rows whose UIDs nobody has told yet

    def copy(self):
        return Box(self.uidvalidity, {uid: row.copy() for uid, row in self.rows.items()}, [row.copy() for row in self.floating])


class History:
    """What may never change or go back, over all crashes of one data directory. Of one account."""

    def __init__(self):
        self.names = {}  # (uidvalidity, uid) → token
        self.uidnext, self.modseq = {}, {}  # uidvalidity → the highest ever told
        self.mailboxes = {}  # uidvalidity → name under which it was first seen

    def copy(self):
        twin = History()
        for field in ("names", "uidnext", "modseq", "mailboxes"):
            setattr(twin, field, dict(getattr(self, field)))
        return twin

    def told(self, uidvalidity, uidnext, modseq):
        if uidnext:
            self.uidnext[uidvalidity] = max(uidnext, self.uidnext.get(uidvalidity, 0))
        if modseq:
            self.modseq[uidvalidity] = max(modseq, self.modseq.get(uidvalidity, 0))

    def named(self, uidvalidity, uid, token):
        """Answers another token that bears this UID, if there is one."""
        known = self.names.setdefault((uidvalidity, uid), token)
        self.told(uidvalidity, uid + 1, 0)
        return known if known != token else None


class Account:
    """The mailboxes of one account as they must be."""

    def __init__(self, boxes=None, history=None):
        self.boxes = boxes or {}
        self.history = history or History()
        self.sighted = set()  # tokens of deliveries that a worker has seen in INBOX
        self.moves = []  # (from, uid, to, token) of MOVEs in doubt
        self.complaints = []

    def copy(self):
        return Account({name: box.copy() for name, box in self.boxes.items()}, self.history.copy())

    def place(self, box, uid, row):
        box.rows[uid] = row
        other = self.history.named(box.uidvalidity, uid, row.token)
        if other:
            self.complaints.append(("numbers", f"UID {uid} of UIDVALIDITY {box.uidvalidity} names {row.token}, before: {other}"))

    # -- what was acknowledged

    def apply(self, act):
        if not act.ok:
            return
        getattr(self, "_" + act.kind)(act)
        if act.bounds:
            self.history.told(self.boxes[act.mailbox].uidvalidity, *act.bounds)

    def _look(self, act):
        box = self.boxes[act.mailbox]
        for uid, token in act.seen:
            if uid not in box.rows:
                self.place(box, uid, Row(token, {frozenset()}))
                self.sighted.add(token)

    def _append(self, act):
        self.place(self.boxes[act.mailbox], act.placed[0][1], Row(act.token, {act.flags}))

    def _changed(self, act, flags):
        return {"+": flags | act.flags, "-": flags - act.flags, "=": act.flags}[act.mode]

    def _store(self, act):
        rows = self.boxes[act.mailbox].rows
        for uid in act.uids:
            rows[uid].flags = {self._changed(act, flags) for flags in rows[uid].flags}

    def _copy(self, act):
        source, target = self.boxes[act.mailbox], self.boxes[act.target]
        for before, now in act.placed:
            self.place(target, now, source.rows[before].copy())

    def _move(self, act):
        self._copy(act)
        for before, _ in act.placed:
            del self.boxes[act.mailbox].rows[before]

    def _expunge(self, act):
        for uid in act.uids:
            del self.boxes[act.mailbox].rows[uid]

    def _create(self, act):
        self.boxes[act.mailbox] = Box(act.uidvalidity)

    def _delete(self, act):
        del self.boxes[act.mailbox]

    def _rename(self, act):
        old = act.mailbox
        for name in [n for n in self.boxes if n == old or n.startswith(old + "/")]:
            self.boxes[act.target + name[len(old):]] = self.boxes.pop(name)

    # -- what is in doubt: the expectation gets wider

    def doubt(self, act, names_now):
        """`names_now`: the mailboxes that are there after the crash, with their UIDVALIDITY; they tell how an act on
        mailboxes went."""
        if act.kind in ("create", "delete", "rename"):
            done = {"create": act.mailbox in names_now, "delete": act.mailbox not in names_now,
                    "rename": act.target in names_now and act.mailbox not in names_now}[act.kind]
            if done:
                act = dataclasses.replace(act, ok=True, uidvalidity=names_now.get(act.mailbox, 0))
                getattr(self, "_" + act.kind)(act)
            return
        box = self.boxes[act.mailbox]
        if act.kind == "append":
            box.floating.append(Row(act.token, {act.flags}, required=False))
        for uid in act.uids:
            row = box.rows[uid]
            if act.kind == "store":
                row.flags |= {self._changed(act, flags) for flags in row.flags}
            if act.kind in ("move", "expunge"):
                row.required = False
            if act.kind in ("copy", "move"):
                self.boxes[act.target].floating.append(Row(row.token, set(row.flags), required=False))
            if act.kind == "move":
                self.moves.append((act.mailbox, uid, act.target, row.token))


class Ledger:
    """The acts since the last verification. Threads add; the verifier reads when they have ended."""

    def __init__(self, accounts):
        self.accounts = accounts  # number → Account as verified last
        self.workers = {}  # (account, worker) → [Act]
        self.deliveries = []
        self.lock = threading.Lock()

    def worker_acts(self, account, worker):
        return self.workers.setdefault((account, worker), [])

    def deliver(self, act):
        with self.lock:
            self.deliveries.append(act)

    def acknowledged(self):
        acts = [act for acts in self.workers.values() for act in acts] + self.deliveries
        return sum(act.ok and act.answered < NEVER for act in acts)

    def moments_of_answers(self):
        """When something that changes mail was acknowledged."""
        acts = [act for acts in self.workers.values() for act in acts] + self.deliveries
        return sorted(act.answered for act in acts if act.ok and act.answered < NEVER and act.kind != "look")

    def story(self, number, words, crash):
        """The acts of an account that a finding may follow from: of its mailboxes, tokens and UIDs, and those about the crash."""
        acts = [act for (owner, _), all_of in self.workers.items() if owner == number for act in all_of]
        acts += [act for act in self.deliveries if number in act.recipients]
        near = [act for act in acts if act.kind != "look" and (
            act.token in words or act.mailbox in words or act.target in words or act.sent <= crash < act.answered)]
        return sorted((act for act in near if act.sent <= crash + 200), key=lambda act: act.sent)[-12:]

    def expected(self, number, crash, names_now):
        """The Account as it must be after a crash at that moment."""
        account = self.accounts[number].copy()
        for (owner, _), acts in sorted(self.workers.items()):
            if owner != number:
                continue
            for act in acts:
                if act.answered <= crash:
                    account.apply(act)
                elif act.sent <= crash and act.kind != "look":
                    account.doubt(act, names_now)
        inbox = account.boxes["INBOX"]
        for act in self.deliveries:
            if number not in act.recipients or act.sent > crash or act.token in account.sighted:
                continue
            sure = act.answered <= crash and act.ok
            inbox.floating.append(Row(act.token, {frozenset()}, required=sure))
        return account
