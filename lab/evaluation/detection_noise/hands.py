"""Simulated results of the hand network: right hands, wrong hands and missing ones."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import ndtr

from core.body.rotations import axis_angle_to_matrix

from ..occlusion.projection import FINGER_POINTS
from .context import ClipContext, SkeletonKinds
from .geometry import hand_targets, metric_hands, project_hands
from .random_processes import look_up_quantile, mix_processes, sample_gaussian_processes
from .states import NO_HAND, WRONG_HAND


def noisy_hands(
    context: ClipContext, kinds: SkeletonKinds
) -> tuple[Float[np.ndarray, "P T 2 21 3"], Float[np.ndarray, "P T 2 21 3"]]:
    """Hands in the image (px and score), and metric hands."""
    noise, projected, camera = context.noise, context.projected, context.camera
    hand_kind = _sample_hand_kinds(context, kinds)
    targets = hand_targets(projected, camera, hand_kind == WRONG_HAND)
    is_wrong = (hand_kind == WRONG_HAND).astype(int)
    people, frames = kinds.skeleton.shape

    def sample(table: np.ndarray, *shape: int) -> np.ndarray:
        """[P,T,2,*shape] from quantiles [2,Q] of right and wrong hands."""
        processes = sample_gaussian_processes((frames, people, 2, *shape), context.frame_seconds, context.rng)
        normal = mix_processes(processes, noise.hand_weights).swapaxes(0, 1)
        return look_up_quantile(table, (is_wrong.reshape(*is_wrong.shape, *[1] * len(shape)),), ndtr(normal))

    height = projected.height_px[..., None, None, None]
    points = project_hands(targets, camera)
    points = points + height * (sample(noise.hand_offset, 1, 2) + sample(noise.hand_error, FINGER_POINTS, 2))
    rotation = axis_angle_to_matrix(torch.from_numpy(sample(noise.hand_rotation, 3))).numpy()
    metric = metric_hands(targets, points, camera) @ rotation.swapaxes(-1, -2)
    metric = sample(noise.metric_hand_scale, 1, 1) * metric + sample(noise.metric_hand_error, FINGER_POINTS, 3)
    score = np.clip(sample(noise.hand_score), 0, 1) * (hand_kind != NO_HAND)
    is_there = hand_kind != NO_HAND
    for side in (0, 1):
        points[:, :, side], metric[:, :, side] = (
            hold_last(values[:, :, side], is_there[:, :, side]) for values in (points, metric)
        )
    scores = np.broadcast_to(score[..., None, None], (*points.shape[:-1], 1))
    never = ~is_there.any(1)[:, None, :, None, None]
    return np.where(never, 0, np.concatenate([points, scores], -1)), np.where(never, 0, metric)


def hold_last(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values [P,T,...] where gaps repeat the last known frame [P,T]; before the first known frame, that one."""
    count = known.shape[1]
    source = np.maximum.accumulate(np.where(known, np.arange(count), -1), 1)
    source = np.where(source < 0, known.argmax(1)[:, None], source)
    return values[np.arange(len(known))[:, None], source]


def _sample_hand_kinds(context: ClipContext, kinds: SkeletonKinds) -> np.ndarray:
    """int [P,T,2]: NO_HAND, OWN_HAND or WRONG_HAND."""
    people, frames = kinds.skeleton.shape
    bins = context.conditions.hand_bin.swapaxes(1, 2).reshape(2 * people, frames)
    chains = context.chains(context.noise.hand_initial, context.noise.hand_transitions, bins)
    hand_kind = chains.reshape(people, 2, frames).swapaxes(1, 2)
    return np.where(kinds.is_found[..., None], hand_kind, NO_HAND)
