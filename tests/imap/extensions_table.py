"""The extensions of docs/imap.md, their RFCs, and the transcripts that show them: started by run.sh.

A transcript belongs to an extension when its name has the extension's name as a word, or the RFC that the table gives for it,
or when it stands in a file that the table names for it. An extension without a transcript, or with one that fails, makes this
program fail."""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parents[2]
BASE = {"3501", "9051"}  # they are about everything, so naming them says little


def extensions():
    """(name, its RFCs, files of tests) of the table under "Capabilities"; a value of an extension's own is left away."""
    text = (TOP / "docs" / "imap.md").read_text(encoding="utf-8").split("## Capabilities", 1)[1].split("\n## ", 1)[0]
    for line in text.splitlines():
        if not line.startswith("| `"):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        names, rfcs = re.findall(r"`([^`]+)`", cells[0]), re.findall(r"\b(\d{4})\b", cells[1])
        files = re.findall(r"\b(\w+_test\.cpp)", line)
        for place, name in enumerate(names):
            if len(rfcs) == len(names):
                own = [rfcs[place]]
            else:
                own = rfcs if len(rfcs) == 1 else [rfc for rfc in rfcs if rfc not in BASE]
            yield re.sub(r"=n$", "", name), own, files


def results(program):
    """{name of a test case: (whether it passed, its file)} of one run of all."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "out.xml")
        subprocess.run([program, "--reporter", f"xml::out={out}"], check=False, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        tree = xml.etree.ElementTree.parse(out)
    return {case.get("name"): (case.find("OverallResult").get("success") == "true", pathlib.Path(case.get("filename")).name)
            for case in tree.iter("TestCase")}


def belongs(test, file, name, rfcs, files):
    # AUTH=PLAIN is shown by what speaks of PLAIN, QUOTA=RES-STORAGE by what speaks of STORAGE.
    words = {name, name.split("=")[-1], name.split("=RES-")[-1]}
    if any(re.search(r"(?<![\w+=-])" + re.escape(word) + r"(?![\w=-])", test) for word in words):
        return True
    return file in files or any(re.search(rf"\bRFC {rfc}\b|, {rfc}\b", test) for rfc in rfcs)


def main():
    parser = argparse.ArgumentParser(prog="tests/imap/run.sh")
    parser.add_argument("--program", required=True)
    parser.add_argument("--names", action="store_true")
    parser.add_argument("only", nargs="*")
    asked = parser.parse_args()
    found, bad, lines = results(asked.program), 0, []
    for name, rfcs, files in extensions():
        if asked.only and name not in asked.only:
            continue
        own = sorted(test for test, (_, file) in found.items() if belongs(test, file, name, rfcs, files))
        failed = [test for test in own if not found[test][0]]
        verdict = "none" if not own else f"{len(failed)} failed" if failed else "passed"
        bad += verdict != "passed"
        lines.append((name, ", ".join(rfcs) or "-", str(len(own)), verdict))
        lines += [("", "", "", "  " + test) for test in (own if asked.names else failed)]
    rows = [("extension", "RFC", "transcripts", "result"), *lines]
    widths = [max(len(row[i]) for row in rows if row[0]) for i in range(3)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) + "  " + row[3])
    others = [test for test, (passed, _) in found.items() if not passed]
    print(f"{len(found)} transcripts and unit tests, {len(others)} failed; {bad} extensions without a transcript that passes")
    for test in others:
        print("  FAILED " + test)
    return 1 if bad or others else 0


if __name__ == "__main__":
    sys.exit(main())
