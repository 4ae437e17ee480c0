"""The basic errors: each has one clear sentence, its exit code (docs/exit-codes.md), and leaves nothing behind that it doesn't
tell of.
"""

import os
import pathlib
import signal
import socket
import subprocess

from harness import (
    Sandbox, TimedOut, everything_below, events_of, free_port, run_checks, tree_of, wait_until,
)

NOBODY = 65534
HASH = "0123456789abcdef0123456789abcdef01234567"
LINK = f"magnet:?xt=urn:btih:{HASH}&dn=nothing"


class Scenario:
    def __init__(self, sandbox, checks):
        self.sandbox, self.checks = sandbox, checks
        self.dead = f"127.0.0.1:{free_port()}"
        self.daemon, self.entry = sandbox.start_daemon("ring", bootstrap=True)

    def node(self, home, join=None):
        return self.sandbox.node_options(home, join or self.entry)

    def expect(self, name, result, code, *words, out=""):
        """The exit code, one sentence with these words as the last thing said, and only `out` on stdout."""
        lines = [line for line in result.err.splitlines() if line.startswith("rondo: ")]
        sentence = lines[0] if len(lines) == 1 else f"{len(lines)} sentences: {result.err[-500:]!r}"
        print(f"      {sentence}")
        self.checks.check(f"{name}: exit code {code}", result.code == code, f"{result.code}: {result.err[-300:]}")
        missing = [word for word in words if word not in sentence]
        self.checks.check(f"{name}: one clear sentence", len(lines) == 1 and not missing, f"{sentence}; missing {missing}")
        if out is not None:
            self.checks.equal(f"{name}: nothing on stdout", result.out, out)

    def expect_empty(self, name, folder):
        self.checks.equal(f"{name}: nothing is left behind", everything_below(folder), [])


def as_nobody(sandbox):
    """Options that run a process without root's rights, in a home of its own."""
    if os.geteuid() != 0:
        return {}
    for home in ("nobody", "user-home"):
        os.chown(sandbox.folder(home), NOBODY, NOBODY)
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def shares(s):
    result = s.sandbox.run("share", s.sandbox.path("nowhere"), "--public", *s.node("h"))
    s.expect("no such path", result, 3, "nowhere")

    folder = s.sandbox.folder("unreadable")
    (folder / "fine").write_bytes(b"fine")
    (folder / "secret").write_bytes(b"secret")
    (folder / "secret").chmod(0)
    before = everything_below(folder)
    result = s.sandbox.run("share", folder, "--public", *s.node("nobody"), **as_nobody(s.sandbox))
    s.expect("unreadable file in a folder", result, 11, "secret")
    s.checks.equal("unreadable file: nothing is left behind", everything_below(folder), before)

    result = s.sandbox.run("share", s.sandbox.folder("hollow", "inner").parent, "--public", *s.node("h"))
    s.expect("empty folder", result, 2, "hollow")

    folder = s.sandbox.folder("fine")
    (folder / "x").write_bytes(b"x")
    result = s.sandbox.run("share", folder, *s.node("h"))
    s.expect("share without --public", result, 2, "--public", "private shares come later")

    there = s.sandbox.path("there.torrent")
    there.write_bytes(b"precious")
    result = s.sandbox.run("share", folder, "--public", "--torrent-out", there, *s.node("h"))
    s.expect("--torrent-out exists", result, 10, "there.torrent")
    s.checks.equal("--torrent-out exists: it is untouched", there.read_bytes(), b"precious")


