"""Other BitTorrent clients as a test sees them: started with a profile of their own on one address, and given torrents.

Each is left as its makers ship it, but for what reaches beyond the test (DHT, local discovery, peer exchange, port
mapping) and where it listens. Their remote controls listen on loopback only.
"""

import base64
import http.client
import json
import os
import pathlib
import secrets
import shutil
import socket
import subprocess

from harness import Process, free_port, wait_until

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "build/tools"
START_SECONDS = 20


class Refused(Exception):
    """The client won't take the torrent; its own words."""


class Client:
    """add() hands it a torrent, whose files may be in the folder already; add_link() a magnet link. is_complete() says
    whether all of it is there; it goes on seeding then."""

    name = program = None
    listens_at_once = True
    makes_empty_files = True
    control_file = ""  # its suffix; beside the download as long as that is seeded
    takes_loopback = True  # for where peers can be

    @classmethod
    def find(cls):
        """The program's path, None when it isn't here. One in build/tools was unpacked by ./dev."""
        unpacked = TOOLS / cls.program / "usr/bin" / cls.program
        return str(unpacked) if os.access(unpacked, os.X_OK) else shutil.which(cls.program)

    def __init__(self, sandbox, address):
        self.profile = sandbox.folder(f"profile-{self.name}")
        self.control = free_port(socket.SOCK_STREAM)
        self.peer = address, free_port(socket.SOCK_STREAM, address)
        self.endpoint = f"{address}:{self.peer[1]}"
        command = [self.find(), *map(str, self.configure())]
        self._process = sandbox.adopt(Process(sandbox, command, sandbox.environment(), cwd=self.profile))
        wait_until(f"{self.name} up: {self.endpoint}", self._is_up, START_SECONDS)

    def version(self):
        shown = subprocess.run([self.find(), "--version"], capture_output=True, text=True, check=False)
        return (shown.stdout + shown.stderr).splitlines()[0]

    def stop(self):
        return self._process.stop(seconds=20)

    def _is_up(self):
        if not self._process.is_running():
            raise RuntimeError(f"{self.name} ended: {self._process.lines[-5:]} {self._process.stderr()[-600:]}")
        try:
            for place in [("127.0.0.1", self.control)] + ([self.peer] if self.listens_at_once else []):
                socket.create_connection(place, 1).close()
            return True
        except OSError:
            return False

    def request(self, method, path, body=None, headers=None):
        """(status, headers, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.control, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def configure(self):
        """Writes what it reads at its start; its arguments."""
        raise NotImplementedError

    def add(self, torrent, folder):
        raise NotImplementedError

    def add_link(self, link, folder):
        raise NotImplementedError

    def is_complete(self, info_hash):
        raise NotImplementedError


class Aria2(Client):
    name, program = "aria2", "aria2c"
    listens_at_once = False  # but with its first torrent
    control_file = ".aria2"

    def configure(self):
        self._secret = secrets.token_hex(8)
        return [
            "--no-conf", f"--interface={self.peer[0]}", f"--listen-port={self.peer[1]}", "--enable-rpc",
            f"--rpc-listen-port={self.control}", f"--rpc-secret={self._secret}", f"--stop-with-process={os.getpid()}",
            "--enable-dht=false", "--enable-dht6=false", "--enable-peer-exchange=false", "--bt-enable-lpd=false",
            "--seed-ratio=0.0", "--rpc-save-upload-metadata=false",
        ]

    def _call(self, method, *params):
        message = {"jsonrpc": "2.0", "id": 1, "method": f"aria2.{method}", "params": [f"token:{self._secret}", *params]}
        answer = json.loads(self.request("POST", "/jsonrpc", json.dumps(message))[2])
        if "error" in answer:
            raise Refused(answer["error"]["message"])
        return answer["result"]

    def add(self, torrent, folder):
        options = {"dir": str(folder), "check-integrity": "true"}
        self._call("addTorrent", base64.b64encode(torrent).decode(), [], options)

    def add_link(self, link, folder):
        self._call("addUri", [link], {"dir": str(folder)})

    def _downloads(self, info_hash):
        known = self._call("tellActive") + self._call("tellStopped", 0, 100)
        return [download for download in known if download.get("infoHash") == info_hash]

    def knows(self, info_hash):
        return bool(self._downloads(info_hash))

    def is_complete(self, info_hash):
        return any(download.get("seeder") == "true" for download in self._downloads(info_hash))


class Transmission(Client):
    name, program = "Transmission", "transmission-daemon"
    makes_empty_files = False
    takes_loopback = False
    _session = ""

    def configure(self):
        settings = {
            "bind-address-ipv4": self.peer[0], "bind-address-ipv6": "::1", "peer-port": self.peer[1],
            "rpc-bind-address": "127.0.0.1", "rpc-port": self.control,
            "dht-enabled": False, "lpd-enabled": False, "pex-enabled": False, "port-forwarding-enabled": False,
            # 3.00 tries uTP first, and goes on to TCP only if any uTP packet ever came: the clock of its time-out isn't
            # started before (mended in 4.0.1). Of Rondo none comes.
            "utp-enabled": False,
        }
        (self.profile / "settings.json").write_text(json.dumps(settings))
        return ["--foreground", "--config-dir", self.profile]

    def _call(self, method, **arguments):
        message = json.dumps({"method": method, "arguments": arguments})
        for _ in range(2):
            headers = {"X-Transmission-Session-Id": self._session}
            status, answered, body = self.request("POST", "/transmission/rpc", message, headers)
            if status != 409:
                break
            self._session = answered["X-Transmission-Session-Id"]
        answer = json.loads(body)
        if answer["result"] != "success":
            raise Refused(answer["result"])
        return answer["arguments"]

    def add(self, torrent, folder):
        self._call("torrent-add", metainfo=base64.b64encode(torrent).decode(), **{"download-dir": str(folder)})

    def add_link(self, link, folder):
        self._call("torrent-add", filename=link, **{"download-dir": str(folder)})

    def is_complete(self, info_hash):
        found = self._call("torrent-get", ids=[info_hash], fields=["percentDone", "status"])["torrents"]
        seeding = 6
        return any(torrent["percentDone"] == 1 and torrent["status"] == seeding for torrent in found)


class QBittorrent(Client):
    name, program = "qBittorrent", "qbittorrent-nox"

    def configure(self):
        config = self.profile / "qBittorrent/config/qBittorrent.conf"
        config.parent.mkdir(parents=True)
        config.write_text("\n".join([
            "[LegalNotice]", "Accepted=true",
            "[BitTorrent]", r"Session\DHTEnabled=false", r"Session\LSDEnabled=false", r"Session\PeXEnabled=false",
            rf"Session\Port={self.peer[1]}", r"Session\Interface=lo", r"Session\InterfaceName=lo",
            rf"Session\InterfaceAddress={self.peer[0]}",
            "[Network]", "PortForwardingEnabled=false",
            "[Preferences]", r"WebUI\Address=127.0.0.1", rf"WebUI\Port={self.control}", r"WebUI\LocalHostAuth=false",
            r"WebUI\UseUPnP=false", r"General\Locale=en",
        ]) + "\n")
        return [f"--profile={self.profile}"]

    def _call(self, path, body=None, headers=None):
        status, _, answer = self.request("POST" if body else "GET", f"/api/v2/{path}", body, headers)
        if status != 200 or answer == b"Fails.":
            raise Refused(f"{status} {answer.decode()}")
        return answer

    def _add(self, head, value, folder):
        edge = secrets.token_hex(16)
        parts = [('name="savepath"', str(folder).encode()), ('name="autoTMM"', b"false"), (head, value)]
        head_of = "--{}\r\nContent-Disposition: form-data; {}\r\n\r\n".format
        body = b"".join(head_of(edge, head).encode() + value + b"\r\n" for head, value in parts)
        body += f"--{edge}--\r\n".encode()
        self._call("torrents/add", body, {"Content-Type": f"multipart/form-data; boundary={edge}"})

    def add(self, torrent, folder):
        self._add('name="torrents"; filename="a.torrent"\r\nContent-Type: application/x-bittorrent', torrent, folder)

    def add_link(self, link, folder):
        self._add('name="urls"', link.encode(), folder)

    def is_complete(self, info_hash):
        listed = json.loads(self._call("torrents/info"))
        return any(t["infohash_v1"] == info_hash and t["amount_left"] == 0 and t["state"] in ("uploading", "stalledUP")
                   for t in listed)


ALL = (Aria2, Transmission, QBittorrent)
