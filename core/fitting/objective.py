"""What the fit descends on: the energies, weighted, over everything that a clip gives.

People are posed in the camera's frame, where what was seen is exact; the floor is three numbers, the camera's pitch, roll and
height over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..body.collision import CollisionSpheres, collision_spheres, sphere_centres, with_shape
from ..body.landmarks import LandmarkRegressor, regress_landmarks
from ..body.model import BodyModel
from ..body.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_about_x
from ..contract.contact import Contact
from ..contract.edits import Pin
from ..contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from ..motion import BODY_COUNT, Camera, Posed, pose
from ..observations.confidence import joint_confidence
from ..observations.observe import Observations, observe
from ..perception.detections import Detections
from . import energies
from .camera import extrinsics
from .limits import joint_limits, relaxed_pose, rest_pull
from .occlusion import front_person
from .prior import JointPrior
from .rest import rest_landmarks, rest_palms
from .soles import POINTS_PER_FOOT, sole_vertices
from .touch import Touch, resolve_contacts, touch_gap

_HIPS = [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]
_WRISTS = [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]
_BONES = [("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"), ("shoulder", "hip")]
_NEAR = 0.08
"""metres between two surfaces beyond which they are not watched for passing through each other."""


@dataclass(frozen=True)
class EnergyWeights:
    """Strength of each energy, per unit of `energies`; sigmas are the widths of the robust ones."""

    reprojection: float = 1.0
    reprojection_sigma: float = 0.04
    landmarks: float = 0.25
    landmarks_sigma: float = 0.12
    acceleration: float = 2e-5
    angular_acceleration: float = 2e-6
    hidden_velocity: float = 1e-3
    floor: float = 60.0
    foot_contact: float = 20.0
    foot_slide: float = 400.0
    joint_limits: float = 2.0
    rest_pose: float = 0.004
    hands: float = 0.06
    shape: float = 0.02
    tilt: float = 2.0
    common_tilt: float = 0.3
    contact: float = 1.5
    contact_sigma: float = 0.2
    enforced: float = 100.0
    penetration: float = 25.0
    depth_order: float = 0.3
    depth_order_margin: float = 0.12
    prior_joints: float = 10.0
    prior_relative: float = 10.0
    prior_width: float = 2.0
    pins: float = 200.0


@dataclass(frozen=True)
class PinTargets:
    """N pins. person, joint, frame: int64 [N]; value [N,3] positions in the world, or [N,3,3] relative rotations."""

    person: Tensor
    joint: Tensor
    frame: Tensor
    value: Tensor


@dataclass(frozen=True)
class State:
    """Both people as the variables pose them, camera frame."""

    posed: Posed
    betas: Tensor
    floor: Tensor
    """[3] pitch, roll, height."""
    world: Tensor
    """[4,4] world -> camera, of that floor."""
    tilt: Tensor
    """[] radians about the camera's horizontal axis by which all metric landmarks are taken to be off."""
    landmarks: Tensor
    """[P,T,33,3]"""
    soles: Tensor
    """[P,T,2,S,3]"""
    touching: Tensor
    """[P,T,N,3] the contacts' points."""

    def heights(self, points: Tensor) -> Tensor:
        """Heights over the floor of points [...,3] in the camera frame."""
        return (points - self.world[:3, 3]) @ self.world[:3, 2]


@dataclass(frozen=True)
class ActiveSet:
    """What depends on where the two people are, but too slowly to be found anew at every step."""

    front: Tensor
    """[T], see `occlusion.front_person`."""
    pairs: Tensor
    """int64 [N,3], see `energies.near_pairs`."""


