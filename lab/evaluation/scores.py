"""Scores an estimate against a clip's ground truth, with all metrics of `results.UNITS`.

MPJPE and the metrics like it are computed in the camera's axes, which estimate and ground truth share; Int, RE, contact,
penetration and foot slide do not depend on the world's origin. Metrics of surfaces are computed on every SKIN_EVERY-th frame,
all others on every frame of the detections. Frames for which the ground truth lacks joints do not count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int

from core.body.model import BodyModel
from core.body.regions import vertex_regions
from core.contract.contact import Contact
from core.contract.runs import find_runs
from core.contract.touches import group_touches
from core.fitting.soles import posed_soles
from core.motion import BODY_COUNT, Camera, PairMotion, median_time_step, pose_motion
from core.transforms import transform_points, transform_vectors

from . import metrics
from .benchmark_clip import OCCLUDED, TRUNCATED, UNKNOWN, VISIBLE, BenchmarkClip, Estimate
from .results import UNITS, ClipResult
from .surface_metrics import contact_distance, contact_matrix, penetration_metrics, touching_parts

SKIN_EVERY = 3
"""frames between two on which surfaces are compared; contacts last longer, so none is missed."""
_LEAST_DEPTH = 0.05
"""metres in front of the camera, so that directions stay finite for people who were placed behind it."""


@dataclass(frozen=True)
class TrueSurfaces:
    """What the scores of all methods on a clip share."""

    frames: Int[np.ndarray, " G"]
    """Which of the detections' frames: every SKIN_EVERY-th."""
    vertices: Float[np.ndarray, "2 G V 3"] | None
    """float32, in the camera's axes, relative to each person's pelvis; None where the ground truth has no meshes."""
    contact: Bool[np.ndarray, "T R R"]
    """See `contact_matrix`."""


@dataclass(frozen=True)
class ComparedJoints:
    """Joints of ground truth and estimate; T frames of the detections, J = 22, person p is the ground truth's in both."""

    order: tuple[int, int]
    """The estimate's people in the ground truth's order."""
    true_inworld: Float[np.ndarray, "2 T J 3"]
    inworld: Float[np.ndarray, "2 T J 3"]
    """In the estimate's own world."""
    true_incam: Float[np.ndarray, "2 T J 3"]
    incam: Float[np.ndarray, "2 T J 3"]
    """In the estimate's own camera."""
    is_known: Bool[np.ndarray, " T"]
    """Frames for which the ground truth has all joints of both; true joints elsewhere are NaN."""


def score(
    clip: BenchmarkClip, estimate: Estimate, body: BodyModel, *, method: str = "", surfaces: TrueSurfaces | None = None
) -> ClipResult:
    """All metrics of an estimate on `body`. Metrics that are not defined on the clip are left out, see `ClipResult`.

    `surfaces` from `true_surfaces` saves time where several methods run on one clip. ValueError for an estimate that is not a
    finite motion of the detections' frames.
    """
    frames = _true_frames(clip)
    joints = compare_joints(clip, estimate, body)
    surfaces = surfaces or true_surfaces(clip, body)
    motion = estimate.motion.frames(surfaces.frames).along("P", list(joints.order))
    vertices = pose_motion(body, motion).skin(body).numpy()
    found = _joint_metrics(joints)
    if len(frames) > 3:
        found["jitter"] = metrics.jitter(joints.inworld, 1 / median_time_step(clip.detections.time))
    if surfaces.vertices is not None:
        found["mpvpe"] = metrics.mpjpe(_pelvis_relative(vertices, motion, estimate.camera), surfaces.vertices)
    contacts = _renumbered(estimate.contacts, joints.order)
    contact = contact_matrix(contacts, clip.detections.frame_index)
    parts, true_parts = touching_parts(contact), touching_parts(surfaces.contact)
    found["touches"] = sum(touch.state != "rejected" for touch in group_touches(contacts))
    if surfaces.vertices is not None:
        found["wrong_contacts"] = metrics.wrong_contacts(parts, true_parts)
    if surfaces.contact.any():
        found["contact_f1_parts"] = metrics.contact_f1(parts, true_parts)
        found["contact_distance"] = contact_distance(surfaces.contact[surfaces.frames], vertices, _regions(body))
        found["contact_f1"] = metrics.contact_f1(contact, surfaces.contact)
    found |= penetration_metrics(vertices, body.faces.numpy())
    found |= _foot_metrics(clip, estimate, joints, body)
    by_visibility, counts = _visibility_metrics(clip, joints)
    found |= by_visibility
    visibility = clip.truth.visibility[:, frames]
    return ClipResult(
        clip=clip.name,
        family=clip.family,
        method=method,
        frames=len(frames),
        metrics={name: found[name] for name in UNITS if math.isfinite(found.get(name, math.nan))},
        counts=counts,
        hidden_share=float((visibility == OCCLUDED).sum() / max((visibility != UNKNOWN).sum(), 1)),
        contact_share=float(surfaces.contact.any((1, 2)).mean()),
        seconds={**clip.seconds, **estimate.seconds},
    )


