"""A ring of real `rondo daemon` processes on loopback.

    with Ring(rondo, 64) as ring:
        ring.wait_one_ring(60)
        answer = ring.lookup(ring.members[3], key, "owner")
        assert bytes.fromhex(answer["lookup"]["owner"]["id"]) == ring.owner_of(key)

What the ring looks like is asked over the wire, by this module's own KRPC (docs/protocol.md), from every member: the
test trusts no node's word about others. All processes are ended by their ids.
"""

import bisect
import collections
import hashlib
import itertools
import json
import os
import random
import signal
import socket
import struct
import threading
import time

from bencode import bdecode, bencode
from harness import Process, Sandbox, TimedOut, is_member, wait_until

SUCCESSORS = 16
REPLICAS = 8


# --- the wire ---------------------------------------------------------------------------------------------------------

Contact = collections.namedtuple("Contact", "id endpoint")
Neighbors = collections.namedtuple("Neighbors", "id predecessor successors complete")


def endpoint_of(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def read_contact(data):
    host, port = socket.inet_ntoa(data[20:24]), struct.unpack(">H", data[24:26])[0]
    return Contact(data[:20], f"{host}:{port}")


class Wire:
    """Asks nodes as a stranger outside the ring: without a token, padded to the largest answer."""

    def __init__(self, network):
        self._tag = hashlib.sha256(network.encode()).digest()[:4]
        self._id = os.urandom(20)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._lock = threading.Lock()

    def close(self):
        self._socket.close()

    def query(self, endpoint, method, extra=None, tries=4, seconds=0.5):
        """The values of the reply; None when nobody answers or the answer is an error."""
        transaction = os.urandom(8)
        arguments = {b"id": self._id, b"pad": bytes(900)} | (extra or {})
        message = {b"a": arguments, b"n": self._tag, b"q": method, b"ro": 1, b"t": transaction, b"y": b"q"}
        with self._lock:
            for _ in range(tries):
                self._socket.sendto(bencode(message), endpoint_of(endpoint))
                answer = self._receive(transaction, time.monotonic() + seconds)
                if answer:
                    return answer.get(b"r")
        return None

    def _receive(self, transaction, deadline):
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                answer = bdecode(self._socket.recv(2048))
            except (OSError, ValueError, IndexError):
                continue
            if answer.get(b"t") == transaction:
                return answer
        return None

    def neighbors(self, endpoint):
        values = self.query(endpoint, b"neighbors")
        if values is None:
            return None
        nodes = values.get(b"nodes", b"")
        successors = [read_contact(nodes[at : at + 26]) for at in range(0, len(nodes), 26)]
        predecessor = read_contact(values[b"p"]) if b"p" in values else None
        return Neighbors(values[b"id"], predecessor, successors, values.get(b"full") == 1)


# --- the ring ---------------------------------------------------------------------------------------------------------


class Pending:
    """An answer that will come."""

    def __init__(self, member, number):
        self._member, self._number = member, number

    def wait(self, seconds):
        return self._member.answer(self._number, seconds)


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(f"{error['message']} ({error['code']})")
        self.code = error["code"]


class Member(Process):
    """A `rondo daemon --stdio`: its place, and requests to it."""

    def __init__(self, sandbox, command, environment):
        self._numbers = itertools.count(1)
        self._answers = {}
        self._answered = threading.Condition()
        self.id = self.endpoint = self.home = None
        self.bootstrap = False
        super().__init__(sandbox, command, environment)

    def _read(self):
        for line in self._process.stdout:
            message = json.loads(line)
            if "jsonrpc" in message:
                with self._answered:
                    self._answers[message["id"]] = message
                    self._answered.notify_all()
            else:
                with self._news:
                    self.lines.append(line.decode().rstrip("\n"))
                    self._news.notify_all()
        with self._news, self._answered:
            self._ended = True
            self._news.notify_all()
            self._answered.notify_all()

    def wait_up(self, seconds):
        listening = self.wait_event("listening", seconds)
        self.endpoint = listening["endpoint"]

    def wait_member(self, seconds):
        self.wait_line("membership", is_member, seconds)
        self.id = bytes.fromhex(self.call("status", seconds=seconds)["self"]["id"])

    def send(self, method, **params):
        number = next(self._numbers)
        self.send_line(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
        return Pending(self, number)

    def answer(self, number, seconds):
        deadline = time.monotonic() + seconds
        with self._answered:
            while number not in self._answers:
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    raise TimedOut(f"{self.endpoint} did not answer request {number} within {seconds} s")
                self._answered.wait(left)
            message = self._answers.pop(number)
        if "error" in message:
            raise RpcError(message["error"])
        return message["result"]

    def call(self, method, seconds=40, **params):
        return self.send(method, **params).wait(seconds)


class Ring:
    """`size` members; started in batches, so that two processors cope."""

    BATCH = 8

    def __init__(self, rondo, size, seed=None):
        self.sandbox = Sandbox(rondo)
        self.network = self.sandbox.network
        self.members = []
        self.guests = []  # members that take no requests: their place counts in what is true
        self._expected = []
        self._guests_lock = threading.Lock()
        self.random = random.Random(seed)
        self._homes = itertools.count()
        self._size = size

    def __enter__(self):
        self.sandbox.__enter__()
        self._wire = Wire(self.network)
        try:
            self.grow(self._size)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._wire.close()
        self.sandbox.__exit__()

    # --- members

    def _start(self, home, join, bootstrap):
        options = self.sandbox.node_options(home, join) + (["--bootstrap"] if bootstrap else [])
        command = [str(self.sandbox.rondo), "daemon", "--stdio", *options]
        member = self.sandbox.adopt(Member(self.sandbox, command, self.sandbox.environment()))
        member.home, member.bootstrap = home, bootstrap
        return member

    def grow(self, count, seconds=60):
        """Starts `count` more, each with up to 3 of those that are there as entry points. The first of all is the
        bootstrap node."""
        self._start_all([(f"home-{next(self._homes)}", False) for _ in range(count)], seconds)

    def restart(self, dead, seconds=60):
        """Brings members that ended back: with the id and the contacts in their homes, at new endpoints."""
        self._start_all([(member.home, member.bootstrap) for member in dead], seconds)

    def _start_all(self, wanted, seconds):
        started = 0
        while started < len(wanted):
            known = [member.endpoint for member in self.members]
            size = self.BATCH if known else 1
            batch = []
            for home, bootstrap in wanted[started : started + size]:
                join = self.random.sample(known, min(3, len(known)))
                batch.append(self._start(home, join, bootstrap or not known))
            for member in batch:
                member.wait_up(seconds)
                member.wait_member(seconds)
            self.members += batch
            started += len(batch)

    def random_member(self):
        return self.random.choice(self.members)

    def end(self, member, number=signal.SIGKILL):
        """Takes a member away: SIGKILL is a crash, SIGTERM a leave. Returns the exit code."""
        self.members.remove(member)
        code = member.stop(number)
        self.sandbox.forget(member)
        return code

    def kill_at_once(self, members):
        """SIGKILL to all of them before any is waited for."""
        for member in members:
            member.send_signal(signal.SIGKILL)
        for member in members:
            self.members.remove(member)
            member.wait()
            self.sandbox.forget(member)

    def expect_guest(self, endpoint):
        """A process there that takes no requests is going to be a member."""
        self._expected.append(endpoint)

    def look_for_guests(self):
        """Those expected that have become members count from now on. True when none is expected any more."""
        for endpoint in list(self._expected):
            seen = self._wire.neighbors(endpoint)
            with self._guests_lock:
                if seen and endpoint in self._expected:
                    self._expected.remove(endpoint)
                    self.guests.append(Contact(seen.id, endpoint))
        return not self._expected

    def forget_guest(self, endpoint):
        self._expected = [other for other in self._expected if other != endpoint]
        self.guests = [guest for guest in self.guests if guest.endpoint != endpoint]

    # --- what is true

    def ids(self):
        return sorted(member.id for member in self.members + self.guests)

    def owner_of(self, key):
        """The first live member at or after the key."""
        ids = self.ids()
        return ids[bisect.bisect_left(ids, key) % len(ids)]

    def replicas_of(self, key):
        ids = self.ids()
        first = bisect.bisect_left(ids, key)
        return [ids[(first + i) % len(ids)] for i in range(min(REPLICAS, len(ids)))]

    def random_key(self):
        return self.random.randbytes(20)

    # --- what the ring says

    def neighbors(self, member):
        return self._wire.neighbors(member.endpoint)

    def why_not_one_ring(self):
        """None when a walk along first successors, and another along predecessors, visits all live members in order."""
        ids = self.ids()
        place = {member_id: index for index, member_id in enumerate(ids)}
        for member in self.members + self.guests:
            seen = self.neighbors(member)
            if seen is None:
                return f"{member.endpoint} does not answer as a member"
            if seen.id != member.id:
                return f"{member.endpoint} has another id"
            at = place[member.id]
            if len(ids) > 1 and (not seen.successors or seen.successors[0].id != ids[(at + 1) % len(ids)]):
                return f"{member.endpoint} has a wrong first successor"
            if len(ids) > 1 and (seen.predecessor is None or seen.predecessor.id != ids[at - 1]):
                return f"{member.endpoint} has a wrong predecessor"
        return None

    def inexact_lists(self, depth=SUCCESSORS):
        """Members of whose successor list the first `depth` entries aren't exactly the next live ids."""
        ids = self.ids()
        place = {member_id: index for index, member_id in enumerate(ids)}
        found = []
        for member in self.members + self.guests:
            seen = self.neighbors(member)
            wanted = [ids[(place[member.id] + i) % len(ids)] for i in range(1, min(depth, len(ids) - 1) + 1)]
            if seen is None or [contact.id for contact in seen.successors[:depth]] != wanted:
                found.append(member)
        return found

    def wait_one_ring(self, seconds):
        """Seconds that it took."""
        started = time.monotonic()
        reason = None

        def is_one():
            nonlocal reason
            reason = self.why_not_one_ring()
            return reason is None

        try:
            wait_until("one ring", is_one, seconds, pause=0.25)
        except TimedOut as error:
            raise TimedOut(f"{error}: {reason}") from None
        return time.monotonic() - started

    def wait_settled(self, seconds, depth=SUCCESSORS):
        """Until every list is exact that deep. Reads need it: a list with gaps stretches too far round the ring, and its
        member names replicas that are none. Seconds that it took."""
        started = time.monotonic()
        try:
            wait_until("exact successor lists", lambda: not self.inexact_lists(depth), seconds, pause=0.5)
        except TimedOut as error:
            raise TimedOut(f"{error}: {len(self.inexact_lists(depth))} of {len(self.members)} are not") from None
        return time.monotonic() - started

    def lookup(self, member, key, kind="owner", peers=False, seconds=40):
        return member.call("lookup", seconds, key=key.hex(), kind=kind, peers=peers)

    def lookups(self, requests, kind, in_flight=16, seconds=40):
        """Answers to many (member, key), in order, so many at once."""
        waiting, answers = collections.deque(), []
        for member, key in requests:
            if len(waiting) >= in_flight:
                answers.append(waiting.popleft().wait(seconds))
            waiting.append(member.send("lookup", key=key.hex(), kind=kind, peers=False))
        answers += [pending.wait(seconds) for pending in waiting]
        return answers
