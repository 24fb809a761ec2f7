"""Nothing in src starts a program or a shell: no sender, file name or setting can become a command (HOSTILE row C3)."""
import re

from source_tree import Sample, main

CALLS = re.compile(r"\b(system|popen|popen2|wordexp|execl|execlp|execle|execv|execve|execvp|execvpe|execveat|fexecve"
                   r"|posix_spawn|posix_spawnp|uv_spawn|vfork|fork)\s*\(")
# Members and functions of the house may bear such a name; only calls that are neither qualified by an object nor by a
# namespace of ours reach libc.
QUALIFIED = re.compile(r"(\.|->|(?<!std)(?<!^)(?<!\s)(?<!\()::)\s*$")
COMMENT = re.compile(r"//.*$|/\*.*?\*/", re.MULTILINE | re.DOTALL)
TEXT = re.compile(r'R"(\w*)\((?:.|\n)*?\)\1"|"(?:\\.|[^"\\\n])*"')
CODE = (".cpp", ".hpp", ".h", ".c", ".cc")


def blank(match):
    """What is no code, as blanks: the numbers of the lines stay."""
    return re.sub(r"[^\n]", " ", match.group(0))


def findings(tree):
    found = []
    for name in tree.names(*CODE, under="src/"):
        code = COMMENT.sub(blank, TEXT.sub(blank, tree.text(name)))
        for match in CALLS.finditer(code):
            if QUALIFIED.search(code[:match.start()]):
                continue
            number = code.count("\n", 0, match.start()) + 1
            found.append(f"{name}:{number}: '{match.group(1)}' starts a program; do the work in the daemon")
    return found


SAMPLES = [
    Sample("clean", {"src/a/a.cpp": "// system(\"x\") is forbidden\nauto t = \"popen(\"; files.system(1); p->fork (2); ecosystem(3);\n"},
           []),
    Sample("a shell", {"src/a/a.cpp": "int f() { return system(\"ls\"); }\n"}, ["'system' starts a program"]),
    Sample("of std", {"src/a/a.cpp": "int f() { return std::system(\"ls\"); }\n"}, ["'system' starts a program"]),
    Sample("of the global namespace", {"src/a/a.cpp": "int f() { return ::execve(a, b, c); }\n"}, ["'execve' starts a program"]),
    Sample("a pipe in a header", {"src/a/a.hpp": "inline auto f() {\n return popen (x, y); }\n"}, ["a.hpp:2: 'popen' starts"]),
    Sample("a test may", {"tests/a/a_test.cpp": "int f() { return system(\"ls\"); }\n"}, []),
]

if __name__ == "__main__":
    main(findings, SAMPLES)
