"""What takes are worth, on takes that were made wrong on purpose; and takes that deviate from a prediction by its sigma."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core.body.files import load_body
from core.contract.skeleton import JOINT_INDEX
from core.perception.detections import Detections
from core.representation.residual import PoseState
from lab import cli
from lab.evaluation.benchmark_clip import OCCLUDED, Estimate
from lab.evaluation.deviation import Uncertainty, deviated
from lab.evaluation.takes import SAMPLERS, measure_takes
from tests.lab.evaluation.synthetic import perfect_estimate, synthetic_clip

FRAMES = 40
WRIST, KNEE = JOINT_INDEX["left_wrist"], JOINT_INDEX["right_knee"]


def test_the_best_take_counts_and_seen_joints_do_not_differ():
    body = load_body(None)
    clip = synthetic_clip(body)
    visibility = clip.truth.visibility.copy()
    visibility[0, :, WRIST] = OCCLUDED
    clip = replace(clip, truth=replace(clip.truth, visibility=visibility))

    def bent_by_seed(detections: Detections, body: object, seed: int) -> Estimate:
        """Seed 1 is the truth, every further seed bends the hidden arm more."""
        estimate = perfect_estimate(clip)
        pose = estimate.motion.body_pose.copy()
        pose[0, :, JOINT_INDEX["left_elbow"] - 1, 1] += 0.4 * (seed - 1)
        return replace(estimate, motion=replace(estimate.motion, body_pose=pose))

    found = measure_takes(clip, body, bent_by_seed, 3)
    assert found["hidden, best"] == pytest.approx(0, abs=1e-2) and found["hidden"] > 40
    assert found["differ, hidden"] > 20 and found["differ, seen"] == pytest.approx(0, abs=1e-2)


def uncertain_wrist() -> tuple[PoseState, Uncertainty]:
    state = PoseState(torch.eye(3).expand(2, FRAMES, 22, 3, 3), torch.zeros(2, FRAMES, 3), torch.zeros(2, 16))
    sigma = torch.full((2, FRAMES, 22), 0.05)
    sigma[0, :, WRIST] = 0.3
    return state, Uncertainty(sigma, sigma, torch.tensor([0.0, -3.0, 1.0]))


def test_only_what_is_uncertain_deviates_and_smoothly():
    body = load_body(None)
    state, uncertainty = uncertain_wrist()
    before = state.joints(body)
    moved = (deviated(state, uncertainty, body, 1.0, 4).joints(body) - before).norm(dim=-1)
    assert float(moved[0, :, WRIST].mean()) > 0.05
    assert float(moved[1].max()) < 1e-4 and float(moved[0, :, KNEE].max()) < 1e-4
    assert float(moved[0, :, WRIST].diff().abs().max()) < 0.05


def test_a_seed_is_a_take_and_no_temperature_is_the_prediction():
    body = load_body(None)
    state, uncertainty = uncertain_wrist()
    assert deviated(state, uncertainty, body, 0.0, 4) is state
    one, again, other = (deviated(state, uncertainty, body, 1.0, seed).rotations for seed in (4, 4, 5))
    assert torch.equal(one, again) and not torch.allclose(one, other, atol=1e-3)


def test_every_way_to_make_takes_can_be_chosen():
    options = cli.build_parser().parse_args(["measure-takes", "dev.npz"])
    chosen = cli.build_parser().parse_args(["measure-takes", "dev.npz", "--samplers", ",".join(SAMPLERS)])
    assert set(options.samplers) == set(chosen.samplers) == set(SAMPLERS)
