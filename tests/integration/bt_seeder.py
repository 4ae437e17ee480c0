"""A BitTorrent peer of a few lines that serves torrents which no honest program would make."""

import hashlib
import socket
import struct
import threading

from rondo_ring import bencode

PIECE = 16 * 1024
PROTOCOL = b"\x13BitTorrent protocol"
UNCHOKE, INTERESTED, BITFIELD, REQUEST, PIECE_MESSAGE = 1, 2, 5, 6, 7


class Torrent:
    """v1; `files` are (path as a list of names, content)."""

    def __init__(self, name, files, more=None):
        self.contents = {content for _, content in files}
        self.payload = b"".join(content for _, content in files)
        hashes = b"".join(hashlib.sha1(self.payload[at : at + PIECE]).digest() for at in range(0, len(self.payload), PIECE))
        entries = [{b"length": len(content), b"path": path} for path, content in files]
        self.info = {b"files": entries, b"name": name, b"piece length": PIECE, b"pieces": hashes} | (more or {})
        self.info_hash = hashlib.sha1(bencode(self.info)).digest()

    def bytes(self):
        return bencode({b"info": self.info})


class Seeder:
    """Serves its torrents on loopback until it is closed."""

    def __init__(self, *torrents):
        self._torrents = {torrent.info_hash: torrent for torrent in torrents}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            try:
                self._talk(connection, stream)
            except (OSError, EOFError, struct.error):
                pass

    def _talk(self, connection, stream):
        # An encrypted hello is not answered: the other side comes again in plain.
        if stream.read(len(PROTOCOL)) != PROTOCOL:
            return
        stream.read(8)
        torrent = self._torrents.get(stream.read(20))
        if torrent is None:
            return
        stream.read(20)
        connection.sendall(PROTOCOL + bytes(8) + torrent.info_hash + b"-XX0000-" + hashlib.sha1(b"seeder").digest()[:12])
        pieces = -(-len(torrent.payload) // PIECE)
        bits = sum(0x80 >> (i % 8) << 8 * (-(-pieces // 8) - 1 - i // 8) for i in range(pieces))
        self._send(connection, BITFIELD, bits.to_bytes(-(-pieces // 8), "big"))
        self._send(connection, UNCHOKE, b"")
        while True:
            head = stream.read(4)
            if len(head) < 4:
                return
            message = stream.read(struct.unpack(">I", head)[0])
            if message[:1] == bytes([REQUEST]):
                piece, begin, length = struct.unpack(">III", message[1:13])
                start = piece * PIECE + begin
                self._send(connection, PIECE_MESSAGE, message[1:9] + torrent.payload[start : start + length])

    @staticmethod
    def _send(connection, kind, body):
        connection.sendall(struct.pack(">IB", 1 + len(body), kind) + body)
