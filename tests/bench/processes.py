"""Processes that a benchmark starts, and what they cost: wall time, CPU seconds, peak memory.

A process stands for its tree: what `ssh` or a server starts counts as its own. CPU is what the kernel has charged, and
memory the sum of each process's own peak resident size (VmHWM), looked up every 20 ms.
"""

import os
import pathlib
import select
import signal
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 0.02


class Failed(Exception):
    """A system did not do what it was asked; the sentence says why."""


def children_of(pid):
    found = []
    for task in _listed(f"/proc/{pid}/task"):
        found += map(int, (_read(f"/proc/{pid}/task/{task}/children") or "").split())
    return found


def tree_of(pid):
    found = [pid]
    for process in found:
        found += children_of(process)
    return found


def cpu_of_tree(pid):
    """User and system seconds of a process, its children that live, and those that were waited for."""
    ticks = 0
    for process in tree_of(pid):
        # The name may hold spaces and parentheses; the numbers are behind it.
        fields = (_read(f"/proc/{process}/stat") or "").rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICK


def machine_cpu():
    """Seconds that the whole machine was busy, stolen time too."""
    user, nice, system, _, _, irq, softirq, steal = map(int, _read("/proc/stat").split("\n")[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICK


def _read(path):
    try:
        return pathlib.Path(path).read_text("utf-8", "replace")
    except OSError:
        return None


def _listed(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


class Memory:
    """The peaks of a process tree, in bytes, as far as they were seen."""

    def __init__(self, pid):
        self._pid = pid
        self._resident = {}
        self._anonymous = {}

    def sample(self):
        for pid in tree_of(self._pid):
            for line in (_read(f"/proc/{pid}/status") or "").splitlines():
                if line.startswith("VmHWM:"):
                    self._resident[pid] = int(line.split()[1]) * 1024
                elif line.startswith("RssAnon:"):
                    self._anonymous[pid] = max(self._anonymous.get(pid, 0), int(line.split()[1]) * 1024)

    @property
    def resident(self):
        return sum(self._resident.values())

    @property
    def anonymous(self):
        return sum(self._anonymous.values())


class Process:
    """A program in a network namespace, its lines of standard output with the time at which they came; with `merged`
    those of standard error among them."""

    def __init__(self, command, namespace, folder, environment=None, merged=False):
        self.name = pathlib.Path(command[0]).name
        # A file, because nobody empties a pipe while all wait for the receiver.
        self._stderr = open(folder / f"stderr-{self.name}-{time.monotonic_ns()}", "w+b")
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{namespace}", "--", *map(str, command)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT if merged else self._stderr,
            env=clean_environment(folder) | (environment or {}), start_new_session=True)
        self.pid = self._process.pid
        self.memory = Memory(self.pid)
        self.lines = []
        self._partial = b""
        self._end = os.pidfd_open(self.pid)
        self._poll = select.poll()
        self._poll.register(self._end, select.POLLIN)
        self._poll.register(self._process.stdout, select.POLLIN)

    def _read_output(self):
        block = os.read(self._process.stdout.fileno(), 1 << 16)
        if not block:
            self._poll.unregister(self._process.stdout)
            return
        *lines, self._partial = (self._partial + block).split(b"\n")
        now = time.monotonic() - self.started
        self.lines += [(now, line.decode("utf-8", "replace")) for line in lines]

    def _drain(self):
        while self._process.stdout.fileno() in dict(self._poll.poll(0)):
            self._read_output()

    def step(self, seconds):
        """Waits so long for output or the end. True when the process ended."""
        ready = dict(self._poll.poll(max(0, seconds) * 1000))
        if self._process.stdout.fileno() in ready:
            self._read_output()
        return self._end in ready

    def wait_line(self, what, accept, seconds):
        """accept(line)'s first true value."""
        deadline, index = time.monotonic() + seconds, 0
        while True:
            while index < len(self.lines):
                value = accept(self.lines[index][1])
                if value:
                    return value
                index += 1
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failed(f"{self.name}: {what}: not within {seconds} s{self.last_words()}")
            if self.step(left):
                self._drain()
                if index == len(self.lines):
                    raise Failed(f"{self.name} ended before {what}{self.last_words()}")

    def last_words(self):
        """The last line it wrote, of its complaints if there are any."""
        self._drain()
        self._stderr.seek(0)
        lines = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
        lines = lines or [line for _, line in self.lines[-1:]]
        return f": {lines[-1]}" if lines else ""

    def cpu(self):
        return cpu_of_tree(self.pid)

    def run_to_end(self, seconds, watched=()):
        """(exit code, wall seconds, CPU seconds). Samples the memory of this tree and of the watched processes."""
        deadline, next_sample = self.started + seconds, 0.0
        while True:
            now = time.monotonic()
            if now >= next_sample:
                for process in (self, *watched):
                    process.memory.sample()
                next_sample = now + SAMPLE_SECONDS
            if self.step(min(next_sample, deadline) - now):
                break
            if time.monotonic() >= deadline:
                self.kill()
                raise Failed(f"{self.name} did not end within {seconds} s{self.last_words()}")
        wall = time.monotonic() - self.started
        self._drain()
        _, status, usage = os.wait4(self.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return self._process.returncode, wall, usage.ru_utime + usage.ru_stime

    def signal(self, number):
        if self._process.poll() is None:
            os.kill(self.pid, number)

    def stop(self, seconds=10):
        """Asks politely, then doesn't."""
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def kill(self):
        # It leads a session of its own: what it left behind goes too.
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except OSError:
            pass
        self._process.wait(10)
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            try:
                stream.close()
            except OSError:
                pass
        if self._end is not None:
            os.close(self._end)
            self._end = None


def clean_environment(folder):
    """Nothing of the user's own settings."""
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder),
            "LANG": "C.UTF-8", "NO_COLOR": "1", "TERM": "dumb"}


def run(command, seconds=30, **options):
    """A short command outside any namespace; its output."""
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, timeout=seconds, check=False, **options)
    except subprocess.TimeoutExpired:
        raise Failed(f"{command[0]} did not end within {seconds} s") from None
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Failed(f"{command[0]} ended with {done.returncode}{': ' + words[-1] if words else ''}")
    return done.stdout.decode("utf-8", "replace")
