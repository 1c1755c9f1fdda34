"""A clip of two people whose truth is known, and the file that holds many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from core.contract.contact import Contact
from core.contract.errors import UserError
from core.contract.files import put_json, put_npz, read_json, read_npz, replacing
from core.motion import PairMotion

_ANGLE_STEP = 2 * np.pi / 2**15
"""radians; rotations are kept as int16, exact to 0.006 degrees."""
_PLACE_STEP = 0.0005
"""metres; places are kept as int16 about the clip's first pelvis, exact to 0.25 mm within 16 m."""


@dataclass(frozen=True)
class Interaction:
    """P = 2 people, T frames. World: metres, Z up, floor at z = 0."""

    name: str
    """Unique in its file: `handshake-0012`."""
    family: str
    """One of `families.FAMILIES`."""
    sources: tuple[str, ...]
    """`Capture.source` of the recordings underneath."""
    subjects: tuple[str, ...]
    """`Capture.subject` of the same."""
    rate: float
    """frames a second."""
    motion: PairMotion
    foot_contact: np.ndarray
    """bool [P,T,2] left and right foot stand still on the floor."""
    contacts: tuple[Contact, ...]
    """All true touches of regions between the two, frames counted from 0."""
    sentences: tuple[str, ...]
    """What happens, in several wordings."""

    @property
    def frames(self) -> int:
        return self.motion.pelvis.shape[1]


def save_interactions(path: Path, interactions: Sequence[Interaction]) -> None:
    """Write PATH.npz (numbers, clips one after the other along time) and PATH.json (words), each whole or not at all."""
    arrays: dict[str, np.ndarray] = {"frames": np.array([clip.frames for clip in interactions], np.int32)}
    arrays["betas"] = np.stack([clip.motion.betas for clip in interactions]).astype(np.float32)
    arrays["origin"] = np.stack([clip.motion.pelvis[:, 0].mean(0) for clip in interactions]).astype(np.float32)
    arrays["planted"] = np.concatenate([clip.foot_contact for clip in interactions], 1)
    for item in _rotation_fields():
        angles = np.concatenate([_short_way(getattr(clip.motion, item)) for clip in interactions], 1)
        arrays[item] = np.round(angles / _ANGLE_STEP).astype(np.int16)
    places = [clip.motion.pelvis - origin for clip, origin in zip(interactions, arrays["origin"])]
    arrays["pelvis"] = np.round(np.concatenate(places, 1) / _PLACE_STEP).astype(np.int16)
    records = [_words(clip) for clip in interactions]
    with replacing(path.with_suffix(".npz")) as numbers, replacing(path.with_suffix(".json")) as words:
        put_npz(numbers, arrays, compress=True)
        put_json(words, {"interactions": records})


def load_interactions(path: Path) -> list[Interaction]:
    """Read what `save_interactions` wrote. UserError where a file is missing or damaged, or the two do not belong together."""
    arrays, records = read_npz(path.with_suffix(".npz")), read_json(path.with_suffix(".json"))["interactions"]
    if len(records) != len(arrays["frames"]):
        raise UserError("file-unreadable", f"{path}.npz and .json are of different runs.", "Make or fetch both again.")
    ends = np.cumsum(arrays["frames"])
    return [
        _interaction(arrays, record, index, slice(int(end - count), int(end)))
        for index, (record, end, count) in enumerate(zip(records, ends, arrays["frames"]))
    ]


def _interaction(arrays: dict[str, np.ndarray], record: dict[str, Any], index: int, span: slice) -> Interaction:
    motion = {name: arrays[name][:, span].astype(np.float32) * np.float32(_ANGLE_STEP) for name in _rotation_fields()}
    pelvis = arrays["pelvis"][:, span].astype(np.float32) * np.float32(_PLACE_STEP) + arrays["origin"][index]
    return Interaction(
        name=record["name"],
        family=record["family"],
        sources=tuple(record["sources"]),
        subjects=tuple(record["subjects"]),
        rate=record["rate"],
        motion=PairMotion(**motion, pelvis=pelvis, betas=arrays["betas"][index]),
        foot_contact=arrays["planted"][:, span],
        contacts=tuple(Contact.from_json(contact) for contact in record["contacts"]),
        sentences=tuple(record["sentences"]),
    )


def _words(clip: Interaction) -> dict[str, Any]:
    return {
        "name": clip.name,
        "family": clip.family,
        "sources": list(clip.sources),
        "subjects": list(clip.subjects),
        "rate": clip.rate,
        "contacts": [contact.to_json() for contact in clip.contacts],
        "sentences": list(clip.sentences),
    }


def _rotation_fields() -> list[str]:
    return [item.name for item in fields(PairMotion) if item.name not in ("pelvis", "betas")]


def _short_way(angles: np.ndarray) -> np.ndarray:
    """Axis-angles [...,3] turned by at most half a circle."""
    size = np.linalg.norm(angles, axis=-1, keepdims=True)
    turns = np.round(size / (2 * np.pi))
    return angles * (1 - turns * 2 * np.pi / np.maximum(size, 1e-9))
