"""Runs `python -m lab render`: interactions as videos with ground truth, in the folder layout of `lab.evaluation.rendered`."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.body.files import load_body
from core.contract.errors import UserError
from core.contract.files import read_json

from ..choreography.appearance.clothing import offset_by_thickness
from ..choreography.interaction import load_interactions
from ..evaluation.rendered import RenderedClip, is_complete, save_rendered
from . import gl_movie
from .blender_process import render_movie
from .clip_staging import Staging, StagingSettings, load_person, pose_person, stage_clip
from .outfits import clothed, texture


@dataclass(frozen=True)
class RenderJob:
    """What is rendered, with what, and to where."""

    interactions: Path
    """Files of `python -m lab choreograph`, without ending."""
    folder: Path
    staging: StagingSettings
    bodies: Path
    """The held-out bodies that the interactions refer to."""
    blender: Path | None
    """The Python that has bpy; None renders with OpenGL, which is much faster."""
    clips: int | None = None
    """Render only the first ones."""
    quality: str = "MEDIUM"
    """LOW, MEDIUM or HIGH, of the H.264 encoder."""
    alone: bool = True
    """Whether to render each person alone, too."""


def render_all(job: RenderJob) -> None:
    """Render every clip that is not complete yet. UserError `bad-interaction`, `no-blender`, `no-opengl` or
    `render-failed`."""
    path = job.interactions.with_suffix("")
    clips = load_interactions(path)
    numbers = read_json(path.with_suffix(".json")).get("bodies") or [(None, None)] * len(clips)
    if len(numbers) != len(clips):
        raise UserError(
            "bad-interaction",
            f"{path}.json lists the bodies of {len(numbers)} clips, not of {len(clips)}.",
            "Make the interactions again.",
        )
    for index, (clip, bodies) in enumerate(list(zip(clips, numbers))[: job.clips], 1):
        if is_complete(job.folder, clip.name):
            continue
        started = time.perf_counter()
        people = [load_person(number, job.bodies) for number in bodies]
        rendered, staging = stage_clip(clip, people, job.folder, job.staging)
        _render(rendered, staging, job)
        print(
            f"{index}/{len(clips)} {clip.name}: {rendered.truth.joints.shape[1]} frames, {rendered.look['room']}, "
            f"{time.perf_counter() - started:.0f} s",
            flush=True,
        )


def _render(clip: RenderedClip, staging: Staging, job: RenderJob) -> None:
    """Write the videos, then the npz and the json, which make the clip complete."""
    job.folder.mkdir(parents=True, exist_ok=True)
    # a hidden folder beside the clips: videos move in one step, and nothing reads them before
    with tempfile.TemporaryDirectory(prefix=".rendering-", dir=job.folder) as name:
        work = Path(name)
        video = work / f"{clip.name}.mp4"
        if job.blender is None:
            gl_movie.render_movie(clip, staging, video, alone=job.alone)
        else:
            scene = _scene_arrays(clip, staging)
            render_movie(scene, video, job.blender, quality=job.quality, alone=job.alone)
        for video in sorted(work.glob("*.mp4")):
            video.replace(job.folder / video.name)
    save_rendered(job.folder, clip)


def _scene_arrays(clip: RenderedClip, staging: Staging) -> dict[str, np.ndarray]:
    """The scene as `render_clip.py` reads it."""
    frames, body = clip.truth.joints.shape[1], load_body(None)
    faces = body.faces.numpy()
    skins = [pose_person(clip.truth.motion, number, own)[1] for number, own in enumerate(clip.truth.bodies)]
    worn = [clothed(number) for number in staging.outfits]
    vertices = [offset_by_thickness(skin, faces, each.thickness) for skin, each in zip(skins, worn)]
    return {
        "vertices": np.stack(vertices),
        "faces": faces.astype(np.int32),
        "uv": body.uv.numpy(),
        "textures": np.stack([texture(number) for number in staging.outfits]),
        "camera_K": np.tile(staging.camera.K, (frames, 1, 1)),
        "camera_world": np.tile(staging.camera.T_cw, (frames, 1, 1)),
        "image_size": np.array(staging.image_size),
        "rate": np.array(clip.rate),
        "room": np.array(staging.room),
        "room_world": staging.room_world,
        "light": staging.light,
        "exposure": np.array(staging.exposure),
        "overcast": np.array(staging.overcast),
    }