@dataclass(frozen=True)
class Objective:
    """Everything that stays while the variables move. Tensors on one device."""

    body: BodyModel
    observations: Observations
    K: Tensor
    regressor: LandmarkRegressor
    points: BodyModel
    """The body's skin where the energies look: landmarks, soles, contacts, in this order."""
    spheres: CollisionSpheres
    start_floor: Tensor
    foot_contact: Tensor
    """[P,T,2]"""
    hidden: Tensor
    """[P,T,22] in 0-1."""
    metric: Tensor
    """[P,T,33,3] the detector's metric landmarks in the person's own size."""
    hand_turns: Tensor
    """[P,T,2,3,3] rotations of the hands, rest to camera frame, as the hand detector saw them."""
    touches: tuple[Touch, ...]
    rotation_pins: PinTargets
    position_pins: PinTargets
    prior: tuple[Tensor, Tensor] | None = None
    """Joints [P,T,22,3] and sigmas [P,T,22] of a learned prior."""

    def state(self, rotations: Tensor, pelvis: Tensor, betas: Tensor, floor: Tensor, tilt: Tensor) -> State:
        """rotations [P,T,55,3,3] (the pelvis' into the camera frame), pelvis [P,T,3], betas [P,16], floor [3], tilt []."""
        posed = pose(self.body, rotations, pelvis, betas)
        skin = posed.skin(self.points)
        shown, feet = len(self.regressor.vertices), 2 * POINTS_PER_FOOT
        return State(
            posed,
            betas,
            floor,
            extrinsics(*floor.unbind()),
            tilt,
            regress_landmarks(self.regressor, posed.joints, skin[:, :, :shown]),
            skin[:, :, shown : shown + feet].unflatten(2, (2, POINTS_PER_FOOT)),
            skin[:, :, shown + feet :],
        )

    def volume(self, state: State) -> tuple[Tensor, Tensor]:
        """Both people's spheres: centres [P,T,S,3] and radii [P,S]."""
        own = with_shape(self.spheres, state.betas)
        lifted = replace(own, offset=own.offset[:, None])
        return sphere_centres(lifted, state.posed.joints, state.posed.global_rotations), own.radius

    def active_set(self, state: State, detections: Detections) -> ActiveSet:
        """What is between the two people as they stand now; it holds until they have moved by centimetres."""
        with torch.no_grad():
            centres, radii = self.volume(state)
            front = front_person(centres, radii, self.K, detections)
            return ActiveSet(front, energies.near_pairs(centres, radii, _NEAR))

    def energy(self, state: State, weights: EnergyWeights, around: ActiveSet | None) -> Tensor:
        """The whole. `around` from `surroundings`; None leaves out what is between the two people."""
        total = self._seen(state, weights) + self._steady(state, weights) + self._plausible(state, weights)
        total = total + self._pinned(state, weights) + self._expected(state, weights, around is not None)
        if around is not None:
            total = total + self._between(state, weights, around)
        return total

    def _seen(self, state: State, weights: EnergyWeights) -> Tensor:
        observations = self.observations
        focal = torch.stack([self.K[0, 0], self.K[1, 1]])
        pixels = state.landmarks[..., :2] / state.landmarks[..., 2:].clamp_min(0.1) * focal + self.K[:2, 2]
        centred = state.landmarks - state.landmarks[:, :, _HIPS].mean(2, keepdim=True)
        common = rotation_about_x(state.tilt)
        metric = self.metric @ common.T
        palm_error = state.posed.global_rotations[:, :, _WRISTS] - common @ self.hand_turns
        return (
            weights.reprojection
            * energies.reprojection(
                pixels, observations.pixels, observations.weight, observations.box_height, weights.reprojection_sigma
            )
            + weights.landmarks
            * energies.metric_landmarks(centred, metric, 0.3 + 0.7 * observations.weight, weights.landmarks_sigma)
            + weights.hands * (observations.hand_weight * palm_error.square().sum((-1, -2))).mean()
        )

    def _steady(self, state: State, weights: EnergyWeights) -> Tensor:
        time = self.observations.time
        moving = torch.cat([state.posed.joints[:, :, :BODY_COUNT], state.soles.flatten(2, 3)], 2)
        turning = state.posed.global_rotations[:, :, :BODY_COUNT].flatten(3)
        unseen = torch.maximum(self.hidden[:, 1:], self.hidden[:, :-1])
        return (
            weights.acceleration * energies.acceleration(moving, time)
            + weights.angular_acceleration * energies.acceleration(turning, time)
            + weights.hidden_velocity
            * energies.velocity(state.posed.rotations[:, :, :BODY_COUNT].flatten(3), time, unseen)
            + weights.foot_slide * energies.foot_slide(state.soles, self.foot_contact)
        )

    def _plausible(self, state: State, weights: EnergyWeights) -> Tensor:
        heights = state.heights(state.soles)
        angles = matrix_to_axis_angle(state.posed.rotations[:, :, 1:BODY_COUNT])
        low, high = (bound.to(angles.device) for bound in joint_limits())
        away = (angles - relaxed_pose().to(angles.device)).square().sum(-1)
        pull = rest_pull().to(angles.device) * (0.3 + self.hidden[:, :, 1:])
        return (
            weights.floor * energies.floor_penetration(heights.flatten(2))
            + weights.foot_contact * energies.foot_contact_height(heights, self.foot_contact)
            + weights.joint_limits * energies.outside_limits(angles, low, high)
            + weights.rest_pose * (pull * away).sum(-1).mean()
            + weights.shape * state.betas.square().sum(-1).mean()
            + weights.tilt * self._leaning(state)
            + weights.common_tilt * state.tilt.square()
        )

    def _leaning(self, state: State) -> Tensor:
        """How far the floor turned against the people who stand on it, radians squared."""
        pitch, roll, _ = (state.floor - self.start_floor).unbind()
        return (pitch - state.tilt).square() + roll.square()

    def _expected(self, state: State, weights: EnergyWeights, together: bool) -> Tensor:
        if self.prior is None:
            return state.betas.new_zeros(())
        joints, sigma = self.prior
        placed = state.posed.joints[:, :, :BODY_COUNT]
        total = weights.prior_joints * energies.prior_joints(placed, joints, sigma, weights.prior_width)
        if together:
            between = energies.prior_relative(placed, joints, sigma, weights.prior_width)
            total = total + weights.prior_relative * between
        return total

    def _between(self, state: State, weights: EnergyWeights, around: ActiveSet) -> Tensor:
        pelvis = state.posed.joints[:, :, 0]
        total = weights.depth_order * energies.depth_order(pelvis[..., 2], around.front, weights.depth_order_margin)
        centres, radii = self.volume(state)
        total = total + weights.penetration * energies.sphere_penetration(centres, radii, around.pairs)
        heights = state.heights(state.touching)
        for touch in self.touches:
            gap = touch_gap(touch, state.touching, heights)
            share = len(touch.frames) / pelvis.shape[1]
            if touch.contact.state == "enforced":
                loss = weights.enforced * gap.square().mean()
            else:
                loss = weights.contact * energies.geman_mcclure(gap.square(), weights.contact_sigma).mean()
            total = total + touch.contact.weight * share * loss
        return total

    def _pinned(self, state: State, weights: EnergyWeights) -> Tensor:
        total = state.betas.new_zeros(())
        pins = self.rotation_pins
        if len(pins.frame):
            error = state.posed.rotations[pins.person, pins.frame, pins.joint] - pins.value
            total = total + weights.pins * error.square().sum() / len(self.observations.time)
        pins = self.position_pins
        if len(pins.frame):
            place = (state.posed.joints[pins.person, pins.frame, pins.joint] - state.world[:3, 3]) @ state.world[:3, :3]
            total = total + 4 * weights.pins * (place - pins.value).square().sum() / len(self.observations.time)
        return total


