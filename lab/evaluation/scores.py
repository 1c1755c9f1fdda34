"""How far an estimate is from a clip's truth, in the measures of the field and in their units (`results.UNITS`).

MPJPE and its kin are taken in the camera's axes, which both worlds share; Int, RE, contacts, penetration and foot slide do
not depend on where the world's origin is. Vertices are compared, penetration and contact distance measured, on every
SKIN_EVERY-th frame only; all else on every frame of the tracks. Frames of the clip that the tracks do not hold do not count,
nor do those for which the truth has no joints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
from scipy.spatial import KDTree

from core.body.model import BodyModel
from core.body.regions import vertex_regions
from core.contract.contact import Contact
from core.contract.skeleton import REGIONS
from core.fitting.soles import sole_vertices
from core.motion import BODY_COUNT, Camera, PairMotion, pose_motion

from . import metrics
from .benchmark_clip import OCCLUDED, TRUNCATED, UNKNOWN, VISIBLE, BenchmarkClip, Estimate
from .results import UNITS, ClipResult

SKIN_EVERY = 3
"""frames; true contacts last longer than this, so none is missed."""
_PROBED = 2
"""Of the vertices that may be inside the other, every so manieth is looked at: neighbours say much the same."""
_MARGIN = 0.06
"""metres around what two people's boxes share, so that no vertex loses its neighbours."""
_LEAST_DEPTH = 0.05
"""metres before the camera, so that directions stay finite for who was put behind it."""


@dataclass(frozen=True)
class TrueSkin:
    """What scores of all methods on a clip need of its truth: made once by `true_skin`."""

    positions: np.ndarray
    """int [G] which of the tracks' frames: every SKIN_EVERY-th."""
    vertices: np.ndarray | None
    """float32 [2,G,V,3] in the axes of the camera, about each person's pelvis; None where the truth has no surfaces."""
    touching: np.ndarray
    """bool [T,R,R], see `touching`."""


@dataclass(frozen=True)
class Compared:
    """Truth and estimate side by side. T frames of the tracks, J = 22 joints; person p is truth's person p in both."""

    order: tuple[int, int]
    """Which of the estimate's people they are."""
    true_world: np.ndarray
    """[2,T,J,3] in the true world ..."""
    world: np.ndarray
    """... and in the estimate's."""
    true_seen: np.ndarray
    """[2,T,J,3] in the true camera's frame ..."""
    seen: np.ndarray
    """... and in the estimated camera's."""
    known: np.ndarray
    """bool [T] frames for which the truth has all joints of both; true joints elsewhere are NaN."""


def score(
    shot: BenchmarkClip, estimate: Estimate, body: BodyModel, *, method: str = "", skin: TrueSkin | None = None
) -> ClipResult:
    """All measures of an estimate on `body`; those that mean nothing on the clip are left out, see `ClipResult`.

    Contacts are compared for every frame and pair of regions, as strict as that is. `skin` from `true_skin` saves time where
    several methods run on one clip. ValueError for an estimate that holds no finite motion of the tracks' frames.
    """
    frames = _frames_of(shot)
    both = compare(shot, estimate, body)
    skin = skin or true_skin(shot, body)
    own = _in_order(of_frames(estimate.motion, skin.positions), both.order)
    vertices = pose_motion(body, own).skin(body).numpy()
    found = _of_joints(both)
    if len(frames) > 3:
        found["jitter"] = metrics.jitter(both.world, _rate(shot.detections.time))
    if skin.vertices is not None:
        found["mpvpe"] = metrics.mpjpe(_about_pelvis(vertices, own, estimate.camera), skin.vertices)
    found |= _of_contacts(shot, estimate, both, vertices, skin, body)
    found |= _of_penetration(vertices, body.faces.numpy())
    found |= _of_feet(shot, estimate, both, body)
    by_visibility, counts = _of_visibility(shot, both)
    found |= by_visibility
    visibility = shot.truth.visibility[:, frames]
    return ClipResult(
        clip=shot.name,
        family=shot.family,
        method=method,
        frames=len(frames),
        metrics={name: found[name] for name in UNITS if math.isfinite(found.get(name, math.nan))},
        counts=counts,
        hidden_share=float((visibility == OCCLUDED).sum() / max((visibility != UNKNOWN).sum(), 1)),
        contact_share=float(skin.touching.any((1, 2)).mean()),
        seconds={**shot.seconds, **estimate.seconds},
    )


def compare(shot: BenchmarkClip, estimate: Estimate, body: BodyModel) -> Compared:
    """Bring both people's joints of an estimate on `body` to the truth's frames and numbering.

    Who is who: those that stand where the truth's people do in the camera's frame, over the whole clip. ValueError for an
    estimate that holds no finite motion of the tracks' frames.
    """
    frames = _frames_of(shot)
    joints = pose_motion(body, estimate.motion).joints.numpy()[:, :, :BODY_COUNT]
    true = shot.truth.joints[:, frames, :BODY_COUNT]
    if joints.shape != true.shape:
        raise ValueError(f"The estimate has joints {joints.shape}, the truth {true.shape}.")
    if not np.isfinite(joints).all():
        raise ValueError("The estimate holds values that are not finite.")
    known = np.asarray(np.isfinite(true).all((0, 2, 3)))
    if not known.any():
        raise ValueError("The truth has no frame in which all joints of both people are known.")
    true_seen, seen = in_camera(true, shot.truth.camera.T_cw), in_camera(joints, estimate.camera.T_cw)
    order = same_people(true_seen[:, known, 0], seen[:, known, 0])
    return Compared(order, true, joints[list(order)], true_seen, seen[list(order)], known)


