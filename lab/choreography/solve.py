"""From scenes to people's motions: descent on what is wanted over whole clips at once, from coarse to fine.

What moves are smooth offsets from the people's own motions (`posing`), so that their dynamics stay. Several scenes are solved
together, for small tensors cost as much as large ones; they do not know of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.contract.skeleton import PARENTS
from core.motion import PairMotion, motion_from_rotations

from .contact_closing import closed_hands
from .hand_shapes import animate_hands, finger_rotations
from .objectives import Objectives
from .pose_parameters import PARAMETERS, Poses, ReferenceMotions
from .scene import Scene
from .skin_points import BODY
from .splines import evaluate_spline, spline_basis


@dataclass(frozen=True)
class Stage:
    knot_spacing: int
    """Frames between two numbers of a curve."""
    frame_stride: int
    """Frames between two that are looked at."""
    steps: int
    learning_rate: float
    tolerance_scale: float
    """How much further off than at last touches may be."""
    skin_collisions: bool
    """Whether skins keep each other out, not only the bodies' spheres."""
    collision_free_steps: int = 0
    """Steps in which nothing keeps anybody out: arms find their way around people through them."""


STAGES = (Stage(8, 4, 100, 0.14, 4.0, False, 35), Stage(4, 2, 50, 0.05, 1.5, False), Stage(4, 2, 70, 0.03, 1.0, True))
_MOVED_RATE = 0.4
"""How fast people are moved as a whole, as a share of the rest."""


@dataclass(frozen=True)
class Solution:
    motion: PairMotion
    foot_contact: np.ndarray
    """bool [2,T,2]"""


Report = Callable[[int, dict[str, float]], None]


def solve(scene: Scene, stages: tuple[Stage, ...] = STAGES, report: Report | None = None) -> Solution:
    """Both people's motion. `report(step, terms)` is told now and then what is still amiss."""
    return solve_batch((scene,), stages, report)[0]


def solve_batch(
    scenes: Sequence[Scene], stages: tuple[Stage, ...] = STAGES, report: Report | None = None
) -> list[Solution]:
    """Of each scene both people's motion. Deterministic for the same scenes together."""
    bases = ReferenceMotions.from_scenes(scenes)
    longest = max(scene.frames for scene in scenes)
    shapes = torch.cat([_prolonged(animate_hands(scene.hand_goals, scene.frames), longest) for scene in scenes])
    whole = torch.tensor(
        [[scene.translation_sigma, scene.translation_sigma, scene.rotation_sigma] for scene in scenes for _ in (0, 1)]
    )
    moved = torch.zeros(len(whole), 3, requires_grad=True)
    controls, basis = torch.zeros(0), None
    done = 0
    for stage in stages:
        finer = spline_basis(longest, stage.knot_spacing)
        if basis is None:
            controls = torch.zeros(len(whole), finer.shape[1], PARAMETERS)
        elif basis.shape != finer.shape:
            controls = torch.linalg.pinv(finer) @ evaluate_spline(basis, controls.detach())
        basis = finer
        controls = controls.detach().clone().requires_grad_()
        frames = torch.arange(0, longest, stage.frame_stride)
        wanted = Objectives.from_scenes(
            scenes, bases, finger_rotations(shapes[:, frames]), frames, stage.tolerance_scale, stage.skin_collisions
        )
        optimizer = torch.optim.Adam(
            [{"params": [controls]}, {"params": [moved]}], lr=stage.learning_rate, betas=(0.9, 0.98)
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            [stage.learning_rate, stage.learning_rate * _MOVED_RATE],
            total_steps=stage.steps + 1,
            pct_start=0.15,
            final_div_factor=30,
        )
        for step in range(stage.steps):
            change = (controls[:, 2:] - 2 * controls[:, 1:-1] + controls[:, :-2]) / stage.knot_spacing**1.5
            terms = wanted.terms(basis[frames] @ controls, change, moved, whole, step - stage.collision_free_steps)
            optimizer.zero_grad(set_to_none=True)
            torch.stack(list(terms.values())).sum().backward()
            optimizer.step()
            schedule.step()
            done += 1
            if report is not None and (step % 20 == 0 or step == stage.steps - 1):
                report(done, {name: float(value.detach()) for name, value in terms.items()})
    assert basis is not None
    with torch.no_grad():
        poses = bases.pose(basis @ controls, moved * whole)
        return [_solution(scene, _of_scene(poses, index, scene.frames)) for index, scene in enumerate(scenes)]


def _prolonged(values: Tensor, frames: int) -> Tensor:
    """[2,T,...] -> [2,frames,...], the last one repeated."""
    return torch.cat([values, values[:, -1:].expand(-1, frames - values.shape[1], *values.shape[2:])], 1)


def _of_scene(poses: Poses, index: int, frames: int) -> Poses:
    return Poses(*(part[2 * index : 2 * index + 2, :frames] for part in vars(poses).values()))


def _solution(scene: Scene, poses: Poses) -> Solution:
    fingers = finger_rotations(closed_hands(scene, poses))
    rotations = torch.cat([_relative(poses.global_rotations), fingers], 2)
    betas = torch.stack([torch.from_numpy(actor.betas) for actor in scene.actors])
    motion = motion_from_rotations(rotations, poses.joints[:, :, 0], betas)
    return Solution(motion, np.stack([actor.motion.foot_contact for actor in scene.actors]))


def _relative(world: Tensor) -> Tensor:
    """World rotations [...,22,3,3] -> relative to the parents."""
    above = world[..., list(PARENTS[1:BODY]), :, :].mT
    return torch.cat([world[..., :1, :, :], above @ world[..., 1:, :, :]], -3)
