"""seeds.py: small sound files of every format that the command reads, made on the spot, and the
simplest second opinion on each: is a file that was accepted one that may be?"""
import gzip
import json
import os
import struct
import zlib

import mutations
import tool

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "fuzz", "corpus")
NET = ("input 6x6x3; conv filters=2 kernel=3; relu; max_pool 2; avg_pool 3; conv filters=10 kernel=1; softmax")
# More operators, for ONNX.
NETS = ("input 8x8x3; conv filters=2 kernel=3 stride=2 pad=1; gelu; avg_pool 2; dense units=10; softmax",
        "a = input 6x6x3; b = conv filters=3 kernel=3; c = add a b; d = sigmoid; e = concat c d; "
        "max_pool 3 stride=2; dense units=10; softmax")


class Unsound(Exception):
    """A file was accepted that no other reader may accept."""


def need(condition, what):
    if not condition:
        raise Unsound(what)


def corpus(reader, *names):
    found = []
    for name in names:
        with open(os.path.join(CORPUS, reader, name), "rb") as file:
            found.append(file.read())
    return found


def noise(n, step=7):
    return bytes(i * step % 251 for i in range(n))


# ---- pictures --------------------------------------------------------------------------------------

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_rows(width, height, bits, interlaced):
    """[(rows, bytes of a row)] of each pass; bits: of a pixel."""
    steps = PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = [((height - y + dy - 1) // dy, (width - x + dx - 1) // dx) for x, y, dx, dy in steps]
    return [(h, (w * bits + 7) // 8) for h, w in sizes if h > 0 and w > 0]


def png(width, height, depth, colour, interlaced=0, filters=5, extra=b"", level=6):
    bits, raw = CHANNELS[colour] * depth, b""
    for rows, size in png_rows(width, height, bits, interlaced):
        for y in range(rows):
            line = noise(size, 3 + y)
            if colour == 3 and depth == 8:
                line = bytes(v % 4 for v in line)
            raw += bytes([y % filters if colour != 3 else 0]) + line
    if colour == 3:
        extra = chunk(b"PLTE", noise(3 * min(256, 1 << depth))) + extra
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0,
                                                              interlaced))
            + extra + chunk(b"IDAT", zlib.compress(raw, level)) + chunk(b"IEND", b""))


def all_pngs():
    """Every colour type, depth and order of rows of the specification."""
    kinds = [(0, d) for d in (1, 2, 4, 8, 16)] + [(2, 8), (2, 16)] + [(3, d) for d in (1, 2, 4, 8)] \
        + [(4, 8), (4, 16), (6, 8), (6, 16)]
    return [(colour, depth, interlaced, png(9, 7, depth, colour, interlaced))
            for colour, depth in kinds for interlaced in (0, 1)]


def png_chunks(data):
    at, found = 8, []
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        need(at + 12 + length <= len(data), "a chunk goes beyond the end")
        need(zlib.crc32(data[at + 4:at + 8 + length]) == struct.unpack_from(">I", data, at + 8 + length)[0],
             "a chunk's sum is wrong")
        found.append((kind, data[at + 8:at + 8 + length]))
        at += 12 + length
        if kind == b"IEND":
            break
    return found


def sound_png(data):
    """Unsound, or (rows, columns)."""
    need(data[:8] == b"\x89PNG\r\n\x1a\n", "signature")
    chunks = png_chunks(data)
    need(chunks[0][0] == b"IHDR" and chunks[-1][0] == b"IEND", "order of chunks")
    width, height, depth, colour, packing, filters, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    need(width and height and colour in CHANNELS and not packing and not filters and interlaced < 2, "IHDR")
    unpack = zlib.decompressobj()
    raw = unpack.decompress(b"".join(d for k, d in chunks if k == b"IDAT"))
    need(unpack.eof, "the pixels' stream does not end")
    at = 0
    for rows, size in png_rows(width, height, CHANNELS[colour] * depth, interlaced):
        for _ in range(rows):
            need(at < len(raw) and raw[at] < 5, "a row's filter")
            at += 1 + size
    need(at == len(raw), "%d bytes of rows, not %d" % (len(raw), at))
    return height, width


def sound_jpeg(data):
    """Unsound, or (rows, columns): what the frame header says."""
    at = 2
    need(data[:2] == b"\xff\xd8", "signature")
    while True:
        need(data[at] == 0xff, "no marker")
        kind = data[at + 1]
        if kind == 0xff or kind == 1 or 0xd0 <= kind <= 0xd7:
            at += 1 if kind == 0xff else 2
            continue
        if 0xc0 <= kind <= 0xc2:
            need(data[at + 4] == 8, "bits of a sample")
            return struct.unpack_from(">HH", data, at + 5)
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]


# ---- data sets -------------------------------------------------------------------------------------

def cifar(records):
    return b"".join(bytes([i % 10]) + noise(3072, 3 + i) for i in range(records))


def sound_cifar(data):
    need(data and len(data) % 3073 == 0 and max(data[::3073]) < 10, "records or labels")


def idx(dims, data):
    return struct.pack(">BBBB", 0, 0, 8, len(dims)) + struct.pack(">%dI" % len(dims), *dims) + data


def sound_idx(data):
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    rank = data[3]
    count = 1
    for n in struct.unpack_from(">%dI" % rank, data, 4):
        count *= n
    need(data[:3] == b"\0\0\x08" and rank in (1, 3) and len(data) == 4 + 4 * rank + count, "its size")


def npy(dims, version=1, kind="<f4"):
    count = 1
    for n in dims:
        count *= n
    header = "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }" % (
        kind, "".join("%d, " % n for n in dims))
    prefix = 10 if version == 1 else 12
    header += " " * (-(prefix + len(header) + 1) % 64) + "\n"
    return (b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header))
            + header.encode() + struct.pack("<%d%s" % (count, "fd"[kind == "<f8"]),
                                            *(i / 7 for i in range(count))))


