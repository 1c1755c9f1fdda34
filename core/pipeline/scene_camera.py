"""Lets MoGe-2, a model of the hub, look at frames of a clip, and says how far the embedded estimate of the camera agrees."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float

from ..clip import Clip, read_frames
from ..contract.errors import UserError
from ..contract.reconstruction import CameraAgreement
from ..fitting.camera import floor_from_extrinsics
from ..fitting.camera_hypotheses import CameraCandidates
from ..fitting.scene_view import SceneView, frames_to_look_at, scene_view
from ..hub import moge, store
from ..hub.memory import TooLittleMemory, out_of_memory
from ..motion import Camera
from ..perception.detections import Detections
from ..reporting import Reporter

_TITLE = "MoGe-2"


def scene_model_identity(choice: str) -> str:
    """Identity of the model that helps to estimate the camera; empty where it is not wanted or not installed."""
    return store.identity(moge.MODEL) if choice == "auto" and store.installed(moge.MODEL) is not None else ""


def look_at_scene(clip: Clip, detections: Detections, model: str, reporter: Reporter) -> SceneView:
    """What the model sees in a few frames.

    UserError `model-missing` or `model-damaged`; TooLittleMemory.
    """
    folder = store.require(moge.MODEL)
    if store.identity(moge.MODEL) != model:
        raise UserError(
            "model-damaged", f"{_TITLE} was replaced while the clip was reconstructed.", "Reconstruct it again."
        )
    positions = {int(detections.frame_index[position]): int(position) for position in frames_to_look_at(detections)}
    found: dict[int, moge.PointMap] = {}
    looked = 0

    def show() -> None:
        reporter.progress(looked / len(positions), _TITLE)

    try:
        network = moge.MogeModel(folder)
        for frame in read_frames(clip, min(positions), max(positions), while_skipping=show):
            show()
            if frame.index in positions:
                points = network.predict(frame.image, show)
                looked += 1
                if points is not None:
                    found[positions[frame.index]] = points
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise TooLittleMemory(
            "scene_model", f"There was not enough memory for {_TITLE}; the camera is estimated without it."
        ) from error
    return scene_view(detections, found)


def compare_cameras(
    scene: SceneView, embedded: CameraCandidates, detections: Detections, reporter: Reporter
) -> CameraAgreement:
    """How far the scene's view is from the estimate without it; logged, and warned of where the two contradict each other."""
    camera = embedded.camera(0)
    focal = float(camera.K[0, 0]) / math.hypot(*(float(size) for size in detections.image_size))
    found = CameraAgreement(_TITLE, scene.focal / focal - 1, *_angles_apart(scene, camera))
    pitch, roll, height = _stance(camera.T_cw)
    said = [f"focal length {found.focal:+.0%}"]
    if found.vertical is not None:
        said.append(f"the vertical {found.vertical:.1f}° apart")
    if scene.height_sigma > 0:
        said.append(f"height {scene.height:.2f} m instead of {height:.2f} m")
    reporter.log(f"{_TITLE} against people and lines (pitch {pitch:.1f}°, roll {roll:.1f}°): {', '.join(said)}.")
    if not found.agrees:
        reporter.warning(
            f"{_TITLE} and what people and lines show disagree about the camera ({', '.join(said)}); both were used. "
            "If you know the lens or the camera's pitch, give it."
        )
    return found


def _angles_apart(scene: SceneView, camera: Camera) -> tuple[float | None, float | None, float | None]:
    """degrees between the verticals, and by which pitch and roll of the scene's view are larger."""
    if scene.up_sigma <= 0:
        return None, None, None
    T_cw = np.array(camera.T_cw, np.float64)
    vertical = math.degrees(math.acos(float(np.clip(scene.up @ T_cw[:3, 2], -1, 1))))
    pitch, roll, _ = _stance(T_cw)
    T_cw[:3, 2] = scene.up
    seen_pitch, seen_roll, _ = _stance(T_cw)
    return vertical, seen_pitch - pitch, (seen_roll - roll + 180) % 360 - 180


def _stance(T_cw: Float[np.ndarray, "4 4"]) -> tuple[float, float, float]:
    """Pitch and roll in degrees, height in metres."""
    pitch, roll, height = (float(value) for value in floor_from_extrinsics(torch.from_numpy(T_cw)))
    return math.degrees(pitch), math.degrees(roll), height
