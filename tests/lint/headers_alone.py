"""Every header begins with `#pragma once` and compiles alone.

A header that its own source includes before anything else is compiled alone by every build; the others are compiled
here. One that compiled is remembered under --build by a hash of its text, of all it includes of ours and of the compiler,
so that a second run costs nothing.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess

import common
import include_edges

COMPILER = "g++"
FLAGS = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]
COMPLAINT = re.compile(r"^(.+?):(\d+)(?::\d+)?: (?:fatal )?error: (.*)$", re.MULTILINE)


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def opens_its_source(root, header):
    source = root / header.with_suffix(".cpp")
    first = include_edges.INCLUDE.search(common.strip(source.read_text(), keep_strings=True)) if source.is_file() else None
    return first is not None and first.group(1) == str(header)


def unguarded(root, header):
    text = common.strip((root / header).read_text(), keep_strings=True).lstrip()
    return [] if text.startswith("#pragma once\n") else [common.Finding(str(header), 1, "does not begin with #pragma once")]


def closure(root, header):
    """The header and every file of ours that it includes, however deep."""
    seen, waiting = set(), [str(header)]
    while waiting:
        path = waiting.pop()
        if path in seen or not (root / path).is_file():
            continue
        seen.add(path)
        text = (root / path).read_text()
        waiting += [match.group(1) for match in include_edges.INCLUDE.finditer(text) if match.group(1)]
    return sorted(seen)


def fingerprint(root, header, flags):
    digest = hashlib.sha256(json.dumps(flags).encode())
    for path in closure(root, header):
        digest.update(path.encode() + b"\0" + (root / path).read_bytes())
    return digest.hexdigest()


def compile_alone(root, header, flags):
    """The findings of one header, at most one: later errors are mostly echoes of the first."""
    program = f'#include "{header}"\n'
    command = [*flags, "-I", ".", "-x", "c++", "-"]
    result = subprocess.run(command, cwd=root, input=program, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return []
    match = COMPLAINT.search(result.stderr)
    path, line, sentence = match.groups() if match else (str(header), "1", result.stderr.strip())
    return [common.Finding(path.removeprefix("./"), int(line), f"does not compile alone: {sentence}")]


def load(memory):
    try:
        return set(json.loads(memory.read_text()))
    except (OSError, ValueError):
        return set()


def check(root, options):
    flags = [COMPILER, *FLAGS, *output_of("pkg-config", "--cflags", "libtorrent-rasterbar").split()]
    key = flags + [output_of(COMPILER, "-dumpfullversion"), output_of("pkg-config", "--modversion", "libtorrent-rasterbar")]
    memory = options.build / "headers_alone.json" if options.build and not options.self_test else None
    known = load(memory) if memory else set()
    headers = common.sources(root, (".hpp",))
    findings = [finding for header in headers for finding in unguarded(root, header)]
    prints = {header: fingerprint(root, header, key) for header in headers if not opens_its_source(root, header)}
    new = [header for header, mark in prints.items() if mark not in known]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = dict(zip(new, pool.map(lambda header: compile_alone(root, header, flags), new)))
    if memory:
        good = [mark for header, mark in prints.items() if not results.get(header)]
        memory.write_text(json.dumps(good))
    print(f"{len(headers)} headers, {len(headers) - len(prints)} open their source, {len(new)} compiled here")
    return findings + [finding for found in results.values() for finding in found]


BAD = {
    "dht/good.hpp": "#pragma once\n#include <string>\ninline std::string f() { return {}; }\n",
    "dht/missing.hpp": "#pragma once\nstd::string f();\n",
    "dht/twice.hpp": "// Words.\n#include <string>\nstruct Twice {};\n",
    "dht/opens.hpp": "// Words.\n#pragma once\nbroken, but a build would say so\n",
    "dht/opens.cpp": '// Words.\n#include "dht/opens.hpp"\n',
    "dht/later.hpp": "#pragma once\nstd::string later();\n",
    "dht/later.cpp": '#include <string>\n#include "dht/later.hpp"\n',
    "dht/through.hpp": '#pragma once\n#include "dht/missing.hpp"\n',
}
EXPECTED = {("dht/missing.hpp", 2), ("dht/later.hpp", 2), ("dht/twice.hpp", 1)}

if __name__ == "__main__":
    common.run(check, BAD, EXPECTED, lambda parser: parser.add_argument("--build", type=pathlib.Path))