def sources(s):
    into = s.sandbox.folder("into")
    for name, link in (("malformed hash", "magnet:?xt=urn:btih:xyz"), ("no hash", "magnet:?dn=holiday&tr=x"),
                       ("cut off by the shell", "magnet:?dn=x")):
        s.expect(f"magnet, {name}", s.sandbox.run("get", link, "-o", into, *s.node("h")), 12, "magnet link")

    whole = s.sandbox.path("whole.torrent")
    folder = s.sandbox.folder("fine")
    sharer = s.sandbox.start("share", folder, "--public", "--json", "--torrent-out", whole, *s.node("maker"))
    sharer.wait_event("shared", 20)
    sharer.stop()
    bytes_of_it = whole.read_bytes()
    for name, content in (("truncated", bytes_of_it[: len(bytes_of_it) // 2]), ("empty", b""), ("no torrent", b"hello")):
        path = s.sandbox.path("broken.torrent")
        path.write_bytes(content)
        s.expect(f".torrent, {name}", s.sandbox.run("get", path, "-o", into, *s.node("h")), 12, "broken.torrent")
    s.expect(".torrent, not there", s.sandbox.run("get", s.sandbox.path("no.torrent"), "-o", into, *s.node("h")), 3, "no.torrent")
    s.expect("stdin is empty", s.sandbox.run("get", "-", "-o", into, *s.node("h")), 12, "standard input")
    s.expect("lookup of a word", s.sandbox.run("lookup", "holiday", *s.node("h")), 12, "holiday")
    s.expect_empty("bad sources", into)


def nobody_there(s):
    into = s.sandbox.folder("into")
    result = s.sandbox.run("get", LINK, "-o", into, "--timeout", 5, *s.node("h"))
    s.expect("nobody announces the info-hash", result, 4, HASH)
    result = s.sandbox.run("get", LINK, "-o", into, "--timeout", 10, *s.node("fresh-1", s.dead))
    s.expect("no ring reachable, get", result, 6)
    result = s.sandbox.run("lookup", HASH, "--timeout", 10, *s.node("fresh-2", s.dead))
    s.expect("no ring reachable, lookup", result, 6)
    s.expect_empty("nobody there", into)

    sharer = s.sandbox.start("share", s.sandbox.folder("fine"), "--public", *s.node("fresh-3", s.dead))
    sharer.wait_line("magnet", lambda line: line.startswith("magnet:"), 20)
    warned = lambda: "no ring is reachable" in sharer.stderr()
    s.checks.check("no ring reachable: share warns in words", wait_true(warned, 20), sharer.stderr())
    s.checks.equal("no ring reachable: share still ends with 0", sharer.stop(signal.SIGINT), 0)


def wait_true(condition, seconds):
    try:
        return wait_until("condition", condition, seconds)
    except TimedOut:
        return False


def targets(s):
    source = s.sandbox.folder("shared", "photos")
    (source / "new").write_bytes(b"new")
    sharer = s.sandbox.start("share", source, "--public", "--json", *s.node("sharer"))
    magnet = sharer.wait_event("shared", 20)["magnet"]
    sharer.wait_event("announced", 20, lambda event: event["held"] > 0)

    into = s.sandbox.folder("taken")
    s.sandbox.folder("taken", "photos")
    (into / "photos" / "old").write_bytes(b"old")
    before = tree_of(into)
    s.expect("target exists", s.sandbox.run("get", magnet, "-o", into, *s.node("h")), 10, "photos")
    s.checks.equal("target exists: it is untouched", tree_of(into), before)
    s.checks.equal("target exists: nothing is left behind", everything_below(into), ["photos", "photos/old"])

    into = s.sandbox.folder("read-only")
    into.chmod(0o555)
    result = s.sandbox.run("get", magnet, "-o", into, *s.node("nobody"), **as_nobody(s.sandbox))
    s.expect("target can't be written", result, 11)
    s.expect_empty("target can't be written", into)

    full = open("/dev/full", "wb")
    lookup = subprocess.run([str(s.sandbox.rondo), "lookup", magnet, *s.node("h")], stdout=full, stderr=subprocess.PIPE,
                            env=s.sandbox.environment(), timeout=60, check=False)
    s.checks.equal("results that can't be written: exit code 1", lookup.returncode, 1)
    sharer.stop()


def conflicts(s):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{taken.getsockname()[1]}"
        options = s.sandbox.node_options("port", s.entry, listen=endpoint)
        s.expect("port in use", s.sandbox.run("daemon", *options), 6, endpoint)
    s.expect("address of another machine",
             s.sandbox.run("daemon", *s.sandbox.node_options("port", s.entry, listen="203.0.113.77:0")), 6, "203.0.113.77")

    result = s.sandbox.run("daemon", *s.node("ring"))
    s.expect("two daemons with one home", result, 13, str(s.daemon.pid))
    s.checks.check("two daemons with one home: the first one lives", s.daemon.is_running())


def interruptions(s):
    big = s.sandbox.path("big.bin")
    with open(big, "wb") as file:
        file.truncate(1_500_000_000)

    hashing = s.sandbox.start("share", big, "--public", "--json", *s.node("hashing"))
    hashing.wait_event("hashing", 20)
    s.checks.equal("Ctrl-C while hashing: exit code 130", hashing.stop(signal.SIGINT), 130)
    s.checks.check("Ctrl-C while hashing: no link was printed", all(e["event"] != "shared" for e in hashing.events()))

    sharer = s.sandbox.start("share", big, "--public", "--json", *s.node("big-sharer"))
    magnet = sharer.wait_event("shared", 60)["magnet"]
    sharer.wait_event("announced", 20, lambda event: event["held"] > 0)
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        into = s.sandbox.folder(f"interrupted-{code}")
        get = s.sandbox.start("get", magnet, "--json", "-o", into, *s.node("getter"))
        get.wait_event("transferring", 30, lambda event: 0 < event["done"] < event["total"])
        command_line = pathlib.Path(f"/proc/{get.pid}/cmdline").read_bytes().decode()
        s.checks.check("the link is hidden from ps", "btih" not in command_line and "magnet" not in command_line, command_line)
        s.checks.equal(f"signal {number.value} during a download: exit code {code}", get.stop(number), code)
        s.checks.check(f"signal {number.value} during a download: it was unfinished",
                       get.events()[-1]["event"] == "cancelled", get.events()[-1])
        kept = pathlib.Path(get.events()[-1].get("kept_in", "nowhere"))
        s.checks.equal(f"signal {number.value} during a download: nothing but what was said to be kept is left",
                       [path.name for path in into.iterdir()], [kept.name])

    into = s.sandbox.folder("interrupted-search")
    searching = s.sandbox.start("get", LINK, "--json", "-o", into, "--timeout", 0, *s.node("getter"))
    searching.wait_event("searching", 20)
    s.checks.equal("Ctrl-C while searching: exit code 130", searching.stop(signal.SIGINT), 130)
    s.expect_empty("Ctrl-C while searching", into)

    searching = s.sandbox.start("get", LINK, "--json", "-o", into, "--timeout", 0, *s.node("getter"))
    searching.wait_event("searching", 20)
    searching.send_signal(signal.SIGINT)
    s.checks.equal("Ctrl-C twice: exit code 130", searching.stop(signal.SIGINT, seconds=3), 130)
    s.checks.equal("the sharer ends with 0", sharer.stop(signal.SIGINT), 0)


def command_lines(s):
    for name, words, said in (
        ("misspelt verb", ["shaer", "x"], "there is no command 'shaer'"),
        ("misspelt option", ["get", LINK, "--jion", "a:1"], "there is no option '--jion'"),
        ("option of another verb", ["get", LINK, "--v2"], "belongs to `rondo share`"),
        ("missing value", ["get", LINK, "--home"], "needs a value"),
        ("missing word", ["get"], "`rondo get` needs"),
        ("wrong number", ["get", LINK, "--timeout", "soon"], "'soon'"),
        ("wrong address", ["daemon", "--listen", "here"], "'here'"),
        ("no command", [], "a command is missing"),
    ):
        result = s.sandbox.run(*words)
        s.expect(name, result, 2, said)
        s.checks.check(f"{name}: an example and the way to more", "  example: rondo " in result.err and "--help" in result.err)
    guess = s.sandbox.run("shaer", "x").err
    s.checks.check("misspelt verb: the nearest one is named", "did you mean `rondo share`?" in guess, guess)

    as_json = s.sandbox.run("get", "magnet:?dn=x", "--json", *s.node("h"))
    events = events_of(as_json.out)
    s.checks.equal("--json: errors are events with their code", [(e["event"], e["code"]) for e in events], [("error", 12)])


def test(options, checks):
    with Sandbox(options.rondo) as sandbox:
        s = Scenario(sandbox, checks)
        for part in (command_lines, shares, sources, nobody_there, targets, conflicts, interruptions):
            part(s)
        checks.equal("the daemon ends with 0", s.daemon.stop(signal.SIGTERM), 0)


if __name__ == "__main__":
    run_checks(__doc__, test)
