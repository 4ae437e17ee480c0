"""Every C++ source is as clang-format 14 leaves it (`./dev fmt`). With --fix it formats in place."""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

import common

STYLE = common.pathlib.Path(__file__).resolve().parents[2] / ".clang-format"
COMPLAINT = re.compile(r"^(.*?):(\d+):\d+: error: code should be clang-formatted", re.MULTILINE)


def formatter():
    for name in ("clang-format-14", "clang-format"):
        if shutil.which(name):
            return name
    sys.exit("clang-format is not installed (./dev setup)")


def complaints(command, root, batch):
    result = subprocess.run(command + batch, cwd=root, capture_output=True, text=True, check=False)
    if result.returncode != 0 and not COMPLAINT.search(result.stderr):
        sys.exit(result.stderr)
    first_lines = {}
    for path, line in COMPLAINT.findall(result.stderr):
        first_lines.setdefault(path, int(line))
    return [common.Finding(path, line, "is not formatted (./dev fmt)") for path, line in first_lines.items()]


def check(root, options):
    command = [formatter(), f"--style=file:{STYLE}"]
    command += ["-i"] if options.fix else ["--dry-run", "-Werror"]
    files = [str(path) for path in common.sources(root)]
    workers = os.cpu_count() or 1
    batches = [batch for batch in (files[start::workers] for start in range(workers)) if batch]
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return [finding for found in pool.map(lambda batch: complaints(command, root, batch), batches) for finding in found]


BAD = {
    "dht/bad.cpp": "// fine\nint  two_spaces;\n",
    "dht/good.cpp": "int one_space;\n",
    "tests/dht/bad.hpp": "int* left;\nint *right;\n",
}
EXPECTED = {("dht/bad.cpp", 2), ("tests/dht/bad.hpp", 2)}

if __name__ == "__main__":
    common.run(check, BAD, EXPECTED, lambda parser: parser.add_argument("--fix", action="store_true"))
