"""A synthetic interaction, and the examples that are made of it."""

from __future__ import annotations

from functools import cache

import numpy as np

from core.contract.contact import Contact
from lab.choreography.interaction import Interaction
from lab.training.examples import Example
from lab.training.simulated_examples import make_examples, views_of
from tests.lab.evaluation.synthetic import pair

TOUCH = Contact(0, "right_palm", 1, "left_shoulder", 4, 9)


def synthetic_interaction(name: str = "wave-0001", frames: int = 14) -> Interaction:
    foot_contact = np.zeros((2, frames, 2), bool)
    foot_contact[0, :, 0] = True
    return Interaction(
        name=name,
        family="wave",
        sources=("made/up",),
        subjects=("nobody",),
        rate=30.0,
        motion=pair(frames),
        foot_contact=foot_contact,
        contacts=(TOUCH,),
        sentences=("A lays the right hand on B's left shoulder.", "Two people meet."),
    )


@cache
def simulated_examples() -> tuple[Example, ...]:
    """Two interactions, of 14 and 10 frames, each by two cameras."""
    interactions = [synthetic_interaction(), synthetic_interaction("wave-0002", 10)]
    examples = [example for example in make_examples(views_of(interactions, 2, seed=3)) if example is not None]
    assert [example.name for example in examples] == ["wave-0001@0", "wave-0002@0", "wave-0001@1", "wave-0002@1"]
    return tuple(examples)
