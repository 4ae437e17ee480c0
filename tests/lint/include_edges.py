"""Which folder may include which. A folder that is not in the table may include nothing of ours."""

import re

import common

# Every folder may include itself. An entry is a folder or one file.
EDGES = {
    "dht/base": [],
    "dht/wire/messages": ["dht/base"],
    "dht/wire/codec": ["dht/base", "dht/wire/messages"],
    "dht/rpc": ["dht/base", "dht/wire/messages"],
    "dht/store": ["dht/base", "dht/wire/messages", "dht/rpc"],
    "dht/chord": ["dht/base", "dht/wire/messages", "dht/rpc", "dht/store"],
    "dht/net": ["dht/base", "dht/wire/messages", "dht/wire/codec", "dht/rpc", "dht/store", "dht/chord"],
    "peer/identity": ["dht/base"],
    "peer/transfer": ["dht/base"],
    "peer/node": [
        "peer/transfer", "peer/identity",
        "dht/base", "dht/wire/messages", "dht/rpc", "dht/store", "dht/chord", "dht/net",
    ],
    "peer/control": ["peer/node", "peer/identity", "peer/transfer/transfer.hpp", "dht/base", "dht/chord"],
    "cli": ["peer/control", "dht/base"],
    "cli/main.cpp": ["cli", "cli/host", "peer/control", "dht/base"],
    "cli/host": ["*"],
    "tests": ["*"],
}

LIBTORRENT = r"peer/transfer/([^/]*\.cpp|lt_[^/]*\.hpp)|dht/wire/codec/[^/]*\.cpp"

# Headers by how their path begins, and the only files that may include them (besides tests).
PLACES = [
    ("libtorrent/", LIBTORRENT),
    ("boost/", LIBTORRENT + r"|(dht/net|peer/node|cli/host)/.*"),
    # Our own headers that name libtorrent's types.
    ("peer/transfer/lt_", LIBTORRENT),
    ("openssl/", r"dht/base/[^/]*\.cpp|peer/(identity|transfer)/[^/]*\.cpp"),
    ("CLI/", r"cli/[^/]*\.cpp"),
    ("nlohmann/", r"(cli|peer/control)/[^/]*\.cpp"),
    ("gtest/", r"tests/.*"),
    ("gmock/", r"tests/.*"),
    ("rapidcheck", r"tests/.*"),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def rule_of(path):
    """The table's key for a file: its own line, else its folder, else the test tree."""
    if path in EDGES:
        return path
    folder = path.rpartition("/")[0]
    return "tests" if folder == "tests" or folder.startswith("tests/") else folder


def allowed(path, target):
    rule = rule_of(path)
    permitted = EDGES.get(rule, []) + [path.rpartition("/")[0]]
    return "*" in permitted or target in permitted or target.rpartition("/")[0] in permitted


def check_own(root, path, target, quoted):
    if not quoted:
        return f"<{target}> is ours: include it in quotes"
    if not (root / target).is_file():
        return f'"{target}" is no file of this tree: includes of ours are paths from its root'
    if not allowed(path, target):
        return f'{rule_of(path)} may not include "{target}"'
    return None


def check_place(path, target):
    for prefix, place in PLACES:
        if target.startswith(prefix) and not path.startswith("tests/") and not re.fullmatch(place, path):
            return f"{target} has no place here"
    return None


def check(root, _):
    findings = []
    for source in map(str, common.sources(root)):
        text = common.strip((root / source).read_text(), keep_strings=True)
        for match in INCLUDE.finditer(text):
            quoted, target = match.group(1) is not None, match.group(1) or match.group(2)
            ours = quoted or target.partition("/")[0] in common.FOLDERS
            sentence = (check_own(root, source, target, quoted) if ours else None) or check_place(source, target)
            if sentence:
                findings.append(common.Finding(source, common.line_of(text, match.start(0)), sentence))
    return findings


BAD = {
    "dht/base/bytes.hpp": "#include <vector>\n",
    "dht/chord/node.hpp": '#include "dht/base/bytes.hpp"\n#include "dht/wire/codec/codec.hpp"\n#include "node2.hpp"\n',
    "dht/chord/node.cpp": '// #include "peer/node/x.hpp"\n#include "dht/chord/node.hpp"\n#include "peer/node/x.hpp"\n',
    "dht/wire/codec/codec.hpp": "#include <libtorrent/bdecode.hpp>\n",
    "dht/wire/codec/codec.cpp": '#include "dht/wire/codec/codec.hpp"\n#include <libtorrent/bdecode.hpp>\n',
    "dht/extra/x.hpp": '#include "dht/base/bytes.hpp"\n',
    "peer/node/x.hpp": "#include <dht/base/bytes.hpp>\n#include <boost/asio.hpp>\n",
    "peer/transfer/lt_session.hpp": "#include <libtorrent/session.hpp>\n",
    "peer/transfer/transfer.hpp": '#include "peer/transfer/lt_session.hpp"\n',
    "peer/transfer/transfer.cpp": '#include "peer/transfer/lt_session.hpp"\n',
    "cli/share.cpp": '#include "cli/host/host.hpp"\n#include <CLI/CLI.hpp>\n',
    "cli/main.cpp": '#include "cli/host/host.hpp"\n',
    "cli/host/host.hpp": '#include "dht/wire/codec/codec.hpp"\n',
    "tests/dht/chord/test_node.cpp": '#include "dht/wire/codec/codec.hpp"\n#include <gtest/gtest.h>\n',
}
EXPECTED = {
    ("dht/chord/node.hpp", 2),
    ("dht/chord/node.hpp", 3),
    ("dht/chord/node.cpp", 3),
    ("dht/wire/codec/codec.hpp", 1),
    ("dht/extra/x.hpp", 1),
    ("peer/node/x.hpp", 1),
    ("peer/transfer/transfer.hpp", 1),
    ("cli/share.cpp", 1),
}

if __name__ == "__main__":
    common.run(check, BAD, EXPECTED)
