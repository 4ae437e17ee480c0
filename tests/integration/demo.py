"""`./dev demo`: three processes on this machine, as far apart as processes can be. One begins a ring, one shares a folder,
one fetches it by its link; nothing but the ring tells the third where the second one is. Every file is compared.
"""

import os
import pathlib
import shutil
import signal
import sys
import time

from harness import Sandbox, TimedOut, arguments, events_of, sha256_of_file
from rondo_ring import Member

# Folders that Debian machines have, small ones first; the first that fits is shared.
CANDIDATES = [
    "/usr/lib/gcc", "/usr/include", "/usr/lib/python3", "/usr/share/perl", "/usr/share/locale", "/usr/share/doc",
    "/usr/bin", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/share", "/usr/lib",
]
FILES = 200
BYTES = 100_000_000
BYTES_PREFERRED = 400_000_000
SECONDS = 240


class DemoFailed(Exception):
    pass


def files_of(folder):
    """The regular files below a folder, links left out, as a share takes them."""
    found = []
    for where, _, names in os.walk(folder):
        for name in names:
            path = pathlib.Path(where, name)
            if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK):
                found.append(path)
    return found


def choose_folder():
    """(folder, files, bytes)."""
    too_big = []
    for candidate in filter(os.path.isdir, CANDIDATES):
        files = files_of(candidate)
        size = sum(path.stat().st_size for path in files)
        if len(files) >= FILES and BYTES <= size <= BYTES_PREFERRED:
            return pathlib.Path(candidate), files, size
        if len(files) >= FILES and size >= BYTES:
            too_big.append((size, candidate, files))
    if not too_big:
        raise DemoFailed(f"none of {', '.join(CANDIDATES)} has {FILES} files and {BYTES // 1_000_000} MB")
    size, candidate, files = min(too_big)
    return pathlib.Path(candidate), files, size


def start_bootstrap(sandbox):
    options = sandbox.node_options("bootstrap") + ["--bootstrap"]
    command = [str(sandbox.rondo), "daemon", "--stdio", *options]
    daemon = sandbox.adopt(Member(sandbox, command, sandbox.environment()))
    daemon.wait_up(20)
    daemon.wait_member(40)
    return daemon


def start_sharer(sandbox, folder, endpoint):
    """(process, magnet)"""
    sharer = sandbox.start("share", folder, "--public", "--json", *sandbox.node_options("sharer", endpoint))
    magnet = sharer.wait_event("shared", SECONDS)["magnet"]
    sharer.wait_event("announced", 60, lambda event: event["held"] > 0)
    return sharer, magnet


def fetch(sandbox, magnet, into):
    """(the fetched event, seconds)"""
    options = sandbox.node_options("getter")
    result = sandbox.run("get", magnet, "--json", "-o", into, *options, seconds=SECONDS)
    if result.code != 0:
        raise DemoFailed(f"the fetch ended with exit code {result.code}: {result.err.strip()}")
    return next(event for event in events_of(result.out) if event["event"] == "fetched"), result.seconds


def compare(files, folder, copy):
    """Every file by its SHA-256, and nothing else may be there."""
    wanted = {str(path.relative_to(folder)): path for path in files}
    got = {str(path.relative_to(copy)): path for path in files_of(copy)}
    if wanted.keys() != got.keys():
        raise DemoFailed(f"missing: {sorted(wanted.keys() - got.keys())[:3]}, extra: {sorted(got.keys() - wanted.keys())[:3]}")
    for name, path in wanted.items():
        if sha256_of_file(path) != sha256_of_file(got[name]):
            raise DemoFailed(f"{name} differs")


def show(name, value):
    print(f"  {name:<22}{value}", flush=True)


def demo(sandbox):
    folder, files, size = choose_folder()
    free = shutil.disk_usage(sandbox.path()).free
    if free < size * 1.2:
        raise DemoFailed(f"{sandbox.path()} has {free // 1_000_000} MB free, {size * 1.2 // 1_000_000:.0f} are needed (TMPDIR moves it)")

    bootstrap = start_bootstrap(sandbox)
    show("bootstrap node", f"{bootstrap.endpoint}, process {bootstrap.pid}")
    started = time.monotonic()
    sharer, magnet = start_sharer(sandbox, folder, bootstrap.endpoint)
    show("shares", f"{folder}, process {sharer.pid}, hashed and announced in {time.monotonic() - started:.1f} s")
    show("link", magnet)
    into = sandbox.folder("out")
    fetched, seconds = fetch(sandbox, magnet, into)
    compare(files, folder, into / folder.name)

    status = bootstrap.call("status")
    show("files", f"{len(files)}, every SHA-256 compared")
    show("bytes", f"{size} ({size / 1e6:.0f} MB)")
    show("seconds", f"{seconds:.2f}, from the start of `rondo get` to its end")
    show("rate", f"{size / 1e6 / seconds:.0f} MB/s")
    show("ring size", f"{status['ring_size_estimate']:.0f}" + ("" if status["ring_size_exact"] else " (estimated)"))
    show("hops of the lookup", fetched["lookup"]["hops"])
    for name, process in (("sharer", sharer), ("bootstrap node", bootstrap)):
        code = process.stop(signal.SIGTERM)
        if code != 0:
            raise DemoFailed(f"the {name} ended with exit code {code}: {process.stderr().strip()}")


def main():
    options = arguments(__doc__)
    try:
        with Sandbox(options.rondo) as sandbox:
            demo(sandbox)
    except (DemoFailed, TimedOut) as error:
        print(f"demo: failed: {error}", file=sys.stderr)
        sys.exit(1)
    print("demo: ok")


if __name__ == "__main__":
    main()
