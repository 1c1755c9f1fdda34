"""A synthetic folder in InterHuman's layout; the processed form is computed with our body's forward kinematics."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from core.body.files import load_body
from core.body.model import forward_kinematics, rest_joints
from core.contract.errors import UserError
from lab.mocap.readers import interhuman

FRAMES = 20


def people() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Root [T,3], body [T,63] and position [T,3] of two people 1 m apart, Z up, who move a little."""
    draw = np.random.default_rng(3)
    made = []
    for number in range(2):
        root = (Rotation.from_euler("z", 0.3 + 2 * number) * Rotation.from_euler("x", np.pi / 2)).as_rotvec()
        sway = np.sin(np.arange(FRAMES) / 4)[:, None]
        pose = draw.normal(0, 0.15, 63) + draw.normal(0, 0.05, 63) * sway
        place = np.array([number * 1.0, 4.0, 1.2]) + np.array([0.02, 0, 0]) * sway
        made.append((np.tile(root, (FRAMES, 1)), pose, place))
    return made


def write_processed(folder: Path) -> Path:
    for number, (root, pose, place) in enumerate(people(), 1):
        angles = np.concatenate([root, pose], 1).reshape(FRAMES, 22, 3)
        matrices = Rotation.from_rotvec(angles.reshape(-1, 3)).as_matrix().reshape(FRAMES, 22, 3, 3)
        rest = rest_joints(load_body(None), torch.zeros(1, 16))[:, :22].double()
        joints, _ = forward_kinematics(torch.from_numpy(matrices), rest, torch.from_numpy(place))
        values = np.zeros((FRAMES, 492), np.float32)
        values[:, :66] = joints.reshape(FRAMES, -1).numpy()
        # the identity is written 1 0 0 1 0 0: two columns, row by row
        values[:, 186:] = np.tile([1, 0, 0, 1, 0, 0], 51)
        values[:, 186 : 186 + 126] = matrices[:, 1:, :, :2].reshape(FRAMES, -1)
        place_of_file = folder / "motions_processed" / f"person{number}" / "4711.npy"
        place_of_file.parent.mkdir(parents=True)
        np.save(place_of_file, values)
    (folder / "annots").mkdir()
    (folder / "annots" / "4711.txt").write_text("two people greet each other.\nthey meet.\n", encoding="utf-8")
    return folder


def write_pickle(folder: Path) -> Path:
    clip: dict[str, object] = {"mocap_framerate": 60.0}
    for number, (root, pose, place) in enumerate(people(), 1):
        twice = {"root_orient": root, "pose_body": pose, "trans": place}
        clip[f"person{number}"] = {name: np.repeat(value, 2, 0) for name, value in twice.items()} | {"gender": "male"}
    path = folder / "motions" / "4711.pkl"
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(clip))
    return path


def check(pair: object) -> None:
    assert isinstance(pair, interhuman.CapturedPair)
    for person, (root, pose, _) in zip(pair.people, people()):
        assert len(person.pelvis) == FRAMES
        np.testing.assert_allclose(person.body_pose.reshape(FRAMES, 63), pose, atol=2e-4)
        np.testing.assert_allclose(person.global_orient, root, atol=2e-4)
    apart = pair.people[1].pelvis - pair.people[0].pelvis
    np.testing.assert_allclose(apart[:, :2], np.tile([1.0, 0.0], (FRAMES, 1)), atol=1e-4)


def test_poses_roots_and_positions_of_the_processed_form_are_read(tmp_path: Path) -> None:
    (pair,) = interhuman.read(write_processed(tmp_path))
    assert pair.source == "interhuman/4711"
    assert pair.text == ("two people greet each other.", "they meet.")
    check(pair)


def test_pickles_are_never_opened_and_their_conversion_is_read(tmp_path: Path) -> None:
    path = write_pickle(tmp_path)
    for asked in (path, tmp_path):
        with pytest.raises(UserError, match="pickle") as error:
            interhuman.read(asked)
        assert error.value.code == "mocap-pickle"
    script = error.value.hint.split("\n", 1)[1]
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=60)
    (pair,) = interhuman.read(tmp_path)
    check(pair)


def test_a_clip_in_both_forms_is_read_once(tmp_path: Path) -> None:
    write_processed(tmp_path)
    np.savez(tmp_path / "motions_processed" / "motions.npz")  # not a clip, because of its folder's name
    (tmp_path / "motions").mkdir()
    np.savez(tmp_path / "motions" / "4711.npz")
    assert len(interhuman.read(tmp_path)) == 1


def test_the_error_for_a_damaged_clip_names_it(tmp_path: Path) -> None:
    write_processed(tmp_path)
    np.save(tmp_path / "motions_processed" / "person2" / "4711.npy", np.zeros((FRAMES, 263)))
    with pytest.raises(UserError, match=r"person2.*4711.*263"):
        interhuman.read(tmp_path)
