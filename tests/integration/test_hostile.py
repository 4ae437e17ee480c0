"""Hostile torrents and names against the real program: what it writes, what it shows, how much memory it takes."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unicodedata

from bt_seeder import PIECE, Seeder, Torrent
from harness import Sandbox, everything_below, run_checks, sha256_of_file
from hostile_names import hostile_names, names_on_disk
from rondo_ring import bencode
from test_terminal import OnTerminal

# What Rondo itself sends to a terminal: clear the rest of the line, red, and the end of it.
OWN_ESCAPES = (b"\x1b[K", b"\x1b[1;31m", b"\x1b[0m")
# Unicode's default-ignorable code points that are not of the category Cf, but for the variation selectors of emoji.
SHOW_NOTHING = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0}
# Of the category Cf, and visible: signs that enclose the digits behind them.
VISIBLE = {*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD, *range(0x13430, 0x13440)}
MEGABYTE = 1 << 20


def why_not_shown(text):
    """What a terminal must not be sent; None when all is well. `text` without our own escapes."""
    for own in OWN_ESCAPES:
        text = text.replace(own, b"")
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"not UTF-8: {error}"
    for char in decoded:
        if char in "\r\n" or ord(char) in VISIBLE:
            continue
        kind = unicodedata.category(char)
        hidden = ord(char) in SHOW_NOTHING or 0xE0000 <= ord(char) <= 0xE0FFF
        if kind in ("Cc", "Cf", "Cs", "Zl", "Zp") or hidden:
            at = decoded.index(char)
            return f"U+{ord(char):04X} in {decoded[max(0, at - 40) : at + 40]!r}"
    return None


def with_content(path, content):
    """libtorrent takes files of such a name for padding, which is zeros and no file."""
    pads = any(b"_____padding_file_" in name for name in path)
    return path, bytes(8) if pads else content


class Scene:
    def __init__(self, sandbox, checks):
        self.sandbox, self.checks = sandbox, checks
        names = hostile_names()
        self.everything = Torrent(
            b"../../outside",
            [with_content([name], b"file %d" % i) for i, name in enumerate(names)]
            + [with_content([name, names[-1 - i], b"f"], b"folder %d" % i) for i, name in enumerate(names)],
        )
        # The listing shows the first files only.
        self.by_twenties = [
            Torrent(name, [([each], b"x") for each in names[at : at + 20]])
            for at, name in zip(range(0, len(names), 20), [b"\x1b]0;t\x07", b"\xc2\x9b2J", b"\xe2\x80\xaegpj.exe", b"\xff", b"t\r\n"] * 20)
        ]
        self.seeder = Seeder(self.everything, *self.by_twenties)

    def options(self, home, peer=True):
        return [*self.sandbox.node_options(home), *(["--peer", self.seeder.endpoint] if peer else [])]

    def file(self, name, data):
        path = self.sandbox.path(name)
        path.write_bytes(data)
        return path

    def shown(self, name, text):
        why = why_not_shown(text)
        self.checks.check(f"{name}: only what may be shown", why is None, why)


# --- what it writes ---------------------------------------------------------------------------------------------------


def snapshot(root, without):
    """Everything below `root` but `without`: kind, size, content, time of change."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path == without or without in path.parents:
            continue
        info = path.lstat()
        content = sha256_of_file(path) if path.is_file() and not path.is_symlink() else None
        found[str(path.relative_to(root))] = (info.st_mode, info.st_size if content else 0, info.st_mtime_ns, content)
    return found


