"""Solves scenes: gradient descent on the objectives of whole clips, from coarse to fine.

The variables are smooth offsets from the people's own motions (`pose_parameters`), so that their dynamics stay. Several
independent scenes are solved in one batch, because small tensors cost as much as large ones.
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
    """One stage of the solution, from coarse to fine; see `solve`."""

    knot_spacing: int
    """Frames between two control values of a curve."""
    frame_stride: int
    """Frames between two at which the objectives are evaluated."""
    steps: int
    learning_rate: float
    tolerance_scale: float
    """Factor of the tolerances of contacts, relative to the last stage."""
    skin_collisions: bool
    """Whether the skins collide, not only the bodies' spheres."""
    collision_free_steps: int = 0
    """Steps without collisions, in which arms may pass through people to get around them."""


STAGES = (Stage(8, 4, 100, 0.14, 4.0, False, 35), Stage(4, 2, 50, 0.05, 1.5, False), Stage(4, 2, 70, 0.03, 1.0, True))
_MOVED_RATE = 0.4
"""Learning rate of the people's translation and rotation as a whole, relative to the other variables."""


@dataclass(frozen=True)
class Solution:
    """The solved motion of both people."""

    motion: PairMotion
    foot_contact: np.ndarray
    """bool [2,T,2]"""


Report = Callable[[int, dict[str, float]], None]


def solve(scene: Scene, stages: tuple[Stage, ...] = STAGES, report: Report | None = None) -> Solution:
    """Both people's motion. `report(step, terms)` is called every 20 steps with the value of each objective."""
    return solve_batch((scene,), stages, report)[0]


def solve_batch(
    scenes: Sequence[Scene], stages: tuple[Stage, ...] = STAGES, report: Report | None = None
) -> list[Solution]:
    """Both people's motion in each scene. Deterministic for the same scenes in one batch."""
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
    """[2,T,...] -> [2,frames,...], padded with the last frame."""
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
    """Global rotations [...,22,3,3] relative to the parent joints."""
    above = world[..., list(PARENTS[1:BODY]), :, :].mT
    return torch.cat([world[..., :1, :, :], above @ world[..., 1:, :, :]], -3)
