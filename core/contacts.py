"""Contacts between the two people: found from distance and relative speed, merged with the user's, measured."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .body.model import BodyModel
from .body.regions import region_points
from .contract.contact import Contact
from .contract.skeleton import BODY_JOINTS, REGIONS
from .fitting.touch import POINTS_PER_REGION, resolve_contacts, touch_gap
from .motion import Camera, PairMotion, pose_motion

_NAMESPACE = uuid.UUID("6f2c4b0e-5d0c-4f0e-9d56-0d7b1a3f7c11")
_CHUNK = 8


_JOINT_OF_REGION = {
    "head": "head", "face": "head", "neck": "neck", "chest": "spine3", "back": "spine3", "belly": "spine1", "hips": "pelvis",
    "shoulder": "shoulder", "upper_arm": "elbow", "elbow": "elbow", "forearm": "wrist", "wrist": "wrist", "palm": "wrist",
    "hand_back": "wrist", "fingers": "wrist", "thigh": "knee", "knee": "knee", "shin": "ankle", "calf": "ankle", "foot": "foot",
}  # fmt: skip


def _showing_joints() -> list[int]:
    """For each region the body joint whose confidence says whether it was seen."""
    indices = []
    for region in REGIONS:
        side, _, bare = region.partition("_") if region.startswith(("left_", "right_")) else ("", "", region)
        joint = _JOINT_OF_REGION[bare]
        indices.append(BODY_JOINTS.index(f"{side}_{joint}" if side else joint))
    return indices


_SHOWING_JOINT = _showing_joints()
_HANDS = [index for index, region in enumerate(REGIONS) if region.endswith(("palm", "hand_back", "fingers", "wrist"))]


@dataclass(frozen=True)
class ContactDetectionSettings:
    """Distances in metres, speeds in metres a second, times in seconds."""

    onset_distance: float = 0.09
    """A contact begins nearer than this ..."""
    release_distance: float = 0.14
    """... and ends farther than this."""
    max_relative_speed: float = 1.5
    """Faster than this past each other is no touch, unless the surfaces meet for certain."""
    certain_distance: float = 0.03
    occlusion_margin: float = 0.04
    """Added to distances from or to what was not seen."""
    depth_weight: float = 0.25
    """How much of a distance along the line of sight counts: one camera sees it badly."""
    hand_depth_weight: float = 0.1
    """The same between two hands: small things that stay together in the picture are together."""
    min_duration: float = 0.12
    max_gap: float = 0.16
    max_contacts: int = 12


def detect_contacts(
    motion: PairMotion,
    camera: Camera,
    body: BodyModel,
    frame_index: np.ndarray,
    time: np.ndarray,
    confidence: np.ndarray,
    thresholds: ContactDetectionSettings | None = None,
) -> list[Contact]:
    """Which regions touch, and when, in order of time. The same motion gives the same contacts, ids included.

    `confidence` [P,T,22] of the body joints: what was not seen has to come nearer to count as a touch.
    """
    limits = thresholds or ContactDetectionSettings()
    distance, speed = region_distances(motion, camera, body, time, _depth_shares(limits))
    distance = distance + limits.occlusion_margin * (1 - region_pair_confidence(confidence))
    nearest = _mutual_nearest(distance)
    step = float(np.median(np.diff(time))) if len(time) > 1 else 0.04
    shortest = max(2, round(limits.min_duration / step))
    bridge = max(1, round(limits.max_gap / step))
    found: list[tuple[float, Contact]] = []
    begins = (distance < limits.onset_distance) & (
        (speed < limits.max_relative_speed) | (distance < limits.certain_distance)
    )
    stays = distance < limits.release_distance
    candidates = np.argwhere((begins & nearest).any(0))
    for a, b in candidates.tolist():
        for first, last in _spans(begins[:, a, b], stays[:, a, b], shortest, bridge):
            span = slice(first, last + 1)
            if nearest[span, a, b].mean() < 0.5:
                continue
            closeness = float(np.clip(1 - distance[span, a, b].mean() / limits.release_distance, 0, 1))
            contact = Contact(
                0, REGIONS[a], 1, REGIONS[b], int(frame_index[first]), int(frame_index[last]),
                weight=round(0.3 + 0.7 * closeness, 3), id=_identity(a, b, int(frame_index[first])),
            )  # fmt: skip
            found.append((closeness * (last - first + 1) ** 0.5, contact))
    found.sort(key=lambda item: -item[0])
    found = _without_echoes(found)
    return sorted(
        (contact for _, contact in found[: limits.max_contacts]), key=lambda contact: (contact.frame_start, contact.id)
    )


def depth_discounted_distances(motion: PairMotion, camera: Camera, body: BodyModel, time: np.ndarray) -> np.ndarray:
    """Distances [T,R,R] in metres between regions of person 0 and of person 1, those along the line of sight discounted."""
    return region_distances(motion, camera, body, time, _depth_shares(ContactDetectionSettings()))[0]


def region_pair_confidence(confidence: np.ndarray) -> np.ndarray:
    """[T,R,R] in 0-1 how surely both regions of a pair were seen, from the confidence [2,T,22] of the body joints."""
    seen = confidence[..., _SHOWING_JOINT]
    return seen[0][:, :, None] * seen[1][:, None]


def _depth_shares(limits: ContactDetectionSettings) -> np.ndarray:
    share = np.full((len(REGIONS), len(REGIONS)), limits.depth_weight, np.float32)
    share[np.ix_(_HANDS, _HANDS)] = limits.hand_depth_weight
    return share


_LIMB_PARTS = (("palm", "hand_back", "fingers", "wrist"), ("forearm", "elbow"), ("knee", "shin", "calf", "foot"))
_HAND_PART = "palm"
_TRUNK_PARTS = (("chest", "back", "belly", "neck", "shoulder"), ("hips", "thigh"), ("head", "face"))


def _part(region: str) -> str:
    """The part of the body that neighbouring regions share; of limbs with the side."""
    side, _, bare = region.partition("_") if region.startswith(("left_", "right_")) else ("", "", region)
    for part in _TRUNK_PARTS:
        if bare in part:
            return part[0]
    return next((f"{side}_{part[0]}" for part in _LIMB_PARTS if bare in part), region)


def _without_echoes(ranked: list[tuple[float, Contact]]) -> list[tuple[float, Contact]]:
    """Where one touch shows in several neighbouring regions at once, only the best of them; a hand holds one hand at a time."""
    kept: list[tuple[float, Contact]] = []
    for score, contact in ranked:
        if not any(_overlap(contact, other) and _same_touch(_parts(contact), _parts(other)) for _, other in kept):
            kept.append((score, contact))
    return kept


def _parts(contact: Contact) -> tuple[str, str]:
    return _part(contact.region_a), _part(contact.region_b)


def _same_touch(one: tuple[str, str], other: tuple[str, str]) -> bool:
    hands = all(part.endswith(_HAND_PART) for part in (*one, *other))
    return one == other or (hands and (one[0] == other[0] or one[1] == other[1]))


def _overlap(one: Contact, other: Contact) -> bool:
    return one.frame_start <= other.frame_end and other.frame_start <= one.frame_end


def region_distances(
    motion: PairMotion, camera: Camera, body: BodyModel, time: np.ndarray, depth_share: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Distances [T,R,R] in metres between regions of person 0 and of person 1, and how fast they pass each other [T,R,R].

    Of a distance along the line of sight only `depth_share` [R,R] counts. Speeds (metres a second) are across the line of sight.
    """
    device = body.device
    vertices, region = region_points(body, POINTS_PER_REGION)
    table = _padded(region).to(device)
    share = torch.as_tensor(depth_share, device=device)
    discounted = (1 - share.square())[:, None, :, None]
    posed = pose_motion(body, motion)
    world = torch.as_tensor(camera.T_cw, device=device, dtype=torch.float32)
    skin = posed.skin(body.subset(vertices)) @ world[:3, :3].T + world[:3, 3]
    distances = []
    for chunk in skin.split(_CHUNK, 1):
        first, second = chunk[0][:, table], chunk[1][:, table]
        frames, regions, points = first.shape[:3]
        middle = (first.mean((1, 2)) + second.mean((1, 2))) / 2
        sight = torch.nn.functional.normalize(middle, dim=-1)[..., None]
        first, second = ((each.flatten(1, 2) - middle[:, None]) for each in (first, second))
        squared = torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist").square_()
        along = (first @ sight - (second @ sight).mT).square_()
        apart = (frames, regions, points, regions, points)
        gap = squared.view(apart).addcmul_(along.view(apart), discounted, value=-1)
        distances.append(gap.amin((2, 4)).clamp_min(0).sqrt())
    centres = skin[:, :, table].mean(3)
    return torch.cat(distances).cpu().numpy(), _passing_speed(centres, time).cpu().numpy()


