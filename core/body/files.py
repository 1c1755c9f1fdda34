"""Reads body files: the free default body and the SMPL-X files that users download. Other models are refused with a reason."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
import re
import tokenize
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO

import numpy as np
import torch
from jaxtyping import Float

from ..contract.errors import UserError
from ..contract.npz import ARCHIVE_ERRORS
from ..contract.skeleton import JOINTS, PARENTS
from ..digests import content_key
from ..shipped import check_shipped, shipped_files
from .model import NUM_BETAS, BodyModel

DEFAULT_BODY = Path(__file__).parent / "data" / "SMPLX_NEUTRAL.npz"
"""The free default body; its licence is in LICENSE.md beside it."""

_NUM_SHAPES, _NUM_EXPRESSIONS = 300, 100
"""`shapedirs` of SMPL-X v1.1 holds 300 shape and then 100 expression blend shapes."""
_NUM_SHAPES_V1_0 = 10
"""`shapedirs` of SMPL-X v1.0 holds 10 and 10."""
_MAX_BYTES = 1 << 30
"""Of one array; the largest of SMPL-X v1.1 has 120 MB."""
_CHUNK = 1 << 20
_LARGEST = 100.0
"""Of the numbers of a body: metres, weights, texture coordinates."""

_LICENSED_NAMES = ("SMPLX_NEUTRAL.npz", "SMPLX_NEUTRAL_2020.npz", "SMPLX_FEMALE.npz", "SMPLX_MALE.npz")
_LAYOUTS = ("smplx", "models", "models/smplx", "*/models/smplx", "*/smplx", "*")
"""Folders of the official archives that hold body files, relative to the folder that the user chose."""

_GET_SMPLX = (
    "Download 'SMPL-X v1.1 (NPZ+PKL)' from https://smpl-x.is.tue.mpg.de and choose models/smplx/SMPLX_NEUTRAL.npz, "
    "or leave the body file empty to use the free body."
)
_READ_ERRORS = (*ARCHIVE_ERRORS, tokenize.TokenError, SyntaxError, TypeError, AttributeError, MemoryError)
"""What zipfile, zlib and numpy raise for damaged archives."""


def load_body(path: Path | None) -> BodyModel:
    """Load a body in SMPL-X's npz layout, on the CPU in float32.

    `path` is a file, or a folder with SMPL-X files in one of the official layouts (neutral is preferred to female and male);
    None is the free default body. Pickles are never opened. The same file returns the same object again, so that results
    cached by body are found again too.

    UserError `body-not-found`, `body-pickle`, `body-variant` (another model of the SMPL family, which the message names),
    `body-damaged`, or for the default body `file-damaged`. Locked-head files are recognised by the name of the file or its
    folder only, since their arrays look like those of SMPL-X.
    """
    file = DEFAULT_BODY if path is None else find_body_file(path)
    check_shipped(file)
    _refuse_by_name(file)
    try:
        return _load(file, file.stat().st_mtime_ns)
    except OSError as error:
        raise _damaged(file, str(error)) from error


@lru_cache(maxsize=2)
def _load(file: Path, _modified: int) -> BodyModel:
    try:
        with zipfile.ZipFile(file) as archive:
            return _read(archive, file)
    except _READ_ERRORS as error:
        raise _damaged(file, str(error) or type(error).__name__) from error


def find_body_file(path: Path) -> Path:
    """The body file itself, or the one to use of a folder. UserError `body-not-found` if there is none."""
    if path.is_file():
        return path
    if not path.is_dir():
        raise UserError("body-not-found", f"There is no body file or folder at {path}.", _GET_SMPLX)
    folders = [path, *(folder for layout in _LAYOUTS for folder in sorted(path.glob(layout)) if folder.is_dir())]
    found = [folder / name for name in _LICENSED_NAMES for folder in folders if (folder / name).is_file()]
    if found:
        return next((file for file in found if not _is_locked_head(file)), found[0])
    other = next(_other_models(folders), None)
    if other is not None:
        return other
    raise UserError("body-not-found", f"There is no SMPL-X file (SMPLX_NEUTRAL.npz) in {path}.", _GET_SMPLX)


def _other_models(folders: list[Path]) -> Iterator[Path]:
    """Files of other models, whose error message tells users what they have instead; the closest relatives come first."""
    for pattern in (
        "SMPLX_*.pkl",
        "model.npz",
        "SMPLH_*",
        "SMPL*.npz",
        "SMPL*.pkl",
        "basic*odel*.pkl",
        "MANO*",
        "FLAME*",
    ):
        for folder in folders:
            yield from (file for file in sorted(folder.glob(pattern)) if file.is_file())


def _is_locked_head(file: Path) -> bool:
    return re.search(r"lock(ed)?[ _-]?head", str(file), re.IGNORECASE) is not None


def _refuse_by_name(file: Path) -> None:
    if file.suffix.lower() in (".pkl", ".pickle"):
        raise UserError(
            "body-pickle",
            f"{file.name} is a pickle, which can run any code when it is opened; it was not opened.",
            _GET_SMPLX,
        )
    if _is_locked_head(file):
        raise _variant(file, "the locked-head variant of SMPL-X, whose shape coefficients are not SMPL-X's own")


def _read(archive: zipfile.ZipFile, file: Path) -> BodyModel:
    names = {name.removesuffix(".npy") for name in archive.namelist()}
    if {"poses", "trans"} <= names:
        raise UserError("body-variant", f"{file.name} is a motion file, not a body file.", _GET_SMPLX)
    missing = {"v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f"} - names
    if missing:
        raise _damaged(file, f"it has no {', '.join(sorted(missing))}")

    v_template = _member(archive, "v_template").astype(np.float64)
    vertices = len(v_template)
    parents = _member(archive, "kintree_table")[0].astype(np.int64)
    _refuse_by_size(file, vertices, len(parents), "hands_componentsl" in names)
    if not np.array_equal(parents[1:], PARENTS[1:]):
        raise _damaged(file, "its joints form a different kinematic tree from SMPL-X's")

    # the default body has been compared with its digest as a whole
    shapedirs = _shapedirs(archive, whole=file.resolve() not in shipped_files())
    posedirs = _member(archive, "posedirs")
    J_regressor = _member(archive, "J_regressor").astype(np.float64)
    lbs_weights = _member(archive, "weights").astype(np.float64)
    faces = _member(archive, "f").astype(np.int64)
    joints = len(JOINTS)
    _check_shape(file, "v_template", v_template, (vertices, 3))
    _check_shape(file, "shapedirs", shapedirs, (vertices, 3, NUM_BETAS))
    _check_shape(file, "posedirs", posedirs, (vertices, 3, (joints - 1) * 9))
    _check_shape(file, "J_regressor", J_regressor, (joints, vertices))
    _check_shape(file, "weights", lbs_weights, (vertices, joints))
    _check_shape(file, "f", faces, (len(faces), 3))
    named = {"v_template": v_template, "shapedirs": shapedirs, "posedirs": posedirs, "J_regressor": J_regressor}
    for name, array in (*named.items(), ("weights", lbs_weights)):
        if not (np.abs(array) < _LARGEST).all():  # nor is this true of NaN
            raise _damaged(file, f"{name} has values that no body has")
    if lbs_weights.min(initial=0) < 0 or not (lbs_weights.sum(1) > 0).all():
        raise _damaged(file, "weights has vertices that no joint moves, or negative weights")
    if faces.min(initial=0) < 0 or faces.max(initial=0) >= vertices:
        raise _damaged(file, "f names vertices that do not exist")

    return BodyModel(
        v_template=_tensor(v_template),
        shapedirs=_tensor(shapedirs),
        posedirs=_tensor(posedirs.reshape(vertices * 3, -1)) if posedirs.any() else None,
        J_template=_tensor(J_regressor @ v_template),
        J_shapedirs=_tensor((J_regressor @ shapedirs.reshape(vertices, -1)).reshape(joints, 3, NUM_BETAS)),
        lbs_weights=_tensor(lbs_weights / lbs_weights.sum(1, keepdims=True)),
        faces=torch.from_numpy(faces),
        uv=_tensor(_corner_uv(archive, names, len(faces))),
        identity=f"{file.stem} sha256:{content_key(file)}",
    )


def _refuse_by_size(file: Path, vertices: int, joints: int, has_hand_space: bool) -> None:
    by_size = {
        (6890, 24): "SMPL (or STAR), which has no hands and no face",
        (6890, 52): "SMPL-H, which has no face",
        (778, 16): "MANO, a hand only",
        (5023, 5): "FLAME, a head only",
    }
    if (vertices, joints) in by_size:
        raise _variant(file, by_size[vertices, joints])
    if joints != len(JOINTS):
        raise _variant(file, f"a model of {vertices} vertices and {joints} joints; SMPL-X has {len(JOINTS)} joints")
    if file.name == "model.npz" and not has_hand_space:
        raise _variant(file, "the locked-head variant of SMPL-X for MoSh and AMASS, with shape coefficients of its own")


def _shapedirs(archive: zipfile.ZipFile, whole: bool) -> Float[np.ndarray, "V 3 16"]:
    """The file's first 16 shape blend shapes in float64, padded with zeros where it has fewer.

    `whole`: see `_leading_columns`.
    """
    shape = _shape_of(archive, "shapedirs")
    if len(shape) != 3:
        raise ValueError(f"shapedirs has {len(shape)} dimensions, not 3")
    own = _NUM_SHAPES if shape[2] >= _NUM_SHAPES + _NUM_EXPRESSIONS else _NUM_SHAPES_V1_0
    count = min(own, NUM_BETAS, shape[2])
    shapedirs = np.zeros((*shape[:2], NUM_BETAS))
    shapedirs[..., :count] = _leading_columns(archive, "shapedirs", count, whole)
    return shapedirs


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether in Fortran order, and dtype of the npy array at the start of a stream."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran_order, dtype = read(stream)
    if dtype.kind not in "fiub":
        raise ValueError(f"it has an array of {dtype}")
    return shape, fortran_order, dtype


def _shape_of(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    with archive.open(f"{name}.npy") as stream:
        return _header(stream)[0]


def _member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """A whole array. The archive's check sum is compared at its end."""
    size = archive.getinfo(f"{name}.npy").file_size
    with archive.open(f"{name}.npy") as stream:
        shape, _, dtype = _header(stream)
    if size > _MAX_BYTES or math.prod(shape) * dtype.itemsize > size:  # before memory is taken for it
        raise ValueError(f"{name} is larger than the file says")
    with archive.open(f"{name}.npy") as stream:
        array = np.lib.format.read_array(stream, allow_pickle=False)
        if stream.read(1):
            raise ValueError(f"{name} is smaller than the file says")
        return array


