"""Renders a staged clip to a video with OpenGL: tens of times faster than Blender."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from core.body.files import load_body
from core.contract.errors import UserError

from ..choreography.appearance.clothing import offset_by_thickness
from ..evaluation.rendered import RenderedClip
from .clip_staging import Staging, pose_person
from .gl_renderer import Figure, GlRenderer, View
from .outfits import clothed, texture

_AMBIENT, _SHADE = 0.4, 0.7
_BRIGHTNESS = 0.9
"""Of the exposure, so that pictures are about as bright as Blender's."""


def render_movie(clip: RenderedClip, staging: Staging, path: Path, *, alone: bool = False) -> None:
    """Write all frames of a clip to a video file, and with `alone` to PATH_alone0.mp4, ... what they show of one person each.

    UserError `no-opengl`, or `render-failed` where a file cannot be written.
    """
    faces = load_body(None).faces.numpy().astype(np.int64)
    skins = [pose_person(clip.truth.motion, number, body)[1] for number, body in enumerate(clip.truth.bodies)]
    renderer, view = _renderer(max(staging.image_size)), view_of(staging)
    everyone = tuple(range(len(skins)))
    shown = {path: everyone}
    if alone:
        shown |= {path.with_name(f"{path.stem}_alone{number}{path.suffix}"): (number,) for number in everyone}
    with ExitStack() as opened:
        videos = {each: opened.enter_context(_video(each, clip.rate, staging.image_size)) for each in shown}
        for vertices in zip(*skins):
            figures = [
                Figure(offset_by_thickness(skin, faces, clothed(outfit).thickness), texture(outfit), np.eye(3))
                for skin, outfit in zip(vertices, staging.outfits)
            ]
            for each, people in shown.items():
                picture = renderer.render([figures[number] for number in people], view, staging.image_size).colour
                videos[each].write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


@contextmanager
def _video(path: Path, rate: float, size: tuple[int, int]) -> Iterator[cv2.VideoWriter]:
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate, size)
    try:
        if not video.isOpened():
            raise UserError(
                "render-failed",
                f"{path} cannot be written as a video.",
                "Check the folder and the installation of OpenCV.",
            )
        yield video
    finally:
        video.release()


def view_of(staging: Staging) -> View:
    """The camera, room and light of a staging."""
    return View(
        K=staging.camera.K,
        T_cw=staging.camera.T_cw,
        room=staging.room,
        room_world=staging.room_world,
        light=staging.room_world[:3, :3] @ staging.light,
        exposure=float(_BRIGHTNESS * 2**staging.exposure),
        ambient=_AMBIENT,
        shade=0.0 if staging.overcast else _SHADE,
    )


@lru_cache(maxsize=2)
def _renderer(side: int) -> GlRenderer:
    """For pictures of that longer side."""
    body = load_body(None)
    return GlRenderer(body.faces.numpy().astype(np.int64), body.uv.numpy(), side)
