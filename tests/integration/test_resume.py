"""An interrupted get goes on: after SIGKILL of either side, Ctrl-C and a full disk; and --overwrite, --rename, --skip.

The big file crosses a network of 50 MB/s, in a namespace of its own, so that it can be interrupted near its half and
after the first record was written (10 s). Where no such namespace can be had that part is skipped, and said so.
"""

import json
import os
import shutil
import signal
import subprocess
import time

import own_network
from harness import Sandbox, everything_below, run_checks, tree_of, wait_until

MIB = 1 << 20
BIG = 1024 * MIB
RATE = "400mbit"


def events(process, name):
    return [event for event in process.events() if event["event"] == name]


def last(process, name, field, otherwise=0):
    found = events(process, name)
    return found[-1][field] if found else otherwise


class Scenario:
    def __init__(self, sandbox, checks):
        self.sandbox, self.checks = sandbox, checks
        _, self.entry = sandbox.start_daemon("bootstrap", bootstrap=True)

    def share(self, path, home="sharer"):
        process = self.sandbox.start(
            "share", path, "--public", "--json", *self.sandbox.node_options(home, self.entry))
        magnet = process.wait_event("shared", 120)["magnet"]
        process.wait_event("announced", 60, lambda event: event["held"] > 0)
        return process, magnet

    def get(self, magnet, into, *words, home="getter"):
        return self.sandbox.start("get", magnet, "-o", into, "--json", *words, *self.sandbox.node_options(home, self.entry))

    def until_done(self, getter, bytes_done, seconds):
        getter.wait_event("transferring", seconds, lambda event: event["done"] >= bytes_done)

    def quiet(self, sharer):
        """Bytes that the sharer has sent, once nobody is connected."""
        wait_until("the sharer alone", lambda: last(sharer, "transferring", "peers", 1) == 0, 20)
        return last(sharer, "transferring", "uploaded")


def limit_rate(rate):
    """False where it can't be."""
    if not own_network.is_inside():
        return False
    command = ["tc", "qdisc", "replace", "dev", "lo", "root", "tbf", "rate", rate, "burst", "256k", "latency", "50ms"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def random_file(path, size):
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))


def a_big_file_crosses_deaths(s):
    """1 GiB: the sharer dies and comes back, then the getter, each by SIGKILL."""
    if not limit_rate(RATE):
        print("skipped: the rate can't be limited here, so nothing can be caught in the middle")
        return
    source, into = s.sandbox.folder("big"), s.sandbox.folder("out-big")
    random_file(source / "disk.img", BIG)
    sharer, magnet = s.share(source)
    getter = s.get(magnet, into)
    s.until_done(getter, BIG // 5, 60)
    s.sandbox.forget(sharer)
    before = last(getter, "transferring", "done")
    sharer, again = s.share(source)
    s.checks.equal("a share that is started again has the same link but for where to enter", again, magnet)
    started = time.monotonic()
    s.until_done(getter, before + 40 * MIB, 60)
    print(f"      went on {time.monotonic() - started:.1f} s after the sharer was back")
    s.checks.check("the getter goes on by itself when its sharer comes back", True)

    staging = next(into.glob(".rondo-*.part"))
    wait_until("a record", lambda: (staging / ".resume").exists(), 60)
    s.until_done(getter, BIG * 45 // 100, 60)
    record = (staging / ".resume").stat().st_mtime
    age = time.time() - record
    s.sandbox.forget(getter)
    done = last(getter, "transferring", "done")
    print(f"      killed the getter at {done / BIG:.0%}, {age:.1f} s after its last record")
    s.checks.check("SIGKILL leaves what was fetched, and nothing under the final name",
                   os.listdir(into) == [staging.name], os.listdir(into))
    sent = s.quiet(sharer)

    getter = s.get(magnet, into)
    resumed = getter.wait_event("resumed", 60)
    getter.wait_event("fetched", 90)
    code = getter.wait()
    fetched_again = s.quiet(sharer) - sent - (BIG - done)
    print(f"      kept {resumed['kept'] / BIG:.1%}, of which {resumed['checked'] / BIG:.1%} had to be hashed; "
          f"fetched again {fetched_again / BIG:.2%}")
    s.checks.equal("the second run ends with 0", code, 0)
    s.checks.check("at most 5 % are fetched again", fetched_again <= BIG * 0.05, fetched_again)
    # What came in since the record, at the network's rate, and a second of slack.
    newer = (age + 1.0) * 50e6
    s.checks.check("what is on record is not hashed again", resumed["checked"] <= newer, (resumed, newer))
    s.checks.equal("every byte is there", tree_of(into / source.name), tree_of(source))
    s.checks.equal("and nothing else", os.listdir(into), [source.name])
    s.sandbox.forget(sharer)
    shutil.rmtree(into)
    shutil.rmtree(source)


def ctrl_c(s, sharer_tree, magnet):
    into = s.sandbox.folder("out-interrupted")
    getter = s.get(magnet, into)
    s.until_done(getter, 8 * MIB, 30)
    code = getter.stop(signal.SIGINT)
    s.checks.equal("Ctrl-C: 130", code, 130)
    cancelled = events(getter, "cancelled")[-1]
    s.checks.check("Ctrl-C: says what is kept, and where", cancelled.get("kept", 0) > 0, cancelled)
    s.checks.equal("Ctrl-C: nothing else is left", os.listdir(into), [os.path.basename(cancelled.get("kept_in", ""))])
    told = s.sandbox.run("get", magnet, "-o", into, *s.sandbox.node_options("getter", s.entry))
    s.checks.equal("Ctrl-C: the same command completes", told.code, 0)
    s.checks.check("Ctrl-C: it says from where it goes on", "here already" in told.err, told.err)
    s.checks.equal("Ctrl-C: every byte is there", tree_of(into / sharer_tree.name), tree_of(sharer_tree))
    s.checks.equal("Ctrl-C: and nothing else", os.listdir(into), [sharer_tree.name])


def disk_full(s, sharer_tree, magnet):
    disk = s.sandbox.folder("small-disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m", "rondo-test", disk], capture_output=True, check=False)
    if mounted.returncode != 0:
        print("skipped: a small disk can't be mounted here")
        return
    try:
        filler = disk / "filler"
        filler.write_bytes(bytes(60 * MIB))
        early = s.sandbox.run("get", magnet, "-o", disk, *s.sandbox.node_options("getter", s.entry))
        s.checks.equal("no room: 9", early.code, 9)
        s.checks.check("no room: one sentence with what is missing", "more than is free" in early.err, early.err)
        s.checks.equal("no room: nothing is left", os.listdir(disk), ["filler"])

        filler.unlink()
        getter = s.get(magnet, disk)
        s.until_done(getter, 4 * MIB, 30)
        fill(filler)
        s.checks.equal("the disk fills up: 9", getter.wait(60), 9)
        sentence = events(getter, "error")[-1]["sentence"]
        s.checks.check("the disk fills up: one sentence with what to do", "make room" in sentence, sentence)
        filler.unlink()
        again = s.sandbox.run("get", magnet, "-o", disk, *s.sandbox.node_options("getter", s.entry))
        s.checks.equal("with room again the same command completes", again.code, 0)
        s.checks.equal("with room again every byte is there", tree_of(disk / sharer_tree.name), tree_of(sharer_tree))
        s.checks.equal("with room again nothing else is there", os.listdir(disk), [sharer_tree.name])
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


def fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65536))
        except OSError:
            pass


