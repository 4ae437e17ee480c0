"""`rondo daemon`: what it says, its JSON-RPC on stdio, and how it goes."""

import json
import signal

from harness import Sandbox, TimedOut, run_checks
from rondo_ring import Ring, RpcError

KEY = "0123456789abcdef0123456789abcdef01234567"


def in_words(checks, rondo):
    with Sandbox(rondo) as sandbox:
        daemon = sandbox.start("daemon", "--bootstrap", *sandbox.node_options("a"))
        line = daemon.wait_line("a line", lambda text: text, 20)
        endpoint = line.removeprefix("listening on ").split(",")[0]
        checks.check("the one line on stdout says where it listens and in which ring",
                     line == f"listening on {endpoint}, member of {sandbox.network}", line)
        daemon.close_stdin()
        other = sandbox.start("daemon", "--join", endpoint, "--json", *sandbox.node_options("b"))
        other.wait_event("role", 30, lambda event: event["role"] == "member")
        checks.check("a closed stdin does not end a daemon", daemon.is_running())
        for name, process, number in (("Ctrl-C", daemon, signal.SIGINT), ("SIGTERM", other, signal.SIGTERM)):
            checks.equal(f"{name} ends a daemon with 0", process.stop(number), 0)
        checks.equal("stdout has one line", len(daemon.lines), 1)

        again = sandbox.start("daemon", "--bootstrap", *sandbox.node_options("a", listen=endpoint))
        again.wait_line("a line", lambda text: text, 20)
        checks.check("the same home and port serve again at once", again.is_running())
        again.stop()


def error_code(call):
    try:
        call()
    except RpcError as error:
        return error.code
    return 0


def bad_requests(checks, member):
    checks.equal("unknown method", error_code(lambda: member.call("explode")), -32601)
    checks.equal("missing key", error_code(lambda: member.call("lookup")), -32602)
    checks.equal("wrong key", error_code(lambda: member.call("lookup", key="xyz")), -32602)
    checks.equal("unknown parameter", error_code(lambda: member.call("status", verbose=True)), -32602)
    # Answers without an id go to the number None.
    for name, line, code in (("no JSON", "hello", -32700), ("no object", "[1]", -32600), ("nested deeply", "[" * 60_000, -32700),
                             ("longer than 64 KiB", json.dumps({"jsonrpc": "2.0", "pad": "x" * 70_000}), -32600)):
        member.send_line(line)
        checks.equal(name, error_code(lambda: member.answer(None, 10)), code)
    member.send_line("")
    checks.check("and it still answers", member.call("status")["role"] == "member")


def requests(checks, ring):
    first = ring.members[0]
    status = first.call("status")
    checks.equal("status: self", status["self"], {"id": first.id.hex(), "endpoint": first.endpoint})
    checks.check("status: a ring of 4, exactly", status["ring_size_exact"] and status["ring_size_estimate"] == 4, status)
    checks.equal("status: network", status["network"], ring.network)
    for kind in ("owner", "read"):
        result = ring.lookup(first, bytes.fromhex(KEY), kind, peers=True)
        lookup = result["lookup"]
        checks.equal(f"lookup {kind}: names the owner", lookup["owner"]["id"], ring.owner_of(bytes.fromhex(KEY)).hex())
        checks.equal(f"lookup {kind}: asked every replica", [r["answered"] for r in result["replicas"]], [True] * 4)
        checks.equal(f"lookup {kind}: nobody has it", result["peers"], [])
    pending = [first.send("lookup", key=ring.random_key().hex()) for _ in range(100)]
    checks.check("100 requests in flight are all answered", all(each.wait(30)["lookup"]["found"] for each in pending))


def ends(checks, ring):
    leaver = ring.members[-1]
    leaver.close_stdin()
    checks.equal("the end of stdin ends a --stdio daemon with 0", leaver.wait(), 0)
    ring.members.remove(leaver)
    try:
        seconds = ring.wait_one_ring(10)
        checks.check(f"it had left: the others were one ring after {seconds:.1f} s", True)
    except TimedOut as error:
        checks.check("it had left: the others are one ring", False, error)
    checks.check("a killed one is gone", ring.end(ring.members[-1], signal.SIGKILL) == -signal.SIGKILL)
    ring.wait_one_ring(60)
    checks.check("the rest repaired itself", ring.why_not_one_ring() is None, ring.why_not_one_ring())


def test(options, checks):
    in_words(checks, options.rondo)
    with Ring(options.rondo, 4) as ring:
        ring.wait_one_ring(60)
        ring.wait_settled(60)
        requests(checks, ring)
        bad_requests(checks, ring.members[0])
        ends(checks, ring)


if __name__ == "__main__":
    run_checks(__doc__, test)
