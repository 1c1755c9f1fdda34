"""Rendered clips show points of the world where their cameras project them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SIZE, FRAMES = (320, 180), 3
POINT = np.array([0.3, -0.5, 1.1])


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A small green octahedron; the camera, whose principal point is off the centre, moves to the side."""
    corners = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]) * 0.06 + POINT
    faces = [(0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4), (2, 0, 5), (1, 2, 5), (3, 1, 5), (0, 3, 5)]
    K = np.array([[280.0, 0, 150], [0, 280, 95], [0, 0, 1]])
    T_cw = np.tile(np.eye(4), (FRAMES, 1, 1))
    for frame in range(FRAMES):
        T_cw[frame, :3, :3] = [(1, 0, 0), (0, 0, -1), (0, 1, 0)]  # looks along +Y
        T_cw[frame, :3, 3] = -T_cw[frame, :3, :3] @ (0.25 * frame, -3.0, 1.3)
    path = tmp_path / "scene.npz"
    np.savez(
        path,
        vertices=np.tile(corners, (1, FRAMES, 1, 1)).astype(np.float32),
        faces=np.array(faces, np.int32),
        materials=np.zeros((1, len(faces)), np.int32),
        colours=np.array([[(0.0, 1.0, 0.0)]], np.float32),
        camera_K=np.tile(K, (FRAMES, 1, 1)),
        camera_world=T_cw,
        image_size=np.array(SIZE),
        rate=np.array(24.0),
        room=np.array(1),
    )
    return path


def render(scene: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "lab.rendering.render_clip", str(scene), *arguments]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)


def assert_green_at_point(image: Any, frame: int, arrays: dict[str, np.ndarray]) -> None:
    """The only green in the image is where the camera projects the point."""
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    rgb = pixels.reshape(height, width, 4)[::-1, :, :3]
    rows, columns = np.nonzero(rgb[..., 1] > 2.5 * rgb[..., [0, 2]].max(-1) + 0.05)
    incam = arrays["camera_world"][frame] @ (*POINT, 1)
    expected = (arrays["camera_K"][frame] @ (incam[:3] / incam[2]))[:2]
    assert len(rows) > 20
    assert np.array([columns.mean() + 0.5, rows.mean() + 0.5]) == pytest.approx(expected, abs=1.5)


def test_the_images_show_the_scene_where_it_is(scene: Path, tmp_path: Path) -> None:
    render(scene, "--frames", str(tmp_path / "images"))
    with np.load(scene) as arrays:
        for frame in range(FRAMES):
            assert_green_at_point(
                bpy.data.images.load(str(tmp_path / "images" / f"{frame:04d}.png")), frame, dict(arrays)
            )


def test_a_clip_has_every_frame(scene: Path, tmp_path: Path) -> None:
    render(scene, "--clip", str(tmp_path / "clip.mp4"))
    clip: Any = bpy.data.movieclips.load(str(tmp_path / "clip.mp4"))
    assert clip.frame_duration == FRAMES
    assert tuple(clip.size) == SIZE
    assert clip.fps == pytest.approx(24)


def test_textures_are_the_right_way_up(scene: Path, tmp_path: Path) -> None:
    with np.load(scene) as archive:
        arrays = dict(archive)
    texture = np.full((1, 8, 8, 3), (200, 0, 0), np.uint8)
    texture[0, :4, :4] = (0, 230, 0)  # the top left quarter: u below, v above a half
    arrays["textures"] = texture
    arrays["uv"] = np.tile(np.array([(0.1, 0.9), (0.4, 0.9), (0.1, 0.6)]), (len(arrays["faces"]), 1, 1))
    arrays["colours"][:] = (0.0, 0.0, 1.0)
    np.savez(scene, **arrays)
    render(scene, "--frames", str(tmp_path / "images"), "--every", "2")
    assert_green_at_point(bpy.data.images.load(str(tmp_path / "images" / "0002.png")), 2, arrays)


def test_clips_of_each_person_alone(scene: Path, tmp_path: Path) -> None:
    with np.load(scene) as archive:
        arrays = dict(archive)
    second = arrays["vertices"] + np.array((0.5, 0, 0), np.float32)
    np.savez(
        scene,
        **{
            **arrays,
            "vertices": np.concatenate([arrays["vertices"], second]),
            "materials": np.tile(arrays["materials"], (2, 1)),
            "colours": np.array([[(0.0, 1.0, 0.0)], [(0.0, 0.0, 1.0)]], np.float32),
        },
    )
    render(scene, "--clip", str(tmp_path / "clip.mp4"), "--alone")
    names = sorted(path.name for path in tmp_path.glob("*.mp4"))
    assert names == ["clip.mp4", "clip_alone0.mp4", "clip_alone1.mp4"]
    shares = [green_and_blue(tmp_path / name) for name in names]
    assert [(g > 0.0005, b > 0.0005) for g, b in shares] == [(True, True), (True, False), (False, True)]


def green_and_blue(video: Path) -> tuple[float, float]:
    """Shares of the first frame that are green and blue."""
    image: Any = bpy.data.images.load(str(video))
    pixels = np.empty(int(np.prod(image.size)) * 4, np.float32)
    image.pixels.foreach_get(pixels)
    rgb = pixels.reshape(-1, 4)[:, :3]
    red, green, blue = rgb.T
    return (
        float((green > 1.8 * np.maximum(red, blue) + 0.05).mean()),
        float((blue > 1.8 * np.maximum(red, green) + 0.05).mean()),
    )
