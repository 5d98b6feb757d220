"""The limits of what files may cost: at the limit, one above it, far above it, by files made here.

SECURITY.md has the table. The last class asks what a kilobyte may cost."""
import os
import struct
import zlib

import faults
import mutations
import seeds
import tool
from tool import call, path, write
from volley import Volley

TRIED = []                      # (limit, how many inputs)


def sparse(name, size, head=b""):
    """A file of holes."""
    write(name, head)
    os.truncate(path(name), size)
    return path(name)


def flat_png(width, height, extra=b""):
    """All black, one bit a pixel."""
    pack, row = zlib.compressobj(9), b"\0" * ((width + 7) // 8 + 1)
    data = b"".join(pack.compress(row * min(4096, height - y)) for y in range(0, height, 4096)) + pack.flush()
    return (b"\x89PNG\r\n\x1a\n" + seeds.chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)) + extra
            + seeds.chunk(b"IDAT", data) + seeds.chunk(b"IEND", b""))


def tensors(header, numbers=b"", pad=0):
    return mutations.join_tensors(header.encode() + b" " * pad, numbers)


def member(i, at=0):
    return '"%d":{"dtype":"F32","shape":[0],"data_offsets":[%d,%d]}' % (i, at, at)


def onnx_shapes(dims):
    """An ONNX file with a tensor of these sizes, and nothing else that matters."""
    count = 1
    for n in dims:
        count *= n
    tensor = [[1, 0, n] for n in dims] + [[2, 0, 1], [8, 2, b"w"], [9, 2, bytes(4 * count)]]
    return mutations.build_message([[1, 0, 8], [7, 2, [[5, 2, tensor]]], [8, 2, [[1, 2, b""], [2, 0, 13]]]])


def onnx_chain(n, op=b"Relu", side=4):
    def value(name):
        sizes = [[1, 2, [[1, 0, d]]] for d in (1, 1, side, side)]
        return [[1, 2, name], [2, 2, [[1, 2, [[1, 0, 1], [2, 2, sizes]]]]]]
    nodes = [[1, 2, [[1, 2, b"x%d" % i], [2, 2, b"x%d" % (i + 1)], [4, 2, op]]] for i in range(n)]
    graph = nodes + [[11, 2, value(b"x0")], [12, 2, value(b"x%d" % n)]]
    return mutations.build_message([[1, 0, 8], [7, 2, graph], [8, 2, [[1, 2, b""], [2, 0, 13]]]])


def nested(depth):
    """A message in a message in a message: lengths first from the innermost."""
    data = b""
    for _ in range(depth):
        node = mutations.build_message([[4, 2, b"If"], [5, 2, mutations.build_message(
            [[1, 2, b"then_branch"], [6, 2, data], [20, 0, 5]])]])
        data = mutations.build_message([[1, 2, node]])
    return mutations.build_message([[1, 0, 8], [7, 2, data], [8, 2, [[1, 2, b""], [2, 0, 13]]]])


