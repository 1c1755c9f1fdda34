"""Captions of a motion: sentences that state its facts, without appearance, names or guesses at feelings.

They fill the prompt box when the user leaves it empty, and serve as training text. The facts come from `describe`; the wording is
drawn at random or, for `short_caption`, is always the same.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

from ..body.model import BodyModel
from ..contacts import detect_contacts
from ..motion import MotionEstimate, Timeline
from .caption_writer import CaptionWriter
from .description import Description, describe
from .reliability import keep_reliable_facts
from .settings import CaptionSettings


def annotate_motion(
    estimate: MotionEstimate,
    timeline: Timeline,
    confidence: Float[np.ndarray, "2 T 22"],
    body: BodyModel,
    *,
    named: bool = False,
) -> str:
    """A short caption of a reconstructed motion, from contacts that are detected and facts that are reliable.

    `confidence` (0–1) is that of the body joints. `named` calls the two Person A and Person B.
    """
    contacts = detect_contacts(estimate.motion_incam, timeline, confidence, body)
    description = describe(estimate.motion_inworld, body, contacts, timeline.frame_index, timeline.time)
    return short_caption(keep_reliable_facts(description), named=named)


def short_caption(description: Description, *, named: bool = False, settings: CaptionSettings | None = None) -> str:
    """One or two sentences on what happens, as specific as the facts allow. The same facts give the same words."""
    writer = CaptionWriter(description, np.random.default_rng(0), named=named, plain=True, settings=settings)
    return writer.story() if description.interactions else writer.story_without_contact()


def generate_captions(
    description: Description,
    rng: Generator,
    count: int = 4,
    *,
    named: bool = False,
    settings: CaptionSettings | None = None,
) -> tuple[str, ...]:
    """At most `count` different captions of one clip, more or less detailed; the first is the least detailed."""
    captions: dict[str, None] = {}
    for attempt in range(4 * count):
        writer = CaptionWriter(description, rng, named=named, settings=settings)
        if not description.interactions:
            text = writer.story_without_contact()
        else:
            styles = (writer.interactions_only, writer.story, writer.long_story)
            text = styles[attempt if attempt < len(styles) else int(rng.integers(len(styles)))]()
        if text:
            captions.setdefault(text)
        if len(captions) == count:
            break
    return tuple(captions)
