"""What was measured, and the table of it: every row names ours, the peer, their ratio, the target, and met or not."""
import dataclasses
import json
import statistics

from imap_rows import IMAP_ROWS, seconds

PEER, OURS = 0, 1


@dataclasses.dataclass
class Row:
    key: str
    words: str
    unit: str
    target: str       # as the table shows it
    limit: tuple      # ("ratio" or "ours", "at least" or "at most", number), or () where it is only stated
    part: str


ROWS = [
    Row("5k1", "5 KB, 1 session, delivered", "/s", "≥ 5 × peer", ("ratio", "at least", 5), "5k1"),
    Row("5k10", "5 KB, 10 sessions, delivered", "/s", "≥ 10 × peer, aim 20", ("ratio", "at least", 10), "5k10"),
    Row("5k50", "5 KB, 50 sessions, delivered", "/s", "≥ 10 × peer, aim 20", ("ratio", "at least", 10), "5k50"),
    Row("5k50p", "… with PIPELINING, which costs the client less", "/s", "stated", (), "5k50p"),
    Row("75k", "75 KB, 10 sessions, delivered", "/s", "≥ 5 × peer", ("ratio", "at least", 5), "75k"),
    Row("1m", "1 MB, 4 sessions, delivered", "/s", "≥ 3 × peer", ("ratio", "at least", 3), "1m"),
    Row("1m_share", "… as a share of the disk's durable write rate", "%", "stated", (), "1m"),
    Row("cpu", "server CPU per 1,000 of 5 KB, until delivered", "s", "≤ 0.1 × peer", ("ratio", "at most", 0.1), "cost"),
    Row("cpu_drained", "… until all work behind it has drained", "s", "stated", (), "cost"),
    Row("device_bytes", "device bytes per message of 5 KB", "B", "≤ 20 KB", ("ours", "at most", 20480), "cost"),
    Row("syncs", "durable writes per message, 50 sessions", "", "< 0.1", ("ours", "at most", 0.1), "syncs"),
    Row("flushes", "… the device's flushes beside", "", "stated", (), "syncs"),
    Row("append1", "APPEND 5 KB, 1 connection", "/s", "≥ 5 × peer", ("ratio", "at least", 5), "append"),
    Row("append8", "APPEND 5 KB, 8 connections", "/s", "≥ 5 × peer", ("ratio", "at least", 5), "append"),
    Row("idle_p50", "250 to EXISTS at an idling client, p50", "ms", "≤ 5 ms", ("ours", "at most", 5), "idle"),
    Row("idle_p99", "… p99", "ms", "≤ 30 ms", ("ours", "at most", 30), "idle"),
    Row("select_warm", "SELECT of 100,000, warm", "ms", "not slower", ("ratio", "at most", 1), "select"),
    Row("select_cold", "SELECT of 100,000, without any index", "ms", "not slower", ("ratio", "at most", 1), "select"),
    Row("rebuild", "rebuild of the index of 100,000 of 5 KB", "/s", "> 10,000/s", ("ours", "at least", 10000), "rebuild"),
    Row("memory", "anonymous memory while 1 GB passes, more by", "MB", "< 20 MB", ("ours", "at most", 20), "memory"),
    *(Row(f"commit_{case}_{key}", f"journal commit, {words}, {key}", "ms", "stated", (), "commit")
      for case, words in (("alone", "1 session alone"), ("load", "50 sessions"), ("copy", "50 sessions and a copy"))
      for key in ("p50", "p99", "max")),
    Row("out_p50", "submission's 250 to the whole message at the sink, p50", "ms", "not slower", ("ratio", "at most", 1), "out-one"),
    Row("out_p99", "… p99", "ms", "not slower", ("ratio", "at most", 1), "out-one"),
    Row("out_minute_p99", "… p99 while 1,000 messages a minute pass", "ms", "< 100 ms", ("ours", "at most", 100), "out-minute"),
    Row("out_burst", "burst by 8 connections, delivered at the sink", "/s", "≥ 4 × peer", ("ratio", "at least", 4), "out-burst"),
    Row("out_cpu", "server CPU per 1,000 messages out", "s", "≤ a third", ("ratio", "at most", 1 / 3), "out-burst"),
    Row("out_memory", "anonymous memory with 100,000 queued, more by", "MB", "< 64 MB", ("ours", "at most", 64), "out-queue"),
    Row("out_restart", "restart with 100,000 queued, to the first attempt", "s", "< 2 s", ("ours", "at most", 2), "out-queue"),
    Row("long", "long run, last quarter, delivered", "/s", "stated", (), "long"),
    Row("long_files", "… messages counted as files", "", "all of them", ("files", "", 0), "long"),
]
# In the growth tables the largest level may cost so much of the smallest one.
FLAT = 1.5


def number(value):
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) < 10 else f"{value:.1f}"