def measure_contacts(
    contacts: Sequence[Contact], motion: PairMotion, body: BodyModel, frame_index: np.ndarray
) -> list[Contact]:
    """The contacts with the distance that the motion leaves between their regions; None outside the clip's range."""
    device = body.device
    touches, vertices = resolve_contacts([_activated(contact) for contact in contacts], body, frame_index)
    skin = (
        pose_motion(body, motion).skin(body.subset(vertices))
        if len(vertices)
        else torch.zeros(2, 1, 0, 3, device=device)
    )
    gaps = {
        touch.contact.id: round(float(touch_gap(touch, skin, skin[..., 2]).clamp_min(0).mean()), 4) for touch in touches
    }
    return [contact.with_distance(gaps.get(contact.id)) for contact in contacts]


def merge_contacts(detected: Sequence[Contact], edited: Sequence[Contact]) -> list[Contact]:
    """What the user said, and of what was detected all that the user has not spoken about (same pair of regions, overlapping)."""

    def same(one: Contact, other: Contact) -> bool:
        regions = (one.person_a, one.region_a, one.person_b, one.region_b)
        return _overlap(one, other) and regions == (other.person_a, other.region_a, other.person_b, other.region_b)

    return [*edited, *(contact for contact in detected if not any(same(contact, spoken) for spoken in edited))]


