"""Undoes exchanges of left and right in single frames, by the naming of sides that makes a track's motion steadiest.

Where a head is hidden a network may take somebody's back for their front: the joints are in place but named for the other side.

Costs are in jumps: 1 is what half a body costs all of whose joints are suddenly elsewhere. An exchange has a jump at both ends,
while `_NAMING_COST` is paid in every frame of the clip, whatever its rate. So an exchange of all sides is undone where it lasts
up to 100 frames, one of the upper or the lower body where it lasts up to 16: at 60 frames a second half as long as at 30.
`_TOLERANCE` and `_MEMORY` count in frames, too. No measurement of these values is recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..contract.skeleton import LANDMARK_INDEX, LANDMARKS
from .landmarks import MIRROR, Pose
from .track import Track, TrackedPose

_UPPER = np.arange(len(LANDMARKS)) < LANDMARK_INDEX["left_hip"]
_GROUPS = tuple(
    [LANDMARK_INDEX[f"{side}_{part}"] for part in parts for side in ("left", "right")]
    for parts in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
)
"""Joints that tell the sides of the upper and of the lower body."""
_NAMINGS = ((False, False), (True, True), (True, False), (False, True))
"""Whether the sides of the upper and of the lower body are exchanged."""
_NAMING_COST = np.array([0.0, 0.04, 0.12, 0.12])
"""Jumps per frame, for each of `_NAMINGS`."""
_TOLERANCE = 0.25
"""Distance from one frame to the next, in scales, at which a joint that moves has jumped by 1 - exp(-1/2)."""
_MEMORY = 10.0
"""Frames of a gap in the track that leave 1/e of the weight of the position before it."""


def with_consistent_sides(track: Track[TrackedPose]) -> Track[TrackedPose]:
    """The track with the steadiest naming of left and right in each frame.

    Dynamic programming (Viterbi, 1967) over four namings: upper and lower body each as they are or exchanged.
    """
    steps = sorted(track.seen)
    if not steps:
        return track
    poses = [track.seen[step].pose for step in steps]
    cost = _NAMING_COST.copy()
    came_from: list[np.ndarray] = []
    for before, after, gap in zip(poses, poses[1:], np.diff(steps)):
        total = cost[:, None] + np.exp((1 - gap) / _MEMORY) * _jumps(before, after)
        came_from.append(total.argmin(0))
        cost = total.min(0) + _NAMING_COST
    naming = int(cost.argmin())
    namings = [naming]
    for back in reversed(came_from):
        naming = int(back[naming])
        namings.append(naming)
    named = {step: _named(track.seen[step], *_NAMINGS[chosen]) for step, chosen in zip(steps, reversed(namings))}
    return Track(named)


def _jumps(before: Pose, after: Pose) -> np.ndarray:
    """float [4,4], how far the joints jump from each naming of a pose to each naming of the next one."""
    scale = _TOLERANCE * max(before.scale, after.scale)
    total = np.zeros((len(_NAMINGS), len(_NAMINGS)))
    for half, group in enumerate(_GROUPS):
        start, end = _namings_of(before, group), _namings_of(after, group)
        weight = before.visibility[group] * after.visibility[group] + 0.1
        distance = ((start[:, None] - end[None]) ** 2).sum(-1)
        jump = 1 - (np.exp(-distance / (2 * scale**2)) * (weight / weight.sum())).sum(-1)
        exchanged = [int(names[half]) for names in _NAMINGS]
        total += jump[exchanged][:, exchanged]
    return total


def _namings_of(pose: Pose, group: Sequence[int]) -> np.ndarray:
    """float [2,G,2], the group's joints as they are and with the sides exchanged."""
    return np.stack([pose.points[list(group)], pose.points[MIRROR[list(group)]]])


def _named(seen: TrackedPose, upper: bool, lower: bool) -> TrackedPose:
    """The pose with the sides of a half exchanged as asked."""
    if not (upper or lower):
        return seen
    order = np.where(np.where(_UPPER, upper, lower), MIRROR, np.arange(len(LANDMARKS)))
    pose = seen.pose
    named = replace(
        pose,
        points=pose.points[order],
        visibility=pose.visibility[order],
        presence=pose.presence[order],
        heat=pose.heat[order],
        world=pose.world[order],
        covariance=pose.covariance[order],
    )
    return replace(seen, pose=named)
