#!/usr/bin/env python3
"""make_corpus.py [FOLDER]: writes the seeds of the fuzz targets, good and hostile ones, each small.

The seeds are kept in the tree; this says where they came from. Needs Pillow for the JPEGs only
(script/peers makes an environment that has it). Pictures are patterns made here."""
import gzip
import io
import json
import os
import struct
import sys
import zlib

root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "corpus")


def put(reader, name, data):
    os.makedirs(os.path.join(root, reader), exist_ok=True)
    with open(os.path.join(root, reader, name), "wb") as file:
        file.write(data)


def pattern(n, step=7):
    return bytes((i * step) % 251 for i in range(n))


# ---- CIFAR-10 ---------------------------------------------------------------------------------
record = bytes([3]) + pattern(3072)
put("cifar", "one", record)
put("cifar", "two", record + bytes([9]) + pattern(3072, 3))
put("cifar", "label_10", record + bytes([10]) + pattern(3072))
put("cifar", "truncated", record[:-1])
put("cifar", "one_byte_more", record + b"\0")
put("cifar", "cifar100_record", bytes([3, 77]) + pattern(3072))
put("cifar", "pickle", b"\x80\x02}q\x01(U\x0bbatch_labelq\x02")
put("cifar", "archive", gzip.compress(b"x" * 100, mtime=0))
put("cifar", "empty", b"")


# ---- IDX ----------------------------------------------------------------------------------------
def idx(dims, data, kind=8):
    return struct.pack(">BBBB", 0, 0, kind, len(dims)) + struct.pack(f">{len(dims)}I", *dims) + data


put("idx", "labels", idx([5], bytes(range(5))))
put("idx", "pictures", idx([2, 4, 4], pattern(32)))
put("idx", "pictures.gz", gzip.compress(idx([2, 4, 4], pattern(32)), mtime=0))
put("idx", "truncated", idx([2, 4, 4], pattern(31)))
put("idx", "one_byte_more", idx([2, 4, 4], pattern(33)))
put("idx", "no_pictures", idx([0, 4, 4], b""))
put("idx", "overflow", idx([0xffffffff] * 3, b"x"))
put("idx", "large", idx([60000, 28, 28], b"x"))
put("idx", "rank_2", idx([2, 4], pattern(8)))
put("idx", "floats", idx([2], pattern(8), 13))
put("idx", "header_only", idx([2, 4, 4], b"")[:9])
put("idx", "bomb.gz", gzip.compress(idx([1, 1, 65536], b"\0" * (1 << 20)), mtime=0))
put("idx", "large.gz", gzip.compress(idx([60000, 28, 28], b"x"), mtime=0))
put("idx", "truncated.gz", gzip.compress(idx([2, 4, 4], pattern(32)), mtime=0)[:-9])
put("idx", "wrong_sum.gz", gzip.compress(idx([5], bytes(5)), mtime=0)[:-8] + b"\0" * 8)


# ---- PNG ----------------------------------------------------------------------------------------
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(w, h, depth, colour, rows, interlace=0, extra=b"", end=True):
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, interlace)) + extra +
            chunk(b"IDAT", zlib.compress(rows, 9)) + (chunk(b"IEND", b"") if end else b""))


def rows(h, row_bytes):
    return b"".join(bytes([y % 5]) + pattern(row_bytes, y + 3) for y in range(h))


put("png", "grey_1bit", png(11, 5, 1, 0, rows(5, 2)))
put("png", "grey_8bit", png(6, 5, 8, 0, rows(5, 6)))
put("png", "grey_16bit", png(3, 2, 16, 0, rows(2, 6)))
put("png", "grey_transparent", png(4, 2, 8, 0, rows(2, 4), extra=chunk(b"tRNS", b"\0\7")))
put("png", "grey_alpha", png(4, 3, 8, 4, rows(3, 8)))
put("png", "rgb", png(5, 5, 8, 2, rows(5, 15)))
put("png", "rgb_transparent", png(2, 2, 8, 2, rows(2, 6), extra=chunk(b"tRNS", b"\0\3\0\4\0\5")))
put("png", "rgba_16bit", png(2, 3, 16, 6, rows(3, 16)))
palette = chunk(b"PLTE", pattern(12))
put("png", "palette_2bit", png(7, 3, 2, 3, rows(3, 2), extra=palette + chunk(b"tRNS", b"\0\x80")))
put("png", "palette_index_too_large", png(4, 1, 8, 3, b"\0\0\1\2\xff", extra=palette))
put("png", "no_palette", png(4, 1, 8, 3, b"\0\0\1\2\3"))
put("png", "interlaced", png(1, 2, 8, 0, b"\0\7\0\x09", 1))
put("png", "interlaced_8x8", png(8, 8, 8, 0, b"".join(
    rows(h, w) for w, h in ((1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4))), 1))
