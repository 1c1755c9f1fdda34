"""What a learned model sees of two people: their first motion and how it fits what the 2D stage saw, as numbers of about one.

Everything is of one frame, relative to the people themselves: a window of a clip is a slice of the clip's features. Nothing
depends on which of the two comes first; each person's features are computed alone, with the other one as "partner".
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from ..body.landmarks import LandmarkRegressor, regress_landmarks
from ..body.model import BodyModel
from ..body.rotations import matrix_to_rotation_6d
from ..contract.skeleton import JOINT_INDEX, LANDMARK_INDEX, PARENTS
from ..fitting.initial import InitialMotion
from ..motion import BODY_COUNT, Camera, PairMotion, motion_rotations, pose, project
from ..perception.detections import Detections
from ..representation.ground_view import GroundView, camera_in_view, ground_view
from ..representation.resampling import FRAME_RATE, TimeGrid
from ..representation.residual import PoseState
from .confidence import joint_confidence, landmark_weights
from .observe import observe

VERSION = 1
"""Of the features: a network is trained for one version and no other."""

_NODE_WIDTHS = {
    "from_pair": 3, "from_pelvis": 3, "turn": 6, "velocity": 3, "to_partner": 3,
    "offset": 2, "ray": 3, "confidence": 1, "ambiguous": 1, "found": 1, "landmark": 3, "length": 1,
    "partner_near": 1, "partner_mask": 1, "own_mask": 1, "border": 1, "hand_offset": 2, "hand_confidence": 1,
}  # fmt: skip
_PERSON_WIDTHS = {
    "camera": 3, "height": 1, "betas": 16, "partner": 3, "foot_contact": 2, "focal": 1,
    "nearer": 1, "size": 1, "found": 1, "confidence": 1, "found_share": 1, "floor_depth": 2,
}  # fmt: skip


def _columns(widths: dict[str, int]) -> dict[str, slice]:
    ends = np.cumsum(list(widths.values())).tolist()
    return {name: slice(end - width, end) for (name, width), end in zip(widths.items(), ends)}


NODE_COLUMNS = _columns(_NODE_WIDTHS)
"""Where each feature of a joint lies. Of the first motion: `from_pair` metres from the middle of both pelvises (heights from
0.9 m over the floor), `from_pelvis` from the own one, `turn` 6D of the world rotation, `velocity`, `to_partner` to the other's
nearest joint, cut at a metre. Of what was seen (0 where nothing was): `offset` of the observed from the projected landmarks,
right and up across the picture, in metres at the joint's depth; `ray` the direction from the camera; `landmark` the metric
landmark from the hips' middle; `length` of the bone to the parent in the picture against the true one; `partner_near` how near
in the picture the other's next landmark is; masks under the landmark; `border` metres into the picture; for wrists, where hands
were seen."""
PERSON_COLUMNS = _columns(_PERSON_WIDTHS)
"""`camera` from the pelvis, `height` of the pelvis, `betas`, `partner` the way to the other's pelvis, `planted` feet, `focal`
length against the picture's diagonal. Of what was seen: how much `nearer` to the camera the other one is, `size` as metres of
height at the pelvis' depth, whether `found`, mean `confidence`, share of the second around in which found, and `floor_depth`:
how much farther away each foot would stand where its ray meets the floor."""
NODE_FEATURES = tuple(f"{name}.{i}" for name, width in _NODE_WIDTHS.items() for i in range(width))
PERSON_FEATURES = tuple(f"{name}.{i}" for name, width in _PERSON_WIDTHS.items() for i in range(width))
EVIDENCE_COLUMNS = tuple(
    column for name in list(_NODE_WIDTHS)[list(_NODE_WIDTHS).index("offset") :]
    for column in range(NODE_COLUMNS[name].start, NODE_COLUMNS[name].stop)
)  # fmt: skip
"""Columns of a joint's features that are 0 where nothing was seen of it."""

