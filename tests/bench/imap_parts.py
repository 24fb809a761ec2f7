"""The parts of `run.sh imap`. Each measures one server once; what is said of a part in docs/performance.md binds it."""
import contextlib
import os
import random
import resource
import select
import socket
import statistics
import time

import imap_mail
from clients import Load
from imap_client import LoginRun, Raw, connected, drain_ceiling, last_line, process_seconds
from measures import ask, fill, one_push, reply, settle
from servers import ACCOUNTS, Failed, run

# Accounts that no other part uses.
TEN, HUNDRED, SIZING, FIRST, BUSY = 191, 192, 193, 194, 161
SIZE, SMALL = 5120, 2048
LIST_HEADERS = "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])"


@contextlib.contextmanager
def measured(server):
    """`with measured(server) as it:` then it.took and it.cpu, seconds."""
    class Measured:
        took = cpu = 0.0
    it = Measured()
    cpu, began = process_seconds(server), time.perf_counter()
    yield it
    it.took = time.perf_counter() - began
    it.cpu = process_seconds(server) - cpu


def needs(connection, *names):
    missing = [name for name in names if name not in connection.capabilities()]
    if missing:
        raise Failed(f"does not offer {' and '.join(missing)}")


def put_mail(context, number, mailbox, count, size=SIZE):
    """The first so many messages; a third stays unread. Ours takes them by MULTIAPPEND, a hundred a command. The peer syncs
    each on its own, which takes minutes: it finds them as files, which leaves its index and cache as empty as deliveries do."""
    mail = imap_mail.first(count, size)
    if not context.is_ours:
        write_files(context.server, number, mailbox, mail)
    with connected(context.server, number) as connection:
        if context.is_ours:
            if mailbox != "INBOX":
                connection.ask(f'CREATE "{mailbox}"')
            for at in range(0, count, 99):
                connection.append(mailbox, mail[at:min(at + 99, count)])
        if connection.select(mailbox) != count:
            raise Failed(f"not all of {count} messages are there")
        connection.ask("STORE 1:%d +FLAGS.SILENT (\\Seen)" % (count * 2 // 3))


def write_files(server, number, mailbox, mail):
    """Into the Maildir of the peer, named with their sizes as its own deliveries are."""
    account = server.fill_folder(number)
    folder = account if mailbox == "INBOX" else account / f".{mailbox}"
    for place in (account, folder):
        for part in ("cur", "new", "tmp"):
            (place / part).mkdir(parents=True, exist_ok=True)
    now, cur = int(time.time()) - len(mail), folder / "cur"
    for at, message in enumerate(mail):
        kept = message.replace(b"\r\n", b"\n")
        with open(cur / f"{now + at}.M{at:06d}P1.bench,S={len(kept)},W={len(message)}:2,", "wb") as file:
            file.write(kept)
    for root, folders, files in os.walk(account):
        for name in (".", *folders, *files):
            os.chown(os.path.join(root, name), server.owner, server.owner)


def ten(context):
    """The mailbox of 10,000, made once, and everything behind it done."""
    key = "ten " + context.server.name
    if key not in context.book.facts:
        began = time.perf_counter()
        put_mail(context, TEN, "INBOX", 10_000)
        took = time.perf_counter() - began
        settle(context.server, 80, 4 if context.is_ours else 0.4)
        context.book.facts[key] = True
        context.note(f"{context.server.name}: 10,000 messages of {SIZE} bytes {'by MULTIAPPEND' if context.is_ours else 'as files'} in {took:.1f} s")
    return 10_000


def hundred(context):
    """The mailbox of 100,000, written as files, adopted, and all work behind that done."""
    key = "hundred " + context.server.name
    if key not in context.book.facts:
        fill(context, HUNDRED, 100_000, SMALL)
        os.sync()
        with connected(context.server, HUNDRED) as connection:
            began = time.perf_counter()
            count = connection.select()
            took = time.perf_counter() - began
        if count != 100_000:
            raise Failed(f"SELECT counts {count} of 100,000 messages that were filled in")
        began = time.perf_counter()
        if context.is_ours:
            # Parsing what was adopted goes on in the background, at rest: here it is asked for.
            run([context.server.control, "index", "rebuild", context.server.user(HUNDRED)], 100)
        # The index of texts is filled when the account has been quiet for two seconds.
        quiet = settle(context.server, 200, 4 if context.is_ours else 0.4)
        context.note(f"{context.server.name}: 100,000 messages of {SMALL} bytes as files, adopted by the first SELECT in {took:.2f} s, "
                     f"{'index rebuilt and texts indexed' if context.is_ours else 'work behind it'} for another "
                     f"{time.perf_counter() - began:.1f} s{'' if quiet else ', and not at rest then'}")
        context.book.facts[key] = True
    return context.server


def times_of(context, row, commands, repeat, number, each=1):
    """Milliseconds of one command: the median, on one connection."""
    server = context.server
    with connected(server, number) as connection:
        connection.select()
        connection.drain(commands)
        with measured(server) as it:
            times = []
            for _ in range(repeat):
                began = time.perf_counter()
                connection.drain(commands)
                times.append(time.perf_counter() - began)
        context.add(row, statistics.median(times) * 1e3, cpu=it.cpu / repeat / each)


def warm_select(context, row, number):
    server, times = context.server, []
    with connected(server, number) as watching:  # the mailbox of a person at work is open somewhere
        watching.select()
        with connected(server, number) as connection:
            connection.ask("SELECT INBOX")
            cpu = 0.0
            for _ in range(15):
                connection.ask("UNSELECT")
                with measured(server) as it:
                    connection.drain("SELECT INBOX")
                times.append(it.took)
                cpu += it.cpu
    context.add(row, statistics.median(times) * 1e3, cpu=cpu / 15)


def fetch(context, row, number, mailbox, items, count, repeat, warm=True):
    """Messages a second of FETCH 1:* of these items, the median of so many connections."""
    server, rates, cpus, size = context.server, [], [], 0
    for turn in range(repeat + (1 if warm else 0)):
        with connected(server, number) as connection:
            connection.select(mailbox)
            with measured(server) as it:
                size = connection.drain("FETCH 1:* " + items)
        if turn or not warm:
            rates.append(count / it.took)
            cpus.append(it.cpu / count)
    context.add(row, statistics.median(rates), cpu=statistics.median(cpus), ceiling=drain_ceiling(server) * count / size)


# ------------------------------------------------------------------------------------------ parts

def first(context):
    """Each item has a mailbox of its own: what one leaves behind must not help the next."""
    count = 3000 if context.quick else 10_000
    for row, items in (("envelope_first", "ENVELOPE"), ("structure_first", "BODYSTRUCTURE"), ("headers_first", LIST_HEADERS)):
        mailbox = f"{row}-{context.round}"
        put_mail(context, FIRST, mailbox, count)
        settle(context.server, 30, 1)
        fetch(context, row, FIRST, mailbox, items, count, 1, warm=False)


def warm_fetch(context):
    count = ten(context)
    warm_select(context, "select10", TEN)
    repeat = 3 if context.quick else 7
    for row, items in (("flags10", "(FLAGS UID)"), ("envelope", "ENVELOPE"), ("structure", "BODYSTRUCTURE"), ("headers", LIST_HEADERS)):
        fetch(context, row, TEN, "INBOX", items, count, repeat)


def bodies(context):
    server, count = context.server, ten(context)
    for row, tls in (("bodies", False), ("bodies_tls", True)):
        rates, cpus = [], []
        for turn in range(4):
            with connected(server, TEN, tls=tls) as connection:
                connection.select()
                with measured(server) as it:
                    size = connection.drain(f"FETCH 1:{count} BODY.PEEK[]")
            if turn:
                rates.append(size / it.took / 1e6)
                cpus.append(it.cpu / size * 1e6)
        context.add(row, statistics.median(rates), cpu=statistics.median(cpus), ceiling=drain_ceiling(server, tls) / 1e6)


def search(context):
    ten(context)
    repeat = 3 if context.quick else 7
    for row, keys in (("search_body", 'BODY "needle7needle"'), ("search_text", 'TEXT "needle7needle"'),
                      ("search_body_common", 'BODY "quarterly"'), ("search_subject", 'HEADER Subject "report 77"'),
                      ("search_from", 'FROM "sender13"'), ("search_id", 'HEADER Message-ID "<m777."'), ("search_unseen", "UNSEEN"),
                      ("search_since", "SINCE 1-Jan-2020")):
        times_of(context, row, "SEARCH " + keys, repeat, TEN)


def sort(context):
    ten(context)
    with connected(context.server, TEN) as connection:
        needs(connection, "SORT")
    for row, keys in (("sort_date", "(REVERSE DATE) UTF-8 ALL"), ("sort_subject", "(SUBJECT) UTF-8 ALL"), ("sort_from", "(FROM) UTF-8 UNSEEN")):
        times_of(context, row, "SORT " + keys, 5, TEN)


def thread(context):
    ten(context)
    with connected(context.server, TEN) as connection:
        needs(connection, "THREAD=REFERENCES", "THREAD=ORDEREDSUBJECT")
    times_of(context, "thread_references", "THREAD REFERENCES UTF-8 ALL", 5, TEN)
    times_of(context, "thread_subject", "THREAD ORDEREDSUBJECT UTF-8 ALL", 5, TEN)


def store(context):
    server, count = context.server, ten(context)
    single = context.amount(200, 1000, 500, 2000)
    with connected(server, TEN) as connection:
        connection.select()
        with measured(server) as it:
            for number in range(1, single + 1):
                connection.drain("STORE %d +FLAGS (\\Flagged)" % number)
        context.add("store_one", single / it.took, cpu=it.cpu / single)
        connection.drain("STORE 1:* -FLAGS.SILENT (\\Flagged)")
        rates, cpus = [], []
        for sign in "+-+-+":
            with measured(server) as it:
                connection.drain(f"STORE 1:* {sign}FLAGS.SILENT (\\Answered)")
            rates.append(count / it.took)
            cpus.append(it.cpu / count)
        context.add("store_bulk", statistics.median(rates), cpu=statistics.median(cpus))
        connection.drain("STORE 1:* -FLAGS.SILENT (\\Answered)")
    settle(server, context.patience())


def of_100000(context):
    server = hundred(context)
    with connected(server, HUNDRED) as connection:
        count = connection.select()
    warm_select(context, "select100", HUNDRED)
    repeat = 3 if context.quick else 5
    fetch(context, "flags100", HUNDRED, "INBOX", "(FLAGS UID)", count, repeat)
    if not context.quick:
        fetch(context, "envelope100", HUNDRED, "INBOX", "ENVELOPE", count, repeat)
    times_of(context, "search_body100", 'SEARCH BODY "no-such-needle"', 1 if context.quick else 3, HUNDRED)
    step, wanted = count // 1000, 1000
    numbers = range(2, 2 + step * wanted, step)
    with connected(server, HUNDRED) as connection:
        connection.select()
        for at in range(0, wanted, 100):
            connection.drain("STORE %s +FLAGS.SILENT (\\Deleted)" % ",".join(str(n) for n in numbers[at:at + 100]))
        settle(server, 10)
        with measured(server) as it:
            answer = connection.ask("EXPUNGE")
        gone = answer.upper().count(b" EXPUNGE\r\n")
        if gone != wanted:
            raise Failed(f"EXPUNGE told of {gone} of {wanted} messages")
    context.add("expunge", it.took * 1e3, cpu=it.cpu)
    if context.round == 1 and (context.is_ours or not context.quick):
        idle_large(context)


def login(context):
    server = context.server
    accounts = list(range(1, 21))
    LoginRun(server, accounts).run(20, 1)
    for row, at_once in (("login1", 1), ("login8", 8)):
        count = context.amount(100, 600, 300, 3000) * (1 if at_once == 1 else 3)
        with measured(server) as it:
            per_s, times = LoginRun(server, accounts).run(count, at_once)
        context.add(row, per_s, cpu=it.cpu / count, ceiling=login_ceiling(at_once), p50_ms=statistics.median(times) * 1e3)


_login_ceilings = {}


def login_ceiling(at_once):
    if at_once not in _login_ceilings:
        stub = Load("stub-imap")
        try:
            port = int(stub.line("its port").split()[1])
            _login_ceilings[at_once] = LoginRun(None, ["user"], port=port).run(2000, at_once)[0]
        finally:
            stub.end()
    return _login_ceilings[at_once]


# ------------------------------------------------------------------------------------------ many that wait

def allow_descriptors(count):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = min(hard, count + 1000)
    if wanted < count + 100:
        raise Failed(f"only {hard} descriptors are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0]), hard))


@contextlib.contextmanager
def idling(server, count, accounts, tls=False):
    """So many connections in IDLE on INBOX, all in one go: each step is sent to a hundred before the first answer is read."""
    allow_descriptors(count)
    waiting = []
    try:
        while len(waiting) < count:
            fresh = [Raw(server, tls=tls) for _ in range(min(100, count - len(waiting)))]
            at = len(waiting)
            waiting += fresh
            for words in ("LOGIN {user} \"{password}\"", "SELECT INBOX"):
                tags = [one.send(words.format(user=server.user(accounts[(at + i) % len(accounts)]), password=server.password))
                        for i, one in enumerate(fresh)]
                for one, tag in zip(fresh, tags):
                    one.finish(tag, False)
            for one in fresh:
                one.send("IDLE")
            for one in fresh:
                while not one.line().lstrip().startswith(b"+"):
                    pass
                one.space = None  # a MB each that is not needed any more
        yield waiting
    finally:
        for one in waiting:
            one.socket.close()


def memory_settled(server):
    """PSS in KiB of all processes, once it stays the same for a second."""
    last = server.smaps("Pss")
    for _ in range(20):
        time.sleep(1)
        now = server.smaps("Pss")
        if abs(now - last) <= max(64, last // 500):
            return now
        last = now
    return last


def memory_idle(server):
    """Of connections that have been silent for some seconds: what is given back then is no part of an idle one."""
    time.sleep(14)
    return memory_settled(server)


def fresh(context):
    """A server that has not grown by other measures: only then is the difference that of the connections."""
    server = context.server
    if context.is_ours:
        server.restart()
    with connected(server, 111) as connection:  # what a first session needs is no part of what one more needs
        connection.select()
    settle(server, 10)


def idle_plain(context):
    server = context.server
    fresh(context)
    accounts = list(range(1, ACCOUNTS - 20))
    before = memory_settled(server)
    with idling(server, 2000, accounts):
        context.add("idle_plain", (memory_idle(server) - before) / 2000)
        with measured(server) as it:
            time.sleep(2)
        context.note(f"{server.name}: 2,000 idle connections take {it.cpu / 2 * 100:.2f} % of a core")
        push(context, 30 if context.quick else 200)


def push(context, count):
    server, number = context.server, ACCOUNTS - 19
    watcher = PushWatcher(server, number)
    sender = socket.create_connection(("127.0.0.1", server.smtp_port), 30)
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    times = []
    try:
        reply(sender)
        ask(sender, b"EHLO client.example\r\n")
        with measured(server) as it:
            for n in range(count):
                times.append(one_push(sender, watcher, server.user(number), n, watcher.there + n + 1))
                time.sleep(0.05)
    finally:
        sender.close()
        watcher.socket.close()
    times.sort()
    context.add("push_p50", statistics.median(times) * 1e3, cpu=it.cpu / count)
    context.add("push_p99", times[min(len(times) - 1, int(len(times) * 0.99))] * 1e3)


class PushWatcher(Raw):
    """What one_push of measures.py wants: a socket in IDLE, and what has been read of it."""

    def __init__(self, server, number):
        super().__init__(server, number)
        self.there, self.buffer = self.select(), b""
        self.send("IDLE")
        while not self.line().startswith(b"+"):
            pass


def idle_tls(context):
    server = context.server
    fresh(context)
    with connected(server, 111, tls=True) as connection:
        connection.select()
    before = memory_settled(server)
    with idling(server, 2000, list(range(1, ACCOUNTS - 20)), tls=True):
        context.add("idle_tls", (memory_idle(server) - before) / 2000)


def idle_large(context):
    server, count = context.server, 200
    if context.is_ours:
        server.restart()
    with connected(server, HUNDRED) as connection:
        connection.select()
        settle(server, 20, 4 if context.is_ours else 0.4)
        before = memory_settled(server)
        with idling(server, count, [HUNDRED]):
            context.add("idle_large", (memory_idle(server) - before) / count)


def idle_10000(context):
    """Ours only: the pair would need 10,000 processes."""
    server = context.server
    server.restart()
    with idling(server, 10_000, list(range(1, ACCOUNTS - 20)), tls=True):
        context.add("idle_10000", memory_idle(server) * 1024 / 1e6)


# ------------------------------------------------------------------------------------------ a large provider's sizing

def sizing(context):
    server, count = context.server, ten(context)
    with connected(server, TEN) as connection:
        has_preview = "PREVIEW" in connection.capabilities()
        items = f"(UID FLAGS ENVELOPE{' PREVIEW' if has_preview else ''})"
        if not has_preview:
            context.note(f"{server.name}: has no PREVIEW, so its list is without")
        connection.select()
        requests = context.amount(200, 1000, 1000, 5000)
        newest = f"FETCH {count - 49}:{count} {items}"
        size = connection.drain(newest)
        with measured(server) as it:
            for _ in range(requests):
                connection.drain(newest)
        context.add("list50", requests / it.took, cpu=it.cpu / requests, ceiling=drain_ceiling(server) / size)
        context.add("list50_core", requests / it.cpu, cpu=it.cpu / requests)
    draft = imap_mail.message(3, 75 * 1024)
    large = imap_mail.with_attachment(1_100_000)
    with connected(server, SIZING) as connection:
        mailbox = f"drafts-{context.round}"
        connection.ask(f"CREATE {mailbox}")
        drafts = context.amount(60, 300, 300, 1500)
        with measured(server) as it:
            for _ in range(drafts):
                connection.append(mailbox, [draft], "(\\Draft)")
        context.add("draft", drafts / it.took, cpu=it.cpu / drafts)
        settle(server, context.patience())
        mailbox = f"large-{context.round}"
        connection.ask(f"CREATE {mailbox}")
        for _ in range(10):
            connection.append(mailbox, [large])
        connection.select(mailbox)
        connection.drain("FETCH 1:10 BODY.PEEK[]")
        fetches = context.amount(200, 400, 500, 2000)
        with measured(server) as it:
            for n in range(fetches):
                connection.drain(f"FETCH {1 + n % 10} BODY.PEEK[]")
        context.add("large", fetches / it.took, cpu=it.cpu / fetches, ceiling=drain_ceiling(server) / len(large))


# ------------------------------------------------------------------------------------------ many that work

BUSY_COMMANDS = ("NOOP", "FETCH 1:* (FLAGS UID)", "UID SEARCH UNSEEN", "FETCH {n} (ENVELOPE BODYSTRUCTURE)", "FETCH {n} BODY.PEEK[]",
                 "STORE {n} +FLAGS (\\Flagged)", "STORE {n} -FLAGS (\\Flagged)", "STATUS INBOX (MESSAGES UNSEEN)", 'SEARCH BODY "needle0needle"',
                 "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)", "COPY {n} busy", "SELECT INBOX")


def busy(context):
    """200 sessions on 20 accounts of 100 messages; each sends its next command when the last is answered."""
    server, seconds = context.server, 20 if context.quick else 600
    accounts = list(range(BUSY, BUSY + 9)) + list(range(111, 121))
    for number in accounts:
        put_mail(context, number, f"work-{context.round}", 100)
        with connected(server, number) as connection:
            with contextlib.suppress(Failed):
                connection.ask("CREATE busy")
    chance, poll, sessions = random.Random(7), select.epoll(), {}
    allow_descriptors(400)
    for n in range(200):
        one = Raw(server, accounts[n % len(accounts)])
        one.select(f"work-{context.round}")
        one.socket.setblocking(False)
        one.tail = b""
        sessions[one.socket.fileno()] = one
        poll.register(one.socket.fileno(), select.EPOLLIN)
    done, errors, kinds, memory, end = 0, 0, {}, [], time.monotonic() + seconds
    try:
        with measured(server) as it:
            for one in sessions.values():
                one.tag = one.send("NOOP")
            looked = time.monotonic()
            while time.monotonic() < end:
                for descriptor, _ in poll.poll(1):
                    one = sessions[descriptor]
                    got = one.socket.recv_into(one.space)
                    if got == 0:
                        raise Failed("a busy session was closed: " + one.tail.decode(errors="replace")[-100:])
                    one.tail = (one.tail + bytes(memoryview(one.space)[max(0, got - 4096):got]))[-4096:]
                    last = last_line(one.tail)
                    if not one.tail.endswith(b"\r\n") or not last.startswith(one.tag):
                        continue
                    done += 1
                    if not last[len(one.tag):].startswith(b"OK"):
                        errors += 1
                        words = last[len(one.tag):].decode(errors="replace").strip()[:80]
                        kinds[words] = kinds.get(words, 0) + 1
                    command = chance.choice(BUSY_COMMANDS).format(n=chance.randint(1, 100))
                    if command == "SELECT INBOX":
                        command = f"SELECT work-{context.round}"
                    one.tag = one.send(command)
                if time.monotonic() - looked > 0.25:
                    looked = time.monotonic()
                    memory.append(server.smaps("Anonymous"))
    finally:
        for one in sessions.values():
            one.socket.close()
        poll.close()
    half = len(memory) // 2
    quarter = memory[len(memory) // 4:half]
    context.add("busy", done / it.took, cpu=it.cpu / done)
    context.add("busy_growth", (statistics.mean(memory[half + len(memory) // 4:]) / statistics.mean(quarter) - 1) * 100)
    context.add("busy_errors", errors)
    context.note(f"{server.name}: 200 busy sessions for {seconds} s: {done} commands, {errors} errors {kinds or ''}, "
                 f"anonymous memory {quarter[0]} to {memory[-1]} KiB")
