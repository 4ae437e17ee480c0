"""A note about unfinished work names its issue, as in `TODO(#12)`."""

import re

import common

SUFFIXES = (".hpp", ".cpp", ".py", ".txt", ".cmake")
LOOSE_END = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b(?!\(#\d+\))")


def check(root, _):
    findings = []
    for source in common.sources(root, SUFFIXES):
        if source.parts[:3] == ("tests", "fuzz", "corpus") or source.name == "words.py":
            continue
        text = (root / source).read_text()
        for match in LOOSE_END.finditer(text):
            sentence = f"{match.group(0)} without the number of an issue"
            findings.append(common.Finding(str(source), common.line_of(text, match.start()), sentence))
    return findings


BAD = {
    "dht/a.cpp": "// TO" + "DO: later\n// TO" + "DO(#12): later\nint todo;\n",
    "tests/a.py": "# XX" + "X\n",
}
EXPECTED = {("dht/a.cpp", 1), ("tests/a.py", 1)}

if __name__ == "__main__":
    common.run(check, BAD, EXPECTED)