_UPRIGHT_PELVIS, _STATURE, _ANKLE_HEIGHT = 0.9, 1.7, 0.09
"""metres"""
_FAR = 1.0
"""metres; offsets are cut there."""
_NEAR = 0.15
"""metres across the picture over which `partner_near` falls to 1/e."""
_LONGEST = 3.0
_FALL = 0.03
"""How steeply a ray has to go down to say where it meets the floor."""
_SHOWN = 0.02
"""Confidence below which a landmark counts as not seen."""
_HIPS = [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]
_ANKLES = [LANDMARK_INDEX["left_ankle"], LANDMARK_INDEX["right_ankle"]]
_ANKLE_JOINTS = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
_WRIST_JOINTS = [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]


@dataclass(frozen=True)
class Features:
    """P = 2 people, N frames of the models' clock, gravity view (`view.GroundView`). float32."""

    nodes: Tensor
    """[P,N,22,F], see NODE_COLUMNS."""
    people: Tensor
    """[P,N,G], see PERSON_COLUMNS."""
    joints: Tensor
    """[P,N,22,3] of the first motion: what changes are relative to."""
    confidence: Tensor
    """[P,N,22] in 0-1, see `geometry.confidence`."""
    reference: PoseState
    """The first motion itself."""


@dataclass(frozen=True)
class CanonicalFrame:
    """What leads back from the models' frame and clock to the clip's."""

    view: GroundView
    clock: TimeGrid


def extract_features(
    detections: Detections, initial: InitialMotion, body: BodyModel
) -> tuple[Features, CanonicalFrame]:
    """Features of a whole clip, on the body's device."""
    device = body.device
    clock = TimeGrid.of(detections.time)
    view = ground_view(initial.camera, torch.as_tensor(initial.motion.pelvis, device=device))
    seen = torch.from_numpy(joint_confidence(detections)).to(device)
    lens = _Lens.of(initial.camera, view, detections.image_size)
    regressor = LandmarkRegressor.for_body(body)
    foot_contact = torch.as_tensor(initial.foot_contact, device=device)
    sides = [
        _side(detections, initial.motion, foot_contact, person, body, regressor, view, clock, lens)
        for person in range(2)
    ]
    pairs = [(sides[0], sides[1]), (sides[1], sides[0])]
    return Features(
        nodes=torch.stack([_nodes(own, partner, lens) for own, partner in pairs]),
        people=torch.stack([_person(own, partner, lens) for own, partner in pairs]),
        joints=torch.stack([side.joints for side in sides]),
        confidence=clock.to_grid(seen),
        reference=PoseState(
            *(torch.stack([getattr(side, name) for side in sides]) for name in ("rotations", "pelvis", "betas"))
        ),
    ), CanonicalFrame(view, clock)


def without_evidence(nodes: Tensor, hidden: Tensor) -> Tensor:
    """Features [...,22,F] as if nothing had been seen of the joints where `hidden` [...,22]; the first motion stays."""
    columns = torch.zeros(nodes.shape[-1], dtype=torch.bool, device=nodes.device)
    columns[list(EVIDENCE_COLUMNS)] = True
    return nodes.masked_fill(hidden[..., None] & columns, 0)


def reference_motion_features(joints: Tensor, world: Tensor, partner: Tensor) -> dict[str, Tensor]:
    """The features of NODE_COLUMNS that tell of the first motion alone, each [...,N,22,width].

    Of joints [...,N,22,3] in the gravity view, their world rotations [...,N,22,3,3] and the partner's joints [...,N,22,3].
    """
    middle = (joints[..., 0, :2] + partner[..., 0, :2]) / 2
    origin = torch.cat([middle, torch.full_like(middle[..., :1], _UPRIGHT_PELVIS)], -1)
    return {
        "from_pair": (joints - origin[..., None, :]).clamp(-4, 4),
        "from_pelvis": 2 * (joints - joints[..., :1, :]),
        "turn": matrix_to_rotation_6d(world),
        "velocity": 0.5 * _velocity(joints).clamp(-8, 8),
        "to_partner": 2 * _to_nearest(joints, partner),
    }


