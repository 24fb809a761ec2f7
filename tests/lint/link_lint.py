"""Every relative link of a Markdown page leads to a file, and its #anchor to a heading there."""
import posixpath
import re

from source_tree import Sample, main

LINK = re.compile(r"(?<!\!)\[[^\]\n]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|!\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)


def anchors_of(text):
    made = set()
    for heading in re.findall(r"^#{1,6}\s+(.*?)\s*#*$", text, re.M):
        words = re.sub(r"[^\w\s-]", "", re.sub(r"[`*]", "", heading).lower())
        made.add(re.sub(r"\s", "-", words.strip()))
    return made


def findings(tree):
    found = []
    for name in tree.names(".md"):
        text = CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), tree.text(name))
        for match in LINK.finditer(text):
            target = match.group(1) or match.group(2)
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue  # http:, mailto: - looking at the network is not a test's business
            path, _, anchor = target.partition("#")
            line = text.count("\n", 0, match.start()) + 1
            whole = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
            if not tree.path(whole).exists():
                found.append(f"{name}:{line}: leads to {target}, which is not there")
            elif anchor and whole.endswith(".md") and anchor not in anchors_of(tree.text(whole)):
                found.append(f"{name}:{line}: {whole} has no heading for #{anchor}")
    return found


SAMPLES = [
    Sample("clean", {"README.md": "# A b\n[x](docs/a.md) [y](#a-b) [z](http://example.org/) `[q](nowhere)`\n",
                     "docs/a.md": "## Who, and why\n[up](../README.md#a-b) [me](#who-and-why) [dir](../docs)\n"}, []),
    Sample("a dead link", {"README.md": "\n[x](docs/b.md)\n"}, ["README.md:2: leads to docs/b.md"]),
    Sample("a dead anchor", {"README.md": "# A\n[x](#b)\n"}, ["no heading for #b"]),
    Sample("a dead picture", {"README.md": "![p](p.svg)\n"}, ["leads to p.svg"]),
]

if __name__ == "__main__":
    main(findings, SAMPLES)
