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
}


def canonical(data):
    return re.sub(rb"(?<!\r)\n", b"\r\n", data)


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def leaf(part, payload):
    data = payload.encode("ascii", "surrogateescape")
    return f" {len(data)} {fnv(data):016x}"


def describe(part, depth, lines):
    kind = part.get_content_type()
    payload = part.get_payload()
    if isinstance(payload, list):
        lines.append(f" {depth} {kind}")
        for child in payload:
            describe(child, depth + 1, lines)
    elif kind.startswith("multipart/"):
        # We give a multipart without parts one that is its whole body.
        lines.append(f" {depth} {kind}")
        lines.append(f" {depth + 1} text/plain" + leaf(part, payload or ""))
    else:
        lines.append(f" {depth} {kind}" + leaf(part, payload or ""))


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