class Limits(tool.Case):
    def info(self, name, data, *more):
        if data is not None:
            write(name, data)
        return call("info", "--threads", 1, "--engine", "ref", "-b", 1, name, *more)

    def three(self, limit, name, inputs, code, *words):
        """inputs: at the limit, one above it, far above; each data or (data, options)."""
        for i, given in enumerate(inputs):
            data, options = given if isinstance(given, tuple) else (given, ())
            result = self.info(name, data, *options)
            if i == 0:
                self.assertEqual(result.returncode, 0, (limit, result.stderr[-300:]))
            else:
                self.bad(result, code, name, *words)
            os.unlink(path(name))
        TRIED.append((limit, len(inputs)))

    @classmethod
    def tearDownClass(cls):
        faults.figure("limits: %d limits, %d inputs at, one above and far above: accepted at the limit, refused by one right "
                      "line above it (%s)", len(TRIED), sum(n for _, n in TRIED), ", ".join(name for name, _ in TRIED))
        TRIED.clear()

    # ---- pictures ----

    def test_pictures(self):
        self.three("side", "a.png", [flat_png(32768, 1), flat_png(32769, 1), flat_png(0x7fffffff, 1)], 3, "@0x10", "limit")
        self.three("--max-side", "a.png", [(flat_png(9, 40000), ("--max-side", 40000)),
                                           (flat_png(9, 40001), ("--max-side", 40000))], 3, "limit of a side is 40000")
        self.three("pixels", "a.png", [flat_png(8192, 8192), flat_png(8192, 8193), flat_png(32768, 32768)], 3, "limit is 64")
        self.three("--max-pixels", "a.png", [(flat_png(100, 100), ("--max-pixels", 10000)),
                                             (flat_png(100, 101), ("--max-pixels", 10000))], 3, "limit is 10000")

    def test_png_chunks(self):
        def text(size):
            return seeds.chunk(b"tEXt", b"a\0" + b"x" * (size - 2))
        self.three("PNG chunk", "a.png", [flat_png(9, 9, text(n)) for n in (8000000, 8000001, 20000000)], 3, "8 MB")
        self.three("PNG chunks", "a.png", [flat_png(9, 9, text(2) * n) for n in (1000, 1001, 100000)], 3, "1000")

    def test_jpeg(self):
        picture, = seeds.corpus("jpeg", "grey")
        frame = picture.index(b"\xff\xc0")
        height, width = struct.unpack_from(">HH", picture, frame + 5)
        self.three("JPEG side", "a.jpg", [(picture, ("--max-side", max(width, height))),
                                          (picture, ("--max-side", max(width, height) - 1)),
                                          picture[:frame + 5] + struct.pack(">HH", 8, 65535) + picture[frame + 9:]],
                   3, "limit of a side")
        self.three("JPEG pixels", "a.jpg", [(picture, ("--max-pixels", width * height)),
                                            (picture, ("--max-pixels", width * height - 1)),
                                            picture[:frame + 5] + b"\xff" * 4 + picture[frame + 9:]], 3, "the limit is")
        # No encoder writes so many scans, so the hundredth is refused as well, but not for its number.
        scan, end = picture.index(b"\xff\xda"), picture.rindex(b"\xff\xd9")
        for scans, told in ((100, False), (101, True), (3000, True)):
            line = self.bad(self.info("a.jpg", picture[:scan] + picture[scan:end] * scans + picture[end:]), 3, "a.jpg")
            self.assertEqual("more than 100 scans" in line, told, line)
        TRIED.append(("JPEG scans", 3))

    # ---- models ----

    def test_safetensors(self):
        limit = 8 << 20
        self.three("safetensors header", "a.st", [tensors("{}", pad=limit - 2), tensors("{}", pad=limit - 1),
                                                  struct.pack("<Q", 1 << 62) + b"{}"], 3, "@0x0")
        self.three("--max-header-bytes", "a.st", [(tensors("{}", pad=98), ("--max-header-bytes", 100)),
                                                  (tensors("{}", pad=99), ("--max-header-bytes", 100))], 3, "limit is 100")
        self.three("tensors of a file", "a.st", [tensors("{%s}" % ",".join(map(member, range(n))))
                                                 for n in (100000, 100001, 140000)], 3, "100000")
        self.three("rank of a tensor", "a.st", [
            tensors('{"a":{"dtype":"F32","shape":[%s],"data_offsets":[0,4]}}' % ",".join(["1"] * n), b"abcd")
            for n in (8, 9, 3000)], 3, "8 dimensions")

    def test_json(self):
        for depth in (64, 65, 100000):
            deep = '{"a":%s1%s}' % ("[" * (depth - 1), "]" * (depth - 1))
            line = self.bad(self.info("a.st", tensors(deep)), 3, "a.st")        # no tensor is as deep as the limit
            self.assertEqual("deeper than 64" in line, depth > 64, line)
        TRIED.append(("JSON depth of a header", 3))
        seeds.make_run(path("run"))
        for depth in (8, 9, 100000):
            write("l.json", "[" * depth + "]" * depth)
            line = self.bad(call("info", "run", "--labels", "l.json"), 3, "l.json")
            self.assertEqual("nested" in line or "deep" in line, depth > 8, line)
        TRIED.append(("JSON depth of names", 3))

    def test_onnx(self):
        self.three("ONNX rank", "a.onnx", [self.with_rank(n) for n in (8, 9, 3000)], 3, "8 dimensions")
        whole = onnx_chain(3)
        self.three("--max-onnx-bytes", "a.onnx", [(whole, ("--max-onnx-bytes", len(whole))),
                                                  (whole, ("--max-onnx-bytes", len(whole) - 1))], 3, "the limit")
        self.three("--max-nodes", "a.onnx", [(whole, ("--max-nodes", 3)), (whole, ("--max-nodes", 2))], 3, "limit")
        for size, told in (((1 << 31) - 1, False), (1 << 31, True), (1 << 40, True)):
            line = self.bad(call("info", sparse("a.onnx", size, whole)), 3, "a.onnx")
            self.assertEqual("the limit of an ONNX file is 2147483647" in line, told, line)
            os.unlink(path("a.onnx"))
        TRIED.append(("ONNX file", 3))

    @staticmethod
    def with_rank(n):
        """A network beside which a tensor of that rank stands."""
        fields = mutations.parse_message(onnx_chain(2), seeds.ONNX)
        graph = next(f[2] for f in fields if f[0] == 7)
        graph.append([5, 2, [[1, 0, 1]] * n + [[2, 0, 1], [8, 2, b"w"], [9, 2, b"abcd"]]])
        return mutations.build_message(fields)

    def test_onnx_nodes(self):
        # The input is a node of the network too.
        self.three("ONNX nodes", "a.onnx", [onnx_chain(n) for n in ((99999, 100001, 150000) if faults.FULL
                                                                     else (2000, 100001))], 3, "100000")

    def test_onnx_depth(self):
        """Nothing follows graphs in graphs: their depth costs nothing, and nobody computes them."""
        for depth in (1, 32, 33, 101, 20000):
            self.bad(self.info("a.onnx", nested(depth)), 3, "a.onnx")
        TRIED.append(("ONNX depth", 5))

    # ---- networks ----

    def test_networks(self):
        def relus(nodes):
            return "input 4x4x1\n" + "relu\n" * (nodes - 1)
        net = "input 4x4x1; relu"
        self.three("network line", "n.txt", [net + " " * (4095 - len(net)) + "\n", net + " " * (4097 - len(net)) + "\n",
                                             net + " " * 50000], 2, "4096 bytes")
        self.three("network text", "n.txt", [net + "\n" * ((1 << 20) - len(net)), net + "\n" * ((1 << 20) + 1 - len(net)),
                                             net + "\n" * (1 << 22)], 3, "1048576")
        self.three("--max-text-bytes", "n.txt", [(net, ("--max-text-bytes", len(net))),
                                                 (net, ("--max-text-bytes", len(net) - 1))], 3, "--max-text-bytes")
        self.three("nodes of a text", "n.txt", [relus(n) for n in (1000, 1001, 180000)], 2, "limit is 1000")
        self.three("--max-nodes of a text", "n.txt", [(relus(2000), ("--max-nodes", 2000)),
                                                      (relus(2001), ("--max-nodes", 2000))], 2, "limit is 2000")
        self.three("elements of a value", "n.txt", ["input 32767x65536x1; relu", "input 32768x65536x1; relu",
                                                    "input 65536x65536x65536; relu"], 2, "2147483647")

    def test_arrays(self):
        def header(n):
            text = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 1), }" % n
            return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode()
        for n, told in (((1 << 31) - 1, False), (1 << 31, True), (1 << 62, True)):
            line = self.bad(self.info("a.npy", header(n)), 3, "a.npy")          # there are no numbers in any of them
            self.assertEqual("2147483648" in line or "2147483647" in line, told, line)
        TRIED.append(("elements of an array", 3))

    def test_plans(self):
        """80 % of the machine's memory, or what --max-memory says."""
        def plan(*more):
            return call("train", "--dry-run", "--data", "synthetic", *more)
        told = self.good(plan())
        mib = next(float(line.split()[1]) for line in told.splitlines() if line.startswith("memory")) * 1e6 / (1 << 20)
        self.good(plan("--max-memory", int(mib) + 1))
        self.bad(plan("--max-memory", int(mib)), 5, "MiB", "the limit is %d MiB" % int(mib))
        self.bad(plan("--max-memory", 1), 5, "the limit is 1 MiB")
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 10 * 8 >> 20
        write("large.txt", "input 4000x4000x16; relu; conv filters=16 kernel=3; relu; global_avg_pool; dense units=10; softmax"
              .replace("global_avg_pool; ", "max_pool 1000; "))
        self.bad(plan("--net", "large.txt", "-b", 4096), 5, "the limit is %d MiB" % memory)
        TRIED.append(("memory of a plan", 5))


