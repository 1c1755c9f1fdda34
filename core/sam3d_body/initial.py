"""A clip's initial motion from what SAM 3D Body found of each person alone: our body in its poses, with how sure each joint is.

The network sees single frames and single people. What it says of different frames is made to agree here: sizes, jitter in depth,
frames in which it looked at the other person, and a camera that turns.
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..body.model import BodyModel, rest_joints
from ..body.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix
from ..contract.skeleton import BODY_JOINTS, JOINT_INDEX, LANDMARK_INDEX
from ..fitting.fingers import curl_rotations
from ..fitting.initial import estimate_initial_motion, on_common_floor
from ..fitting.inverse_kinematics import Poses, Targets, solve
from ..fitting.prior import InitialMotion, JointPrior
from ..motion import BODY_COUNT, FINGER_COUNT, Camera, MotionEstimate
from ..observations.confidence import HIDDEN, VISIBLE
from ..observations.observe import Observations
from ..observations.over_time import interpolated, smooth_over_time
from ..observations.ramp import ramp
from ..reporting import Reporter
from ..stgcn.predict import snap_to_keypoints
from .lifting import CONFIDENT, LiftedPeople
from .skeleton import RestPose, lifted

_LEAST_KNOWN = 0.3
"""Part of the frames of both people in which they have to be known."""
_LARGEST_RESIDUAL = 0.12
"""Median distance of the network's keypoints from confident ones, in heights of the person: beyond it, it saw somebody else."""
_COMPARED = {
    "left_shoulder": 5, "right_shoulder": 6, "left_elbow": 7, "right_elbow": 8, "left_hip": 9, "right_hip": 10,
    "left_knee": 11, "right_knee": 12, "left_ankle": 13, "right_ankle": 14, "right_wrist": 41, "left_wrist": 62,
}  # fmt: skip
_FEWEST_COMPARED = 4
_POSE_SECONDS, _DEPTH_SECONDS = 0.04, 0.25
"""Standard deviations over which poses and depths are averaged."""
_SIGMA_ACROSS, _SIGMA_ALONG = (0.03, 0.1), (0.045, 0.12)
"""metres, of a joint about its pelvis, seen and hidden. The paper's error on 3DPW is 55 mm about the pelvis (table 1), most of it
along the ray; hidden joints are a guess in nearly every direction alike."""
_DEPTH_SIGMA = 0.05
"""Of the pelvis' depth, over the depth: the network guesses how tall a person is."""
_UNKNOWN = 3.0
"""Times that sigmas are larger where frames around had to say it."""
_HAND_DETECTED = 0.5
"""Confidence from which on the hand detector's fingers are better than the body decoder's."""
_POSITION_WEIGHTS = {"hip": 0.5, "knee": 1.0, "ankle": 1.0, "foot": 0.5, "shoulder": 0.7, "elbow": 1.0, "wrist": 1.0}
_ROTATION_WEIGHT, _HAND_WEIGHT = 0.1, 0.3
"""Against metres of the places: a rotation of 0.1 rad counts as one to three centimetres."""


@dataclass(frozen=True)
class _Found:
    """What is known of both people, in the middle frame's camera, without gaps."""

    rotations: Float[Tensor, "P T 55 3 3"]
    joints: Float[Tensor, "P T 22 3"]
    """For people of our body's size, who stand as much nearer or farther."""
    sizes: Float[Tensor, " P"]
    known: Bool[Tensor, "P T"]


def initial_motion_from(
    people: LiftedPeople,
    camera_rotations: Float[np.ndarray, "T 3 3"],
    observations: Observations,
    body: BodyModel,
    camera: Camera,
    reporter: Reporter,
) -> InitialMotion:
    """The initial motion; where the network saw too little of the two, that of the observations alone, which is said."""
    found = initial_from_lifted(people, camera_rotations, observations, body, camera)
    if found is not None:
        return found
    if people.known.any():
        reporter.warning(
            "What SAM 3D Body sees does not lie over the two people: they are lifted by the networks that come with the product."
        )
    estimate = estimate_initial_motion(observations, body, reporter=reporter, camera=camera)
    return InitialMotion(estimate.motion_incam, estimate.camera, estimate.foot_contact, None)


