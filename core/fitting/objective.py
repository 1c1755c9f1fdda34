"""Everything that a fit minimises: the energies of both people's motion before a camera, weighted and summed.

The motion is in the camera's frame; the floor is where the camera's pitch, roll and height put it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..body.collision import CollisionSpheres, collision_spheres, sphere_centres, with_shape
from ..body.landmarks import LandmarkRegressor, regress_landmarks
from ..body.model import BodyModel
from ..body.rotations import matrix_to_axis_angle, rotation_about_x
from ..contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from ..motion import BODY_COUNT, MotionEstimate, Posed, pose
from ..observations.confidence import HIDDEN, VISIBLE
from ..observations.observe import Observations, bone_lengths
from ..observations.ramp import ramp
from ..observations.swift_limbs import swift_limbs
from ..projection import project
from . import energies
from .camera import extrinsics, floor_from_extrinsics
from .limits import joint_limits, relaxed_pose, rest_pull
from .occlusion import front_person
from .resolved_contacts import ContactSkin, ResolvedContact, contact_distance, eased, resolve_contacts
from .rest_landmarks import rest_landmarks, rest_palms
from .size import growth_per_beta, log_sizes, shape_energy, size_energy
from .skin_penetration import FacingSkin, facing_skin, skin_penetration
from .soles import POINTS_PER_FOOT, sole_vertices
from .targets import FitTargets

_HIPS = [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]
_WRISTS = [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]
_FEET = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]
_HANDS = [LANDMARK_INDEX["left_wrist"], LANDMARK_INDEX["right_wrist"]]
_TRUNK_LIMIT, _ARM_LIMIT, _LEG_LIMIT = 40.0, 20.0, 25.0
"""m/s^2 of acceleration up to which a point's motion is smoothed with full strength; beyond it, it strikes or lands."""
_HIDDEN_GROWTH = 3.0
"""By how many times itself the limit of a hidden limb grows. Chosen on the dev split."""
_TURNING_LIMIT = 2.0
"""The same for orientations, in 1/s^2 of their matrices per m/s^2."""
_COLLISION_MARGIN = 0.08
"""metres between two surfaces beyond which they are not watched for passing through each other."""
_SKIN_MARGIN = 0.03
"""metres between two spheres up to which the skins that they stand for may touch."""


@dataclass(frozen=True)
class EnergyWeights:
    """Weight of each energy in the sum, per unit of `energies`; sigmas are the widths of the robust ones."""

    reprojection: float = 1.0
    reprojection_sigma: float = 0.04
    """Heights of the person, added to each keypoint's own covariance: what the body model itself is wrong by."""
    landmarks: float = 0.25
    landmarks_sigma: float = 0.12
    """metres."""
    acceleration: float = 2e-5
    angular_acceleration: float = 2e-6
    swift: float = 0.9
    """Fraction of the smoothness that a swift limb is spared."""
    hidden_velocity: float = 1e-3
    floor: float = 60.0
    foot_contact: float = 20.0
    foot_slide: float = 400.0
    joint_limits: float = 2.0
    rest_pose: float = 0.004
    hands: float = 0.06
    shape: float = 0.02
    size: float = 0.01
    tilt: float = 20.0
    common_tilt: float = 0.3
    contact: float = 1.5
    contact_sigma: float = 0.2
    """metres."""
    enforced: float = 100.0
    penetration: float = 25.0
    """Of the collision spheres."""
    skin_penetration: float = 0.0
    """For the last steps of a take: where skins face each other takes 70 times as long to find as which spheres are near."""
    depth_order: float = 0.3
    depth_order_margin: float = 0.12
    """metres by which whoever is in front is to be nearer."""
    prior_joints: float = 10.0
    prior_relative: float = 10.0
    prior_width: float = 2.0
    """Of the prior's sigmas."""
    prior_seen_sigma: float = 0.4
    """metres by which the prior's sigma across the ray grows where a joint is visible: there the picture places it, and the
    prior says how far away it is."""
    prior_swift_sigma: float = 0.15
    """metres by which its sigma along the ray grows where a limb is swift: learned models are slower than a strike."""


