"""What is big: a sparse file of 20 GiB, and a folder with 100,000 files. Memory stays within 64 MB + 1 KB a file.

Takes minutes and 1 GB of disk, so it runs with `./dev test --long` only.
"""

import os
import pathlib
import time

from harness import Sandbox, run_checks, tree_of

FILES = 100_000
SPARSE = 20 << 30
ALLOWED = 64_000_000


def peak_memory(process):
    """Of a running process, in bytes."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def share(sandbox, entry, path):
    process = sandbox.start("share", path, "--public", "--json", *sandbox.node_options(f"home-{path.name}", entry))
    started = time.monotonic()
    magnet = process.wait_event("shared", 600)["magnet"]
    print(f"      hashed in {time.monotonic() - started:.1f} s", flush=True)
    process.wait_event("announced", 60, lambda event: event["held"] > 0)
    return process, magnet


def a_sparse_file(sandbox, entry, checks):
    source = sandbox.folder("sparse")
    with open(source / "disk.img", "wb") as file:
        file.truncate(SPARSE)
        file.write(os.urandom(1 << 20))
    process, _ = share(sandbox, entry, source)
    peak = peak_memory(process)
    print(f"      20 GiB sparse: share's peak memory {peak / 1e6:.1f} MB", flush=True)
    checks.check("a file of 20 GiB is shared within 64 MB", peak <= ALLOWED, peak)
    checks.equal("and Ctrl-C ends it", process.stop(), 0)


def many_files(sandbox, entry, checks):
    source, into = sandbox.folder("many"), sandbox.folder("out-many")
    for folder in range(FILES // 100):
        path = source / f"folder-{folder % 10}" / f"{folder:04}"
        path.mkdir(parents=True)
        for number in range(100):
            (path / f"file-{number:02}.txt").write_bytes(os.urandom(64) * 8)
    process, magnet = share(sandbox, entry, source)
    getter = sandbox.start("get", magnet, "-o", into, *sandbox.node_options("getter", entry))
    peak, started = 0, time.monotonic()
    while getter.is_running() and time.monotonic() < started + 600:
        try:
            peak = max(peak, peak_memory(getter))
        except (OSError, ValueError):
            break
        time.sleep(0.05)
    checks.equal("100,000 files are fetched", getter.wait(60), 0)
    print(f"      100,000 files: fetched in {time.monotonic() - started:.1f} s; peak memory: share "
          f"{peak_memory(process) / 1e6:.1f} MB, get {peak / 1e6:.1f} MB", flush=True)
    allowed = ALLOWED + 1000 * FILES
    checks.check("share stays within 64 MB + 1 KB a file", peak_memory(process) <= allowed, peak_memory(process))
    checks.check("get stays within 64 MB + 1 KB a file", 0 < peak <= allowed, peak)
    checks.check("all are equal", tree_of(into / source.name) == tree_of(source))


def body(options, checks):
    with Sandbox(options.rondo) as sandbox:
        _, entry = sandbox.start_daemon("bootstrap", bootstrap=True)
        a_sparse_file(sandbox, entry, checks)
        many_files(sandbox, entry, checks)


if __name__ == "__main__":
    run_checks(__doc__, body)
