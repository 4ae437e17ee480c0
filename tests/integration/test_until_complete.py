"""A share that ends by itself when as many as wanted have everything."""

import random
import threading

from harness import run_checks, tree_of
from rondo_ring import Ring


def share(ring, home, *words):
    node = ring.sandbox.node_options(home, ring.members[0].endpoint)
    process = ring.sandbox.start("share", *words, "--public", "--json", *node)
    magnet = process.wait_event("shared", 20)["magnet"]
    process.wait_event("announced", 20, lambda event: event["held"] > 0)
    return process, magnet


def test(options, checks):
    with Ring(options.rondo, 2) as ring:
        ring.wait_settled(60)
        tree = ring.sandbox.folder("source", "tree")
        for name in "abc":
            (tree / name).write_bytes(random.Random(name).randbytes(1_000_000))
        sharer, magnet = share(ring, "sharer", tree, "--until-complete", 2)

        def get(home):
            into = ring.sandbox.folder(f"out-{home}")
            result = ring.sandbox.run("get", magnet, "-y", "-o", into, *ring.sandbox.node_options(home))
            checks.equal(f"{home}: fetched", result.code, 0)
            checks.check(f"{home}: every file is equal", tree_of(into / "tree") == tree_of(tree))

        get("first")
        sharer.wait_event("receiver", 5)
        checks.check("one of two is not enough", sharer.is_running())
        threads = [threading.Thread(target=get, args=(home,)) for home in ("second", "third")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        checks.equal("the share ends with 0", sharer.wait(10), 0)
        told = [(event["complete"], event["wanted"]) for event in sharer.events() if event["event"] == "receiver"]
        checks.equal("both were told", told, [(1, 2), (2, 2)])
        checks.equal("the last event says so", sharer.events()[-1]["event"], "share_ended")
        lookup = ring.lookup(ring.members[0], bytes.fromhex(magnet.split("btih:")[1][:40]), "read", peers=True)
        checks.equal("it is no longer on the ring", lookup["peers"], [])


if __name__ == "__main__":
    run_checks(__doc__, test)
