"""The smallest HTTP tracker: every announce is answered with the one seeder it was started with (BEP 3, BEP 23)."""

import http.server
import socket
import sys


def split(text):
    address, _, port = text.rpartition(":")
    return address, int(port)


def bencoded(pairs):
    return b"d" + b"".join(b"%d:%s" % (len(key), key) + value for key, value in pairs) + b"e"


def answer_for(seeder):
    address, port = split(seeder)
    compact = socket.inet_aton(address) + port.to_bytes(2, "big")
    # The keys of a bencoded dictionary are sorted.
    return bencoded([(b"complete", b"i1e"), (b"incomplete", b"i0e"), (b"interval", b"i1800e"),
                     (b"peers", b"%d:%s" % (len(compact), compact))])


def main():
    where, seeder = sys.argv[1:]
    answer = answer_for(seeder)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(split(where), Handler) as server:
        print("listening", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
