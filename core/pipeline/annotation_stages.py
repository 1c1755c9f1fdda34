"""The stages of what is said about a clip, by the user or, where they say nothing, by a vision–language model."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..annotator.annotate import annotate_clip
from ..annotator.generator import Annotator
from ..annotator.judging import is_plausible, touch_hypotheses
from ..clip import Clip
from ..contacts import ContactScene
from ..contract.annotation import Annotation
from ..contract.contact import Contact
from ..observations.clip_scene import ClipScene
from ..perception.detections import Detections
from ..reporting import Reporter
from ..semantics.prompt_parser import ContactHypothesis, parse_prompt
from .stage import cache_missing, stage


@dataclass(frozen=True)
class Annotations:
    """What a vision–language model says of the clip: one annotation, or none where it gave no usable answer."""

    found: tuple[Annotation, ...]

    @property
    def annotation(self) -> Annotation | None:
        return self.found[0] if self.found else None


@dataclass(frozen=True)
class SuggestedContacts:
    """The contacts of an annotation that the motion bears out, and the annotation with a verdict on each of its touches."""

    contacts: tuple[Contact, ...]
    judged: tuple[Annotation, ...]


@dataclass(frozen=True)
class Words:
    """What is said about the clip, by the user or, where they say nothing, by the annotator."""

    text: str
    hypotheses: tuple[ContactHypothesis, ...]
    """The contacts that the words name."""
    suggested: bool = False
    """Whether they are the annotator's."""


@stage(version=1, cost=60)
def annotation(
    clip: Clip | None, perception: Detections, annotator: Annotator | None, device: torch.device, reporter: Reporter
) -> Annotations:
    """What the annotator says of the clip. Without a clip (while refining) its result can only come from the cache.

    Raises `AnnotatorUnavailable`, so that nothing is stored, where the annotator cannot be run or reached now.
    """
    if clip is None or annotator is None:
        raise cache_missing()
    found = annotate_clip(clip, perception, annotator, device, reporter)
    return Annotations(() if found is None else (found,))


@stage(version=3, cost=0.5, stored=False)
def words(prompt: str, annotation: Annotations | None, clip_scene: ClipScene | None) -> Words:
    """The prompt; without one what the annotator says, unless the initial motion bears out none of the touches that it names."""
    said = None if annotation is None else annotation.annotation
    if prompt or said is None or clip_scene is None:
        return Words(prompt, parse_prompt(prompt))
    initial, observed = clip_scene.initial.motion_incam, clip_scene.observations
    confidence = observed.joint_confidence.cpu().numpy()
    scene = ContactScene(initial, observed.timeline, confidence, None, clip_scene.body)
    if not is_plausible(said, scene):
        return Words("", ())
    return Words(said.sentence, touch_hypotheses(said), suggested=True)