def what_is_there_already(s, sharer_tree, magnet):
    into = s.sandbox.folder("out-there")

    def get(*words):
        return s.sandbox.run("get", magnet, "-o", into, *words, *s.sandbox.node_options("getter", s.entry))

    mine = into / sharer_tree.name / "a.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    other = mine.parent / "other.txt"
    other.write_text("other")
    s.checks.equal("without a word what is there is refused", get().code, 10)
    s.checks.equal("two words at once are a mistake", get("--skip", "--rename").code, 2)
    skipped = get("--skip", "--json")
    fetched = [json.loads(line) for line in skipped.out.splitlines() if '"fetched"' in line]
    s.checks.equal("--skip: ends with 0", skipped.code, 0)
    s.checks.equal("--skip: says how many were there", fetched and fetched[0]["skipped"], 1)
    s.checks.equal("--skip: what is there stays", mine.read_text(), "mine")
    s.checks.check("--skip: the rest is fetched", tree_of(mine.parent)["big.bin"] == tree_of(sharer_tree)["big.bin"])
    renamed = get("--rename")
    s.checks.equal("--rename: prints where it is", renamed.out, f"{into}/{sharer_tree.name} (2)\n")
    s.checks.equal("--rename: is the whole", tree_of(f"{into}/{sharer_tree.name} (2)"), tree_of(sharer_tree))
    s.checks.equal("--overwrite: ends with 0", get("--overwrite").code, 0)
    wanted = tree_of(sharer_tree) | {"other.txt": tree_of(mine.parent)["other.txt"]}
    s.checks.equal("--overwrite: replaces its files and leaves the others", tree_of(mine.parent), wanted)
    s.checks.equal("and nothing else is there", sorted(os.listdir(into)), [sharer_tree.name, sharer_tree.name + " (2)"])
    s.checks.check("nothing of ours is left in it", not [name for name in everything_below(into) if ".rondo" in name])


def body(options, checks):
    with Sandbox(options.rondo) as sandbox:
        s = Scenario(sandbox, checks)
        a_big_file_crosses_deaths(s)
        tree = sandbox.folder("source", "Some files")
        random_file(tree / "big.bin", 48 * MIB)
        (tree / "a.txt").write_text("a")
        _, magnet = s.share(tree, "sharer-2")
        limit_rate("200mbit")
        ctrl_c(s, tree, magnet)
        disk_full(s, tree, magnet)
        limit_rate("10gbit")
        what_is_there_already(s, tree, magnet)


if __name__ == "__main__":
    own_network.enter()
    run_checks(__doc__, body)
