"""What the integration tests share: arguments, checks, a sandbox, running `rondo` and reading its events.

Every process that a test starts belongs to a Sandbox and is ended by its process id, whatever happens. Nothing waits
for a fixed time: it waits for a condition, until a deadline. What a sanitizer reports of any of them is a failed check.
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time


def arguments(description, add_options=None):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rondo", type=pathlib.Path, default=pathlib.Path("build/release/rondo"), help="the program")
    parser.add_argument("--build", type=pathlib.Path, default=None, help="the build folder (for tests that need more)")
    if add_options:
        add_options(parser)
    options = parser.parse_args()
    options.rondo = options.rondo.resolve()
    if not os.access(options.rondo, os.X_OK):
        sys.exit(f"there is no program {options.rondo}: ./dev build makes it")
    return options


class TimedOut(Exception):
    pass


# Of processes in sandboxes that are gone.
sanitizer_reports = []


def wait_until(what, condition, seconds, pause=0.05):
    """The first true value of condition(), or TimedOut."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimedOut(f"{what}: not within {seconds} s")
        time.sleep(pause)


class Checks:
    """Counts what was found right and wrong, one line each."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, is_right, detail=""):
        if is_right:
            self.passed += 1
            print(f"ok    {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL  {name}: {detail}", flush=True)
        return bool(is_right)

    def equal(self, name, got, wanted):
        return self.check(name, got == wanted, f"{got!r}, wanted {wanted!r}")

    def finish(self):
        for report in sanitizer_reports:
            self.check("no sanitizer has something to report", False, "\n" + report)
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(0 if self.failed == 0 and self.passed > 0 else 1)


def run_checks(description, body, add_options=None):
    """The main function of a test: body(options, checks), and a line for whatever did not come in time."""
    options = arguments(description, add_options)
    checks = Checks()
    try:
        body(options, checks)
    except TimedOut as error:
        checks.check("everything came in time", False, error)
    checks.finish()


Result = collections.namedtuple("Result", "code out err seconds")


def events_of(text):
    """The events among the lines of a --json output."""
    parsed = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in parsed if "event" in line]


class Process:
    """A running `rondo`, its standard output read line by line."""

    def __init__(self, sandbox, command, environment, **options):
        self.command = command
        self._stderr_path = sandbox.path(f"stderr-{secrets.token_hex(4)}")
        with open(self._stderr_path, "wb") as stderr:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=environment, **options
            )
        self.pid = self._process.pid
        self.lines = []
        self._news = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            with self._news:
                self.lines.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_line(self, what, accept, seconds, start=0):
        """accept(line)'s first true value, among the lines from `start` on."""
        deadline = time.monotonic() + seconds
        index = start
        with self._news:
            while True:
                while index < len(self.lines):
                    value = accept(self.lines[index])
                    index += 1
                    if value:
                        return value
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = f"it ended with {self._process.poll()}" if self._ended else f"not within {seconds} s"
                    raise TimedOut(f"{what}: {why}; last line: {self.lines[-1:]}, stderr: {self.stderr()[-600:]!r}")
                self._news.wait(left)

    def wait_event(self, name, seconds=30, accept=lambda event: True):
        """The first event of that name that is accepted."""

        def match(line):
            event = json.loads(line) if line.startswith("{") else {}
            return event if event.get("event") == name and accept(event) else None

        return self.wait_line(f"event {name}", match, seconds)

    def events(self):
        return events_of("\n".join(self.lines))

    def stderr(self):
        return self._stderr_path.read_text("utf-8", "backslashreplace")

    def send_line(self, text):
        self._process.stdin.write(text.encode() + b"\n")
        self._process.stdin.flush()

    def close_stdin(self):
        self._process.stdin.close()

    def is_running(self):
        return self._process.poll() is None

    def send_signal(self, number):
        if self.is_running():
            self._process.send_signal(number)

    def wait(self, seconds=15):
        """The exit code; negative for a signal that killed it."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimedOut(f"process {self.pid} did not end within {seconds} s") from None
        self._reader.join(5)
        return code

    def stop(self, number=signal.SIGTERM, seconds=15):
        self.send_signal(number)
        return self.wait(seconds)

    def kill(self):
        """At once, and forgotten."""
        self.send_signal(signal.SIGKILL)
        self._process.wait(10)
        for stream in (self._process.stdin, self._process.stdout):
            try:
                stream.close()
            except OSError:
                pass


REPORTS = "sanitizer"


class Sandbox:
    """A temporary folder and the processes that work in it; both are gone at the end."""

    def __init__(self, rondo):
        self.rondo = rondo
        self.network = "test-" + secrets.token_hex(8)
        self._processes = []
        self._shown = []
        self._root = pathlib.Path(tempfile.mkdtemp(prefix="rondo-test-"))
        os.chmod(self._root, 0o755)

    def __enter__(self):
        # A test that is asked to end must still end its processes.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return self

    def __exit__(self, *_):
        for process in self._processes:
            process.kill()
        self._collect_reports()
        shutil.rmtree(self._root, ignore_errors=True)

    def _collect_reports(self):
        """g++ 12's UndefinedBehaviorSanitizer, beside AddressSanitizer, knows standard error only."""

        def texts(pattern):
            return [path.read_text("utf-8", "backslashreplace") for path in self._root.glob(pattern)]

        sanitizer_reports.extend(texts(f"{REPORTS}.*"))
        sanitizer_reports.extend(text for text in texts("stderr-*") + self._shown if "runtime error: " in text)

    def path(self, *parts):
        return self._root.joinpath(*parts)

    def folder(self, *parts):
        path = self.path(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def environment(self):
        """This process's own, without what could lead to the user's home or ring."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RONDO_", "XDG_"))}
        # Reports go to files: a process's exit code may be lost, and its standard error may be a terminal.
        for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"):
            kept[name] = ":".join(filter(None, [kept.get(name), f"log_path='{self.path(REPORTS)}'"]))
        return kept | {"HOME": str(self.folder("user-home")), "NO_COLOR": "1", "TERM": "dumb"}

    def node_options(self, home, join=None, listen="127.0.0.1:0"):
        """Of a node on loopback that only this test's nodes know."""
        options = ["--network", self.network, "--no-lan", "--only-ring", "--home", str(self.folder(home))]
        options += ["--listen", listen] if listen else []
        for endpoint in [join] if isinstance(join, str) else join or []:
            options += ["--join", endpoint]
        return options

    def start(self, *words, **options):
        return self.adopt(Process(self, [str(self.rondo), *map(str, words)], self.environment(), **options))

    def adopt(self, process):
        """Ends it with the others."""
        self._processes.append(process)
        return process

    def forget(self, process):
        process.kill()
        self._processes.remove(process)

    def start_daemon(self, home, join=None, bootstrap=False, listen="127.0.0.1:0"):
        """A daemon that is a member; (process, endpoint)."""
        words = ["daemon", "--json", *self.node_options(home, join, listen)] + (["--bootstrap"] if bootstrap else [])
        process = self.start(*words)
        endpoint = process.wait_event("listening", 20)["endpoint"]
        process.wait_line("membership", is_member, 40)
        return process, endpoint

    def run(self, *words, stdin=b"", seconds=60, environment=None, **options):
        """Runs to the end, at most so long."""
        started = time.monotonic()
        try:
            done = subprocess.run(
                [str(self.rondo), *map(str, words)], input=stdin, capture_output=True, timeout=seconds, check=False,
                env=self.environment() | (environment or {}), **options,
            )
        except subprocess.TimeoutExpired as error:
            raise TimedOut(f"rondo {words[0]} did not end within {seconds} s: {(error.stderr or b'')[-600:]!r}") from None
        out, err = (stream.decode("utf-8", "backslashreplace") for stream in (done.stdout, done.stderr))
        self._shown.append(err)
        return Result(done.returncode, out, err, time.monotonic() - started)


def is_member(line):
    event = json.loads(line) if line.startswith("{") else {}
    return event.get("event") in ("listening", "role", "status") and event.get("role") == "member"


def free_port(kind=socket.SOCK_DGRAM, address="127.0.0.1"):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def sha256_of_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def tree_of(root):
    """{relative path: (SHA-256, executable)} of the regular files below a folder."""
    root = pathlib.Path(root)
    found = {}
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            executable = bool(path.stat().st_mode & 0o100)
            found[str(path.relative_to(root))] = (sha256_of_file(path), executable)
    return found


def everything_below(root):
    """All names below a folder, hidden ones too."""
    return sorted(str(path.relative_to(root)) for path in pathlib.Path(root).rglob("*"))
