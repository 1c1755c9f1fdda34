"""What tests of choreography share: the body, and two people who stand face to face."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.body.files import load_body
from core.body.model import BodyModel
from lab.choreography.scene import Actor
from lab.choreography.scene_sampler import Person, stand_at_ease
from lab.mocap.motion_clip import place_at


@pytest.fixture(scope="session")
def body() -> BodyModel:
    return load_body(None)


@pytest.fixture(scope="session")
def facing(body: BodyModel):
    """Makes two people who stand still, so many metres apart along X, for so many frames."""

    def make(apart: float, frames: int) -> tuple[Actor, Actor]:
        person = Person(body, np.zeros(16, np.float32))
        actors = [
            Actor(body, person.betas, place_at(stand_at_ease(person, frames), heading, (side * apart / 2, 0.0)))
            for side, heading in ((-1, 0.0), (1, math.pi))
        ]
        return actors[0], actors[1]

    return make
