"""Who may include whom: the table of docs/architecture.md against every #include in src/.

Also: the third parties that only some folders may know, the row that each folder's README states, and the row that
each folder's CMakeLists.txt links.
"""
import re

from source_tree import Sample, main

HEADING = "The folders and who may include whom"
PROTOCOLS = {"smtp", "imap", "pop3", "managesieve"}

# Third-party headers and the folders that may include them.
THIRD = [
    (re.compile(r"uv(/|\.h)"), {"net"}),
    (re.compile(r"mbedtls/(ssl|net_sockets|x509)"), {"net"}),
    (re.compile(r"(mbedtls|psa)/"), {"net", "base", "auth", "policy", "admin", "ctl"}),
    (re.compile(r"sqlite3"), {"directory", "store", "trace"}),
    (re.compile(r"lmdb\.h"), {"queue", "policy"}),
    (re.compile(r"unbound\.h"), {"net"}),
    (re.compile(r"llhttp"), {"http"}),
    (re.compile(r"toml"), {"config"}),
]
VERSIONS = "src/daemon/version.cpp"  # prints the version of each library, and so knows them all
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)


def rows_of(markdown):
    """folder → set of folders that it may include, in the order of the table; None where there is no table."""
    start = markdown.find(HEADING)
    if start < 0:
        return None
    rows, above = {}, []
    for line in markdown[start:].splitlines()[1:]:
        if line.startswith("#"):
            break
        cells = [c.strip() for c in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if len(cells) != 3 or cells[0] in ("Folder", "") or set(cells[0]) <= set("-: "):
            continue
        folders = [f.strip("/`") for f in cells[0].split()]
        allowed = allowed_by(cells[2].strip("."), rows, above)
        for folder in folders:
            rows[folder] = set(allowed)
        above += folders
    return rows


def allowed_by(words, rows, above):
    if words in ("–", "-", "—"):
        return set()
    if words == "all":
        return {"*"}
    if words.startswith("all of the above"):
        allowed = set(above)
        return allowed - PROTOCOLS if "but the protocols" in words else allowed
    named = [w.strip("/`") for w in words.split() if w.strip("/`") in rows]
    allowed = set(named)
    if "what they may" in words:
        for name in named:
            allowed |= rows[name]
    return allowed


def check_include(folder, target, allowed):
    if "/" in target:
        other = target.split("/")[0]
        if other in allowed["known"] and other != folder and not ({other, "*"} & allowed["row"]):
            return f"{folder}/ may not include {other}/"
    for pattern, homes in THIRD:
        if pattern.match(target):
            return "" if folder in homes else f"{folder}/ may not include {target}: only {', '.join(sorted(homes))} may"
    return ""


def includes_of(tree, rows):
    found = []
    for name in tree.names(".hpp", ".cpp", ".h", under="src/"):
        parts = name.split("/")
        if len(parts) < 3:
            continue  # src/main.cpp may include all
        folder = parts[1]
        if folder not in rows:
            found.append(f"{name}: the folder {folder}/ is not in the table of docs/architecture.md")
            continue
        text = tree.text(name)
        for match in INCLUDE.finditer(text):
            target = match.group(1) or match.group(2)
            if name == VERSIONS and match.group(2):
                continue
            wrong = check_include(folder, target, {"row": rows[folder], "known": set(rows)})
            if wrong:
                found.append(f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {wrong}")
    return found


def cmake_rows_of(tree, rows):
    found = []
    for name in tree.names("/CMakeLists.txt", under="src/"):
        match = re.search(r"mailboxd_library\(\s*(\w+)(?:\s+DEPENDS\s+([\w\s]*?))?(?:\s+THIRD\b[^)]*)?\)", tree.text(name))
        if not match or match.group(1) not in rows:
            continue
        row = rows[match.group(1)]
        for other in (match.group(2) or "").split():
            if not ({other, "*"} & row):
                found.append(f"{name}: {match.group(1)} links {other}, which its row does not allow")
    return found


def readme_rows_of(tree, rows):
    found = []
    for name in tree.names("/README.md", under="src/"):
        folder = name.split("/")[1]
        match = re.search(r"May include: ([^.]*)\.", tree.text(name))
        if folder not in rows or not match:
            continue
        if match.group(1).startswith(("all", "nothing", "store queue and")):
            continue
        said = set(match.group(1).split())
        if said != rows[folder]:
            found.append(f"{name}: says '{match.group(1)}', docs/architecture.md says '{' '.join(sorted(rows[folder]))}'")
    return found


def findings(tree):
    page = "docs/architecture.md"
    if not tree.path(page).is_file():
        return [f"{page} is missing: its table '{HEADING}' is the rule that this lint checks"]
    rows = rows_of(tree.text(page))
    if not rows:
        return [f"{page}: no table under '{HEADING}'"]
    return includes_of(tree, rows) + cmake_rows_of(tree, rows) + readme_rows_of(tree, rows)


TABLE = f"""## {HEADING}
| Folder | Holds | May include |
|---|---|---|
| base/ | Result | – |
| co/ | Task | base |
| net/ | loop | base co |
| store/ | mail | base co net |
| queue/ | spool | base co |
| intake/ | journal | store queue and what they may |
| smtp/ imap/ | sessions | all of the above, never each other |
| admin/ | acts | all of the above but the protocols |
| daemon | owns | all |
"""
SAMPLES = [
    Sample("clean", {"docs/architecture.md": TABLE, "src/smtp/a.cpp": '#include "smtp/b.hpp"\n#include "net/c.hpp"\n',
                     "src/intake/a.cpp": '#include "net/x.hpp"\n', "src/daemon/a.cpp": '#include "imap/b.hpp"\n',
                     "src/net/a.cpp": "#include <uv.h>\n#include <vector>\n", "src/main.cpp": '#include "imap/b.hpp"\n'}, []),
    Sample("upwards", {"docs/architecture.md": TABLE, "src/base/a.hpp": '#pragma once\n#include "net/loop.hpp"\n'},
           ["src/base/a.hpp:2: base/ may not include net/"]),
    Sample("protocols know each other", {"docs/architecture.md": TABLE, "src/imap/a.cpp": '# include <smtp/x.hpp>\n'},
           ["imap/ may not include smtp/"]),
    Sample("admin knows a protocol", {"docs/architecture.md": TABLE, "src/admin/a.cpp": '#include "imap/x.hpp"\n'},
           ["admin/ may not include imap/"]),
    Sample("sqlite, uv and mbedtls in a protocol", {
        "docs/architecture.md": TABLE, "src/imap/a.cpp": "#include <sqlite3.h>\n#include <mbedtls/ssl.h>\n#include <uv.h>\n"},
        ["may not include sqlite3.h", "may not include mbedtls/ssl.h", "may not include uv.h"]),
    Sample("only the page of versions knows them all", {
        "docs/architecture.md": TABLE, VERSIONS: "#include <uv.h>\n", "src/daemon/other.cpp": "#include <uv.h>\n"},
        ["src/daemon/other.cpp:1"]),
    Sample("an unknown folder", {"docs/architecture.md": TABLE, "src/utils/a.cpp": ""}, ["utils/ is not in the table"]),
    Sample("no page", {"src/base/a.cpp": ""}, ["docs/architecture.md is missing"]),
    Sample("linked beyond the row", {"docs/architecture.md": TABLE,
                                     "src/net/CMakeLists.txt": "mailboxd_library(net DEPENDS base store THIRD x)\n"},
           ["net links store"]),
    Sample("README disagrees", {"docs/architecture.md": TABLE, "src/net/README.md": "May include: base.\n"}, ["says 'base'"]),
]

if __name__ == "__main__":
    main(findings, SAMPLES)
