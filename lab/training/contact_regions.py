"""Counts how often two skin regions touch while their body parts do, in choreographed interactions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped

from core.checkpoint import MODELS, Checkpoint, save_checkpoint
from core.contacts.regions import FREQUENCY, KIND, VERSION
from core.contract.body_parts import BODY_PARTS, PART_OF_REGION
from core.contract.errors import UserError
from core.contract.files import replacing
from core.contract.skeleton import REGIONS, mirrored
from lab.digests import write_digests

from ..choreography.interaction import Interaction, load_interactions
from ..choreography.splits import split_of
from ..evaluation.surface_metrics import contact_matrix

PRIOR_CLIPS = 2.0
"""So many clips the guess for a pair of parts counts: that its regions touch independently, each as often as elsewhere."""
_ONE_HOT = np.eye(len(BODY_PARTS), dtype=bool)[PART_OF_REGION]
_MIRROR = np.array([REGIONS.index(mirrored(region)) for region in REGIONS])


def count_regions(files: Sequence[Path], install: bool, folder: Path) -> None:
    """Write the frequencies of the train split's interactions, and their card. UserError `no-clips` if there are none."""
    clips = [each for path in files for each in load_interactions(path) if split_of(each) == "train"]
    if not clips:
        raise UserError("no-clips", "There are no interactions of the split train.", "Give files of it.")
    frequencies = region_frequencies([_truth(clip) for clip in clips])
    target = MODELS if install else folder
    target.mkdir(parents=True, exist_ok=True)
    tensors = {FREQUENCY: torch.from_numpy(frequencies).float()}
    origin = {"clips": len(clips), "source": "counted in choreographed interactions"}
    save_checkpoint(target / f"{KIND}.safetensors", Checkpoint(KIND, VERSION, {}, tensors, {}, origin))
    with replacing(target / f"{KIND}.md") as temporary:
        temporary.write_text(_card(clips), encoding="utf-8")
    if install:
        write_digests()


def region_frequencies(truths: Sequence[Bool[np.ndarray, "_ R R"]]) -> Float[np.ndarray, "R R"]:
    """[R, R] 0-1: in which fraction of the time two regions touch while their parts do; every clip counts alike.

    `truths` say of each clip in which frames regions of person 0 touch regions of person 1. Left and right, and the two people,
    are exchangeable. A pair of parts that few clips show is pulled towards the product of its regions' own frequencies.
    """
    together = np.zeros((len(REGIONS), len(REGIONS)))
    clips = np.zeros((len(BODY_PARTS), len(BODY_PARTS)))
    alone, clips_alone = np.zeros(len(REGIONS)), np.zeros(len(BODY_PARTS))
    for truth in truths:
        for view in _views(truth):
            parts = _ONE_HOT.T @ view @ _ONE_HOT
            together += _fraction(view.sum(0), parts.sum(0)[PART_OF_REGION][:, PART_OF_REGION])
            clips += parts.any(0)
            region, part = view.any(2), parts.any(2)
            alone += _fraction(region.sum(0), part.sum(0)[PART_OF_REGION])
            clips_alone += part.any(0)
    own = _fraction(alone, clips_alone[PART_OF_REGION])
    return (together + PRIOR_CLIPS * np.outer(own, own)) / (clips[PART_OF_REGION][:, PART_OF_REGION] + PRIOR_CLIPS)


def _views(truth: Bool[np.ndarray, "T R R"]) -> list[Bool[np.ndarray, "T R R"]]:
    """The contacts as they are, with the people exchanged, mirrored, and both."""
    other = truth[:, _MIRROR][:, :, _MIRROR]
    return [each.transpose(axes) for each in (truth, other) for axes in ((0, 1, 2), (0, 2, 1))]


def _fraction(part: Shaped[np.ndarray, "*n"], whole: Shaped[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    return np.where(whole > 0, part / np.maximum(whole, 1), 0.0)


def _truth(clip: Interaction) -> Bool[np.ndarray, "T R R"]:
    return contact_matrix(clip.contacts, np.arange(clip.frames))


def _card(clips: Sequence[Interaction]) -> str:
    families = sorted({clip.family for clip in clips})
    return f"""# {KIND}

How often two skin regions touch while the body parts do to which they belong: a table of {len(REGIONS)} × {len(REGIONS)}
numbers (core/contacts/regions.py). The contact head says which parts touch; this says whether it is the palm, the fingers or
the back of the hand.

## Counted

In the exact contacts of {len(clips)} choreographed clips of the training subjects and families ({", ".join(families)}), every
clip alike, left and right and the two people exchanged. For pairs of parts that few of them show, the regions' own frequencies
count as {PRIOR_CLIPS:g} clips.

## Limits

It knows how people touch in these families. Where regions are as likely as each other, their distances decide.
"""
