"""mutations.py: damages bytes, blindly and by what they mean, always the same for one seed.

Formats whose sums would hide all damage behind "wrong sum" are sealed again after it."""
import gzip
import json
import re
import struct
import zlib

NUMBERS = [0, 1, 2, 3, 7, 8, 9, 15, 16, 31, 32, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 1000, 4095, 4096,
           32767, 32768, 32769, 65535, 65536, 65537, 100000, 1 << 20, (1 << 24) + 1, 0x7ffffffe, 0x7fffffff,
           1 << 31, 0xfffffffe, 0xffffffff, 1 << 32, (1 << 53) + 1, (1 << 62), (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
WORDS = ["-1", "-0", "1e9", "1e400", "-1e-400", "nan", "inf", "0x10", "1.5", "18446744073709551616",
         "99999999999999999999999", "", "null", "true", "True", "False", "[]", "{}", "\"\"", "\\u0000", "\x1b[2J", "\u202e", "\u0085", "=", ";", "#",
         ",", ":", "\n", "\"", "'", "..", "/etc/passwd", "%s%n", "\ufeff"]
TOKEN = re.compile(r"[A-Za-z_]+|\d+|\s+|.", re.S)


class Mutator:
    def __init__(self, rng):
        self.rng = rng

    # ---- bytes ----

    def number(self, width):
        value = self.rng.choice(NUMBERS) + self.rng.choice((0, 0, 0, -1, 1))
        if self.rng.random() < 0.15:
            value = -value
        return (value % (1 << 8 * width)).to_bytes(width, self.rng.choice(("little", "big")))

    def once(self, data):
        """One change at one place, in place."""
        rng = self.rng
        kind, n = rng.randrange(10), len(data)
        at = rng.randrange(n) if n else 0
        run = min(n - at, 1 << rng.randrange(7))
        if n == 0 or kind == 0:
            data[at:at] = rng.randbytes(1 + rng.randrange(16))
        elif kind <= 2:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 3:
            data[at] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
        elif kind <= 5:
            width = rng.choice((1, 2, 4, 4, 8))
            data[at:at + width] = self.number(width)
        elif kind == 6:
            del data[at:at + run]
        elif kind == 7:
            data[at:at] = data[at:at + run] * rng.choice((1, 1, 2, 8))
        elif kind == 8:
            to = rng.randrange(n)
            data[to:to + run] = data[at:at + run]
        elif rng.random() < 0.5:
            del data[at:]
        else:
            data += rng.randbytes(rng.randrange(64)) if rng.random() < 0.7 else bytes(rng.randrange(4096))

    def raw(self, data):
        data = bytearray(data)
        for _ in range(self.places()):
            self.once(data)
        return bytes(data)

    def places(self):
        """1 to 16, mostly few: many changes hide each other behind the first."""
        return 1 << min(self.rng.randrange(5), self.rng.randrange(5))

    def splice(self, a, b):
        return a[:self.rng.randrange(len(a) + 1)] + b[self.rng.randrange(len(b) + 1):]

    # ---- text ----

    def text(self, data):
        """Words and numbers exchanged, doubled, left out; now and then a byte."""
        rng = self.rng
        parts = TOKEN.findall(data.decode("utf-8", "surrogateescape"))
        for _ in range(self.places()):
            kind, at = rng.randrange(7), rng.randrange(len(parts)) if parts else 0
            if kind == 0 or not parts:
                parts.insert(at, rng.choice(WORDS))
            elif kind == 1:
                parts[at] = rng.choice(WORDS)
            elif kind == 2:
                digits = [i for i, p in enumerate(parts) if p.isdigit()]
                if digits:
                    parts[rng.choice(digits)] = str(rng.choice(NUMBERS))
            elif kind == 3:
                del parts[at:at + 1 + rng.randrange(4)]
            elif kind == 4:
                parts[at:at] = parts[at:at + 1 + rng.randrange(12)] * rng.choice((1, 1, 2, 9))
            elif kind == 5:
                other = rng.randrange(len(parts))
                parts[at], parts[other] = parts[other], parts[at]
            else:
                parts[at] = parts[rng.randrange(len(parts))]
        data = "".join(parts).encode("utf-8", "surrogateescape")
        return self.raw(data) if rng.random() < 0.2 else data

    # ---- trees ----

    def tree(self, tree):
        """A tree of JSON with one value or more exchanged, renamed, doubled or left out."""
        for _ in range(self.places()):
            self.leaf(tree)
        return tree

    def leaf(self, node):
        rng = self.rng
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = rng.choice(keys)
        value = node[key]
        if isinstance(value, (dict, list)) and value and rng.random() < 0.8:
            self.leaf(value)
            return
        kind = rng.randrange(8)
        if kind == 0:
            del node[key]
        elif kind == 1 and isinstance(node, dict):
            node[rng.choice(keys) + rng.choice(("", "x", "\0", "\x1b[2J", "\u20ac"))] = node.pop(key)
        elif kind == 2:
            node[key] = rng.choice((None, True, 1.5, -1, "", [], {}, [[]], rng.choice(NUMBERS), rng.choice(WORDS)))
        elif kind == 3:
            node[key] = node[rng.choice(keys)]
        elif isinstance(value, str):
            node[key] = self.text(value.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
        elif isinstance(value, int):
            node[key] = rng.choice((rng.choice(NUMBERS), value + rng.choice((-1, 1, 4, 8))))
        elif isinstance(value, list):
            value.insert(rng.randrange(len(value) + 1), rng.choice(NUMBERS))

    def header(self, header):
        """The text of a header of tensors: its tree or its words changed."""
        if self.rng.random() < 0.25:
            return self.text(header)
        return json.dumps(self.tree(json.loads(header)), separators=(",", ":")).encode()

    def message(self, data, schema):
        """Some fields of a message, or of one below it, changed; all lengths are right again."""
        fields = parse_message(data, schema)
        for _ in range(self.places()):
            self.field(fields)
        return build_message(fields)

    def field(self, fields):
        rng = self.rng
        if not fields:
            fields.append([1 + rng.randrange(20), 0, rng.choice(NUMBERS)])
            return
        at = rng.randrange(len(fields))
        number, wire, value = field = fields[at]
        if isinstance(value, list) and rng.random() < 0.85:
            self.field(value)
            return
        kind = rng.randrange(10)
        if kind == 0:
            del fields[at]
        elif kind == 1:
            fields[at:at] = [field] * rng.choice((1, 1, 2, 30))
        elif kind == 2:
            fields.insert(rng.randrange(len(fields)), fields.pop(at))
        elif kind == 3:
            field[0] = 1 + rng.randrange(22)
        elif wire == 0:
            field[2] = rng.choice(NUMBERS) % (1 << 64) if rng.random() < 0.8 else -rng.randrange(9) % (1 << 64)
        elif wire == 2 and isinstance(value, bytes):
            field[2] = self.raw(value) if rng.random() < 0.7 else rng.choice(WORDS).encode()
        elif wire in (1, 5):
            field[2] = self.number(8 if wire == 1 else 4)
        else:
            fields.append([number, wire, value])


# ---- sums --------------------------------------------------------------------------------------------

def crc_table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82f63b78 if i & 1 else 0)
        table.append(i)
    return table


TABLE = crc_table()


def crc32c(data):
    crc, table = 0xffffffff, TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xffffffff


def masked(crc):
    return ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff


def seal_png(data):
    """Right sums for all chunks, as far as the lengths lead."""
    data, at = bytearray(data), 8
    while at + 12 <= len(data):
        length, = struct.unpack_from(">I", data, at)
        if at + 12 + length > len(data):
            break
        struct.pack_into(">I", data, at + 8 + length, zlib.crc32(data[at + 4:at + 8 + length]))
        at += 12 + length
    return bytes(data)


def seal_records(payloads):
    """An event file of these records."""
    parts = []
    for data in payloads:
        head = struct.pack("<Q", len(data))
        parts += [head, struct.pack("<I", masked(crc32c(head))), data, struct.pack("<I", masked(crc32c(data)))]
    return b"".join(parts)


def records(data):
    """The records of a sound event file."""
    at, found = 0, []
    while at < len(data):
        length, = struct.unpack_from("<Q", data, at)
        found.append(data[at + 12:at + 12 + length])
        at += 16 + length
    return found


def split_tensors(data):
    """(header's text, numbers) of a safetensors file."""
    size, = struct.unpack_from("<Q", data)
    return data[8:8 + size], data[8 + size:]


def join_tensors(header, numbers):
    return struct.pack("<Q", len(header)) + header + numbers


def seal_tensors(header, numbers):
    """With right crc32c metadata, where the header can be read."""
    try:
        tree = json.loads(header)
        metadata = tree["__metadata__"]
        for key in [k for k in metadata if k.startswith("crc32c.")]:
            begin, end = tree[key[7:]]["data_offsets"]
            metadata[key] = "%08x" % crc32c(numbers[begin:end])
        if "crc32c" in metadata:
            metadata["crc32c"] = metadata_sum(metadata)
        header = json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return join_tensors(header, numbers)


def metadata_sum(metadata):
    pairs = sorted((k.encode("utf-8", "surrogatepass"), v.encode("utf-8", "surrogatepass"))
                   for k, v in metadata.items() if k != "crc32c")
    return "%08x" % crc32c(b"".join(k + b"\0" + v + b"\0" for k, v in pairs))


def scan_sum(tree, metadata, numbers):
    """What the state of a scan has in place of sums for each tensor (docs/formats/atlas.md)."""
    text = b""
    for name in sorted(tree, key=lambda n: n.encode("utf-8", "surrogatepass")):
        begin, end = tree[name]["data_offsets"]
        text += b"%s\n%08x\n" % (name.encode("utf-8", "surrogatepass"), crc32c(numbers[begin:end]))
    for key in sorted(metadata):
        if key != "crc32c":
            text += ("%s\n%s\n" % (key, metadata[key])).encode("utf-8", "surrogatepass")
    return "%08x" % crc32c(text)


def seal_scan(header, numbers):
    try:
        tree = json.loads(header)
        metadata = tree.pop("__metadata__")
        metadata["crc32c"] = scan_sum(tree, metadata, numbers)
        tree["__metadata__"] = metadata
        header = json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return join_tensors(header, numbers)


def pack(data):
    return gzip.compress(data, 6, mtime=0)


# ---- protocol buffers ----------------------------------------------------------------------------------

def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def parse_message(data, schema):
    """[[number, wire type, value]]; schema: {number: schema of the message there}."""
    fields, at = [], 0
    while at < len(data):
        key, at = read_varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = read_varint(data, at)
        elif wire == 2:
            size, at = read_varint(data, at)
            value, at = data[at:at + size], at + size
            if len(value) < size:
                raise IndexError("a field goes beyond its message")
            if number in schema:
                value = parse_message(value, schema[number])
        else:
            size = 8 if wire == 1 else 4
            value, at = data[at:at + size], at + size
        fields.append([number, wire, value])
    return fields


def build_message(fields):
    out = bytearray()
    for number, wire, value in fields:
        out += varint(number << 3 | wire)
        if wire == 0:
            out += varint(value)
        elif wire == 2:
            body = build_message(value) if isinstance(value, list) else value
            out += varint(len(body)) + body
        else:
            out += value
    return bytes(out)
