"""Holds a model's touches against the geometry: which pairs of regions they mean, and whether the motion bears them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..contacts import ContactScene
from ..contract.annotation import BORNE_OUT, CONTRADICTED, Annotation, SeenTouch
from ..contract.body_parts import regions_of_kind
from ..contract.contact import Contact
from ..contract.skeleton import REGIONS
from ..semantics.grounding import ground_hypotheses, nearest_pair
from ..semantics.lexicon import ContactPattern
from ..semantics.prompt_parser import ContactHypothesis, parse_prompt, part_hypothesis

_TOUCHING_REGIONS = {"hand": ("palm", "fingers"), "upper_arm": ("upper_arm", "elbow", "forearm")}
"""Regions that are meant by a part where these are not all of it and no others: a model that says `arm` means either half."""


@dataclass(frozen=True)
class JudgedAnnotation:
    """An annotation with its verdicts, and the contacts of the touches that are borne out."""

    annotation: Annotation
    contacts: tuple[Contact, ...]


def touch_hypotheses(annotation: Annotation) -> tuple[ContactHypothesis, ...]:
    """The touches as hypotheses whose sides are open, or what the sentence names where there are none."""
    return tuple(map(_hypothesis, annotation.touches)) or parse_prompt(annotation.sentence)


def judge(
    annotation: Annotation, scene: ContactScene, probability: Float[np.ndarray, "T Q Q"] | None = None
) -> JudgedAnnotation:
    """The verdict on each touch, as for what a prompt names.

    `probability` that body parts touch is the contact head's without any words; None where nothing estimated it. Models exchange
    the two people now and then, so a touch that is not borne out is tried the other way round.
    """
    touches: list[SeenTouch] = []
    contacts: list[Contact] = []
    notes = list(annotation.notes)
    for touch in annotation.touches:
        found, judged = _ground(touch, scene, probability)
        if not found and touch.part_a != touch.part_b:
            found, judged = _ground(touch.with_people_swapped(), scene, probability)
            if found:
                notes.append(f"{touch.words}: A and B were exchanged, which is what the motion bears out.")
        contacts += [replace(contact, source="annotator") for contact in found]
        touches.append(judged if found else _contradicted(touch, scene))
    unique = {contact.id: contact for contact in contacts}
    judged_annotation = replace(annotation, touches=tuple(touches), notes=tuple(dict.fromkeys(notes)))
    return JudgedAnnotation(judged_annotation, tuple(unique.values()))


def is_plausible(annotation: Annotation, scene: ContactScene) -> bool:
    """Whether a motion bears out at least one of the touches that the annotation names; so it is where it names none."""
    hypotheses = touch_hypotheses(annotation)
    return not hypotheses or any(_ground_hypotheses([each], scene, None) for each in _both_ways(annotation, hypotheses))


def _both_ways(annotation: Annotation, hypotheses: Sequence[ContactHypothesis]) -> list[ContactHypothesis]:
    exchanged = [touch.with_people_swapped() for touch in annotation.touches if touch.part_a != touch.part_b]
    return [*hypotheses, *map(_hypothesis, exchanged)]


def _ground(
    touch: SeenTouch, scene: ContactScene, probability: Float[np.ndarray, "T Q Q"] | None
) -> tuple[list[Contact], SeenTouch]:
    """The contacts of a touch, none where the motion does not bear it out, and the touch with its regions."""
    contacts = _ground_hypotheses([_hypothesis(touch)], scene, probability)
    if not contacts:
        return [], touch
    pair = contacts[0]
    return contacts, replace(touch, verdict=BORNE_OUT, region_a=pair.region_a, region_b=pair.region_b)


def _ground_hypotheses(
    hypotheses: Sequence[ContactHypothesis], scene: ContactScene, probability: Float[np.ndarray, "T Q Q"] | None
) -> list[Contact]:
    contacts, _ = ground_hypotheses(hypotheses, scene, probability)
    return contacts


def _contradicted(touch: SeenTouch, scene: ContactScene) -> SeenTouch:
    pair, distance = nearest_pair(_hypothesis(touch), scene)
    return replace(
        touch, verdict=CONTRADICTED, region_a=pair.region_0, region_b=pair.region_1, distance=round(distance, 3)
    )


def _hypothesis(touch: SeenTouch) -> ContactHypothesis:
    pattern = ContactPattern(_notation(touch.part_a, "x"), _notation(touch.part_b, "p"))
    return part_hypothesis("touch", touch.words, pattern, (touch.frame_start, touch.frame_end))


def _notation(part: str, side: str) -> str:
    """The lexicon's notation of a body part whose side is open."""
    regions = _TOUCHING_REGIONS.get(part) or regions_of_kind(part)
    return "|".join(f"{region}:{side}" if f"left_{region}" in REGIONS else region for region in regions)
