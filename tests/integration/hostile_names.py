"""The table of hostile names, and torrents and folders made of them."""

import pathlib
import re

TABLE = pathlib.Path(__file__).resolve().parent.parent / "support" / "hostile_names.txt"
ESCAPE = re.compile(r"\\x([0-9a-f]{2})|\\u\{([0-9a-f]+)\}|\\\\")
REPEATED = re.compile(r"REP\{(\d+),((?:\\u\{[0-9a-f]+\}|[^}])*)\}")


def plain(text):
    """A written-out name without repetitions, as bytes."""
    out, at = b"", 0
    for found in ESCAPE.finditer(text):
        out += text[at : found.start()].encode()
        byte, point = found.groups()
        out += bytes([int(byte, 16)]) if byte else chr(int(point, 16)).encode("utf-8", "surrogatepass") if point else b"\\"
        at = found.end()
    return out + text[at:].encode()


def name_of(line):
    out, at = b"", 0
    for found in REPEATED.finditer(line):
        out += plain(line[at : found.start()]) + int(found[1]) * plain(found[2])
        at = found.end()
    return out + plain(line[at:])


def hostile_names():
    lines = TABLE.read_text("ascii").splitlines()
    names = [name_of(line) for line in lines if line and not line.startswith("# ")]
    assert len(names) >= 500, f"{TABLE} has {len(names)} names"
    return names


def names_on_disk():
    """Those that a file on this system can have, each once."""
    fits = [name for name in hostile_names() if 0 < len(name) <= 255 and not {0, 47} & set(name) and name not in (b".", b"..")]
    return list(dict.fromkeys(fits))
