"""clang-tidy 14 finds nothing: .clang-tidy says what it looks for, tests/.clang-tidy what of it in tests. What is turned
off on a line has its reason there.

One run a source of the compilation database, several at once. What a run found is remembered under --build by all that
it read: the program, the configuration, the command, the source and every header, ours by their text, the system's by
size and time. A second run costs only those looks.
"""

import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

import common

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# Lists the headers on standard error.
EXTRA = ["--extra-arg=-H"]
COMPLAINT = re.compile(r"^(?P<path>/.*?):(?P<line>\d+):\d+: (?:error|warning): (?P<sentence>.*)$", re.MULTILINE)
SILENCED = re.compile(r"\bNOLINT(?:NEXTLINE|BEGIN|END)?\b(?P<reason>\([\w.,-]+\): \w)?")
HEADER = re.compile(r"^\.+ (.*)$", re.MULTILINE)

Entry = collections.namedtuple("Entry", "command text")


def program():
    found = shutil.which("clang-tidy-14")
    return found or sys.exit("clang-tidy-14 is not installed (./dev setup)")


def of_database(root, build):
    """{source: command} of our sources, each once. The commands are told apart by what the compiler sees: an object's
    name is nothing that it reads."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["directory"], entry["file"])
        if source.is_relative_to(root):
            words = shlex.split(entry["command"])
            found[source.relative_to(root)] = " ".join(words[: words.index("-o")] if "-o" in words else words)
    return found


def of_tree(root):
    """The same without a database."""
    return {source: f"clang++-14 -std=c++20 -I {root}" for source in common.sources(root, (".cpp",))}


class Memory:
    """What runs found, a file a source."""

    def __init__(self, root, folder, tool):
        self._root, self._folder = root, folder
        self._tool = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
        self._marks = {}
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def _mark(self, path):
        """Changes when the file does."""
        if path not in self._marks:
            full = self._root / path
            try:
                if full.is_relative_to(self._root):
                    self._marks[path] = hashlib.sha256(full.read_bytes()).hexdigest()
                else:
                    state = full.stat()
                    self._marks[path] = f"{state.st_size} {state.st_mtime_ns}"
            except OSError:
                self._marks[path] = None
        return self._marks[path]

    def _fingerprint(self, command, read):
        # One that isn't there counts too.
        configurations = [".clang-tidy", *(f"{folder}/.clang-tidy" for folder in common.FOLDERS)]
        marks = [(path, self._mark(path)) for path in configurations + sorted(read)]
        return hashlib.sha256(json.dumps([self._tool, EXTRA, command, marks]).encode()).hexdigest()

    def _file(self, source):
        return self._folder / (str(source).replace("/", "__") + ".json")

    def find(self, source, command):
        """The findings of the last run, or None when anything that it read has changed."""
        if not self._folder:
            return None
        try:
            last = json.loads(self._file(source).read_text())
            known = last["fingerprint"] == self._fingerprint(command, last["read"])
            return [common.Finding(*finding) for finding in last["findings"]] if known else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, source, command, read, findings):
        if self._folder:
            last = {"fingerprint": self._fingerprint(command, read), "read": sorted(read), "findings": findings}
            self._file(source).write_text(json.dumps(last))


def relative(root, path):
    """To the root when it is below."""
    path = os.path.normpath(os.path.join(root, path))
    return os.path.relpath(path, root) if path.startswith(f"{root}/") else path


def run_tidy(root, build, tool, source, command):
    """(all that was read, findings) of one source."""
    words = [tool, "--quiet", *EXTRA, str(source)]
    words += ["-p", str(build)] if build else ["--", *shlex.split(command)[1:]]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    findings = {
        common.Finding(relative(root, match["path"]), int(match["line"]), match["sentence"].replace(",-warnings-as-errors", ""))
        for match in COMPLAINT.finditer(done.stdout)
    }
    if done.returncode != 0 and not findings:
        findings = {common.Finding(str(source), 1, f"clang-tidy failed: {(done.stdout + done.stderr).strip()[-600:]}")}
    read = {relative(root, path) for path in HEADER.findall(done.stderr)} | {str(source)}
    return read, sorted(findings)


def silenced(root):
    """Findings that are turned off without the name of a check and a reason."""
    for source in common.sources(root):
        for number, line in enumerate((root / source).read_text().splitlines(), 1):
            if any(match["reason"] is None for match in SILENCED.finditer(line)):
                yield common.Finding(str(source), number, "is no NOLINT(check): reason")


def check(root, options):
    root = root.resolve()
    tool = program()
    build = None if options.self_test else options.build.resolve()
    commands = of_database(root, build) if build else of_tree(root)
    memory = Memory(root, build and build.parent / "lint" / "tidy", tool)
    known = {source: memory.find(source, command) for source, command in commands.items()}
    new = [source for source in commands if known[source] is None]
    started = time.monotonic()

    def look(source):
        read, findings = run_tidy(root, build, tool, source, commands[source])
        memory.keep(source, commands[source], read, findings)
        for finding in findings if options.verbose else []:
            print(f"{finding.path}:{finding.line}: {finding.sentence}", flush=True)
        return findings

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        known |= zip(new, pool.map(look, new))
    print(f"{len(commands)} sources, {len(new)} of them looked at, {time.monotonic() - started:.0f} s")
    # A header's finding comes with every source that includes it.
    return sorted({finding for findings in known.values() for finding in findings} | set(silenced(root)))


BAD = {name: (REPOSITORY / name).read_text() for name in (".clang-tidy", "tests/.clang-tidy")} | {
    "dht/good.hpp": """#pragma once

