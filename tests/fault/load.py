"""The load: SMTP sessions that deliver and IMAP workers that change mailboxes, each writing into the ledger what it sent
and what it was answered. A client that loses its connection ends: its last act is in doubt."""
import random
import re
import smtplib

from appliance import send_data
from clients import Clients
from imap_link import Gone, ImapLink, Refused, number_set, numbers, quoted
from ledger import Act
import made_mail

SYSTEM = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$Forwarded"]
KEYWORDS = ["alpha", "beta", "gamma"]
NAMES = ["one", "two", "three", "Папка"]  # a worker's mailboxes are called a/one, b/two/three …


def worker_of(mailbox):
    """INBOX and everything but the tree below b belong to worker 0."""
    return 1 if mailbox == "b" or mailbox.startswith("b/") else 0


class Load(Clients):
    expected = (Gone, OSError, smtplib.SMTPException)

    def __init__(self, box, ledger, clock, seed, accounts, sessions=4, workers=2):
        self.box, self.ledger, self.clock, self.accounts = box, ledger, clock, accounts
        works = [(self._deliver, f"{seed}.s{n}", n) for n in range(sessions)]
        for account in range(1, accounts + 1):
            for worker in range(workers):
                works.append((self._work, f"{seed}.a{account}w{worker}", account, worker, ledger.worker_acts(account, worker)))
        super().__init__(works)
        self.begin()

    # -- SMTP

    def _deliver(self, who, _):
        dice, number = random.Random(who), 0
        while not self.ended.is_set():
            with smtplib.SMTP(self.box.host, self.box.ports["smtp"], local_hostname="load.sample.test", timeout=60) as link:
                link.ehlo()
                for _ in range(dice.randrange(1, 20)):
                    if self.ended.is_set():
                        break
                    number += 1
                    self._deliver_one(link, dice, made_mail.token_of(who, number, made_mail.random_size(dice)))

    def _deliver_one(self, link, dice, token):
        count = 1 if dice.random() < 0.6 else dice.randrange(2, self.accounts + 1) if self.accounts > 1 else 1
        recipients = tuple(dice.sample(range(1, self.accounts + 1), count))
        body = made_mail.content(token)
        act = Act("delivery", self.clock(), token=token, recipients=recipients)
        if link.mail("load@sample.test")[0] != 250:
            return self._rest(link)
        for account in recipients:
            if link.rcpt(self.box.user_name(account))[0] != 250:
                return self._rest(link)
        self.ledger.deliver(act)
        code, text = send_data(link, body)
        if code == 354 or code < 200:
            raise OSError(f"{code} {text}")
        act.ok, act.answered = code == 250, self.clock()
        if code >= 500:
            raise AssertionError(f"{token}: {code} {text}")
        return None if act.ok else self._rest(link)

    def _rest(self, link):
        """Refused for now: as RFC 5321 section 4.5.4.1 has it, a client waits."""
        link.rset()
        self.ended.wait(0.05)

    # -- IMAP

    def _work(self, who, account, worker, acts):
        with ImapLink(self.box.host, self.box.ports["imap"], self.box.user_name(account), self.box.password) as link:
            mine = self.ledger.accounts[account].copy()
            mine.boxes = {name: box for name, box in mine.boxes.items() if worker_of(name) == worker}
            ImapWorker(self, link, who, mine, "ab"[worker], acts).run()


