"""`./dev bench transfer`: rondo against bare libtorrent, scp, rsync over ssh, aria2c and Syncthing.

Two network namespaces, one veth pair, no delay and no loss: what is compared is the cost of the programs. The systems
take turns within a round, in an order that rotates, so that what disturbs the machine disturbs them all; a ratio is
taken within its round, and the median of the rounds is told.
"""

import dataclasses
import hashlib
import os
import pathlib
import shutil
import sys

import processes
from namespaces import Laboratory
from processes import Failed
from syncthing import Syncthing
from systems import Aria2, Content, Libtorrent, Rondo, Rsync, Scp

SYSTEMS = {system.name: system for system in (Rondo, Libtorrent, Scp, Rsync, Aria2, Syncthing)}
GIVE_UP_AFTER = 2
TMPFS = pathlib.Path("/dev/shm")


@dataclasses.dataclass(frozen=True)
class Part:
    """One content, the systems that send it, and what is wanted of rondo against them."""

    name: str
    # How many files of how many bytes.
    files: tuple
    quick_files: tuple
    systems: tuple
    wall_targets: dict
    rss_target: str | None


FILE = Part("file", (1, 1 << 30), (1, 64 << 20), tuple(SYSTEMS),
            {"libtorrent": "<= 1.10", "scp": "<= 1.0", "syncthing": "< 1.0"}, "<= 64")
FOLDER = Part("folder", (10_000, 4096), (1_000, 4096), ("rondo", "libtorrent", "rsync"),
              {"libtorrent": "<= 1.15", "rsync": "<= 1.0"}, None)
PARTS = {part.name: part for part in (FILE, FOLDER)}


# --- contents -----------------------------------------------------------------------------------------------------


