"""Sizes that keep a file readable in one sitting, a function on one screen and a line in one glance."""

import re

import common

HEADER_LINES = 250
SOURCE_LINES = 600
TEST_LINES = 800
FUNCTION_LINES = 60
COLUMNS = 120


def limit_of(path):
    if path.suffix == ".hpp":
        return HEADER_LINES
    return TEST_LINES if path.parts[0] == "tests" else SOURCE_LINES


def kind(head):
    """What the brace after this text opens, at namespace or class level: "scope", "function" or "data"."""
    head = re.sub(r"\[\[[^\]]*\]\]|\balignas\s*\([^)]*\)", " ", head).strip()
    if re.match(r"(inline\s+)?namespace\b|extern$", head):
        return "scope"
    if re.search(r"\b(class|struct|union|enum)\b[^()]*$", head) and not head.endswith(")"):
        return "scope"
    assignment = re.search(r"(?<![=!<>])=(?!=)", re.sub(r"\boperator\s*\S+?(?=\()", "", head))
    is_lambda = re.search(r"\[[^\]]*\]\s*(\([^{}]*\))?[^{}()]*$", head)
    if assignment and not is_lambda:
        return "data"
    # Nothing before the brace: the body behind a braced member initializer.
    return "function" if head == "" or head.startswith(",") or "(" in head else "data"


def functions(text):
    """(first line, last line) of each outermost function body of C++ without comments and strings."""
    text = re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", lambda match: re.sub(r"[^\n]", " ", match.group(0)), text, flags=re.MULTILINE)
    stack, head_start, line, found = [], 0, 1, []
    for offset, symbol in enumerate(text):
        if symbol == "\n":
            line += 1
        elif symbol == "{":
            inside = stack and stack[-1][0] != "scope"
            stack.append(("nested" if inside else kind(text[head_start:offset]), line))
            head_start = offset + 1
        elif symbol == "}":
            what, first = stack.pop() if stack else ("scope", line)
            if what == "function":
                found.append((first, line))
            head_start = offset + 1
        elif symbol == ";":
            head_start = offset + 1
    return found


def check(root, _):
    findings = []
    for source in common.sources(root):
        text = (root / source).read_text()
        lines = len(text.splitlines())
        if lines > limit_of(source):
            findings.append(common.Finding(str(source), 1, f"{lines} lines, at most {limit_of(source)}"))
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > COLUMNS:
                findings.append(common.Finding(str(source), number, f"{len(line)} columns, at most {COLUMNS}"))
        for first, last in functions(common.strip(text)):
            if last - first + 1 > FUNCTION_LINES:
                sentence = f"a function of {last - first + 1} lines, at most {FUNCTION_LINES}"
                findings.append(common.Finding(str(source), first, sentence))
    return findings


def _lines(count, line="  f();"):
    return "\n".join([line] * count) + "\n"


BAD = {
    "dht/a.hpp": _lines(251, "// x"),
    "dht/fits.hpp": _lines(250, "// x"),
    "dht/a.cpp": _lines(601, "// x"),
    "tests/a.cpp": _lines(800, "// x"),
    "tests/b.cpp": _lines(801, "// x"),
    "dht/short.cpp": "namespace a {\nvoid f() {\n" + _lines(58) + "}\n" + _lines(80, "int x;") + "}  // namespace a\n",
    "dht/long.cpp": "namespace a {\nvoid f() {\n" + _lines(59) + "}\n}\n",
    "dht/method.hpp": "class A : public B {\n  int x() const { return 1; }\n  A() : y_{1}, z_{2} {\n" + _lines(60) + "  }\n};\n",
    "dht/lambda.cpp": "void f() {\n  auto g = [](int x) {\n" + _lines(30) + "  };\n  if (a) {\n" + _lines(40) + "  }\n}\n",
    "dht/braces.cpp": "void f() {\n  // }\n  s = \"}\"; c = '}'; r = R\"(}})\"; n = 1'000;\n" + _lines(58) + "}\n",
    "dht/data.cpp": "const std::array kTable = make({\n" + _lines(80, "  1,") + "});\nenum class E {\n" + _lines(80, " a,") + "};\n",
    "dht/template.hpp": "template <class T>\nstruct A {\n" + _lines(70, "  int x;") + "};\n",
    "dht/operator.cpp": "A& A::operator=(const A& other) {\n" + _lines(60) + "}\n",
    "dht/wide.cpp": "// " + "\u00e4" * 117 + "\n// " + "x" * 118 + "\n",
    "dht/macro.cpp": "#define BEGIN {\n#define TWO \\\n  {\nvoid f() { return; }\n" + _lines(70, "int x;"),
}
EXPECTED = {
    ("dht/a.hpp", 1),
    ("dht/a.cpp", 1),
    ("tests/b.cpp", 1),
    ("dht/long.cpp", 2),
    ("dht/method.hpp", 3),
    ("dht/lambda.cpp", 1),
    ("dht/braces.cpp", 1),
    ("dht/operator.cpp", 1),
    ("dht/wide.cpp", 2),
}

if __name__ == "__main__":
    common.run(check, BAD, EXPECTED)
