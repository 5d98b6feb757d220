"""What all end-to-end tests share: running the command, the error line, small files."""
import json
import os
import re
import struct
import subprocess
import unittest
import zlib

COMMAND = None      # set by run.py
FOLDER = None

ERROR = re.compile(r"^[a-z0-9_-]+: error: [^\x00-\x1f]+?(:\d+(:\d+)?|@0x[0-9a-f]+)?: .+; .+$")

# Small enough that a step takes a millisecond; two layers end in a max pool.
NET = ("input 12x12x3; conv filters=6 kernel=3; relu; max_pool 2; conv filters=8 kernel=3; relu; "
       "max_pool 2; conv filters=10 kernel=3; relu; avg_pool 3; softmax")


# The same for a build that cannot scale pictures: a crop of the data's 32 x 32.
CROPPED = ("input 24x24x3; conv filters=4 kernel=3 stride=2; relu; max_pool 2; conv filters=10 kernel=3; "
           "relu; avg_pool 6; softmax")


def environment(**more):
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith("DECONVNET_") and k not in ("NO_COLOR", "COLORTERM")}
    kept.update(HOME=FOLDER, XDG_CACHE_HOME=os.path.join(FOLDER, "cache"), TERM="dumb", **more)
    return kept


def call(*arguments, env=None, cwd=None, timeout=120, **more):
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, cwd=cwd or FOLDER,
                          env=env or environment(), timeout=timeout, stdin=subprocess.DEVNULL, **more)


def start(*arguments, env=None, **more):
    return subprocess.Popen([COMMAND, *map(str, arguments)], cwd=FOLDER, env=env or environment(),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            **more)


def path(*parts):
    return os.path.join(FOLDER, *parts)


def read(*parts):
    with open(path(*parts), "rb") as file:
        return file.read()


def write(name, data):
    with open(path(name), "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    return path(name)


def train(out, steps, *more, **how):
    return call("train", "--data", "synthetic", "--net", NET, "--steps", steps, "-b", 16, "-q", "--out",
                out, *more, **how)


def png(width, height, pixel):
    """A PNG of one colour: (r, g, b)."""
    return png_of(width, height, bytes(pixel) * (width * height))


def png_of(width, height, pixels):
    """A PNG of RGB bytes."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    stride = 3 * width
    rows = b"".join(b"\0" + pixels[y * stride:(y + 1) * stride] for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def png_read(data, most=None):
    """(width, height, channels, rows without filters, {keyword: text}) of an 8-bit PNG; most: rows."""
    at, texts, pixels = 8, {}, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + size]
        at += 12 + size
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack_from(">IIBB", body)
            assert depth == 8
            channels = {0: 1, 2: 3}[color]
        elif kind == b"IDAT":
            pixels += body
        elif kind == b"tEXt":
            keyword, _, text = body.partition(b"\0")
            texts[keyword.decode()] = text.decode("latin-1")
    raw, stride, rows = zlib.decompress(pixels), width * channels, []
    last = bytearray(stride)
    for y in range(height if most is None else min(most, height)):
        mode, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride):
            a = line[i - channels] if i >= channels else 0
            b, c = last[i], last[i - channels] if i >= channels else 0
            p = a + b - c
            near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, near)[mode]) & 255
        rows.append(bytes(line))
        last = line
    return width, height, channels, rows, texts


def tensors(data):
    """{name: (dtype, shape, bytes)}, metadata of a safetensors file."""
    size, = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__", {})
    return {name: (t["dtype"], t["shape"], data[8 + size + t["data_offsets"][0]:
                                                8 + size + t["data_offsets"][1]])
            for name, t in header.items()}, metadata


def floats(tensor):
    return struct.unpack("<%df" % (len(tensor[2]) // 4), tensor[2])


class Case(unittest.TestCase):
    def good(self, result):
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        return result.stdout.decode()

    def bad(self, result, code, *words):
        """One line of the shape, the exit code, and the words in it."""
        text = result.stderr.decode()
        self.assertEqual(result.returncode, code, text)
        lines = text.splitlines()
        errors = [line for line in lines if ": error: " in line]
        self.assertEqual(len(errors), 1, text)
        self.assertEqual(lines[-1], errors[0])
        self.assertRegex(errors[0], ERROR)
        self.assertLessEqual(len(errors[0].encode()) + 1, 400)
        for word in words:
            self.assertIn(word, errors[0])
        return errors[0]
