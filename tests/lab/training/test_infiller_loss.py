"""What the denoiser is trained on: masks that look like people hiding each other, and a loss, nothing where x0 is right."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from core.body.files import load_body
from core.body.model import BodyModel
from core.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from core.contract.skeleton import BODY_JOINTS
from core.fitting.initial import estimate_initial_motion
from core.infilling.denoiser import Conditions, Denoiser, DenoiserConfig
from core.observations.features import EVIDENCE_COLUMNS, NODE_COLUMNS, NODE_FEATURES, PERSON_FEATURES, extract_features
from core.reporting import SilentReporter
from core.representation.residual import (
    BETAS,
    CHANNELS,
    PoseState,
    ResidualScales,
    decode_residual,
    encode_residual,
    from_channels,
    to_channels,
)
from lab.training.infiller_loss import InfillerObjective
from lab.training.masking import MaskedFeatures, MaskRates, carried_over, draw_masks, hide
from tests.core.fitting import synthetic
from tests.lab.training import infiller_batch as made_up

CONFIG = DenoiserConfig(
    len(NODE_FEATURES), len(PERSON_FEATURES), CHANNELS, static_channels=BETAS, width=64, depth=2, heads=2, node_width=8
)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


@pytest.fixture(scope="module")
def batch() -> made_up.Batch:
    return made_up.batch()


@pytest.fixture(scope="module")
def scales(batch: made_up.Batch) -> ResidualScales:
    return ResidualScales.of(list(batch.x), list(batch.betas))


class Oracle(Denoiser):
    """Knows x0, and notes what it was asked with."""

    answer: Tensor
    asked: Conditions
    spoken: Tensor | None

    def forward(self, x: Tensor, t: Tensor, conditions: Conditions, text: Tensor | None = None) -> Tensor:
        self.asked, self.spoken = conditions, text
        return self.answer


def objective(
    batch: made_up.Batch, scales: ResidualScales, body: BodyModel, **options
) -> tuple[InfillerObjective, Oracle]:
    oracle = Oracle(CONFIG)
    oracle.answer = to_channels(batch.x, batch.betas, scales)
    return InfillerObjective(oracle, scales, body, **options), oracle


def test_channels_come_back_from_their_scale(batch: made_up.Batch, scales: ResidualScales):
    channels = to_channels(batch.x, batch.betas, scales)
    assert channels.shape[-1] == CHANNELS and 0.9 < float(channels[..., :132].square().mean().sqrt()) < 1.1
    x, betas = from_channels(channels, scales)
    assert torch.allclose(x, batch.x, atol=1e-5) and torch.allclose(betas, batch.betas, atol=1e-5)


def test_the_loss_is_nothing_where_x0_is_right_and_each_part_tells_of_its_own_error(batch, scales, body):
    judge, oracle = objective(batch, scales, body, plain=True)
    generator = torch.Generator().manual_seed(0)
    loss, parts = judge(batch, generator)
    assert loss < 1e-3 and all(float(value) < 1e-3 for value in parts.values())

    # the second person a decimetre too far to the right: joints are off by one tenth for half of the people
    x = batch.x.clone()
    x[:, 1, :, 132] += 0.1
    oracle.answer = to_channels(x, batch.betas, scales)
    _, parts = judge(batch, generator)
    assert float(parts["rotations"]) < 1e-5 and float(parts["velocity"]) < 1e-3
    # the place of all joints counts half, as does the pose, which is right
    assert abs(float(parts["joints"]) - 0.25) < 0.01
    assert 0.3 < float(parts["between"]) < 1.1

    # frames that are padding do not count
    x = batch.x.clone()
    x[:, :, 12:] += 1
    oracle.answer = to_channels(x, batch.betas, scales)
    _, parts = judge(replace(batch, valid=torch.arange(16).expand(8, 16) < 12), generator)
    assert all(float(value) < 1e-3 for value in parts.values())


def test_what_is_hidden_in_training_keeps_the_truth_where_it_is(batch, scales, body):
    """The first motion changes under a mask, so must the residual: from either the same true motion is reached."""
    always = MaskRates(limb=0.5, half=0.3, whole=0.2)
    hidden = draw_masks((8, 2, 16), always, torch.Generator().manual_seed(1))
    seen = hide(MaskedFeatures(batch.nodes, batch.people, batch.seen, batch.base), hidden, body)
    true = decode_residual(batch.x, batch.betas, batch.base).motion
    x, betas = encode_residual(true, seen.reference, batch.x[..., 135:137] > 0, batch.x[..., 137:] > 0)
    again = decode_residual(x, betas, seen.reference).motion
    assert torch.allclose(again.joints(body), true.joints(body), atol=1e-5)
    assert (seen.reference.rotations - batch.base.rotations)[hidden].abs().max() > 0.05
    assert torch.equal(seen.reference.rotations[~hidden], batch.base.rotations[~hidden])
    assert (seen.confidence[hidden] == 0).all() and torch.equal(seen.confidence[~hidden], batch.seen[~hidden])
    assert (seen.nodes[hidden][:, list(EVIDENCE_COLUMNS)] == 0).all()
    kept = ~hidden
    assert torch.equal(seen.nodes[kept][:, list(EVIDENCE_COLUMNS)], batch.nodes[kept][:, list(EVIDENCE_COLUMNS)])


def test_a_hidden_stretch_is_bridged_from_the_frames_around_it(body):
    base = made_up.batch(1, 12).base
    turning = base.rotations.clone()
    elbow = BODY_JOINTS.index("left_elbow")
    angle = torch.linspace(0, 1.1, 12)
    turning[0, 0, :, elbow] = axis_angle_to_matrix(torch.stack([angle * 0, angle, angle * 0], -1))
    hidden = torch.zeros(1, 2, 12, 22, dtype=torch.bool)
    hidden[0, 0, 4:7, elbow] = True
    shaken = turning.clone()
    shaken[0, 0, 4:7, elbow] = axis_angle_to_matrix(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))
    bridged = carried_over(shaken, hidden)
    off = matrix_to_axis_angle(bridged[0, 0, :, elbow].mT @ turning[0, 0, :, elbow]).norm(dim=-1)
    assert off.max() < 0.02  # it turned evenly
    hidden[0, 0, 4:, elbow] = True
    held = carried_over(shaken, hidden)[0, 0, :, elbow]
    assert torch.allclose(held[4:], held[3].expand(8, 3, 3), atol=1e-5)


def test_masks_come_as_often_as_asked_for_and_as_sets_of_joints():
    generator = torch.Generator().manual_seed(0)
    masks = draw_masks((600, 2, 32), MaskRates(limb=0.3, half=0.1, whole=0.2), generator)
    of_person = masks.any(2)
    joints = of_person.sum(-1)
    assert abs(float((joints == 22).float().mean()) - 0.2) < 0.04
    assert abs(float((joints == 0).float().mean()) - 0.4) < 0.04
    lengths = masks.any(-1).sum(-1)[joints > 0]
    assert lengths.min() >= 6 and 0.15 < float((lengths == 32).float().mean()) < 0.35
    wrist, elbow = (of_person[..., BODY_JOINTS.index(f"left_{part}")] for part in ("wrist", "elbow"))
    assert (wrist | ~elbow).all()  # an elbow is not hidden without what hangs on it
    # in one stretch
    assert (masks.any(-1).int().diff(dim=-1).abs().sum(-1) <= 2).all()


def test_features_of_a_changed_first_motion_are_those_that_a_clip_would_have(body):
    """The columns made anew for training must be those that the representation makes: a turned foot moves no joint."""
    scene = synthetic.scene(body, frames=20)
    initial = estimate_initial_motion(scene.observations, body, reporter=SilentReporter())
    observed, _ = extract_features(scene.observations, initial, body)
    base = PoseState(
        *(value[None] for value in (observed.reference.rotations, observed.reference.pelvis, observed.reference.betas))
    )
    hidden = torch.zeros(1, *observed.confidence.shape, dtype=torch.bool)
    hidden[:, 1, 5:15, BODY_JOINTS.index("left_foot")] = True
    nodes = hide(
        MaskedFeatures(observed.nodes[None], observed.people[None], observed.confidence[None], base), hidden, body
    ).nodes[0]
    assert torch.allclose(nodes[~hidden[0]], observed.nodes[~hidden[0]], atol=1e-4)
    for name in ("from_pair", "from_pelvis", "velocity", "to_partner"):
        assert torch.allclose(nodes[..., NODE_COLUMNS[name]], observed.nodes[..., NODE_COLUMNS[name]], atol=1e-4), name


def test_sentences_and_the_optimizers_joints_are_sometimes_left_out(batch, scales, body):
    class Constant(torch.nn.Module):
        def forward(self, nodes: Tensor, people: Tensor, text: Tensor | None) -> tuple[Tensor, Tensor]:
            return torch.ones(*nodes.shape[:4], 3), torch.ones(nodes.shape[:4])

    judge, oracle = objective(batch, scales, body, optimizer=Constant(), no_text=0.5, no_optimizer=0.5)
    generator = torch.Generator().manual_seed(2)
    texts, shifts = [], []
    for _ in range(12):
        judge(batch, generator)
        assert oracle.spoken is not None
        texts.append(oracle.spoken.abs().sum(-1) > 0)
        shifts.append(oracle.asked.joint_offsets.amax((1, 2, 3, 4)) > 0.5)
    for share in (torch.cat(texts).float().mean(), torch.cat(shifts).float().mean()):
        assert 0.3 < float(share) < 0.7
    replace(judge, plain=True)(batch, generator)
    assert oracle.spoken is batch.text and torch.allclose(oracle.asked.joint_offsets, torch.tensor(1.0), atol=1e-3)


@pytest.mark.slow
def test_eight_examples_are_learned_by_heart(body):
    torch.manual_seed(0)
    few = made_up.batch(8, frames=6)
    scales = ResidualScales.of(list(few.x), list(few.betas))
    denoiser = Denoiser(replace(CONFIG, width=96, depth=1))
    learner = InfillerObjective(denoiser, scales, body, masks=MaskRates(0, 0, 0), no_text=0)
    judge = replace(learner, plain=True)
    adam = torch.optim.Adam(denoiser.parameters(), 6e-3)
    generator = torch.Generator().manual_seed(0)

    def error() -> float:
        with torch.no_grad():
            _, parts = judge(few, torch.Generator().manual_seed(7))
        return float(parts["rotations"] + parts["shift"])

    before = error()
    for _ in range(110):
        adam.zero_grad()
        loss, _ = learner(few, generator)
        loss.backward()
        adam.step()
    assert error() < before / 10
