"""Feet that stand: flat on the floor where they stood still, kept where they are until they leave, legs bent to suit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import binary_closing, binary_opening, gaussian_filter1d, maximum_filter1d
from torch import Tensor
from torch.nn.functional import normalize

from ..body.capsules import body_spheres
from ..body.model import BodyModel
from ..body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from ..contract.skeleton import BODY_JOINTS, JOINT_INDEX, PARENTS
from ..geometry.lifting import shortest_turn
from ..geometry.soles import sole_vertices

SIDES = ("left", "right")
_RATE = 30.0
_STILL = 0.22
"""metres a second below which a foot's ankle or ball stands."""
_SHORTEST, _GAP = 3, 2
"""frames of a stand, and of a gap that does not end it."""
_NEAR_FLOOR = 0.06
"""metres within which a still foot is taken to stand on the floor, and is put there."""
_CREEP = 0.03
"""metres that a still foot may stray before it counts as having moved on."""
_MOST_LEVELLED = math.radians(25)
"""A recording's feet are off level by at most this much when they stand."""
_STRETCH = 0.9995
"""A leg's greatest length as a share of its bones'."""
_MEAN_STANDS = 10
"""frames of standing without which a recording's feet are taken as they are."""


@dataclass(frozen=True)
class Stood:
    """Rotations [T,3,3] by joint, the pelvis [T,3], and bool [T,2] whether the left and right foot stand."""

    world: dict[str, Tensor]
    pelvis: Tensor
    planted: Tensor


def stand(world: dict[str, Tensor], pelvis: Tensor, source_feet: Tensor, body: BodyModel, rest: Tensor) -> Stood:
    """Put a retargeted motion on the floor z = 0 and stop its feet from sliding through or hovering over it.

    world [T,3,3] by joint and pelvis [T,3] in metres, Z up, floor anywhere; source_feet [T,2,2,3] the recording's ankles
    and balls of the feet at the body's scale; rest [22,3] the body's joints.
    """
    world = dict(world)
    still = _still(source_feet)
    both_still = still.all(-1)
    _level_on_average(world, both_still)
    legs = _Legs(body, rest)
    heights = legs.sole_heights(world, pelvis)
    floor = _floor_height(heights, both_still)
    pelvis = pelvis - torch.tensor([0.0, 0.0, floor], dtype=pelvis.dtype)
    pelvis = pelvis + _lift(world, pelvis, body, rest)
    near = (legs.sole_heights(world, pelvis).abs() < _NEAR_FLOOR) & _upright(world)
    planted = _runs(both_still & near)
    _flatten(world, planted)

    shift = _shifts(legs, world, pelvis, still[..., 1], near)
    common = shift.mean(1)
    together = torch.from_numpy(gaussian_filter1d(common.numpy(), 0.15 * _RATE, axis=0, mode="nearest"))
    ankles = legs.joints(world, pelvis)[:, :, 2] + shift
    pelvis = pelvis + together
    pelvis = pelvis - legs.out_of_reach(world, pelvis, ankles, still[..., 1])
    legs.reach(world, pelvis, ankles)
    return Stood(world, pelvis, planted)