def build_objective(
    detections: Detections,
    body: BodyModel,
    camera: Camera,
    foot_contact: Tensor,
    contacts: Sequence[Contact],
    pins: Sequence[Pin],
    prior: JointPrior | None = None,
) -> Objective:
    """Bring a clip's observations, contacts, pins and what is expected together on the body's device.

    Rotation pins of the pelvis are `global_orient`, in the world: they are turned into the camera's frame by `camera`.
    """
    device = body.device
    K = torch.as_tensor(camera.K, device=device, dtype=torch.float32)
    observations = observe(detections, K)
    regressor = LandmarkRegressor.for_body(body)
    touches, touch_vertices = resolve_contacts(contacts, body, detections.frame_index)
    world = torch.as_tensor(camera.T_cw, device=device, dtype=torch.float32)
    return Objective(
        body=body,
        observations=observations,
        K=K,
        regressor=regressor,
        points=body.subset(torch.cat([regressor.vertices, sole_vertices(body).flatten(), touch_vertices])),
        spheres=collision_spheres(body),
        start_floor=floor_from_extrinsics(world),
        foot_contact=foot_contact,
        hidden=1 - torch.from_numpy(joint_confidence(detections)).to(device),
        metric=observations.landmarks * _relative_size(observations, body, regressor),
        hand_turns=observations.hand_frames @ rest_palms(body).mT,
        touches=touches,
        rotation_pins=_rotation_targets(pins, detections, world),
        position_pins=_position_targets(pins, detections, device),
        prior=None if prior is None else (_tensor(prior.joints, device), _tensor(prior.sigma, device)),
    )


