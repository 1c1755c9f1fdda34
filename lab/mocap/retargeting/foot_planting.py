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

from core.body.collision import collision_spheres
from core.body.model import BodyModel
from core.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_between_vectors
from core.contract.skeleton import BODY_JOINTS, JOINT_INDEX, PARENTS
from core.fitting.soles import sole_vertices

SIDES = ("left", "right")
_SLOW, _STILL = 0.40, 0.20
"""metres a second: a foot's ankle or ball stands in a stretch below the first that comes below the second."""
_STEADY = 0.012
"""seconds over which recorded places are averaged before speeds are taken."""
_SHORTEST, _GAP = 3, 2
"""frames of a stand, and of a gap that does not end it."""
_NEAR_FLOOR = 0.06
"""metres within which a still foot is taken to stand on the floor, and is put there."""
_STRAY, _WINDOW = 0.025, 0.25
"""A still foot that strays this far, metres, within so many seconds before or after slides and is let slide."""
_CREEP = 0.04
"""metres after which a foot that strays ever so slowly is taken to have stepped."""
_MOST_LEVELLED = math.radians(25)
"""A recording's feet are off level by at most this much when they stand."""
_STEEPEST = 0.03
"""metres of height a metre that a recording's floor may slope by mistake."""
_STRETCH = 0.9995
"""A leg's greatest length as a share of its bones'."""
_MEAN_STANDS = 10
"""frames of standing without which a recording's feet are taken as they are."""


@dataclass(frozen=True)
class PlantedMotion:
    """Rotations [T,3,3] by joint, the pelvis [T,3], and bool [T,2] whether the left and right foot stand."""

    global_rotations: dict[str, Tensor]
    pelvis: Tensor
    foot_contact: Tensor


def plant_feet(
    world: dict[str, Tensor], pelvis: Tensor, still: Tensor, rate: float, body: BodyModel, rest: Tensor
) -> PlantedMotion:
    """Put a retargeted motion on the floor z = 0 and stop its feet from sliding through or hovering over it.

    world [T,3,3] by joint and pelvis [T,3] in metres, Z up, floor anywhere; still bool [T,2,2] from `still_feet`; rate in
    frames a second; rest [22,3] the body's joints.
    """
    world = dict(world)
    both_still = still.all(-1)
    _level_on_average(world, both_still)
    legs = _Legs(body, rest)
    pelvis = pelvis - _floor(legs, world, pelvis, both_still)
    pelvis = pelvis + _lift(world, pelvis, body, rest)
    near = (legs.sole_heights(world, pelvis).abs() < _NEAR_FLOOR) & _upright(world)
    stands = _stands(legs.joints(world, pelvis)[:, :, 3, :2], still[..., 1], rate)
    standing = torch.zeros_like(near)
    for side, frames in stands:
        standing[frames, side] = True
    planted = _runs(standing & still[..., 0] & near)
    _flatten(world, planted)

    shift = _shifts(legs, world, pelvis, stands, near)
    together = torch.from_numpy(gaussian_filter1d(shift.mean(1).numpy(), 0.15 * rate, axis=0, mode="nearest"))
    ankles = legs.joints(world, pelvis)[:, :, 2] + shift
    pelvis = pelvis + together
    pelvis = pelvis - legs.out_of_reach(world, pelvis, ankles, standing)
    legs.reach(world, pelvis, ankles)
    return PlantedMotion(world, pelvis, planted)


def detect_still_points(points: Tensor, rate: float) -> Tensor:
    """bool, same shape but the last: slow stretches over time of points [T,...,3] in metres, at any rate of frames a second."""
    if len(points) < 3:
        return torch.zeros(points.shape[:-1], dtype=torch.bool)
    steady = gaussian_filter1d(points.numpy(), _STEADY * rate, axis=0, mode="nearest")
    speed = np.linalg.norm(np.gradient(steady, axis=0), axis=-1) * rate
    slow = speed < _SLOW
    flat = slow.reshape(len(slow), -1)
    for column, speeds in zip(flat.T, speed.reshape(len(slow), -1).T):
        for run in _consecutive(np.flatnonzero(column)):
            column[run] = speeds[run].min() < _STILL
    return torch.from_numpy(flat.reshape(slow.shape))


