"""How far a reconstruction is from a clip's truth, in the measures of the field and in their units.

MPJPE and its kin are taken in the camera's axes, which both worlds share; Int, RE, contacts, penetration and foot slide do
not depend on where the world's origin is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from ..body.model import BodyModel
from ..body.regions import vertex_regions
from ..contract.contact import Contact
from ..contract.files import read_json, read_npz
from ..contract.reconstruction import MotionArrays
from ..contract.skeleton import JOINT_INDEX, LANDMARK_INDEX, REGIONS
from ..geometry.soles import sole_vertices
from ..motion import BODY_COUNT, PairMotion, pose_motion
from . import metrics

LIMBS = tuple(
    f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
)
"""What the detector's landmarks and SMPL-X's joints both have, by the same names."""
_MARGIN = 0.06
"""metres around what two people's boxes share, so that no vertex loses its neighbours."""
UNITS = {
    "mpjpe": "mm", "pa_mpjpe": "mm", "mpvpe": "mm", "int": "mm", "pair_pa_mpjpe": "mm", "re": "mm",
    "contact_distance": "mm", "contact_f1": "", "penetration_mean": "mm", "penetration_max": "mm",
    "accel": "mm/frame²", "foot_slide": "mm/frame", "jitter": "m/s³",
}  # fmt: skip


@dataclass(frozen=True)
class Truth:
    """P = 2 people, T frames of the clip from its first on. World frame."""

    motion: PairMotion
    joints: np.ndarray
    """[P,T,55,3]"""
    camera_world: np.ndarray
    """[T,4,4] world -> camera."""
    time: np.ndarray
    """[T] seconds."""
    planted: np.ndarray
    """bool [P,T,2] left and right foot stand still."""
    contacts: tuple[Contact, ...]


def load_truth(motion_file: Path, contacts_file: Path) -> Truth:
    """Read what a sample clip has beside it. UserError where a file is missing or damaged."""
    arrays = read_npz(motion_file)
    contacts = tuple(Contact.from_json(record) for record in read_json(contacts_file)["contacts"])
    motion = PairMotion(**{item.name: arrays[item.name] for item in fields(PairMotion)})
    return Truth(motion, arrays["joints"], arrays["camera_world"], arrays["time"], arrays["planted"], contacts)


def pair_motion(arrays: MotionArrays) -> PairMotion:
    return PairMotion(**{item.name: getattr(arrays, item.name) for item in fields(PairMotion)})


def of_frames(motion: PairMotion, frames: np.ndarray) -> PairMotion:
    """Some frames [T] of a motion."""
    by_frame = {item.name: getattr(motion, item.name)[:, frames] for item in fields(motion) if item.name != "betas"}
    return replace(motion, **by_frame)


def same_people(truth: Truth, result: MotionArrays) -> tuple[int, int]:
    """Which of the result's people are the truth's first and second: those that stand where they do in the camera's frame."""
    true = _in_camera(truth.joints[:, result.frame_index, 0], truth.camera_world[result.frame_index])
    found = _in_camera(result.joints[:, :, 0], result.camera_world)
    # directions rather than places: depth is what one camera knows least
    true, found = (points[..., :2] / points[..., 2:] for points in (true, found))
    straight, crossed = (np.linalg.norm(found[list(order)] - true, axis=-1).mean() for order in ((0, 1), (1, 0)))
    return (0, 1) if straight <= crossed else (1, 0)


def errors(truth: Truth, result: MotionArrays, contacts: Sequence[Contact], body: BodyModel) -> dict[str, float]:
    """The measures named in UNITS, lower is better but for contact_f1. `contacts` are those of the result.

    `body` is the body of both. Contacts are compared for every frame and pair of regions, as strict as that is.
    """
    order = list(same_people(truth, result))
    frames = result.frame_index
    rate = 1 / float(np.median(np.diff(truth.time)))
    true_joints = truth.joints[:, frames, :BODY_COUNT]
    joints = result.joints[order, :, :BODY_COUNT]
    true_seen = _in_camera(true_joints, truth.camera_world[frames])
    seen = _in_camera(joints, result.camera_world)
    true_skin = pose_motion(body, of_frames(truth.motion, frames)).skin(body).numpy()
    skin = pose_motion(body, pair_motion(result)).skin(body).numpy()[order]
    true_pelvis, pelvis = true_seen[:, :, :1], seen[:, :, :1]
    feet = skin[:, :, sole_vertices(body).numpy()].mean(3)
    depth = _penetration(skin, body.faces.numpy())
    return {
        "mpjpe": metrics.mpjpe(metrics.about_root(seen), metrics.about_root(true_seen)),
        "pa_mpjpe": metrics.pa_mpjpe(seen, true_seen),
        "mpvpe": metrics.mpjpe(
            _in_camera(skin, result.camera_world) - pelvis,
            _in_camera(true_skin, truth.camera_world[frames]) - true_pelvis,
        ),
        "int": metrics.interaction(joints, true_joints),
        "pair_pa_mpjpe": metrics.pair_pa_mpjpe(seen, true_seen),
        "re": metrics.relative_error(joints, true_joints),
        "contact_distance": contact_distance(truth.contacts, skin, vertex_regions(body).numpy(), frames),
        "contact_f1": metrics.contact_f1(
            touching(_of_people(contacts, order), frames), touching(truth.contacts, frames)
        ),
        "penetration_mean": float(depth[depth > 0].mean()) if (depth > 0).any() else 0.0,
        "penetration_max": float(depth.max()),
        "accel": metrics.acceleration_error(seen, true_seen),
        "foot_slide": metrics.foot_slide(feet, truth.planted[:, frames]),
        "jitter": metrics.jitter(joints, rate),
    }


