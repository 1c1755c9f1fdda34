"""Small recordings in each skeleton format, with poses that can be computed by hand."""

from __future__ import annotations

import io
import json
import math
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.contract.errors import UserError
from lab.fuzzing.examples import ASF
from lab.mocap.readers import asfamc, bvh, deepmimic, expmap
from lab.mocap.skeleton_motion import SkeletonMotion, resample

UNIT = 0.0254 / 0.45
"""Metres per CMU's unit."""

AMC = """#!OML:ASF synthetic
:FULLY-SPECIFIED
:DEGREES
1
root 0 10 2 0 0 0
lfemur 0 0 0
ltibia 0
2
root 0 10 2 90 90 0
lfemur 0 0 0
ltibia 0
3
root 0 10 2 0 0 0
lfemur 0 90 0
ltibia 90
"""


def at(motion: SkeletonMotion, name: str, frame: int) -> np.ndarray:
    return motion.positions[frame, motion.names.index(name)]


@pytest.fixture
def subject(tmp_path: Path) -> Path:
    folder = tmp_path / "subjects" / "07"
    folder.mkdir(parents=True)
    (folder / "07.asf").write_text(ASF)
    (folder / "07_02.amc").write_text(AMC)
    (tmp_path / "CMU-INDEX.md").write_text("words\n07_02  walk, then stop\n08_01  other\n")
    return tmp_path


def test_amc_angles_rotate_bones_about_the_axes_of_the_asf_file(subject: Path) -> None:
    (motion,) = asfamc.read(subject)
    assert (motion.source, motion.subject, motion.text) == ("cmu-asf/07_02", "cmu-07", ("walk, then stop",))
    assert motion.rate == 120
    # upright: Y up in the file is Z in the world, the file's Z is the world's -Y
    np.testing.assert_allclose(at(motion, "left_hip", 0), [0, -2 * UNIT, 10 * UNIT], atol=1e-6)
    np.testing.assert_allclose(at(motion, "left_knee", 0), [0, -2 * UNIT, 2 * UNIT], atol=1e-6)
    # first 90 degrees about X: down becomes backward (-Z); then 90 about Y: backward becomes -X
    np.testing.assert_allclose(at(motion, "left_knee", 1), [-8 * UNIT, -2 * UNIT, 10 * UNIT], atol=1e-6)
    # about the bone's own Y, which its axis has turned to the body's -X: down becomes forward; the shank, bent back, is up
    np.testing.assert_allclose(at(motion, "left_knee", 2), [0, -10 * UNIT, 10 * UNIT], atol=1e-6)
    np.testing.assert_allclose(motion.positions[2, -1], [0, -10 * UNIT, 3 * UNIT], atol=1e-6)


def test_archives_folders_and_files_give_the_same_motion(subject: Path, tmp_path: Path) -> None:
    packed, zipped = tmp_path / "trials.tar.xz", tmp_path / "trials.zip"
    with tarfile.open(packed, "w:xz") as archive:
        archive.add(subject / "subjects", "any/where")
    with zipfile.ZipFile(zipped, "w") as archive:
        for file in (subject / "subjects" / "07").iterdir():
            archive.write(file, f"x/{file.name}")
    for path in (packed, zipped, subject / "subjects" / "07" / "07_02.amc"):
        (motion,) = asfamc.read(path)
        assert motion.text == ("walk, then stop",)
        np.testing.assert_array_equal(motion.positions, asfamc.read(subject)[0].positions)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("07_02.amc", AMC.replace("ltibia 90", "rtibia 90")),
        ("07_02.amc", AMC.replace("ltibia 90", "")),
        ("07_02.amc", AMC.replace("10 2 90", "10 x 90")),
        ("07.asf", ASF.replace("root lfemur", "root rfemur")),
    ],
)
def test_the_error_for_a_damaged_trial_names_it(subject: Path, name: str, text: str) -> None:
    (subject / "subjects" / "07" / name).write_text(text)
    with pytest.raises(UserError, match="07") as caught:
        asfamc.read(subject)
    assert caught.value.code == "recording-unreadable"


def test_missing_skeletons_and_damaged_archives_raise_errors(subject: Path, tmp_path: Path) -> None:
    (subject / "subjects" / "07" / "07.asf").unlink()
    with pytest.raises(UserError, match="skeleton"):
        asfamc.read(subject)
    (tmp_path / "broken.tar.xz").write_bytes(b"not an archive")
    with pytest.raises(UserError, match="broken"):
        asfamc.read(tmp_path / "broken.tar.xz")
    with pytest.raises(UserError, match="nowhere"):
        bvh.read(tmp_path / "nowhere.zip")


BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Spine
  {
    OFFSET 0 70 0
    CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 10 0
    }
  }
  JOINT LeftUpLeg
  {
    OFFSET 10 0 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    JOINT LeftLeg
    {
      OFFSET 0 -40 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      JOINT LeftFoot
      {
        OFFSET 0 -40 0
        CHANNELS 3 Zrotation Xrotation Yrotation
        End Site
        {
          OFFSET 0 -5 12
        }
      }
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.04
0 90 0 0 0 0 0 70 0 0 0 0 0 0 0 0 0 0 0 0 0
100 90 0 90 90 0 0 60 0 0 0 0 0 -90 0 0 90 0 0 0 0
"""


def test_bvh_channels_apply_in_order_and_centimetres_are_recognised(tmp_path: Path) -> None:
    folder = tmp_path / "idles"
    folder.mkdir()
    (folder / "004_acted.bvh").write_text(BVH)
    (motion,) = bvh.read(folder)
    assert (motion.source, motion.subject, motion.text) == ("idles/004_acted", "idles-004", ("acted",))
    assert motion.rate == pytest.approx(25)
    np.testing.assert_allclose(at(motion, "left_foot", 0), [0.1, -0.12, 0.05], atol=1e-6)
    # the root rotates by 90 degrees about Z, then about its new X axis. The hip's offset of 10 along X becomes one along Y
    np.testing.assert_allclose(at(motion, "left_hip", 1), [1, 0, 1.0], atol=1e-6)
    # the thigh along -Y is bent by the hip's -90 degrees about X to +Z; the root's X takes +Z to -Y, its Z takes -Y to +X
    np.testing.assert_allclose(at(motion, "left_knee", 1), [1.4, 0, 1.0], atol=1e-6)
    # the knee's +90 degrees undo the hip: the shank is along -Y again, which the root's X takes to -Z, the world's +Y
    np.testing.assert_allclose(at(motion, "left_ankle", 1), [1.4, 0.4, 1.0], atol=1e-6)
    # positions of a joint replace its offset: 60 above the hips, rotated with them
    spine = at(motion, "spine1", 1) - at(motion, "pelvis", 1)
    np.testing.assert_allclose(np.linalg.norm(spine), 0.6, atol=1e-6)


def test_bvh_rows_with_a_wrong_number_of_values_raise_an_error(tmp_path: Path) -> None:
    (tmp_path / "bad.bvh").write_text(BVH.rstrip()[:-2] + "\n")
    with pytest.raises(UserError, match="21"):
        bvh.read(tmp_path / "bad.bvh")


def expmap_row(place: tuple[float, float, float], **turns: tuple[float, float, float]) -> str:
    row = np.zeros((39, 3))
    row[0] = place
    for name, turn in turns.items():
        row[1 + expmap.cmu_skeleton().names.index(name)] = turn
    return ",".join(str(value) for value in row.ravel())


def test_exponential_maps_are_inverse_rotations(tmp_path: Path) -> None:
    rows = [expmap_row((0, 17, 0), left_knee=(angle, 0, 0)) for angle in (0.0, -math.pi / 2)]
    (tmp_path / "train__washwindow__washwindow_3.txt").write_text("\n".join(rows))
    (motion,) = expmap.read(tmp_path)
    assert motion.subject == "cmu-expmap-train__washwindow__washwindow_3"
    assert motion.text == ("washwindow",)
    np.testing.assert_allclose(at(motion, "pelvis", 0), [0, 0, 17 * UNIT], atol=1e-5)
    straight, bent = at(motion, "left_ankle", 0), at(motion, "left_ankle", 1)
    knee = at(motion, "left_knee", 0)
    # a map of -X is a rotation about +X: the lower end of the shank moves backwards, which is the world's +Y
    shank = straight - knee
    np.testing.assert_allclose(bent - knee, [shank[0], -shank[2], shank[1]], atol=1e-5)
    # the wrist is at one and a half times the length of the file's forearm
    forearm = at(motion, "left_wrist", 0) - at(motion, "left_elbow", 0)
    np.testing.assert_allclose(np.linalg.norm(forearm), 1.5 * 3.35554 * UNIT, atol=1e-4)


def test_a_rest_pose_in_the_first_row_is_dropped(tmp_path: Path) -> None:
    walking = [expmap_row((0, 17, z), left_hip=(0.4, 0, 0), right_hip=(-0.3, 0, 0)) for z in (0.0, 0.1, 0.2)]
    (tmp_path / "a.txt").write_text("\n".join([expmap_row((0, 17, 0)), *walking]))
    (motion,) = expmap.read(tmp_path)
    assert len(motion.positions) == 3


def test_the_root_of_a_turning_person_is_corrected(tmp_path: Path) -> None:
    """The root is written with the files' error, angles about X, Y, Z taken as Y, X, Z, and read without it."""
    headings = np.radians(np.linspace(0, 160, 80))
    lean = np.radians(6)
    recorded = Rotation.from_euler("y", headings[:, None]) * Rotation.from_euler("x", lean)
    about_x, about_y, about_z = recorded.as_euler("xyz").T
    filed = Rotation.from_euler("yxz", np.stack([about_y, about_x, about_z], 1)).inv().as_rotvec()
    rows = [expmap_row((0, 17, 0), pelvis=tuple(turn)) for turn in filed]
    (tmp_path / "turn.txt").write_text("\n".join(rows))
    (motion,) = expmap.read(tmp_path)
    assert motion.global_rotations is not None
    up, ahead = motion.global_rotations[:, 0, :, 1], motion.global_rotations[:, 0, :, 2]
    np.testing.assert_allclose(up[:, 2], np.cos(lean), atol=1e-5)
    np.testing.assert_allclose(np.arctan2(ahead[:, 0], -ahead[:, 1]), headings, atol=1e-5)


def mimic_frame(**turns: object) -> list[float]:
    order = ("duration", "place", "root", "chest", "neck", "right_hip", "right_knee", "right_ankle", "right_shoulder")
    order += ("right_elbow", "left_hip", "left_knee", "left_ankle", "left_shoulder", "left_elbow")
    hinges = ("right_knee", "right_elbow", "left_knee", "left_elbow")
    frame: list[float] = []
    for name in order:
        usual = {"duration": [0.02], "place": [0.0, 0.9, 0.0]}.get(name, [0.0] if name in hinges else [1.0, 0, 0, 0])
        frame += turns.get(name, usual)  # pyright: ignore[reportOperatorIssue]
    return frame


def test_deepmimic_hinges_bend_knees_back_and_elbows_forward(tmp_path: Path) -> None:
    half = math.sqrt(0.5)
    frames = [
        mimic_frame(left_knee=[-math.pi / 2], right_elbow=[math.pi / 2]),
        mimic_frame(root=[half, 0.0, half, 0.0]),
        mimic_frame(),
    ]
    (tmp_path / "humanoid3d_high_kick.txt").write_text(json.dumps({"Loop": "none", "Frames": frames}))
    (tmp_path / "LICENSE.txt").write_text("Permission is hereby granted")
    (motion,) = deepmimic.read(tmp_path)
    assert (motion.source, motion.subject, motion.text) == ("deepmimic/high_kick", "deepmimic", ("high kick",))
    assert motion.rate == pytest.approx(50)
    # the person faces +X, so the left, the file's -Z, is the world's +Y
    np.testing.assert_allclose(at(motion, "left_knee", 0), [0, 0.084887, 0.9 - 0.421546], atol=1e-6)
    np.testing.assert_allclose(at(motion, "left_ankle", 0) - at(motion, "left_knee", 0), [-0.40987, 0, 0], atol=1e-6)
    np.testing.assert_allclose(at(motion, "right_wrist", 0) - at(motion, "right_elbow", 0), [0.258947, 0, 0], atol=1e-6)
    # 90 degrees about the vertical take +X to the file's -Z
    np.testing.assert_allclose(at(motion, "left_hip", 1), [-0.084887, 0, 0.9], atol=1e-6)
    # the rest pose of the rotations faces +Z
    assert motion.global_rotations is not None
    np.testing.assert_allclose(motion.global_rotations[2, 0] @ [0, 0, 1], [1, 0, 0], atol=1e-6)


def test_a_clip_of_another_character_raises_an_error(tmp_path: Path) -> None:
    (tmp_path / "dog.txt").write_text(json.dumps({"Frames": [[0.1, 0, 0, 0]]}))
    with pytest.raises(UserError, match="dog"):
        deepmimic.read(tmp_path)


def test_resampling_keeps_the_motion(tmp_path: Path) -> None:
    """A rotation at a constant rate and an oscillation are resampled from 24 to 30 frames per second and compared with their
    formulas."""

    def motion_at(rate: float) -> tuple[np.ndarray, np.ndarray]:
        time = np.arange(0, 2 + 1e-9, 1 / rate)
        places = np.stack([np.sin(2 * time), time, 1 + 0 * time], 1)
        return places[:, None], Rotation.from_euler("z", 3 * time[:, None]).as_matrix()[:, None]

    places, turns = motion_at(24)
    motion = SkeletonMotion("a/b", "c", (), 24, ("pelvis",), (-1,), places, np.zeros((1, 3)), turns)
    new = resample(motion, 30)
    expected_places, expected_turns = motion_at(30)
    assert new.rate == 30 and new.global_rotations is not None
    np.testing.assert_allclose(new.positions, expected_places, atol=1e-3)
    np.testing.assert_allclose(new.global_rotations, expected_turns, atol=2e-3)
    fast = SkeletonMotion("a/b", "c", (), 120, ("pelvis",), (-1,), motion_at(120)[0])
    np.testing.assert_allclose(resample(fast, 30).positions, expected_places, atol=1e-6)


def test_invalid_characters_in_an_archived_text_are_ignored(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        for name, content in (("x/pic.png", b"\x89PNG"), ("x/one.bvh", BVH.encode())):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    assert [motion.source for motion in bvh.read(tmp_path / "a.tar.gz")] == ["a/one"]