class _Legs:
    """Both legs of a body: hip, knee, ankle, ball, and points on the soles."""

    def __init__(self, body: BodyModel, rest: Tensor) -> None:
        self.chains = [[f"{side}_{part}" for part in ("hip", "knee", "ankle", "foot")] for side in SIDES]
        self.rest = rest
        self.soles = []
        for side, vertices in zip(SIDES, sole_vertices(body)):
            ankle, ball = JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]
            points = body.v_template[vertices].double()
            on_toes = body.lbs_weights[vertices, ball] > body.lbs_weights[vertices, ankle]
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
            pole = (middle - start) - ((middle - start) * before).sum(-1, keepdim=True) * before
            # a straight leg's knee goes forward, and so does one that was pressed through
            pole = pole - 2 * (pole * forward).sum(-1, keepdim=True).clamp_max(0) * forward + 0.01 * forward
            pole = (rotation_between_vectors(before, after) @ pole[..., None])[..., 0]
            pole = normalize(pole - (pole * after).sum(-1, keepdim=True) * after, dim=-1)
            along = (upper**2 - lower**2 + distance**2) / (2 * distance)
            bent = start + along * after + (upper**2 - along**2).clamp_min(0).sqrt() * pole
            reached = start + distance * after
            world[hip] = rotation_between_vectors(middle - start, bent - start) @ world[hip]
            world[knee] = rotation_between_vectors(end - middle, reached - bent) @ world[knee]


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
        turn = matrix_to_axis_angle(rotation_between_vectors(up.new_tensor([0.0, 1.0, 0.0]), up))
        turn = turn * (_MOST_LEVELLED / turn.norm().clamp_min(1e-9)).clamp_max(1)
        for part in ("ankle", "foot"):
            world[f"{side}_{part}"] = world[f"{side}_{part}"] @ axis_angle_to_matrix(turn)


def _floor(legs: _Legs, world: dict[str, Tensor], pelvis: Tensor, still: Tensor) -> Tensor:
    """[T,3] the floor's height below the body: the lowest plane that feet stood on, level but for a calibration's error."""
    heights = legs.sole_heights(world, pelvis)
    standing = still & _upright(world)
    if standing.sum() < _MEAN_STANDS:
        level = torch.full_like(pelvis[:, 0], float(np.quantile(heights.amin(1).numpy(), 0.02)))
    else:
        across = legs.joints(world, pelvis)[:, :, 3, :2][standing].numpy()
        level = torch.from_numpy(_plane(across, heights[standing].numpy(), pelvis[:, :2].numpy()))
    return level[:, None] * pelvis.new_tensor([0.0, 0.0, 1.0])


