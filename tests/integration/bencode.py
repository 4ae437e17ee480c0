"""Bencode: what KRPC messages, .torrent files and trackers' answers are written in. Strings are bytes here."""


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"


def bdecode(data):
    def read(at):
        kind = data[at : at + 1]
        if kind == b"i":
            end = data.index(b"e", at)
            return int(data[at + 1 : end]), end + 1
        if kind in b"ld":
            items, at = [], at + 1
            while data[at : at + 1] != b"e":
                item, at = read(at)
                items.append(item)
            return (items if kind == b"l" else dict(zip(items[::2], items[1::2]))), at + 1
        colon = data.index(b":", at)
        end = colon + 1 + int(data[at:colon])
        return data[colon + 1 : end], end

    return read(0)[0]
