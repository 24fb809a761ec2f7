"""No marks of unfinished work, no paths of one machine, no host of a package mirror in what is committed."""
import pathlib
import re

from source_tree import Sample, main

# Written in pieces, so that this file does not find itself.
MARKS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|not " r"implemented|unimple" r"mented)\b")
PATHS = re.compile(r"(?<![\w.$}/])/(work|home/[a-z]\w*|root|Users/\w+|mnt/\w+)/[\w.]")
TEXT = (".cpp", ".hpp", ".h", ".py", ".sh", ".md", ".txt", ".cmake", ".json", ".toml", ".js", ".html", ".css", ".service",
        ".socket", ".yml", ".yaml", ".conf", ".in")
# Hosts of apt's sources, pip and npm on this machine: facts of the machine, never of the project.
HOST = re.compile(r"https?://([\w.-]+)")


def is_text(name):
    last = name.rsplit("/", 1)[-1]
    return name.endswith(TEXT) or "." not in last or last.startswith(".clang")


def hosts_of_this_machine():
    files = [pathlib.Path("/etc/apt/sources.list"), pathlib.Path("/etc/pip.conf")]
    for folder, pattern in (("/etc/apt/sources.list.d", "*"),):
        files += list(pathlib.Path(folder).glob(pattern)) if pathlib.Path(folder).is_dir() else []
    home = pathlib.Path.home()
    files += [home / ".npmrc", home / ".config/pip/pip.conf", home / ".pip/pip.conf"]
    hosts = set()
    for file in files:
        try:
            hosts |= set(HOST.findall(file.read_text(errors="replace")))
        except OSError:
            continue
    return hosts - {"localhost"}


def findings_with(hosts):
    def findings(tree):
        found = []
        for name in filter(is_text, tree.names()):
            if "/seeds/" in name:
                continue
            data = tree.bytes(name)
            if b"\0" in data[:4096]:
                continue
            for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
                if match := MARKS.search(line):
                    found.append(f"{name}:{number}: '{match.group(0)}': finish it, or say it in an issue")
                if match := PATHS.search(line):
                    found.append(f"{name}:{number}: the machine's path '{match.group(0)}'")
                for host in hosts:
                    if host in line:
                        found.append(f"{name}:{number}: the host '{host}' of this machine's package sources")
        return found

    return findings


SAMPLES = [
    Sample("clean", {"a.cpp": "// see docs\nint todo_count; auto p = \"/var/lib/mailboxd\"; // hackle\n", "b.md": "../shared/rfc\n"},
           []),
    Sample("marks", {"a.cpp": "// TO" "DO: later\n", "src/b.hpp": "// FIX" "ME\n", "c.md": "this is not " "implemented\n"},
           ["a.cpp:1", "src/b.hpp:1", "c.md:1"]),
    Sample("paths", {"a.sh": "cd /wo" "rk/main\nx=/ho" "me/alice/src\n", "Makefile": "D=/ro" "ot/build\n"},
           ["a.sh:1", "a.sh:2", "Makefile:1"]),
    Sample("a mirror", {"packaging/a.sh": "deb http://mirror.sample.test/debian\n"}, ["mirror.sample.test"]),
]

if __name__ == "__main__":
    main(findings_with(hosts_of_this_machine()), SAMPLES, findings_with({"mirror.sample.test"}))