def raw_path(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


def opened_for_writing(lines):
    """Paths that were opened for writing, made, moved, changed or removed, with success. Of what was opened, the place
    where it really is, which the trace shows behind the descriptor."""
    call = re.compile(r"(\w+)\((.*)\)\s+= \d+(?:<((?:[^>\\]|\\.)*)>)?")
    path = re.compile(r'(?:<((?:[^>\\]|\\.)*)>, )?"((?:[^"\\]|\\.)*)"')
    flags = re.compile("O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_TMPFILE")
    harmless = re.compile(r"(?:open\w*|stat\w*|lstat|newfstatat|access|faccessat2?|readlink(?:at)?|getcwd|chdir|execve|statfs)$")
    found = set()
    for line in lines:
        matched = call.match(line)
        if not matched:
            continue
        name, arguments, opened = matched.groups()
        if name.startswith("open") and flags.search(arguments) and opened:
            found.add(raw_path(opened))
        if harmless.match(name):
            continue
        # What is not known to change nothing is taken to change something.
        for folder, relative in path.findall(arguments):
            found.add(os.path.normpath(os.path.join(raw_path(folder), raw_path(relative))))
    return found


def within(path, *roots):
    return any(path == os.fsencode(root) or path.startswith(os.fsencode(root) + b"/") for root in roots)


def writes(s):
    ground = s.sandbox.folder("ground")
    for name in ("outside/witness", "inside/beside"):
        s.sandbox.folder("ground", pathlib.Path(name).parent.name)
        (ground / name).write_bytes(b"witness")
    target = s.sandbox.folder("ground", "inside", "target")
    torrent = s.file("everything.torrent", s.everything.bytes())
    home = s.sandbox.folder("writes-home")
    before = snapshot(ground, target)
    words = ["get", torrent, "-y", "-o", target, *s.options("writes-home")]
    strace = shutil.which("strace")
    trace = s.sandbox.path("trace")
    if strace and subprocess.run([strace, "-o", "/dev/null", "true"], check=False, capture_output=True).returncode == 0:
        command = [strace, "-ff", "-y", "-s", "100000", "-e", "trace=%file", "-o", str(trace), str(s.sandbox.rondo)]
    else:
        print("SKIP  no strace here: which paths are opened for writing is not looked at", flush=True)
        command = [str(s.sandbox.rondo)]
    run = subprocess.run([*command, *map(str, words)], capture_output=True, timeout=100, check=False,
                         env=s.sandbox.environment(), stdin=subprocess.DEVNULL)
    s.checks.equal("every name: exit code", run.returncode, 0)
    s.checks.equal("every name: the surroundings are as they were", snapshot(ground, target), before)
    placed = [path for path in target.rglob("*") if path.is_file() and not path.is_symlink()]
    links = [path for path in target.rglob("*") if path.is_symlink()]
    wanted = s.everything.contents - {bytes(8)}
    s.checks.check("every name: every file is there", len(placed) == len(wanted), f"{len(placed)} of {len(wanted)}")
    contents = {path.read_bytes() for path in placed}
    s.checks.check("every name: no two are one", contents == wanted, f"{len(contents)} of {len(wanted)}")
    s.checks.equal("every name: no link, nothing unfinished", (links, [p for p in target.iterdir() if p.name.startswith(".")]), ([], []))
    lines = [line for part in trace.parent.glob("trace.*") for line in part.read_text("utf-8", "surrogateescape").splitlines()]
    if not lines:
        return
    written = opened_for_writing(lines)
    inside = {path for path in written if within(path, target)}
    s.checks.check("strace: it was seen to write every file", len(inside) >= len(placed), len(inside))
    foreign = {path for path in written if not within(path, target, home, "/dev/null", "/dev/tty", "/proc/self/fd")}
    s.checks.equal("strace: nothing else is opened for writing", foreign, set())


# --- what it shows ----------------------------------------------------------------------------------------------------


def shows_get(s):
    for i, torrent in enumerate(s.by_twenties):
        path = s.file("twenty.torrent", torrent.bytes())
        get = OnTerminal(s.sandbox, "get", path, "-o", s.sandbox.folder(f"no-{i}"), *s.options("shows"), columns=200)
        get.read_until(b"[Y/n] ", 20)
        get.type(b"n\n")
        code, out = get.finish()
        if i == 0:
            s.checks.equal("get on a terminal: no is 1", code, 1)
        s.checks.check(f"get {i}: it says what it is", b" files, " in get.seen, get.seen[-200:])
        # What was typed is echoed by the terminal, not by us.
        why = why_not_shown(get.seen + out.encode())
        if why is not None or i == 0:
            s.shown(f"get on a terminal, {i}", get.seen + out.encode())
    s.checks.equal("get on a terminal: no leaves nothing", [e for i in range(len(s.by_twenties)) for e in everything_below(s.sandbox.path(f"no-{i}"))], [])

    into = s.sandbox.folder("yes")
    path = s.file("everything.torrent", s.everything.bytes())
    get = OnTerminal(s.sandbox, "get", path, "-y", "-o", into, *s.options("shows"))
    code, out = get.finish(60)
    s.checks.equal("get on a terminal: fetched", code, 0)
    s.shown("get on a terminal: progress, notes and result", get.seen + out.encode())
    again = OnTerminal(s.sandbox, "get", path, "-y", "-o", into, *s.options("shows"))
    code, out = again.finish(60)
    s.checks.equal("get on a terminal: there already", code, 10)
    s.shown("get on a terminal: an error that names it", again.seen + out.encode())

    result = s.sandbox.run("get", path, "--json", "-o", s.sandbox.folder("json"), *s.options("shows"))
    s.checks.equal("get --json: exit code", result.code, 0)
    s.checks.check("get --json: every line is JSON in ASCII", all_json(result.out), result.out[-300:])


def all_json(text):
    lines = text.splitlines()
    return bool(lines) and text.isascii() and text.isprintable() is False and all(isinstance(json.loads(line), dict) for line in lines)


def shows_share(s):
    names = names_on_disk()
    for kind in (b"\x1b]52;c;aWQK\x07", b"\xe2\x80\xaetxt.exe", b"\xff\xfe", b"a\nb\rc"):
        folder = os.fsencode(s.sandbox.folder("shared")) + b"/" + kind
        os.mkdir(folder)
        for name in names:
            with open(folder + b"/" + name, "wb") as file:
                file.write(name)
        os.symlink("/etc/passwd", folder + b"/\x1b[31mlink")
        os.mkdir(folder + b"/\x1b[2Jempty")
        share = OnTerminal(s.sandbox, "share", os.fsdecode(folder), "--public", *s.options("share", False))
        share.read_until(b"Ctrl-C ends the share", 30)
        share.type(b"\x03")
        code, out = share.finish()
        s.checks.equal(f"share {kind!r}: exit code", code, 0)
        # The terminal itself echoes the key as ^C.
        s.shown(f"share {kind!r}", share.seen + out.encode())
    run = s.sandbox.start("share", os.fsdecode(folder), "--public", "--json", *s.options("share", False))
    event = run.wait_event("shared", 30)
    s.checks.check("share --json: notes and files are there", event["notes"] and len(event["content"]["files"]) >= len(names) - 1,
                   (len(event["notes"]), len(event["content"]["files"]), len(names)))
    s.checks.check("share --json: every line is JSON in ASCII", all_json("\n".join(run.lines) + "\n"), run.lines[-1:])
    run.stop()


def shows_errors(s):
    bad = ["\x1b]52;c;aWQK\x07", "\udcff\udc9b31m", "\u202etxt", "a\nb\rc", "\U000e0041", "\u009b2J"]
    shapes = (
        lambda w: [w], lambda w: [w, w], lambda w: ["get", w], lambda w: ["get", w + ".torrent"], lambda w: ["lookup", w],
        lambda w: ["share", "/nowhere/" + w, "--public"], lambda w: ["share", ".", "--public", "--name", w + "/"],
        lambda w: ["get", "--" + w], lambda w: ["get", "-" + w], lambda w: ["get", "magnet:?" + w],
        lambda w: ["get", "magnet:?xt=urn:btih:" + w], lambda w: ["daemon", "--listen", w], lambda w: ["daemon", "--join", w],
        lambda w: ["daemon", "--join", w + ":1"], lambda w: ["get", "x", "--timeout", w], lambda w: ["help", w],
        lambda w: ["get", "/nowhere/x.torrent", "--home", "/dev/null/" + w], lambda w: ["daemon", w],
        lambda w: ["get", "x", "--peer", w + ":2"], lambda w: ["share", "/dev/null", "--public", "--torrent-out", "/nowhere/" + w],
    )
    wrong = []
    for shape in shapes:
        for word in bad:
            words = shape(word)
            run = subprocess.run([str(s.sandbox.rondo), *words], env=s.sandbox.environment(), capture_output=True, timeout=30,
                                 stdin=subprocess.DEVNULL, check=False)
            why = why_not_shown(run.stderr + run.stdout)
            if run.returncode in (0, *range(-64, 0)) or why is not None:
                wrong.append((words, run.returncode, why))
    s.checks.equal(f"{len(shapes) * len(bad)} wrong command lines: errors, and only what may be shown", wrong, [])
    on_terminal = OnTerminal(s.sandbox, "lookup", bad[0] + bad[2])
    code, out = on_terminal.finish()
    s.checks.equal("a wrong command line on a terminal: exit code", code, 12)
    s.shown("a wrong command line on a terminal", on_terminal.seen + out.encode())


# --- how much it takes ------------------------------------------------------------------------------------------------


def ticks_of(pid):
    """Processor time used so far."""
    return sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def peak_of(s, name, data, *more, seconds=60):
    """(exit code, peak memory, output) of `rondo get` of these bytes, ended by Ctrl-C once it waits for peers."""
    path, into = s.file("bomb.torrent", data), s.sandbox.folder("bomb")
    words = ["get", path, "-o", into, "--timeout", "0", *s.options("bomb-home", False), *more]
    with open(s.sandbox.path("bomb.out"), "wb") as out:
        process = subprocess.Popen([str(s.sandbox.rondo), *map(str, words)], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   env=s.sandbox.environment())
        peak = ticks = 0
        quiet_since, told, deadline = None, False, time.monotonic() + seconds
        # VmHWM only grows; what rusage says of a child includes the size of this process when it was forked.
        while process.poll() is None and time.monotonic() < deadline:
            try:
                found = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{process.pid}/status").read_text())
                now = ticks_of(process.pid)
            except OSError:
                continue
            peak = int(found[1]) * 1024 if found else peak
            begun = any(into.iterdir()) and now - ticks <= 1
            quiet_since = (quiet_since or time.monotonic()) if begun else None
            # Once: a second Ctrl-C would end it at once.
            if quiet_since and time.monotonic() - quiet_since > 0.25 and not told:
                process.send_signal(signal.SIGINT)
                told = True
            ticks = now
            time.sleep(0.02)
        late = process.poll() is None
        if late:
            process.kill()
        process.wait()
    s.checks.check(f"{name}: it ends, and leaves nothing", not late and not everything_below(into), everything_below(into))
    return process.returncode, peak, s.sandbox.path("bomb.out").read_bytes()


def v1(files, name=b"t"):
    return Torrent(name, [(path, b"") for path in files] + [([b"byte"], b"x")]).bytes()


def bombs():
    """Name, bytes, and what is said: None where it may be read."""
    hexes = [b"%x" % i for i in range(250_000)]
    deep = [b"d"] * 97
    yield "files at the limit", v1([[name] for name in hexes[:99_999]]), None
    yield "files over the limit", v1([[name] for name in hexes[:100_000]]), "100000 files"
    yield "long names at the limit", v1([[b"n" * 62 + name] for name in hexes[:99_999]]), None
    yield "changed names at the limit", v1([[b":" * 62 + name] for name in hexes[:99_999]]), None
    yield "folders at the limit", v1([[name, b"f"] for name in hexes[:30_000]]), None
    yield "changed folders at the limit", v1([[b":" * 20 + name, file] for name in hexes[:30_000] for file in (b"1:", b"2:", b"3:")]), None
    yield "deep folders over the limit", v1([[name, *deep, b"f"] for name in hexes[:25_000]]), "30000 folders"
    yield "deep folders below it", v1([[name, *deep, b"f"] for name in hexes[:300]]), None
    yield "one name many times", v1([[b"same"]] * 90_000), "the name of another"
    yield "megabytes of controls for a name", v1([[b"f"]], b"\x1b" * 8_000_000), "10000 bytes"
    yield "long paths of long names", v1([[b"\x1b" * 200] * 3_000] * 15), None
    yield "trackers", b"d13:announce-listl" + b"l10:udp://a:80e" * 600_000 + b"e" + v1([])[1:], "5000 addresses"
    yield "tokens", b"d1:al" + b"le" * 1_480_000 + b"e" + v1([])[1:], None
    yield "too many tokens", b"d1:al" + b"le" * 1_600_000 + b"e" + v1([])[1:], ""
    yield "nested", b"d1:a" + b"l" * 2_000_000 + b"e" * 2_000_000 + v1([])[1:], ""
    yield "pieces", bencode({b"info": {b"length": PIECE * 490_000, b"name": b"t", b"piece length": PIECE, b"pieces": b"x" * 20 * 490_000}}), None
    yield "larger than any", v1([[b"f"]], b"n" * 10_000_000), "larger than any"
    yield "a length of terabytes", bencode({b"info": {b"length": 1 << 40, b"name": b"t", b"piece length": 1 << 24, b"pieces": bytes(20 << 16)}}), None


def takes(s):
    _, ordinary, _ = peak_of(s, "an ordinary torrent", Torrent(b"t", [([b"f"], b"x")]).bytes())
    most = 0
    for name, data, said in bombs():
        # As JSON the whole list of files is printed.
        for more in ((), ("--json",)) if "at the limit" in name else ((),):
            code, peak, text = peak_of(s, name, data, *more)
            above = (peak - ordinary) / MEGABYTE
            most = max(most, above)
            print(f"      {' '.join([name, *more])}: {len(data) / 1e6:.1f} MB, exit code {code}, {above:+.1f} MB", flush=True)
            # Each changed name is kept beside the original.
            most_allowed = 72 if name.startswith("changed") else 64
            s.checks.check(f"{name}: at most {most_allowed} MB more", above <= most_allowed, f"{above:.1f} MB")
            # A terabyte has no room here, most likely.
            s.checks.check(f"{name}: exit code", code in ((130, 9) if said is None else (12,)), code)
            if said is not None:
                last = text.decode().splitlines()[-1]
                s.checks.check(f"{name}: one sentence", last.startswith("rondo: ") and said in last and len(last) < 300, last[:300])
            s.checks.check(f"{name}: little is said", len(text) < 100_000 or more, len(text))
    print(f"      ordinary: {ordinary / MEGABYTE:.1f} MB; the most above it: {most:.1f} MB", flush=True)


def test(options, checks):
    with Sandbox(options.rondo) as sandbox:
        s = Scene(sandbox, checks)
        with s.seeder:
            for part in (writes, shows_get, shows_share, shows_errors, takes):
                started = time.monotonic()
                part(s)
                print(f"      {part.__name__}: {time.monotonic() - started:.1f} s", flush=True)


if __name__ == "__main__":
    run_checks(__doc__, test)
