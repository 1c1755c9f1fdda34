"""Long clips, a window at a time: shapes and floor from frames spread over the clip, then overlapping windows, blended.

Memory and the time for a frame stay the same however long the clip is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from ..body.model import BodyModel, rest_joints
from ..body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from ..contract.contact import Contact
from ..contract.edits import Pin
from ..contract.skeleton import JOINT_INDEX
from ..motion import Camera, PairMotion
from ..perception.detections import Detections
from ..reporting import Reporter
from .fit import FittedMotion, Phase, fit
from .prior import JointPrior

WINDOW = 480
OVERLAP = 32
SPREAD = 240
"""Frames that settle shapes and floor."""


def fit_clip(
    motion: PairMotion,
    camera: Camera,
    foot_contact: np.ndarray,
    detections: Detections,
    body: BodyModel,
    *,
    phases: Sequence[Phase],
    contacts: Sequence[Contact] = (),
    pins: Sequence[Pin] = (),
    fixed_shape: bool = False,
    prior: JointPrior | None = None,
    reporter: Reporter,
) -> FittedMotion:
    """`fit.fit` for clips of any length; the same arguments, the same result on a clip of one window."""
    count = len(detections.frame_index)
    if count <= WINDOW:
        return fit(
            motion, camera, foot_contact, detections, body,
            phases=phases, contacts=contacts, pins=pins, fixed_shape=fixed_shape, prior=prior, reporter=reporter,
        )  # fmt: skip
    spans = window_spans(count)
    parts = len(spans) + (0 if fixed_shape else 1)
    done = 0
    if not fixed_shape:
        spread = np.unique(np.linspace(0, count - 1, SPREAD).round().astype(int))
        settled = fit(
            select(motion, spread), camera, foot_contact[:, spread], select_detections(detections, spread), body,
            phases=phases, prior=_frames(prior, spread), reporter=_Part(reporter, 0, parts),
        )  # fmt: skip
        motion = in_other_floor(motion, camera, body, settled.motion.betas, settled.camera)
        camera = settled.camera
        done = 1
    fitted = [
        fit(
            select(motion, span), camera, foot_contact[:, span], select_detections(detections, span), body,
            phases=phases, contacts=contacts, pins=pins, fixed_shape=True, prior=_frames(prior, span),
            reporter=_Part(reporter, done + i, parts),
        )
        for i, span in enumerate(spans)
    ]  # fmt: skip
    return _joined(fitted, spans)


def _frames(prior: JointPrior | None, chosen: np.ndarray) -> JointPrior | None:
    return None if prior is None else prior.frames(chosen)


def window_spans(count: int) -> list[np.ndarray]:
    """Positions of each window: WINDOW frames, each sharing OVERLAP with the one before it; the last one ends the clip."""
    starts = list(range(0, count - OVERLAP, WINDOW - OVERLAP))
    return [np.arange(start, min(start + WINDOW, count)) for start in starts]


def select(motion: PairMotion, frames: np.ndarray) -> PairMotion:
    timed = {item.name: getattr(motion, item.name)[:, frames] for item in fields(PairMotion) if item.name != "betas"}
    return PairMotion(**timed, betas=motion.betas)


def select_detections(detections: Detections, frames: np.ndarray) -> Detections:
    by_frame = ("frame_index", "time", "camera_motion")
    by_person = ("keypoints", "ambiguous", "world_landmarks", "found", "hands", "hand_landmarks", "masks")
    chosen = {name: getattr(detections, name)[frames] for name in by_frame}
    chosen |= {name: getattr(detections, name)[:, frames] for name in by_person}
    return replace(detections, **chosen)


def in_other_floor(
    motion: PairMotion, camera: Camera, body: BodyModel, betas: np.ndarray, settled: Camera
) -> PairMotion:
    """The same picture with other shapes over another floor: larger people stand as much farther from the camera."""
    larger = _leg_length(body, betas) / _leg_length(body, motion.betas)
    seen = motion.pelvis @ camera.T_cw[:3, :3].T + camera.T_cw[:3, 3]
    pelvis = (seen * larger[:, None, None] - settled.T_cw[:3, 3]) @ settled.T_cw[:3, :3]
    turn = settled.T_cw[:3, :3].T @ camera.T_cw[:3, :3]
    orient = torch.from_numpy(turn) @ axis_angle_to_matrix(torch.from_numpy(motion.global_orient).double())
    return replace(
        motion,
        pelvis=pelvis.astype(np.float32),
        global_orient=matrix_to_axis_angle(orient).float().numpy(),
        betas=betas,
    )


def _leg_length(body: BodyModel, betas: np.ndarray) -> np.ndarray:
    chain = [JOINT_INDEX[name] for name in ("left_ankle", "left_knee", "left_hip", "spine2", "neck")]
    joints = rest_joints(body, torch.as_tensor(betas, device=body.device))[:, chain]
    return joints.diff(dim=1).norm(dim=-1).sum(1).cpu().numpy()


def _joined(parts: list[FittedMotion], spans: list[np.ndarray]) -> FittedMotion:
    """One motion of all windows. In an overlap the later window takes over little by little, rotations along the shortest way."""
    out = parts[0]
    for part, span in zip(parts[1:], spans[1:]):
        shared = len(out.foot_contact[0]) - int(span[0])
        share = (np.arange(shared, dtype=np.float32) + 1) / (shared + 1)
        motion = {}
        for item in fields(PairMotion):
            before, after = getattr(out.motion, item.name), getattr(part.motion, item.name)
            if item.name == "betas":
                motion[item.name] = before
                continue
            mix = _mixed_positions if item.name == "pelvis" else _mixed_rotations
            middle = mix(before[:, -shared:], after[:, :shared], share)
            motion[item.name] = np.concatenate([before[:, :-shared], middle, after[:, shared:]], 1)
        out = replace(
            out,
            motion=PairMotion(**motion),
            foot_contact=np.concatenate([out.foot_contact, part.foot_contact[:, shared:]], 1),
            confidence=np.concatenate([out.confidence, part.confidence[:, shared:]], 1),
        )
    frames = np.array([len(span) for span in spans])
    return replace(out, energy=float(np.average([part.energy for part in parts], weights=frames)))


def _mixed_positions(before: np.ndarray, after: np.ndarray, share: np.ndarray) -> np.ndarray:
    weight = share[None, :, None]
    return (1 - weight) * before + weight * after


def _mixed_rotations(before: np.ndarray, after: np.ndarray, share: np.ndarray) -> np.ndarray:
    first, second = (axis_angle_to_matrix(torch.from_numpy(angles)) for angles in (before, after))
    weight = torch.from_numpy(share).reshape(1, -1, *[1] * (before.ndim - 2))
    turn = axis_angle_to_matrix(matrix_to_axis_angle(first.mT @ second) * weight)
    return matrix_to_axis_angle(first @ turn).numpy()


@dataclass(frozen=True)
class _Part:
    """Progress of one of several equal parts."""

    whole: Reporter
    index: int
    count: int

    def progress(self, fraction: float, text: str = "") -> None:
        self.whole.progress((self.index + fraction) / self.count, text)

    def warning(self, text: str) -> None:
        self.whole.warning(text)

    def log(self, text: str) -> None:
        self.whole.log(text)
