"""A ring of 64 processes survives the sudden death of 16 at once: it is one ring again, its lookups are right again, and
a fetch that begins at the moment of the deaths completes.

Without options one seed of the first scenario runs. --seeds N runs N of them on one ring, which is brought back to 64
between two (half of the dead restart from their homes, half are replaced by newcomers). --neighbours adds the second
scenario: all 8 replicas of a key die together. --patience waits there for the regular refresh of a share that is a
member already, up to 18 minutes.

A lookup is right when it names a node that was the first live member at or after the key at its beginning or its end.
"""

import collections
import os
import statistics
import threading
import time

from harness import TimedOut, free_port, run_checks, tree_of, wait_until
from rondo_ring import REPLICAS, Ring

MEMBERS = 64
DEATHS = 16
LOOKUPS = 1000
IN_FLIGHT = 200
ENTRY_POINTS = 3
HEALED_WITHIN = 60
# A ring is given time to settle before anybody dies; nothing is measured in it.
SETTLED_WITHIN = 240
# The refresh of a share: half of the 30 min of an announcement, +-20 % (docs/protocol.md, "Records").
REFRESH = 18 * 60


class Share:
    """A `rondo share` that is a member of the ring, or is not one yet."""

    def __init__(self, ring, name):
        self.ring = ring
        self.tree = ring.sandbox.folder(name, "Holiday")
        (self.tree / "photo.bin").write_bytes(os.urandom(300_000))
        (self.tree / "note.txt").write_bytes(name.encode())
        self.endpoint = f"127.0.0.1:{free_port()}"
        join = [member.endpoint for member in ring.random.sample(ring.members, ENTRY_POINTS)]
        node = ring.sandbox.node_options(f"home-{name}", join, listen=self.endpoint)
        self.process = ring.sandbox.start("share", self.tree, "--public", "--json", *node)
        self.magnet = self.process.wait_event("shared", 30)["magnet"]
        self.key = bytes.fromhex(self.magnet.split("btih:")[1][:40])
        ring.expect_guest(self.endpoint)

    def holders(self):
        """Ids of the replicas that took the last announcement. When the ring had just changed then, they may be others
        than the key's replicas now."""
        last = self.announcements()[-1:]
        return {bytes.fromhex(replica["id"]) for event in last for replica in event["replicas"] if replica["answered"]}

    def announcements(self):
        return [event for event in self.process.events() if event["event"] == "announced"]

    def wait_announced(self, times, seconds):
        """Announced that often, the last time to 8 replicas. A share that becomes a member announces for a second time."""
        wait_until(f"{times} announcements, the last one to {REPLICAS} replicas",
                   lambda: len(self.announcements()) >= times and len(self.holders()) == REPLICAS, seconds)

    def end(self):
        self.ring.forget_guest(self.endpoint)
        self.process.stop()
        self.ring.sandbox.forget(self.process)


class Watcher:
    """Looks at the ring from its own thread: when it became one ring and when its lists became exact, for good."""

    def __init__(self, ring, started):
        self.one_ring = self.exact = self.why = None
        self._ring, self._started, self._stop = ring, started, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        while not self._stop.wait(0.2):
            begun = time.monotonic() - self._started
            self._ring.look_for_guests()
            self.why = self._ring.why_not_one_ring()
            if self.why:
                self.one_ring = self.exact = None
                continue
            self.one_ring = self.one_ring or begun
            self.exact = (self.exact or begun) if not self._ring.inexact_lists() else None

    def stop(self):
        self._stop.set()
        self._thread.join()


class Fetch:
    """A `rondo get` in a thread of its own."""

    def __init__(self, share, name, join, patience):
        self.share, self.result = share, None
        self.into = share.ring.sandbox.folder(f"out-{name}")
        options = ["-o", self.into, "--timeout", patience, *share.ring.sandbox.node_options(f"getter-{name}", join)]
        self._seconds = patience + 30
        self._thread = threading.Thread(target=self._run, args=(options,))
        self._thread.start()

    def _run(self, options):
        try:
            self.result = self.share.ring.sandbox.run("get", self.share.magnet, *options, seconds=self._seconds)
        except TimedOut as error:
            self.error = str(error)

    def check(self, checks, name):
        self._thread.join()
        if self.result is None:
            return checks.check(name, False, self.error)
        same = self.result.code == 0 and tree_of(self.into / "Holiday") == tree_of(self.share.tree)
        return checks.check(name, same, f"{self.result.code}: {self.result.err[-400:]}")


