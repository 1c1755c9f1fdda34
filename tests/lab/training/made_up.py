"""Made-up examples, and a short training on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from core.body.files import load_body
from core.body.rotations import axis_angle_to_matrix, matrix_to_rotation_6d
from core.observations.features import NODE_COLUMNS, NODE_FEATURES, PERSON_FEATURES
from core.representation.residual import RESIDUAL_SIZE, TRANSLATION, PoseState
from lab.evaluation.benchmark_clip import OCCLUDED, VISIBLE
from lab.training.examples import Example
from lab.training.job import Job
from lab.training.loop import Recipe
from lab.training.words import Words
from lab.training.workers import Workers

RECIPE = Recipe(steps=6, batch=2, warm_up=2, note_every=2, dev_every=3)


def made_up(seed: int, frames: int = 70) -> Example:
    """Two people at ease who drift; the first motion puts the second one 30 cm too far away."""
    rng = np.random.default_rng(seed)
    turns = axis_angle_to_matrix(torch.from_numpy(rng.normal(0, 0.2, (2, frames, 22, 3)))).float()
    drift = torch.from_numpy(rng.normal(0, 0.01, (2, frames, 3)).cumsum(1)).float()
    base = PoseState(turns, drift + torch.tensor([[[0.0, -0.4, 0.9]], [[0.0, 0.4, 0.9]]]), torch.zeros(2, 16))
    true = base.joints(load_body(None)).numpy()
    joints = true.copy()
    joints[1, ..., 1] += 0.3
    x = np.zeros((2, frames, RESIDUAL_SIZE), np.float16)
    x[1, :, TRANSLATION.start + 1] = -0.3
    nodes = rng.normal(0, 1, (2, frames, 22, len(NODE_FEATURES)))
    nodes[..., NODE_COLUMNS["from_pelvis"]] = 2 * (joints - joints[:, :, :1])
    return Example(
        name=f"made-up-{seed}",
        family="handshake",
        nodes=nodes.astype(np.float16),
        people=rng.normal(0, 1, (2, frames, len(PERSON_FEATURES))).astype(np.float16),
        joints=joints,
        seen=np.ones((2, frames, 22), np.float16),
        base_turns=matrix_to_rotation_6d(turns).numpy().astype(np.float16),
        base_betas=np.zeros((2, 16), np.float32),
        truth_joints=true,
        x=x,
        betas=np.zeros((2, 16), np.float32),
        hidden=np.where(rng.random((2, frames, 22)) < 0.2, OCCLUDED, VISIBLE).astype(np.uint8),
        sentences=("two people shake hands", "a handshake"),
    )


def job_in(folder: Path, recipe: Recipe = RECIPE) -> Job:
    examples = [made_up(seed) for seed in range(4)]
    vectors = torch.nn.functional.normalize(torch.randn(2, 384), dim=1).numpy()
    words = Words(examples[0].sentences, vectors)
    return Job(examples, examples[:1], words, recipe, folder, torch.device("cpu"), Workers(), say=lambda _: None)