def make_file(folder, size):
    path = folder / "content.bin"
    with open(path, "wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
    return Content(path, 1, size)


def make_folder(folder, count, size):
    path = folder / "content"
    for index in range(count):
        file = path / f"{index // 100:03}" / f"{index:05}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(size))
    return Content(path, count, count * size)


def files_below(path):
    return {file.relative_to(path.parent): file for file in ([path] if path.is_file() else path.rglob("*"))
            if file.is_file()}


def digest(path):
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.digest()


def warm(content):
    """Into the page cache, where it is not there any more."""
    buffer = bytearray(1 << 20)
    for file in files_below(content.path).values():
        with open(file, "rb", buffering=0) as stream:
            while stream.readinto(buffer):
                pass


def check(content, target, by_content):
    """That everything arrived; by its bytes, or by names and sizes."""
    sent, got = files_below(content.path), files_below(target / content.path.name)
    if sent.keys() != got.keys():
        raise Failed(f"{len(got)} files arrived, {len(sent)} were sent")
    same = (lambda a, b: digest(a) == digest(b)) if by_content else (lambda a, b: a.stat().st_size == b.stat().st_size)
    differing = [name for name, file in sent.items() if not same(file, got[name])]
    if differing:
        raise Failed(f"{len(differing)} files arrived wrong, the first is {differing[0]}")


# --- rounds -------------------------------------------------------------------------------------------------------


class Rounds:
    """The runs of all systems with one content."""

    def __init__(self, part, lab, options, report, content, folder):
        self.part, self.lab, self.report, self.content, self.folder = part, lab, report, content, folder
        self.count = options.rounds
        seconds = 60 if options.quick else 120
        wanted = [name for name in part.systems if not options.system or name in options.system]
        wanted += [name for name in options.system if name not in wanted]
        self.systems = {name: SYSTEMS[name](lab, options, content, seconds) for name in wanted}
        self.skipped = {}
        self.failures = {name: [] for name in wanted}
        # By system, one entry a round; None where it failed.
        self.runs = {name: [] for name in wanted}

    def prepare(self):
        for name, system in list(self.systems.items()):
            reason = system.missing()
            if reason is None:
                mark = self.lab.started
                try:
                    system.prepare()
                    continue
                except Failed as error:
                    self.failures[name].append(str(error))
                finally:
                    self.lab.end_since(mark)
            else:
                self.skipped[name] = reason
            self.report.say(f"{self.part.name}: {name}: {reason or self.failures[name][-1]}")
            del self.systems[name]

    def run_all(self):
        self.prepare()
        for number in range(self.count):
            names = list(self.systems)
            for name in names[number % len(names):] + names[:number % len(names)]:
                self.runs[name].append(self.run_one(number, name))

    def run_one(self, number, name):
        failed = self.failures[name]
        if self.runs[name][-GIVE_UP_AFTER:] == [None] * GIVE_UP_AFTER:
            return None
        target = self.folder / f"target-{number}-{name}"
        target.mkdir()
        warm(self.content)
        mark, run = self.lab.started, None
        try:
            run = self.systems[name].run(target)
            check(self.content, target, by_content=name == "rondo")
            outcome = f"{run.wall:.2f} s"
        except Failed as error:
            failed.append(str(error))
            outcome, run = f"failed: {error}", None
        finally:
            self.lab.end_since(mark)
            shutil.rmtree(target, ignore_errors=True)
            # What is still to be written out would be written in the next system's time.
            processes.run(["sync", "-f", self.folder], seconds=120)
        self.report.say(f"{self.part.name} {number + 1}/{self.count}  {name:<10}  {outcome}")
        return run

    def values(self, name, of):
        return [of(run) for run in self.runs[name] if run is not None]

    def ratios(self, other, of):
        """Of rondo over another, round by round."""
        pairs = zip(self.runs.get("rondo", []), self.runs[other])
        return [of(mine) / of(theirs) for mine, theirs in pairs if mine and theirs and of(theirs) > 0]


# --- figures ------------------------------------------------------------------------------------------------------


def megabytes(of):
    return lambda run: of(run) / 1e6


def note_of(rounds, name):
    if name in rounds.skipped:
        return rounds.skipped[name]
    failures = rounds.failures[name]
    if name not in rounds.systems:
        return f"could not be made ready: {failures[-1]}"
    return f"failed {len(failures)} of {rounds.count}: {failures[-1]}" if failures else None


def add_ratios(rounds, report):
    for other in rounds.runs:
        if other == "rondo" or "rondo" not in rounds.runs:
            continue
        # Who is not installed is not compared with; who fails is.
        skipped = other in rounds.skipped
        target = None if skipped else rounds.part.wall_targets.get(other)
        name = f"transfer.{rounds.part.name}.wall_ratio.{other}"
        report.add(name, rounds.ratios(other, lambda run: run.wall), "x", target, note_of(rounds, other))
        if not skipped:
            report.add(name.replace("wall_ratio", "cpu_ratio"), rounds.ratios(other, lambda run: run.cpu), "x")


def add_costs(rounds, report):
    prefix = f"transfer.{rounds.part.name}"
    for name in rounds.runs:
        if name in rounds.skipped:
            continue
        own = name == "rondo"
        report.add(f"{prefix}.wall.{name}", rounds.values(name, lambda run: run.wall), "s", note=note_of(rounds, name),
                   failed=own and bool(rounds.failures[name]))
        report.add(f"{prefix}.cpu.{name}", rounds.values(name, lambda run: run.cpu), "s")
        for side in ("sender", "receiver"):
            of_cpu = lambda run, field=f"{side}_cpu": getattr(run, field)
            report.add(f"{prefix}.{side}_cpu.{name}", rounds.values(name, of_cpu), "s")
            target = rounds.part.rss_target if own else None
            for kind in ("rss", "anonymous"):
                of = megabytes(lambda run, field=f"{side}_{kind}": getattr(run, field))
                report.add(f"{prefix}.{side}_{kind}.{name}", rounds.values(name, of), "MB",
                           target if kind == "rss" else None)


def add_times(rounds, report):
    """Where the time goes, as far as a system tells."""
    prefix = f"transfer.{rounds.part.name}"
    for name in rounds.runs:
        runs = [run for run in rounds.runs[name] if run]
        for what in dict.fromkeys(key for run in runs for key in run.times):
            report.add(f"{prefix}.{what}.{name}", [run.times[what] for run in runs if what in run.times], "s")
    everything = [run.other_cpu / run.wall for runs in rounds.runs.values() for run in runs if run]
    report.add(f"{prefix}.other_cpu", everything, "cores", note="used by everybody else meanwhile")


def measure(part, options, report):
    with Laboratory() as lab:
        folder = lab.temporary_folder(options.dir if part is FILE else TMPFS)
        count, size = part.quick_files if options.quick else part.files
        needed = count * size * 2
        if shutil.disk_usage(folder).free < needed:
            raise Failed(f"{folder.parent} has no room for {needed // 1_000_000} MB (--dir moves the big file)")
        content = make_file(folder, size) if part is FILE else make_folder(folder, count, size)
        rounds = Rounds(part, lab, options, report, content, folder)
        rounds.run_all()
    add_ratios(rounds, report)
    add_costs(rounds, report)
    add_times(rounds, report)


def run(options, report):
    if os.geteuid() != 0:
        print("bench: transfer makes network namespaces, which needs root: sudo ./dev bench transfer", file=sys.stderr)
        sys.exit(2)
    for given, known, what in ((options.system, SYSTEMS, "system"), (options.part, PARTS, "part")):
        unknown = [name for name in given if name not in known]
        if unknown:
            print(f"bench: there is no {what} '{unknown[0]}': {', '.join(known)}", file=sys.stderr)
            sys.exit(2)
    for name in options.part or PARTS:
        measure(PARTS[name], options, report)
