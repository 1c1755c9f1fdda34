"""Which of the skeletons seen in each frame, and which naming of its sides, makes a track's motion steadiest.

A frame alone does not tell: where a head is hidden the network may take somebody's back for their front, and then the
joints are in place but named for the other side; where people overlap, one look shows a limb right and the next another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..contract.skeleton import LANDMARK_INDEX, LANDMARKS
from .appearance import likeness
from .landmarks import MIRROR
from .tracking import Observation, Track

_UPPER = np.arange(len(LANDMARKS)) < LANDMARK_INDEX["left_hip"]
_GROUPS = tuple(
    [LANDMARK_INDEX[f"{side}_{part}"] for part in parts for side in ("left", "right")]
    for parts in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
)
"""Joints that tell the sides of the upper and of the lower body."""
_NAMINGS = ((False, False), (True, True), (True, False), (False, True))
"""Whether the sides of the upper and of the lower body are to be exchanged."""
_NAMING_COST = np.array([0.0, 0.04, 0.12, 0.12])
_WORTH_COST, _LOOKS_COST = 0.5, 0.5
"""Per frame for a skeleton worth nothing, or that looks like somebody else; a jump of the joints between two frames costs
one at most for each half of the body."""
_TOLERANCE = 0.25
_MEMORY = 10.0
"""Steps after which a gap in the track has made the place before it meaningless (falls with its exponential)."""
_LOOKS_SAMPLES = 60


def steady(track: Track) -> Track:
    """The track with the steadiest choice among each frame's skeletons and namings of left and right.

    Dynamic programming (Viterbi, 1967) over pairs of a skeleton and one of four namings: upper and lower body each as they
    are or exchanged. Costs are those of the constants above.
    """
    steps = sorted(track.observations)
    if not steps:
        return track
    choices = [(track.observations[step], *track.observations[step].alternatives) for step in steps]
    looks = _mean_looks(track)
    cost = _own_cost(choices[0], looks)
    came_from: list[np.ndarray] = []
    for before, after, gap in zip(choices, choices[1:], np.diff(steps)):
        total = cost[:, None] + np.exp((1 - gap) / _MEMORY) * _jumps(before, after)
        came_from.append(total.argmin(0))
        cost = total.min(0) + _own_cost(after, looks)
    state = int(cost.argmin())
    chosen = {}
    for step, seen, back in zip(reversed(steps), reversed(choices), [*reversed(came_from), None]):
        chosen[step] = _named(seen[state // len(_NAMINGS)], *_NAMINGS[state % len(_NAMINGS)])
        state = int(back[state]) if back is not None else 0
    return Track(dict(sorted(chosen.items())))


def _mean_looks(track: Track) -> np.ndarray:
    seen = list(track.observations.values())
    return np.mean([one.looks for one in [s for s in seen if s.alone] or seen][:_LOOKS_SAMPLES], 0)


def _own_cost(seen: Sequence[Observation], looks: np.ndarray) -> np.ndarray:
    """float [4N], the cost of each skeleton and naming by itself."""
    own = [_WORTH_COST * (1 - one.worth) + _LOOKS_COST * (1 - likeness(one.looks, looks)) for one in seen]
    return (np.array(own)[:, None] + _NAMING_COST).ravel()


def _jumps(before: Sequence[Observation], after: Sequence[Observation]) -> np.ndarray:
    """float [4N,4M], how far the joints jump from each earlier skeleton and naming to each later one."""
    scale = _TOLERANCE * max(one.pose.scale for one in (*before, *after))
    total = np.zeros((len(before), len(_NAMINGS), len(after), len(_NAMINGS)))
    for half, group in enumerate(_GROUPS):
        start, end = _named_points(before, group), _named_points(after, group)
        weight = before[0].pose.visibility[group] * after[0].pose.visibility[group] + 0.1
        distance = ((start[:, :, None, None] - end) ** 2).sum(-1)
        jump = 1 - (np.exp(-distance / (2 * scale**2)) * (weight / weight.sum())).sum(-1)
        naming = [int(names[half]) for names in _NAMINGS]
        total += jump[:, naming][..., naming]
    return total.reshape(len(before) * len(_NAMINGS), -1)


def _named_points(seen: Sequence[Observation], group: list[int]) -> np.ndarray:
    """float [N,2,G,2], the group's joints as they are and with the sides exchanged."""
    return np.stack([[one.pose.points[group], one.pose.points[MIRROR[group]]] for one in seen])


def _named(seen: Observation, upper: bool, lower: bool) -> Observation:
    """The observation alone, its sides exchanged as asked."""
    order = np.where(np.where(_UPPER, upper, lower), MIRROR, np.arange(len(LANDMARKS)))
    pose = seen.pose
    named = replace(
        pose,
        points=pose.points[order],
        visibility=pose.visibility[order],
        presence=pose.presence[order],
        heat=pose.heat[order],
        world=pose.world[order],
    )
    return replace(seen, pose=named, alternatives=())