def same_people(true: np.ndarray, found: np.ndarray) -> tuple[int, int]:
    """Which of the people found are the true first and second, by their pelvises [2,T,3] in the camera's frame.

    Directions rather than places: depth is what one camera knows least.
    """
    true, found = (points[..., :2] / np.maximum(points[..., 2:], _LEAST_DEPTH) for points in (true, found))
    straight, crossed = (np.linalg.norm(found[list(order)] - true, axis=-1).mean() for order in ((0, 1), (1, 0)))
    return (0, 1) if straight <= crossed else (1, 0)


def true_skin(shot: BenchmarkClip, body: BodyModel) -> TrueSkin:
    """Of the clip's own bodies, whose vertices are those of `body`."""
    frames = _frames_of(shot)
    positions = np.arange(0, len(frames), SKIN_EVERY)
    touch = touching(shot.truth.contacts, shot.detections.frame_index)
    if not shot.truth.has_meshes:
        return TrueSkin(positions, None, touch)
    people = []
    for person, its_body in enumerate(shot.truth.bodies):
        alone = _only(of_frames(shot.truth.motion, frames[positions]), person)
        people.append(_about_pelvis(pose_motion(its_body, alone).skin(its_body).numpy(), alone, shot.truth.camera))
    if people[0].shape[2] != len(body.v_template):
        raise ValueError("The truth's bodies have other vertices than the body that methods fit.")
    return TrueSkin(positions, np.concatenate(people), touch)


def touching(contacts: Sequence[Contact], frames: np.ndarray) -> np.ndarray:
    """bool [T,R,R]: regions of person 0 and of person 1 that the contacts say touch in each of the clip's frames [T]."""
    found = np.zeros((len(frames), len(REGIONS), len(REGIONS)), bool)
    for contact in contacts:
        if contact.person_b in (0, 1) and contact.active():
            inside = (frames >= contact.frame_start) & (frames <= contact.frame_end)
            a, b = REGIONS.index(contact.region_a), REGIONS.index(contact.region_b)
            found[inside, a if contact.person_a == 0 else b, b if contact.person_a == 0 else a] = True
    return found


def contact_distance(touch: np.ndarray, skin: np.ndarray, regions: np.ndarray) -> float:
    """Mean distance in mm between the regions that touch [T,R,R]; skin [2,T,V,3], regions [V]. NaN where none do."""
    members = [np.flatnonzero(regions == index) for index in range(len(REGIONS))]
    gaps = []
    for now, (first, second) in zip(touch, skin.swapaxes(0, 1)):
        for b in np.flatnonzero(now.any(0)).tolist():
            tree = KDTree(second[members[b]])
            for a in np.flatnonzero(now[:, b]).tolist():
                gaps.append(float(np.min(tree.query(first[members[a]])[0])))
    return float(np.mean(gaps)) * metrics.MM if gaps else math.nan