class Small(tool.Case):
    """What a kilobyte may cost: at most 64 MiB more than nothing, and a second."""

    def test_kilobytes(self):
        flight = Volley("small")
        try:
            flight.good(["--version"])
            for name, data in self.inputs():
                self.assertLessEqual(len(data), 1024, name)
                with open("x", "wb") as file:
                    file.write(data)
                # Training and drawing cost what the network needs, up to --max-memory: not tried here.
                for arguments, outputs in ((["info", "x"], ()), (["convert", "x", "o.onnx"], ("o.onnx",))):
                    before = len(flight.faults)
                    flight.run(arguments, len(data), (0, 2, 3, 5, 6, 10), outputs)
                    self.assertEqual(flight.faults[before:], [], name)
            faults.figure("limits: %d files of up to 1 KiB made to be costly, %d runs: slowest %.2f s, largest %.1f MiB "
                          "(nothing: %.1f MiB)", len(self.inputs()), flight.runs, flight.slowest, flight.largest / 1024,
                          flight.base / 1024)
        finally:
            flight.close()

    @staticmethod
    def inputs():
        def fill(head, piece, size=1023):
            return (head + piece * ((size - len(head)) // len(piece))).encode()
        made = [("tall relus", fill("input 46000x46000x1;", "relu;")), ("tall pools", fill("input 65000x33000x1;", "max_pool 1;")),
                ("tall windows", fill("input 40000x40000x1;", "max_pool 999 stride=1;")),
                ("wide filters", fill("input 8x8x1;", "conv filters=65536 kernel=1;")),
                ("large filters", fill("input 1024x1024x1;", "conv filters=9 kernel=1023 pad=511;")),
                ("large dense", b"input 1000x1000x3;dense units=700;softmax"),
                ("branches", fill("a=input 9000x9000x9;b=relu;", "concat a b;add a b;")),
                ("deep JSON", tensors('{"a":' + "[" * 1000)), ("deep names", b"[" * 1024),
                ("wide JSON", tensors('{"a":[' + "0," * 500)), ("sizes", tensors('{"a":{"dtype":"F32","shape":[4294967295,'
                 '4294967295,4294967295],"data_offsets":[0,9223372036854775807]}}')),
                ("nested graphs", nested(12)), ("large input", onnx_chain(3, side=8000)),
                ("larger input", onnx_chain(3, side=40000)), ("largest input", onnx_chain(3, side=(1 << 62))),
                ("values", mutations.seal_records([b"\x1a\x0dbrain.Event:2", b"\x2a\xf0\x06" + b"\x0a\0" * 440])),
                ("gzip", zlib_bomb()), ("rows", seeds.idx([0x7fffffff, 1, 1], b"")), ("square", seeds.idx([9, 32768, 32768], b"")),
                ("npy", b"\x93NUMPY\1\0\x76\0" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }"
                 % (b"1, " * 20)), ("line", b"x" * 1024), ("PNG", flat_png(700, 9000)[:1024])]
        for width, height in ((700, 9000), (8192, 8192), (1, 30000), (30000, 1), (100000, 100000)):
            row = zlib.compress(b"\0" * 700000, 9)
            made.append(("PNG %dx%d" % (width, height), b"\x89PNG\r\n\x1a\n" + seeds.chunk(b"IHDR", struct.pack(
                ">IIBBBBB", width, height, 1, 0, 0, 0, 0)) + seeds.chunk(b"IDAT", row) + seeds.chunk(b"IEND", b"")))
        for name in ("grey", "progressive"):
            picture, = seeds.corpus("jpeg", name)
            frame = max(picture.find(b"\xff\xc0"), picture.find(b"\xff\xc2"))
            for height, width in ((60, 60), (8000, 8000), (65535, 1), (65535, 65535)):
                made.append(("JPEG %dx%d" % (width, height), picture[:frame + 5] + struct.pack(">HH", height, width)
                             + picture[frame + 9:]))
        return [(name, data) for name, data in made if len(data) <= 1024]


def zlib_bomb():
    """1 KiB that becomes a megabyte, as its header says it would."""
    return mutations.pack(seeds.idx([1, 1000, 1000], b"\0" * 1000000))