def initial_from_lifted(
    people: LiftedPeople,
    camera_rotations: Float[np.ndarray, "T 3 3"],
    observations: Observations,
    body: BodyModel,
    camera: Camera,
) -> InitialMotion | None:
    """The initial motion; None where the network saw too little of the two. `camera_rotations` are `CameraRotation.rotations`."""
    known = agreeing(people, camera_rotations, observations)
    if float(known.float().mean(1).min()) < _LEAST_KNOWN:
        return None
    found = _found(people, camera_rotations, known, observations, body)
    prior, moved = snap_to_keypoints(_prior(found, observations), observations)
    size = found.sizes[:, None, None]
    shift = torch.from_numpy(moved).to(found.joints) / size
    pelvis_real = torch.from_numpy(prior.joints_incam[:, :, 0]).to(found.joints)
    relative = torch.from_numpy(prior.joints_incam).to(found.joints) - pelvis_real[:, :, None]
    rotations, pelvis = _posed(found, relative, found.joints[:, :, 0] + shift, body)
    rotations = _with_fingers(rotations, people, known, observations)
    betas = pelvis.new_zeros(len(pelvis), 16)
    estimate: MotionEstimate = on_common_floor(rotations, pelvis, betas, observations, body, camera)
    return InitialMotion(estimate.motion_incam, estimate.camera, estimate.foot_contact, prior)


def agreeing(
    people: LiftedPeople, camera_rotations: Float[np.ndarray, "T 3 3"], observations: Observations
) -> Bool[Tensor, "P T"]:
    """Frames in which the network found the person whom the 2D stage follows."""
    device = observations.confidence.device
    landmarks = [LANDMARK_INDEX[name] for name in _COMPARED]
    K = observations.K.cpu()
    turned = K @ torch.from_numpy(camera_rotations).float() @ torch.linalg.inv(K)
    pixels = torch.from_numpy(people.keypoints[:, :, list(_COMPARED.values())])
    rays = torch.cat([pixels, torch.ones_like(pixels[..., :1])], -1) @ turned.mT
    pixels = (rays[..., :2] / rays[..., 2:].clamp_min(1e-3)).to(device)
    distance = (pixels - observations.keypoints[:, :, landmarks]).norm(dim=-1) / observations.box_height[..., None]
    compared = observations.plainly_seen(CONFIDENT)[:, :, landmarks]
    median = distance.masked_fill(~compared, torch.nan).nanmedian(-1).values
    enough = compared.sum(-1) >= _FEWEST_COMPARED
    known = torch.from_numpy(people.known).to(device)
    return known & ~(enough & (median > _LARGEST_RESIDUAL))


def _found(
    people: LiftedPeople,
    camera_rotations: np.ndarray,
    known: Bool[Tensor, "P T"],
    observations: Observations,
    body: BodyModel,
) -> _Found:
    device = body.device
    R = torch.from_numpy(camera_rotations).to(device, torch.float32)[None, :, None]
    joints = (R @ torch.from_numpy(people.joints).to(device)[..., None])[..., 0]
    rotations = R @ torch.from_numpy(people.rotations).to(device)
    rest = RestPose.of(
        body, torch.from_numpy(people.rest_joints).to(device), torch.from_numpy(people.rest_rotations).to(device)
    )
    poses = lifted(joints.flatten(0, 1), rotations.flatten(0, 1), rest)
    shape = known.shape
    frame_sizes = poses.sizes.unflatten(0, shape)
    sizes = torch.stack([frame_sizes[i][known[i]].median() for i in range(len(known))])
    # a frame in which somebody seems larger sees them as much too far away, and the other way round
    places = poses.joints.unflatten(0, shape) / frame_sizes[..., None, None]
    seconds = observations.seconds.to(device)
    six = matrix_to_rotation_6d(poses.rotations).flatten(1).unflatten(0, shape)
    weight = known.float() + 1e-3
    six = _smooth(interpolated(six, known, seconds), weight, seconds, _POSE_SECONDS)
    pelvis = places[:, :, 0]
    depth = interpolated(pelvis[..., 2:].clamp_min(0.2).log(), known, seconds)
    depth = _smooth(depth, weight, seconds, _DEPTH_SECONDS).exp()
    direction = interpolated(pelvis[..., :2] / pelvis[..., 2:].clamp_min(0.2), known, seconds)
    direction = _smooth(direction, weight, seconds, _POSE_SECONDS)
    relative = interpolated((places - pelvis[:, :, None]).flatten(2), known, seconds)
    relative = _smooth(relative, weight, seconds, _POSE_SECONDS).unflatten(2, (BODY_COUNT, 3))
    placed = torch.cat([direction * depth, depth], -1)
    return _Found(rotation_6d_to_matrix(six.unflatten(2, (-1, 6))), placed[:, :, None] + relative, sizes, known)