def sound_npy(data):
    """By the rules of numpy/lib/format.py, without numpy."""
    version, = data[6:7]
    size, = struct.unpack_from("<H" if version == 1 else "<I", data, 8)
    at = 10 if version == 1 else 12
    header = eval(data[at:at + size].decode(), {"__builtins__": {}}, {})     # a dictionary of literals
    need(set(header) == {"descr", "fortran_order", "shape"}, "keys")
    count = {"<f4": 4, "<f8": 8}[header["descr"]]
    for n in header["shape"]:
        count *= n
    need(len(data) == at + size + count, "its size")


# ---- models ----------------------------------------------------------------------------------------

def safetensors(tensors, metadata=None):
    """tensors: {name: shape}, of F32."""
    header, numbers = {"__metadata__": metadata} if metadata else {}, b""
    for i, (name, shape) in enumerate(tensors.items()):
        count = 4
        for n in shape:
            count *= n
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(numbers), len(numbers) + count]}
        numbers += struct.pack("<%df" % (count // 4), *(((k * 7 + i) % 13 - 6) / 8 for k in range(count // 4)))
    return mutations.join_tensors(json.dumps(header).encode(), numbers)


def sound_layout(data):
    """The format's own rules: (tree, metadata, numbers)."""
    header, numbers = mutations.split_tensors(data)
    tree = json.loads(header)
    metadata = tree.pop("__metadata__", {})
    at = 0
    for begin, end in sorted(t["data_offsets"] for t in tree.values()):
        need(begin == at and end >= begin, "a hole or an overlap")
        at = end
    need(at == len(numbers), "bytes left over")
    return tree, metadata, numbers


def sound_tensors(data):
    """And the sums of our own model files."""
    tree, metadata, numbers = sound_layout(data)
    for key, value in metadata.items():
        if key.startswith("crc32c."):
            begin, end = tree[key[7:]]["data_offsets"]
            need(value == "%08x" % mutations.crc32c(numbers[begin:end]), "the sum of " + key[7:])
    if "crc32c" in metadata:
        need(metadata["crc32c"] == mutations.metadata_sum(metadata), "the metadata's sum")


def sound_scan(data):
    tree, metadata, numbers = sound_layout(data)
    need(metadata.get("crc32c", mutations.scan_sum(tree, metadata, numbers))
         == mutations.scan_sum(tree, metadata, numbers), "its sum")


def sound_events(data):
    """All whole records have right sums."""
    at = 0
    while at + 12 <= len(data):
        length, crc = struct.unpack_from("<QI", data, at)
        if at and not any(data[at:]):                           # what a power cut may leave: torn
            return
        need(crc == mutations.masked(mutations.crc32c(data[at:at + 8])), "the sum of a length")
        if at + 16 + length > len(data):
            return
        crc, = struct.unpack_from("<I", data, at + 12 + length)
        need(crc == mutations.masked(mutations.crc32c(data[at + 12:at + 12 + length])), "the sum of a record")
        at += 16 + length


def sound_onnx(data):
    """Messages within messages, to the byte."""
    graphs = [f for f in mutations.parse_message(data, ONNX) if f[0] == 7]
    need(graphs and isinstance(graphs[0][2], list), "no graph")


def sound_labels(data):
    """Ten names, as lines or as JSON."""
    text = data.decode().removeprefix("\ufeff").rstrip(" \t\r\n")
    if text.lstrip()[:1] in ("[", "{"):
        names = json.loads(text)
        need(len(names) == 10, "%d names" % len(names))
        need(isinstance(names, list) or sorted(map(int, names)) == list(range(10)), "its keys")
    else:
        need(len(text.split("\n")) == 10 and all(map(str.strip, text.split("\n"))), "its lines")


EXTERNAL = "weights.data"


def external(data):
    """An ONNX file's weights moved into a second file: (the first, the second)."""
    fields, moved = mutations.parse_message(data, ONNX), b""
    for number, _, graph in fields:
        for tensor in [f[2] for f in graph if f[0] == 5] if number == 7 else []:
            raw = next(f for f in tensor if f[0] == 9)
            tensor.remove(raw)
            for key, value in (("location", EXTERNAL), ("offset", str(len(moved))), ("length", str(len(raw[2])))):
                tensor.append([13, 2, [[1, 2, key.encode()], [2, 2, value.encode()]]])
            tensor.append([14, 0, 1])
            moved += raw[2]
    return mutations.build_message(fields), moved


# Which fields of a message are messages: protocol buffers do not say so themselves.
TENSOR = {13: {}}
ATTRIBUTE = {5: TENSOR}
TYPE = {1: {2: {1: {}}}}
VALUE = {2: TYPE}
GRAPH = {1: {5: ATTRIBUTE}, 5: TENSOR, 11: VALUE, 12: VALUE, 13: VALUE}
ONNX = {7: GRAPH, 8: {}, 14: {}}
ATTRIBUTE[6] = GRAPH
EVENT = {4: {1: {5: {2: {1: {7: {2: {}}}}}}, 4: {}}, 5: {1: {4: {}, 5: {}}}}


def make_run(name, net=NET):
    """A trained network of a few numbers, with all that a run writes."""
    result = tool.call("train", "--data", "synthetic", "--net", net, "--steps", 2, "-b", 4, "-q",
                       "--threads", 1, "--engine", "ref", "--out", name)
    assert result.returncode == 0, result.stderr


def onnx(net):
    """A network as ONNX, its weights after a step or two."""
    make_run("net", net)
    result = tool.call("convert", "net", "net.onnx")
    assert result.returncode == 0, result.stderr
    return tool.read("net.onnx")
