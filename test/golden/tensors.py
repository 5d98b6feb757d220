"""Reads and writes safetensors with NumPy alone, so that the system's Python is enough.

Also keeps SHA256SUMS, the list of digests beside the golden files. Knows nothing of networks.
"""
import hashlib
import json
import os
import struct

import numpy as np

NAMES = {"F32": np.float32, "F64": np.float64, "I64": np.int64, "U8": np.uint8}
DTYPES = {np.dtype(v): k for k, v in NAMES.items()}


def save(path, tensors, metadata):
    """tensors: name -> array, written in name order; metadata: text -> text."""
    header, blobs, offset = {"__metadata__": metadata}, [], 0
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        blob = array.astype(array.dtype.newbyteorder("<")).tobytes()
        header[name] = {"dtype": DTYPES[array.dtype], "shape": list(np.shape(tensors[name])),
                        "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def load(path):
    """Returns (tensors, metadata)."""
    with open(path, "rb") as f:
        data = f.read()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = np.frombuffer(data[8 + size + begin:8 + size + end], NAMES[entry["dtype"]])
        tensors[name] = array.reshape(entry["shape"])
    return tensors, metadata


def record_digest(path):
    """Puts the file's SHA-256 into SHA256SUMS beside it (sha256sum -c reads that)."""
    folder, name = os.path.split(os.path.abspath(path))
    sums = os.path.join(folder, "SHA256SUMS")
    lines = {}
    if os.path.exists(sums):
        with open(sums) as f:
            lines = {line.split()[1]: line.split()[0] for line in f if line.strip()}
    with open(path, "rb") as f:
        lines[name] = hashlib.sha256(f.read()).hexdigest()
    with open(sums, "w") as f:
        f.writelines(f"{lines[n]}  {n}\n" for n in sorted(lines))
