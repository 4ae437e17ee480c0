"""64 daemons on loopback become one ring; 1,000 owner lookups name the true owner, reads of the same keys are short."""

import collections
import os
import statistics
import time

from harness import run_checks
from rondo_ring import Ring

MEMBERS = 64
LOOKUPS = 1000
LONGEST_READ = 2.3
ASKED_BY_READERS = 3


def histogram(values):
    counts = collections.Counter(values)
    return "  ".join(f"{value}: {counts[value]}" for value in sorted(counts))


def wrong_owners(ring, requests, answers):
    """Lookups that failed or named another node."""
    wrong = []
    for (member, key), answer in zip(requests, answers):
        lookup = answer["lookup"]
        named = lookup["owner"]["id"] if lookup["found"] else f"nobody ({lookup['failure']})"
        if named != ring.owner_of(key).hex():
            wrong.append(f"{key.hex()} from {member.endpoint}: {named}, not {ring.owner_of(key).hex()}")
    return wrong


def wrong_reads(ring, requests, answers):
    """Reads that failed, or that end with no true replica among those that a reader asks first."""
    wrong = []
    for (member, key), answer in zip(requests, answers):
        lookup = answer["lookup"]
        true = {replica.hex() for replica in ring.replicas_of(key)}
        named = [contact["id"] for contact in lookup["replicas"][:ASKED_BY_READERS]]
        if not lookup["found"] or not true & set(named):
            wrong.append(f"{key.hex()} from {member.endpoint}: {named or lookup['failure']}")
    return wrong


def test(options, checks):
    seed = int(os.environ.get("RONDO_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed} (RONDO_SEED repeats the keys)", flush=True)
    started = time.monotonic()
    with Ring(options.rondo, MEMBERS, seed) as ring:
        print(f"members up        {MEMBERS} in {time.monotonic() - started:.1f} s", flush=True)
        ring.wait_one_ring(120)
        print(f"one ring after    {time.monotonic() - started:.1f} s", flush=True)
        ring.wait_settled(120)
        print(f"quiet after       {time.monotonic() - started:.1f} s: every successor list is exact", flush=True)
        checks.check(f"{MEMBERS} processes are one ring", True)

        requests = [(ring.random_member(), ring.random_key()) for _ in range(LOOKUPS)]
        begin = time.monotonic()
        owners = ring.lookups(requests, "owner")
        middle = time.monotonic()
        reads = ring.lookups(requests, "read")
        end = time.monotonic()

        owner_hops = [answer["lookup"]["hops"] for answer in owners]
        read_hops = [answer["lookup"]["hops"] for answer in reads]
        timeouts = sum(answer["lookup"]["timeouts"] for answer in owners + reads)
        print(f"owner lookups     {LOOKUPS} in {middle - begin:.1f} s, mean hops {statistics.mean(owner_hops):.2f}")
        print(f"  hops            {histogram(owner_hops)}")
        print(f"reads             {LOOKUPS} in {end - middle:.1f} s, mean hops {statistics.mean(read_hops):.2f}")
        print(f"  hops            {histogram(read_hops)}")
        print(f"timeouts          {timeouts}", flush=True)

        wrong = wrong_owners(ring, requests, owners)
        checks.check(f"{LOOKUPS} owner lookups name the true owner", not wrong, f"{len(wrong)} don't: {wrong[:3]}")
        wrong = wrong_reads(ring, requests, reads)
        checks.check(f"{LOOKUPS} reads end at true replicas", not wrong, f"{len(wrong)} don't: {wrong[:3]}")
        mean = statistics.mean(read_hops)
        checks.check(f"reads take at most {LONGEST_READ} hops in the mean", mean <= LONGEST_READ, f"{mean:.2f}")
        checks.check("still one ring", ring.why_not_one_ring() is None, ring.why_not_one_ring())


if __name__ == "__main__":
    run_checks(__doc__, test)
