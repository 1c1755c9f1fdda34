"""The same scene the other way round: left and right exchanged, or the two people."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from core.contract.skeleton import mirrored as mirrored_name

from ..mocap.motion_clip import mirror
from .scene import Direction, Gaze, HandPose, Place, Point, Scene, Spot, Touch

_Item = TypeVar("_Item", Touch, Place, Direction, Gaze, HandPose)


def mirrored(scene: Scene) -> Scene:
    """Left and right exchanged in everything, in the plane x = 0; sentences stay as they are."""
    return replace(
        scene,
        actors=tuple(replace(actor, base=mirror(actor.base)) for actor in scene.actors),
        touches=tuple(replace(item, spot=_spot(item.spot), on=_spot(item.on)) for item in scene.touches),
        places=tuple(
            replace(item, point=_point(item.point), at=_flipped(item.at), near=_near(item.near))
            for item in scene.places
        ),
        directions=tuple(
            replace(
                item,
                joint=mirrored_name(item.joint),
                axis=_flipped(item.axis),
                to=_flipped(item.to),
                near=_near(item.near),
            )
            for item in scene.directions
        ),
        hands=tuple(replace(item, side="left" if item.side == "right" else "right") for item in scene.hands),
    )


def exchanged(scene: Scene) -> Scene:
    """Person 0 is person 1 and the other way round; where they are in the world stays."""

    def of_other(item: _Item) -> _Item:
        turned = replace(item, person=1 - item.person)
        if isinstance(turned, Place | Direction) and turned.near is not None:
            return replace(turned, near=(1 - turned.near[0], turned.near[1]))
        return turned

    return replace(
        scene,
        actors=scene.actors[::-1],
        touches=tuple(map(of_other, scene.touches)),
        places=tuple(map(of_other, scene.places)),
        directions=tuple(map(of_other, scene.directions)),
        gazes=tuple(map(of_other, scene.gazes)),
        hands=tuple(map(of_other, scene.hands)),
    )


def _spot(spot: Spot) -> Spot:
    name = mirrored_name(spot.region)
    return Spot(name, spot.at if name != spot.region else _flipped(spot.at))


def _point(point: Point) -> Point:
    return _spot(point) if isinstance(point, Spot) else mirrored_name(point)


def _near(near: tuple[int, str] | None) -> tuple[int, str] | None:
    return None if near is None else (near[0], mirrored_name(near[1]))


def _flipped(vector: Any) -> Any:
    """A vector or a path of them."""
    if isinstance(vector, np.ndarray):
        return vector * np.array([-1, 1, 1], np.float32)
    return (-vector[0], vector[1], vector[2])