def _tensor(array: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(array).to(device, torch.float32)


def floor_from_extrinsics(world: Tensor) -> Tensor:
    """[4,4] made by `camera.extrinsics` -> its pitch, roll and height [3]."""
    up = world[:3, 2]
    height = (world[:3, :3].T @ -world[:3, 3])[2]
    return torch.stack([-torch.asin(up[2].clamp(-1, 1)), torch.atan2(-up[0], -up[1]), height])


def _relative_size(observations: Observations, body: BodyModel, regressor: LandmarkRegressor) -> Tensor:
    """[P,1,1,1]: the mean body's bones over the detector's, whose people all come out about the same height."""
    pairs = torch.tensor(
        [
            [LANDMARK_INDEX[f"{side}_{a}"], LANDMARK_INDEX[f"{side}_{b}"]]
            for side in ("left", "right")
            for a, b in _BONES
        ]
    )
    rest = rest_landmarks(body, regressor)

    def lengths(points: Tensor) -> Tensor:
        return (points[..., pairs[:, 0], :] - points[..., pairs[:, 1], :]).norm(dim=-1)

    return (lengths(rest).sum() / lengths(observations.landmarks).median(1).values.sum(-1))[:, None, None, None]


def _frame_positions(pins: Sequence[Pin], detections: Detections) -> list[tuple[Pin, int]]:
    where = {int(frame): position for position, frame in enumerate(detections.frame_index)}
    return [(pin, where[pin.frame]) for pin in pins if pin.frame in where]


def _targets(placed: list[tuple[Pin, int]], value: Tensor) -> PinTargets:
    def ids(numbers: list[int]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.int64, device=value.device)

    return PinTargets(
        ids([pin.person for pin, _ in placed]),
        ids([JOINT_INDEX[pin.joint] for pin, _ in placed]),
        ids([position for _, position in placed]),
        value,
    )


def _rotation_targets(pins: Sequence[Pin], detections: Detections, world: Tensor) -> PinTargets:
    placed = [item for item in _frame_positions(pins, detections) if item[0].rotation is not None]
    angles = torch.tensor([pin.rotation for pin, _ in placed], device=world.device).reshape(-1, 3)
    value = axis_angle_to_matrix(angles)
    targets = _targets(placed, value)
    return PinTargets(
        targets.person,
        targets.joint,
        targets.frame,
        torch.where((targets.joint == 0)[:, None, None], world[:3, :3] @ value, value),
    )


def _position_targets(pins: Sequence[Pin], detections: Detections, device: torch.device) -> PinTargets:
    placed = [item for item in _frame_positions(pins, detections) if item[0].position is not None]
    return _targets(placed, torch.tensor([pin.position for pin, _ in placed], device=device).reshape(-1, 3))
