"""What `./dev bench transfer` compares: each system sends the same content between the same two namespaces.

A system says what it lacks (`missing`), makes ready once (`prepare`), and then runs as often as asked (`run`). Whatever
it starts for one run is ended before the next system's turn, so nobody's idle servers are in another's figures.
"""

import dataclasses
import json
import pathlib
import shutil
import time

import processes
from namespaces import SENDER_ADDRESS
from processes import Failed

START_SECONDS = 30
SSH_PORT = 2222
TRACKER_PORT = 6969
HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Content:
    """What is sent: one file, or a folder of files."""

    path: pathlib.Path
    files: int
    size: int


@dataclasses.dataclass
class Run:
    """One transfer: seconds and bytes."""

    wall: float
    sender_cpu: float
    receiver_cpu: float
    other_cpu: float
    sender_rss: int
    receiver_rss: int
    sender_anonymous: int
    receiver_anonymous: int
    # Moments that a system tells of itself, in seconds from the receiver's start; `share` is the time from the sharer's
    # start to its link, which is before that.
    times: dict

    @property
    def cpu(self):
        return self.sender_cpu + self.receiver_cpu


class System:
    """One way to send something."""

    name = ""
    needs = ()

    def __init__(self, lab, options, content, seconds):
        self.lab, self.options, self.content, self.seconds = lab, options, content, seconds

    def missing(self):
        absent = [program for program in self.needs if not shutil.which(program)]
        return f"not installed: {', '.join(absent)}" if absent else None

    def prepare(self):
        """Once, before the first round."""

    def run(self, target):
        """One transfer into a folder that exists and is empty."""
        raise NotImplementedError

    def timed(self, command, senders, **options):
        """Runs the receiver to its end. Everything in `senders` is the sending side."""
        sent = sum(process.cpu() for process in senders)
        machine = processes.machine_cpu()
        receiver = self.lab.on_receiver(*command, **options)
        code, wall, received = receiver.run_to_end(self.seconds, senders)
        if code != 0:
            raise Failed(f"{receiver.name} ended with {code}{receiver.last_words()}")
        for process in senders:
            wait_for_children(process)
        sent = sum(process.cpu() for process in senders) - sent
        other = max(0.0, processes.machine_cpu() - machine - sent - received)
        resident, anonymous = (sum(getattr(process.memory, kind) for process in senders)
                               for kind in ("resident", "anonymous"))
        run = Run(wall, sent, received, other, resident, receiver.memory.resident, anonymous,
                  receiver.memory.anonymous, {})
        return run, receiver


def wait_for_children(process):
    """Until a server's helpers are gone: only then has it been charged for them."""
    deadline = time.monotonic() + 2
    while processes.children_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.01)


def event_of(line):
    return json.loads(line) if line.startswith("{") else {}


class Rondo(System):
    """A bootstrap node, `rondo share` and `rondo get` by the link alone: the getter has the ring from the link, and the
    sharer's address from the ring."""

    name = "rondo"
    RING_PORT = 7400
    # How the getter's lines begin for people: --json lists every file twice, which would be in the time.
    MOMENTS = {"asking the ring": "searching", "connecting to": "peers", "'": "found", "fetched and": "fetched"}

    def _common(self, home):
        return ["--network", "bench", "--no-lan", "--only-ring",
                "--home", self.lab.folder / f"home-{home}-{time.monotonic_ns()}"]

    def start_ring(self):
        where = f"{SENDER_ADDRESS}:{self.RING_PORT}"
        daemon = self.lab.on_sender(self.options.rondo, "daemon", "--bootstrap", "--json", "--listen", where,
                                    *self._common("ring"))
        daemon.wait_line("member of a ring", lambda line: event_of(line).get("role") == "member", START_SECONDS)
        return daemon, where

    def start_sharer(self, where, *words):
        """(process, link, seconds from start to link)"""
        sharer = self.lab.on_sender(self.options.rondo, "share", self.content.path, "--public", "--json", *words,
                                    "--listen", f"{SENDER_ADDRESS}:0", "--join", where, *self._common("sharer"))

        def accept(name, condition):
            return lambda line: (event := event_of(line)).get("event") == name and condition(event) and event

        shared = sharer.wait_line("a link", accept("shared", lambda _: True), self.seconds)
        hashed = next(moment for moment, line in sharer.lines if event_of(line).get("event") == "shared")
        sharer.wait_line("announced", accept("announced", lambda event: event["held"] > 0), START_SECONDS)
        return sharer, shared["magnet"], hashed

    def write_torrent(self, path):
        daemon, where = self.start_ring()
        sharer, _, _ = self.start_sharer(where, "--torrent-out", path)
        self.lab.end(sharer, daemon)

    def run(self, target):
        daemon, where = self.start_ring()
        sharer, link, hashed = self.start_sharer(where)
        ring_before = daemon.cpu()
        run, getter = self.timed([self.options.rondo, "get", link, "-o", target, *self._common("getter")], [sharer],
                                 merged=True)
        # The node of the ring takes part, on nobody's side: whoever shares needs it.
        run.sender_cpu += daemon.cpu() - ring_before
        run.times["share"] = hashed
        for moment, line in getter.lines:
            for beginning, name in self.MOMENTS.items():
                if line.startswith(beginning):
                    run.times.setdefault(f"until_{name}", moment)
        run.times["until_end"] = run.wall
        return run


