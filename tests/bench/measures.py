"""The parts of a run. Each measures one server once and adds its figures to the book; a part that cannot raises Failed."""
import contextlib
import http.client
import os
import pathlib
import re
import select
import socket
import statistics
import subprocess
import time

from clients import RUNNING, Imap, Load, ceiling, complain_about
from probes import COMMITS, DurableWrites, PeakMemory, commit_buckets, commit_times
from servers import Failed

MANY = "many%05d"
# Which accounts a part uses, so that no part finds the mail of another in its mailboxes.
APPEND, IDLE, COMMIT, LONG, MEMORY, GROW, BIG = 101, 110, 121, 141, 170, 181, 190
TARGETS = 20
BIG_SIZE = 5120


class Context:
    """What a part is given: the server, where its figures go, and how much of everything."""

    def __init__(self, server, is_ours, book, device, quick, work):
        self.server, self.is_ours, self.book, self.device, self.quick, self.work = server, is_ours, book, device, quick, work
        self.round = 1

    def amount(self, quick_peer, quick_ours, full_peer, full_ours):
        if self.quick:
            return quick_ours if self.is_ours else quick_peer
        return full_ours if self.is_ours else full_peer

    def add(self, row, value, **more):
        self.book.add(row, self.is_ours, value, **more)

    def note(self, text):
        self.book.note(text)

    def patience(self):
        return 30 if self.quick else 300


# ------------------------------------------------------------------------------------------ common

def backlog(server):
    """What the server says is still to be done behind its answers; 0 where it says nothing."""
    if not hasattr(server, "metrics"):
        return 0
    total, lines = 0.0, []
    with contextlib.suppress(OSError, http.client.HTTPException, Failed):
        lines = server.metrics().splitlines()
    for line in lines:
        if re.match(r"mailboxd_\w*(backlog|unapplied|unindexed|unparsed|to_index)\w*(\{.*\})? ", line):
            total += float(line.rsplit(" ", 1)[1])
    return total


def settle(server, patience, quiet=0.4):
    """Waits until nothing goes on behind the answers, for `quiet` seconds. False: it still did after `patience` seconds."""
    end, quiet_since, last = time.monotonic() + patience, None, server.cpu()
    while time.monotonic() < end:
        time.sleep(0.5)
        used, last = server.cpu() - last, server.cpu()
        quiet_since = None if used > 0.02 else quiet_since or time.monotonic()
        if quiet_since and time.monotonic() - quiet_since >= (quiet if backlog(server) == 0 else 3):
            return True
    return False


def wait_until_there(connections, wanted, patience):
    """Polls STATUS until every mailbox holds what it must; the time of the last answer."""
    began = time.time()
    left = list(range(len(connections)))
    while left:
        left = [i for i in left if connections[i].messages() < wanted[i]]
        if left and time.time() - began > patience:
            raise Failed(f"{len(left)} of {len(connections)} mailboxes had not their messages after {patience} s")
        if left:
            time.sleep(max(0.005, min(0.25, (time.time() - began) / 50)))
    return time.time()


