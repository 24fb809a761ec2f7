"""Every row of the catalogue of bad input that docs/testing.md lists is named in the title of a test."""
import re

from source_tree import Sample, main

PAGE = "docs/testing.md"
HEADING = "## Bad input"
ROW = r"[A-M]\d{1,2}"


def rows_listed(text):
    start = text.find(HEADING)
    if start < 0:
        return []
    part = text[start + len(HEADING):]
    part = part[:part.find("\n## ")] if "\n## " in part else part
    rows = []
    for line in part.splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if line.startswith("|") and cells and re.fullmatch(rf"{ROW}(?: {ROW})*", cells[0]):
            rows += cells[0].split()
    return rows


def rows_named(tree):
    named = set()
    for name in tree.names(".cpp", ".py", ".txt", ".sh", under="tests/"):
        text = tree.text(name)
        if name.endswith(".cpp"):
            titles = re.findall(r"TEST_CASE\(\s*((?:\"(?:[^\"\\]|\\.)*\"[\s,]*)+)", text)
        elif name.endswith(".py"):
            titles = [t.upper() for t in re.findall(r"def (test_\w+)", text)] + re.findall(r'"""(.*?)"""', text, re.S)
            titles += re.findall(rf'[("]({ROW}: [^"]*)"', text)  # rows of a table, each a subtest
        else:
            titles = re.findall(r"^(?:==|#) (.*)", text, re.M)
        for title in titles:
            named |= set(re.findall(rf"(?<![A-Za-z0-9])({ROW})(?![A-Za-z0-9])", title.replace("_", " ")))
            for letter, first, last in re.findall(r"\b([A-M])(\d{1,2}) to \1(\d{1,2})\b", title):
                named |= {f"{letter}{n}" for n in range(int(first), int(last) + 1)}
    return named


def findings(tree):
    if not tree.path(PAGE).is_file():
        return [f"{PAGE} is missing"]
    rows = rows_listed(tree.text(PAGE))
    if not rows:
        return [f"{PAGE}: no rows under '{HEADING}'"]
    named = rows_named(tree)
    return [f"{PAGE}: no test names row {row}" for row in rows if row not in named]


LIST = "# T\n## Bad input\n| Rows | About |\n|---|---|\n| A1 A2 | x |\n| K1 K2 K3 | y |\n\n## Next\n"
SAMPLES = [
    Sample("all named", {PAGE: LIST, "tests/a/a_test.cpp": 'TEST_CASE("A1: x", "[A2]")\n',
                         "tests/daemon/h_test.py": "def test_k1_x(self):\n", "tests/daemon/t/a.txt": "== K2: y | http\n# K3 z\n"}, []),
    Sample("one is not", {PAGE: LIST, "tests/a/a_test.cpp": '// A1 A2\nTEST_CASE("x", "[A2]")\n',
                          "tests/b/b_test.py": '"""K1 to K3"""\n'}, ["row A1"]),
    Sample("a longer number is another row", {PAGE: "## Bad input\n| A1 | x |\n", "tests/a/a_test.cpp": 'TEST_CASE("A10: x")\n'},
           ["row A1"]),
    Sample("no list", {PAGE: "# T\n"}, ["no rows"]),
]

if __name__ == "__main__":
    main(findings, SAMPLES)
