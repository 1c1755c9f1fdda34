"""`python -m lab examples`: which interactions are accepted, non-interacting pairs, and the printed summary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.body.files import load_body
from core.contract.errors import UserError
from core.motion import PairMotion, pose_motion
from lab.choreography.interaction import save_interactions
from lab.choreography.scene_sampler import SceneSampler
from lab.evaluation.detection_noise.noise_model import load_noise
from lab.evaluation.pairs_2d import simulate_clip
from lab.mocap.capture import Capture
from lab.mocap.windows import Action, Window
from lab.training.example_files import load_interactions_of, rendered_examples, summarize
from lab.training.non_interacting import CLOSE, non_interacting_pair
from tests.lab.evaluation.synthetic import pair
from tests.lab.training.synthetic_interaction import simulated_examples, synthetic_interaction


def scene_sampler() -> SceneSampler:
    """Two recordings of people who stand and sway."""

    def standing(source: str, sway: float) -> Capture:
        motion: PairMotion = pair(200)
        pelvis = motion.pelvis[0].copy()
        pelvis[:, 0] += sway * np.sin(np.arange(200) / 40)
        pelvis[:, 1] = 0
        return Capture(
            source, source, (), 30.0, motion.global_orient[0], 0.2 * motion.body_pose[0], pelvis, np.zeros(16, np.float32),
            np.ones((200, 2), bool),
        )  # fmt: skip

    captures = [standing("made/one", 0.02), standing("made/two", 0.05)]

    def find(action: Action, frames: int) -> list[Window]:
        return [Window(capture, 0, frames, action, 0.0, 0.0, None, None) for capture in captures]

    return SceneSampler(load_body(None), find)


def test_non_interacting_pairs_stay_apart() -> None:
    for number in range(2):
        clip = non_interacting_pair(scene_sampler(), 0, number)
        joints = pose_motion(load_body(None), clip.motion).joints[:, :, :22].numpy()
        distances = np.linalg.norm(joints[0][:, :, None] - joints[1][:, None], axis=-1)
        assert distances.min() > 0.22 and clip.contacts == ()
        assert all("not" in sentence for sentence in clip.sentences)


def test_a_non_interacting_pair_is_determined_by_seed_and_number() -> None:
    first, second, again = (non_interacting_pair(scene_sampler(), 0, number) for number in (0, 1, 1))
    assert not np.array_equal(first.motion.pelvis[:, 0], second.motion.pelvis[:, 0])
    assert np.array_equal(again.motion.body_pose, second.motion.body_pose) and again.name == second.name


def test_pairs_close_together_are_near_each_other_and_sometimes_off_the_floor() -> None:
    clips = [non_interacting_pair(scene_sampler(), 0, number, CLOSE) for number in range(6)]
    pelvises = np.stack([clip.motion.pelvis.mean(1) for clip in clips])
    assert (np.linalg.norm(pelvises[:, 0, :2] - pelvises[:, 1, :2], axis=-1) < 1.0).all()
    lifted = [not clip.foot_contact[1].any() and clip.motion.pelvis[1, :, 2].min() > 1.0 for clip in clips]
    assert any(lifted) and not all(lifted)
    assert all(clip.family == "close together" and clip.sentences == () for clip in clips)


@pytest.mark.parametrize(("files", "code"), [(("train", "test"), "wrong-split"), (("train", "again"), "same-name")])
def test_interactions_of_another_split_and_of_the_same_name_are_refused(
    tmp_path: Path, files: tuple[str, ...], code: str
) -> None:
    train = replace(synthetic_interaction(), family="handshake", subjects=("cmu-02",))
    save_interactions(tmp_path / "train", [train])
    save_interactions(tmp_path / "again", [train])
    save_interactions(tmp_path / "test", [replace(train, subjects=("cmu-18",))])
    assert [clip.name for clip in load_interactions_of("train", [tmp_path / "train"])] == ["wave-0001"]
    with pytest.raises(UserError) as caught:
        load_interactions_of("train", [tmp_path / name for name in files])
    assert caught.value.code == code


def test_the_summary_gives_the_errors_of_the_initial_motion() -> None:
    example = simulated_examples()[0]
    joints = example.true_joints + np.array([0, 0, 0.25], np.float32)
    joints[1, ..., 1] += 0.1
    visibility = np.zeros_like(example.visibility)
    text = summarize([replace(example, reference_joints=joints, visibility=visibility)])
    # of the first person 250 mm, of the second also 100 mm of depth
    assert f"seen: {(250 + np.hypot(250, 100)) / 2:.0f} mm" in text and "depth between the pelvises: 100 mm" in text


@pytest.mark.slow
def test_a_rendered_clip_gives_an_example_for_each_camera_that_is_assumed() -> None:
    body = load_body(None)
    clip = simulate_clip(synthetic_interaction(), 3, body, load_noise())
    estimated, drawn = rendered_examples([clip], 2, 0, body)
    assert estimated.name != drawn.name
    assert np.array_equal(estimated.true_joints, drawn.true_joints)
    assert not np.allclose(estimated.reference_joints, drawn.reference_joints, atol=0.01)