def deliver(context, messages, sessions, size, first, targets=TARGETS, sample=None, patience=300, pipeline=False):
    """Messages by SMTP until IMAP STATUS counts every one of them. Adds delivered_per_s, cpu_s and samples to what the
    load client says."""
    server = context.server
    with contextlib.ExitStack() as stack:
        connections = []
        for i in range(targets):
            connections.append(Imap(server, first + i))
            stack.callback(connections[-1].close)
        before = [c.messages() for c in connections]
        load = Load("smtp", port=server.smtp_port, sessions=sessions, messages=messages, size=size, users=targets, first=first,
                    address=server.user_format,
                    tag=f"{int(time.time() * 1000):x}", timeout=patience, pipeline=pipeline)
        load.ready()
        cpu, samples = server.cpu(), [(time.time(), 0)]
        load.go()
        while sample and load.is_running():
            time.sleep(sample)
            samples.append((time.time(), sum(c.messages() for c in connections) - sum(before)))
        result = load.result()
        complain_about(result)
        wanted = [n + messages // targets + (1 if i < messages % targets else 0) for i, n in enumerate(before)]
        if sample:
            while samples[-1][1] < messages:
                if time.time() > result["t_last"] + patience:
                    raise Failed(f"only {samples[-1][1]} of {messages} messages were there after {patience} s more")
                samples.append((time.time(), sum(c.messages() for c in connections) - sum(before)))
                time.sleep(0.2)
        result["t_there"] = wait_until_there(connections, wanted, patience)
        result["cpu_s"] = server.cpu() - cpu
        result["samples"] = samples
        result["delivered_per_s"] = messages / (result["t_there"] - result["t_start"])
    return result


def first_user(context):
    return 1 + (context.round - 1) % 5 * TARGETS


# ------------------------------------------------------------------------------------------ rates

def rate(row, sessions, size, amounts, pipeline=False):
    def part(context):
        limit = ceiling("smtp", sessions, size, pipeline)
        result = deliver(context, context.amount(*amounts), sessions, size, first_user(context), pipeline=pipeline)
        context.add(row, result["delivered_per_s"], ceiling=limit, accepted_per_s=result["per_s"], dot_p50_ms=result["p50_ms"],
                    dot_p99_ms=result["p99_ms"], cpu_s_per_1000=result["cpu_s"] / result["accepted"] * 1000)
        return result["delivered_per_s"]
    return part


def large(context):
    """1 MB messages, and the same bytes as plain durable writes of the disk just before."""
    disk = Load("disk", folder=disk_folder(context), size=4 << 20, seconds=2 if context.quick else 4).result()
    per_s = rate("1m", 4, 1 << 20, (30, 80, 100, 400))(context)
    context.add("1m_share", per_s * (1 << 20) / 1e6 / disk["mb_per_s"] * 100, disk_mb_per_s=disk["mb_per_s"])
    context.note(f"the disk took {disk['mb_per_s']:.0f} MB/s of durable writes (4 MB, fdatasync, again) before a run of 1 MB messages")


def disk_folder(context):
    return context.work


def cost(context):
    """Processor and device cost of a message of 5 KB, until delivered and until nothing went on behind it."""
    server, messages = context.server, context.amount(500, 2000, 3000, 20000)
    first = first_user(context)
    deliver(context, 5 * TARGETS, 10, 5120, first)  # mailboxes are made at the first message, once: no cost of each
    settle(server, context.patience())
    os.sync()
    written, flushes, cpu = context.device.written(), context.device.flushes(), server.cpu()
    dirtied = server.dirtied() if context.is_ours else 0
    limit = ceiling("smtp", 10, 5120)
    result = deliver(context, messages, 10, 5120, first)
    context.add("cpu", result["cpu_s"] / messages * 1000, ceiling=limit)
    if not settle(server, context.patience()):
        context.note(f"{server.name}: still at work {context.patience()} s after the messages of the CPU row")
    context.add("cpu_drained", (server.cpu() - cpu) / messages * 1000)
    if context.is_ours:
        context.note(f"{server.name}: of the device's bytes of a message its process itself wrote "
                     f"{(server.dirtied() - dirtied) / messages:,.0f} (/proc/PID/io); the rest is the file system's and others'")
    os.sync()
    context.add("device_bytes", (context.device.written() - written) / messages, flushes=context.device.flushes() - flushes)


def durable_writes(context):
    messages = context.amount(400, 2000, 1000, 10000)
    settle(context.server, context.patience())
    flushes = context.device.flushes()
    with DurableWrites(context.server) as writes:
        deliver(context, messages, 50, 5120, first_user(context))
        # What is written behind the answers belongs to the messages as well.
        settle(context.server, context.patience())
        time.sleep(1.2)
    if writes.lost:
        raise Failed(f"the tracing buffer lost {writes.lost} events")
    context.add("syncs", writes.total() / messages, kinds=writes.kinds())
    context.add("flushes", (context.device.flushes() - flushes) / messages)
    context.note(f"{context.server.name}: durable writes for {messages} messages: {writes.kinds()}")


def append(context):
    server = context.server
    for connections in (1, 8):
        limit = ceiling("append", connections, 5120)
        load = Load("append", password=server.password, port=server.imap_port, sessions=connections, first=APPEND, users=8,
                    messages=context.amount(150, 500, 1500, 8000) * (1 if connections == 1 else 3), size=5120,
                    mailbox=f"bench-{context.round}-{connections}", address=server.user_format)
        load.ready()
        load.go()
        result = load.result()
        complain_about(result)
        context.add(f"append{connections}", result["per_s"], ceiling=limit, p50_ms=result["p50_ms"], p99_ms=result["p99_ms"])


# ------------------------------------------------------------------------------------------ IDLE

def idle(context):
    """One message at a time to a user who sits in IDLE: from the 250 to the untagged EXISTS, one thread for both ends."""
    server, count = context.server, 30 if context.quick else 200
    watcher = Imap(server, IDLE)
    there, _ = watcher.exists()
    watcher.socket.sendall(b"idle IDLE\r\n")
    while not watcher.line().startswith(b"+"):
        pass
    sender = socket.create_connection(("127.0.0.1", server.smtp_port), 30)
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    times = []
    try:
        reply(sender)
        ask(sender, b"EHLO client.example\r\n")
        for number in range(count):
            times.append(one_push(sender, watcher, server.user(IDLE), number, there + number + 1))
            time.sleep(0.05)
    finally:
        sender.close()
        watcher.close()
    times.sort()
    context.add("idle_p50", statistics.median(times) * 1e3)
    context.add("idle_p99", times[min(len(times) - 1, int(len(times) * 0.99))] * 1e3)


def reply(connection):
    text = b""
    while not re.search(rb"^\d\d\d .*\r\n\Z", text, re.M):
        more = connection.recv(4096)
        if not more:
            raise Failed("the SMTP server closed the connection")
        text += more
    if text[:1] not in b"23":
        raise Failed("SMTP: " + text.decode(errors="replace")[:80])


def ask(connection, text):
    connection.sendall(text)
    reply(connection)


def one_push(sender, watcher, address, number, wanted):
    ask(sender, b"MAIL FROM:<sender@remote.test>\r\n")
    ask(sender, b"RCPT TO:<%s>\r\n" % address.encode())
    ask(sender, b"DATA\r\n")
    body = b"A line of this message that has about as many words as lines have.\r\n" * 72
    sender.sendall(b"From: <sender@remote.test>\r\nTo: <%s>\r\nSubject: idle %d\r\nMessage-ID: <idle.%d.%d@remote.test>\r\n\r\n%s.\r\n"
                   % (address.encode(), number, number, time.time_ns(), body))
    answered = pushed = None
    end = time.monotonic() + 20
    both = select.poll()  # not select(): with thousands of connections the descriptors are beyond its 1,024
    both.register(sender, select.POLLIN)
    both.register(watcher.socket, select.POLLIN)
    while answered is None or pushed is None:
        readable = [descriptor for descriptor, _ in both.poll(max(0.0, end - time.monotonic()) * 1e3)]
        if not readable:
            raise Failed("no 250 or no EXISTS within 20 s")
        if sender.fileno() in readable and answered is None:
            reply(sender)
            answered = time.perf_counter()
        if watcher.socket.fileno() in readable:
            watcher.buffer += watcher.socket.recv(65536)
            seen = time.perf_counter()
            *lines, watcher.buffer = watcher.buffer.split(b"\r\n")
            numbers = [int(l.split()[1]) for l in lines if l.upper().endswith(b" EXISTS")]
            pushed = seen if numbers and max(numbers) >= wanted else pushed
    # A server may push before its 250 has been read: that is no waiting at all.
    return max(0.0, pushed - answered)


# ------------------------------------------------------------------------------------------ a large mailbox

def fill(context, number, count, size):
    """A Maildir of `count` files, written past the server, which must not know the account yet."""
    server = context.server
    folder = server.fill_folder(number)
    if context.is_ours:
        server.stop()
        folder.parent.mkdir(exist_ok=True)
        os.chown(folder.parent, server.owner, -1)
        server.without_index(number)
    load = Load("fill", folder=str(folder), messages=count, size=size, form=server.form, owner=server.owner, timeout=900)
    done = load.result()
    if context.is_ours:
        server.resume()
    return done


def filled(context):
    key = "filled " + context.server.name
    if key not in context.book.facts:
        count = 100_000
        done = fill(context, BIG, count, BIG_SIZE)
        os.sync()
        first = Imap(context.server, BIG)
        exists, took = first.exists()
        first.close()
        if exists != count:
            raise Failed(f"SELECT counts {exists} of {count} messages that were filled in")
        context.book.facts[key] = count
        context.note(f"{context.server.name}: {count} files of {BIG_SIZE} bytes written into the Maildir at {done['per_s']:.0f}/s, "
                     f"adopted by the first SELECT in {took:.2f} s")
        settle(context.server, context.patience())
    return context.book.facts[key]


def select_large(context):
    count, server = filled(context), context.server
    if context.is_ours:
        server.stop()
    server.without_index(BIG)
    if context.is_ours:
        server.resume()
    connection = Imap(server, BIG)
    exists, took = connection.exists()
    connection.close()
    if exists != count:
        raise Failed(f"SELECT without index counts {exists} of {count}")
    context.add("select_cold", took * 1e3)
    settle(server, context.patience())
    times = []
    for _ in range(12):
        connection = Imap(server, BIG)
        times.append(connection.exists()[1] * 1e3)
        connection.close()
    context.add("select_warm", statistics.median(times[1:]))


def rebuild(context):
    """The command when the server has it; else index.db is deleted and the first SELECT timed until all is quiet."""
    count, server = filled(context), context.server
    cpu = server.cpu()
    if server.has_command("index", "rebuild"):
        began = time.perf_counter()
        done = subprocess.Popen([server.control, "index", "rebuild", server.user(BIG)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        RUNNING.append(done)
        output, _ = done.communicate(timeout=context.patience() * 4)
        took = time.perf_counter() - began
        RUNNING.remove(done)
        if done.returncode != 0:
            raise Failed("mailboxctl index rebuild: " + " / ".join(output.strip().splitlines()[-2:]))
        settled = server.cpu()
        settle(server, context.patience())
        context.note(f"rebuild: mailboxctl index rebuild, {took:.2f} s, then {server.cpu() - settled:.2f} s CPU behind it")
    else:
        server.stop()
        server.without_index(BIG)
        server.resume()
        connection = Imap(server, BIG)
        took = connection.exists()[1]
        connection.close()
        settle(server, context.patience())
        context.note("rebuild: this server has no `mailboxctl index rebuild`; measured: index.db deleted, first SELECT "
                     "(no parsed columns)")
    connection = Imap(server, BIG)
    exists, _ = connection.exists()
    connection.close()
    if exists != count:
        raise Failed(f"{exists} of {count} messages after the rebuild")
    context.add("rebuild", count / took, cpu_s=server.cpu() - cpu)


# ------------------------------------------------------------------------------------------ memory, commits

def memory(context):
    server = context.server
    server.restart()
    # Once without the clock: what a first message of any size needs is no part of what a large one needs.
    deliver(context, 20, 1, 5120, MEMORY, targets=1)
    deliver(context, 1, 1, 4 << 20, MEMORY, targets=1)
    settle(server, context.patience())
    with PeakMemory(server) as seen:
        result = deliver(context, 1, 1, 1 << 30, MEMORY, targets=1, patience=400)
        settle(server, context.patience())
    context.add("memory", (seen.peak - seen.before) * 1024 / 1e6, before_kib=seen.before)
    context.note(f"1 GB message: taken and counted in {result['t_there'] - result['t_start']:.1f} s; "
                 f"anonymous memory {seen.before} KiB before, {seen.peak} KiB at most")


def commit(context):
    server = context.server
    if not commit_buckets(server):
        context.note(f"commit: {server.name} shows no histogram {COMMITS} in /metrics")
        return
    for case, sessions, messages in (("alone", 1, 300 if context.quick else 3000), ("load", 50, 3000 if context.quick else 20000)):
        settle(server, context.patience())
        os.sync()
        before = commit_buckets(server)
        deliver(context, messages, sessions, 5120, COMMIT)
        add_commits(context, case, before)
    size = (512 if context.quick else 4096) << 20
    source, copy = pathlib.Path(context.work, "copy-source"), pathlib.Path(context.work, "copy")
    try:
        write_file(source, size)
        settle(server, context.patience())
        before = commit_buckets(server)
        load = Load("smtp", port=server.smtp_port, sessions=50, messages=10_000_000, size=5120, users=TARGETS, first=COMMIT,
                    address=server.user_format, tag=f"{time.time_ns():x}", until_eof=True, timeout=600)
        load.ready()
        load.go()
        time.sleep(0.5)
        began = time.perf_counter()
        copying = subprocess.Popen(["dd", f"if={source}", f"of={copy}", "bs=1M", "conv=fsync", "status=none"])
        RUNNING.append(copying)
        copying.wait(500)
        RUNNING.remove(copying)
        took = time.perf_counter() - began
        load.stop_issuing()
        result = load.result()
        add_commits(context, "copy", before)
        context.note(f"copy of {size >> 20} MiB beside 50 sessions: {took:.1f} s, {result['per_s']:.0f} messages/s accepted meanwhile")
        complain_about(result)
    finally:
        source.unlink(missing_ok=True)
        copy.unlink(missing_ok=True)


def write_file(path, size):
    piece = os.urandom(1 << 20)
    with open(path, "wb") as file:
        for _ in range(size >> 20):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def add_commits(context, case, before):
    times = commit_times(before, commit_buckets(context.server))
    if times is None:
        raise Failed("no commit was counted")
    for key in ("p50_ms", "p99_ms", "max_ms"):
        context.add(f"commit_{case}_{key[:3]}", times[key], commits=times["commits"])
    if times["over"]:
        context.note(f"commits, {case}: some took longer than the last bucket of the histogram")


# ------------------------------------------------------------------------------------------ long runs, growth

def long_run(context):
    server, messages = context.server, 20_000 if context.quick else 200_000
    limit = ceiling("smtp", 10, 5120)
    accounts = range(LONG, LONG + TARGETS)
    files = server.maildir_files(accounts)
    result = deliver(context, messages, 10, 5120, LONG, sample=0.5 if context.is_ours else 1, patience=900 if context.quick else 3600)
    samples = result["samples"] + [(result["t_there"], messages)]
    at = next((t0 + (t1 - t0) * (0.75 * messages - a) / (b - a)
               for (t0, a), (t1, b) in zip(samples, samples[1:]) if a < 0.75 * messages <= b), None)
    if at is None or result["t_there"] <= at:
        raise Failed("too few samples for a last quarter")
    context.add("long", messages / 4 / (result["t_there"] - at), ceiling=limit, whole_per_s=result["delivered_per_s"])
    context.note(f"{server.name}: {messages} messages at {result['delivered_per_s']:.0f}/s over the whole run")
    settle(server, context.patience())
    context.add("long_files", server.maildir_files(accounts) - files, wanted=messages)


def grow_messages(context):
    levels = (1000, 10_000, 100_000) if context.quick else (1000, 10_000, 100_000, 1_000_000)
    messages = 500 if context.quick else 3000
    for i, level in enumerate(levels):
        number = GROW + i
        if context.quick and level == 100_000:
            # Unlinking costs this disk more than writing: a quick run takes the large mailbox that is there.
            number = BIG
            context.book.facts["filled " + context.server.name] = filled(context) + 3 * messages
        else:
            fill(context, number, level, 1024)
            connection = Imap(context.server, number, timeout=1500)
            exists, _ = connection.exists()
            connection.close()
            if exists != level:
                raise Failed(f"{exists} of {level} messages after filling")
        settle(context.server, context.patience())
        context.book.growth("messages", level, [deliver(context, messages, 10, 5120, number, targets=1) for _ in range(3)])


def grow_accounts(context):
    """Every account gets one message before the clock: making a mailbox is not delivering into it."""
    server = context.server
    levels = (10, 100, 1000) if context.quick else (10, 100, 1000, 10_000)
    server.stop()
    server.add_accounts(levels[-1], MANY)
    server.resume()
    base = server.maildir(1).parent
    for level in levels:
        deliver_to_many(server, base, level, level)
        settle(server, context.patience())
        messages = 1000 if context.quick else 10_000
        context.book.growth("accounts", level, [deliver_to_many(server, base, level, messages) for _ in range(3)])


def deliver_to_many(server, base, accounts, messages):
    """Ends when every message is a file: asking thousands of mailboxes by IMAP would cost more than the deliveries."""
    def files():
        count = 0
        for number in range(1, accounts + 1):
            for part in ("new", "cur"):
                with contextlib.suppress(FileNotFoundError):
                    count += len(os.listdir(base / (MANY % number) / part))
        return count
    before = files()
    load = Load("smtp", port=server.smtp_port, sessions=10, messages=messages, size=5120, users=accounts, first=1,
                address=MANY + "@" + server.user(1).split("@")[1], tag=f"{time.time_ns():x}", timeout=900)
    load.ready()
    cpu = server.cpu()
    load.go()
    result = load.result()
    complain_about(result)
    end = time.time() + 300
    while files() - before < messages:
        if time.time() > end:
            raise Failed(f"{files() - before} of {messages} messages are files after 300 s")
        time.sleep(0.05)
    result["delivered_per_s"] = messages / (time.time() - result["t_start"])
    result["cpu_s"] = server.cpu() - cpu
    return result
