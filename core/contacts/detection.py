"""Contact detection by the contact head."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float

from ..contract.contact import Contact
from ..representation.resampling import TimeGrid
from .decoding import decode_contacts
from .distances import depth_discounted_distances
from .features import contact_features
from .head import ContactHead, predict_part_contacts
from .scene import ContactScene


def find_contacts(
    scene: ContactScene,
    head: ContactHead,
    frequencies: Float[np.ndarray, "R R"],
    named: Bool[np.ndarray, "Q Q"] | None = None,
) -> list[Contact]:
    """The probable contacts with their touches, sorted by time.

    `frequencies` are those of `load_region_frequencies`; `named`: pairs of body parts that a prompt names.
    """
    probability = part_probabilities(scene, head, named)
    distance = depth_discounted_distances(scene.motion_incam, scene.body, scene.timeline.time)
    return decode_contacts(probability, distance, scene.timeline, frequencies)


def part_probabilities(
    scene: ContactScene, head: ContactHead, named: Bool[np.ndarray, "Q Q"] | None = None
) -> Float[np.ndarray, "T Q Q"]:
    """The probability of each pair of body parts at the clip's own times."""
    features = contact_features(scene)
    found = predict_part_contacts(features, head, None if named is None else torch.from_numpy(named))
    return TimeGrid.of(scene.timeline.time).from_grid(found[None])[0].numpy()
