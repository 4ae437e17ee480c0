"""What the lints share: the files of the tree, C++ without comments and strings, findings, the self-test.

A lint is a function check(root, options) -> [Finding]. Its self-test runs it over BAD, a small tree that is wrong on
purpose, and demands exactly the findings of EXPECTED: what must be found is found, and nothing else.
"""

import argparse
import pathlib
import re
import sys
import tempfile
from typing import NamedTuple

FOLDERS = ("dht", "peer", "cli", "gui", "tests")


class Finding(NamedTuple):
    path: str
    line: int
    sentence: str


def sources(root, suffixes=(".hpp", ".cpp")):
    """The C++ files of the tree, as paths relative to the root, sorted."""
    found = []
    for folder in FOLDERS:
        for path in (root / folder).rglob("*"):
            if path.suffix in suffixes and path.is_file():
                found.append(path.relative_to(root))
    return sorted(found)


_TOKEN = re.compile(
    r"""
      (?P<comment> //(?:\\\n|[^\n])* | /\*.*?\*/ )
    | (?P<raw> (?:u8|[uUL])?R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)" )
    | (?P<text> "(?:\\.|[^"\\\n])*" )
    | (?P<char> (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+' )
    """,
    re.VERBOSE | re.DOTALL,
)


def strip(text, keep_strings=False):
    """The text with comments, and strings too unless kept, turned to spaces: lines and columns stay."""

    def blank(match):
        if keep_strings and match.group("comment") is None:
            return match.group(0)
        return re.sub(r"[^\n]", " ", match.group(0))

    return _TOKEN.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def run(check, bad, expected, add_options=None):
    """The main function of a lint."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--self-test", action="store_true", help="run over an example that is wrong on purpose")
    if add_options:
        add_options(parser)
    options = parser.parse_args()
    sys.exit(_self_test(check, bad, expected, options) if options.self_test else _report(check(options.root, options)))


def _report(findings):
    for finding in sorted(findings):
        print(f"{finding.path}:{finding.line}: {finding.sentence}")
    print(f"{len(findings)} findings")
    return 1 if findings else 0


def _self_test(check, bad, expected, options):
    with tempfile.TemporaryDirectory(prefix="rondo-lint-") as folder:
        root = pathlib.Path(folder)
        for path, content in bad.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content)
        found = {(str(finding.path), finding.line) for finding in check(root, options)}
    for path, line in sorted(expected - found):
        print(f"{path}:{line}: the lint does not find this")
    for path, line in sorted(found - expected):
        print(f"{path}:{line}: the lint finds something where nothing is wrong")
    print(f"self-test: {len(expected & found)} of {len(expected)} found")
    return 0 if found == expected and expected else 1