@dataclass(frozen=True)
class State:
    """Both people as the variables pose them, in the camera's frame."""

    posed: Posed
    betas: Float[Tensor, "P 16"]
    floor: Float[Tensor, " 3"]
    """Pitch, roll and height of the camera."""
    T_cw: Float[Tensor, "4 4"]
    """World -> camera, of that floor."""
    tilt: Float[Tensor, ""]
    """radians about the camera's horizontal axis by which all metric landmarks are taken to be rotated."""
    landmarks: Float[Tensor, "P T 33 3"]
    soles: Float[Tensor, "P T 2 S 3"]
    contact_points: Float[Tensor, "P T N 3"]

    def heights(self, points_incam: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n"]:
        """metres over the floor."""
        return (points_incam - self.T_cw[:3, 3]) @ self.T_cw[:3, 2]


@dataclass(frozen=True)
class ActiveSet:
    """What depends on where the two people are, but changes too slowly to be found anew at every step."""

    front: Float[Tensor, " T"]
    """See `occlusion.front_person`."""
    near_pairs: Int[Tensor, "N 3"]
    """See `energies.near_pairs`."""
    facing_skin: FacingSkin | None = None
    """Where `EnergyWeights.skin_penetration` asks for it."""


@dataclass(frozen=True)
class Objective:
    """Everything that stays constant while the variables move. Tensors on one device."""

    body: BodyModel
    observations: Observations
    seconds: Float[Tensor, " T"]
    regressor: LandmarkRegressor
    points: BodyModel
    """The body's skin where the energies need it: landmarks, soles, contacts, in this order."""
    spheres: CollisionSpheres
    start_floor: Float[Tensor, " 3"]
    foot_contact: Float[Tensor, "P T 2"]
    hidden: Float[Tensor, "P T 22"]
    """One minus each joint's confidence."""
    swift: Float[Tensor, "P T 22"]
    """See `swift_limbs`."""
    acceleration_limit: Float[Tensor, "P T N"]
    """m/s^2 up to which the acceleration of each joint, and of the soles that follow them, is squared."""
    growth: Float[Tensor, " 16"]
    """See `size.growth_per_beta`."""
    metric_landmarks: Float[Tensor, "P T 33 3"]
    """The detector's metric landmarks, scaled to the mean body's size."""
    hand_rotations: Float[Tensor, "P T 2 3 3"]
    """Rotations of the hands, rest pose to camera frame, as the hand detector saw them."""
    contacts: tuple[ResolvedContact, ...]
    """As they are pulled together, see `resolved_contacts.eased`."""
    contact_skin: ContactSkin
    """Of their sides."""
    landmark_weight: Float[Tensor, "P T 33"]
    """In 0-1, how much the picture counts for each landmark."""
    prior: tuple[Float[Tensor, "P T 22 3"], Float[Tensor, "P T 22"], Float[Tensor, "P T 22"]] | None = None
    """Joints in the camera's frame, and their sigmas along and across the ray."""

    def state(
        self,
        rotations: Float[Tensor, "P T 55 3 3"],
        pelvis_incam: Float[Tensor, "P T 3"],
        betas: Float[Tensor, "P 16"],
        floor: Float[Tensor, " 3"],
        tilt: Float[Tensor, ""],
    ) -> State:
        """Rotations are relative to the parent, the pelvis' into the camera frame; see State for floor and tilt."""
        posed = pose(self.body, rotations, pelvis_incam, betas)
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

    def collision_spheres(self, state: State) -> tuple[Float[Tensor, "P T S 3"], Float[Tensor, "P S"]]:
        """Centres and radii of the spheres that stand for both bodies."""
        spheres = with_shape(self.spheres, state.betas[:, None])
        return sphere_centres(spheres, state.posed.joints, state.posed.global_rotations), spheres.radius[:, 0]

    def contact_patches(self, state: State) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The patches of `contact_skin` as the two people stand, and their heights over the floor."""
        heights = state.heights(state.contact_points)
        return self.contact_skin.patches(state.contact_points), self.contact_skin.patches(heights)

    def active_set(self, state: State, weights: EnergyWeights = EnergyWeights()) -> ActiveSet:
        """The active set of the people as they stand now; it holds until they have moved by centimetres."""
        with torch.no_grad():
            centres, radii = self.collision_spheres(state)
            front = front_person(centres, radii, self.observations)
            near = energies.near_pairs(centres, radii, _COLLISION_MARGIN)
            if not weights.skin_penetration:
                return ActiveSet(front, near)
            touching = energies.near_pairs(centres, radii, _SKIN_MARGIN)[:, 0].unique()
            return ActiveSet(front, near, facing_skin(state.posed, self.body, touching))

    def energy(self, state: State, weights: EnergyWeights, active: ActiveSet | None) -> Float[Tensor, ""]:
        """The weighted sum of all energies; without an active set, of those that concern each person alone."""
        total = self._observation_energy(state, weights) + self._smoothness_energy(state, weights)
        total = total + self._plausibility_energy(state, weights)
        total = total + self._prior_energy(state, weights, relative=active is not None)
        if active is not None:
            total = total + self._interaction_energy(state, weights, active)
        return total

    def _observation_energy(self, state: State, weights: EnergyWeights) -> Tensor:
        observed = self.observations
        pixels, _ = project(state.landmarks, observed.K)
        centred = state.landmarks - state.landmarks[:, :, _HIPS].mean(2, keepdim=True)
        tilt = rotation_about_x(state.tilt)
        metric = self.metric_landmarks @ tilt.T
        hand_error = state.posed.global_rotations[:, :, _WRISTS] - tilt @ self.hand_rotations
        hand_weight = observed.palm_confidence * self.landmark_weight[:, :, _HANDS]
        return (
            weights.reprojection
            * energies.reprojection(
                pixels,
                observed.keypoints,
                self.landmark_weight * observed.confidence,
                observed.covariance_with(weights.reprojection_sigma),
            )
            + weights.landmarks
            * energies.metric_landmarks(
                centred / self._sizes(state),
                metric,
                self.landmark_weight * (0.3 + 0.7 * observed.confidence),
                weights.landmarks_sigma,
            )
            + weights.hands * (hand_weight * hand_error.square().sum((-1, -2))).mean()
        )

    def _smoothness_energy(self, state: State, weights: EnergyWeights) -> Tensor:
        points = torch.cat([state.posed.joints[:, :, :BODY_COUNT], state.soles.flatten(2, 3)], 2)
        orientations = state.posed.global_rotations[:, :, :BODY_COUNT].flatten(3)
        relative = state.posed.rotations[:, :, :BODY_COUNT].flatten(3)
        calm = 1 - weights.swift * self.swift
        calm_soles = calm[:, :, _FEET].repeat_interleave(POINTS_PER_FOOT, 2)
        hidden = torch.maximum(self.hidden[:, 1:], self.hidden[:, :-1])
        return (
            weights.acceleration
            * energies.acceleration(points, self.seconds, self.acceleration_limit, torch.cat([calm, calm_soles], 2))
            + weights.angular_acceleration
            * energies.acceleration(
                orientations, self.seconds, _TURNING_LIMIT * self.acceleration_limit[:, :, :BODY_COUNT], calm
            )
            + weights.hidden_velocity * energies.velocity(relative, self.seconds, hidden)
            + weights.foot_slide * energies.foot_slide(state.soles, self.foot_contact, self.seconds)
        )

    def _plausibility_energy(self, state: State, weights: EnergyWeights) -> Tensor:
        heights = state.heights(state.soles)
        angles = matrix_to_axis_angle(state.posed.rotations[:, :, 1:BODY_COUNT])
        low, high = (bound.to(angles.device) for bound in joint_limits())
        from_rest = (angles - relaxed_pose().to(angles.device)).square().sum(-1)
        pull = rest_pull().to(angles.device) * (0.3 + self.hidden[:, :, 1:])
        return (
            weights.floor * energies.floor_penetration(heights.flatten(2))
            + weights.foot_contact * energies.foot_contact_height(heights, self.foot_contact)
            + weights.joint_limits * energies.outside_limits(angles, low, high)
            + weights.rest_pose * (pull * from_rest).sum(-1).mean()
            + weights.shape * shape_energy(state.betas, self.growth)
            + weights.size * size_energy(state.betas, self.growth)
            + weights.tilt * self._floor_rotation(state)
            + weights.common_tilt * state.tilt.square()
        )

    def _sizes(self, state: State) -> Float[Tensor, "P 1 1 1"]:
        """Of each person over the mean body, as which metric landmarks and learned models see everybody."""
        return log_sizes(state.betas, self.growth).exp()[:, None, None, None]

    def _floor_rotation(self, state: State) -> Tensor:
        """How far the floor is rotated against the people who stand on it, radians squared."""
        pitch, roll, _ = (state.floor - self.start_floor).unbind()
        return (pitch - state.tilt).square() + roll.square()

    def _prior_energy(self, state: State, weights: EnergyWeights, *, relative: bool) -> Tensor:
        """`relative`: also where the two people are relative to each other."""
        if self.prior is None:
            return state.betas.new_zeros(())
        predicted, along, across = self.prior
        joints = state.posed.joints[:, :, :BODY_COUNT]
        # Where a joint is relative to its pelvis grows with the person; where the two people are to each other does not. The
        # person is scaled to the prediction: residuals of a scaled prediction would be smallest for the smallest person.
        pelvis = joints[:, :, :1]
        scaled = pelvis + (joints - pelvis) / self._sizes(state)
        visible = ramp(self.observations.joint_confidence, (HIDDEN, VISIBLE))
        across = torch.hypot(across, weights.prior_seen_sigma * visible)
        along = torch.hypot(along, weights.prior_swift_sigma * self.swift)
        total = weights.prior_joints * energies.prior_joints(scaled, predicted, along, across, weights.prior_width)
        if relative:
            total = total + weights.prior_relative * energies.prior_relative(
                joints, predicted, along, across, weights.prior_width
            )
        return total

    def _interaction_energy(self, state: State, weights: EnergyWeights, active: ActiveSet) -> Tensor:
        depth = state.posed.joints[:, :, 0, 2]
        total = weights.depth_order * energies.depth_order(depth, active.front, weights.depth_order_margin)
        centres, radii = self.collision_spheres(state)
        total = total + weights.penetration * energies.sphere_penetration(centres, radii, active.near_pairs)
        if active.facing_skin is not None:
            total = total + weights.skin_penetration * skin_penetration(state.posed, active.facing_skin)
        skin, heights = self.contact_patches(state)
        for resolved in self.contacts:
            distance = contact_distance(resolved, skin, heights)
            if resolved.contact.state == "enforced":
                loss = weights.enforced * distance.square()
            else:
                loss = weights.contact * energies.geman_mcclure(distance.square(), weights.contact_sigma)
            total = total + resolved.contact.effective_weight * (resolved.strength * loss).sum() / depth.shape[1]
        return total


def _acceleration_limit(joint_confidence: Float[Tensor, "P T 22"]) -> Float[Tensor, "P T N"]:
    """See `Objective.acceleration_limit`. A hidden limb is not known to strike: it is smoothed more strongly."""
    limits = torch.full((BODY_COUNT,), _TRUNK_LIMIT)
    for side in ("left", "right"):
        for part, limit in (("elbow", _ARM_LIMIT), ("wrist", _ARM_LIMIT), ("knee", _LEG_LIMIT), ("ankle", _LEG_LIMIT)):
            limits[JOINT_INDEX[f"{side}_{part}"]] = limit
        limits[JOINT_INDEX[f"{side}_foot"]] = _LEG_LIMIT
    hidden = ramp(joint_confidence, (VISIBLE, HIDDEN))
    of_joints = limits.to(hidden) * (1 + _HIDDEN_GROWTH * hidden)
    return torch.cat([of_joints, of_joints[:, :, _FEET].repeat_interleave(POINTS_PER_FOOT, 2)], 2)


def build_objective(
    observations: Observations, body: BodyModel, start: MotionEstimate, targets: FitTargets
) -> Objective:
    """Collect what a fit of a clip minimises, on the body's device. `start` gives the floor and the foot contacts."""
    device = body.device
    regressor = LandmarkRegressor.for_body(body)
    contacts, contact_skin = resolve_contacts(targets.contacts, body, observations.frame_index)
    T_cw = torch.as_tensor(start.camera.T_cw, device=device, dtype=torch.float32)
    prior = None
    if targets.prior is not None:
        given = targets.prior
        joints, along, across = (
            torch.from_numpy(array).to(device) for array in (given.joints_incam, given.sigma_along, given.sigma_across)
        )
        prior = (joints, along, across)
    return Objective(
        body=body,
        observations=observations,
        seconds=observations.seconds.to(device),
        regressor=regressor,
        points=body.subset(torch.cat([regressor.vertices, sole_vertices(body).flatten(), contact_skin.vertices])),
        spheres=collision_spheres(body),
        start_floor=floor_from_extrinsics(T_cw),
        foot_contact=torch.as_tensor(start.foot_contact, device=device),
        hidden=1 - observations.joint_confidence,
        swift=swift_limbs(observations, torch.as_tensor(start.motion_incam.pelvis[..., 2], device=device)),
        acceleration_limit=_acceleration_limit(observations.joint_confidence),
        growth=growth_per_beta(body),
        metric_landmarks=observations.landmarks_incam * _size_ratio(observations, body, regressor),
        hand_rotations=observations.palm_frames_incam @ rest_palms(body).mT,
        contacts=tuple(eased(each, observations.frame_index, observations.time) for each in contacts),
        contact_skin=contact_skin,
        landmark_weight=_landmark_weight(targets, observations),
        prior=prior,
    )


def _landmark_weight(targets: FitTargets, observations: Observations) -> Float[Tensor, "P T 33"]:
    if targets.landmark_weight is None:
        return torch.ones_like(observations.confidence)
    return torch.from_numpy(targets.landmark_weight).to(observations.confidence)


def _size_ratio(observations: Observations, body: BodyModel, regressor: LandmarkRegressor) -> Float[Tensor, "P 1 1 1"]:
    """The mean body's bones over the detector's, whose people all come out about the same height."""
    return (bone_lengths(rest_landmarks(body, regressor)).sum() / observations.bone_length)[:, None, None, None]