put("png", "texts", png(2, 1, 8, 0, b"\0\1\2", extra=chunk(b"tEXt", b"Title\0x") +
                        chunk(b"gAMA", struct.pack(">I", 45455))))
put("png", "bomb", png(100000, 100000, 8, 2, b"\0" * 1000))
put("png", "too_large_for_its_data", png(8192, 8192, 8, 2, b"\0" * 1000))
put("png", "flat", png(1000, 1000, 1, 0, b"\0" * 126 * 1000))
put("png", "too_few_rows", png(4, 4, 8, 0, rows(3, 4)))
put("png", "too_many_rows", png(4, 4, 8, 0, rows(9, 4)))
put("png", "wrong_filter", png(4, 1, 8, 0, b"\x09\1\2\3\4"))
put("png", "wrong_sum", png(4, 1, 8, 0, b"\0\1\2\3\4")[:-1])
put("png", "no_end", png(4, 1, 8, 0, b"\0\1\2\3\4", end=False))
put("png", "not_deflate", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(
    ">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) + chunk(b"IDAT", b"nonsense") + chunk(b"IEND", b""))
put("png", "signature", b"\x89PNG\r\n\x1a\n")


# ---- JPEG ---------------------------------------------------------------------------------------
def jpegs():
    from PIL import Image
    rgb = Image.frombytes("RGB", (17, 9), pattern(17 * 9 * 3, 5))

    def encode(picture, **options):
        out = io.BytesIO()
        picture.save(out, "JPEG", **options)
        return out.getvalue()

    exif = Image.Exif()
    exif[0x0112] = 6
    base = encode(rgb, quality=40)
    frame = base.index(b"\xff\xc0")
    put("jpeg", "rgb", base)
    put("jpeg", "rgb_444", encode(rgb, quality=90, subsampling=0))
    put("jpeg", "grey", encode(rgb.convert("L"), quality=40))
    put("jpeg", "cmyk", encode(rgb.convert("CMYK"), quality=40))
    put("jpeg", "progressive", encode(rgb, quality=40, progressive=True))
    put("jpeg", "turned", encode(rgb, quality=40, exif=exif))
    put("jpeg", "restarts", encode(rgb, quality=40, restart_marker_blocks=1))
    put("jpeg", "truncated", base[:-20])
    put("jpeg", "no_end", base[:-2])
    put("jpeg", "bomb", base[:frame + 5] + b"\xff\xff\xff\xff" + base[frame + 9:])
    put("jpeg", "too_large_for_its_data", base[:frame + 5] + b"\x20\0\x20\0" + base[frame + 9:])
    put("jpeg", "no_height", base[:frame + 5] + b"\0\0" + base[frame + 7:])
    put("jpeg", "arithmetic", base[:frame + 1] + b"\xc9" + base[frame + 2:])
    scan = base.index(b"\xff\xda")
    put("jpeg", "two_scans", base[:-2] + base[scan:])
    put("jpeg", "no_tables", base[:2] + base[frame:])
    put("jpeg", "exif_offset_outside", base[:2] + b"\xff\xe1\0\x16Exif\0\0II*\0\xff\xff\xff\x7f" +
        b"\0\0\0\0\0\0" + base[2:])


# ---- .npy ---------------------------------------------------------------------------------------
def npy(header, data, version=1):
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + data


def npy_header(shape, descr="<f4", order="False"):
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n"


six = struct.pack("<6f", 1, -2, 3.5, 0, float("nan"), 1e30)
put("npy", "v1", npy(npy_header("(2, 3)"), six))
put("npy", "v2", npy(npy_header("(6,)"), six, 2))
put("npy", "v3", npy(npy_header("(1, 1, 1, 1, 1, 1, 2, 3)"), six, 3))
put("npy", "doubles", npy(npy_header("(2,)", "<f8"), struct.pack("<2d", 0.1, 1e300)))
put("npy", "fortran", npy(npy_header("(2, 3)", order="True"), six))
put("npy", "big_endian", npy(npy_header("(2, 3)", ">f4"), six))
put("npy", "object", npy(npy_header("(2,)", "|O"), six))
put("npy", "overflow", npy(npy_header("(65536, 65536, 65536)"), six))
put("npy", "negative", npy(npy_header("(-2, 3)"), six))
put("npy", "rank_9", npy(npy_header("(1,1,1,1,1,1,1,2,3)"), six))
put("npy", "truncated", npy(npy_header("(2, 3)"), six[:-1]))
put("npy", "header_too_long", b"\x93NUMPY\2\0\xff\xff\xff\xff{")
put("npy", "expression", npy("{'descr': '<f4', 'shape': __import__('os')}", six))


# ---- safetensors and models -----------------------------------------------------------------------
def tensors(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


meta = {"format": "deconvnet model 1", "network": "input 2x2x1; conv filters=2 kernel=1; relu; "
        "max_pool 2; dense units=2; softmax", "preprocess": "2x2x1 standardize", "classes": "2",
        "class_names": '["a","b"]', "step": "7"}
weights = {"conv1.weight": entry([2, 1, 1, 1], 0, 8), "conv1.bias": entry([2], 8, 16),
           "dense1.weight": entry([2, 2], 16, 32), "dense1.bias": entry([2], 32, 40)}
numbers = struct.pack("<10f", *range(10))
put("safetensors", "model", tensors({"__metadata__": meta, **weights}, numbers))
put("safetensors", "model_nan", tensors({"__metadata__": meta, **weights}, b"\xff" * 40))
put("safetensors", "model_missing", tensors({"__metadata__": meta, "conv1.weight": entry(
    [2, 1, 1, 1], 0, 8)}, numbers[:8]))
put("safetensors", "model_shape", tensors({"__metadata__": meta, **weights, "conv1.weight": entry(
    [1, 2, 1, 1], 0, 8)}, numbers))
put("safetensors", "model_extra", tensors({"__metadata__": meta, **weights, "other": entry(
    [1], 40, 44)}, numbers + b"\0" * 4))
put("safetensors", "model_optimizer", tensors({"__metadata__": meta, **weights,
    "optimizer.exp_avg.conv1.bias": entry([2], 40, 48)}, numbers + b"\0" * 8))
put("safetensors", "model_wrong_sum", tensors({"__metadata__": {**meta, "crc32c": "00000000"},
                                               **weights}, numbers))
put("safetensors", "model_huge_network", tensors({"__metadata__": {**meta, "network":
    "input 2x2x1; conv filters=65536 kernel=100; dense units=10"}, **weights}, numbers))
put("safetensors", "model_version_2", tensors({"__metadata__": {**meta, "format":
    "deconvnet model 2"}, **weights}, numbers))
put("safetensors", "model_names_nested", tensors({"__metadata__": {**meta, "class_names":
    "[[[["}, **weights}, numbers))
put("safetensors", "empty_object", tensors(b"{}      ", b""))
put("safetensors", "scalar", tensors({"x": entry([], 0, 4)}, b"\0" * 4))
put("safetensors", "types", tensors({"a": entry([1], 0, 8, "I64"), "b": entry([2], 8, 12, "BF16"),
                                     "c": entry([3], 12, 15, "U8")}, b"\0" * 15))
put("safetensors", "overlap", tensors({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, b"\0" * 12))
put("safetensors", "hole", tensors({"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, b"\0" * 12))
put("safetensors", "bytes_left", tensors({"a": entry([1], 0, 4)}, b"\0" * 9))
put("safetensors", "overflow", tensors({"a": entry([2**32, 2**32], 0, 4)}, b"\0" * 4))
put("safetensors", "far", tensors({"a": entry([1], 2**62, 2**62 + 4)}, b"\0" * 4))
put("safetensors", "twice", tensors(b'{"a":1,"a":2}', b""))
put("safetensors", "deep", tensors(b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", b""))
put("safetensors", "escapes", tensors(b'{"\\u001b[31m":{"dtype":"F3\\u0032"}}', b""))
put("safetensors", "lone_surrogate", tensors(b'{"\\ud800":1}', b""))
put("safetensors", "long_header", struct.pack("<Q", 2**63) + b"{}")
put("safetensors", "short", b"\2\0\0")


# ---- the state of a scan -------------------------------------------------------------------------
def scan(lists, tallies, more=None, **changed):
    """lists: (value, picture, cell) of two channels, two each; tallies: count, fired, least, most."""
    facts = {"format": "deconvnet-atlas-scan 1", "model": "%016x" % 1, "data": "%016x" % 2,
             "preprocess": "8x8x3 none", "pictures": "test", "total": "2000", "chunk": "8",
             "stretch": "64", "engine": "ref (plain C)", "top": "2", "shard": "0", "shards": "1",
             "next": "2000", **changed}
    units = [unit for channel in lists for unit in channel]
    parts = [("picture", "I64", [2, 2], "q", [u[1] for u in units]),
             ("cell", "I64", [2, 2], "q", [u[2] for u in units]),
             ("count", "I64", [2], "q", [t[0] for t in tallies]),
             ("fired", "I64", [2], "q", [t[1] for t in tallies]),
             ("mark", "I64", [2], "q", [5, 7] if facts["next"] != "0" else [0, 0]),
             ("value", "F32", [2, 2], "f", [u[0] for u in units]),
             ("least", "F32", [2], "f", [t[2] for t in tallies]),
             ("most", "F32", [2], "f", [t[3] for t in tallies])]
    header, data = {"__metadata__": facts}, b""
    for word, dtype, shape, letter, values in parts:
        bytes_ = struct.pack("<%d%s" % (len(values), letter), *values)
        header["relu1." + word] = entry(shape, len(data), len(data) + len(bytes_), dtype)
        data += bytes_
    for name, (shape, letter, values) in (more or {}).items():
        bytes_ = struct.pack("<%d%s" % (len(values), letter), *values)
        header[name] = entry(shape, len(data), len(data) + len(bytes_),
                             "F32" if letter == "f" else "I64")
        data += bytes_
    return tensors(header, data)


inf = float("inf")
two = [[(2.5, 1999, 63), (2.0, 3, 0)], [(1.0, 7, 9), (0.0, 0, 0)]]
counts = [(2, 2000, 0.5, 2.5), (1, 1, 0.0, 1.0)]
put("scan", "whole", scan(two, counts))
put("scan", "half", scan([[(2.5, 63, 63), (2.0, 3, 0)], two[1]], [(2, 64, 0.5, 2.5), counts[1]],
                         next="64"))
put("scan", "nothing", scan([[(0, 0, 0)] * 2] * 2, [(0, 0, inf, -inf)] * 2, next="0"))
put("scan", "shard", scan([[(2.5, 1999, 63), (2.0, 1998, 0)]] * 2, [(2, 2, 0, 2.5)] * 2, shard="1",
                          shards="2"))
put("scan", "below_0", scan([[(-1.0, 1, 63), (-2.0, 3, 0)]] * 2, [(2, 0, -7, -1)] * 2))
put("scan", "one_more_layer", scan(two, counts, {
    "dense1." + word: ([3, 2] if word in ("value", "picture", "cell") else [3],
                       "f" if word in ("value", "least", "most") else "q",
                       [0] * (6 if word in ("value", "picture", "cell") else 3))
    for word in ("value", "picture", "cell", "count", "fired", "least", "most", "mark")}))
put("scan", "wrong_sum", scan(two, counts, crc32c="00000000"))
put("scan", "version_2", scan(two, counts, format="deconvnet-atlas-scan 2"))
put("scan", "other_model", scan(two, counts, model="0000000000000002"))
put("scan", "longer", scan(two, counts, top="100"))
put("scan", "inside_a_chunk", scan(two, counts, next="1999"))
put("scan", "many_shards", scan(two, counts, shards="100000", shard="99999"))
put("scan", "order", scan([two[0][::-1], two[1]], counts))
put("scan", "cell", scan([[(2.5, 1, 64), (2.0, 3, 0)], two[1]], counts))
put("scan", "picture", scan([[(2.5, 2000, 6), (2.0, 3, 0)], two[1]], counts))
put("scan", "twice", scan([[(2.5, 3, 6), (2.0, 3, 0)], two[1]], counts))
put("scan", "nan", scan([[(float("nan"), 4, 6), (2.0, 3, 0)], two[1]], counts))
put("scan", "fired", scan(two, [(2, 2001, 0.5, 2.5), counts[1]]))
put("scan", "count", scan(two, [(3, 2000, 0.5, 2.5), counts[1]]))

# ---- networks -------------------------------------------------------------------------------------
put("network", "tutorial", b"input 24x24x3; conv filters=64 kernel=5; relu; max_pool 2\n"
    b"conv filters=64 kernel=5; relu; max_pool 2; conv filters=10 kernel=5\nrelu; avg_pool; softmax\n")
put("network", "branches", b"x = input 8x8x2\na = conv x filters=4 kernel=3x1 stride=2 pad=1,0,1,0\n"
    b"b = conv x filters=4 kernel=1 stride=2 groups=2 bias=no\nadd a b\nc = relu\nconcat a c\n")
put("network", "dilation", b"input 16x16x1 # comment\nconv filters=2 kernel=3 dilation=2 pad=valid "
    b"init=0.02 bias=0.5\navg_pool 2x3 stride=1\ndense units=3")
put("network", "quoted", b'"a b" = input 4x4x1; "" = relu; "x')
put("network", "unknown", b"input 4x4x1; convv filters=3")
put("network", "negative", b"input 4x4x1; conv filters=-64 kernel=3")
put("network", "huge", b"input 65536x65536x65536; conv filters=65536 kernel=1024")
put("network", "twice", b"x = input 4x4x1; x = relu")
put("network", "cycle", b"input 4x4x1; a = relu b; b = relu a")
put("network", "zero_stride", b"input 4x4x1; max_pool 2 stride=0")
put("network", "vanishes", b"input 2x2x1; conv filters=1 kernel=5 pad=valid")
put("network", "long_line", b"input 4x4x1;" + b" relu;" * 900)
put("network", "nul", b"input 4x4x1\0; relu")
put("network", "not_utf8", b"\xff\xfe = input 4x4x1; relu")

# ---- event files ------------------------------------------------------------------------------------
TABLE = []
for i in range(256):
    for _ in range(8):
        i = i >> 1 ^ (0x82f63b78 if i & 1 else 0)
    TABLE.append(i)


def masked(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    crc ^= 0xffffffff
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff)


def tf_record(data):
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(value):
    low = bytes([value & 127 | (128 if value > 127 else 0)])
    return low + varint(value >> 7) if value > 127 else low


def field(number, data):
    """Of protobuf: bytes with their length, or an int."""
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    return varint(number << 3 | 2) + varint(len(data)) + data


time = b"\x09" + struct.pack("<d", 1e9)
first = tf_record(time + field(3, b"brain.Event:2"))
scalar = tf_record(time + field(2, 5) + field(5, field(1, field(1, b"loss") + b"\x15" +
                                                       struct.pack("<f", 2.3))))
histogram = tf_record(time + field(2, 6) + field(5, field(1, field(1, b"w") + field(5, b"\x09" +
                      struct.pack("<d", -1) + field(6, struct.pack("<2d", 0, 1)) +
                      field(7, struct.pack("<2d", 3, 4))))))
tiny = png(1, 1, 8, 0, b"\0\7")
image = tf_record(time + field(2, 7) + field(5, field(1, field(1, b"i") + field(
    4, field(1, 1) + field(2, 1) + field(3, 1) + field(4, tiny)))))
graph = tf_record(time + field(4, field(1, field(1, b"x") + field(2, b"Placeholder"))))
put("events", "all_kinds", first + graph + scalar + histogram + image)
put("events", "first_only", first)
put("events", "torn_header", first + scalar[:7])
put("events", "torn_data", first + scalar[:20])
put("events", "wrong_sum", first + scalar[:-1] + b"\0" + scalar)
put("events", "wrong_length_sum", first + b"\xff" + scalar[1:])
put("events", "endless", first + struct.pack("<Q", 2**63) + masked(struct.pack("<Q", 2**63)))
put("events", "no_version", scalar)
put("events", "other_version", tf_record(time + field(3, b"brain.Event:9")) + scalar)
put("events", "not_protobuf", first + tf_record(b"\xff\xff\xff\xff"))
put("events", "buckets_differ", first + tf_record(time + field(5, field(1, field(1, b"w") + field(
    5, field(6, struct.pack("<2d", 0, 1)) + field(7, struct.pack("<d", 3)))))))
put("events", "empty_record", first + tf_record(b""))



# ---- ONNX ---------------------------------------------------------------------------------------
def tensor(name, kind, dims, *parts):
    return b"".join(field(1, d) for d in dims) + field(2, kind) + field(8, name) + b"".join(parts)


def value(name, *dims):
    shape = b"".join(field(1, field(2, d) if isinstance(d, bytes) else field(1, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def node(op, inputs, outputs, *attributes):
    return (b"".join(field(1, i) for i in inputs) + b"".join(field(2, o) for o in outputs) +
            field(3, op.lower() + b"1") + field(4, op) + b"".join(field(5, a) for a in attributes))


def ints(name, *numbers):
    return field(1, name) + b"".join(field(8, n) for n in numbers) + field(20, 7)


def onnx(*graph, more=b""):
    return (field(1, 8) + field(2, b"pytorch") + field(3, b"2.1") +
            field(7, b"".join(graph) + field(2, b"main_graph")) +
            field(8, field(1, b"") + field(2, 17)) + more)


def external(*pairs):
    return b"".join(field(13, field(1, k) + field(2, v)) for k, v in pairs) + field(14, 1)


def nested(size, *fields):
    data = b""
    while len(data) < size:
        for number in fields:
            data = field(number, data)
    return data


conv = field(1, node(b"Conv", [b"x", b"w", b"b"], [b"c"], ints(b"kernel_shape", 2, 2),
                     ints(b"pads", 0, 0, 1, 1), ints(b"strides", 1, 1),
                     field(1, b"auto_pad") + field(4, b"NOTSET") + field(20, 3)))
relu = field(1, node(b"Relu", [b"c"], [b"r"]))
pool = field(1, node(b"MaxPool", [b"r"], [b"p"], ints(b"kernel_shape", 2, 2)))
w = field(5, tensor(b"w", 1, [2, 1, 2, 2], field(9, struct.pack("<8f", *range(8)))))
b = field(5, tensor(b"b", 1, [2], field(4, struct.pack("<2f", 1, -1))))
ends = field(11, value(b"x", b"N", 1, 4, 4)) + field(12, value(b"p", b"N", 2, 2, 2))
put("onnx", "conv", onnx(conv, relu, pool, w, b, ends, field(13, value(b"c", b"N", 2, 4, 4))))


def chain(*steps):
    """Nodes one after another: (operator, further inputs, attributes ...); x is the first input."""
    nodes, last = b"", b"x"
    for i, (op, inputs, *attributes) in enumerate(steps):
        out = b"p" if i + 1 == len(steps) else b"v%d" % i
        nodes += field(1, node(op, [last] + inputs, [out], *attributes))
        last = out
    return nodes


def longs(name, *numbers):
    return field(5, tensor(name, 7, [len(numbers)],
                           field(9, struct.pack("<%dq" % len(numbers), *numbers))))


def floats(name, *numbers):
    return field(5, tensor(name, 1, [len(numbers)],
                           field(9, struct.pack("<%df" % len(numbers), *numbers))))


def axis(number):
    return field(1, b"axis") + field(3, number) + field(20, 2)


ends4 = field(11, value(b"x", b"N", 4, 4, 4)) + field(12, value(b"p", b"N", 2))
put("onnx", "shuffle", onnx(
    chain((b"Reshape", [b"s"]), (b"Transpose", [], ints(b"perm", 0, 2, 1, 3, 4)),
          (b"Reshape", [b"t"]), (b"Slice", [b"one", b"end", b"one"]), (b"Pad", [b"pads"]),
          (b"Gather", [b"g"], axis(1)), (b"Flatten", []), (b"Softmax", [])),
    longs(b"s", 0, 2, 2, 4, 4), longs(b"t", 0, 4, 4, 4), longs(b"one", 1), longs(b"end", 9),
    longs(b"pads", 0, 0, 1, 0, 0, 0, 0, -1), longs(b"g", 2, 0), ends4))
put("onnx", "scales", onnx(
    field(1, node(b"Unsqueeze", [b"f", b"hw12"], [b"f3"])),
    chain((b"BatchNormalization", [b"f"] * 4), (b"Mul", [b"k"]), (b"Add", [b"f3"]),
          (b"Sub", [b"k"]), (b"Clip", [b"", b"k"]), (b"ReduceMean", [], ints(b"axes", 2, 3)),
          (b"Squeeze", [b"hw"]), (b"MatMul", [b"m"])),
    longs(b"hw12", 1, 2),
    longs(b"hw", 2, 3), floats(b"f", 1, 2, 3, 4), floats(b"k", 0.5),
    field(5, tensor(b"m", 1, [4, 2], field(9, struct.pack("<8f", *range(8))))), ends4))
put("onnx", "folds", onnx(
    field(1, node(b"Shape", [b"x"], [b"n"])), field(1, node(b"Gather", [b"n", b"z"], [b"n1"])),
    field(1, node(b"Concat", [b"n1", b"minus"], [b"n2"], axis(0))),
    field(1, node(b"ConstantOfShape", [b"four"], [b"c"])),
    field(1, node(b"Range", [b"a", b"e", b"a1"], [b"r"])),
    field(1, node(b"Relu", [b"x"], [b"y"])), field(1, node(b"Sigmoid", [b"y"], [b"q"])),
    field(1, node(b"Mul", [b"q", b"y"], [b"w"])), field(1, node(b"Reshape", [b"w", b"n2"], [b"p"])),
    longs(b"z", 0), longs(b"minus", -1), longs(b"four", 4), longs(b"a", 0), longs(b"e", 9),
    longs(b"a1", 2), ends4))
put("onnx", "unsorted", onnx(relu, conv, pool, w, b, ends))
put("onnx", "circle", onnx(field(1, node(b"Relu", [b"p"], [b"p"])), ends))
put("onnx", "twice", onnx(conv, conv, w, b, ends))
put("onnx", "weight_is_input", onnx(conv, w, b, ends, field(11, value(b"w", 2, 1, 2, 2))))
put("onnx", "types", onnx(*(field(5, tensor(b"t%d" % kind, kind, [2], field(9, bytes(2 * width))))
                            for kind, width in enumerate([0, 4, 1, 1, 2, 2, 4, 8, 0, 1, 2, 8, 4, 8,
                                                          8, 16, 2, 1]) if width)))
put("onnx", "typed", onnx(*(field(5, tensor(b"t%d" % kind, kind, [2], field(at, b"\1\2")))
                            for kind, at in ((2, 5), (3, 5), (6, 5), (7, 7), (9, 5), (10, 5),
                                             (12, 11), (13, 11), (16, 5)))))
put("onnx", "one_by_one", onnx(field(5, tensor(b"i", 7, [2], field(7, 300), field(7, 2**64 - 1))),
                               field(5, tensor(b"f", 1, [1], b"\x25" + bytes(4))),
                               field(5, tensor(b"d", 11, [1], b"\x51" + bytes(8)))))
put("onnx", "external", onnx(conv, field(5, tensor(b"w", 1, [2, 1, 2, 2], external(
    (b"location", b"w.bin"), (b"offset", b"8"), (b"length", b"32")))), b, ends))
put("onnx", "external_outside", onnx(field(5, tensor(b"w", 1, [1], external(
    (b"location", b"../w.bin"))))))
put("onnx", "constant", onnx(field(1, node(b"Constant", [], [b"k"], field(1, b"value") + field(
    5, tensor(b"", 7, [2], field(7, b"\1\xac\2"))) + field(20, 4)))))
put("onnx", "attributes", onnx(field(1, node(
    b"Op", [], [b"y"], field(1, b"f") + b"\x15" + bytes(4) + field(20, 1),
    field(1, b"fs") + field(7, bytes(8)) + field(20, 6), field(1, b"i") + field(3, 5),
    field(1, b"ss") + field(9, b"a") + field(9, b"b") + field(20, 8),
    field(1, b"r") + field(21, b"outer") + field(20, 2),
    field(1, b"g") + field(6, conv) + field(20, 5)))))
put("onnx", "function", onnx(conv, w, b, more=field(14, field(1, b"key") + field(2, b"value")) +
                             field(25, field(1, b"F") + field(10, b"local") + field(7, relu))))
put("onnx", "nested_graphs", onnx(field(1, node(b"If", [], [b"y"], field(1, b"g") + field(20, 5) +
                                                 nested(7000, 1, 5, 6)))))
put("onnx", "nested_types", onnx(field(11, field(1, b"x") + field(2, nested(7000, 1, 4)))))
put("onnx", "large_shape", onnx(field(5, tensor(b"w", 1, [65536, 65536], field(9, b"1234")))))
put("onnx", "many_empty", onnx(b"\x0a\x00" * 400))
put("onnx", "truncated", onnx(conv, w, b)[:-20])
put("onnx", "empty", b"")

jpegs()
