"""Bodies for the tests: the free body, and small files in SMPL-X's npz layout with random numbers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.body.files import DEFAULT_BODY, load_body
from core.body.model import BodyModel
from core.contract.skeleton import PARENTS


@pytest.fixture(scope="session")
def body() -> BodyModel:
    """The free default body."""
    return load_body(None)


@pytest.fixture
def write_body() -> Callable[..., Path]:
    return write_body_file


def write_body_file(
    path: Path,
    vertices: int | None = None,
    joints: int = 55,
    shapes: int = 400,
    dtype: type = np.float32,
    correctives: float = 0.0,
    hand_space: bool = True,
    extra: dict[str, np.ndarray] | None = None,
) -> Path:
    """Write a body of random numbers, uncompressed, or the free body with random pose blend shapes of size `correctives`.

    `extra` replaces or adds arrays; object arrays among them are pickled, as in some official files.
    """
    random = np.random.default_rng(0)
    if correctives:
        with np.load(DEFAULT_BODY) as archive:
            arrays = {name: archive[name] for name in archive.files}
        arrays["posedirs"] = random.normal(scale=correctives, size=arrays["posedirs"].shape).astype(np.float32)
    else:
        count = vertices or 120
        weights = random.uniform(size=(count, joints))
        parents = np.array(PARENTS[:joints]) if joints <= 55 else np.zeros(joints)
        arrays = {
            "v_template": random.normal(size=(count, 3)),
            "shapedirs": random.normal(size=(count, 3, shapes)),
            "posedirs": np.zeros((count, 3, (joints - 1) * 9)),
            "J_regressor": random.uniform(size=(joints, count)) / count,
            "weights": weights / weights.sum(1, keepdims=True),
        }
        arrays = {name: array.astype(dtype) for name, array in arrays.items()}
        arrays["kintree_table"] = np.stack([parents, np.arange(joints)]).astype(np.int64)
        arrays["f"] = random.integers(0, count, (200, 3)).astype(np.uint32)
        if hand_space:
            arrays["hands_componentsl"] = np.eye(45)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **(arrays | (extra or {})))  # pyright: ignore[reportArgumentType]
    return path
