"""Variants of a scene: mirrored left to right, or with the two people swapped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from core.contract.skeleton import mirrored

from ..mocap.motion_clip import mirror
from .scene import (
    ContactGoal,
    ContactPoint,
    DirectionGoal,
    GazeGoal,
    HandShapeGoal,
    PointOrJoint,
    PositionGoal,
    Scene,
)

_Goal = TypeVar("_Goal", ContactGoal, PositionGoal, DirectionGoal, GazeGoal, HandShapeGoal)


def mirror_scene(scene: Scene) -> Scene:
    """The scene reflected in the plane x = 0: left and right are exchanged in motions and goals, but not in sentences."""
    return replace(
        scene,
        actors=tuple(replace(actor, motion=mirror(actor.motion)) for actor in scene.actors),
        contact_goals=tuple(
            replace(goal, point=_mirror_point(goal.point), target=_mirror_point(goal.target))
            for goal in scene.contact_goals
        ),
        position_goals=tuple(
            replace(
                goal,
                point=_mirror_point_or_joint(goal.point),
                target=_reflect(goal.target),
                frame=_mirror_frame(goal.frame),
            )
            for goal in scene.position_goals
        ),
        direction_goals=tuple(
            replace(
                goal,
                joint=mirrored(goal.joint),
                axis=_reflect(goal.axis),
                target=_reflect(goal.target),
                frame=_mirror_frame(goal.frame),
            )
            for goal in scene.direction_goals
        ),
        hand_goals=tuple(replace(goal, side="left" if goal.side == "right" else "right") for goal in scene.hand_goals),
    )


def swap_people(scene: Scene) -> Scene:
    """The scene with the numbers of the two people exchanged; nobody moves."""

    def swap(goal: _Goal) -> _Goal:
        swapped = replace(goal, person=1 - goal.person)
        if isinstance(swapped, PositionGoal | DirectionGoal) and swapped.frame is not None:
            person, joint = swapped.frame
            return replace(swapped, frame=(1 - person, joint))
        return swapped

    return replace(
        scene,
        actors=scene.actors[::-1],
        contact_goals=tuple(map(swap, scene.contact_goals)),
        position_goals=tuple(map(swap, scene.position_goals)),
        direction_goals=tuple(map(swap, scene.direction_goals)),
        gaze_goals=tuple(map(swap, scene.gaze_goals)),
        hand_goals=tuple(map(swap, scene.hand_goals)),
    )


def _mirror_point(point: ContactPoint) -> ContactPoint:
    region = mirrored(point.region)
    # coordinates of sided regions count from the middle of the body outwards, so they stay
    return ContactPoint(region, point.coordinates if region != point.region else _reflect(point.coordinates))


def _mirror_point_or_joint(point: PointOrJoint) -> PointOrJoint:
    return _mirror_point(point) if isinstance(point, ContactPoint) else mirrored(point)


def _mirror_frame(frame: tuple[int, str] | None) -> tuple[int, str] | None:
    return None if frame is None else (frame[0], mirrored(frame[1]))


def _reflect(vector: Any) -> Any:
    """A vector, or a path of vectors [T,3], reflected in the plane x = 0."""
    if isinstance(vector, np.ndarray):
        return vector * np.array([-1, 1, 1], np.float32)
    return (-vector[0], vector[1], vector[2])
