"""A synthetic folder in Inter-X's layout: two people face each other at a distance of 0.8 m, Y up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.body.files import load_body
from core.contract.errors import UserError
from lab.mocap.motion_clip import standing_height
from lab.mocap.readers import interx

FRAMES = 49
NAME = "G007T001A035R004"


def write(
    folder: Path, name: str = NAME, lines: str | None = "One helps the other up.\n\nA second sentence.\n"
) -> Path:
    place = folder / "motions" / name
    place.mkdir(parents=True)
    for number, (x, turn) in enumerate(((0.0, np.pi / 2), (0.8, -np.pi / 2)), 1):
        orient = np.tile([0, turn, 0], (FRAMES, 1))  # about Y, so that they face +X and -X
        trans = np.tile([x, 1.3, 5.0], (FRAMES, 1))
        trans[:, 1] += 0.01 * number  # pelvises of different heights
        np.savez(
            place / f"P{number}.npz",
            root_orient=orient.astype(np.float32),
            pose_body=np.zeros((FRAMES, 21, 3), np.float32),
            pose_lhand=np.zeros((FRAMES, 15, 3), np.float32),
            pose_rhand=np.zeros((FRAMES, 15, 3), np.float32),
            trans=trans.astype(np.float32),
            betas=np.ones((1, 10), np.float32),
            gender=np.array("male"),
        )
    if lines is not None:
        (folder / "texts").mkdir(exist_ok=True)
        (folder / "texts" / f"{name}.txt").write_text(lines, encoding="utf-8")
    return folder


def test_both_people_are_in_one_world_with_z_up(tmp_path: Path) -> None:
    (pair,) = interx.read(write(tmp_path))
    first, second = pair.people
    assert pair.source == f"inter-x/{NAME}"
    assert first.source != second.source
    assert first.subject == second.subject == "inter-x-007"
    assert pair.text == ("One helps the other up.", "A second sentence.")
    assert len(first.pelvis) == len(second.pelvis) == 13  # 49 frames at 120 are 0.4 s at 30
    np.testing.assert_allclose(second.pelvis - first.pelvis, np.tile([0.8, 0, 0], (13, 1)), atol=1e-5)
    np.testing.assert_allclose((first.pelvis[0] + second.pelvis[0])[:2], 0, atol=1e-5)  # around the origin
    height = standing_height(load_body(None), np.zeros(16))
    np.testing.assert_allclose([first.pelvis[0, 2], second.pelvis[0, 2]], height, atol=0.005)
    for person, toward in ((first, [1, 0, 0]), (second, [-1, 0, 0])):
        turn = Rotation.from_rotvec(person.global_orient[0])
        np.testing.assert_allclose(turn.apply([0, 0, 1]), toward, atol=1e-5)
        np.testing.assert_allclose(turn.apply([0, 1, 0]), [0, 0, 1], atol=1e-5)
        assert person.foot_contact.all()


def test_without_sentences_the_label_of_the_action_is_the_text(tmp_path: Path) -> None:
    (pair,) = interx.read(write(tmp_path, lines=None))
    assert pair.text == ("help up",)
    assert interx.action("G001T000A000R000") == "hug" and interx.action("other") is None


def test_the_error_for_missing_arrays_names_the_file(tmp_path: Path) -> None:
    write(tmp_path)
    damaged = tmp_path / "motions" / NAME / "P2.npz"
    np.savez(damaged, trans=np.zeros((3, 3)))
    with pytest.raises(UserError, match=r"P2\.npz.*pose_body"):
        interx.read(tmp_path)


def test_the_error_for_a_folder_without_interactions_describes_the_layout(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"motions\.zip"):
        interx.read(tmp_path)