def compare_joints(clip: BenchmarkClip, estimate: Estimate, body: BodyModel) -> ComparedJoints:
    """Joints of an estimate on `body` with the frames and the people of the ground truth.

    ValueError for an estimate that is not a finite motion of the detections' frames.
    """
    joints = pose_motion(body, estimate.motion).joints.numpy()[:, :, :BODY_COUNT]
    true = clip.truth.joints[:, _true_frames(clip), :BODY_COUNT]
    if joints.shape != true.shape:
        raise ValueError(f"The estimate has joints {joints.shape}, the ground truth {true.shape}.")
    if not np.isfinite(joints).all():
        raise ValueError("The estimate holds values that are not finite.")
    is_known = np.asarray(np.isfinite(true).all((0, 2, 3)))
    if not is_known.any():
        raise ValueError("The ground truth has no frame in which all joints of both people are known.")
    true_incam = transform_points(clip.truth.camera.T_cw, true)
    incam = transform_points(estimate.camera.T_cw, joints)
    order = match_people(true_incam[:, is_known, 0], incam[:, is_known, 0])
    return ComparedJoints(order, true, joints[list(order)], true_incam, incam[list(order)], is_known)


def match_people(true_incam: Float[np.ndarray, "2 T 3"], incam: Float[np.ndarray, "2 T 3"]) -> tuple[int, int]:
    """Which of the estimated people are the true first and second, by the directions of their pelvises from the camera.

    Depth is left out, because a single camera hardly determines it.
    """
    true, found = (points[..., :2] / np.maximum(points[..., 2:], _LEAST_DEPTH) for points in (true_incam, incam))
    same, swapped = (np.linalg.norm(found[list(order)] - true, axis=-1).mean() for order in ((0, 1), (1, 0)))
    return (0, 1) if same <= swapped else (1, 0)


def true_surfaces(clip: BenchmarkClip, body: BodyModel) -> TrueSurfaces:
    """The skins of the people's own bodies, which have the vertices of `body`, and their contacts."""
    frames = _true_frames(clip)
    chosen = np.arange(0, len(frames), SKIN_EVERY)
    contact = contact_matrix(clip.truth.contacts, clip.detections.frame_index)
    if not clip.truth.has_meshes:
        return TrueSurfaces(chosen, None, contact)
    people = []
    for person, own_body in enumerate(clip.truth.bodies):
        motion = clip.truth.motion.frames(frames[chosen]).person(person)
        skin = pose_motion(own_body, motion).skin(own_body).numpy()
        people.append(_pelvis_relative(skin, motion, clip.truth.camera))
    if people[0].shape[2] != len(body.v_template):
        raise ValueError("The bodies of the ground truth have other vertices than the body that methods fit.")
    return TrueSurfaces(chosen, np.concatenate(people), contact)


