"""A tree crosses from one process to another, by every way that a link can take; and only the ring shows the way."""

import json
import os
import signal
import threading

from harness import TimedOut, everything_below, events_of, free_port, run_checks, tree_of, wait_until
from rondo_ring import Ring


def make_tree(root):
    """What is hard about trees, within 6 MB."""
    files = {
        "plain.txt": b"plain\n",
        "empty": b"",
        "with space and 'quotes'.txt": b"quoted\n",
        "\u00fcml\u00e4ut \u65e5\u672c\u8a9e.txt": b"unicode\n",
        "deep/er/and/deeper/file.bin": os.urandom(100_000),
        "big.bin": os.urandom(5_000_000),
        "bin/tool": b"#!/bin/sh\nexit 0\n",
        ".hidden": b"hidden\n",
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (root / "bin/tool").chmod(0o755)
    (root / "empty folder").mkdir()
    (root / "link").symlink_to("plain.txt")
    os.utime(root / "plain.txt", (1_000_000_000, 1_000_000_000))
    return root


class Scenario:
    """A ring of three, a tree, and who shares it."""

    def __init__(self, ring, checks):
        self.sandbox, self.checks = ring.sandbox, checks
        self.entry = ring.members[0].endpoint
        self.tree = make_tree(self.sandbox.folder("source", "Holiday photos"))
        self.wanted = tree_of(self.tree)

    def share(self, home, *words):
        """(process, magnet, the shared event), announced."""
        process = self.sandbox.start(
            "share", *words, "--public", "--json", *self.sandbox.node_options(home, self.entry))
        shared = process.wait_event("shared", 30)
        process.wait_event("announced", 30, lambda event: event["held"] > 0)
        return process, shared["magnet"], shared

    def get(self, home, source, into, *words, join=None, **options):
        node = self.sandbox.node_options(home, join)
        return self.sandbox.run("get", source, "-o", into, *words, *node, **options)

    def expect_copy(self, name, result, into, folder=None):
        """Ended well, the path alone on stdout, every file equal."""
        copy = into / (folder or self.tree.name)
        if not self.checks.check(f"{name}: ends with 0", result.code == 0, f"{result.code}: {result.err[-400:]}"):
            return
        if not result.out.startswith("{"):
            self.checks.equal(f"{name}: prints where it is, and nothing else", result.out, f"{copy}\n")
        got = tree_of(copy)
        differing = sorted(path for path in self.wanted.keys() | got.keys() if self.wanted.get(path) != got.get(path))
        self.checks.check(f"{name}: every file and its executable bit are equal", not differing, differing)
        left_over = [path for path in os.listdir(into) if path != copy.name]
        self.checks.equal(f"{name}: nothing else is there", left_over, [])


def by_magnet(s, magnet):
    into = s.sandbox.folder("out-magnet")
    s.expect_copy("by magnet", s.get("g1", magnet, into), into)
    names = everything_below(into / s.tree.name)
    s.checks.check("empty folders and symbolic links do not cross", not {"empty folder", "link"} & set(names), names)
    mtime = (into / s.tree.name / "plain.txt").stat().st_mtime
    s.checks.check("times of change do not cross", mtime > 1_500_000_000, mtime)


def by_other_sources(s, magnet, torrent):
    into = s.sandbox.folder("out-bare")
    result = s.sandbox.run(magnet, "-o", into, *s.sandbox.node_options("g1"))
    s.expect_copy("bare link", result, into)
    into = s.sandbox.folder("out-torrent")
    s.expect_copy("by .torrent file", s.get("g1", torrent, into, join=s.entry), into)
    into = s.sandbox.folder("out-stdin-link")
    s.expect_copy("link from stdin", s.get("g1", "-", into, stdin=magnet.encode() + b"\n"), into)
    into = s.sandbox.folder("out-stdin-torrent")
    s.expect_copy("torrent from stdin", s.get("g1", "-", into, join=s.entry, stdin=torrent.read_bytes()), into)
    into = s.sandbox.folder("out-hash")
    hash_only = magnet.split("btih:")[1][:40]
    s.expect_copy("by info-hash", s.get("g1", hash_only, into, join=s.entry), into)


def by_json(s, magnet):
    into = s.sandbox.folder("out-json")
    result = s.get("g1", magnet, into, "--json")
    s.expect_copy("with --json", result, into)
    lines = [json.loads(line) for line in result.out.splitlines()]
    s.checks.check("--json: every line has event and schema", all(
        "event" in line and line.get("schema") == "rondo.event/1" for line in lines), result.out[:300])
    names = [line["event"] for line in lines]
    s.checks.check("--json: searching, found, fetched in this order",
                   [name for name in names if name in ("found", "fetched")] == ["found", "fetched"]
                   and names[0] == "searching", names)
    found = next(line for line in lines if line["event"] == "found")["content"]
    s.checks.equal("--json: found names every file", len(found["files"]), len(s.wanted))
    fetched = next(line for line in lines if line["event"] == "fetched")
    s.checks.equal("--json: fetched names the path", fetched["path"], str(into / s.tree.name))
    s.checks.check("--json: the ring's lookup is told", fetched["lookup"]["found"], fetched.get("lookup"))
    s.checks.equal("--json: nothing on stderr", result.err, "")


def without_ring(s, magnet):
    """The same get with the ring cut off finds nobody, says so and leaves nothing."""
    into = s.sandbox.folder("out-cut-off")
    dead = f"127.0.0.1:{free_port()}"
    result = s.get("cut-off", magnet, into, "--timeout", 10, join=dead)
    s.checks.check("ring cut off: ends with 6 or 4", result.code in (4, 6), f"{result.code}: {result.err}")
    s.checks.check("ring cut off: one clear sentence", result.err.strip().splitlines()[-1].startswith("rondo: "), result.err)
    s.checks.equal("ring cut off: nothing on stdout", result.out, "")
    s.checks.equal("ring cut off: nothing is left behind", everything_below(into), [])
    print(f"      {result.err.strip().splitlines()[-1]}")


def at_once(s, magnet):
    """Two fetches at the same time: to two places, and to one."""
    def fetch(home, into, results):
        results.append(s.get(home, magnet, into))

    for name, places in (("two places", ["out-a", "out-b"]), ("one place", ["out-c", "out-c"])):
        results, folders = [], [s.sandbox.folder(place) for place in places]
        threads = [threading.Thread(target=fetch, args=(f"g-{i}", into, results)) for i, into in enumerate(folders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
        codes = sorted(result.code for result in results)
        if name == "two places":
            s.checks.equal("two fetches at once, to two places", codes, [0, 0])
        else:
            fine = codes in ([0, 10], [0, 13])
            s.checks.check("two fetches at once, to one place: one wins, the other is told", fine,
                           [(result.code, result.err[-200:]) for result in results])
        for into in set(folders):
            s.checks.check(f"{into.name}: every file is equal", tree_of(into / s.tree.name) == s.wanted)


def same_home(s, magnet):
    into = s.sandbox.folder("out-same-home")
    s.expect_copy("second terminal on the sharer's home", s.get("sharer", magnet, into), into)


def lookup_of_link(s, magnet):
    words = ["lookup", magnet, *s.sandbox.node_options("g1")]
    result = s.sandbox.run(*words)
    s.checks.check("lookup: ends with 0", result.code == 0, result.err)
    s.checks.check("lookup: shows owner, hops, time-outs, replicas, peers and who was asked",
                   all(word in result.out for word in ("owner ", "hops ", "timeouts ", "replica ", "peers\n", "asked ")),
                   result.out)
    answers = [e for e in events_of(s.sandbox.run(*words, "--json").out) if e["event"] == "ring_answer"]
    s.checks.check("lookup --json: each of 3 replicas holds the sharer",
                   len(answers) == 1 and [r["peers"] for r in answers[0]["replicas"]] == [1, 1, 1], answers)


def hybrid(s):
    process, magnet, shared = s.share("sharer-v2", s.tree, "--v2")
    s.checks.check("--v2: the magnet names both hashes", "btih:" in magnet and "btmh:1220" in magnet, magnet)
    s.checks.equal("--v2: the v2 hash is told", len(shared["content"].get("info_hash_v2", "")), 64)
    into = s.sandbox.folder("out-v2")
    s.expect_copy("hybrid by magnet", s.get("g1", magnet, into), into)
    s.checks.equal("hybrid: share ends with 0", process.stop(signal.SIGTERM), 0)


def several_paths(s):
    first, second = s.sandbox.path("source", "one.txt"), s.sandbox.path("source", "two.txt")
    first.write_bytes(b"one")
    second.write_bytes(b"two")
    process, magnet, _ = s.share("sharer-several", first, second, "--name", "both")
    into = s.sandbox.folder("out-several")
    result = s.get("g1", magnet, into)
    s.checks.equal("several paths: fetched", result.code, 0)
    s.checks.equal("several paths: under the given name", everything_below(into), ["both", "both/one.txt", "both/two.txt"])
    process.stop()
    process, magnet, _ = s.share("sharer-several", first)
    into = s.sandbox.folder("out-single")
    s.checks.equal("one file: fetched", s.get("g1", magnet, into).code, 0)
    s.checks.equal("one file: without a folder", everything_below(into), ["one.txt"])
    process.stop()


def hostile_names(s):
    """A name that repaints the screen is shown harmlessly and stored harmlessly."""
    root = s.sandbox.folder("source", "hostile")
    (root / "a\x1b[2Jb\u202etxt").write_bytes(b"x")
    process, magnet, _ = s.share("sharer-hostile", root)
    into = s.sandbox.folder("out-hostile")
    result = s.get("g1", magnet, into)
    s.checks.equal("hostile name: fetched", result.code, 0)
    shown = result.out + result.err + "".join(everything_below(into))
    s.checks.check("hostile name: no escape or direction mark on screen or disk",
                   "\x1b" not in shown and "\u202e" not in shown, repr(shown))
    process.stop()


def withdraw(s, sharer, magnet):
    s.checks.equal("Ctrl-C ends a share with 0", sharer.stop(signal.SIGINT), 0)
    words = ["lookup", magnet, "--json", *s.sandbox.node_options("g1")]

    def is_gone():
        answers = [e for e in events_of(s.sandbox.run(*words).out) if e["event"] == "ring_answer"]
        return answers and answers[0]["peers"] == []

    try:
        wait_until("withdrawn", is_gone, 10)
        s.checks.check("an ended share is no longer on the ring", True)
    except TimedOut as error:
        s.checks.check("an ended share is no longer on the ring", False, error)


def test(options, checks):
    with Ring(options.rondo, 3) as ring:
        ring.wait_settled(60)
        s = Scenario(ring, checks)
        torrent = s.sandbox.path("photos.torrent")
        sharer, magnet, shared = s.share("sharer", s.tree, "--torrent-out", torrent)
        checks.check("the link carries the entry point", f"x.rondo={s.entry}" in magnet, magnet)
        checks.check("what was left out is told", len(shared["notes"]) >= 2, shared["notes"])
        by_magnet(s, magnet)
        by_other_sources(s, magnet, torrent)
        by_json(s, magnet)
        lookup_of_link(s, magnet)
        without_ring(s, magnet)
        at_once(s, magnet)
        same_home(s, magnet)
        withdraw(s, sharer, magnet)
        hybrid(s)
        several_paths(s)
        hostile_names(s)


if __name__ == "__main__":
    run_checks(__doc__, test)