@dataclass(frozen=True)
class _Lens:
    """The camera as it stands in the view."""

    camera: Camera
    K: Tensor
    world: Tensor
    """[4,4] view -> camera"""
    centre: Tensor
    """[3] in the view"""
    size: Tensor
    """[2] px"""

    @classmethod
    def of(cls, camera: Camera, view: GroundView, image_size: np.ndarray) -> _Lens:
        turn, centre = camera_in_view(camera, view)
        world = torch.eye(4, device=turn.device)
        world[:3, :3], world[:3, 3] = turn, -(turn @ centre)
        K = torch.as_tensor(camera.K).float().to(turn.device)
        return cls(camera, K, world, centre, torch.as_tensor(image_size.astype(np.float32)).to(turn.device))

    def rays(self, pixels: Tensor) -> Tensor:
        """Directions of length one in the view [...,3] through pixels [...,2]."""
        across = (pixels - self.K[:2, 2]) / torch.stack([self.K[0, 0], self.K[1, 1]])
        ahead = torch.cat([across, torch.ones_like(across[..., :1])], -1)
        return torch.nn.functional.normalize(self.axes(ahead), dim=-1)

    def axes(self, vectors: Tensor) -> Tensor:
        """Vectors [...,3] in camera axes -> the view's."""
        return (self.world[:3, :3].T @ vectors[..., None])[..., 0]

    def depths(self, points: Tensor) -> Tensor:
        return ((points - self.centre) @ self.world[2, :3]).clamp_min(0.2)


@dataclass(frozen=True)
class _Side:
    """One person, N frames of the models' clock, gravity view; L = 33 landmarks."""

    rotations: Tensor
    """[N,22,3,3] relative to the parents, the pelvis' to the view."""
    pelvis: Tensor
    betas: Tensor
    joints: Tensor
    """[N,22,3]"""
    world: Tensor
    """[N,22,3,3]"""
    landmarks: Tensor
    """[N,L,3] of the first motion."""
    foot_contact: Tensor
    """[N,2]"""
    pixels: Tensor
    """[N,L,2] observed"""
    weight: Tensor
    """[N,L] in 0-1, 0 where not seen."""
    ambiguous: Tensor
    found: Tensor
    """[N]"""
    metric: Tensor
    """[N,L,3] about the hips' middle, view axes."""
    own_mask: Tensor
    """[N,L] in 0-1 under each landmark."""
    partner_mask: Tensor
    box_height: Tensor
    """[N] px"""
    hands: Tensor
    """[N,2,3] wrists that the hand network saw: px and confidence."""


def _side(
    detections: Detections,
    motion: PairMotion,
    foot_contact: Tensor,
    person: int,
    body: BodyModel,
    regressor: LandmarkRegressor,
    view: GroundView,
    clock: TimeGrid,
    lens: _Lens,
) -> _Side:
    device = body.device
    alone = PairMotion(**{item.name: getattr(motion, item.name)[person : person + 1] for item in fields(PairMotion)})
    rotations = motion_rotations(alone).to(device)
    rotations[:, :, 0] = view.rotate_to_view(rotations[:, :, 0])
    rotations = clock.rotations_to_grid(rotations)
    pelvis = clock.to_grid(view.to_view(torch.as_tensor(alone.pelvis, device=device)))
    betas = torch.as_tensor(alone.betas, device=device)
    posed = pose(body, rotations, pelvis, betas)
    points = regress_landmarks(regressor, posed.joints, posed.skin(body.subset(regressor.vertices)))
    evidence = observe(_of_one(detections, person), lens.K)
    masks = [
        _mask_at(detections.masks[who], detections.keypoints[person], detections.image_size)
        for who in (person, 1 - person)
    ]
    found = torch.from_numpy(detections.found[person : person + 1]).to(device).float()

    def on_grid(values: Tensor | np.ndarray) -> Tensor:
        """[1,T,...] -> [N,...]"""
        return clock.to_grid(torch.as_tensor(values, device=device).float())[0]

    weight = torch.where(evidence.weight > _SHOWN, evidence.weight, torch.zeros_like(evidence.weight))
    return _Side(
        rotations=rotations[0, :, :BODY_COUNT],
        pelvis=pelvis[0],
        betas=betas[0],
        joints=posed.joints[0, :, :BODY_COUNT],
        world=posed.global_rotations[0, :, :BODY_COUNT],
        landmarks=points[0],
        foot_contact=on_grid(foot_contact[person : person + 1]),
        pixels=on_grid(evidence.pixels),
        weight=on_grid(weight),
        ambiguous=on_grid(detections.ambiguous[person : person + 1]),
        found=on_grid(found),
        metric=lens.axes(on_grid(evidence.landmarks)),
        own_mask=on_grid(masks[0][None]),
        partner_mask=on_grid(masks[1][None]),
        box_height=on_grid(evidence.box_height),
        hands=on_grid(detections.hands[person : person + 1, :, :, 0]),
    )