#include <chrono>
#include <string>
#include <utility>

struct Clock {
  using rep = int;
  static constexpr bool is_steady = true;
};

enum class Kind { kFirst, kSecond };
inline constexpr int kLimit = 3;

class Good {
 public:
  explicit Good(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
  static constexpr char kDigits[] = "01";
};
""",
    "dht/good.cpp": '#include "dht/good.hpp"\n\nint length_of(const Good& good) { return static_cast<int>(good.name().size()); }\n',
    "dht/names.hpp": """#pragma once

struct lower {
  int Member = 0;
};
enum class Kind { first };
class Unmarked {
 public:
  int BadFunction() { return ++count; }

 private:
  int count = 0;
};
constexpr int limit = 3;
int f(int Parameter);
""",
    "dht/names.cpp": '#include "dht/names.hpp"\n\nint f(int parameter) { return parameter; }\n',
    "dht/names_again.cpp": '#include "dht/names.hpp"\n',
    "peer/moved.cpp": """#include <string>
#include <utility>

std::string taken(std::string from) {
  std::string to = std::move(from);
  return to + from;
}
""",
    "peer/silenced.cpp": """#include <utility>

struct Old {
  int one = 0;  // NOLINT
  int Two = 0;  // NOLINT(readability-identifier-naming)
  int Three = 0;  // NOLINT(readability-identifier-naming): as the standard has it
};
""",
    "peer/path.cpp": """int* nowhere(bool known) {
  int* found = nullptr;
  if (known) *found = 1;
  return found;
}
""",
    "tests/dht/moved_test.cpp": """#include <string>
#include <utility>

int CamelCase();

std::string taken(std::string from, const std::string by_value) {
  std::string to = std::move(from);
  return to + from + by_value;
}
""",
}
EXPECTED = {
    ("dht/names.hpp", 3),
    ("dht/names.hpp", 4),
    ("dht/names.hpp", 6),
    ("dht/names.hpp", 9),
    ("dht/names.hpp", 12),
    ("dht/names.hpp", 14),
    ("dht/names.hpp", 15),
    ("peer/moved.cpp", 6),
    ("peer/path.cpp", 3),
    ("peer/silenced.cpp", 4),
    ("peer/silenced.cpp", 5),
    ("tests/dht/moved_test.cpp", 4),
    ("tests/dht/moved_test.cpp", 8),
}


def add_options(parser):
    parser.add_argument("--build", type=pathlib.Path, default=REPOSITORY / "build/release", help="has the database")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count(), help="runs at once")
    parser.add_argument("-v", "--verbose", action="store_true", help="print findings as they come")


if __name__ == "__main__":
    common.run(check, BAD, EXPECTED, add_options)