class _Legs:
    """Both legs of a body: hip, knee, ankle, ball, and points on the soles."""

    def __init__(self, body: BodyModel, rest: Tensor) -> None:
        self.chains = [[f"{side}_{part}" for part in ("hip", "knee", "ankle", "foot")] for side in SIDES]
        self.rest = rest
        self.soles = []
        for side, vertices in zip(SIDES, sole_vertices(body)):
            ankle, ball = JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]
            points = body.template[vertices].double()
            on_toes = body.weights[vertices, ball] > body.weights[vertices, ankle]
            self.soles.append((points[~on_toes] - rest[ankle], points[on_toes] - rest[ball]))

    def _bone(self, start: str, end: str) -> Tensor:
        return self.rest[JOINT_INDEX[end]] - self.rest[JOINT_INDEX[start]]

    def joints(self, world: dict[str, Tensor], pelvis: Tensor) -> Tensor:
        """[T,2,4,3] hips, knees, ankles and balls."""
        sides = []
        for chain in self.chains:
            places, above = [pelvis], "pelvis"
            for name in chain:
                places.append(places[-1] + world[above] @ self._bone(above, name))
                above = name
            sides.append(torch.stack(places[1:], 1))
        return torch.stack(sides, 1)

    def sole_heights(self, world: dict[str, Tensor], pelvis: Tensor) -> Tensor:
        """[T,2] of each foot's lowest point."""
        joints = self.joints(world, pelvis)
        feet = []
        for side, (chain, (heel, toes)) in enumerate(zip(self.chains, self.soles)):
            parts = []
            for joint, points, name in ((2, heel, chain[2]), (3, toes, chain[3])):
                parts.append(joints[:, side, joint, None, 2] + world[name][:, 2] @ points.T)
            feet.append(torch.cat(parts, 1).amin(1))
        return torch.stack(feet, 1)

    def out_of_reach(self, world: dict[str, Tensor], pelvis: Tensor, ankles: Tensor, still: Tensor) -> Tensor:
        """[T,3] how far the pelvis has to come down for still feet to be reached."""
        hips = self.joints(world, pelvis)[:, :, 0]
        length = self._length()
        across = (ankles - hips)[..., :2].norm(dim=-1)
        lowest_hip = ankles[..., 2] + (length**2 - across.clamp_max(0.98 * length) ** 2).sqrt()
        excess = ((hips[..., 2] - lowest_hip).clamp_min(0) * still).amax(1)
        down = gaussian_filter1d(maximum_filter1d(excess.numpy(), 9, mode="nearest"), 2.0, mode="nearest")
        return torch.from_numpy(down)[:, None] * torch.tensor([0.0, 0.0, 1.0], dtype=pelvis.dtype)

    def _length(self) -> Tensor:
        bones = [[self._bone(*chain[:2]).norm(), self._bone(*chain[1:3]).norm()] for chain in self.chains]
        return _STRETCH * torch.stack([upper + lower for upper, lower in bones])

    def reach(self, world: dict[str, Tensor], pelvis: Tensor, ankles: Tensor) -> None:
        """Turn thighs and shanks so that the ankles come to `ankles` [T,2,3], knees in the plane they bent in."""
        joints = self.joints(world, pelvis)
        for side, (hip, knee, ankle, _) in enumerate(self.chains):
            start, middle, end = joints[:, side, 0], joints[:, side, 1], joints[:, side, 2]
            upper, lower = self._bone(hip, knee).norm(), self._bone(knee, ankle).norm()
            wanted = ankles[:, side] - start
            distance = wanted.norm(dim=-1, keepdim=True).clamp((upper - lower).abs() + 0.01, _STRETCH * (upper + lower))
            before, after = normalize(end - start, dim=-1), normalize(wanted, dim=-1)
            forward = world[hip][..., 2]
            # a straight leg's knee goes forward
            pole = (middle - start) - ((middle - start) * before).sum(-1, keepdim=True) * before + 0.01 * forward
            pole = (shortest_turn(before, after) @ pole[..., None])[..., 0]
            pole = normalize(pole - (pole * after).sum(-1, keepdim=True) * after, dim=-1)
            along = (upper**2 - lower**2 + distance**2) / (2 * distance)
            bent = start + along * after + (upper**2 - along**2).clamp_min(0).sqrt() * pole
            reached = start + distance * after
            world[hip] = shortest_turn(middle - start, bent - start) @ world[hip]
            world[knee] = shortest_turn(end - middle, reached - bent) @ world[knee]


def _still(points: Tensor) -> Tensor:
    """bool [T,2,2] slow stretches of ankles and balls [T,2,2,3]."""
    if len(points) < 2 * _SHORTEST:
        return torch.zeros(points.shape[:-1], dtype=torch.bool)
    steady = gaussian_filter1d(points.numpy(), 1.0, axis=0, mode="nearest")
    speed = np.linalg.norm(np.gradient(steady, axis=0), axis=-1) * _RATE
    return _runs(torch.from_numpy(speed < _STILL))


def _runs(flags: Tensor) -> Tensor:
    """Flags [T,...] over time with short gaps closed and short stretches left out."""
    shape = (-1,) + (1,) * (flags.ndim - 1)
    padded = np.pad(flags.numpy(), [(_SHORTEST, _SHORTEST)] + [(0, 0)] * (flags.ndim - 1), mode="edge")
    closed = binary_closing(padded, np.ones(_GAP + 1, bool).reshape(shape))
    opened = binary_opening(closed, np.ones(_SHORTEST, bool).reshape(shape))
    return torch.from_numpy(opened[_SHORTEST:-_SHORTEST])


def _upright(world: dict[str, Tensor]) -> Tensor:
    """bool [T,2] soles that face the floor rather than a wall or the sky."""
    return torch.stack([world[f"{side}_ankle"][:, 2, 1] > math.cos(math.radians(45)) for side in SIDES], 1)


def _level_on_average(world: dict[str, Tensor], still: Tensor) -> None:
    """Turn each foot on its shank, the same all through, so that it is level on average where it stands."""
    upright = _upright(world)
    for index, side in enumerate(SIDES):
        stands = still[:, index] & upright[:, index]
        if stands.sum() < _MEAN_STANDS:
            continue
        ups = world[f"{side}_ankle"][stands][:, 2]  # the world's up in the foot's axes
        up = ups.median(0).values
        turn = matrix_to_axis_angle(shortest_turn(up.new_tensor([0.0, 1.0, 0.0]), up))
        turn = turn * (_MOST_LEVELLED / turn.norm().clamp_min(1e-9)).clamp_max(1)
        for part in ("ankle", "foot"):
            world[f"{side}_{part}"] = world[f"{side}_{part}"] @ axis_angle_to_matrix(turn)


