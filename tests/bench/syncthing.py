"""Syncthing as a system of `./dev bench transfer`.

It is a daemon, so "from the receiver's start to its end" would measure mostly its start. What is measured favours it:
both daemons run, are connected and have scanned; the receiver's folder is paused. The time begins with the request that
unpauses it and ends with the event that says it is idle with nothing left to fetch. CPU is what both daemons use in
that time. fsync is off, as none of the others does it. Addresses are given; discovery, relays and reports are off.
"""

import http.client
import json
import re
import socket
import time

import processes
from namespaces import RECEIVER_ADDRESS, SENDER_ADDRESS
from processes import Failed
from systems import START_SECONDS, Run, System

PORT = 22000
KEY = "bench"
FOLDER = "bench"

CONFIG = """<configuration version="36">
    <folder id="{folder}" label="" path="{path}" type="{type}" rescanIntervalS="0" fsWatcherEnabled="false"
            ignorePerms="true">
        <filesystemType>basic</filesystemType>
        <device id="{own}"></device>
        <device id="{peer}"></device>
        <markerName>{marker}</markerName>
        <disableFsync>true</disableFsync>
        <paused>{paused}</paused>
    </folder>
    <device id="{own}" name="own"><address>dynamic</address></device>
    <device id="{peer}" name="peer"><address>tcp://{peer_address}:{port}</address></device>
    <gui enabled="true" tls="false"><address>{socket}</address><apikey>{key}</apikey></gui>
    <options>
        <listenAddress>tcp://{own_address}:{port}</listenAddress>
        <globalAnnounceEnabled>false</globalAnnounceEnabled>
        <localAnnounceEnabled>false</localAnnounceEnabled>
        <relaysEnabled>false</relaysEnabled>
        <natEnabled>false</natEnabled>
        <startBrowser>false</startBrowser>
        <urAccepted>-1</urAccepted>
        <autoUpgradeIntervalH>0</autoUpgradeIntervalH>
        <crashReportingEnabled>false</crashReportingEnabled>
        <reconnectionIntervalS>1</reconnectionIntervalS>
    </options>
</configuration>
"""


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket: it reaches a daemon in another network namespace."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Daemon:
    """One side: its home, its process and its REST interface."""

    def __init__(self, home):
        self.home = home
        self.socket = home / "rest.socket"
        self.process = None

    def generate(self):
        """The device's id."""
        environment = processes.clean_environment(self.home.parent)
        processes.run(["syncthing", "generate", f"--home={self.home}", "--no-default-folder"], env=environment)
        output = processes.run(["syncthing", f"--home={self.home}", "--device-id"], env=environment)
        found = re.search(r"[A-Z0-9]{7}(-[A-Z0-9]{7}){7}", output)
        if not found:
            raise Failed("syncthing generate tells no device id")
        return found.group(0)

    def start(self, starter):
        self.process = starter("syncthing", "serve", f"--home={self.home}", "--no-browser", "--no-restart",
                               "--no-upgrade", "--logfile=-")
        wait_until("syncthing answers", self.answers, START_SECONDS)

    def answers(self):
        if self.process.step(0):
            raise Failed(f"syncthing ended before it answered{self.process.last_words()}")
        try:
            return self.ask("GET", "/rest/system/ping") == {"ping": "pong"}
        except (OSError, Failed):
            return False

    def ask(self, method, path, body=None, seconds=START_SECONDS):
        connection = UnixConnection(self.socket, seconds)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, {"X-API-Key": KEY})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            words = text[:200].decode("utf-8", "replace").strip()
            raise Failed(f"syncthing answers {answer.status} to {path}: {words}")
        return json.loads(text) if text else None

    def status(self):
        return self.ask("GET", f"/rest/db/status?folder={FOLDER}")

    def is_connected(self, device):
        connections = self.ask("GET", "/rest/system/connections")["connections"]
        return connections.get(device, {}).get("connected", False)

    def events(self, since, seconds):
        path = f"/rest/events?since={since}&timeout={max(1, int(seconds))}&events=StateChanged,FolderErrors"
        return self.ask("GET", path, seconds=seconds + 10) or []


