"""Training examples: the features of two people as they were observed, their true motion, and sentences; and their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from core.contract.errors import UserError
from core.contract.files import put_json, put_npz, read_json, read_npz, replacing
from core.observations.features import NODE_FEATURES, PERSON_FEATURES, VERSION

_PER_FRAME = {
    "nodes": "nodes",
    "people": "people",
    "reference_joints": "joints",
    "confidence": "seen",
    "reference_rotations": "base_turns",
    "true_joints": "truth_joints",
    "residual": "x",
    "visibility": "hidden",
}
"""Fields with frames along their second axis, and their names in the file."""
_PER_CLIP = {"reference_betas": "base_betas", "residual_betas": "betas"}


@dataclass(frozen=True)
class Example:
    """One clip. P = 2 people, N frames of the uniform grid, ground view, metres. Arrays are float16 or float32."""

    name: str
    family: str
    nodes: Float[np.ndarray, "P N 22 F"]
    """`Features.nodes`"""
    people: Float[np.ndarray, "P N G"]
    """`Features.people`"""
    confidence: Float[np.ndarray, "P N 22"]
    """`Features.confidence`"""
    reference_joints: Float[np.ndarray, "P N 22 3"]
    """Of the initial motion."""
    reference_rotations: Float[np.ndarray, "P N 22 6"]
    """6D, relative to the parents, of the initial motion."""
    reference_betas: Float[np.ndarray, "P 16"]
    true_joints: Float[np.ndarray, "P N 22 3"]
    """In the ground view of the true camera, which stands for that of the estimated one."""
    residual: Float[np.ndarray, "P N R"]
    """From the initial motion to the true one, see `representation.residual`."""
    residual_betas: Float[np.ndarray, "P 16"]
    """True betas minus those of the initial motion."""
    visibility: UInt8[np.ndarray, "P N 22"]
    """Codes of `evaluation.benchmark_clip`: visible, occluded by the other person, outside the picture."""
    sentences: tuple[str, ...]

    @property
    def frames(self) -> int:
        return self.reference_joints.shape[1]


def save_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write PATH.npz (clips one after the other along time) and PATH.json (names and sentences), both or neither."""
    arrays = {"frames": np.array([example.frames for example in examples], np.int32)}
    for field, key in _PER_FRAME.items():
        arrays[key] = np.concatenate([getattr(example, field) for example in examples], 1)
    for field, key in _PER_CLIP.items():
        arrays[key] = np.stack([getattr(example, field) for example in examples])
    records = [
        {"name": example.name, "family": example.family, "sentences": list(example.sentences)} for example in examples
    ]
    with replacing(path.with_suffix(".npz")) as numbers, replacing(path.with_suffix(".json")) as words:
        put_npz(numbers, arrays)
        put_json(words, {"version": VERSION, "examples": records})


def load_examples(path: Path) -> list[Example]:
    """Read PATH.npz and PATH.json.

    UserError `examples-outdated` if they were made with other features, `file-unreadable` if they do not belong together.
    """
    record, arrays = read_json(path.with_suffix(".json")), read_npz(path.with_suffix(".npz"))
    records = record.get("examples", [])
    widths = tuple(arrays[name].shape[-1] if name in arrays else 0 for name in ("nodes", "people"))
    if record.get("version") != VERSION or widths != (len(NODE_FEATURES), len(PERSON_FEATURES)):
        raise UserError(
            "examples-outdated",
            f"{path} was made by another version.",
            "Make examples again with python -m lab examples.",
        )
    if len(records) != len(arrays["frames"]):
        raise UserError("file-unreadable", f"{path}.npz and .json are of different runs.", "Make both again.")
    ends = np.cumsum(arrays["frames"])
    return [
        Example(
            name=each["name"],
            family=each["family"],
            sentences=tuple(each["sentences"]),
            **{field: arrays[key][:, end - count : end] for field, key in _PER_FRAME.items()},
            **{field: arrays[key][index] for field, key in _PER_CLIP.items()},
        )
        for index, (each, end, count) in enumerate(zip(records, ends.tolist(), arrays["frames"].tolist()))
    ]