def _of_one(detections: Detections, person: int) -> Detections:
    """The same of one person: what is computed of each alone does not depend on who comes first, not by a last digit."""
    one = slice(person, person + 1)
    names = ("keypoints", "ambiguous", "world_landmarks", "found", "hands", "hand_landmarks", "masks", "track_ids")
    return replace(detections, **{name: getattr(detections, name)[one] for name in names})


def _mask_at(masks: np.ndarray, keypoints: np.ndarray, image_size: np.ndarray) -> np.ndarray:
    """float32 [T,L] in 0-1: masks uint8 [T,h,w] of the whole picture at landmarks [T,L,3] px; 0 outside the picture."""
    size = np.array(masks.shape[:0:-1])
    place = np.nan_to_num(keypoints[..., :2] * (size / image_size), nan=-1.0, posinf=-1.0, neginf=-1.0)
    inside = ((place >= 0) & (place < size)).all(-1)
    column, row = (np.clip(place[..., axis], 0, size[axis] - 1).astype(int) for axis in (0, 1))
    return np.where(inside, masks[np.arange(len(masks))[:, None], row, column] / np.float32(255), 0).astype(np.float32)


def _nodes(own: _Side, partner: _Side, lens: _Lens) -> Tensor:
    """[N,22,F]"""
    device = own.joints.device
    shares = torch.from_numpy(landmark_weights()).to(device)
    weight = shares * own.weight[:, None]  # [N,22,L]
    seen = weight.sum(-1)
    relative = weight / seen.clamp_min(1e-6)[..., None]
    shown = (seen > 0).float()[..., None]

    def of_joints(values: Tensor) -> Tensor:
        """[N,L,C] -> [N,22,C], of what was seen of each joint; 0 where nothing was."""
        return relative @ values

    projected, depth = project(own.landmarks, lens.K, lens.world)
    metres = (depth / lens.K[0, 0])[..., None]
    offset = (own.pixels - projected) * metres * own.pixels.new_tensor([1.0, -1.0])
    inside = torch.minimum(own.pixels, lens.size - own.pixels).amin(-1, keepdim=True) * metres
    hands, hand_seen = _hands(own, lens)
    features = reference_motion_features(own.joints, own.world, partner.joints) | {
        "offset": 4 * of_joints(offset.clamp(-_FAR, _FAR)),
        "ray": of_joints(lens.rays(own.pixels)),
        "confidence": seen[..., None],
        "ambiguous": of_joints(own.ambiguous[..., None]),
        "found": own.found[:, None, None].expand(-1, BODY_COUNT, 1) * shown,
        "landmark": 2 * of_joints(own.metric.clamp(-2, 2)),
        "length": _lengths(own, of_joints(own.pixels), lens)[..., None] * shown * shown[:, list(_PARENT)],
        "partner_near": of_joints(_near_partner(own, partner, metres)),
        "partner_mask": of_joints(own.partner_mask[..., None]),
        "own_mask": of_joints(own.own_mask[..., None]),
        "border": of_joints(2 * inside.clamp(-_FAR / 2, _FAR / 2)),
        "hand_offset": 4 * hands,
        "hand_confidence": hand_seen,
    }
    return torch.cat([features[name] for name in _NODE_WIDTHS], -1)


_PARENT = tuple(max(parent, 0) for parent in PARENTS[:BODY_COUNT])


def _velocity(joints: Tensor) -> Tensor:
    """m/s [...,N,22,3], over two frames."""
    if joints.shape[-3] < 3:
        return torch.zeros_like(joints)
    inner = (joints[..., 2:, :, :] - joints[..., :-2, :, :]) * (FRAME_RATE / 2)
    return torch.cat([inner[..., :1, :, :], inner, inner[..., -1:, :, :]], -3)


def _to_nearest(own: Tensor, others: Tensor) -> Tensor:
    """[...,22,3]: from each joint to the nearest of the other person's, cut at a metre."""
    way = others[..., None, :, :] - own[..., :, None, :]
    nearest = way.norm(dim=-1).argmin(-1)
    way = way.gather(-2, nearest[..., None, None].expand(*nearest.shape, 1, 3))[..., 0, :]
    return way / way.norm(dim=-1, keepdim=True).clamp_min(_FAR)


