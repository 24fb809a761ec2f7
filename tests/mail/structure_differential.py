"""Compares the structures that structure_dump finds in the corpus with those of Python's email package.

structure_differential.py DUMP-PROGRAM CORPUS-FOLDER. Exit status 4: the corpus is not here (ctest counts a skip).
A file may differ only when it stands in EXPECTED with the reason; a file there that no longer differs fails too.
"""
import email
import email.policy
import pathlib
import re
import subprocess
import sys

EXPECTED = {
    **dict.fromkeys(
        [
            "mail-parser/malformed/007.eml",
            "mail-parser/malformed/019.eml",
            "mail-parser/malformed/022.eml",
            "mail-parser/malformed/COPYING",
            "mail-parser/thirdparty/012.eml",
            "mail-parser/thirdparty/015.eml",
            "mail-parser/thirdparty/COPYING",
            "mimekit/feedback-report.txt",
            "mimekit/issue358.txt",
        ],
        "a line that is no field ends Python's header; ours goes on to the empty line",
    ),
    **dict.fromkeys(
        [
            "mail-parser/malformed/003.eml",
            "mail-parser/malformed/005.eml",
            "mail-parser/malformed/013.eml",
        ],
        "of nested multiparts that one delimiter fits the innermost counts for us, the outermost for Python",
    ),
    **dict.fromkeys(
        [
            "mail-parser/malformed/000.eml",
        ],
        "Python takes delimiters with nothing between them for one",
    ),
    **dict.fromkeys(
        [
            "mail-parser/malformed/001.eml",
            "mimekit/empty-multipart.txt",
        ],
        "Python drops or keeps other line ends where a multipart has no part or no end",
    ),
    **dict.fromkeys(
        [
            "mail-parser/rfc/008.eml",
        ],
        "we do not look into message/rfc822 in base64",
    ),
    **dict.fromkeys(
        [
            "mail-parser/malformed/017.eml",
        ],
        "Python keeps the folded parameter in the type when the semicolon is forgotten",
    ),
}


def canonical(data):
    return re.sub(rb"(?<!\r)\n", b"\r\n", data)


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def leaf(part, payload):
    return payload.encode("ascii", "surrogateescape")


def describe(part, depth, lines):
    kind = part.get_content_type()
    if kind.startswith("message/") and kind not in ("message/rfc822", "message/global"):
        # Python reads each message/* as messages; only these two are (RFC 9051 section 7.5.2).
        lines.append((f" {depth} {kind}", None))
        return
    payload = part._payload  # get_payload() would decode 8-bit text
    if isinstance(payload, list):
        lines.append((f" {depth} {kind}", None))
        for child in payload:
            describe(child, depth + 1, lines)
    elif kind.startswith("multipart/"):
        # We give a multipart without parts one that is its whole body.
        lines.append((f" {depth} {kind}", None))
        lines.append((f" {depth + 1} text/plain", leaf(part, payload or "")))
    else:
        lines.append((f" {depth} {kind}", leaf(part, payload or "")))


def show(parts):
    lines = []
    for index, (text, body) in enumerate(parts):
        if body is not None:
            # Python drops the line end at the end of a multipart that is never closed.
            if index == len(parts) - 1:
                body = body.removesuffix(b"\r\n")
            text += f" {len(body)} {fnv(body):016x}"
        lines.append(text)
    return lines


def main():
    program, corpus = sys.argv[1], pathlib.Path(sys.argv[2])
    files = sorted(p for p in corpus.rglob("*") if p.is_file() and p.suffix not in (".yml", ".md"))
    if not files:
        print(f"skipped: the shared corpus is not here: {corpus}")
        return 4
    output = subprocess.run([program, *map(str, files)], check=True, capture_output=True).stdout.decode("latin1")
    ours, current = {}, None
    for line in output.splitlines():
        if line.startswith(" "):
            ours[current].append(line)
        else:
            current = line
            ours[current] = []
    failures = 0
    for path in files:
        name = path.relative_to(corpus).as_posix()
        theirs = []
        message = email.message_from_bytes(canonical(path.read_bytes()), policy=email.policy.compat32)
        describe(message, 0, theirs)
        theirs = show(theirs)
        differs = ours[str(path)] != theirs
        if differs == (name in EXPECTED):
            continue
        failures += 1
        print(f"{name}: {'differs' if differs else 'no longer differs'}")
        if differs:
            print("  ours:  ", *ours[str(path)], sep="\n   ")
            print("  python:", *theirs, sep="\n   ")
    print(f"{len(files)} messages compared, {len(EXPECTED)} known differences, {failures} others")
    return 1 if failures else 0


sys.exit(main())
