"""The extensions of docs/imap.md, their RFCs, and the transcripts that show them: started by run.sh.

A transcript belongs to an extension when its name has the extension's name as a word, or the RFC that the same place of the
table gives for it. An extension without one, or with one that fails, makes this program fail."""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parents[2]


def extensions():
    """(name, [RFC numbers]) of the table under "Capabilities"; a name with a value of its own stands without it."""
    text = (TOP / "docs" / "imap.md").read_text(encoding="utf-8").split("## Capabilities", 1)[1].split("\n## ", 1)[0]
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        names = re.findall(r"`([^`]+)`", cells[0]) if line.startswith("| `") else []
        # Numbers of RFCs, not of their sections.
        rfcs = re.findall(r"\b(\d{4})\b", cells[1]) if names else []
        for place, name in enumerate(names):
            yield re.sub(r"=n$", "", name), [rfcs[place]] if len(rfcs) == len(names) else rfcs if len(names) == 1 or not place else []


def results(program, arguments):
    """{name of a test case: whether it passed} of one run."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "out.xml")
        subprocess.run([program, "--reporter", f"xml::out={out}", *arguments], check=False, stdin=subprocess.DEVNULL,
                       stdout=sys.stderr)
        tree = xml.etree.ElementTree.parse(out)
    return {case.get("name"): case.find("OverallResult").get("success") == "true" for case in tree.iter("TestCase")}


def belongs(test, name, rfcs):
    if re.search(r"(?<![\w+=-])" + re.escape(name) + r"(?![\w+=-])", test):
        return True
    return any(re.search(rf"\bRFC {rfc}\b|, {rfc}\b", test) for rfc in rfcs)


def main():
    parser = argparse.ArgumentParser(prog="tests/imap/run.sh")
    parser.add_argument("--program", required=True)
    parser.add_argument("--names", action="store_true")
    parser.add_argument("only", nargs="*")
    asked = parser.parse_args()
    found, bad, lines = results(asked.program, []), 0, []
    for name, rfcs in extensions():
        if asked.only and name not in asked.only:
            continue
        own = sorted(test for test in found if belongs(test, name, rfcs))
        failed = [test for test in own if not found[test]]
        verdict = "none" if not own else f"{len(failed)} failed" if failed else "passed"
        bad += verdict != "passed"
        lines.append((name, ", ".join(rfcs) or "-", str(len(own)), verdict))
        lines += [("", "", "", "  " + test) for test in (own if asked.names else failed)]
    rows = [("extension", "RFC", "transcripts", "result"), *lines]
    widths = [max(len(row[i]) for row in rows if row[0]) for i in range(3)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) + "  " + row[3])
    others = [test for test, passed in found.items() if not passed]
    print(f"{len(found)} transcripts and unit tests, {len(others)} failed; {bad} extensions without a transcript that passes")
    for test in others:
        print("  FAILED " + test)
    return 1 if bad or others else 0


if __name__ == "__main__":
    sys.exit(main())