def _lengths(own: _Side, pixels: Tensor, lens: _Lens) -> Tensor:
    """[N,22]: each bone's length across the picture at its joint's depth, against its length on the body."""
    depth = lens.depths(own.joints)
    seen = (pixels - pixels[:, list(_PARENT)]).norm(dim=-1) * depth / lens.K[0, 0]
    true = (own.joints - own.joints[:, list(_PARENT)]).norm(dim=-1)
    return (seen / true.clamp_min(0.03)).clamp_max(_LONGEST)


def _near_partner(own: _Side, partner: _Side, metres: Tensor) -> Tensor:
    """[N,L,1] in 0-1: how near in the picture the other's next seen landmark is."""
    apart = (own.pixels[:, :, None] - partner.pixels[:, None]).norm(dim=-1)
    apart = apart.masked_fill((partner.weight <= 0)[:, None], torch.inf).amin(-1, keepdim=True)
    return torch.exp(-apart * metres / _NEAR)


def _hands(own: _Side, lens: _Lens) -> tuple[Tensor, Tensor]:
    """[N,22,2] metres from the projected wrist to the one that the hand network saw, and its confidence [N,22,1]."""
    wrists = own.joints[:, _WRIST_JOINTS]
    projected, depth = project(wrists, lens.K, lens.world)
    offset = (own.hands[..., :2] - projected) * (depth / lens.K[0, 0])[..., None] * depth.new_tensor([1.0, -1.0])
    confidence = own.hands[..., 2:]
    hands = own.joints.new_zeros(len(wrists), BODY_COUNT, 2)
    hands[:, _WRIST_JOINTS] = offset.clamp(-_FAR, _FAR) * (confidence > _SHOWN)
    seen = own.joints.new_zeros(len(wrists), BODY_COUNT, 1)
    seen[:, _WRIST_JOINTS] = confidence
    return hands, seen


def _person(own: _Side, partner: _Side, lens: _Lens) -> Tensor:
    """[N,G]"""
    depth, partners = lens.depths(own.pelvis), lens.depths(partner.pelvis)
    focal = torch.log(lens.K[0, 0] / lens.size.norm())
    size = own.box_height * depth / lens.K[0, 0] - _STATURE
    features = {
        "camera": (lens.centre - own.pelvis) / 4,
        "height": 4 * (own.pelvis[:, 2:] - _UPRIGHT_PELVIS),
        "betas": own.betas.expand(len(own.pelvis), -1),
        "partner": (partner.pelvis - own.pelvis).clamp(-4, 4),
        "foot_contact": own.foot_contact,
        "focal": focal.expand(len(own.pelvis), 1),
        "nearer": (4 * torch.log(partners / depth))[:, None].clamp(-4, 4),
        "size": 2 * size[:, None].clamp(-2, 2),
        "found": own.found[:, None],
        "confidence": own.weight.mean(-1, keepdim=True),
        "found_share": _around(own.found)[:, None],
        "floor_depth": 2 * _floor_depth(own, lens),
    }
    return torch.cat([features[name] for name in _PERSON_WIDTHS], -1)


def _around(found: Tensor) -> Tensor:
    """[N] averaged over the second around."""
    half = int(FRAME_RATE / 2)
    padded = torch.nn.functional.pad(found[None, None], (half, half), mode="replicate")[0, 0]
    return padded.unfold(0, 2 * half + 1, 1).mean(-1)


def _floor_depth(own: _Side, lens: _Lens) -> Tensor:
    """[N,2] metres: how much farther away than now each foot would be, were its ankle on its ray and a step over the floor."""
    rays = lens.rays(own.pixels[:, _ANKLES])
    fall = rays[..., 2]
    along = (_ANKLE_HEIGHT - lens.centre[2]) / torch.where(fall < -_FALL, fall, torch.full_like(fall, -_FALL))
    farther = lens.centre[1] + along * rays[..., 1] - own.joints[:, _ANKLE_JOINTS, 1]
    return farther.clamp(-_FAR, _FAR) * own.weight[:, _ANKLES] * (fall < -_FALL)
