"""Examples to learn from: made from interactions, alike for the same seed, kept and given out in windows."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.contract.contact import Contact
from core.contract.errors import UserError
from core.contract.files import read_json, write_json
from core.contract.skeleton import BODY_JOINTS, mirrored
from core.motion import PairMotion, pose_motion
from core.representation.body_parts import PARTS
from core.representation.residual import decode_residual
from lab.choreography.interaction import Interaction, save_interactions
from lab.choreography.scene_sampler import SceneSampler
from lab.mocap.capture import Capture
from lab.mocap.motion_clip import Action, Window
from lab.training.examples import (
    Example,
    Take,
    batch_of,
    draw_batch,
    load_examples,
    make_example,
    make_examples,
    save_examples,
    takes_of,
    windows,
)
from lab.training.make_examples import summary, wanted
from lab.training.mirror import mirrored_interaction, mirrored_words
from lab.training.strangers import stranger_pair
from tests.lab.evaluation.synthetic import pair

BODY = load_body(None)
TOUCH = Contact(0, "right_palm", 1, "left_shoulder", 4, 9)


def interaction(name: str = "wave-0001", frames: int = 14) -> Interaction:
    motion = pair(frames)
    planted = np.zeros((2, frames, 2), bool)
    planted[0, :, 0] = True
    return Interaction(
        name=name,
        family="wave",
        sources=("made/up",),
        subjects=("nobody",),
        rate=30.0,
        motion=motion,
        foot_contact=planted,
        contacts=(TOUCH,),
        sentences=("A lays the right hand on B's left shoulder.", "Two people meet."),
    )


@cache
def examples() -> tuple[Example, ...]:
    takes = takes_of([interaction(), interaction("wave-0002", 10)], 2, seed=3)
    made = [example for example in make_examples(takes) if example is not None]
    assert [example.name for example in made] == ["wave-0001@0", "wave-0002@0", "wave-0001@1", "wave-0002@1"]
    return tuple(made)


def test_an_example_knows_what_was_seen_and_what_is_true() -> None:
    example, motion = examples()[0], interaction().motion
    assert example.nodes.shape[:3] == (2, 14, 22) and np.isfinite(example.nodes).all()
    # truth in the view: as far apart, and as high over the floor, as in the world
    world = pose_motion(BODY, motion).joints[:, :, :22].numpy()
    apart = np.linalg.norm(world[0][:, :, None] - world[1][:, None], axis=-1)
    true = example.truth_joints
    assert np.allclose(np.linalg.norm(true[0][:, :, None] - true[1][:, None], axis=-1), apart, atol=1e-4)
    assert np.allclose(true[..., 2], world[..., 2], atol=1e-4)
    # and near what geometry made of the tracks, about the same middle
    assert np.abs(example.joints[:, :, 0, :2].mean((0, 1))).max() < 1e-4
    assert np.abs(true[:, :, 0, :2].mean((0, 1))).max() < 1e-4
    assert np.linalg.norm(example.joints - true, axis=-1).mean() < 0.6


def test_changes_lead_from_what_was_seen_to_the_truth() -> None:
    batch = batch_of(examples(), [0, 0, 0, 0], 10)
    changed = decode_residual(batch.x, batch.betas, batch.base)
    assert torch.allclose(changed.motion.joints(BODY), batch.truth_joints, atol=0.01)
    unchanged = decode_residual(torch.zeros_like(batch.x), torch.zeros_like(batch.betas), batch.base).motion
    assert torch.allclose(unchanged.joints(BODY), batch.joints, atol=0.01)


def test_the_same_seed_gives_the_same_example_and_another_camera_another() -> None:
    again = make_example(Take(interaction(), 0, 3))
    assert again is not None
    first = examples()[0]
    for name in ("nodes", "people", "x", "hidden", "truth_joints"):
        assert np.array_equal(getattr(again, name), getattr(first, name)), name
    other = make_example(Take(interaction(), 2, 3))
    assert other is not None and not np.array_equal(other.nodes, first.nodes)


def test_every_second_camera_sees_the_mirror() -> None:
    plain, turned = examples()[0], examples()[2]
    batch = batch_of([plain, turned], [0, 0], 14)
    touching, planted = batch.touching.numpy(), batch.planted.numpy()
    assert {PARTS[part] for part in np.flatnonzero(touching[0, 0].any(0))} == {"right_hand"}
    assert {PARTS[part] for part in np.flatnonzero(touching[1, 0].any(0))} == {"left_hand"}
    assert np.flatnonzero(touching[0, 1].any(1)).tolist() == list(range(4, 10))
    assert planted[0, 0, :, 0].all() and not planted[0, 0, :, 1].any()
    assert planted[1, 0, :, 1].all() and not planted[1, 0, :, 0].any()
    assert turned.sentences[0] == "A lays the left hand on B's right shoulder."


def test_the_mirror_exchanges_left_and_right_and_nothing_else() -> None:
    clip = interaction()
    turned = mirrored_interaction(clip)
    before, after = (pose_motion(BODY, one.motion).joints[:, :, :22].numpy() for one in (clip, turned))
    other_side = [BODY_JOINTS.index(mirrored(name)) for name in BODY_JOINTS]
    assert np.abs(after[:, :, other_side] * [-1, 1, 1] - before).max() < 0.005
    assert (turned.contacts[0].region_a, turned.contacts[0].region_b) == ("left_palm", "right_shoulder")
    twice = mirrored_interaction(turned)
    assert all(np.array_equal(value, getattr(twice.motion, name)) for name, value in vars(clip.motion).items())
    assert twice.contacts == clip.contacts and twice.sentences == clip.sentences
    assert mirrored_words("Left, right; upright.") == "Right, left; upright."


def test_examples_come_back_from_their_file(tmp_path: Path) -> None:
    save_examples(tmp_path / "some", examples())
    back = load_examples(tmp_path / "some")
    for example, again in zip(examples(), back, strict=True):
        for name, value in vars(example).items():
            same = np.array_equal(value, getattr(again, name)) if isinstance(value, np.ndarray) else None
            assert same if same is not None else value == getattr(again, name), name


def test_examples_of_another_version_are_refused(tmp_path: Path) -> None:
    save_examples(tmp_path / "some", examples())
    record = read_json(tmp_path / "some.json")
    write_json(tmp_path / "some.json", {**record, "version": -1})
    with pytest.raises(UserError) as caught:
        load_examples(tmp_path / "some")
    assert caught.value.code == "examples-outdated" and "lab examples" in caught.value.hint


def test_windows_give_every_example_its_turn_and_fill_short_ones_up() -> None:
    batches = list(windows(examples(), 12, np.random.default_rng(0), size=3))
    assert [len(batch.text) for batch in batches] == [3, 1]
    assert all(batch.nodes.shape[2] == 12 and batch.nodes.dtype == torch.float32 for batch in batches)
    there = torch.cat([batch.valid for batch in batches])
    assert sorted(there.sum(1).tolist()) == [10, 10, 12, 12]
    joints = torch.cat([batch.joints for batch in batches])
    for flags, short in zip(there, joints):
        last = int(flags.sum()) - 1
        assert torch.equal(short[:, last:], short[:, last : last + 1].expand_as(short[:, last:]))


def test_a_window_is_a_stretch_of_the_clip() -> None:
    batch = batch_of(examples()[:1], [3], 8)
    assert np.array_equal(batch.nodes[0].numpy(), examples()[0].nodes[:, 3:11].astype(np.float32))
    assert batch.text == [examples()[0].sentences[0]]
    drawn = draw_batch(examples(), 8, np.random.default_rng(1), 5)
    assert drawn.x.shape[:3] == (5, 2, 8) and bool(drawn.valid.all())
    assert set(drawn.text) <= {sentence for example in examples() for sentence in example.sentences}


def test_strangers_stay_apart_whoever_they_are() -> None:
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

    def found(kind: Action, frames: int) -> list[Window]:
        return [Window(capture, 0, frames, kind, 0.0, 0.0, None, None) for capture in captures]

    studio = SceneSampler(BODY, found)
    first, second = stranger_pair(studio, 0, 0), stranger_pair(studio, 0, 1)
    for clip in (first, second):
        joints = pose_motion(BODY, clip.motion).joints[:, :, :22].numpy()
        apart = np.linalg.norm(joints[0][:, :, None] - joints[1][:, None], axis=-1)
        assert apart.min() > 0.22 and clip.contacts == ()
        assert all("not" in sentence for sentence in clip.sentences)
    assert not np.array_equal(first.motion.pelvis[:, 0], second.motion.pelvis[:, 0])
    again = stranger_pair(studio, 0, 1)
    assert np.array_equal(again.motion.body_pose, second.motion.body_pose) and again.name == second.name


def test_files_of_another_split_and_of_the_same_names_are_refused(tmp_path: Path) -> None:
    train = replace(interaction(), family="handshake", subjects=("cmu-02",))
    save_interactions(tmp_path / "train", [train])
    save_interactions(tmp_path / "again", [train])
    save_interactions(tmp_path / "test", [replace(train, subjects=("cmu-18",))])
    assert [clip.name for clip in wanted([tmp_path / "train"], "train")] == ["wave-0001"]
    for files, code in ((["train", "test"], "wrong-split"), (["train", "again"], "same-name")):
        with pytest.raises(UserError) as caught:
            wanted([tmp_path / name for name in files], "train")
        assert caught.value.code == code


def test_the_summary_tells_how_far_off_the_first_motion_is() -> None:
    example = examples()[0]
    moved = example.truth_joints + np.array([0, 0, 0.25], np.float32)
    moved[1, ..., 1] += 0.1
    text = summary([replace(example, joints=moved, hidden=np.zeros_like(example.hidden))])
    # one is 250 mm off, the other the root of 250 and 100 squared
    assert f"seen: {(250 + np.hypot(250, 100)) / 2:.0f} mm" in text and "depth between the pelvises: 100 mm" in text
