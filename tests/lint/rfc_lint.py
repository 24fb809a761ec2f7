"""Every RFC that the code or the docs cite exists, and so does the section that is cited with it.

The texts are looked up in ../shared/rfc; where that folder is absent nothing can be checked and the lint passes.
"""
import pathlib
import re

from source_tree import Sample, main

# Cited, but not among the collected texts. The subject stands here so that a mistyped number is noticed by the reader.
NOT_COLLECTED = {
    822: "old message format", 1036: "Usenet messages", 1123: "host requirements", 1321: "MD5",
    1342: "old encoded words", 1847: "multipart/signed", 3156: "PGP/MIME", 1468: "ISO-2022-JP", 1489: "KOI8-R", 1918: "private IPv4", 1952: "gzip",
    1428: "unknown-8bit", 6068: "mailto", 2060: "old IMAP4rev1", 2104: "HMAC", 2119: "key words", 2152: "UTF-7", 2279: "old UTF-8", 2308: "negative answers of the DNS", 3597: "unknown DNS records", 6890: "special addresses", 7435: "opportunistic security", 2606: "reserved names",
    2616: "HTTP/1.1 old", 2781: "UTF-16", 2821: "old SMTP", 2822: "old message format", 3339: "timestamps",
    3454: "stringprep", 1951: "DEFLATE", 5056: "channel bindings", 5803: "stored SCRAM credentials", 6750: "bearer tokens", 3206: "SYS and AUTH response codes of POP3", 3490: "IDNA 2003", 3629: "UTF-8", 3848: "ESMTP in Received", 3849: "example IPv6",
    3986: "URI", 4013: "SASLprep", 4086: "randomness", 4217: "FTP over TLS", 4291: "IPv6 addresses", 4343: "DNS case",
    4468: "BURL", 4505: "ANONYMOUS", 4647: "language ranges", 4648: "base64", 4880: "OpenPGP", 5051: "i;unicode-casemap", 5077: "session tickets", 5234: "ABNF",
    5246: "TLS 1.2", 5280: "X.509", 5424: "syslog", 5737: "example addresses", 5746: "renegotiation",
    5918: "certificate order", 5952: "IPv6 text", 6066: "SNI", 6454: "origin", 6520: "heartbeat", 6522: "multipart/report",
    6570: "URI templates", 6761: "special names", 6762: "mDNS", 6838: "media types", 7230: "HTTP/1.1 old",
    7301: "ALPN", 7413: "TCP fast open", 7468: "PEM", 7519: "JWT", 7595: "URI schemes",
    3720: "CRC-32C", 7627: "extended master secret", 7748: "X25519", 8174: "key words", 8259: "JSON", 8615: "well-known",
    9111: "HTTP caching", 9394: "PARTIAL", 9422: "SMTP LIMITS", 9457: "problem details", 9738: "MESSAGELIMIT",
    9773: "ACME ARI", 9989: "DMARC", 9990: "DMARC aggregate", 9991: "DMARC failure",
}
CITED = re.compile(r"\bRFC[ -]?(\d{3,5})(?:'s)?(?:(?:,)?\s+(?:sections?|§)\s*(\d+(?:\.\d+)*))?", re.I)
PLACES = (".cpp", ".hpp", ".h", ".md", ".py", ".js", ".txt")


def has_section(text, section):
    return re.search(rf"^\s*(?:#+\s*|Section\s+|Appendix\s+)?{re.escape(section)}\.?\s+\S", text, re.M) is not None


def findings_in(collection):
    def findings(tree):
        texts, found = {}, []
        folder = collection or tree.root.parent / "shared" / "rfc"
        if not pathlib.Path(folder).is_dir():
            return []
        for name in tree.names(*PLACES):
            if name.endswith("rfc_lint.py") or "/seeds/" in name:
                continue
            body = tree.text(name)
            for match in CITED.finditer(body):
                number, section = int(match.group(1)), match.group(2)
                where = f"{name}:{body.count(chr(10), 0, match.start()) + 1}"
                path = pathlib.Path(folder, f"rfc{number}.txt")
                if not path.is_file():
                    if number not in NOT_COLLECTED:
                        found.append(f"{where}: RFC {number} is neither collected nor known: a wrong number?")
                    continue
                if number not in texts:
                    texts[number] = path.read_text(errors="replace")
                if section and not has_section(texts[number], section):
                    found.append(f"{where}: RFC {number} has no section {section}")
        return found

    return findings


TEXT = "   1.  Introduction\n4.5.3.1.4.  Command Line\n"
SAMPLES = [
    Sample("clean", {"rfc/rfc5321.txt": TEXT, "src/a.cpp": "// RFC 5321 section 4.5.3.1.4\n// RFC 4648 section 4\n"}, []),
    Sample("a wrong number", {"rfc/rfc5321.txt": TEXT, "src/a.cpp": "// x\n// RFC 5312\n"}, ["src/a.cpp:2: RFC 5312"]),
    Sample("a wrong section", {"rfc/rfc5321.txt": TEXT, "src/a.cpp": "// RFC 5321 section 4.5.9\n"}, ["no section 4.5.9"]),
]

if __name__ == "__main__":
    main(findings_in(None), SAMPLES, lambda tree: findings_in(tree.path("rfc"))(tree))
