"""A BitTorrent tracker over HTTP (BEP 3, with the compact peer lists of BEP 23).

A room is a path below /announce, for one torrent. Rooms know nothing of each other, so a test decides who may meet whom
by the announce URL that it hands out. The path begins with /announce because libtorrent asks local addresses for
nothing else.
"""

import http.server
import ipaddress
import struct
import threading
import urllib.parse

from bencode import bencode

# Who comes later asks for those who are there; nobody needs to ask twice.
INTERVAL_S = 1800


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, encoding="latin-1"))
        is_announce = url.path.startswith("/announce/") and "info_hash" in query and query.get("port", "").isdigit()
        body = b"no such page\n"
        if is_announce:
            peer = self.client_address[0], int(query["port"])
            others = self.server.tracker.announced(url.path, peer, query.get("event"))
            body = bencode({b"interval": INTERVAL_S, b"peers": b"".join(map(compact, others))})
        self.send_response(200 if is_announce else 404)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            pass  # Who says goodbye may not wait for an answer.

    def log_message(self, *_):
        pass


def compact(peer):
    return ipaddress.IPv4Address(peer[0]).packed + struct.pack(">H", peer[1])


class Tracker:
    def __init__(self, address):
        self._rooms = {}
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self._server.tracker = self
        self._server.daemon_threads = True

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def open_room(self, name, *peers):
        """Its announce URL. The peers, (address, port), are named to all who come, and all who come to each other."""
        host, port = self._server.server_address
        with self._lock:
            self._rooms[f"/announce/{name}"] = list(peers)
        return f"http://{host}:{port}/announce/{name}"

    def forget(self, name, peer):
        with self._lock:
            self._rooms[f"/announce/{name}"].remove(peer)

    def peers(self, name):
        with self._lock:
            return list(self._rooms[f"/announce/{name}"])

    def announced(self, path, peer, event):
        """The others there."""
        with self._lock:
            others = [other for other in self._rooms.get(path, []) if other != peer]
            self._rooms[path] = others if event == "stopped" else others + [peer]
            return others
