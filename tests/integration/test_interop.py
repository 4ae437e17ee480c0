"""Other BitTorrent clients and Rondo fetch from each other: aria2, Transmission and qBittorrent as Debian has them."""

import collections
import concurrent.futures
import hashlib
import os
import shutil
import signal
import sys
import urllib.parse

import other_clients
import own_network
from bencode import bdecode, bencode
from harness import Sandbox, TimedOut, run_checks, tree_of, wait_until
from http_tracker import Tracker

PIECE = 1 << 16
FETCH_SECONDS = 90

Share = collections.namedtuple("Share", "process torrent magnet info_hash peer bytes")


def make_tree(root):
    """What clients treat differently, within 40 MB."""
    files = {
        "big file.bin": os.urandom(30_000_001),
        "a piece.bin": os.urandom(PIECE),
        "empty": b"",
        "one byte": b"1",
        "nested/more nested/leaf.bin": os.urandom(5_000_000),
        "nested/more nested/also empty": b"",
        "nested/\u00fcml\u00e4ut \u65e5\u672c\u8a9e.bin": os.urandom(100_000),
        "nested/don't (quote) & #%.txt": b"odd name\n",
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def listening_port(process):
    """Where the process accepts TCP, by what the system says."""
    names = [os.readlink(entry) for entry in os.scandir(f"/proc/{process.pid}/fd")]
    with open(f"/proc/{process.pid}/net/tcp") as table:
        for line in list(table)[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in names:
                return int(local.split(":")[1], 16)
    raise TimedOut(f"process {process.pid} listens nowhere")


def announced_at(torrent, url):
    """The same torrent with a tracker: `announce` stands outside `info`, so the info-hash stays."""
    return bencode(bdecode(torrent) | {b"announce": url.encode()})


def contents(folder):
    return {path: digest for path, (digest, _) in tree_of(folder).items()}


class Interop:
    def __init__(self, sandbox, checks, tracker):
        self.sandbox, self.checks, self.tracker = sandbox, checks, tracker
        self.tree = make_tree(sandbox.folder("source", "tree"))
        self.wanted = contents(self.tree)
        self.empty = {path for path in self.wanted if (self.tree / path).stat().st_size == 0}
        self.clients = []
        for number, kind in enumerate(other_clients.ALL, 4):
            if not kind.find():
                print(f"SKIP  {kind.name}: there is no {kind.program}")
            elif not (kind.takes_loopback or own_network.is_inside()):
                print(f"SKIP  {kind.name}: it connects to no 127.x, and no network of our own can be made here")
            else:
                self.clients.append(kind(sandbox, own_network.address(number)))
                print(f"      {self.clients[-1].version()} at {self.clients[-1].endpoint}", flush=True)

    def node(self, home, address):
        return ["--network", self.sandbox.network, "--no-lan", "--home", self.sandbox.folder(home),
                "--listen", f"{address}:0"]

    def share(self, name, *words):
        address = own_network.address(2)
        file = self.sandbox.path(f"{name}.torrent")
        process = self.sandbox.start("share", self.tree, "--public", "--json", "--name", name, "--torrent-out", file,
                                     *words, *self.node(f"share-{name}", address))
        shared = process.wait_event("shared", 60)
        content = shared["content"]
        # The file is written between these two.
        process.wait_event("announced", 20)
        torrent = file.read_bytes()
        info = bdecode(torrent)[b"info"]
        self.checks.equal(f"{name}: the .torrent has the link's info-hash",
                          hashlib.sha1(bencode(info)).hexdigest(), content["info_hash"])
        self.checks.equal(f"{name}: one file has exactly a piece", info[b"piece length"], PIECE)
        return Share(process, torrent, shared["magnet"], content["info_hash"], (address, listening_port(process)),
                     content["bytes"])

    def get(self, home, source, *words):
        """The folder it went to, and the result. The source is a link or a torrent's bytes."""
        into = self.sandbox.folder(f"out-{home}")
        if isinstance(source, bytes):
            file = self.sandbox.path(f"{home}.torrent")
            file.write_bytes(source)
            source = file
        node = self.node(home, own_network.address(3))
        return into, self.sandbox.run("get", source, "-o", into, "--timeout", 30, *words, *node, seconds=FETCH_SECONDS)

    def expect_tree(self, what, folder, wanted):
        """Nothing but these files, and they are equal."""
        try:
            # Complete to a client may mean on its way to the disk.
            wait_until("equal", lambda: contents(folder) == wanted, 10, pause=0.2)
            differing = []
        except TimedOut:
            got = contents(folder)
            differing = sorted(path for path in wanted.keys() | got.keys() if wanted.get(path) != got.get(path))
        self.checks.check(f"{what}: the shared files, equal, and nothing else", not differing, differing)

    def expect_download(self, what, client, into, name):
        """Of another client, which goes on seeding."""
        left_out = set() if client.makes_empty_files else self.empty
        self.expect_tree(what, into / name, {path: hash for path, hash in self.wanted.items() if path not in left_out})
        beside = {name + client.control_file} - {name}
        self.checks.equal(f"{what}: all in its folder", set(os.listdir(into)) - beside, {name})

    def add(self, client, share, name, room):
        into = self.sandbox.folder(f"{client.name}-{name}")
        client.add(announced_at(share.torrent, room), into)
        return into

    def wait_complete(self, client, share):
        wait_until(f"{client.name} complete", lambda: client.is_complete(share.info_hash), FETCH_SECONDS, pause=0.1)


def each_from_rondo(s, share, name, clients):
    folders = {}
    for client in clients:
        room = s.tracker.open_room(f"{name}-{client.name}", share.peer)
        folders[client] = s.add(client, share, name, room)
    for client, into in folders.items():
        s.wait_complete(client, share)
        s.expect_download(f"{client.name} from rondo, {name}", client, into, name)
    wanted = share.bytes * len(clients)
    share.process.wait_event("transferring", 10, lambda event: event["uploaded"] >= wanted)
    s.checks.check(f"{name}: rondo sent all of it to each of {len(clients)}", True)
    s.checks.equal(f"{name}: share ends with 0", share.process.stop(signal.SIGTERM), 0)


def start_gets(s, share, name, clients):
    """A rondo from each client, at once; {client: what will come of it}."""
    pool = concurrent.futures.ThreadPoolExecutor(len(clients))
    return {client: pool.submit(s.get, f"get-{client.name}-{name}", share.torrent, "--peer", client.endpoint)
            for client in clients}


def expect_gets(s, name, gets):
    for client, get in gets.items():
        what = f"rondo from {client.name}, {name}"
        into, result = get.result()
        if s.checks.check(f"{what}: ends with 0 after {result.seconds:.1f} s", result.code == 0, result.err[-400:]):
            s.expect_tree(what, into / name, s.wanted)


def start_gets_from_seeders(s, share, name):
    """The files are in the clients' folders from the start, and no rondo has spoken to them of this torrent before:
    Transmission takes nobody back whose address it knows as a seed's, and on one machine addresses repeat."""
    s.checks.equal(f"{name}: share ends with 0", share.process.stop(signal.SIGTERM), 0)
    for client in s.clients:
        into = s.sandbox.folder(f"{client.name}-{name}")
        shutil.copytree(s.tree, into / name)
        client.add(share.torrent, into)
    for client in s.clients:
        s.wait_complete(client, share)
    return start_gets(s, share, name, s.clients)


def all_at_once(s, share, name):
    """One swarm, by magnet link: rondo seeds, the others and a rondo fetch. Then the seeder goes, and a late rondo still
    gets all, by the .torrent."""
    room = s.tracker.open_room(name, share.peer)
    link = f"{share.magnet}&tr={urllib.parse.quote(room, safe='')}"
    folders = {client: s.sandbox.folder(f"{client.name}-{name}") for client in s.clients}
    for client, folder in folders.items():
        client.add_link(link, folder)
    into, result = s.get(f"amid-{name}", link)
    if s.checks.check("swarm: a rondo amid it ends with 0", result.code == 0, result.err[-400:]):
        s.expect_tree("swarm: a rondo amid it", into / name, s.wanted)
    for client, folder in folders.items():
        s.wait_complete(client, share)
        s.expect_download(f"swarm: {client.name}", client, folder, name)
    s.checks.equal("swarm: the seeder ends with 0", share.process.stop(signal.SIGTERM), 0)
    s.tracker.forget(name, share.peer)
    into, result = s.get(f"late-{name}", announced_at(share.torrent, room))
    if s.checks.check("swarm: a late rondo ends with 0", result.code == 0, result.err[-400:]):
        s.expect_tree("swarm: a late rondo", into / name, s.wanted)


def hybrid(s, share, name):
    """qBittorrent knows v2. Transmission 3.00 refuses hybrids. aria2 1.36 gets their info-hash wrong, as it drops what
    v2 files under an empty key, and so finds nobody; it would store padding as files."""
    clients = {client.name: client for client in s.clients}
    if "Transmission" in clients:
        try:
            s.add(clients["Transmission"], share, name, s.tracker.open_room(name))
            s.checks.check("hybrid: Transmission refuses it", False, "it took it")
        except other_clients.Refused as refusal:
            s.checks.equal("hybrid: Transmission refuses it", str(refusal), "invalid or corrupt torrent file")
    if "aria2" in clients:
        into = s.add(clients["aria2"], share, name, s.tracker.open_room(name, share.peer))
        pads = into / name / ".pad"
        wait_until("aria2's padding", pads.is_dir, 20)
        s.checks.check("hybrid: aria2 looks for another info-hash", not clients["aria2"].knows(share.info_hash))
    if "qBittorrent" in clients:
        each_from_rondo(s, share, name, [clients["qBittorrent"]])
        expect_gets(s, name, start_gets(s, share, name, [clients["qBittorrent"]]))


def test(options, checks):
    with Sandbox(options.rondo) as sandbox, Tracker(own_network.address(1)) as tracker:
        s = Interop(sandbox, checks, tracker)
        if not s.clients:
            print("none of the clients is here")
            sys.exit(77)
        # Most of the time is Transmission's, which looks round every 10 s: both ways at once.
        gets = start_gets_from_seeders(s, s.share("seeded"), "seeded")
        each_from_rondo(s, s.share("plain"), "plain", s.clients)
        expect_gets(s, "seeded", gets)
        all_at_once(s, s.share("swarm"), "swarm")
        hybrid(s, s.share("hybrid", "--v2"), "hybrid")


if __name__ == "__main__":
    own_network.enter()
    run_checks(__doc__, test)
