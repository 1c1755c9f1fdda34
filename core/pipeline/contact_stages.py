"""The stages that find contacts: what the motion shows, what the prompt names, and what the annotator saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..annotator.judging import judge
from ..checkpoint import load_or_warn
from ..contacts import (
    ContactScene,
    detect_contacts,
    find_contacts,
    load_region_frequencies,
    part_probabilities,
    spread_over_regions,
)
from ..contacts.head import KIND as CONTACT_HEAD
from ..contacts.head import ContactHead, load_contact_head
from ..contacts.regions import KIND as CONTACT_REGIONS
from ..contract.contact import Contact
from ..contract.frames import frames_in_words
from ..contract.touches import group_touches
from ..fitting.fit import FittedMotion
from ..observations.clip_scene import ClipScene
from ..reporting import Reporter
from ..semantics.grounding import Refusal, ground_hypotheses
from ..semantics.prompt_parser import named_parts, parse_prompt, unread_clauses
from ..stgcn.predict import JointPrediction
from .annotation_stages import Annotations, SuggestedContacts, Words
from .stage import stage


@dataclass(frozen=True)
class ContactList:
    """Contacts as a result of a stage."""

    contacts: tuple[Contact, ...]


@stage(version=13, cost=7, weights=(CONTACT_HEAD, CONTACT_REGIONS))
def detected_contacts(
    clip_scene: ClipScene, joint_prediction: JointPrediction, first_fit: FittedMotion, words: Words, reporter: Reporter
) -> ContactList:
    """The contacts that the contact head finds probable; where there are no weights of it, those that geometry alone suggests.

    What the words name is one of the things that the head goes by.
    """
    clip = _contact_scene(clip_scene, joint_prediction, first_fit)
    head, frequencies = _contact_head(reporter), _region_frequencies(reporter)
    if head is None or frequencies is None:
        found = detect_contacts(clip.motion_incam, clip.timeline, clip.confidence, clip.body)
    else:
        found = find_contacts(clip, head, frequencies, named_parts(words.hypotheses))
    reporter.progress(1.0)
    return ContactList(tuple(found))


def _contact_head(reporter: Reporter) -> ContactHead | None:
    return load_or_warn(load_contact_head, "Contacts are found by distances alone", reporter)


@stage(version=16, cost=3, weights=(CONTACT_HEAD, CONTACT_REGIONS))
def prompted_contacts(
    clip_scene: ClipScene, joint_prediction: JointPrediction, fitted: FittedMotion, prompt: str, reporter: Reporter
) -> ContactList:
    """The contacts that a prompt names, where the fitted motion bears them out.

    Of those that it does not, it warns; they are listed as rejected unless the two are too far apart, so that a user who knows
    better can enforce them. It also warns of clauses that seem to name a contact and that the parser makes none of.
    """
    for clause in unread_clauses(prompt):
        reporter.warning(_why_unread(clause))
    hypotheses = parse_prompt(prompt)
    scene = _contact_scene(clip_scene, joint_prediction, fitted)
    head = _contact_head(reporter) if hypotheses else None
    probability = None if head is None else part_probabilities(scene, head)
    contacts, refused = ground_hypotheses(hypotheses, scene, probability)
    for refusal in refused:
        reporter.warning(_why_refused(refusal))
        contacts += refusal.contacts
    reporter.progress(1.0)
    return ContactList(_spread(contacts, reporter))


def _why_unread(clause: str) -> str:
    return f"The prompt says \u201c{clause}\u201d, from which no contact could be read; name the two parts that touch, if any do."


def _why_refused(refusal: Refusal) -> str:
    said = f"The prompt says \u201c{refusal.hypothesis.clause}\u201d"
    if not refusal.contacts:
        return f"{said}, but the two are never seen near enough for it; it was not used."
    (touch,) = group_touches(refusal.contacts)
    other_way = ""
    if refusal.hypothesis.leaves_people_open:
        other_way = (
            " If it is the other way round, say so in the prompt with \u201cperson A\u201d and \u201cperson B\u201d."
        )
    return (
        f"{said}, which looks improbable here; it was read as {touch.title}, which is listed but not used. "
        f"If that is right, enforce it and refine.{other_way}"
    )


@stage(version=8, cost=3, weights=(CONTACT_HEAD, CONTACT_REGIONS))
def suggested_contacts(
    clip_scene: ClipScene,
    joint_prediction: JointPrediction,
    fitted: FittedMotion,
    annotation: Annotations,
    used: bool,
    reporter: Reporter,
) -> SuggestedContacts:
    """The contacts that the annotator sees and the fitted motion bears out; asks the user about those that it does not.

    `used`: whether the contacts take part in the motion, as they do where there is no prompt.
    """
    said = annotation.annotation
    if said is None:
        return SuggestedContacts((), ())
    scene = _contact_scene(clip_scene, joint_prediction, fitted)
    head = _contact_head(reporter) if said.touches else None
    probability = None if head is None else part_probabilities(scene, head)
    found = judge(said, scene, probability)
    for touch in found.annotation.contradicted:
        frames = frames_in_words((touch.frame_start, touch.frame_end))
        reporter.warning(
            f"{said.model} saw a touch ({touch.words}, {frames}), but the two stay {100 * (touch.distance or 0):.0f} cm or more "
            "apart there. It was not used; if it is right, add it as a contact."
        )
    reporter.progress(1.0)
    took_part = used and (bool(found.contacts) or not said.touches)
    contacts = _spread(found.contacts, reporter)
    return SuggestedContacts(contacts, (replace(found.annotation, used=took_part),))


def _region_frequencies(reporter: Reporter) -> Float[np.ndarray, "R R"] | None:
    return load_or_warn(load_region_frequencies, "Which regions touch is decided by distances alone", reporter)


def _spread(contacts: Sequence[Contact], reporter: Reporter) -> tuple[Contact, ...]:
    """With the other regions of the same body parts that are likely to touch as well, where it is known which do."""
    frequencies = _region_frequencies(reporter) if contacts else None
    return tuple(contacts) if frequencies is None else tuple(spread_over_regions(contacts, frequencies))


def _contact_scene(clip_scene: ClipScene, prediction: JointPrediction, fitted: FittedMotion) -> ContactScene:
    timeline = clip_scene.observations.timeline
    return ContactScene(fitted.motion_incam, timeline, fitted.confidence, prediction.prior, clip_scene.body)
