"""Links between our documents lead to files of the tree, and the index of decisions names every page."""

import re
import urllib.parse

import common

LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
DECISIONS = "docs/decisions"


def documents(root):
    top = [path for path in root.iterdir() if path.is_file()]
    return sorted(path.relative_to(root) for path in top + list((root / "docs").rglob("*")) if path.suffix == ".md")


def without_code(text):
    """Code holds examples, not links."""
    return re.sub(r"^```.*?^```|`[^`\n]+`", lambda match: re.sub(r"[^\n]", " ", match.group(0)), text, flags=re.DOTALL | re.MULTILINE)


def dead_links(root, document):
    text = without_code((root / document).read_text())
    for match in LINK.finditer(text):
        target = urllib.parse.unquote(match.group(1).partition("#")[0])
        if target and "://" not in target and not target.startswith("mailto:"):
            if not (root / document.parent / target).exists():
                yield common.Finding(str(document), common.line_of(text, match.start()), f"{target} does not exist")


def missing_in_index(root):
    index = root / DECISIONS / "README.md"
    listed = index.read_text() if index.is_file() else ""
    for page in sorted((root / DECISIONS).glob("[0-9]*.md")):
        if f"({page.name})" not in listed:
            yield common.Finding(f"{DECISIONS}/README.md", 1, f"{page.name} is not in the index")


def check(root, _):
    findings = [finding for document in documents(root) for finding in dead_links(root, document)]
    return findings + list(missing_in_index(root))


BAD = {
    "README.md": "[a](docs/here.md#part) [b](https://example.org/x)\n```\n[c](nowhere.md)\n```\n`[d](x.md)` [e](nowhere.md)\n",
    "docs/here.md": "[up](../README.md)\n[wrong](README.md)\n",
    "docs/decisions/README.md": "| 0001 | [one](0001-one.md) |\n",
    "docs/decisions/0001-one.md": "# 0001\n",
    "docs/decisions/0002-two.md": "# 0002\n",
}
EXPECTED = {("README.md", 5), ("docs/here.md", 2), ("docs/decisions/README.md", 1)}

if __name__ == "__main__":
    common.run(check, BAD, EXPECTED)
