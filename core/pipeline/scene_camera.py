"""Lets MoGe-2, a model of the hub, look at frames of a clip, and says how far the embedded estimate of the camera agrees."""

from __future__ import annotations

import math

import numpy as np
import torch

from ..clip import Clip, read_frames
from ..contract.errors import UserError
from ..fitting.camera import floor_from_extrinsics
from ..fitting.camera_hypotheses import CameraCandidates
from ..fitting.scene_view import SceneView, frames_to_look_at, nothing_seen, scene_view
from ..hub import moge, store
from ..hub.memory import out_of_memory
from ..perception.detections import Detections
from ..reporting import Reporter

_FAR_APART = math.radians(10)
_OTHER_LENS = 1.25
"""Ratio of focal lengths."""


def scene_model_identity(choice: str) -> str:
    """Identity of the model that helps to estimate the camera; empty where it is not wanted or not installed."""
    return store.identity(moge.MODEL) if choice == "auto" and store.installed(moge.MODEL) is not None else ""


def look_at_scene(clip: Clip, detections: Detections, model: str, reporter: Reporter) -> SceneView:
    """What the model sees in a few frames.

    UserError `model-missing` or `model-damaged`. Where memory runs out it warns and sees nothing.
    """
    folder = store.require(moge.MODEL)
    if store.identity(moge.MODEL) != model:
        raise UserError(
            "model-damaged", "MoGe-2 was replaced while the clip was reconstructed.", "Reconstruct it again."
        )
    positions = {int(detections.frame_index[position]): int(position) for position in frames_to_look_at(detections)}
    found: dict[int, moge.PointMap] = {}
    looked = 0

    def show() -> None:
        reporter.progress(looked / len(positions), "MoGe-2")

    try:
        network = moge.MogeModel(folder)
        for frame in read_frames(clip, min(positions), max(positions), while_skipping=show):
            show()
            if frame.index in positions:
                points = network.look(frame.image, show)
                looked += 1
                if points is not None:
                    found[positions[frame.index]] = points
    except Exception as error:
        if not out_of_memory(error):
            raise
        reporter.warning("There was not enough memory for MoGe-2; the camera is estimated without it.")
        return nothing_seen(len(detections.track_ids))
    return scene_view(detections, found)


def report_agreement(scene: SceneView, embedded: CameraCandidates, detections: Detections, reporter: Reporter) -> None:
    """Log how far the embedded estimate is from the scene's view; warn, which is kept with the result, where they contradict."""
    camera = embedded.camera(0)
    pitch, roll, height = (float(value) for value in floor_from_extrinsics(torch.from_numpy(camera.T_cw)))
    focal = float(camera.K[0, 0]) / math.hypot(*(float(size) for size in detections.image_size))
    ratio = scene.focal / focal
    said = [f"focal length {ratio - 1:+.0%}"]
    apart = 0.0
    if scene.up_sigma > 0:
        apart = math.acos(float(np.clip(scene.up @ camera.T_cw[:3, 2], -1, 1)))
        said.append(f"the vertical {math.degrees(apart):.1f}° apart")
    if scene.height_sigma > 0:
        said.append(f"height {scene.height:.2f} m instead of {height:.2f} m")
    angles = f"pitch {math.degrees(pitch):.1f}°, roll {math.degrees(roll):.1f}°"
    reporter.log(f"MoGe-2 against people and lines ({angles}): {', '.join(said)}.")
    if apart > _FAR_APART or not 1 / _OTHER_LENS < ratio < _OTHER_LENS:
        reporter.warning(
            f"MoGe-2 and what people and lines show disagree about the camera ({', '.join(said)}); both were used. "
            "If you know the lens or the camera's pitch, give it."
        )
