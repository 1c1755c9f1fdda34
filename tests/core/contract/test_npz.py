"""Archives of strangers: whatever they claim, they are read as they were saved or refused, and nothing large is unpacked."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.contract.errors import UserError
from core.contract.files import read_npz, write_npz
from core.contract.npz import ArraySpec, NpzSchema, read_arrays

SCHEMA = NpzSchema(
    {"a": ArraySpec("float32", ("T", 3)), "b": ArraySpec("int32", ("T",))},
    {"T": (1, 1000)},
    limit=1 << 20,
)
ARRAYS = {"a": np.arange(12, dtype=np.float32).reshape(4, 3), "b": np.arange(4, dtype=np.int32)}


def member(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    size = len(header).to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + version + size + header.encode("latin1") + data


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as target:
        for name, data in members.items():
            target.writestr(name, data)
    return path


def refusal(path: Path, schema: NpzSchema | None = SCHEMA, **options: str) -> str:
    with pytest.raises(UserError) as caught:
        read_npz(path, schema, **options)  # pyright: ignore[reportArgumentType]
    assert caught.value.code == "file-unreadable" and caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("compress", [False, True])
def test_arrays_are_read_as_numpy_reads_them(tmp_path: Path, compress: bool) -> None:
    path = tmp_path / "arrays.npz"
    given = {
        "fortran": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)), "scalar": np.array(3.5), "text": np.array("é – 漢"),
        "flags": np.array([True, False]), "empty": np.zeros((0, 5), np.uint8), "big": np.arange(5, dtype=">i4"),
    }  # fmt: skip
    write_npz(path, given, compress=compress)
    read = read_npz(path)
    assert read.keys() == given.keys()
    for name, array in given.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].flags.c_contiguous and read[name].flags.writeable and read[name].dtype.isnative
        assert read[name].shape == array.shape


def test_a_schema_picks_its_members_and_binds_their_sizes(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    write_npz(path, ARRAYS | {"unknown": np.zeros(9)})
    assert set(read_npz(path, SCHEMA)) == {"a", "b"}
    write_npz(path, ARRAYS | {"b": np.arange(5, dtype=np.int32)})
    assert "b has shape [5], not [4]" in refusal(path)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"a": ARRAYS["a"].astype(np.float64)}, "a is float64"),
        ({"a": ARRAYS["a"][:, :2]}, "a has shape"),
        ({"a": ARRAYS["a"][None]}, "a has shape"),
        ({"a": np.zeros((0, 3), np.float32), "b": np.zeros(0, np.int32)}, "0 entries"),
        ({"a": np.zeros((1001, 3), np.float32)}, "1001 entries"),
    ],
)
def test_the_message_names_the_array_that_is_unlike_the_schema(tmp_path: Path, changed, named: str) -> None:
    path = tmp_path / "arrays.npz"
    write_npz(path, ARRAYS | changed)
    assert named in refusal(path)


def test_an_array_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    write_npz(path, {"a": ARRAYS["a"]})
    assert "b missing" in refusal(path)


HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), }"
BAD_MEMBERS = {
    "no array": b"text",
    "empty": b"",
    "huge claim": member(HEADER.replace("(4, 3)", "(10000000000, 3)")),
    "overflow": member(HEADER.replace("(4, 3)", "(4294967296, 4294967296, 3)")),
    "digits": member(HEADER.replace("(4, 3)", f"({'9' * 5000},)")),
    "negative": member(HEADER.replace("(4, 3)", "(-4, 3)"), bytes(48)),
    "objects": member(HEADER.replace("<f4", "|O"), bytes(96)),
    "records": member("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (12,), }", bytes(48)),
    "code": member("{'descr': __import__('os'), 'fortran_order': False, 'shape': (12,), }", bytes(48)),
    "brackets": member("{'descr': '<f4', 'fortran_order': False, 'shape': " + "(" * 3000 + ")" * 3000 + ", }"),
    "signs": member("{'descr': '<f4', 'fortran_order': False, 'shape': (" + "-" * 7000 + "1,), }"),
    "no header": b"\x93NUMPY\x01\x00\xff\xff",
    "long header": member(HEADER + " " * 9000, bytes(48)),
    "version": member(HEADER, bytes(48), b"\x09\x00"),
    "short": member(HEADER, bytes(40)),
    "long": member(HEADER, bytes(56)),
    "unknown type": member(HEADER.replace("<f4", "<f7"), bytes(84)),
    "dates": member(HEADER.replace("<f4", "<M8"), bytes(96)),
    "dimensions": member(HEADER.replace("(4, 3)", "(1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 3)"), bytes(48)),
}


@pytest.mark.parametrize("name", BAD_MEMBERS)
@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_headers_that_make_no_sense_are_refused(tmp_path: Path, name: str, schema: NpzSchema | None) -> None:
    path = archive(tmp_path / "bad.npz", {"a.npy": BAD_MEMBERS[name], "b.npy": member(HEADER, bytes(48))})
    refusal(path, schema)


def test_text_that_is_not_unicode_is_refused(tmp_path: Path) -> None:
    data = member("{'descr': '<U1', 'fortran_order': False, 'shape': (), }", b"\xff\xff\xff\x7f")
    assert "Unicode" in refusal(archive(tmp_path / "text.npz", {"note.npy": data}), None)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """4 MB of zeros that become 4 GB, as a known member, an unknown one, and many of them."""
    zeros = member("{'descr': '|u1', 'fortran_order': False, 'shape': (200000000,), }", bytes(200_000_000))
    path = archive(tmp_path / "bomb.npz", {"a.npy": zeros, "b.npy": zeros}, compression=zipfile.ZIP_DEFLATED)
    del zeros
    tracemalloc.start()
    try:
        assert "uint8" in refusal(path)
        with pytest.raises(UserError, match="more than the"):
            read_npz(path, limit=100 << 20)
        assert tracemalloc.get_traced_memory()[1] < 5 << 20
    finally:
        tracemalloc.stop()


def test_zips_of_other_kinds_are_refused(tmp_path: Path) -> None:
    good = member(HEADER, bytes(48))
    bzip2 = archive(tmp_path / "bzip2.npz", {"a.npy": good}, compression=zipfile.ZIP_BZIP2)
    assert "packed" in refusal(bzip2, None)
    many = archive(tmp_path / "many.npz", {f"{i}.npy": b"" for i in range(1025)})
    assert "1025 members" in refusal(many, None)
    twice = io.BytesIO()
    with zipfile.ZipFile(twice, "w") as target:
        target.writestr("a.npy", good)
        with pytest.warns(UserWarning, match="Duplicate"):
            target.writestr("a.npy", good)
    with pytest.raises(ValueError, match="two members"):
        read_arrays(twice)
    (tmp_path / "text.npz").write_text("PK, but no archive")
    assert "not an npz" in refusal(tmp_path / "text.npz", None)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    import os

    assert "cannot be read" in refusal(tmp_path / "gone.npz")
    assert "cannot be read" in refusal(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.npz")
        assert "not a file" in refusal(tmp_path / "pipe.npz")


def test_a_file_of_another_digest_is_refused(tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "arrays.npz"
    write_npz(path, ARRAYS)
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(read_npz(path, SCHEMA, sha256=right)) == {"a", "b"}
    write_npz(path, ARRAYS | {"b": ARRAYS["b"] + 1})
    assert "not what was saved" in refusal(path, sha256=right)


@pytest.mark.parametrize("compress", [False, True])
def test_flipped_bytes_are_refused_or_change_nothing(tmp_path: Path, compress: bool) -> None:
    path = tmp_path / "arrays.npz"
    write_npz(path, ARRAYS, compress=compress)
    whole, draw = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(500):
        data = bytearray(whole)
        for place in draw.integers(0, len(data), draw.integers(1, 4)):
            data[place] = draw.integers(256)
        path.write_bytes(data[: draw.integers(1, len(data) + 1)] if draw.random() < 0.3 else data)
        try:
            read = read_npz(path, SCHEMA)
        except UserError as error:
            assert error.code == "file-unreadable"
            refused += 1
        else:
            for name in ARRAYS:
                np.testing.assert_array_equal(read[name], ARRAYS[name])
    assert refused > 300
