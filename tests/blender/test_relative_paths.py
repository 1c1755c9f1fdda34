"""Relative paths of the settings mean the same files wherever the .blend file is saved."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from tests.blender.user_actions import settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a clip and a saved file that names it relatively."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "clip.mp4").touch()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    settings().filepath, settings().output = "//clip.mp4", "//results"
    return folder


def clip() -> Path:
    return Path(bpy.path.abspath(settings().filepath)).resolve()


def test_the_clip_is_found_after_save_as_into_another_folder(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "deeper" / "elsewhere"
    other.mkdir(parents=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(other / "shot.blend"))
    assert settings().filepath.startswith("//") and clip() == project / "clip.mp4"
    assert settings().output == "//results"
    bpy.ops.wm.open_mainfile(filepath=str(other / "shot.blend"))
    assert clip() == project / "clip.mp4"


def test_the_clip_is_found_from_a_copy_and_from_the_file_that_stays_open(project: Path, tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "copies" / "copy.blend"), copy=True)
    assert settings().filepath == "//clip.mp4" and clip() == project / "clip.mp4"
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "copies" / "copy.blend"))
    assert clip() == project / "clip.mp4"


def test_a_save_that_fails_changes_no_path(project: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "missing" / "shot.blend"))
    assert settings().filepath == "//clip.mp4"