def _plane(places: np.ndarray, heights: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Heights [T] at places [T,2] of the lowest plane through most of the lower of N heights [N] at places [N,2]."""
    middle = places.mean(0)
    rows = np.c_[np.ones(len(places)), places - middle]
    low = np.quantile(heights, 0.08)
    plane = np.array([np.median(heights[np.abs(heights - low) < 0.03]), 0.0, 0.0])
    for _ in range(8):
        weight = 1 / (1 + ((heights - rows @ plane) / 0.015) ** 2) ** 2
        # a slope is only believed where feet stood apart
        stiff = np.diag([0.0, 1.0, 1.0]) * 0.1 * weight.sum()
        plane = np.linalg.solve((rows * weight[:, None]).T @ rows + stiff, rows.T @ (weight * heights))
        plane[1:] *= min(1.0, _STEEPEST / max(float(np.linalg.norm(plane[1:])), 1e-9))
    return plane[0] + (at - middle) @ plane[1:]


def _lift(world: dict[str, Tensor], pelvis: Tensor, body: BodyModel, rest: Tensor) -> Tensor:
    """[T,3] how far the whole body has to rise for trunk, head, knees and elbows to be above the floor."""
    places = {"pelvis": pelvis}
    for name, parent in zip(BODY_JOINTS[1:], PARENTS[1 : len(BODY_JOINTS)]):
        above = BODY_JOINTS[parent]
        places[name] = places[above] + world[above] @ (rest[JOINT_INDEX[name]] - rest[parent])
    spheres = collision_spheres(body)
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
        level = matrix_to_axis_angle(rotation_between_vectors(up, up.new_tensor([0.0, 0.0, 1.0])))
        world[f"{side}_ankle"] = axis_angle_to_matrix(level * share) @ ankle
        world[f"{side}_foot"] = world[f"{side}_ankle"] @ axis_angle_to_matrix(bend * (1 - share))


def _shifts(
    legs: _Legs, world: dict[str, Tensor], pelvis: Tensor, stands: list[tuple[int, np.ndarray]], near: Tensor
) -> Tensor:
    """[T,2,3] how far each foot has to move: to where it stands in each of its stands, in between by smooth curves."""
    balls = legs.joints(world, pelvis)[:, :, 3].numpy()
    heights = legs.sole_heights(world, pelvis).numpy()
    known = np.full_like(balls, np.nan)
    for side, frames in stands:
        known[frames, side, :2] = balls[frames, side, :2].mean(0) - balls[frames, side, :2]
        on_floor = frames[near[frames, side].numpy()]
        known[on_floor, side, 2] = -heights[on_floor, side]
    shifts = np.apply_along_axis(_filled, 0, known)
    shifts[..., 2] = np.maximum(shifts[..., 2], -heights)
    return torch.from_numpy(shifts)


def _stands(places: Tensor, still: Tensor, rate: float) -> list[tuple[int, np.ndarray]]:
    """Each stand's side and frames, for places [T,2,2] across the floor and whether they are still [T,2]."""
    stands = []
    reach = max(round(_WINDOW * rate), 1)
    for side in range(places.shape[1]):
        path = places[:, side].numpy()
        for run in _consecutive(np.flatnonzero(_runs(still[:, side]).numpy())):
            own = path[run]
            later = own[np.minimum(np.arange(len(run)) + reach, len(run) - 1)]
            earlier = own[np.maximum(np.arange(len(run)) - reach, 0)]
            astray = np.maximum(np.linalg.norm(later - own, axis=1), np.linalg.norm(own - earlier, axis=1))
            for part in _consecutive(run[astray < _STRAY]):
                stands += [(side, stand) for stand in _cut_where_crept(path, part, round(_WINDOW * rate))]
    return [(side, frames) for side, frames in stands if len(frames) >= _SHORTEST]


def _cut_where_crept(path: np.ndarray, frames: np.ndarray, apart: int) -> list[np.ndarray]:
    """Frames of a stand, cut where the path has strayed from the cut's start, with `apart` frames between for the step."""
    stands = []
    while len(frames):
        strayed = np.flatnonzero(np.linalg.norm(path[frames] - path[frames[0]], axis=1) > _CREEP)
        end = int(strayed[0]) if len(strayed) else len(frames)
        stands.append(frames[:end])
        frames = frames[end + apart :]
    return stands


def _consecutive(frames: np.ndarray) -> list[np.ndarray]:
    """Rising numbers cut into runs without gaps."""
    return [run for run in np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1) if len(run)]


def _filled(known: np.ndarray) -> np.ndarray:
    """Values [T] with gaps (NaN) bridged by curves without overshoot, held at the ends; zeros where nothing is known."""
    at = np.flatnonzero(~np.isnan(known))
    if len(at) < 2:
        return np.zeros(len(known))
    inside = np.clip(np.arange(len(known)), at[0], at[-1])
    return PchipInterpolator(at, known[at])(inside)
