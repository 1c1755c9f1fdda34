"""Which skin regions touch where two body parts do: how often each pair does by experience, and which ones are near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..checkpoint import load_checkpoint, weights_file
from ..contract.body_parts import PART_OF_REGION
from ..contract.contact import Contact
from ..contract.errors import UserError
from ..contract.skeleton import REGIONS
from .proximity import stable_id
from .settings import ContactDecodingSettings

KIND = "contact-regions"
VERSION = 1
"""Rises when the regions or the body parts are others."""
FREQUENCY = "frequency"
"""The tensor's name in the file."""
_LEAST, _MOST = 1e-3, 1 - 1e-3


class ScoredRegionPair(NamedTuple):
    """A region of person 0 and one of person 1, as indices of `REGIONS`, and how probably they touch if their body parts do."""

    first: int
    second: int
    probability: float


def likely_regions(
    distance: Float[np.ndarray, "S R R"],
    parts: tuple[int, int],
    frequencies: Float[np.ndarray, "R R"],
    settings: ContactDecodingSettings,
) -> list[ScoredRegionPair]:
    """The pairs of regions of two touching body parts that probably touch, the likeliest first; at least one.

    The odds that the frequencies give to a pair fall by e with each `settings.region_distance` that it is farther apart, in the
    mean over the S frames, than the nearest pair. A single camera hardly tells the palm from the back of the hand; people do.
    """
    rows, columns = (np.flatnonzero(part == PART_OF_REGION) for part in parts)
    mean = distance[:, rows][:, :, columns].astype(np.float64).mean(0)
    prior = frequencies[np.ix_(rows, columns)].clip(_LEAST, _MOST)
    log_odds = np.log(prior / (1 - prior)) - (mean - mean.min()) / settings.region_distance
    probability = 1 / (1 + np.exp(-log_odds))
    order = np.argsort(-probability, axis=None, kind="stable").tolist()
    chosen = [index for index in order if probability.flat[index] >= settings.region_probability] or order[:1]
    return [
        ScoredRegionPair(
            int(rows[index // len(columns)]), int(columns[index % len(columns)]), float(probability.flat[index])
        )
        for index in chosen
    ]


def spread_over_regions(contacts: Sequence[Contact], frequencies: Float[np.ndarray, "R R"]) -> list[Contact]:
    """The contacts, and for each the further pairs of regions of its two body parts that often touch when these do.

    Words name a hand, not its palm and fingers. A contact that is added is of the same touch; its weight and its probability are
    those of the contact times the frequency of its regions. People are 0 and 1, in this order.
    """
    least = ContactDecodingSettings().region_probability
    listed = {(*_pair(contact), contact.touch) for contact in contacts}
    found: list[Contact] = []
    for contact in contacts:
        found.append(contact)
        rows, columns = (np.flatnonzero(PART_OF_REGION[region] == PART_OF_REGION) for region in _pair(contact))
        for a, b in ((int(a), int(b)) for a in rows for b in columns):
            frequency = float(frequencies[a, b])
            if (a, b, contact.touch) not in listed and frequency >= least:
                listed.add((a, b, contact.touch))
                found.append(
                    replace(
                        contact,
                        region_a=REGIONS[a],
                        region_b=REGIONS[b],
                        id=stable_id(a, b, contact.frame_start),
                        weight=round(contact.weight * frequency, 3),
                        probability=None if contact.probability is None else round(contact.probability * frequency, 3),
                    )
                )
    return found


def _pair(contact: Contact) -> tuple[int, int]:
    return REGIONS.index(contact.region_a), REGIONS.index(contact.region_b)


def load_region_frequencies(path: Path | None = None) -> Float[np.ndarray, "R R"]:
    """The frequencies in `path`, by default those that ship with the product. UserError `weights-missing` or `weights-wrong`."""
    path = path or weights_file(KIND)
    found = load_checkpoint(path, KIND, VERSION).tensors.get(FREQUENCY)
    if found is None or found.shape != (len(REGIONS), len(REGIONS)) or bool(((found < 0) | (found > 1)).any()):
        raise UserError(
            "weights-wrong", f"{path} holds no frequencies of pairs of regions.", "Install the extension again."
        )
    return found.numpy()
