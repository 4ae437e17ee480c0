"""Files that change while somebody fetches them: the getter never ends with wrong bytes, the sharer says what happened."""

import os
import random
import time

from harness import Sandbox, run_checks, tree_of

SIZE = 3_000_000


def make_tree(root):
    for name in ("one.bin", "two.bin", "sub/three.bin"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(random.Random(name).randbytes(SIZE))
    return root


def overwrite(tree):
    with open(tree / "two.bin", "r+b") as file:
        file.seek(1000)
        file.write(b"other bytes")


def truncate(tree):
    os.truncate(tree / "two.bin", 1000)


def replace(tree):
    other = tree.parent / "other"
    other.write_bytes(random.Random("other").randbytes(SIZE))
    os.rename(other, tree / "two.bin")


def delete(tree):
    os.remove(tree / "two.bin")


def move_folder(tree):
    os.rename(tree / "sub", tree.parent / "elsewhere")


def move_everything(tree):
    os.rename(tree.parent, tree.parent.with_name("all-elsewhere"))


def append(tree):
    with open(tree / "two.bin", "ab") as file:
        file.write(b"more")


CASES = [
    # what is done, the sentence's end, whether anything is left
    (overwrite, "tree/two.bin changed since it was hashed: it is not served any more;", True),
    (append, "tree/two.bin changed since it was hashed: it is not served any more;", True),
    (truncate, "tree/two.bin changed since it was hashed: it is not served any more;", True),
    (replace, "tree/two.bin changed since it was hashed: it is not served any more;", True),
    (delete, "tree/two.bin is gone: it is not served any more", True),
    (move_folder, "tree/sub/three.bin is gone: it is not served any more", True),
    (move_everything, "are gone: they are not served any more; nothing of the share is left", False),
]


class Case:
    def __init__(self, sandbox, checks, name):
        self.sandbox, self.checks, self.name = sandbox, checks, name
        self.tree = make_tree(sandbox.folder(f"{name}-source", "tree"))
        self.wanted = tree_of(self.tree)
        self.into = sandbox.folder(f"{name}-out")
        node = sandbox.node_options(f"{name}-sharer")
        self.sharer = sandbox.start("share", self.tree, "--public", "--json", *node)
        shared = self.sharer.wait_event("shared", 20)
        self.magnet = shared["magnet"]

    def port(self):
        """The sharer's TCP port: the one that it listens on."""
        inodes = {os.readlink(f"/proc/{self.sharer.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{self.sharer.pid}/fd")}
        with open("/proc/net/tcp", encoding="ascii") as table:
            for line in list(table)[1:]:
                fields = line.split()
                if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                    return int(fields[1].split(":")[1], 16)
        raise RuntimeError("the sharer does not listen")

    def start_getter(self, home="getter", *words):
        node = self.sandbox.node_options(f"{self.name}-{home}")
        return self.sandbox.start("get", self.magnet, "-y", "-o", self.into, "--json", *words,
                                  "--peer", f"127.0.0.1:{self.port()}", *node)

    def expect_said(self, change, wanted, is_left):
        started = time.monotonic()
        change(self.tree)
        if is_left:
            sentence = self.sharer.wait_event("changed", 10)["sentence"]
        else:
            sentence = self.sharer.wait_event("error", 10)["sentence"]
        took = time.monotonic() - started
        self.checks.check(f"{self.name}: said within 2 s", took < 2, f"{took:.2f} s")
        self.checks.check(f"{self.name}: the sentence", wanted in sentence, sentence)
        if is_left:
            self.checks.check(f"{self.name}: the share goes on", self.sharer.is_running())
        else:
            self.checks.equal(f"{self.name}: the share ends with 11", self.sharer.wait(), 11)

    def expect_nothing_wrong(self, getter):
        """It either has every byte as hashed, or nothing at its place."""
        copy = self.into / "tree"
        if copy.exists():
            self.checks.check(f"{self.name}: what is there is whole and right", tree_of(copy) == self.wanted)
        self.checks.equal(f"{self.name}: the getter did not end well", getter.wait(20) if not getter.is_running() else
                          getter.stop(), 143)
        left = [path.name for path in self.into.iterdir() if not path.name.startswith(".rondo-")]
        self.checks.equal(f"{self.name}: nothing has the final name", left, [])


def before_the_fetch(sandbox, checks):
    """The change comes first: what is left crosses, and no more."""
    for change, sentence, is_left in CASES:
        case = Case(sandbox, checks, change.__name__)
        case.expect_said(change, sentence, is_left)
        if not is_left:
            continue
        getter = case.start_getter()
        left = case.sharer.wait_event("changed", 1)["bytes_left"]
        progress = getter.wait_event("transferring", 20, lambda event: event["done"] >= left)
        checks.equal(f"{case.name}: exactly what is left crosses", progress["done"], left)
        case.expect_nothing_wrong(getter)
        checks.equal(f"{case.name}: the share ends with 0", case.sharer.stop(), 0)


def during_the_fetch(sandbox, checks):
    """Many getters, and a change at some moment of their fetch: right or nothing, whenever it comes."""
    dice = random.Random(7)
    for number in range(6):
        change, sentence, _ = CASES[number % 5]
        case = Case(sandbox, checks, f"during-{number}-{change.__name__}")
        getter = case.start_getter()
        getter.wait_event("found", 20)
        time.sleep(dice.uniform(0, 0.15))  # somewhere in the fetch: the moment is the test's input
        case.expect_said(change, sentence, True)
        ends = [event["event"] for event in getter.events() if event["event"] in ("fetched", "error")]
        copy = case.into / "tree"
        if "fetched" in ends:
            checks.check(f"{case.name}: it was quicker, and right", tree_of(copy) == case.wanted)
            getter.stop()
        else:
            left = case.sharer.wait_event("changed", 1)["bytes_left"]
            getter.wait_event("transferring", 20, lambda event: event["done"] >= left)
            case.expect_nothing_wrong(getter)
        case.sharer.stop()


def untouched(sandbox, checks):
    """What only looks like a change is none."""
    case = Case(sandbox, checks, "untouched")
    os.chmod(case.tree / "two.bin", 0o755)
    os.link(case.tree / "one.bin", case.tree.parent / "link")
    (case.tree / "new.bin").write_bytes(b"new")
    (case.tree / "two.bin").read_bytes()
    getter = case.start_getter()
    getter.wait_event("fetched", 30)
    checks.equal("untouched: the getter ends with 0", getter.wait(), 0)
    checks.check("untouched: the copy is right", {p: h for p, (h, _) in tree_of(case.into / "tree").items()} ==
                 {p: h for p, (h, _) in case.wanted.items()})
    checks.check("untouched: nothing is said", not [e for e in case.sharer.events() if e["event"] == "changed"])
    case.sharer.stop()


def test(options, checks):
    with Sandbox(options.rondo) as sandbox:
        before_the_fetch(sandbox, checks)
        during_the_fetch(sandbox, checks)
        untouched(sandbox, checks)


if __name__ == "__main__":
    run_checks(__doc__, test)
