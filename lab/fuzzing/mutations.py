"""Hypothesis strategies that damage valid inputs: bytes of any kind, text, JSON and npz archives.

Every strategy draws a whole damaged input, so that hypothesis can shrink an input that a reader handles badly.
"""

from __future__ import annotations

import copy
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

_MAX_EDITS = 4
_BOMB_BYTES = 1 << 30
"""Size of the largest array that is announced or compressed."""
_HOSTILE_TEXT = (
    "", ".", "..", "../../escaped", "/tmp/escaped", "C:\\escaped", "\\\\host\\share\\clip.mp4", "a/b", "a\\b", "con", "nul.npz",
    ".hidden", "name\x00", "\ud800", "\u202e", "x" * 5000, "${HOME}", "~root", "%s%n", "NaN",
)  # fmt: skip
_HOSTILE_NUMBERS = (
    0, -1, 1, 2, 1 << 31, 1 << 63, 1 << 70, -(1 << 70), 0.5, 1e-300, 1e30, 1e308, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip


def damaged_bytes(example: bytes) -> st.SearchStrategy[bytes]:
    """The example with a few bytes flipped, overwritten, inserted, removed or repeated."""
    edit = st.one_of(
        st.tuples(st.just("flip"), st.integers(0, max(len(example) * 8 - 1, 0))),
        st.tuples(st.just("overwrite"), _offsets(example), st.binary(min_size=1, max_size=16)),
        st.tuples(st.just("insert"), _offsets(example), st.binary(min_size=1, max_size=64)),
        st.tuples(st.just("remove"), _offsets(example), st.integers(1, 4096)),
        st.tuples(st.just("repeat"), _offsets(example), st.integers(1, 4096)),
        st.tuples(st.just("truncate"), _offsets(example)),
    )
    return st.lists(edit, min_size=1, max_size=_MAX_EDITS).map(lambda edits: _edit_bytes(example, edits))


def damaged_text(example: str) -> st.SearchStrategy[bytes]:
    """UTF-8 text with tokens replaced, removed, repeated or moved, or with damaged bytes."""
    tokens = example.split(" ")
    edit = st.tuples(
        st.sampled_from(("replace", "remove", "repeat", "swap")),
        st.integers(0, len(tokens) - 1),
        st.integers(0, len(tokens) - 1),
        st.one_of(
            st.sampled_from([str(number) for number in _HOSTILE_NUMBERS] + ["1e999", "--1", "0x1", "{", "}"]),
            st.text(max_size=8),
        ),
    )
    by_token = st.lists(edit, min_size=1, max_size=_MAX_EDITS).map(lambda edits: _edit_tokens(tokens, edits))
    return st.one_of(by_token, damaged_bytes(example.encode()))


def damaged_json(example: Mapping[str, Any]) -> st.SearchStrategy[bytes]:
    """JSON with values of the wrong type, hostile values, missing, renamed or nested entries, or with damaged bytes."""
    paths = _paths(example)
    edit = st.tuples(
        st.sampled_from(paths), st.sampled_from(("replace", "remove", "rename", "nest")), _hostile_values()
    )
    by_value = st.lists(edit, min_size=1, max_size=_MAX_EDITS).map(lambda edits: _edit_record(example, edits))
    deep = st.tuples(st.integers(500, 200_000), st.sampled_from(("[", '{"a":'))).map(
        lambda drawn: (drawn[1] * drawn[0]).encode()
    )
    plain = json.dumps(example).encode()
    return st.one_of(by_value, by_value, damaged_bytes(plain), deep)


def damaged_npz(example: Mapping[str, np.ndarray]) -> st.SearchStrategy[bytes]:
    """An npz with arrays of wrong shape, type or values, forged headers, pickles or compression bombs, or with damaged bytes."""
    edit = st.tuples(
        st.sampled_from(sorted(example)),
        st.sampled_from(sorted(_ARRAY_EDITS)),
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(_HOSTILE_NUMBERS),
    )
    by_array = st.lists(edit, min_size=1, max_size=_MAX_EDITS).map(lambda edits: _edit_arrays(example, edits))
    forged = st.tuples(st.sampled_from(sorted(example)), st.sampled_from(_FORGED_HEADERS)).map(
        lambda drawn: pack_npz(example, {drawn[0]: drawn[1]})
    )
    bomb = st.sampled_from(sorted(example)).map(lambda name: _with_bomb(example, name))
    return st.one_of(by_array, by_array, by_array, forged, bomb, damaged_bytes(pack_npz(example)))


def pack_npz(arrays: Mapping[str, np.ndarray], raw_members: Mapping[str, bytes] | None = None) -> bytes:
    """The bytes of an npz of these arrays; `raw_members` replaces the content of some `.npy` members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            raw = (raw_members or {}).get(name)
            archive.writestr(f"{name}.npy", _npy(array) if raw is None else raw)
    return stream.getvalue()


def _offsets(example: bytes) -> st.SearchStrategy[int]:
    """Positions in the example; heads and tails of files, where formats keep their structure, are drawn more often."""
    last = max(len(example) - 1, 0)
    return st.one_of(st.integers(0, min(last, 256)), st.integers(max(last - 256, 0), last), st.integers(0, last))


def _edit_bytes(example: bytes, edits: list[Any]) -> bytes:
    data = bytearray(example)
    for kind, at, *rest in edits:
        if not data:
            break
        at = min(at, len(data) * 8 - 1 if kind == "flip" else len(data) - 1)
        match kind:
            case "flip":
                data[at // 8] ^= 1 << at % 8
            case "overwrite":
                data[at : at + len(rest[0])] = rest[0]
            case "insert":
                data[at:at] = rest[0]
            case "remove":
                del data[at : at + rest[0]]
            case "repeat":
                data[at:at] = data[at : at + rest[0]]
            case _:
                del data[at:]
    return bytes(data)


def _edit_tokens(tokens: list[str], edits: Sequence[tuple[str, int, int, str]]) -> bytes:
    edited = list(tokens)
    for kind, at, other, text in edits:
        if not edited:
            break
        at, other = min(at, len(edited) - 1), min(other, len(edited) - 1)
        match kind:
            case "replace":
                edited[at] = text
            case "remove":
                del edited[at]
            case "repeat":
                edited[at:at] = edited[at : at + 50]
            case _:
                edited[at], edited[other] = edited[other], edited[at]
    return " ".join(edited).encode("utf-8", "surrogatepass")


def _hostile_values() -> st.SearchStrategy[Any]:
    scalar = st.one_of(
        st.none(),
        st.booleans(),
        st.sampled_from(_HOSTILE_NUMBERS),
        st.sampled_from(_HOSTILE_TEXT),
        st.text(max_size=20),
    )
    return st.recursive(
        scalar,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(("id", "path", "x")), inner, max_size=3)
        ),
        max_leaves=6,
    )


def _paths(record: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every entry of a JSON value as the keys and indices that lead to it."""
    entries = (
        record.items() if isinstance(record, Mapping) else enumerate(record) if isinstance(record, list | tuple) else ()
    )
    found = [path] if path else []
    for key, value in entries:
        found += _paths(value, (*path, key))
    return found


def _edit_record(example: Mapping[str, Any], edits: Sequence[tuple[tuple[Any, ...], str, Any]]) -> bytes:
    record = json.loads(json.dumps(example))
    for path, kind, value in edits:
        parent = record
        try:
            for key in path[:-1]:
                parent = parent[key]
            entry = parent[path[-1]]
            if kind == "replace" or isinstance(parent, list):
                parent[path[-1]] = value
            elif kind == "nest":
                parent[path[-1]] = [copy.deepcopy(entry)]
            else:
                del parent[path[-1]]
                if kind == "rename":
                    parent[f"{path[-1]}_"] = entry
        except (KeyError, IndexError, TypeError):
            continue  # an earlier edit removed the entry
    return json.dumps(record).encode("utf-8", "surrogatepass")


def _fill(array: np.ndarray, fraction: float, number: float) -> np.ndarray:
    """One value replaced by a hostile one, as far as the array's type can hold it."""
    changed = array.copy()
    if changed.size and changed.dtype.kind in "fiu":
        with np.errstate(all="ignore"):
            value = number if changed.dtype.kind == "f" else _fitting_integer(number, changed.dtype)
            changed.flat[int(fraction * changed.size)] = value
    return changed


def _fitting_integer(number: float, dtype: np.dtype) -> int:
    limits = np.iinfo(dtype)
    if number != number:
        return int(limits.min)
    return int(min(max(number, limits.min), limits.max))


_ARRAY_EDITS: dict[str, Callable[[np.ndarray, float, float], np.ndarray | None]] = {
    "remove": lambda array, fraction, number: None,
    "value": _fill,
    "value again": _fill,
    "values": lambda array, fraction, number: np.full_like(array, 0) if array.dtype.kind in "OUS" else array * 0 + 1,
    "empty": lambda array, fraction, number: array[:0] if array.ndim else array,
    "shorter": lambda array, fraction, number: array[: int(len(array) * fraction)] if array.ndim else array,
    "longer": lambda array, fraction, number: np.concatenate([array, array[:1]]) if array.ndim else array,
    "axis more": lambda array, fraction, number: array[None],
    "axis less": lambda array, fraction, number: array[0] if array.ndim and len(array) else array,
    "transposed": lambda array, fraction, number: array.T,
    "reversed": lambda array, fraction, number: array[::-1] if array.ndim else array,
    "flattened": lambda array, fraction, number: array.reshape(-1),
    "scalar": lambda array, fraction, number: np.array(1.0),
    "text": lambda array, fraction, number: np.array(["text"]),
    "other type": lambda array, fraction, number: array.astype(np.complex64 if array.dtype.kind in "fiu" else "S4"),
    "float16": lambda array, fraction, number: array.astype(np.float16) if array.dtype.kind in "fiu" else array,
    "integers": lambda array, fraction, number: (
        np.nan_to_num(array).astype(np.int64) if array.dtype.kind in "fiu" else array
    ),
    "big-endian": lambda array, fraction, number: array.astype(array.dtype.newbyteorder(">")),
}


def _edit_arrays(example: Mapping[str, np.ndarray], edits: list[tuple[str, str, float, float]]) -> bytes:
    arrays = dict(example)
    for name, kind, fraction, number in edits:
        if name not in arrays:
            continue
        with np.errstate(all="ignore"):
            changed = _ARRAY_EDITS[kind](arrays[name], fraction, number)
        if changed is None:
            del arrays[name]
        else:
            arrays[name] = changed
    return pack_npz(arrays)


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
    return stream.getvalue()


def _forged_npy(header: str) -> bytes:
    """A member that announces an array by this header and has hardly any data."""
    padded = header.encode() + b" " * (118 - len(header) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + b"\x00" * 64


_FORGED_HEADERS = tuple(
    _forged_npy(header)
    for header in (
        "{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f4', 'fortran_order': 7, 'shape': (2,), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}",
        "{'descr': '<U1000000', 'fortran_order': False, 'shape': (1000,), }",
        "{'descr': '<f4', 'shape': (",
        "((((((((((",
        "[" * 2000,
        "__import__('os').system('true')",
    )
) + (b"", b"\x93NUMPY", b"\x93NUMPY\x03\x00\xff\xff\xff\x7f", b"cos\nsystem\n(S'true'\ntR.")


@lru_cache(maxsize=1)
def _compressed_zeros() -> tuple[bytes, int, int]:
    """A raw deflate stream of `_BOMB_BYTES` zeros behind an npy header; size and CRC of what it unpacks to."""
    header = _forged_npy(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({_BOMB_BYTES},), }}")[:-64]
    deflate, crc, block = zlib.compressobj(1, zlib.DEFLATED, -15), zlib.crc32(header), bytes(1 << 22)
    parts = [deflate.compress(header)]
    for _ in range(_BOMB_BYTES // len(block)):
        parts.append(deflate.compress(block))
        crc = zlib.crc32(block, crc)
    return b"".join([*parts, deflate.flush()]), len(header) + _BOMB_BYTES, crc


def _with_bomb(example: Mapping[str, np.ndarray], name: str) -> bytes:
    """The archive with one member that unpacks to a gigabyte of zeros."""
    data, size, crc = _compressed_zeros()
    others = {other: array for other, array in example.items() if other != name}
    stream = io.BytesIO(pack_npz(others))
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{name}.npy", data)
        # zipfile writes its directory from these fields when it closes, so the stored bytes pass for a compressed member
        info = archive.getinfo(f"{name}.npy")
        info.compress_type, info.file_size, info.CRC = zipfile.ZIP_DEFLATED, size, crc
        local = stream.getbuffer()
        local[info.header_offset + 8 : info.header_offset + 10] = zipfile.ZIP_DEFLATED.to_bytes(2, "little")
        local[info.header_offset + 14 : info.header_offset + 18] = crc.to_bytes(4, "little")
        local[info.header_offset + 22 : info.header_offset + 26] = size.to_bytes(4, "little")
        local.release()
    return stream.getvalue()
