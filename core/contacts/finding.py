"""Finds contacts in a fitted motion with the contact head."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from ..body.model import BodyModel
from ..contract.contact import Contact
from ..fitting.prior import JointPrior
from ..motion import PairMotion, Timeline
from ..representation.resampling import TimeGrid
from .decoding import decode_contacts
from .distances import depth_discounted_distances
from .features import contact_features
from .head import ContactHead, predict_part_contacts
from .lateral import possible
from .settings import ContactDecodingSettings


@dataclass(frozen=True)
class ContactScene:
    """A motion of a clip in which contacts are looked for, and how certain it is."""

    motion_incam: PairMotion
    timeline: Timeline
    confidence: Float[np.ndarray, "2 T 22"]
    """Of the body joints, 0-1."""
    prior: JointPrior | None
    """Of the ST-GCN; None where it did not run, or has not yet."""
    body: BodyModel


def find_contacts(
    scene: ContactScene,
    head: ContactHead,
    frequencies: Float[np.ndarray, "R R"],
    named: Bool[np.ndarray, "Q Q"] | None = None,
    settings: ContactDecodingSettings | None = None,
) -> list[Contact]:
    """The probable contacts with their touches, sorted by time.

    `frequencies` are those of `load_region_frequencies`; `named`: pairs of body parts that a prompt names.
    """
    probability = part_probabilities(scene, head, named)
    distance = depth_discounted_distances(scene.motion_incam, scene.body, scene.timeline.time)
    return decode_contacts(probability, distance, scene.timeline, frequencies, settings)


def part_probabilities(
    scene: ContactScene, head: ContactHead, named: Bool[np.ndarray, "Q Q"] | None = None
) -> Float[np.ndarray, "T Q Q"]:
    """The probability of each pair of body parts at the clip's own times; 0 for what is plainly apart in the picture."""
    features = contact_features(scene.motion_incam, scene.timeline, scene.confidence, scene.prior, scene.body)
    found = predict_part_contacts(features, head, None if named is None else torch.from_numpy(named))
    probability = TimeGrid.of(scene.timeline.time).from_grid(found[None])[0].numpy()
    return probability * possible(scene.motion_incam, scene.confidence, scene.body)
