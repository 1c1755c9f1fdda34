"""Families of interactions: each makes scenes of one kind, never the same twice.

A family is one module with `compose(studio, rng) -> Scene`, entered in FAMILIES below under its id. It draws everything that
varies (people, frames 64-160, times, sides, distances, the motion underneath) from `rng` and nothing else, and describes what
is wanted as plain data (`scene.py`); the solver makes the motion, `check.py` judges it, and what fails is drawn again. So
compose need not be right each time, only most times.

How to write one:

1. `people = studio.person(rng), studio.person(rng)`; sizes come from `person.arm`, `person.height_of("spine3")`,
   `person.length(...)`: nothing fits everybody that is not measured in them.
2. Bases: what each does anyway, as `BaseMotion` already placed in the world. `studio.face_to_face(people, frames, rng, apart)`
   gives two who stand and face each other across the origin along X; `studio.standing(person, frames, rng)` and
   `studio.motion(kind, person, frames, rng)` give one, to be put somewhere by `mocap.motion_clip.placed`. `joints_of(actor)` are
   the joints of a base, e.g. to time a touch by when a foot is furthest out. Feet stay where the base has them planted.
3. Touches: `Touch(person, spot, on, span)`: this person's spot lies on the other's. The two spots are pressed together from
   `span.first` to `span.last`, with opposed normals. Few and sure ones: a hand is one touch (its palm), held by its middle.
   The base should bring both to within a hand's breadth; offsets of 60 degrees in an arm are easy, 10 cm of the trunk are not.
   Palms are hollow: two that lie on each other are some millimetres apart in the middle (`gap=PALM_GAP`).
4. What a hand needs beyond its place: one or two `Direction`s (rest axes: a right hand's fingers point to (-1,0,0), a left
   hand's to (1,0,0), palms to (0,-1,0), thumbs to (0,0,1)), a `Place` for an elbow that shall stay out of the way or for a hand
   that shall pass somewhere on its way, `HandPose`s for the fingers (`closes=True`: they lie down on what they meet).
5. `Gaze`s where faces turn to each other.
6. Write it for person 0's right hand, and draw which side and who it is: `variants.mirrored(scene)` exchanges left and right in
   everything, `variants.exchanged(scene)` the two people. Sentences have to name the sides as they are in the end.

Look at every family: `python -m lab choreograph --families NAME --count 2 --look FOLDER` draws contact sheets.
"""

from __future__ import annotations

from collections.abc import Callable

from numpy.random import Generator

from ..scene import Scene
from ..scene_sampler import SceneSampler
from . import (
    arm_around_shoulder,
    block_punch,
    dance_hold,
    dance_turn,
    hand_in_hand,
    hand_over,
    handshake,
    help_up,
    high_five,
    hug,
    kick,
    pat_shoulder,
    piggyback,
    pull_arm,
    shove,
)

Compose = Callable[[SceneSampler, Generator], Scene]

FAMILIES: dict[str, Compose] = {
    "handshake": handshake.compose,
    "high_five": high_five.compose,
    "hug": hug.compose,
    "pat_shoulder": pat_shoulder.compose,
    "arm_around_shoulder": arm_around_shoulder.compose,
    "hand_over": hand_over.compose,
    "shove": shove.compose,
    "hand_in_hand": hand_in_hand.compose,
    "kick": kick.compose,
    "block_punch": block_punch.compose,
    "pull_arm": pull_arm.compose,
    "dance_hold": dance_hold.compose,
    "piggyback": piggyback.compose,
    "help_up": help_up.compose,
    "dance_turn": dance_turn.compose,
}
