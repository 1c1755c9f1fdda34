"""Motion as a change of a first one: there and back, alike for both people."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.body.rotations import axis_angle_to_matrix
from core.contract.contact import Contact
from core.contract.errors import UserError
from core.contract.rotations import rigid_transform
from core.motion import PairMotion, pose_motion
from core.representation import residual
from core.representation.ground_view import GroundView
from core.representation.resampling import TimeGrid
from core.representation.touch_flags import TOUCHING_PARTS, touching
from tests.core.conftest import made_up_motion

BODY = load_body(None)
ROTATION = axis_angle_to_matrix(torch.tensor([0.0, 0.0, 0.7])).numpy()
VIEW = GroundView(torch.from_numpy(rigid_transform(ROTATION, np.array([0.5, -2.0, 0.0]))).float())


def states(frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = np.random.default_rng(3)
    return torch.from_numpy(draw.random((2, frames, 2)) < 0.5), torch.from_numpy(draw.random((2, frames, 8)) < 0.2)


def bases(frames: int = 20) -> tuple[residual.PoseState, residual.PoseState]:
    clock = TimeGrid.of(np.arange(frames) / 30)
    first, second = (residual.pose_state(made_up_motion(frames, seed), VIEW, clock) for seed in (0, 1))
    return first, second


def test_decoding_gives_back_what_was_encoded() -> None:
    base, true = bases()
    foot_contact, touches = states(20)
    x, betas = residual.encode_residual(true, base, foot_contact, touches)
    assert x.shape == (2, 20, residual.RESIDUAL_SIZE)
    back = residual.decode_residual(x, betas, base)
    assert torch.allclose(back.motion.rotations, true.rotations, atol=1e-5)
    assert torch.allclose(back.motion.pelvis, true.pelvis, atol=1e-5)
    assert torch.allclose(back.motion.betas, true.betas, atol=1e-5)
    assert torch.equal(back.foot_contact > 0, foot_contact) and torch.equal(back.touching > 0, touches)


def test_numbers_of_models_there_and_back() -> None:
    base, true = bases()
    x, betas = residual.encode_residual(true, base, *states(20))
    scales = residual.ResidualScales.of([x, 2 * x], [betas])
    scales = residual.ResidualScales.from_json(scales.to_json())
    small, small_betas = scales.normalize(x, betas)
    assert 0.3 < float(small[..., : residual.FOOT_CONTACT.start].square().mean().sqrt()) < 1.5
    assert torch.equal(small[..., residual.FOOT_CONTACT.start :], x[..., residual.FOOT_CONTACT.start :])
    back, back_betas = scales.denormalize(small, small_betas)
    assert torch.allclose(back, x, atol=1e-5) and torch.allclose(back_betas, betas, atol=1e-5)


def test_scales_of_another_version_are_refused() -> None:
    with pytest.raises(UserError) as caught:
        residual.ResidualScales.from_json({"x": [1.0] * 12, "betas": [1.0] * 16})
    assert caught.value.code == "weights-wrong" and "install the extension again" in caught.value.hint


def test_people_exchanged_are_numbers_exchanged() -> None:
    base, true = bases()
    foot_contact, touches = states(20)
    x, betas = residual.encode_residual(true, base, foot_contact, touches)

    def exchanged(motion: residual.PoseState) -> residual.PoseState:
        return residual.PoseState(motion.rotations.flip(0), motion.pelvis.flip(0), motion.betas.flip(0))

    again, again_betas = residual.encode_residual(
        exchanged(true), exchanged(base), foot_contact.flip(0), touches.flip(0)
    )
    assert torch.equal(again, x.flip(0)) and torch.equal(again_betas, betas.flip(0))
    decoded, plain = (
        residual.decode_residual(again, again_betas, exchanged(base)).motion,
        residual.decode_residual(x, betas, base).motion,
    )
    assert torch.equal(decoded.rotations, plain.rotations.flip(0))
    assert torch.equal(decoded.pelvis, plain.pelvis.flip(0))


def test_no_change_is_nothing_and_changes_nothing_whatever_the_clips_rate() -> None:
    motion = made_up_motion(23)
    clock = TimeGrid.of(np.arange(23) / 24)
    base = residual.pose_state(motion, VIEW, clock)
    foot_contact, touches = states(len(clock.grid_times))
    x, betas = residual.encode_residual(base, base, foot_contact, touches)
    assert float(x[..., : residual.FOOT_CONTACT.start].abs().max()) < 1e-5 and float(betas.abs().max()) == 0
    same = residual.apply_residual(x, betas, motion, VIEW, clock)
    before, after = (pose_motion(BODY, one).joints for one in (motion, same))
    assert torch.allclose(before, after, atol=2e-5)
    assert np.allclose(same.left_hand_pose, motion.left_hand_pose, atol=1e-5)


@pytest.mark.parametrize("rate", [30.0, 25.0])
def test_a_change_leads_from_one_motion_to_the_other_in_the_clips_own_world(rate: float) -> None:
    def steady(seed: int) -> PairMotion:
        """Poses that stand still while the people go straight on: nothing is lost between frames."""
        motion = made_up_motion(30, seed)
        held = {
            name: np.repeat(getattr(motion, name)[:, :1], 30, 1)
            for name in ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose")
        }
        return PairMotion(**held, pelvis=motion.pelvis, betas=motion.betas)

    first, wanted = steady(0), steady(1)
    clock = TimeGrid.of(1.5 + np.arange(30) / rate)
    count = len(clock.grid_times)
    x, betas = residual.encode_residual(
        residual.pose_state(wanted, VIEW, clock), residual.pose_state(first, VIEW, clock), *states(count)
    )
    result = residual.apply_residual(x, betas, first, VIEW, clock)
    got, meant = (pose_motion(BODY, one).joints[:, :, :22] for one in (result, wanted))
    inside = slice(None) if rate == 30 else slice(0, 28)
    assert torch.allclose(got[:, inside], meant[:, inside], atol=1e-4)


def test_joints_in_the_view_are_those_of_the_world_turned() -> None:
    motion = made_up_motion(10)
    base = residual.pose_state(motion, VIEW, TimeGrid.of(np.arange(10) / 30))
    world = pose_motion(BODY, motion).joints[:, :, :22]
    assert torch.allclose(base.joints(BODY), VIEW.points_inview(world), atol=1e-5)


def test_decoding_takes_batches_and_passes_gradients_on() -> None:
    base, true = bases(6)
    x, betas = residual.encode_residual(true, base, *states(6))
    many = residual.PoseState(*(torch.stack([value, value]) for value in (base.rotations, base.pelvis, base.betas)))
    batch = torch.stack([x, torch.zeros_like(x)]).requires_grad_()
    joints = residual.decode_residual(batch, torch.stack([betas, 0 * betas]), many).motion.joints(BODY)
    assert torch.allclose(joints[0], true.joints(BODY), atol=1e-5)
    assert torch.allclose(joints[1], base.joints(BODY), atol=1e-5)
    joints.square().sum().backward()
    assert batch.grad is not None and bool(batch.grad.isfinite().all())


def test_parts_of_both_people_touch_while_a_contact_lasts() -> None:
    contacts = (
        Contact(0, "right_palm", 1, "left_shoulder", 12, 13),
        Contact(1, "belly", 0, "left_knee", 10, 10),
        Contact(0, "head", 1, "face", 10, 14, state="rejected"),
        Contact(0, "left_foot", "ground", "ground", 10, 14),
    )
    flags = touching(contacts, np.arange(10, 15))
    named = {(p, t + 10, TOUCHING_PARTS[part]) for p, t, part in np.argwhere(flags)}
    assert named == {
        *((0, frame, "right_hand") for frame in (12, 13)),
        *((1, frame, "left_arm") for frame in (12, 13)),
        (1, 10, "trunk"),
        (0, 10, "left_leg"),
    }
