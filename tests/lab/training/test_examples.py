"""Training examples: simulated from interactions, the same for the same seed, and saved in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.contract.errors import UserError
from core.contract.files import read_json, read_npz, write_json
from core.motion import pose_motion
from core.representation.residual import decode_residual
from core.representation.touch_flags import TOUCHING_PARTS
from lab.training.batches import cut_windows
from lab.training.examples import load_examples, save_examples
from lab.training.simulated_examples import SimulatedView, make_example
from tests.lab.training.synthetic_interaction import simulated_examples, synthetic_interaction


def test_the_true_joints_keep_distances_and_heights_of_the_interaction() -> None:
    example, body = simulated_examples()[0], load_body(None)
    world = pose_motion(body, synthetic_interaction().motion).joints[:, :, :22].numpy()
    distances = np.linalg.norm(world[0][:, :, None] - world[1][:, None], axis=-1)
    true = example.true_joints
    assert np.allclose(np.linalg.norm(true[0][:, :, None] - true[1][:, None], axis=-1), distances, atol=1e-4)
    assert np.allclose(true[..., 2], world[..., 2], atol=1e-4)


def test_the_initial_motion_is_near_the_true_one_about_the_same_origin() -> None:
    example = simulated_examples()[0]
    assert example.nodes.shape[:3] == (2, 14, 22) and np.isfinite(example.nodes).all()
    for joints in (example.reference_joints, example.true_joints):
        assert np.abs(joints[:, :, 0, :2].mean((0, 1))).max() < 1e-4
    assert np.linalg.norm(example.reference_joints - example.true_joints, axis=-1).mean() < 0.6


def test_the_residual_leads_from_the_initial_to_the_true_motion() -> None:
    body, batch = load_body(None), cut_windows(simulated_examples(), [0, 0, 0, 0], 10, torch.zeros(4, 384))
    true = decode_residual(batch.residual, batch.residual_betas, batch.reference).motion
    assert torch.allclose(true.joints(body), batch.true_joints, atol=0.01)
    zero = torch.zeros_like(batch.residual), torch.zeros_like(batch.residual_betas)
    unchanged = decode_residual(*zero, batch.reference).motion
    assert torch.allclose(unchanged.joints(body), batch.reference_joints, atol=0.01)


def test_the_same_seed_gives_the_same_example_and_another_camera_another() -> None:
    first = simulated_examples()[0]
    again, other = (make_example(SimulatedView(synthetic_interaction(), camera, 3)) for camera in (0, 2))
    assert again is not None and other is not None
    for name in ("nodes", "people", "residual", "visibility", "true_joints"):
        assert np.array_equal(getattr(again, name), getattr(first, name)), name
    assert not np.array_equal(other.nodes, first.nodes)


def test_every_second_camera_sees_the_mirrored_interaction() -> None:
    plain, mirrored = simulated_examples()[0], simulated_examples()[2]
    batch = cut_windows([plain, mirrored], [0, 0], 14, torch.zeros(2, 384))
    touching, foot_contact = batch.touching.numpy(), batch.foot_contact.numpy()
    assert {TOUCHING_PARTS[part] for part in np.flatnonzero(touching[0, 0].any(0))} == {"right_hand"}
    assert {TOUCHING_PARTS[part] for part in np.flatnonzero(touching[1, 0].any(0))} == {"left_hand"}
    assert np.flatnonzero(touching[0, 1].any(1)).tolist() == list(range(4, 10))
    assert foot_contact[0, 0, :, 0].all() and not foot_contact[0, 0, :, 1].any()
    assert foot_contact[1, 0, :, 1].all() and not foot_contact[1, 0, :, 0].any()
    assert mirrored.sentences[0] == "A lays the left hand on B's right shoulder."


def test_examples_are_loaded_as_they_were_saved(tmp_path: Path) -> None:
    save_examples(tmp_path / "some", simulated_examples())
    for example, loaded in zip(simulated_examples(), load_examples(tmp_path / "some"), strict=True):
        for name, value in vars(example).items():
            other = getattr(loaded, name)
            assert np.array_equal(value, other) if isinstance(value, np.ndarray) else value == other, name


def test_the_arrays_in_the_file_keep_their_names(tmp_path: Path) -> None:
    """Files that were made before can be read."""
    save_examples(tmp_path / "some", simulated_examples()[:1])
    assert set(read_npz(tmp_path / "some.npz")) == {
        "frames", "nodes", "people", "joints", "seen", "base_turns", "base_betas", "truth_joints", "x", "betas", "hidden"
    }  # fmt: skip


def test_examples_of_another_version_are_refused(tmp_path: Path) -> None:
    save_examples(tmp_path / "some", simulated_examples())
    record = read_json(tmp_path / "some.json")
    write_json(tmp_path / "some.json", {**record, "version": -1})
    with pytest.raises(UserError) as caught:
        load_examples(tmp_path / "some")
    assert caught.value.code == "examples-outdated" and "lab examples" in caught.value.hint
