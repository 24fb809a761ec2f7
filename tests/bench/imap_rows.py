"""The rows of the figures of IMAP (issue 4): both servers, their ratio, the target, met or not, and the processor beside each."""
import dataclasses


@dataclasses.dataclass
class ImapRow:
    key: str
    words: str
    unit: str
    target: str
    limit: tuple  # as Row of book.py: ("ratio" or "ours", "at least" or "at most", number), or () where only stated
    part: str
    each: str = "command"  # what the processor time is divided by


def at_least(times):
    return f"≥ {times:g} × peer" if times != 1 else "as fast", ("ratio", "at least", times)


def at_most(share, words):
    return words, ("ratio", "at most", share)


STATED = ("stated", ())
THIRD = at_most(1 / 3, "a third")
TENTH = at_most(0.1, "a tenth")

IMAP_ROWS = [
    ImapRow("select10", "SELECT of 10,000, warm", "ms", *at_most(1, "as fast"), "imap-fetch"),
    ImapRow("select100", "SELECT of 100,000, warm", "ms", *at_most(1, "as fast"), "imap-100k"),
    ImapRow("flags10", "FETCH 1:* (FLAGS UID) of 10,000", "/s", *at_least(1), "imap-fetch", "message"),
    ImapRow("flags100", "… of 100,000", "/s", *at_least(1), "imap-100k", "message"),
    ImapRow("envelope_first", "FETCH ENVELOPE, first after delivery", "/s", *at_least(5), "imap-first", "message"),
    ImapRow("envelope", "FETCH ENVELOPE, warm", "/s", *at_least(5), "imap-fetch", "message"),
    ImapRow("structure_first", "FETCH BODYSTRUCTURE, first after delivery", "/s", *at_least(10), "imap-first", "message"),
    ImapRow("structure", "FETCH BODYSTRUCTURE, warm", "/s", *at_least(1), "imap-fetch", "message"),
    ImapRow("headers_first", "the usual list headers, first after delivery", "/s", *at_least(3), "imap-first", "message"),
    ImapRow("headers", "the usual list headers, warm", "/s", *at_least(3), "imap-fetch", "message"),
    ImapRow("envelope100", "FETCH ENVELOPE of 100,000, warm", "/s", *at_least(5), "imap-100k", "message"),
    ImapRow("bodies", "all bodies, plain", "MB/s", *at_least(2), "imap-bodies", "MB"),
    ImapRow("bodies_tls", "all bodies, TLS", "MB/s", *at_least(2), "imap-bodies", "MB"),
    ImapRow("search_body", "SEARCH BODY, a rare word, 10,000", "ms", *TENTH, "imap-search"),
    ImapRow("search_text", "SEARCH TEXT, a rare word, 10,000", "ms", *TENTH, "imap-search"),
    ImapRow("search_body_common", "SEARCH BODY, a word of nearly every message, 10,000", "ms", *STATED, "imap-search"),
    ImapRow("search_body100", "SEARCH BODY, a rare word, 100,000", "ms", *TENTH, "imap-100k"),
    ImapRow("search_subject", "SEARCH HEADER Subject, 10,000", "ms", *THIRD, "imap-search"),
    ImapRow("search_from", "SEARCH FROM", "ms", *THIRD, "imap-search"),
    ImapRow("search_id", "SEARCH HEADER Message-ID", "ms", *THIRD, "imap-search"),
    ImapRow("search_unseen", "SEARCH UNSEEN", "ms", *THIRD, "imap-search"),
    ImapRow("search_since", "SEARCH SINCE", "ms", *THIRD, "imap-search"),
    ImapRow("sort_date", "SORT (REVERSE DATE), 10,000", "ms", *THIRD, "imap-sort"),
    ImapRow("sort_subject", "SORT (SUBJECT)", "ms", *THIRD, "imap-sort"),
    ImapRow("sort_from", "SORT (FROM) of UNSEEN", "ms", *THIRD, "imap-sort"),
    ImapRow("thread_references", "THREAD REFERENCES", "ms", *THIRD, "imap-thread"),
    ImapRow("thread_subject", "THREAD ORDEREDSUBJECT", "ms", *THIRD, "imap-thread"),
    ImapRow("store_one", "STORE, one message a command", "/s", *at_least(3), "imap-store"),
    ImapRow("store_bulk", "STORE 1:* of 10,000", "/s", *at_least(1), "imap-store", "message"),
    ImapRow("expunge", "EXPUNGE of 1,000 scattered in 100,000", "ms", *TENTH, "imap-100k"),
    ImapRow("login1", "LOGIN, one at a time, repeated", "/s", *at_least(5), "imap-login"),
    ImapRow("login8", "LOGIN, 8 at once, repeated", "/s", *at_least(5), "imap-login"),
    ImapRow("push_p50", "IDLE push after the 250, 2,000 others idle, p50", "ms", "≤ 5 ms", ("ours", "at most", 5), "imap-idle"),
    ImapRow("push_p99", "… p99", "ms", "≤ 30 ms", ("ours", "at most", 30), "imap-idle"),
    ImapRow("idle_plain", "memory of an idle connection, plain, at 2,000", "KiB", "≤ 16 KiB", ("ours", "at most", 16), "imap-idle"),
    ImapRow("idle_tls", "… TLS", "KiB", "≤ 60 KiB", ("ours", "at most", 60), "imap-idle-tls"),
    ImapRow("idle_large", "… plain, on an INBOX of 100,000, at 200", "KiB", "≤ 16 KiB", ("ours", "at most", 16), "imap-100k"),
    ImapRow("idle_10000", "10,000 idle TLS connections in all", "MB", "≤ 700 MB", ("ours", "at most", 700), "imap-idle-10000"),
    ImapRow("list50", "the newest 50: envelope, flags, preview; requests", "/s", *STATED, "imap-sizing"),
    ImapRow("list50_core", "… a second and core", "/s", "≥ 1,000/s", ("ours", "at least", 1000), "imap-sizing"),
    ImapRow("draft", "a draft of 75 KB saved", "/s", *STATED, "imap-sizing"),
    ImapRow("large", "a message of 1.1 MB fetched", "/s", *STATED, "imap-sizing"),
    ImapRow("busy", "200 busy sessions, commands", "/s", *STATED, "imap-busy"),
    ImapRow("busy_growth", "… anonymous memory, second half against first", "%", "≤ 5 %", ("ours", "at most", 5), "imap-busy"),
    ImapRow("busy_errors", "… errors", "", "none", ("ours", "at most", 0), "imap-busy"),
]


def seconds(value, each):
    """Processor time of one operation, in the unit that reads best."""
    if value is None:
        return "-"
    value = max(0.0, value)
    figure = f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} µs"
    return f"{figure} a {each}"
