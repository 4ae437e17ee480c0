"""What people see: a question, one redrawn line, Ctrl-C typed at the terminal; and none of it without a terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from harness import Sandbox, TimedOut, everything_below, run_checks

ESCAPES = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")


class OnTerminal:
    """`rondo` with a pseudo-terminal as its controlling one; standard output stays a pipe, as in `$(rondo ...)`."""

    def __init__(self, sandbox, *words, columns=80, environment=None):
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

        def take_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.seen = b""
        self.process = subprocess.Popen(
            [str(sandbox.rondo), *map(str, words)], stdin=slave, stdout=subprocess.PIPE, stderr=slave,
            env=sandbox.environment() | {"TERM": "xterm-256color"} | (environment or {}), preexec_fn=take_terminal,
        )
        self.pid = self.process.pid
        os.close(slave)
        sandbox.adopt(self)

    def read_until(self, wanted, seconds):
        """Until the bytes `wanted` were seen; None: until the end."""
        deadline = time.monotonic() + seconds
        while wanted is None or wanted not in self.seen:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimedOut(f"{wanted!r} did not appear: {self.seen[-500:]!r}")
            if not select.select([self._master], [], [], left)[0]:
                continue
            try:
                data = os.read(self._master, 65536)
            except OSError:
                data = b""
            if not data:
                if wanted is None:
                    return
                raise TimedOut(f"it ended before {wanted!r}: {self.seen[-500:]!r}")
            self.seen += data

    def type(self, keys):
        os.write(self._master, keys)

    def finish(self, seconds=30):
        """(exit code, what came on stdout)"""
        self.read_until(None, seconds)
        out = self.process.stdout.read().decode()
        return self.process.wait(seconds), out

    def lines(self):
        """What the terminal was told to show, each redraw a line."""
        return re.split(rb"[\r\n]+", ESCAPES.sub(b"", self.seen))

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)
        os.close(self._master)


def answers(sandbox, checks, magnet, node):
    for keys, code, name in ((b"y\n", 0, "yes"), (b"\n", 0, "Enter"), (b"maybe\ny\n", 0, "a second try"), (b"n\n", 1, "no")):
        into = sandbox.folder(f"answer-{name}")
        get = OnTerminal(sandbox, "get", magnet, "-o", into, *node)
        get.read_until(b"[Y/n] ", 30)
        checks.check(f"{name}: the files are shown before the question", b"big.bin" in get.seen, get.seen)
        get.type(keys)
        got, out = get.finish()
        checks.equal(f"{name}: exit code", got, code)
        checks.equal(f"{name}: what is on stdout", out, f"{into}/source\n" if code == 0 else "")
        checks.equal(f"{name}: what is on disk", bool(everything_below(into)), code == 0)


def redrawn_line(sandbox, checks, magnet, node):
    for columns in (80, 40, 20):
        into = sandbox.folder(f"columns-{columns}")
        get = OnTerminal(sandbox, "get", magnet, "-y", "-o", into, *node, columns=columns)
        code, _ = get.finish()
        checks.equal(f"{columns} columns: exit code", code, 0)
        bars = [line for line in get.lines() if b"%" in line]
        checks.check(f"{columns} columns: progress is shown", bars, get.seen[-300:])
        too_long = [line for line in bars if len(line) >= columns]
        checks.check(f"{columns} columns: it never fills the line", not too_long, too_long[:2])
        checks.check(f"{columns} columns: -y does not ask", b"[Y/n]" not in get.seen)


def colour(sandbox, checks):
    for variables, red in (({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": "", "TERM": "dumb"}, False)):
        run = OnTerminal(sandbox, "lookup", "holiday", environment=variables)
        code, _ = run.finish()
        checks.equal(f"{variables}: exit code", code, 12)
        checks.equal(f"{variables}: the error is red", b"\x1b[1;31m" in run.seen, red)


def typed_ctrl_c(sandbox, checks, magnet, node):
    into = sandbox.folder("typed")
    get = OnTerminal(sandbox, "get", magnet, "-o", into, *node)
    get.read_until(b"[Y/n] ", 30)
    get.type(b"\x03")
    code, out = get.finish(15)
    checks.equal("Ctrl-C at the question: exit code 130", code, 130)
    checks.equal("Ctrl-C at the question: nothing on stdout", out, "")
    checks.equal("Ctrl-C at the question: nothing is left behind", everything_below(into), [])


def without_terminal(sandbox, checks, magnet, node):
    into = sandbox.folder("plain")
    result = sandbox.run("get", magnet, "-o", into, *node, environment={"TERM": "xterm-256color"})
    checks.equal("no terminal: exit code", result.code, 0)
    checks.check("no terminal: no question, no escapes, no redrawing",
                 not {"[Y/n]", "\x1b", "\r"} & {part for part in ("[Y/n]", "\x1b", "\r") if part in result.err}, result.err)
    checks.check("no terminal: progress is plain lines", "\nfetching: " in result.err, result.err)
    result = sandbox.run("get", magnet, "-q", "-o", sandbox.folder("quiet"), *node)
    checks.equal("--quiet: nothing but the result", (result.code, result.err), (0, ""))


def share(sandbox, entry, name, size):
    """The magnet of a folder with one file, which takes no space here."""
    with open(sandbox.folder(name) / "big.bin", "wb") as file:
        file.truncate(size)
    sharer = sandbox.start("share", sandbox.path(name), "--public", "--json", *sandbox.node_options(f"sharer-{name}", entry))
    magnet = sharer.wait_event("shared", 60)["magnet"]
    sharer.wait_event("announced", 20, lambda event: event["held"] > 0)
    return magnet


def test(options, checks):
    with Sandbox(options.rondo) as sandbox:
        _, entry = sandbox.start_daemon("ring", bootstrap=True)
        small = share(sandbox, entry, "source", 1_000_000)
        # Long enough for a few reports of progress.
        big = share(sandbox, entry, "big", 500_000_000)
        node = sandbox.node_options("getter")
        answers(sandbox, checks, small, node)
        typed_ctrl_c(sandbox, checks, small, node)
        redrawn_line(sandbox, checks, big, node)
        without_terminal(sandbox, checks, big, node)
        colour(sandbox, checks)


if __name__ == "__main__":
    run_checks(__doc__, test)
