"""Number patterns that test/unit/golden_common.h makes again in C, so that big inputs need no room
in a file: a 32-bit linear congruential generator and three ways to read it."""
import numpy as np


def bits(count, seed):
    """The upper 15 of 31 bits of each state: 0..32767."""
    out, state = np.empty(count, np.int64), seed & 0xFFFFFFFF
    for i in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = (state >> 16) & 0x7FFF
    return out


def real(shape, seed, exponent):
    """Uniform in [-1, 1) * 2**exponent, exact in float32."""
    return ((bits(int(np.prod(shape)), seed) - 16384) * 2.0 ** (exponent - 14)).reshape(shape)


def whole(shape, seed, limit):
    """Whole numbers -limit..limit."""
    return (bits(int(np.prod(shape)), seed) % (2 * limit + 1) - limit).astype(float).reshape(shape)


def sparse(shape, seed, period):
    """+1 and -1, each one in `period` times, else 0."""
    v = bits(int(np.prod(shape)), seed) % period
    return ((v == 0) * 1.0 - (v == 1) * 1.0).reshape(shape)


def make(text, shape):
    """From its description: "real SEED EXPONENT", "whole SEED LIMIT" or "sparse SEED PERIOD"."""
    word, seed, argument = text.split()
    return {"real": real, "whole": whole, "sparse": sparse}[word](shape, int(seed), int(argument))


def checksum(array):
    """Of whole numbers: sum of value * (position % 65521 + 1). One wrong element changes it."""
    flat = np.asarray(array).reshape(-1)
    values = flat.astype(np.int64)
    assert (values == flat).all()
    return np.array([int((values * (np.arange(values.size) % 65521 + 1)).sum())], np.int64)