def _floor_height(heights: Tensor, still: Tensor) -> float:
    """Where the lowest floor is that feet stood on, heights [T,2] of the soles; the lowest height where none stood."""
    standing = heights[still].numpy()
    if len(standing) < _MEAN_STANDS:
        return float(np.quantile(heights.numpy(), 0.02))
    low = np.quantile(standing, 0.08)
    return float(np.median(standing[np.abs(standing - low) < 0.025]))


def _lift(world: dict[str, Tensor], pelvis: Tensor, body: BodyModel, rest: Tensor) -> Tensor:
    """[T,3] how far the whole body has to rise for trunk, head, knees and elbows to be above the floor."""
    places = {"pelvis": pelvis}
    for name, parent in zip(BODY_JOINTS[1:], PARENTS[1 : len(BODY_JOINTS)]):
        above = BODY_JOINTS[parent]
        places[name] = places[above] + world[above] @ (rest[JOINT_INDEX[name]] - rest[parent])
    spheres = body_spheres(body)
    lowest = torch.full_like(pelvis[:, 0], math.inf)
    for joint, offset, radius in zip(spheres.joint.tolist(), spheres.offset.double(), spheres.radius.double()):
        if joint < len(BODY_JOINTS) and not BODY_JOINTS[joint].endswith(("ankle", "foot")):
            name = BODY_JOINTS[joint]
            lowest = torch.minimum(lowest, places[name][:, 2] + world[name][:, 2] @ offset - radius)
    sunk = maximum_filter1d((-lowest).clamp_min(0).numpy(), 5, mode="nearest")
    return torch.from_numpy(gaussian_filter1d(sunk, 1.5, mode="nearest"))[:, None] * pelvis.new_tensor([0.0, 0.0, 1.0])


def _flatten(world: dict[str, Tensor], planted: Tensor) -> None:
    """Lay planted feet flat, toes too, fading over a few frames."""
    flat = torch.from_numpy(gaussian_filter1d(planted.double().numpy(), 1.5, axis=0, mode="nearest"))
    for index, side in enumerate(SIDES):
        share = flat[:, index, None]
        ankle, toes = world[f"{side}_ankle"], world[f"{side}_foot"]
        bend = matrix_to_axis_angle(ankle.mT @ toes)
        up = ankle[..., 1]
        level = matrix_to_axis_angle(shortest_turn(up, up.new_tensor([0.0, 0.0, 1.0])))
        world[f"{side}_ankle"] = axis_angle_to_matrix(level * share) @ ankle
        world[f"{side}_foot"] = world[f"{side}_ankle"] @ axis_angle_to_matrix(bend * (1 - share))


def _shifts(legs: _Legs, world: dict[str, Tensor], pelvis: Tensor, still: Tensor, near: Tensor) -> Tensor:
    """[T,2,3] how far each foot has to move: to where it stands while its ball is still, in between by smooth curves."""
    balls = legs.joints(world, pelvis)[:, :, 3].numpy()
    heights = legs.sole_heights(world, pelvis).numpy()
    shifts = np.zeros_like(balls)
    for side in range(2):
        across = np.full((len(balls), 2), np.nan)
        for frames in _stands(balls[:, side, :2], still[:, side].numpy()):
            across[frames] = balls[frames, side, :2].mean(0) - balls[frames, side, :2]
        on_floor = (still[:, side] & near[:, side]).numpy()
        upwards = np.where(on_floor, -heights[:, side], np.nan)
        for axis, known in enumerate((across[:, 0], across[:, 1], upwards)):
            shifts[:, side, axis] = _filled(known)
        shifts[:, side, 2] = np.maximum(shifts[:, side, 2], -heights[:, side])
    return torch.from_numpy(shifts)


def _stands(places: np.ndarray, still: np.ndarray) -> list[np.ndarray]:
    """Frames of each stand: still stretches of places [T,2], cut where the foot has strayed, a few frames apart."""
    stands: list[list[int]] = []
    anchor = np.full(2, np.inf)
    skipped = 0
    for t in np.flatnonzero(still):
        follows = bool(stands) and stands[-1][-1] == t - 1
        if follows and np.linalg.norm(places[t] - anchor) < _CREEP:
            stands[-1].append(int(t))
        elif follows or skipped:
            skipped = 4 if follows else skipped - 1
            if not still[t - 1]:
                skipped = 0
            if skipped == 0:
                stands.append([int(t)])
                anchor = places[t]
        else:
            stands.append([int(t)])
            anchor = places[t]
    return [np.array(stand) for stand in stands if len(stand) >= _SHORTEST]


def _filled(known: np.ndarray) -> np.ndarray:
    """Values [T] with gaps (NaN) bridged by curves without overshoot, held at the ends; zeros where nothing is known."""
    at = np.flatnonzero(~np.isnan(known))
    if len(at) < 2:
        return np.zeros(len(known))
    inside = np.clip(np.arange(len(known)), at[0], at[-1])
    return PchipInterpolator(at, known[at])(inside)