Batch = collections.namedtuple("Batch", "right wrong failed timeouts hops longest begun seconds")


def batch_of_lookups(ring, died):
    """1,000 owner lookups of random keys from random members; what became of them."""
    begun = time.monotonic()
    requests = [(ring.random_member(), ring.random_key()) for _ in range(LOOKUPS)]
    ring.look_for_guests()
    at_first = [ring.owner_of(key) for _, key in requests]
    answers = [answer["lookup"] for answer in ring.lookups(requests, "owner", IN_FLIGHT)]
    ring.look_for_guests()
    living = set(ring.ids())
    right = wrong = 0
    for (_, key), lookup, owner in zip(requests, answers, at_first):
        named = bytes.fromhex(lookup["owner"]["id"]) if lookup["found"] else None
        is_right = named in (owner, ring.owner_of(key))
        right += is_right
        wrong += named in living and not is_right
    ended = time.monotonic()
    return Batch(right, wrong, LOOKUPS - right - wrong, sum(lookup["timeouts"] for lookup in answers),
                 statistics.mean(lookup["hops"] for lookup in answers),
                 max(lookup["elapsed_ms"] for lookup in answers) / 1000, begun - died, ended - begun)


def show(name, batch):
    print(f"  {name:<12} {batch.right} right, {batch.wrong} wrong, {batch.failed} failed; {batch.timeouts} time-outs, "
          f"mean hops {batch.hops:.2f}, slowest {batch.longest:.1f} s; begun {batch.begun:.1f} s after the deaths, took "
          f"{batch.seconds:.1f} s", flush=True)


def load():
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def draw_doomed(ring, share, with_bootstrap):
    """16 at random, some but not all replicas of the record among them, the bootstrap node as wanted."""
    holders = share.holders()
    while True:
        doomed = ring.random.sample(ring.members, DEATHS)
        held = sum(member.id in holders for member in doomed)
        if 0 < held < REPLICAS and any(member.bootstrap for member in doomed) == with_bootstrap:
            return doomed, held


def heal(ring, watcher, died):
    """Batches of lookups until one is wholly right on a ring that is one. (all batches, seconds until that one ended)"""
    batches = [batch_of_lookups(ring, died)]
    show("at once", batches[0])
    time.sleep(max(0, died + 10 - time.monotonic()))  # the moment is what is measured
    batches.append(batch_of_lookups(ring, died))
    show("after 10 s", batches[1])
    while batches[-1].right < LOOKUPS or watcher.one_ring is None:
        if time.monotonic() - died > HEALED_WITHIN:
            return batches, None
        batches.append(batch_of_lookups(ring, died))
    healed = batches[-1].begun + batches[-1].seconds
    batches.append(batch_of_lookups(ring, died))
    show("finally", batches[-1])
    return batches, healed


def watch_healing(ring, checks, died):
    """What both scenarios want of a ring in which some have just died."""
    watcher = Watcher(ring, died)
    try:
        batches, healed = heal(ring, watcher, died)
        checks.check(f"within {HEALED_WITHIN} s {LOOKUPS} of {LOOKUPS} lookups are right, on one ring", healed is not None,
                     f"{batches[-1].right} right; {watcher.why}; {load()}")
        checks.equal("and those after it too", batches[-1].right, LOOKUPS)
        try:
            wait_until("exact lists", lambda: watcher.exact is not None, HEALED_WITHIN + 60)
        except TimedOut as error:
            checks.check("every successor list is exact again", False, f"{error}; {watcher.why}; {load()}")
    finally:
        watcher.stop()
    shown = [f"{seconds:.1f} s" if seconds is not None else "never" for seconds in (watcher.one_ring, watcher.exact, healed)]
    print(f"  one ring after {shown[0]}, lists exact after {shown[1]}, {LOOKUPS} of {LOOKUPS} right on one ring by {shown[2]}; "
          f"{load()}", flush=True)


def entry_points(ring, doomed):
    """Dead ones first, one alive last."""
    dead = [member.endpoint for member in ring.random.sample(doomed, ENTRY_POINTS - 1)]
    return [*dead, ring.random_member().endpoint]