def _leading_columns(archive: zipfile.ZipFile, name: str, count: int, whole: bool) -> np.ndarray:
    """array[..., :count], without unpacking the rest where the array is stored in Fortran order (as in the default body).

    `whole`: unpack the rest all the same, at whose end the archive's check sum is compared.
    """
    with archive.open(f"{name}.npy") as stream:
        shape, fortran_order, dtype = _header(stream)
        if fortran_order:
            size = math.prod(shape[:-1]) * count
            if size * dtype.itemsize > _MAX_BYTES:
                raise ValueError(f"{name} is larger than any body's")
            data = stream.read(size * dtype.itemsize)
            while whole and stream.read(_CHUNK):
                pass
            return np.frombuffer(data, dtype, size).reshape(*shape[:-1], count, order="F")
    return _member(archive, name)[..., :count]


def _corner_uv(archive: zipfile.ZipFile, names: set[str], faces: int) -> Float[np.ndarray, "F 3 2"]:
    """Texture coordinates of each face's corners; zeros for a file without any."""
    if not {"vt", "ft"} <= names:
        return np.zeros((faces, 3, 2))
    corners = _member(archive, "ft").astype(np.int64)
    if corners.shape != (faces, 3):
        raise ValueError(f"ft has shape {corners.shape}, not {(faces, 3)}")
    uv = _member(archive, "vt")[corners]
    if not (np.abs(uv) < _LARGEST).all():
        raise ValueError("vt has values that no body has")
    return uv


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))


def _check_shape(file: Path, name: str, array: np.ndarray, expected: tuple[int, ...]) -> None:
    if array.shape != expected:
        raise _damaged(file, f"{name} has shape {array.shape}, not {expected}")


def _damaged(file: Path, problem: str) -> UserError:
    return UserError("body-damaged", f"The body file {file} cannot be read: {problem}.", _GET_SMPLX)


def _variant(file: Path, what: str) -> UserError:
    return UserError("body-variant", f"{file} is {what}.", _GET_SMPLX)
