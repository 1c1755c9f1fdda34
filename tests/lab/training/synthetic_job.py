"""Synthetic examples, and the settings of a short training on them."""

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
from lab.training.job import TrainingJob
from lab.training.loop import TrainingSettings
from lab.training.sentence_embeddings import SentenceEmbeddings

SETTINGS = TrainingSettings(steps=6, batch_size=2, warmup_steps=2, log_every=2, dev_every=3)


def synthetic_example(seed: int, frames: int = 70) -> Example:
    """Two people in random poses who drift; the reference motion puts the second one 30 cm too far away."""
    rng = np.random.default_rng(seed)
    rotations = axis_angle_to_matrix(torch.from_numpy(rng.normal(0, 0.2, (2, frames, 22, 3)))).float()
    drift = torch.from_numpy(rng.normal(0, 0.01, (2, frames, 3)).cumsum(1)).float()
    pelvis = drift + torch.tensor([[[0.0, -0.4, 0.9]], [[0.0, 0.4, 0.9]]])
    true = PoseState(rotations, pelvis, torch.zeros(2, 16)).joints(load_body(None)).numpy()
    reference = true.copy()
    reference[1, ..., 1] += 0.3
    residual = np.zeros((2, frames, RESIDUAL_SIZE), np.float16)
    residual[1, :, TRANSLATION.start + 1] = -0.3
    nodes = rng.normal(0, 1, (2, frames, 22, len(NODE_FEATURES)))
    nodes[..., NODE_COLUMNS["from_pelvis"]] = 2 * (reference - reference[:, :, :1])
    return Example(
        name=f"made-up-{seed}",
        family="handshake",
        nodes=nodes.astype(np.float16),
        people=rng.normal(0, 1, (2, frames, len(PERSON_FEATURES))).astype(np.float16),
        confidence=np.ones((2, frames, 22), np.float16),
        reference_joints=reference,
        reference_rotations=matrix_to_rotation_6d(rotations).numpy().astype(np.float16),
        reference_betas=np.zeros((2, 16), np.float32),
        true_joints=true,
        residual=residual,
        residual_betas=np.zeros((2, 16), np.float32),
        visibility=np.where(rng.random((2, frames, 22)) < 0.2, OCCLUDED, VISIBLE).astype(np.uint8),
        sentences=("two people shake hands", "a handshake"),
    )


def synthetic_job(folder: Path, settings: TrainingSettings = SETTINGS) -> TrainingJob:
    examples = [synthetic_example(seed) for seed in range(4)]
    vectors = torch.nn.functional.normalize(torch.randn(2, 384), dim=1).numpy()
    embeddings = SentenceEmbeddings(examples[0].sentences, vectors)
    return TrainingJob(examples, examples[:1], embeddings, settings, folder, torch.device("cpu"), log=lambda _: None)