def _smooth(
    values: Float[Tensor, "P T C"], weight: Float[Tensor, "P T"], seconds: Float[Tensor, " T"], sigma: float
) -> Float[Tensor, "P T C"]:
    """`smooth_over_time` with one weight for all columns."""
    return smooth_over_time(values, weight[..., None].expand_as(values), seconds, sigma)


def _prior(found: _Found, observations: Observations) -> JointPrior:
    """Where the joints are, in the fit's terms: each about its pelvis as in the mean body, the pelvis where it really is."""
    visible = ramp(observations.joint_confidence, (HIDDEN, VISIBLE)).to(found.joints)
    unknown = 1 + (_UNKNOWN - 1) * (~found.known)[..., None].to(found.joints)
    across, along = ((hidden + (shown - hidden) * visible) * unknown for shown, hidden in (_SIGMA_ACROSS, _SIGMA_ALONG))
    pelvis = found.joints[:, :, :1] * found.sizes[:, None, None, None]
    joints = pelvis + found.joints - found.joints[:, :, :1]
    along = along.clone()
    along[:, :, 0] = _DEPTH_SIGMA * pelvis[:, :, 0, 2] * unknown[..., 0]
    arrays = (each.float().cpu().numpy() for each in (joints, along, across))
    return JointPrior(*arrays)


def _posed(
    found: _Found, relative: Float[Tensor, "P T 22 3"], pelvis: Float[Tensor, "P T 3"], body: BodyModel
) -> tuple[Float[Tensor, "P T 55 3 3"], Float[Tensor, "P T 3"]]:
    """Our body in its mean shape, posed by the table and then brought to the joints by inverse kinematics."""
    shape = pelvis.shape[:2]
    rest = rest_joints(body, pelvis.new_zeros(16)).cpu().double()[:BODY_COUNT]
    start = Poses(_exact(found.rotations[:, :, :BODY_COUNT]), _exact(pelvis), rest)
    _, global_rotations = start.joints()
    count = len(start.pelvis)
    weights = torch.zeros(BODY_COUNT, dtype=torch.float64)
    turns = torch.full_like(weights, _ROTATION_WEIGHT)
    for side in ("left", "right"):
        for part, weight in _POSITION_WEIGHTS.items():
            weights[JOINT_INDEX[f"{side}_{part}"]] = weight
        turns[JOINT_INDEX[f"{side}_wrist"]] = _HAND_WEIGHT
    targets = Targets(
        _exact(pelvis[:, :, None] + relative),
        weights.expand(count, -1),
        global_rotations,
        turns.expand(count, -1),
    )
    solved = solve(start, targets, torch.ones(count, len(BODY_JOINTS)).to(weights), pelvis_flexibility=1.0)
    rotations = found.rotations.clone()
    rotations[:, :, :BODY_COUNT] = solved.rotations.unflatten(0, shape).to(rotations)
    return rotations, solved.pelvis.unflatten(0, shape).to(pelvis)


def _exact(values: Float[Tensor, "P T *c"]) -> Float[Tensor, "K *c"]:
    """Of all people and frames, in double precision, which not every GPU has."""
    return values.flatten(0, 1).cpu().double()


def _with_fingers(
    rotations: Float[Tensor, "P T 55 3 3"], people: LiftedPeople, known: Bool[Tensor, "P T"], observations: Observations
) -> Float[Tensor, "P T 55 3 3"]:
    """Fingers of the hand decoder where it saw the hand, else of the hand detector where that did, else of the body decoder."""
    detected = curl_rotations(observations).to(rotations)
    by_network = torch.from_numpy(people.hands_seen).to(known.device) & known[..., None]
    by_detector = ~by_network & ((observations.hand_wrists[..., 2] > _HAND_DETECTED) | ~known[..., None])
    out = rotations.clone()
    out[:, :, BODY_COUNT : -2 * FINGER_COUNT] = detected[:, :, : -2 * FINGER_COUNT]
    for hand, fingers in enumerate((slice(-2 * FINGER_COUNT, -FINGER_COUNT), slice(-FINGER_COUNT, None))):
        chosen = by_detector[:, :, hand, None, None, None]
        out[:, :, fingers] = torch.where(chosen, detected[:, :, fingers], rotations[:, :, fingers])
    return out