def wait_until(what, condition, seconds):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(0.05)
    return value


class Syncthing(System):
    name = "syncthing"
    needs = ("syncthing",)

    def prepare(self):
        self.home = self.lab.folder / f"syncthing-{self.content.path.name}"
        self.sender, self.keys = Daemon(self.home / "sender"), Daemon(self.home / "receiver-keys")
        self.home.mkdir()
        self.ids = {"sender": self.sender.generate(), "receiver": self.keys.generate()}
        # A folder's marker only has to exist; the content itself can be it.
        self.configure(self.sender, "sender", "sendonly", self.content.path.parent, False)
        self.start_sender()

    def configure(self, daemon, role, kind, path, paused):
        own, other = (SENDER_ADDRESS, RECEIVER_ADDRESS) if role == "sender" else (RECEIVER_ADDRESS, SENDER_ADDRESS)
        peer = "receiver" if role == "sender" else "sender"
        marker = self.content.path.name if role == "sender" else "."
        (path / ".stignore").write_text(f"!/{self.content.path.name}\n*\n")
        (daemon.home / "config.xml").write_text(CONFIG.format(
            folder=FOLDER, path=path, type=kind, own=self.ids[role], peer=self.ids[peer], paused=str(paused).lower(),
            own_address=own, peer_address=other, port=PORT, socket=daemon.socket, key=KEY, marker=marker))

    def start_sender(self):
        """Started anew for each run, with the database of its first scan."""
        self.sender.start(self.lab.on_sender)
        wait_until("syncthing has scanned", self.has_scanned, self.seconds)

    def has_scanned(self):
        status = self.sender.status()
        return status["state"] == "idle" and status["localBytes"] >= self.content.size

    def run(self, target):
        receiver = Daemon(self.home / f"receiver-{time.monotonic_ns()}")
        receiver.home.mkdir()
        for name in ("cert.pem", "key.pem"):
            (receiver.home / name).write_bytes((self.keys.home / name).read_bytes())
        self.configure(receiver, "receiver", "receiveonly", target, True)
        self.start_sender()
        receiver.start(self.lab.on_receiver)
        sides = (self.sender, receiver)
        wait_until("syncthing is connected", lambda: receiver.is_connected(self.ids["sender"])
                   and self.sender.is_connected(self.ids["receiver"]), START_SECONDS)

        before = [processes.machine_cpu()] + [side.process.cpu() for side in sides]
        started = time.monotonic()
        receiver.ask("PATCH", f"/rest/config/folders/{FOLDER}", {"paused": False})
        self.wait_complete(receiver, started)
        wall = time.monotonic() - started
        after = [processes.machine_cpu()] + [side.process.cpu() for side in sides]
        for side in sides:
            side.process.memory.sample()
        (target / ".stignore").unlink()
        machine, sent_cpu, got_cpu = (late - early for late, early in zip(after, before))
        sent, got = self.sender.process.memory, receiver.process.memory
        return Run(wall, sent_cpu, got_cpu, max(0.0, machine - sent_cpu - got_cpu), sent.resident, got.resident,
                   sent.anonymous, got.anonymous, {})

    def wait_complete(self, receiver, started):
        since = 0
        while (left := started + self.seconds - time.monotonic()) > 0:
            for event in receiver.events(since, left):
                since = event["id"]
                if event["type"] == "FolderErrors":
                    raise Failed(f"syncthing: {event['data']['errors'][0]['error']}")
                if event["data"].get("to") == "idle" and self.is_complete(receiver.status()):
                    return
        raise Failed(f"syncthing was not complete within {self.seconds} s")

    def is_complete(self, status):
        return status["globalBytes"] >= self.content.size and status["needBytes"] == 0