def _activated(contact: Contact) -> Contact:
    return Contact(**{**contact.to_json(), "state": "auto"})


def _identity(a: int, b: int, frame: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{REGIONS[a]}/{REGIONS[b]}/{frame}"))


def _padded(region: Tensor) -> Tensor:
    """[R,K] positions of each region's points; short rows repeat their first point."""
    rows = [(region == index).nonzero()[:, 0] for index in range(len(REGIONS))]
    width = max(len(row) for row in rows)
    return torch.stack([torch.cat([row, row[:1].expand(width - len(row))]) for row in rows])


def _passing_speed(centres: Tensor, time: np.ndarray) -> Tensor:
    """centres [2,T,R,3] camera frame -> [T,R,R] speed of the regions past each other across the view."""
    seconds = torch.as_tensor(time, device=centres.device, dtype=centres.dtype)
    if len(seconds) < 2:
        return centres.new_zeros(len(seconds), centres.shape[2], centres.shape[2])
    velocity = torch.gradient(centres[..., :2], spacing=(seconds,), dim=1)[0]
    return (velocity[0][:, :, None] - velocity[1][:, None]).norm(dim=-1)


def _mutual_nearest(distance: np.ndarray) -> np.ndarray:
    """[T,R,R] whether a pair is the nearest that one of its two regions has, give or take a centimetre."""
    return (distance <= distance.min(2, keepdims=True) + 0.01) | (distance <= distance.min(1, keepdims=True) + 0.01)


def _spans(begins: np.ndarray, stays: np.ndarray, shortest: int, bridge: int) -> list[tuple[int, int]]:
    """Runs [first, last] with hysteresis: opened by `begins`, kept open by `stays`, gaps up to `bridge` closed."""
    spans: list[tuple[int, int]] = []
    start = None
    for t in range(len(begins) + 1):
        inside = t < len(begins) and (bool(begins[t]) if start is None else bool(stays[t]))
        if inside and start is None:
            start = t
        elif not inside and start is not None:
            if spans and start - spans[-1][1] <= bridge + 1:
                spans[-1] = (spans[-1][0], t - 1)
            else:
                spans.append((start, t - 1))
            start = None
    return [(first, last) for first, last in spans if last - first + 1 >= shortest]
