"""What the lints share: the files that git knows, and the proof that a lint can fail before it may pass.

A lint is a function `findings(tree) -> list[str]` and a list of Samples: small trees with the breach in them.
"""
import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile


class Tree:
    """The tracked files of one checkout (or all files, where there is no git)."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self._names = None

    def names(self, *suffixes, under=""):
        if self._names is None:
            self._names = self._listed_by_git() or self._listed_by_walking()
        return [n for n in self._names if n.startswith(under) and (not suffixes or n.endswith(suffixes))]

    def path(self, name):
        return self.root / name

    def bytes(self, name):
        return self.path(name).read_bytes()

    def text(self, name):
        return self.bytes(name).decode("utf-8", "replace")

    def _listed_by_git(self):
        if not (self.root / ".git").exists():
            return []
        # In a container the clone may belong to another user: git would refuse to look at it.
        run = subprocess.run(["git", "-c", f"safe.directory={self.root}", "-C", str(self.root), "ls-files", "-z",
                              "--cached", "--others", "--exclude-standard"], capture_output=True, check=False)
        if run.returncode != 0:
            return []
        names = run.stdout.decode("utf-8", "surrogateescape").split("\0")
        return sorted({n for n in names if n and self.path(n).is_file()})

    def _listed_by_walking(self):
        found = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = [f for f in folders if f not in (".git", "build", "__pycache__", "node_modules")]
            found += [str(pathlib.Path(folder, f).relative_to(self.root)) for f in files]
        return sorted(found)


@dataclasses.dataclass
class Sample:
    """`files` (name → text or bytes) must give as many findings as `breaches`, each holding its words."""

    says: str
    files: dict
    breaches: list


def prove(findings, samples):
    for sample in samples:
        with tempfile.TemporaryDirectory(prefix="mailboxd-lint-") as folder:
            for name, content in sample.files.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
            found = findings(Tree(folder))
        missing = [words for words in sample.breaches if not any(words in line for line in found)]
        if missing or len(found) != len(sample.breaches):
            sys.exit(f"the lint itself is broken: sample '{sample.says}' should give {sample.breaches}, gave {found}")


def main(findings, samples, findings_of_samples=None):
    """Exit code 0: clean. 1: findings, one a line. The samples are tried first, always; with another function where the
    lint looks at something outside of the tree."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {pathlib.Path(sys.argv[0]).name} SOURCE_DIR")
    prove(findings_of_samples or findings, samples)
    tree = Tree(sys.argv[1])
    found = findings(tree)
    for line in found:
        print(line)
    print(f"{len(found)} findings in {len(tree.names())} files; {len(samples)} samples behaved")
    sys.exit(1 if found else 0)