def limb_errors(truth: Truth, points: np.ndarray, frames: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """`mpjpe` and `pa_mpjpe` of the twelve LIMBS [P,T,12,3], camera's axes, about the hips' middle, where found [P,T]."""
    chosen = [JOINT_INDEX[name] for name in LIMBS]
    true = _in_camera(truth.joints[:, frames][:, :, chosen], truth.camera_world[frames])
    hips = [LIMBS.index("left_hip"), LIMBS.index("right_hip")]
    true, points = (p - p[:, :, hips].mean(2, keepdims=True) for p in (true, points))
    return {
        "mpjpe": metrics.mpjpe(points[found], true[found]),
        "pa_mpjpe": metrics.pa_mpjpe(points[found], true[found]),
    }


def limbs_of_joints(result: MotionArrays) -> np.ndarray:
    """[P,T,12,3] the result's LIMBS in the camera's frame."""
    return _in_camera(result.joints[:, :, [JOINT_INDEX[name] for name in LIMBS]], result.camera_world)


def limbs_of_landmarks(world_landmarks: np.ndarray) -> np.ndarray:
    """[P,T,12,3] of the detector's metric landmarks [P,T,33,3]."""
    return world_landmarks[:, :, [LANDMARK_INDEX[name] for name in LIMBS]]


def touching(contacts: Sequence[Contact], frames: np.ndarray) -> np.ndarray:
    """bool [T,R,R]: regions of person 0 and of person 1 that the contacts say touch in each of the clip's frames [T]."""
    found = np.zeros((len(frames), len(REGIONS), len(REGIONS)), bool)
    for contact in contacts:
        if contact.person_b in (0, 1) and contact.active():
            inside = (frames >= contact.frame_start) & (frames <= contact.frame_end)
            a, b = REGIONS.index(contact.region_a), REGIONS.index(contact.region_b)
            found[inside, a if contact.person_a == 0 else b, b if contact.person_a == 0 else a] = True
    return found


def contact_distance(contacts: Sequence[Contact], skin: np.ndarray, regions: np.ndarray, frames: np.ndarray) -> float:
    """Mean distance in mm between the regions of the contacts over their frames; skin [2,T,V,3], regions [V]."""
    total, count = 0.0, 0
    for index, frame in enumerate(frames):
        now = [contact for contact in contacts if contact.frame_start <= frame <= contact.frame_end]
        for contact in now:
            a = skin[contact.person_a, index][regions == REGIONS.index(contact.region_a)]
            b = skin[1 - contact.person_a, index][regions == REGIONS.index(contact.region_b)]
            total += float(KDTree(a).query(b)[0].min())
            count += 1
    return total / max(count, 1) * metrics.MM


def _of_people(contacts: Sequence[Contact], order: list[int]) -> list[Contact]:
    """The contacts with the people numbered as the truth numbers them."""
    numbers = {found: index for index, found in enumerate(order)}
    return [
        replace(contact, person_a=numbers[contact.person_a], person_b=numbers[contact.person_b])
        for contact in contacts
        if contact.person_b in (0, 1)
    ]


def _in_camera(points: np.ndarray, world: np.ndarray) -> np.ndarray:
    """World points [P,T,...,3] -> camera frames [T,4,4]."""
    turned = np.einsum("tij,pt...j->pt...i", world[:, :3, :3], points)
    shift = world[:, :3, 3].reshape(1, len(world), *[1] * (points.ndim - 3), 3)
    return turned + shift


def _penetration(skin: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Depths in mm, of the vertices of both people in all frames that may be inside the other; 0 for those that are not."""
    depths = [np.zeros(1)]
    for first, second in skin.swapaxes(0, 1):
        low, high = (
            np.maximum(first.min(0), second.min(0)) - _MARGIN,
            np.minimum(first.max(0), second.max(0)) + _MARGIN,
        )
        close = [((points > low) & (points < high)).all(1) for points in (first, second)]
        if close[0].any() and close[1].any():
            people = ((first[close[0]], first, close[0]), (second[close[1]], second, close[1]))
            for (points, _, _), (surface, whole, part) in (people, people[::-1]):
                depths.append(metrics.penetration(points, surface, metrics.vertex_normals(whole, faces)[part]))
    return np.concatenate(depths)
