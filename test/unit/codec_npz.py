"""Reads what codec_npz.c wrote, with zipfile and numpy. Ends with 77 where numpy is missing."""
import pathlib
import sys
import zipfile

try:
    import numpy as np
except ImportError:
    print("numpy is not there: install python3-numpy")
    sys.exit(77)

WANT = {
    "f": np.array([[0, 1, 2], [3, 4, 5]], dtype="<f4") - 2.5,
    "deep/n": np.array([-1, 2**40], dtype="<i8"),
    "bytes": np.arange(256, dtype="u1").reshape(1, 1, 1, 1, 1, 1, 2, 128),
    "one": np.float32(7.5),
    "none": np.zeros((0, 5), dtype="<f4"),
    "\u00e4\u7f51": np.arange(1000, dtype="<f4"),
}


def check(path, wide):
    with zipfile.ZipFile(path) as z:
        assert z.testzip() is None
        for info in z.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.date_time == (1980, 1, 1, 0, 0, 0), info.date_time
            assert not info.flag_bits & 8, "a data descriptor follows"
            assert (info.extract_version == 45) == (wide and info.file_size >= wide
                                                    or bool(wide) and info.header_offset >= wide)
            # The local header tells the same, for readers that go from member to member.
            local = path.read_bytes()[info.header_offset:][:30]
            assert local[:4] == b"PK\x03\x04"
            assert int.from_bytes(local[14:18], "little") == info.CRC
            stored = int.from_bytes(local[18:22], "little")
            assert stored == (0xffffffff if wide and info.file_size >= wide else info.file_size)
    # zipfile does not look at where the locator points.
    whole = path.read_bytes()
    assert (whole[-42:-38] == b"PK\x06\x07") == bool(wide)
    if wide:
        at = int.from_bytes(whole[-34:-26], "little")
        assert whole[at:at + 4] == b"PK\x06\x06" and at == len(whole) - 22 - 20 - 56
    with np.load(path, allow_pickle=False) as found:
        assert sorted(found.files) == sorted(WANT), found.files
        for name, want in WANT.items():
            assert found[name].dtype == want.dtype and found[name].shape == want.shape, name
            assert (found[name] == want).all(), name


folder = pathlib.Path(sys.argv[1])
check(folder / "plain.npz", 0)
for limit in 0, 1, 200, 1500:
    check(folder / f"wide{limit}.npz", limit or 1)
with np.load(folder / "nothing.npz") as found:
    assert found.files == []
with np.load(folder / "many.npz") as found:
    assert len(found.files) == 66000 and found["a65999"].tolist() == [65999]