def penetration_depths(skin: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Depths in mm [N] of those vertices of both people in all frames [2,T,V,3] that are inside the other, every _PROBED-th."""
    depths = [np.zeros(0)]
    outer = metrics.largest_piece(faces, skin.shape[2])  # eyes and teeth lie inside anyhow
    for first, second in skin.swapaxes(0, 1):
        low = np.maximum(first.min(0), second.min(0)) - _MARGIN
        high = np.minimum(first.max(0), second.max(0)) + _MARGIN
        if (low > high).any():
            continue
        close = [np.flatnonzero(outer & ((points > low) & (points < high)).all(1)) for points in (first, second)]
        if len(close[0]) and len(close[1]):
            people = ((first, close[0]), (second, close[1]))
            for (points, some), (surface, part) in (people, people[::-1]):
                normals = metrics.vertex_normals(surface, faces)[part]
                depths.append(metrics.penetration(points[some[::_PROBED]], surface[part], normals))
    depth = np.concatenate(depths)
    return depth[depth > 0]


def of_frames(motion: PairMotion, frames: np.ndarray) -> PairMotion:
    """Some frames [T] of a motion."""
    by_frame = {item.name: getattr(motion, item.name)[:, frames] for item in fields(motion) if item.name != "betas"}
    return replace(motion, **by_frame)


def in_camera(points: np.ndarray, world: np.ndarray) -> np.ndarray:
    """World points [...,3] -> the frame of a camera [4,4]."""
    return points @ world[:3, :3].T + world[:3, 3]


def _frames_of(shot: BenchmarkClip) -> np.ndarray:
    """int [T] positions in the truth of the tracks' frames."""
    frames, there = shot.detections.frame_index, shot.truth.joints.shape[1]
    if frames[0] < 0 or frames[-1] >= there:
        raise ValueError(f"The tracks hold frames {frames[0]} to {frames[-1]}, the truth {there} frames.")
    return frames


def _rate(time: np.ndarray) -> float:
    return 1 / float(np.median(np.diff(time)))


def _only(motion: PairMotion, person: int) -> PairMotion:
    return PairMotion(**{item.name: getattr(motion, item.name)[person : person + 1] for item in fields(motion)})


def _in_order(motion: PairMotion, order: tuple[int, int]) -> PairMotion:
    return PairMotion(**{item.name: getattr(motion, item.name)[list(order)] for item in fields(motion)})


def _about_pelvis(vertices: np.ndarray, motion: PairMotion, camera: Camera) -> np.ndarray:
    return (vertices - motion.pelvis[:, :, None]) @ camera.T_cw[:3, :3].T.astype(np.float32)


def _of_joints(both: Compared) -> dict[str, float]:
    """What needs no surfaces."""
    known = both.known
    true_seen, seen = both.true_seen[:, known], both.seen[:, known]
    true_world, world = both.true_world[:, known], both.world[:, known]
    return {
        "mpjpe": metrics.mpjpe(metrics.about_root(seen), metrics.about_root(true_seen)),
        "pa_mpjpe": metrics.pa_mpjpe(seen, true_seen),
        "int": metrics.interaction(world, true_world),
        "pair_pa_mpjpe": metrics.pair_pa_mpjpe(seen, true_seen),
        "re": metrics.relative_error(world, true_world),
        "accel": _acceleration_error(both),
    }


def _acceleration_error(both: Compared) -> float:
    """Over the stretches of frames whose truth is known; NaN where none has three."""
    starts = np.flatnonzero(np.diff(both.known.astype(int), prepend=0) == 1)
    ends = np.flatnonzero(np.diff(both.known.astype(int), append=0) == -1) + 1
    parts = [
        (metrics.acceleration_error(both.seen[:, start:end], both.true_seen[:, start:end]), end - start - 2)
        for start, end in zip(starts, ends)
        if end - start > 2
    ]
    total = sum(frames for _, frames in parts)
    return float(sum(value * frames for value, frames in parts) / total) if parts else math.nan


def _of_contacts(
    shot: BenchmarkClip, estimate: Estimate, both: Compared, vertices: np.ndarray, skin: TrueSkin, body: BodyModel
) -> dict[str, float]:
    if not skin.touching.any():
        return {}
    named = _of_people(estimate.contacts, both.order)
    return {
        "contact_distance": contact_distance(skin.touching[skin.positions], vertices, _regions(body)),
        "contact_f1": metrics.contact_f1(touching(named, shot.detections.frame_index), skin.touching),
    }


@lru_cache(maxsize=4)
def _regions(body: BodyModel) -> np.ndarray:
    return vertex_regions(body).numpy()


def _of_people(contacts: Sequence[Contact], order: tuple[int, int]) -> list[Contact]:
    """The contacts between the two with the people numbered as the truth numbers them."""
    numbers = {found: index for index, found in enumerate(order)}
    return [
        replace(contact, person_a=numbers[contact.person_a], person_b=numbers[contact.person_b])
        for contact in contacts
        if contact.person_b in (0, 1)
    ]


def _of_penetration(vertices: np.ndarray, faces: np.ndarray) -> dict[str, float]:
    depth = penetration_depths(vertices, faces)
    return {
        "penetration_mean": float(depth.mean()) if len(depth) else 0.0,
        "penetration_max": float(depth.max(initial=0.0)),
    }


def _of_feet(shot: BenchmarkClip, estimate: Estimate, both: Compared, body: BodyModel) -> dict[str, float]:
    """Slide of the feet that truly stand, by the middle of the sole."""
    planted = shot.truth.foot_contact[:, _frames_of(shot)]
    if not (planted[:, 1:] & planted[:, :-1]).any():
        return {}
    soles = pose_motion(body, _in_order(estimate.motion, both.order)).skin(body.subset(sole_vertices(body).flatten()))
    return {"foot_slide": metrics.foot_slide(soles.unflatten(2, (2, -1)).mean(3).numpy(), planted)}


def _of_visibility(shot: BenchmarkClip, both: Compared) -> tuple[dict[str, float], dict[str, int]]:
    """Pelvis-aligned errors of joints by whether they are seen, and how many there are of each."""
    visibility = np.where(both.known[:, None], shot.truth.visibility[:, _frames_of(shot)], UNKNOWN)
    off = np.linalg.norm(metrics.about_root(both.seen) - metrics.about_root(both.true_seen), axis=-1) * metrics.MM
    found: dict[str, float] = {}
    counts: dict[str, int] = {}
    for name, kind in (("mpjpe_seen", VISIBLE), ("mpjpe_hidden", OCCLUDED), ("mpjpe_outside", TRUNCATED)):
        chosen = visibility == kind
        counts[name] = int(chosen.sum())
        if chosen.any():
            found[name] = float(off[chosen].mean())
    return found, counts
