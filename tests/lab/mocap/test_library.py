"""A library of a folder with recordings in several formats, its cache, and files that cannot be read."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.contract.errors import UserError
from lab.mocap import recordings
from lab.mocap.library import Library, load_library

FRAMES = 40

_BONES = (
    ("Hips", None, (0, 95, 0)), ("Spine", "Hips", (0, 12, 0)), ("Spine1", "Spine", (0, 14, 0)), ("Neck", "Spine1", (0, 24, 0)),
    ("Head", "Neck", (0, 10, 2)),
    *((f"{side}{bone}", f"{side}{parent}" if own else parent, (sign * x, y, z))
      for side, sign in (("Left", 1), ("Right", -1))
      for bone, parent, own, (x, y, z) in (
          ("UpLeg", "Hips", False, (9, -5, 0)), ("Leg", "UpLeg", True, (0, -41, 0)), ("Foot", "Leg", True, (0, -42, 0)),
          ("ToeBase", "Foot", True, (0, -6, 13)), ("Shoulder", "Spine1", False, (5, 18, 0)),
          ("Arm", "Shoulder", True, (12, 0, 0)), ("ForeArm", "Arm", True, (28, 0, 0)), ("Hand", "ForeArm", True, (25, 0, 0)),
      )),
)  # fmt: skip


def bvh_text(frames: int = FRAMES) -> str:
    """A BVH file of a person in a T-pose, in centimetres, Y up."""

    def joint(index: int, depth: int) -> list[str]:
        name, _, offset = _BONES[index]
        pad = "  " * depth
        kind = "ROOT" if index == 0 else "JOINT"
        shift = (0, 0, 0) if index == 0 else offset
        channels = "3 Zrotation Xrotation Yrotation"
        if index == 0:
            channels = "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
        lines = [f"{pad}{kind} {name}", f"{pad}{{", f"{pad}  OFFSET {shift[0]} {shift[1]} {shift[2]}"]
        lines.append(f"{pad}  CHANNELS {channels}")
        children = [child for child, bone in enumerate(_BONES) if bone[1] == name]
        for child in children:
            lines += joint(child, depth + 1)
        if not children:
            lines += [f"{pad}  End Site", f"{pad}  {{", f"{pad}    OFFSET 0 0 8", f"{pad}  }}"]
        return [*lines, f"{pad}}}"]

    row = " ".join(["0 94.0 0", *["0"] * (3 * len(_BONES))])
    motion = ["MOTION", f"Frames: {frames}", "Frame Time: 0.033333", *[row] * frames]
    return "\n".join(["HIERARCHY", *joint(0, 0), *motion]) + "\n"


def write_amass(path: Path, height: float = 0.9) -> None:
    """Write an upright person in AMASS's layout."""
    path.parent.mkdir(parents=True, exist_ok=True)
    poses = np.zeros((FRAMES, 156))
    poses[:, 0] = np.pi / 2
    np.savez(path, poses=poses, trans=np.tile([0, 0, height], (FRAMES, 1)), mocap_framerate=np.array(30.0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    base = tmp_path / "mocap"
    write_amass(base / "ACCAD" / "s1" / "walk_poses.npz")
    (base / "idle").mkdir()
    (base / "idle" / "007_genuine.bvh").write_text(bvh_text(), encoding="utf-8")
    (base / "notes.md").write_text("read me", encoding="utf-8")
    (base / "numbers.txt").write_text("1,2,3\n", encoding="utf-8")
    (base / "old.pkl").write_bytes(b"\x80\x04.")
    return base


def equal(first: Library, second: Library) -> bool:
    both = [library.captures for library in (first, second)]
    same = first.skipped == second.skipped and [one.source for one in both[0]] == [one.source for one in both[1]]
    for a, b in zip(*both):
        same &= (a.subject, a.text, a.rate) == (b.subject, b.text, b.rate)
        same &= all(
            np.array_equal(getattr(a, name), getattr(b, name))
            for name in ("global_orient", "body_pose", "pelvis", "betas", "foot_contact")
        )
    return same


def test_all_formats_of_a_folder_are_read_and_every_skipped_file_has_a_reason(folder: Path) -> None:
    found = load_library(folder)
    assert [capture.subject for capture in found.captures] == ["amass-accad-s1", "idle-007"]
    reasons = {skip.path: skip.reason for skip in found.skipped}
    assert reasons.keys() == {"notes.md", "numbers.txt", "old.pkl"}
    assert "pickle" in reasons["old.pkl"]


def test_cached_recordings_are_not_read_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[str] = []
    first = load_library(folder, tmp_path / "cache", reported.append)
    assert len(reported) == 2

    def never(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(recordings, "retarget", never)
    monkeypatch.setattr(recordings, "_BODY_READERS", dict.fromkeys(recordings._BODY_READERS, never))
    second = load_library(folder, tmp_path / "cache", reported.append)
    assert len(reported) == 2 and equal(first, second)


def test_changed_files_and_damaged_results_are_read_again(folder: Path, tmp_path: Path) -> None:
    cache, reported = tmp_path / "cache", []
    load_library(folder, cache)
    write_amass(folder / "ACCAD" / "s1" / "walk_poses.npz", height=0.8)
    load_library(folder, cache, reported.append)
    assert reported == ["Reading ACCAD/s1/walk_poses.npz"]
    assert len(list(cache.glob("walk_poses*"))) == 2  # the older result was removed
    (kept,) = cache.glob("007_genuine*.npz")
    kept.write_bytes(kept.read_bytes()[:500])
    again = load_library(folder, cache, reported.append)
    assert reported[1:] == ["Reading idle/007_genuine.bvh"]
    assert equal(again, load_library(folder))


def test_archives_are_read(folder: Path, tmp_path: Path) -> None:
    base = tmp_path / "packed"
    base.mkdir()
    with zipfile.ZipFile(base / "accad.zip", "w") as archive:
        archive.write(folder / "ACCAD" / "s1" / "walk_poses.npz", "ACCAD/s1/walk_poses.npz")
    with tarfile.open(base / "idle.tar.xz", "w:xz") as archive:
        archive.add(folder / "idle" / "007_genuine.bvh", "idle/007_genuine.bvh")
    (base / "broken.zip").write_bytes(b"no archive")
    found = load_library(base, tmp_path / "cache")
    loose = load_library(folder)
    assert [capture.subject for capture in found.captures] == [capture.subject for capture in loose.captures]
    for packed, plain in zip(found.captures, loose.captures):
        np.testing.assert_array_equal(packed.body_pose, plain.body_pose)
    assert [skip.path for skip in found.skipped] == ["broken.zip"] and "damaged" in found.skipped[0].reason
    assert equal(found, load_library(base, tmp_path / "cache"))


def test_a_damaged_file_does_not_affect_the_others(folder: Path) -> None:
    (folder / "ACCAD" / "s1" / "run_poses.npz").write_bytes(b"PK nothing")
    found = load_library(folder)
    assert len(found.captures) == 2
    assert any("run_poses.npz" in skip.path and "cannot be read" in skip.reason for skip in found.skipped)


def test_duplicate_recordings_count_once(folder: Path) -> None:
    copy = folder / "copy" / "ACCAD" / "s1" / "walk_poses.npz"
    copy.parent.mkdir(parents=True)
    copy.write_bytes((folder / "ACCAD" / "s1" / "walk_poses.npz").read_bytes())
    found = load_library(folder)
    assert len(found.captures) == 2
    assert any("same name" in skip.reason for skip in found.skipped)


def test_the_error_for_a_folder_without_motion_lists_what_it_contains(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("read me", encoding="utf-8")
    for path, message in ((tmp_path, "notes.md"), (tmp_path / "nowhere", "does not exist")):
        with pytest.raises(UserError, match=message) as error:
            load_library(path)
        assert error.value.code == "mocap-empty"
