"""Protocol code has no clock, socket, thread, file or foreign randomness: neither in its sources nor in its objects.

The sources are scanned without comments and strings; the static libraries of a build (--build) by `nm -uC`.
"""

import pathlib
import re
import subprocess

import common

# Folder -> its library in a build, and the files that are exempt.
PURE = {
    "dht/wire/messages": ("librondo_wire_messages.a", ()),
    "dht/rpc": ("librondo_rpc.a", ()),
    "dht/store": ("librondo_store.a", ()),
    "dht/chord": ("librondo_chord.a", ()),
    "dht/base": (None, ("crypto.hpp", "crypto.cpp", "endpoint.hpp", "endpoint.cpp")),
}

BANNED = [
    (r"\b(system|steady|high_resolution|utc|file)_clock\b|\bnow\s*\(\s*\)|\bclock_gettime\b|\bgettimeofday\b", "a clock"),
    (r"(?<![\w.>:])(?:std::)?(?:time|clock)\s*\(", "a clock"),
    (r"<(thread|mutex|shared_mutex|atomic|condition_variable|future|semaphore)>", "threads"),
    (r"\bstd::(thread|jthread|mutex|atomic|async|this_thread)\b|\bthread_local\b|\bpthread_", "threads"),
    (r"<random>|\brandom_device\b|\bmt19937|\b\w+_distribution\b|\bstd::(shuffle|sample)\b", "std randomness"),
    (r"(?<![\w.>])s?rand\s*\(|\bRAND_bytes\b|\brandom_bytes\s*\(", "global randomness"),
    (r"<(fstream|iostream|filesystem)>|\bf?open\s*\(\s*\"|\bfopen\b|\bstd::(i|o)?fstream\b|\bstd::filesystem\b", "files"),
    (r"\bsocket\b|<(sys/socket|netinet/in|arpa/inet|netdb|unistd)\.h>|\basio\b", "sockets"),
    (r"\bgetenv\b", "the environment"),
    (r"\bunordered_(multi)?(map|set)\b", "a container without an order"),
]
BANNED_SYMBOLS = re.compile(
    r"clock_gettime|::now\(|random_device|\bsocket\b|getenv|pthread|fopen|open64|ifstream|ofstream|RAND_bytes"
)


def scan(root):
    findings = []
    for source in common.sources(root):
        exempt = PURE.get(str(source.parent), (None, None))[1]
        if exempt is None or source.name in exempt:
            continue
        text = common.strip((root / source).read_text())
        for pattern, what in BANNED:
            for match in re.finditer(pattern, text):
                sentence = f"pure code names {what}: {match.group(0).strip()}"
                findings.append(common.Finding(str(source), common.line_of(text, match.start()), sentence))
    return findings


def scan_archives(root, build):
    findings = []
    for folder, (archive, _) in PURE.items():
        if not archive or not any(path.suffix == ".cpp" for path in (root / folder).glob("*")):
            continue
        path = build / folder / archive
        if not path.is_file():
            findings.append(common.Finding(str(path), 1, "is not built, so its symbols can't be read"))
            continue
        undefined = subprocess.run(["nm", "-uC", str(path)], check=True, capture_output=True, text=True).stdout
        member = ""
        for line in undefined.splitlines():
            member = line.rstrip(":") if line.endswith(":") else member
            if BANNED_SYMBOLS.search(line):
                findings.append(common.Finding(f"{folder}/{archive}", 1, f"{member} needs {line.split(maxsplit=1)[1]}"))
    return findings


def check(root, options):
    findings = scan(root)
    if options.self_test:
        build = root / "build"
        make_archive(root, build)
        return findings + scan_archives(root, build)
    return findings + (scan_archives(root, options.build) if options.build else [])


def make_archive(root, build):
    """Builds the impure example as a real library."""
    for folder in ("dht/rpc", "dht/store"):
        (build / folder).mkdir(parents=True)
        for source in (root / folder).glob("*.cpp"):
            item = build / folder / (source.stem + ".o")
            subprocess.run(["g++", "-std=c++20", "-c", str(source), "-o", str(item)], check=True)
            subprocess.run(["ar", "rc", str(build / folder / PURE[folder][0]), str(item)], check=True)


BAD = {
    "dht/chord/node.hpp": """// steady_clock in a comment is fine
#include <chrono>
#include <random>
inline const char* text = "steady_clock in a string is fine";
inline auto a() { return std::chrono::steady_clock::now(); }
std::unordered_map<int, int> table;
inline long deadline_time(long time) { return time; }
inline long b(const Node& node) { return node.time(); }
inline long c() { return time(nullptr); }
Instant d(Instant now, Rng& rng) { rng.shuffle(list); return jitter(now); }
""",
    "dht/net/driver.cpp": "#include <thread>\n",
    "dht/base/crypto.cpp": "void f() { RAND_bytes(); }\n",
    "dht/base/rng.cpp": "void f() { RAND_bytes(); }\n",
    # Impure in a way that only the objects show.
    "dht/rpc/clock.cpp": "extern \"C\" char* get\\\nenv(const char*);\nchar* home() { return get\\\nenv(\"HOME\"); }\n",
    "dht/store/clean.cpp": "int one() { return 1; }\n",
}
EXPECTED = {
    ("dht/chord/node.hpp", 3),
    ("dht/chord/node.hpp", 5),
    ("dht/chord/node.hpp", 6),
    ("dht/chord/node.hpp", 9),
    ("dht/base/rng.cpp", 1),
    ("dht/rpc/librondo_rpc.a", 1),
}

if __name__ == "__main__":
    common.run(check, BAD, EXPECTED, lambda parser: parser.add_argument("--build", type=pathlib.Path))
