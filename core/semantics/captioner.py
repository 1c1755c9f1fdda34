"""Captions of a motion: sentences that state its facts, without appearance, names or guesses at feelings.

They fill the prompt box when the user leaves it empty. The facts come from `describe`; the same facts give the same words.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from ..body.model import BodyModel
from ..contacts import detect_contacts
from ..contacts.grouping import is_same_parts_again
from ..contract.contact import Contact
from ..motion import MotionEstimate, Timeline
from .caption_writer import CaptionWriter
from .description import Description, describe
from .reliability import keep_reliable_facts
from .settings import CaptionSettings


def caption_motion(
    estimate: MotionEstimate,
    timeline: Timeline,
    confidence: Float[np.ndarray, "2 T 22"],
    contacts: Sequence[Contact],
    body: BodyModel,
    *,
    named: bool = False,
) -> str:
    """A short caption of a reconstructed motion, from its contacts and from facts that are reliable.

    A touch is named if it shows in the distances of the skins and one of the `contacts` is between the same body parts then, and
    neither rejected nor missed by the motion. `confidence` (0–1) is that of the body joints. `named` calls the two Person A and
    Person B.
    """
    reached = [contact for contact in contacts if contact.active() and contact.reached is not False]
    seen = detect_contacts(estimate.motion_incam, timeline, confidence, body)
    shown = [contact for contact in seen if any(is_same_parts_again(contact, other, max_gap=0) for other in reached)]
    description = describe(estimate.motion_inworld, body, shown, timeline.frame_index, timeline.time)
    return short_caption(keep_reliable_facts(description), named=named)


def short_caption(description: Description, *, named: bool = False, settings: CaptionSettings | None = None) -> str:
    """One or two sentences on what happens, as specific as the facts allow. The same facts give the same words."""
    writer = CaptionWriter(description, np.random.default_rng(0), named=named, plain=True, settings=settings)
    return writer.story() if description.interactions else writer.story_without_contact()