def random_deaths(ring, checks, share, seed, number):
    with_bootstrap = seed % 3 == 0
    doomed, held = draw_doomed(ring, share, with_bootstrap)
    print(f"seed {seed}: bootstrap {'killed' if with_bootstrap else 'lives'}, {held} of the record's {REPLICAS} holders "
          f"are among the {DEATHS} dead of {len(ring.members)} daemons and {len(ring.guests)} share; {load()}", flush=True)
    died = time.monotonic()
    ring.kill_at_once(doomed)
    fetch = Fetch(share, f"{number}", entry_points(ring, doomed), HEALED_WITHIN)
    watch_healing(ring, checks, died)
    if fetch.check(checks, "a get begun right after the deaths completes"):
        print(f"  get took {fetch.result.seconds:.1f} s", flush=True)
    return doomed


def neighbours_die(ring, checks, patience):
    """All 8 replicas of a key, one beside the other. The lists reach 16 far, so the ring must close over them; the record
    is gone until its share announces again: when it becomes a member (30 s after its start), else at half of the record's
    life."""
    if patience:
        share = settled_share(ring, "share-of-neighbours")
    else:
        share = Share(ring, "share-of-neighbours")
        share.wait_announced(1, 30)
        checks.equal("8 neighbours hold the record", share.holders(), set(ring.replicas_of(share.key)))
    doomed = [member for member in ring.members if member.id in share.holders()]
    checks.equal("all of them can be killed (not so the share itself: then another seed is needed)", len(doomed), REPLICAS)
    announced = len(share.announcements())
    print(f"8 neighbours die: all replicas of a record; its share is {'a member' if patience else 'no member yet'}; {load()}")
    died = time.monotonic()
    ring.kill_at_once(doomed)
    fetch = Fetch(share, "of-neighbours", entry_points(ring, doomed), REFRESH + 60 if patience else 2 * HEALED_WITHIN)
    watch_healing(ring, checks, died)
    wait_until("the share announces again", lambda: len(share.announcements()) > announced, REFRESH + 30 if patience else 60)
    if fetch.check(checks, "a get of the record that died completes after its share has announced again"):
        print(f"  get took {fetch.result.seconds:.1f} s", flush=True)
    share.end()
    return doomed


def bring_back(ring, dead):
    """To 64 again: every other one restarts, the bootstrap node always; newcomers take the other places."""
    back = [member for index, member in enumerate(dead) if index % 2 == 0 or member.bootstrap]
    ring.restart(back)
    ring.grow(MEMBERS - len(ring.members))


def settled_share(ring, name):
    """A share that is a member, its record where it belongs."""
    share = Share(ring, name)
    wait_until("the share is a member", ring.look_for_guests, 90)
    ring.wait_settled(SETTLED_WITHIN)
    wait_until("one ring", lambda: ring.why_not_one_ring() is None, SETTLED_WITHIN)
    share.wait_announced(2, 30)
    return share


def add_options(parser):
    parser.add_argument("--seeds", type=int, default=1, help="runs of the first scenario")
    parser.add_argument("--neighbours", action="store_true", help="the second scenario too")
    parser.add_argument("--patience", action="store_true", help="and its share is a member already: up to 18 min")


def test(options, checks):
    first = int(os.environ.get("RONDO_SEED", time.time_ns() % 1_000_000))
    started = time.monotonic()
    with Ring(options.rondo, MEMBERS, first) as ring:
        print(f"{MEMBERS} members up in {time.monotonic() - started:.1f} s; RONDO_SEED={first} draws the same again", flush=True)
        for number in range(options.seeds):
            share = settled_share(ring, f"share-{number}")
            print(f"settled after {time.monotonic() - started:.1f} s", flush=True)
            ring.random.seed(first + number)
            dead = random_deaths(ring, checks, share, first + number, number)
            if number + 1 < options.seeds or options.neighbours or options.patience:
                share.end()
                bring_back(ring, dead)
        if options.neighbours:
            ring.wait_settled(SETTLED_WITHIN)
            bring_back(ring, neighbours_die(ring, checks, False))
        if options.patience:
            ring.wait_settled(SETTLED_WITHIN)
            neighbours_die(ring, checks, True)
    print(f"all took {time.monotonic() - started:.1f} s", flush=True)


if __name__ == "__main__":
    run_checks(__doc__, test, add_options)