def _true_frames(clip: BenchmarkClip) -> np.ndarray:
    """int [T]: the detections' frames as indices into the ground truth."""
    frames, count = clip.detections.frame_index, clip.truth.joints.shape[1]
    if frames[0] < 0 or frames[-1] >= count:
        raise ValueError(f"The detections hold frames {frames[0]} to {frames[-1]}, the ground truth {count} frames.")
    return frames


def _pelvis_relative(vertices: np.ndarray, motion: PairMotion, camera: Camera) -> np.ndarray:
    """Vertices [P,G,V,3] in the camera's axes, relative to each person's pelvis."""
    return transform_vectors(camera.T_cw.astype(np.float32), vertices - motion.pelvis[:, :, None])


def _joint_metrics(joints: ComparedJoints) -> dict[str, float]:
    known = joints.is_known
    true_incam, incam = joints.true_incam[:, known], joints.incam[:, known]
    true_inworld, inworld = joints.true_inworld[:, known], joints.inworld[:, known]
    return {
        "mpjpe": metrics.mpjpe(metrics.root_relative(incam), metrics.root_relative(true_incam)),
        "pa_mpjpe": metrics.pa_mpjpe(incam, true_incam),
        "int": metrics.interaction(inworld, true_inworld),
        "pair_pa_mpjpe": metrics.pair_pa_mpjpe(incam, true_incam),
        "re": metrics.relative_error(inworld, true_inworld),
        "accel": _acceleration_error(joints),
    }


def _acceleration_error(joints: ComparedJoints) -> float:
    """Over the runs of successive frames with ground truth; NaN where no run has three frames."""
    runs = [
        (metrics.acceleration_error(joints.incam[:, run], joints.true_incam[:, run]), run.stop - run.start - 2)
        for run in find_runs(joints.is_known, min_length=3)
    ]
    total = sum(count for _, count in runs)
    return float(sum(error * count for error, count in runs) / total) if runs else math.nan


@lru_cache(maxsize=4)
def _regions(body: BodyModel) -> np.ndarray:
    return vertex_regions(body).numpy()


def _renumbered(contacts: Sequence[Contact], order: tuple[int, int]) -> list[Contact]:
    """The contacts between the two people, in the ground truth's order."""
    numbers = {found: index for index, found in enumerate(order)}
    return [
        replace(contact, person_a=numbers[contact.person_a], person_b=numbers[contact.person_b])
        for contact in contacts
        if contact.person_b in (0, 1)
    ]


def _foot_metrics(clip: BenchmarkClip, estimate: Estimate, joints: ComparedJoints, body: BodyModel) -> dict[str, float]:
    """Slide of the feet that are truly in contact with the floor, measured at the middle of the sole."""
    foot_contact = clip.truth.foot_contact[:, _true_frames(clip)]
    if not (foot_contact[:, 1:] & foot_contact[:, :-1]).any():
        return {}
    motion = estimate.motion.along("P", list(joints.order))
    soles = posed_soles(pose_motion(body, motion), body)
    return {"foot_slide": metrics.foot_slide(soles.mean(3).numpy(), foot_contact)}


def _visibility_metrics(clip: BenchmarkClip, joints: ComparedJoints) -> tuple[dict[str, float], dict[str, int]]:
    """MPJPE of visible, occluded and truncated joints, and how many there are of each."""
    visibility = np.where(joints.is_known[:, None], clip.truth.visibility[:, _true_frames(clip)], UNKNOWN)
    error = metrics.root_relative(joints.incam) - metrics.root_relative(joints.true_incam)
    distance = np.linalg.norm(error, axis=-1) * metrics.MM
    found: dict[str, float] = {}
    counts: dict[str, int] = {}
    for name, kind in (("mpjpe_seen", VISIBLE), ("mpjpe_hidden", OCCLUDED), ("mpjpe_outside", TRUNCATED)):
        chosen = visibility == kind
        counts[name] = int(chosen.sum())
        if chosen.any():
            found[name] = float(distance[chosen].mean())
    return found, counts
