"""Renders scenes in a process of Blender's Python; `render_clip.py` documents the arrays of a scene."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from core.contract.errors import UserError
from core.contract.files import write_npz

from ..paths import ROOT


def render_movie(
    scene: Mapping[str, np.ndarray], clip: Path, blender: Path, *, quality: str = "MEDIUM", alone: bool = False
) -> None:
    """Write an H.264 clip, and with `alone` CLIP_alone0.mp4, ... that show one of the people each."""
    _run(scene, blender, "--clip", str(clip.resolve()), "--quality", quality, *(["--alone"] if alone else []))


def render_images(scene: Mapping[str, np.ndarray], folder: Path, blender: Path) -> None:
    """Write the frames as 0000.png, 0001.png, ..."""
    _run(scene, blender, "--frames", str(folder.resolve()))


def _run(scene: Mapping[str, np.ndarray], blender: Path, *options: str) -> None:
    """UserError `no-blender`, or `render-failed` with the end of Blender's messages."""
    if not blender.is_file():
        raise UserError(
            "no-blender",
            f"There is no {blender}.",
            "Name a Python that has Blender as a module (bpy) with --blender; scripts/test makes one.",
        )
    with tempfile.TemporaryDirectory(prefix="socialmirror-") as folder:
        file = Path(folder) / "scene.npz"
        write_npz(file, dict(scene))
        command = [str(blender), "-m", "lab.rendering.render_clip", str(file), *options]
        # not in ROOT as working folder: relative paths of the caller stay valid
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise UserError(
            "render-failed", f"Blender could not render the scene: {done.stderr[-800:]}", "Its messages say why."
        )
