"""The seeds of pictures, arrays, tensors, training states and scans; make_corpus.py has the others."""
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
ten = b"".join(b"class %d\n" % i for i in range(10))
put("cifar", "names", ten + b"\n")
put("cifar", "names_dos", ten.replace(b"\n", b"\r\n"))
put("cifar", "names_eleven", ten + b"one")
put("cifar", "names_nine", ten[8:])
put("cifar", "names_last_line_open", ten[:-1])
put("cifar", "names_long", ten[8:] + b"x" * 65)
put("cifar", "names_tab", ten[8:] + b"a\tb\n")
put("cifar", "names_latin1", ten[8:] + b"\xe9\n")


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


# ---- training states -----------------------------------------------------------------------------
def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xffffffff


TABLE = []
for i in range(256):
    for _ in range(8):
        i = i >> 1 ^ (0x82f63b78 if i & 1 else 0)
    TABLE.append(i)

state = {"format": "deconvnet model 1", "network": "input1 = input 2x1x1\ndense1 = dense units=2\n"
         "softmax1 = softmax\n", "preprocess": "2x1x1 standardize", "classes": "2", "class_names": '["a","b"]', "step": "7",
         "producer": "deconvnet", "train.batch": "2", "train.seed": "3", "train.augment": "none",
         "train.rate": "0.5", "train.data": "fuzz", "train.data_hash": "%016x" % 2,
         "optimizer": "adam", "optimizer.step": "7"}
shapes = {"dense1.weight": [2, 2], "dense1.bias": [2]}


def checkpoint(drop=(), shape=None, values=None, sums=True, **changed):
    """A whole one, less what is dropped, with other metadata (train_batch: train.batch)."""
    facts = {**state, **{key.replace("_", ".", 1) if key.split("_")[0] in ("train", "optimizer")
                         else key: value for key, value in changed.items()}}
    header, data, n = {}, b"", 0
    for prefix in ("", "optimizer.exp_avg.", "optimizer.exp_avg_sq."):
        for name, dims in shapes.items():
            dims = (shape or {}).get(prefix + name, dims)
            count = 1
            for d in dims:
                count *= d
            bytes_ = (values or {}).get(prefix + name, struct.pack("<%df" % count, *(
                (n + i) / 8 for i in range(count))))
            n += 1
            if prefix + name in drop:
                continue
            header[prefix + name] = entry(dims, len(data), len(data) + len(bytes_))
            if sums:
                facts["crc32c." + prefix + name] = "%08x" % crc32c(bytes_)
            data += bytes_
    facts = {key: value for key, value in facts.items() if key not in drop}
    if sums:
        facts["crc32c"] = "%08x" % crc32c(b"".join(
            key.encode() + b"\0" + facts[key].encode() + b"\0" for key in sorted(facts)))
    return tensors({"__metadata__": facts, **header}, data)


put("checkpoint", "whole", checkpoint())
put("checkpoint", "without_sums", checkpoint(sums=False))
put("checkpoint", "exact", checkpoint(train_exact="1"))
put("checkpoint", "exact_odd", checkpoint(train_exact="2"))
put("checkpoint", "a_model", checkpoint(drop=("train.batch",)))
put("checkpoint", "other_batch", checkpoint(train_batch="4"))
put("checkpoint", "other_seed", checkpoint(train_seed="4"))
put("checkpoint", "other_data", checkpoint(train_data_hash="0000000000000003"))
put("checkpoint", "other_step", checkpoint(optimizer_step="8"))
put("checkpoint", "no_step", checkpoint(drop=("optimizer.step",)))
put("checkpoint", "far_step", checkpoint(step=str(2**62 - 1), optimizer_step=str(2**62 - 1)))
put("checkpoint", "rate_is_0_as_float", checkpoint(train_rate="1e-300"))
put("checkpoint", "rate_is_infinite_as_float", checkpoint(train_rate="1e300"))
put("checkpoint", "rate_is_no_number", checkpoint(train_rate="nan"))
put("checkpoint", "no_moment", checkpoint(drop=("optimizer.exp_avg_sq.dense1.bias",)))
put("checkpoint", "moment_shape", checkpoint(shape={"optimizer.exp_avg.dense1.bias": [1]}))
put("checkpoint", "moment_nan", checkpoint(values={
    "optimizer.exp_avg.dense1.bias": b"\xff" * 8}))
put("checkpoint", "square_below_0", checkpoint(values={
    "optimizer.exp_avg_sq.dense1.bias": struct.pack("<2f", 1, -1)}))
put("checkpoint", "other_network", checkpoint(network=state["network"].replace("softmax1", "s")))
put("checkpoint", "damaged", checkpoint()[:-1] + b"\1")
put("checkpoint", "truncated", checkpoint()[:-1])


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
put("scan", "first_and_end", scan(two, counts, first="0", end="2000"))
put("scan", "other_first", scan(two, counts, first="1"))
put("scan", "other_end", scan(two, counts, end="1999"))
put("scan", "other_processor", scan(two, counts, engine="ref (plain C, avx2)"))
put("scan", "exact_there", scan(two, counts, engine="ref (plain C), exact"))
put("scan", "exact_of_other", scan(two, counts, engine="cpu (plain C), exact"))
put("scan", "unfinished_longer", scan(two, counts, top="3", next="64"))
put("scan", "shorter", scan(two, counts, top="1"))
for name, tally in (("least_nan", (2, 2000, float("nan"), 2.5)), ("most_inf", (2, 2000, 0.5, inf)),
                    ("least_most", (2, 2000, 3, 2.5)), ("least_minus_0", (2, 1999, -0.0, 2.5)),
                    ("most_minus_0", (2, 0, -1, -0.0)), ("fired_few", (2, 1, 0, 2.5)),
                    ("fired_all", (2, 2000, 0, 2.5)), ("fired_not_all", (2, 1999, 0.5, 2.5)),
                    ("most_0", (2, 2000, 0.5, 0)), ("most_other", (2, 2000, 0.5, 2.75)),
                    ("least_above", (2, 2000, 2.25, 2.5)), ("most_below_0", (2, 1, -2, -1)),
                    ("none", (0, 0, 0, 0))):
    put("scan", "tally_" + name, scan(two, [tally, counts[1]]))
put("scan", "tally_no_picture", scan([[(0, 0, 0)] * 2] * 2, [(0, 0, inf, -inf)] * 2, next="0"))
for i, tally in enumerate(((1, 0, inf, -inf), (0, 1, inf, -inf), (0, 0, 1, -inf), (0, 0, inf, 1))):
    put("scan", "nothing_but_%d" % i, scan([[(0, 0, 0)] * 2] * 2, [(0, 0, inf, -inf), tally], next="0"))
put("scan", "value_minus_0", scan([two[0], [(1.0, 7, 9), (-0.0, 0, 0)]], counts))
put("scan", "value_behind", scan([two[0], [(1.0, 7, 9), (1.0, 0, 0)]], counts))
put("scan", "picture_behind", scan([two[0], [(1.0, 7, 9), (0.0, 1, 0)]], counts))
put("scan", "cell_behind", scan([two[0], [(1.0, 7, 9), (0.0, 0, 1)]], counts))
put("scan", "value_infinite", scan([[(inf, 1999, 63), (2.0, 3, 0)], two[1]], counts))
put("scan", "value_0", scan([[(2.5, 1999, 63), (0.0, 3, 0)], two[1]], counts))
put("scan", "count", scan(two, [(3, 2000, 0.5, 2.5), counts[1]]))
