"""Sizes of docs/development.md: no file of src/ over 800 lines, no function over 70.

The code is formatted by .clang-format, which sets a function's opening brace alone on its line and the closing one
below it in the same column; nothing else of the code looks so. A function is counted from brace to brace.
"""
import re

from source_tree import Sample, main

MAX_FILE = 800
MAX_FUNCTION = 70


def functions_of(text):
    """(first line, lines between the braces, name) of every function, however deep in a class."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.strip() != "{" or number == 0:
            continue
        if not re.search(r"[\w)>&*:}\]]\s*$", lines[number - 1].split("//")[0]):
            continue  # a block of its own inside a function: that function is counted already
        closing = line.replace("{", "}")
        for end in range(number + 1, len(lines)):
            if lines[end].rstrip(";, ") == closing:
                body = lines[number + 1:end]
                yield number + 1, len(body) - lines_of_tables(body), lines[number - 1].strip()[:60]
                break


def lines_of_tables(body):
    """Rows of a static table inside a function: data that is read row by row, not a long function."""
    count, closing = 0, None
    for line in body:
        if closing is not None:
            count += 1
            if line.rstrip() == closing:
                closing = None
        elif re.match(r"\s*static const(expr)?\b.*\{$", line):
            closing = line[:len(line) - len(line.lstrip())] + "};"
    return count


def findings(tree):
    found = []
    for name in tree.names(".hpp", ".cpp", ".h", under="src/"):
        text = tree.text(name)
        count = text.count("\n")
        if count > MAX_FILE:
            found.append(f"{name}: {count} lines, more than {MAX_FILE}: perhaps two ideas in one room")
        for line, length, head in functions_of(text):
            if length > MAX_FUNCTION:
                found.append(f"{name}:{line}: a function of {length} lines, more than {MAX_FUNCTION}: {head}")
    return found


def function(lines, indent=""):
    return f"{indent}int f(int a)\n{indent}{{\n" + f"{indent}    a();\n" * lines + f"{indent}}}\n"


SAMPLES = [
    Sample("within the bounds", {"src/a/a.cpp": function(70) + function(70)}, []),
    Sample("a long function", {"src/a/a.cpp": function(3) + function(71)}, ["src/a/a.cpp:8: a function of 71 lines"]),
    Sample("a long function in a class", {"src/a/a.hpp": "class A {\n" + function(80, "    ") + "};\n"}, ["of 80 lines"]),
    Sample("a constructor's list", {"src/a/a.cpp": "A::A()\n    : b_(1),\n      c_{2}\n{\n" + "    a();\n" * 90 + "}\n"},
           ["of 90 lines"]),
    Sample("a static table in a function", {
        "src/a/a.cpp": "int f()\n{\n    static const T all{\n" + "        {1, 2},\n" * 90 + "    };\n" + "    a();\n" * 60 + "}\n"},
        []),
    Sample("a long function beside its table", {
        "src/a/a.cpp": "int f()\n{\n    static const T all{\n        {1, 2},\n    };\n" + "    a();\n" * 90 + "}\n"},
        ["of 91 lines"]),
    Sample("a long file", {"src/a/a.cpp": "int a;\n" * 801}, ["801 lines"]),
    Sample("blocks and initialisers do not count", {
        "src/a/a.cpp": "const T kTable[] = {\n" + "    {1, 2},\n" * 300 + "};\n"}, []),
]

if __name__ == "__main__":
    main(findings, SAMPLES)
