"""The house form of coroutines (docs/net.md): co_await stands only where every compiler of ours gets it right.

    co_await X;   (void)co_await X;   T name = co_await X;   name = co_await X;   co_return co_await X;

One a statement; X holds names, literals and calls: no braces, no lambda, no ?:. None in a catch or a destructor, and no
coroutine lambda with captures. tests/compiler has the programs that show what goes wrong otherwise; those of
tests/compiler/broken are exempt, because they are the breaches.
"""
import bisect
import re

from source_tree import Sample, main

EXEMPT = "tests/compiler/broken/"
NOT_CODE = re.compile(
    r'R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"'  # a raw string
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'"  # a character, not the mark within a number
    r"|//[^\n]*|/\*.*?\*/"
    r"|(?m:^[ \t]*\#(?:\\\n|[^\n])*)",  # a directive of the preprocessor
    re.S)
OPENING = {")": "(", "]": "[", "}": "{"}
CLOSING = {"(": ")", "[": "]", "{": "}"}
# What may stand before co_await in its statement.
LEFT = re.compile(r"(?:\(void\)|co_return|[\w:][\w:<>,\s*&.\->\[\]]*?[\w>&*\]]\s*=|\w+\s*=)?\s*\Z")
# What may stand before that: a head without braces, a label.
PREFIX = re.compile(r"\s*(?:else\b|do\b|(?:case\b(?:[^:;]|::)*|default|public|private|protected|\w+)\s*:(?!:))")


def blank(text):
    """The code with strings, characters, comments and directives as spaces; every place stays where it was."""
    return NOT_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def partners(code):
    """Where each bracket's partner is, both ways."""
    pairs, open_ones = {}, []
    for at, c in enumerate(code):
        if c in CLOSING:
            open_ones.append(at)
        elif c in OPENING and open_ones and code[open_ones[-1]] == OPENING[c]:
            start = open_ones.pop()
            pairs[start], pairs[at] = at, start
    return pairs


class Source:
    def __init__(self, text):
        self.code = blank(text)
        self.pairs = partners(self.code)
        self.line_starts = [m.end() for m in re.finditer(r"\n", self.code)]

    def line_of(self, at):
        return bisect.bisect_right(self.line_starts, at) + 1

    def word_before(self, at):
        return re.search(r"(\w*)\s*\Z", self.code[max(0, at - 80):at]).group(1)

    def opened_around(self, at):
        """The innermost bracket that is open at `at`, or -1."""
        at -= 1
        while at >= 0:
            c = self.code[at]
            if c in CLOSING:
                return at
            at = self.pairs.get(at, at) - 1
        return -1

    def is_block(self, brace):
        before = self.code[max(0, brace - 300):brace].rstrip()
        if not before or before[-1] in ");{}:":
            return True
        if re.search(r"\b(else|do|try|noexcept|const|mutable|override|final)\Z", before):
            return True
        return re.search(r"\)[\w\s]*->[^;{}()=]*\Z", before) is not None

    def head_of(self, brace):
        """What a block belongs to: the text from the end of what came before up to its brace."""
        start = brace
        while start > 0 and self.code[start - 1] not in ";{}":
            start = self.pairs[start - 1] if self.code[start - 1] in ")]" and start - 1 in self.pairs else start - 1
        return start, self.code[start:brace]

    def lambda_of(self, brace):
        """The captures of the lambda that a block is the body of, or None."""
        at = brace - 1
        while at >= 0 and self.code[at] not in ";{}":
            if self.code[at] == "]" and at in self.pairs and re.match(r"\]\s*[({]", self.code[at:at + 80]):
                before = self.code[max(0, self.pairs[at] - 20):self.pairs[at]].rstrip()
                if not before or not re.search(r"[\w)\]]\Z", before) or re.search(r"\breturn\Z", before):
                    return self.code[self.pairs[at] + 1:at]
            at = self.pairs[at] - 1 if self.code[at] in ")]" and at in self.pairs and self.code[at] == ")" else at - 1
        return None

    def statement_before(self, at):
        """What stands in the statement before `at`, without heads and labels."""
        start = at
        while start > 0 and self.code[start - 1] not in ";{}":
            start = self.pairs.get(start - 1, start - 1) if self.code[start - 1] in ")]" else start - 1
        while True:
            head = re.compile(r"\s*(?:if(?:\s+constexpr)?|while|for|switch)\s*(?=\()").match(self.code, start, at)
            if head and self.pairs.get(head.end(), at) < at:
                start = self.pairs[head.end()] + 1
                continue
            prefix = PREFIX.match(self.code, start, at)
            if not prefix:
                return self.code[start:at]
            start = prefix.end()

    def expression_after(self, at):
        end = at
        while end < len(self.code) and self.code[end] != ";" and self.code[end] not in OPENING:
            end = self.pairs.get(end, end) + 1
        return self.code[at:end]


def place_fault(source, at):
    around = source.opened_around(at)
    if around >= 0 and source.code[around] == "(":
        condition = source.word_before(around) in ("if", "while", "for", "switch", "constexpr")
        return "in a condition" if condition else "inside another expression"
    if around >= 0 and (source.code[around] == "[" or not source.is_block(around)):
        return "inside another expression"
    return None


def expression_fault(expression):
    if "co_await" in expression:
        return "two in one statement"
    if "?" in expression:
        return "with ?: in the awaited expression"
    if re.search(r"[(,=]\s*\[|\A\s*\[", expression):
        return "a lambda in the awaited expression"
    if "{" in expression:
        return "braces in the awaited expression"
    return None


