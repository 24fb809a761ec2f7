"""Nothing generated and nothing binary is committed. Seeds of fuzzers may be any bytes, up to 64 KiB."""
import re

from source_tree import Sample, main

GENERATED = re.compile(r"(^|/)(build|CMakeFiles|node_modules|__pycache__)/|\.(o|a|so|pyc|gch|pch|gcda|gcno|profraw|orig|rej|swp)$"
                       r"|(^|/)(compile_commands\.json|CMakeCache\.txt|core)$|\.(db|mdb)(-wal|-shm)?$")
MAX_SEED = 64 * 1024
MAX_FILE = 512 * 1024


def findings(tree):
    found = []
    for name in tree.names():
        if GENERATED.search(name):
            found.append(f"{name}: generated, not to be committed")
            continue
        data = tree.bytes(name)
        if "/seeds/" in name:
            if len(data) > MAX_SEED:
                found.append(f"{name}: a seed of {len(data)} bytes, more than {MAX_SEED}")
            continue
        if b"\0" in data:
            found.append(f"{name}: binary")
        elif len(data) > MAX_FILE:
            found.append(f"{name}: {len(data)} bytes, more than {MAX_FILE}")
    return found


SAMPLES = [
    Sample("clean", {"a.cpp": "int a;\n", "tests/smtp/seeds/command_fuzz/nul": b"NOOP\0\r\n"}, []),
    Sample("binary", {"web/logo.bin": b"\x7fELF\0\0"}, ["web/logo.bin: binary"]),
    Sample("generated", {"src/a.o": b"x", "index.db-wal": b"x", "tests/b/a.pyc": b"x"}, ["a.o", "index.db", "a.pyc"]),
    Sample("a big seed", {"tests/x/seeds/a/b": b"x" * (MAX_SEED + 1)}, ["a seed of"]),
    Sample("a big file", {"docs/a.md": "x" * (MAX_FILE + 1)}, ["more than"]),
]

if __name__ == "__main__":
    main(findings, SAMPLES)
