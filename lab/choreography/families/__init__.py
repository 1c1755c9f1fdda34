"""Families of interactions: each composes scenes of one kind, and never the same scene twice.

A family is a module with `compose(sampler, rng) -> Scene` and an entry in FAMILIES below. It draws everything that varies
(people, 64 to 160 frames, times, sides, distances, recorded motions) from `rng` alone, and describes its goals as plain data
(`scene.py`). The solver (`solve.py`) makes the motion, `validation.py` checks it, and a scene that fails is drawn again: so
`compose` has to succeed most times, not every time.

How to write a family:

1. Sample two people with `sampler.sample_person(rng)`. Distances have to scale with them: use `person.arm_length`,
   `person.joint_height("spine3")` and `person.bone_length(...)`.
2. Sample the motion that each person's goals are added to, a `MotionClip` in the world. `sampler.face_to_face(people, frames,
   rng, apart)` gives two actors who stand and face each other across the origin along X; `sampler.standing_motion(...)` and
   `sampler.sample_motion(kind, ...)` give a motion of one person, to be placed with `mocap.motion_clip.place_at`.
   `actor_joints(actor)` are its joints, e.g. to time a contact by when a foot is farthest out. Feet stay planted where the
   motion has them planted.
3. Add a `ContactGoal(person, point, target, interval)` for each contact: the skin point of this person meets the target point of
   the other during the interval, with opposed normals. Use few: one for a hand (its palm). The sampled motions should bring
   both points to within a hand's breadth; 60 degrees in an arm are easy to add, 10 cm of the trunk are not. Palms are
   hollow: the middles of two palms that lie on each other are some millimetres apart (`gap=PALM_GAP`).
4. Say how hands arrive: one or two `DirectionGoal`s (in rest axes a right hand's fingers point to (-1,0,0), a left hand's to
   (1,0,0), palms to (0,-1,0), thumbs to (0,0,1)); a `PositionGoal` for an elbow that has to stay clear or for a hand that has to
   pass a place on its way; `HandShapeGoal`s for the fingers (`closes_on_contact=True`: they close on what they meet).
5. Add `GazeGoal`s where faces turn to each other.
6. Write the scene for person 0's right hand, and draw the side and the person: `symmetry.mirror_scene(scene)` exchanges left and
   right, `symmetry.swap_people(scene)` the two people. The sentences have to name the final sides.

Look at the result: `python -m lab choreograph --families NAME --count 2 --look FOLDER` draws contact sheets.
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
    touch_anywhere,
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
    "touch_anywhere": touch_anywhere.compose,
}