def surroundings_fault(source, at):
    around = at
    while (around := source.opened_around(around)) >= 0:
        if source.code[around] != "{" or not source.is_block(around):
            continue
        captures = source.lambda_of(around)
        if captures is not None:
            return "in a lambda with captures" if captures.strip() else None
        head = source.head_of(around)[1]
        if re.search(r"\bcatch\s*\(", head):
            return "in a catch"
        if re.search(r"~\w+\s*\(", head):
            return "in a destructor"
    return None


def await_fault(source, match):
    fault = place_fault(source, match.start())
    if fault:
        return fault
    fault = expression_fault(source.expression_after(match.end()))
    if fault:
        return fault
    if not LEFT.match(source.statement_before(match.start()).lstrip()):
        return "not a plain statement"
    return surroundings_fault(source, match.start())


def faults_of(text):
    source = Source(text)
    for match in re.finditer(r"(?<!operator )\bco_(?:await|return|yield)\b", source.code):
        if match.group() == "co_await":
            fault = await_fault(source, match)
        else:
            fault = surroundings_fault(source, match.start())
            fault = fault if fault == "in a lambda with captures" else None
        if fault:
            yield source.line_of(match.start()), f"{match.group()} {fault}"


def findings(tree):
    found = []
    for name in tree.names(".hpp", ".cpp", ".h"):
        if not name.startswith(("src/", "tests/")) or name.startswith(EXEMPT):
            continue
        found += [f"{name}:{line}: {fault}" for line, fault in faults_of(tree.text(name))]
    return found


def body(statement, head="Task<void> f(int a)"):
    return {"src/a/a.cpp": f"{head}\n{{\n    {statement}\n}}\n"}


GOOD = [
    "co_await f();",
    "(void)co_await f(a, std::move(b));",
    "const Result<int, E> got = co_await stream.read_some(into, deadline);",
    "std::unique_ptr<Thing> got = co_await f();",
    "auto& got = co_await f();",
    "got = co_await f(a[i], \"{?[\", '{');",
    "into->member = co_await std::move(task);",
    "co_return co_await f();",
    "if (a) co_await f();",
    "while (a != 0) co_await event.wait();",
    "if (a) {\n co_await f();\n } else co_await g();",
    "for (auto& one : {1, 2}) {\n co_await f();\n }",
    "switch (a) {\n case E::x: co_await f(); break;\n default: break;\n }",
    "try {\n co_await f();\n } catch (const E& e) {\n g();\n }",
    "auto job = [a] { return a; };\n const int got = co_await pool.run(std::move(job));",
    "const auto task = [](int b) -> Task<void> { co_await f(b); };",
    "const int a = b ? 1 : 2;\n co_await f(a);",
    "const S s{1, 2};\n co_await f(s);",
    "int million = 1'000'000; co_await f(million); char c = '{'; // if (co_await g())",
    "const char* text = R\"(if (co_await f()) { )\";\n co_await f(text);",
]
BAD = [
    ("if (co_await f()) g();", "in a condition"),
    ("while (co_await f()) {\n }", "in a condition"),
    ("for (int i = 0; i < co_await f(); ++i) g();", "in a condition"),
    ("switch (co_await f()) {\n case 1: break;\n }", "in a condition"),
    ("do {\n } while (co_await f());", "in a condition"),
    ("if (!co_await f()) g();", "in a condition"),
    ("g(co_await f());", "inside another expression"),
    ("const T t{co_await f(), 1};", "inside another expression"),
    ("auto v = std::vector<int>{co_await f()};", "inside another expression"),
    ("CHECK(co_await f() == 1);", "inside another expression"),
    ("co_await f(T{1});", "braces in the awaited expression"),
    ("co_await f({\"a\", \"b\"});", "braces in the awaited expression"),
    ("co_await f({.s = x});", "braces in the awaited expression"),
    ("co_await f(c ? T() : U());", "with ?:"),
    ("co_await (c ? f() : g());", "with ?:"),
    ("const int x = c ? co_await f() : 0;", "not a plain statement"),
    ("const int x = 1 + co_await f();", "not a plain statement"),
    ("return_it = a && co_await f();", "not a plain statement"),
    ("!co_await f();", "not a plain statement"),
    ("auto [a, b] = 1 + co_await f();", "not a plain statement"),
    ("co_await pool.run([a] { g(a); });", "a lambda in the awaited expression"),
    ("co_await pool.run([] { g(); });", "a lambda in the awaited expression"),
    ("const int x = co_await f(1) + g([&] { return 1; });", "a lambda in the awaited expression"),
    ("try {\n g();\n } catch (const E& e) {\n co_await f();\n }", "in a catch"),
    ("const auto task = [a]() -> Task<void> { co_await f(a); };", "in a lambda with captures"),
    ("const auto task = [&](int b) -> Task<void> {\n if (b) {\n co_await f(a);\n }\n };", "in a lambda with captures"),
    ("const auto task = [this]() -> Task<int> { co_return 1; };", "in a lambda with captures"),
]
SAMPLES = [Sample(statement, body(statement), []) for statement in GOOD]
SAMPLES += [Sample(statement, body(statement), [words]) for statement, words in BAD]
SAMPLES += [
    Sample("two awaits", body("const int x = co_await f() + co_await g();"),
           ["two in one statement", "not a plain statement"]),
    Sample("a destructor", body("co_await f();", "A::~A()"), ["in a destructor"]),
    Sample("an operator's name is no await", {"src/a/a.hpp": "auto operator co_await() && noexcept { return A{f}; }\n"}, []),
    Sample("the broken probes are exempt", {EXEMPT + "x.cpp": "void f() { if (co_await g()) h(); }\n"}, []),
    Sample("the line is told", {"src/a/a.cpp": "int a;\n\nTask<void> f()\n{\n    if (co_await g()) h();\n}\n"},
           ["src/a/a.cpp:5: co_await in a condition"]),
]

if __name__ == "__main__":
    main(findings, SAMPLES)