class Libtorrent(System):
    """A seeder and a leecher on bare libtorrent, with rondo's torrent and rondo's settings."""

    name = "libtorrent"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.program = self.options.build / "tests/bench/raw_libtorrent"
        self.torrent = self.lab.folder / f"{self.content.path.name}.torrent"

    def missing(self):
        return None if self.program.exists() else f"not built: {self.program}"

    def prepare(self):
        if not self.torrent.exists():
            Rondo(self.lab, self.options, self.content, self.seconds).write_torrent(self.torrent)

    def start_seeder(self):
        """(process, its address and port)"""
        seeder = self.lab.on_sender(self.program, "seed", self.torrent, self.content.path.parent, SENDER_ADDRESS)
        return seeder, seeder.wait_line("listening", lambda line: line, self.seconds)

    def run(self, target):
        seeder, where = self.start_seeder()
        run, leecher = self.timed([self.program, "get", self.torrent, target, "0.0.0.0", where], [seeder])
        for _, line in leecher.lines:
            event = event_of(line)
            run.times[f"until_{event['event']}"] = event["seconds"]
        run.times["until_end"] = run.wall
        return run


class Ssh(System):
    """An sshd of our own: own port, own keys, and where nobody else sees it."""

    # sshd wants a user and a folder that only an installed one has. It gets them in a mount namespace of its own, where
    # the accounts are root, without a password, and that user.
    SCRIPT = """
        mount -t tmpfs tmpfs /run && mkdir /run/sshd &&
        mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/shadow" /etc/shadow &&
        exec "$2" -D -e -f "$1/sshd_config" 2>&1
    """

    def sshd(self):
        """(program, its libraries): the system's, or one that ./dev unpacked without installing a service."""
        unpacked = self.options.tools / "openssh-server/usr/sbin/sshd"
        if unpacked.exists():
            libraries = self.options.tools.glob("*/usr/lib/*-linux-gnu*")
            return unpacked, ":".join(str(folder) for folder in sorted(libraries))
        found = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin")
        return (pathlib.Path(found), "") if found else (None, "")

    def missing(self):
        return super().missing() or (None if self.sshd()[0] else "not installed: sshd")

    def prepare(self):
        self.folder = self.lab.folder / "ssh"
        if self.folder.exists():
            return
        self.folder.mkdir(mode=0o700)
        for key in ("host_key", "user_key"):
            processes.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / key])
        (self.folder / "passwd").write_text(
            f"root:x:0:0::{self.folder}:/bin/sh\nsshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n")
        (self.folder / "shadow").write_text("root:*:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n")
        (self.folder / "sshd_config").write_text(
            f"ListenAddress {SENDER_ADDRESS}:{SSH_PORT}\nHostKey {self.folder}/host_key\nPidFile none\n"
            f"AuthorizedKeysFile {self.folder}/user_key.pub\nStrictModes no\nPermitRootLogin prohibit-password\n"
            "UsePAM no\nUseDNS no\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n")

    def client_options(self):
        return ["-F", "/dev/null", "-i", f"{self.folder}/user_key", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
                "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes"]

    def start_server(self):
        program, libraries = self.sshd()
        server = self.lab.on_sender("unshare", "--mount", "sh", "-c", self.SCRIPT, "sshd", self.folder, program,
                                    environment={"LD_LIBRARY_PATH": libraries} if libraries else None)
        server.wait_line("listening", lambda line: line.startswith("Server listening"), START_SECONDS)
        return server


class Scp(Ssh):
    name = "scp"
    needs = ("scp", "ssh-keygen", "unshare")

    def run(self, target):
        command = ["scp", "-q", "-r", *self.client_options(), "-P", str(SSH_PORT),
                   f"root@{SENDER_ADDRESS}:{self.content.path}", f"{target}/"]
        return self.timed(command, [self.start_server()])[0]


class Rsync(Ssh):
    name = "rsync"
    needs = ("rsync", "ssh", "ssh-keygen", "unshare")

    def run(self, target):
        shell = " ".join(["ssh", *self.client_options(), "-p", str(SSH_PORT)])
        command = ["rsync", "-a", "-e", shell, f"root@{SENDER_ADDRESS}:{self.content.path}", f"{target}/"]
        return self.timed(command, [self.start_server()])[0]


class Aria2(Libtorrent):
    """aria2c fetches from the bare libtorrent seeder, which it finds by a tracker."""

    name = "aria2c"
    needs = ("aria2c",)

    def missing(self):
        return System.missing(self) or super().missing()

    def run(self, target):
        seeder, where = self.start_seeder()
        tracker = self.lab.on_sender("python3", HERE / "tracker.py", f"{SENDER_ADDRESS}:{TRACKER_PORT}", where)
        tracker.wait_line("listening", lambda line: line == "listening", START_SECONDS)
        command = ["aria2c", "--no-conf", "--quiet", f"--dir={target}", "--seed-time=0", "--file-allocation=none",
                   "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false",
                   f"--bt-tracker=http://{SENDER_ADDRESS}:{TRACKER_PORT}/announce", self.torrent]
        return self.timed(command, [seeder, tracker])[0]