class ImapWorker:
    def __init__(self, load, link, who, account, tree, acts):
        self.load, self.link, self.who, self.account, self.tree, self.acts = load, link, who, account, tree, acts
        self.dice, self.number, self.selected = random.Random(who), 0, None

    def run(self):
        choices = [(self.append, 24), (self.store, 26), (self.copy, 9), (self.move, 14), (self.expunge, 12), (self.create, 5),
                   (self.rename, 4), (self.delete, 2), (self.look, 8)]
        steps, weights = [c for c, _ in choices], [w for _, w in choices]
        if self.tree not in self.account.boxes:
            self.make(self.tree)
        while not self.load.ended.is_set():
            self.dice.choices(steps, weights)[0]()

    def act(self, act, command, literal=None, finish=None):
        """Sends, notes, applies. `finish(act, answer)` takes from the answer what the act brought."""
        self.acts.append(act)
        try:
            answer = self.link.command(command, literal)
            if finish:
                finish(act, answer)
            act.ok = True
        except Refused as refused:
            if " NO " not in str(refused):
                raise
            self.load.ended.wait(0.02)
        act.answered = self.load.clock()
        self.account.apply(act)
        if self.account.complaints:
            raise AssertionError(self.account.complaints[0][1])
        return act.ok

    def begin(self, kind, **fields):
        return Act(kind, self.load.clock(), **fields)

    def some_box(self, deletable=False):
        names = sorted(n for n in self.account.boxes if not deletable or n.startswith(self.tree + "/"))
        return self.dice.choice(names) if names else None

    def select(self, name):
        if self.selected == name:
            return
        self.selected = None
        act = self.begin("look", mailbox=name)
        self.act(act, f"SELECT {quoted(name)}", finish=self.told)
        if act.ok:
            self.selected = name

    def told(self, act, answer):
        """UIDVALIDITY must be the one that we know; UIDNEXT and HIGHESTMODSEQ may never be lower again."""
        uidvalidity = int(answer.code("UIDVALIDITY"))
        known = self.account.boxes[act.mailbox].uidvalidity
        if uidvalidity != known:
            raise AssertionError(f"{act.mailbox}: UIDVALIDITY {uidvalidity}, it was {known}")
        act.bounds = (int(answer.code("UIDNEXT")), int(answer.code("HIGHESTMODSEQ") or 0))

    def some_uids(self, most=10):
        """Selects a mailbox with messages and answers some of them."""
        names = sorted(n for n, box in self.account.boxes.items() if box.rows)
        if not names:
            self.look()
            return None, ()
        name = self.dice.choice(names)
        self.select(name)
        uids = sorted(self.account.boxes[name].rows)
        return (name, tuple(self.dice.sample(uids, min(len(uids), self.dice.randrange(1, most + 1))))) \
            if self.selected == name else (None, ())

    def look(self):
        """What came into INBOX by SMTP: its UIDs become known here."""
        if self.tree != "a":
            name = self.some_box()
            return self.select(name) if name else None
        self.select("INBOX")
        rows = self.account.boxes["INBOX"].rows

        def finish(act, answer):
            seen = []
            for line, literals in answer.lines:
                uid = re.search(r"\bUID (\d+)", line)
                if uid and literals and int(uid.group(1)) not in rows:
                    token = made_mail.token_in(literals[0])
                    if token is None:
                        raise AssertionError(f"INBOX, UID {uid.group(1)}: {literals[0][:80]!r}")
                    seen.append((int(uid.group(1)), token))
            act.seen = tuple(seen)

        act = self.begin("look", mailbox="INBOX")
        return self.act(act, f"UID FETCH {max(rows, default=0) + 1}:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])", finish=finish)

    def append(self):
        self.number += 1
        name = self.some_box()
        if name is None:
            return
        token = made_mail.token_of(self.who, self.number, made_mail.random_size(self.dice))
        flags = frozenset(self.dice.sample(SYSTEM + KEYWORDS, self.dice.randrange(0, 4)))

        def finish(act, answer):
            act.uidvalidity, uid = map(int, answer.code("APPENDUID").split())
            act.placed = ((0, uid),)

        act = self.begin("append", mailbox=name, token=token, flags=flags)
        self.act(act, f"APPEND {quoted(name)} ({' '.join(sorted(flags))})", made_mail.content(token), finish)

    def store(self):
        name, uids = self.some_uids()
        if not uids:
            return
        flags = frozenset(self.dice.sample(SYSTEM + KEYWORDS, self.dice.randrange(1, 4)))
        act = self.begin("store", mailbox=name, uids=uids, flags=flags, mode=self.dice.choice("+-="))
        self.act(act, f"UID STORE {number_set(uids)} {act.mode.strip('=')}FLAGS.SILENT ({' '.join(sorted(flags))})")

    def place(self, kind, verb):
        name, uids = self.some_uids(6)
        target = self.some_box()
        if not uids or target in (None, name):
            return

        def finish(act, answer):
            uidvalidity, before, now = answer.code("COPYUID").split()
            act.uidvalidity, act.placed = int(uidvalidity), tuple(zip(numbers(before), numbers(now), strict=True))
            if sorted(b for b, _ in act.placed) != sorted(act.uids):
                raise AssertionError(f"{verb} {act.uids}: COPYUID {before} {now}")

        act = self.begin(kind, mailbox=name, uids=uids, target=target)
        self.act(act, f"UID {verb} {number_set(uids)} {quoted(target)}", finish=finish)

    def copy(self):
        self.place("copy", "COPY")

    def move(self):
        self.place("move", "MOVE")

    def expunge(self):
        name, uids = self.some_uids(8)
        if not uids:
            return
        mark = self.begin("store", mailbox=name, uids=uids, flags=frozenset(["\\Deleted"]), mode="+")
        if not self.act(mark, f"UID STORE {number_set(uids)} +FLAGS.SILENT (\\Deleted)"):
            return
        self.act(self.begin("expunge", mailbox=name, uids=uids), f"UID EXPUNGE {number_set(uids)}")

    def make(self, name):
        if not self.act(self.begin("create", mailbox=name), f"CREATE {quoted(name)}", finish=self.born):
            raise AssertionError(f"CREATE {name} was refused")

    def born(self, act, _):
        """CREATE does not tell the UIDVALIDITY; a crash before STATUS has leaves the act in doubt, which is true of it."""
        act.uidvalidity = self.link.command(f"STATUS {quoted(act.mailbox)} (UIDVALIDITY)").status()["UIDVALIDITY"]

    def create(self):
        parent = self.some_box()
        if parent is None or not parent.startswith(self.tree) or parent.count("/") >= 3:
            parent = self.tree
        name = f"{parent}/{self.dice.choice(NAMES)}"
        if name not in self.account.boxes and len(self.account.boxes) < 14:
            self.make(name)

    def rename(self):
        name = self.some_box(deletable=True)
        target = f"{self.tree}/{self.dice.choice(NAMES)}"
        if name is None or target in self.account.boxes or target.startswith(name + "/"):
            return
        if self.selected == name or (self.selected or "").startswith(name + "/"):
            self.unselect()
        self.act(self.begin("rename", mailbox=name, target=target), f"RENAME {quoted(name)} {quoted(target)}")

    def delete(self):
        name = self.some_box(deletable=True)
        if name is None or any(n.startswith(name + "/") for n in self.account.boxes):
            return
        if self.selected == name:
            self.unselect()
        self.act(self.begin("delete", mailbox=name), f"DELETE {quoted(name)}")

    def unselect(self):
        self.link.command("UNSELECT")
        self.selected = None