class Book:
    def __init__(self, out):
        self.out = out
        self.values, self.more, self.facts, self.notes, self.failures = {}, {}, {}, [], {}
        self.noise, self.grown = {}, {"messages": [], "accounts": []}
        self.current_noise = None

    def add(self, row, is_ours, value, **more):
        self.values.setdefault((row, int(is_ours)), []).append(value)
        self.more.setdefault((row, int(is_ours)), []).append(more)
        self._raw(row=row, server="ours" if is_ours else "peer", value=value, **more)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)
        self._raw(note=text)

    def failed(self, part, name, why):
        self.failures.setdefault(part, [])
        if (name, why) not in self.failures[part]:
            self.failures[part].append((name, why))
        self._raw(part=part, server=name, failed=why)

    def noisy(self, part, cores):
        self.noise.setdefault(part, []).append(cores)
        self._raw(part=part, noise_cores=round(cores, 2))

    def growth(self, kind, level, results):
        def median(of):
            return statistics.median(of(r) for r in results)
        self.grown[kind].append({
            "level": level, "delivered_per_s": median(lambda r: r["delivered_per_s"]),
            "cpu_s_per_1000": median(lambda r: r["cpu_s"] / r["accepted"] * 1000),
            "p50_ms": median(lambda r: r["p50_ms"]), "p99_ms": median(lambda r: r["p99_ms"])})
        self._raw(growth=kind, **self.grown[kind][-1])

    def _raw(self, **what):
        with open(self.out, "a", encoding="utf-8") as file:
            file.write(json.dumps(what) + "\n")

    def median(self, row, side):
        values = self.values.get((row, side))
        return statistics.median(values) if values else None

    def _met(self, row, ours, ratio):
        if not row.limit or ours is None:
            return "-"
        what, how, limit = row.limit
        if what == "files":
            wanted = self.more[(row.key, OURS)][-1]["wanted"]
            return "yes" if all(v == wanted for v in self.values[(row.key, OURS)]) else "NO"
        value = ratio if what == "ratio" else ours
        if value is None:
            return "-"
        return "yes" if (value >= limit if how == "at least" else value <= limit) else "NO"

    def cells(self, row):
        peer, ours = self.median(row.key, PEER), self.median(row.key, OURS)
        ratio = ours / peer if ours is not None and peer else None
        own = self.values.get((row.key, OURS), [])
        spread = f" ({number(min(own))} to {number(max(own))})" if len(own) > 1 else ""
        limits = [m["ceiling"] for side in (PEER, OURS) for m in self.more.get((row.key, side), []) if m.get("ceiling")]
        top = statistics.median(limits) if limits else None
        mark = " !" if top and ours and row.unit in ("/s", "MB/s") and ours > top / 3 else ""
        unit = " " + row.unit if row.unit not in ("", "/s") else row.unit
        return [row.words, number(peer) + (unit if peer is not None else ""), number(ours) + (unit if ours is not None else "") + spread,
                number(ratio), row.target, self._met(row, ours, ratio), number(top) + mark,
                number(max(self.noise[row.part])) if self.noise.get(row.part) else "-"]

    def table(self, parts):
        rows = [["what", "Postfix + Dovecot", "mailboxd (range)", "ratio", "target", "met", "client's ceiling", "noise"]]
        rows += [self.cells(row) for row in ROWS if row.part in parts]
        return rows

    def is_imap(self, parts):
        return all(part.startswith("imap-") for part in parts)

    def processor(self, row, side):
        times = [m["cpu"] for m in self.more.get((row.key, side), []) if m.get("cpu") is not None]
        return seconds(statistics.median(times), row.each) if times else "-"

    def imap_table(self, parts):
        rows = [["what", "Dovecot", "mailboxd (range)", "ratio", "target", "met", "CPU, Dovecot", "CPU, mailboxd", "client's ceiling", "noise"]]
        for row in IMAP_ROWS:
            if row.part in parts and any((row.key, side) in self.values for side in (PEER, OURS)):
                cells = self.cells(row)
                rows.append(cells[:6] + [self.processor(row, PEER), self.processor(row, OURS)] + cells[6:])
        return rows

    def growth_table(self, kind):
        rows = [[f"{kind}", "delivered/s", "CPU s per 1,000", "dot to 250 p50 ms", "p99 ms", "CPU, of the first row", "flat"]]
        first = self.grown[kind][0]["cpu_s_per_1000"]
        for level in self.grown[kind]:
            of_first = level["cpu_s_per_1000"] / first if first else None
            rows.append([f"{level['level']:,}", number(level["delivered_per_s"]), number(level["cpu_s_per_1000"]), number(level["p50_ms"]),
                         number(level["p99_ms"]), number(of_first), "-" if of_first is None else "yes" if of_first <= FLAT else "NO"])
        return rows

    def text(self, parts, head):
        lines, marked = [head], False
        for table in (self.table(parts), self.imap_table(parts)):
            if len(table) > 1:
                lines += ["", *markdown(table)]
                marked = marked or any(cells[-2].endswith("!") for cells in table[1:])
        if marked:
            lines += ["", "!: above a third of what the client reaches against a stub: such a rate says as much of the client."]
        for kind, words in (("messages", "Deliveries of 5 KB into one account that holds so many messages"),
                            ("accounts", "Deliveries of 5 KB over so many accounts, in turn")):
            if self.grown[kind]:
                lines += ["", f"{words} (10 sessions, median of three):", "", *markdown(self.growth_table(kind))]
        for part, failures in self.failures.items():
            lines += ["", *(f"FAILED {part}, {name}: {why}" for name, why in failures)]
        if self.notes:
            lines += ["", *("- " + note for note in self.notes)]
        return "\n".join(lines) + "\n"


def markdown(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]

    def line(cells):
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |"
    return [line(rows[0]), "|" + "|".join("-" * (w + 2) for w in widths) + "|", *(line(row) for row in rows[1:])]
