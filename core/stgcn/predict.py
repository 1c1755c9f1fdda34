"""From the network's prediction to a prior for the fit: brought into the camera's frame and to where keypoints are seen."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..body.model import BodyModel
from ..contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from ..fitting.prior import JointPrior, fused
from ..motion import BODY_COUNT, MotionEstimate, PairMotion, motion_from_rotations, motion_rotations, pose_motion
from ..observations.clip_scene import ClipScene
from ..observations.features import CanonicalFrame
from ..observations.observe import Observations
from ..observations.over_time import gaussian_sums
from ..projection import project
from ..records import Record
from ..representation.residual import PoseState, apply_residual, encode_residual
from ..representation.touch_flags import TOUCHING_PARTS
from .inference import run_stgcn
from .network import STGCN
from .posing import pose_to_joints

_LIMBS = [
    f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
]
_JOINTS = [JOINT_INDEX[name] for name in _LIMBS]
_LANDMARKS = [LANDMARK_INDEX[name] for name in _LIMBS]
_LIMB_CHAINS = [
    tuple(f"{side}_{part}" for part in parts)
    for side in ("left", "right")
    for parts in (("elbow", "wrist"), ("knee", "ankle", "foot"))
]
"""Joints of each limb, from the elbow or the knee on; the first two have landmarks."""


@dataclass(frozen=True)
class SnapSettings:
    """When the picture overrules the network: limbs of confident keypoints are moved, across the picture, to where they are seen.

    The values were chosen on the dev split.
    """

    confident: float = 0.5
    """Confidence from which on a keypoint says where a joint is."""
    limbs_to_place_person: int = 4
    """Confident limbs that a frame needs to say where the person is."""
    person_seconds: float = 0.08
    """Time constant over which the place of the person is averaged."""
    person_damping: float = 1.0
    """Confident limbs that stand against a move: a person of whom little is seen moves little."""
    limb_seconds: float = 0.05
    """Time constant over which the place of a limb is averaged."""
    near: float = 0.3
    """Heights of the person from a keypoint to the partner's nearest one up to which it may be the partner's ..."""
    far: float = 0.6
    """... and from which on it is the person's own. Nearer limbs are left to the network: they may be somebody else's."""
    half_way: float = 0.07
    """metres from the keypoint at which a limb moves half of the way."""
    allowed: float = 0.05
    """metres across the picture that a joint may lie from its landmark: that far the two are not the same place."""
    contradicted: float = 0.06
    """metres by which the network puts a limb farther from its confident keypoints than the initial motion does at which each of
    the two counts half."""
    contradicted_seconds: float = 0.04
    """Time constant over which that is averaged."""


@dataclass(frozen=True)
class JointPrediction(Record):
    """A clip's people where the network predicts them."""

    motion_incam: PairMotion
    """The initial motion posed to the predicted joints: where a fit starts, and what the infiller changes."""
    prior: JointPrior | None
    """None where no network was asked."""


def predict_joints(
    scene: ClipScene,
    network: STGCN,
    text: Float[Tensor, " E"] | None = None,
    mirrored_text: Float[Tensor, " E"] | None = None,
) -> JointPrediction:
    """Run the network over a clip; for the sentence's embeddings see `run_stgcn`. Results are at the clip's own times.

    Not the predicted joints are resampled to the clip's times but their offsets: where the network changes nothing, the initial
    motion stays as it is. UserError `stgcn-failed` as `run_stgcn`.
    """
    features, frame, initial, body = scene.features, scene.frame, scene.initial, scene.body
    found = run_stgcn(features, network, text, mirrored_text)
    device = features.joints.device
    offset = frame.view.vectors_incam(frame.grid.from_grid(found.joints_inview.to(device) - features.joints))
    along, across = (frame.grid.from_grid(each.to(device)) for each in (found.sigma_along, found.sigma_across))
    initial_joints = pose_motion(body, initial.motion_incam).joints[:, :, :BODY_COUNT]
    raw = JointPrior((initial_joints + offset).cpu().numpy(), along.cpu().numpy(), across.cpu().numpy())
    raw = keep_seen_limbs(raw, initial_joints.cpu().numpy(), scene.observations)
    posed = pose_to_joints(features.reference, found.joints_inview.to(device), body)
    motion = at_clip_times(posed, features.reference, frame, initial.motion_incam)
    prior, moved = snap_to_keypoints(raw, scene.observations)
    motion = replace(motion, pelvis=motion.pelvis + moved)
    return JointPrediction(motion, prior)


def with_initial(
    prediction: JointPrediction,
    initial: MotionEstimate,
    own: JointPrior,
    observations: Observations,
    body: BodyModel,
) -> JointPrediction:
    """The prediction and an initial motion that is sure of its joints by `own`, each joint weighed by both sigmas.

    The two have to be independent, or what both were told is counted twice. Twists and hands are those of the initial motion;
    across the picture the people are where their keypoints are, as in `predict_joints`.
    """
    if prediction.prior is None:
        return prediction
    prior, motion = fused(own, prediction.prior), initial.motion_incam
    rotations = motion_rotations(motion).to(body.device)
    reference = PoseState(
        rotations[:, :, :BODY_COUNT],
        torch.as_tensor(motion.pelvis, device=body.device),
        torch.as_tensor(motion.betas, device=body.device),
    )
    posed = pose_to_joints(reference, torch.as_tensor(prior.joints_incam, device=body.device), body)
    rotations[:, :, :BODY_COUNT] = posed.rotations
    motion = motion_from_rotations(rotations, posed.pelvis, posed.betas)
    moved = lateral_offset(prior, observations, SnapSettings())
    return JointPrediction(replace(motion, pelvis=motion.pelvis + moved), prior)


def at_clip_times(
    state: PoseState, reference: PoseState, frame: CanonicalFrame, reference_incam: PairMotion
) -> PairMotion:
    """A motion on the uniform grid, with the reference's shapes, as a change of the reference motion at the clip's times."""
    no = torch.zeros(*state.pelvis.shape[:2], 2 + len(TOUCHING_PARTS), dtype=torch.bool, device=state.pelvis.device)
    x, betas = encode_residual(state, reference, no[..., :2], no[..., 2:])
    return apply_residual(x, betas, reference_incam, frame.view, frame.grid)


def snap_to_keypoints(
    prior: JointPrior, observations: Observations, settings: SnapSettings | None = None
) -> tuple[JointPrior, Float[np.ndarray, "P T 3"]]:
    """The prior with its limbs corrected by confident keypoints, and how far (metres, across the picture) to move each person.

    The prior itself stays where the network has the people, as what counts in it are joints about their pelvis and depths.
    A network knows how far away people are and what pose they take; where across the picture they are, the picture knows. Limbs
    of confident keypoints with nobody near go where they are seen; the sigma of joints that stay away from their keypoints grows
    by the distance. Joints without a landmark get the mean growth of the person's limbs in that frame.
    """
    settings = settings or SnapSettings()
    moved = lateral_offset(prior, observations, settings)
    offsets = _keypoint_offsets(
        replace(prior, joints_incam=prior.joints_incam + moved[:, :, None]), observations, settings
    )
    confident = offsets.confident
    metres = np.where(confident[..., None], offsets.metres, 0)
    distance = np.linalg.norm(metres, axis=-1)
    excess = np.maximum(distance - settings.allowed, 0)
    mean_excess = excess.sum(-1) / np.maximum(confident.sum(-1), 1)
    growth = np.repeat(mean_excess[..., None], BODY_COUNT, -1)
    growth[:, :, _JOINTS] = np.where(confident, excess, growth[:, :, _JOINTS])
    weight = confident * _separation(observations, settings)
    target = metres * (distance**2 / (distance**2 + settings.half_way**2))[..., None]
    time, seconds = observations.time, settings.limb_seconds
    limb_offset = gaussian_sums(target * weight[..., None], time, seconds)
    limb_offset /= gaussian_sums(np.maximum(weight, 1e-3), time, seconds)[..., None]
    joints = prior.joints_incam.copy()
    joints[:, :, _JOINTS, :2] += limb_offset.astype(np.float32)
    along, across = (np.hypot(sigma, growth).astype(np.float32) for sigma in (prior.sigma_along, prior.sigma_across))
    return JointPrior(joints, along, across), moved


def lateral_offset(prior: JointPrior, observations: Observations, settings: SnapSettings) -> Float[np.ndarray, "P T 3"]:
    """metres across the picture from where each person is predicted to where their confident keypoints are.

    Single frames' offsets are smoothed over time; frames without confident keypoints take them from the frames around.
    """
    offsets = _keypoint_offsets(prior, observations, settings)
    metres = np.where(offsets.confident[..., None], offsets.metres, np.nan)
    counts = offsets.confident.sum(-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # frames without any confident keypoint
        median = np.nan_to_num(np.nanmedian(metres, axis=2))
    weight = np.where(counts >= settings.limbs_to_place_person, counts, 0)[..., None] + 1e-6
    time, seconds = observations.time, settings.person_seconds
    mean = gaussian_sums(weight * median, time, seconds)
    mean /= gaussian_sums(weight, time, seconds) + settings.person_damping
    return np.concatenate([mean, np.zeros_like(mean[..., :1])], -1).astype(np.float32)


def keep_seen_limbs(
    prior: JointPrior,
    initial_incam: Float[np.ndarray, "P T 22 3"],
    observations: Observations,
    settings: SnapSettings | None = None,
) -> JointPrior:
    """The prior with the initial motion's limbs, about the predicted pelvis, where confident keypoints lie on these and not on
    the predicted ones; sigmas are those of the mixture of both.

    A network that has rarely seen a kick takes the raised foot back to the floor, though the picture shows it plainly. A limb
    counts as a whole, from the elbow or the knee on: where a joint of it is contradicted, the depth of the others is not to be
    believed either. A partner nearby is no exception.
    """
    settings = settings or SnapSettings()
    weight = _contradiction(prior, initial_incam, observations, settings)
    to_initial = _about_pelvis(initial_incam, prior) - prior.joints_incam
    spread = np.linalg.norm(to_initial, axis=-1) * np.sqrt(weight * (1 - weight))
    joints = (prior.joints_incam + weight[..., None] * to_initial).astype(np.float32)
    along, across = (np.hypot(sigma, spread).astype(np.float32) for sigma in (prior.sigma_along, prior.sigma_across))
    return JointPrior(joints, along, across)


def _about_pelvis(joints_incam: Float[np.ndarray, "P T 22 3"], prior: JointPrior) -> Float[np.ndarray, "P T 22 3"]:
    """Joints moved to where the prior has each person's pelvis."""
    return prior.joints_incam[:, :, :1] + joints_incam - joints_incam[:, :, :1]


def _contradiction(
    prior: JointPrior,
    initial_incam: Float[np.ndarray, "P T 22 3"],
    observations: Observations,
    settings: SnapSettings,
) -> Float[np.ndarray, "P T 22"]:
    """In 0-1, how much the picture speaks for the initial motion's limb and against the prior's; 0 for the trunk."""
    offset = lateral_offset(prior, observations, settings)[:, :, None]
    placed = replace(prior, joints_incam=prior.joints_incam + offset)
    predicted = _keypoint_offsets(placed, observations, settings)
    initial = _keypoint_offsets(
        replace(prior, joints_incam=_about_pelvis(initial_incam, placed)), observations, settings
    )
    farther = np.linalg.norm(predicted.metres, axis=-1) - np.linalg.norm(initial.metres, axis=-1)
    farther = np.where(predicted.confident, farther.clip(min=0), 0)
    of_joints = farther**2 / (farther**2 + settings.contradicted**2)
    weight = np.zeros(initial_incam.shape[:3])
    for names in _LIMB_CHAINS:
        of_limb = of_joints[:, :, [_LIMBS.index(name) for name in names[:2]]].max(-1)
        weight[:, :, [JOINT_INDEX[name] for name in names]] = of_limb[..., None]
    time, seconds = observations.time, settings.contradicted_seconds
    return gaussian_sums(weight, time, seconds) / gaussian_sums(np.ones_like(weight), time, seconds)


@dataclass(frozen=True)
class _KeypointOffsets:
    """From predicted limbs to their keypoints."""

    metres: Float[np.ndarray, "P T 12 2"]
    """Across the picture, at the predicted depth."""
    confident: Bool[np.ndarray, "P T 12"]


def _keypoint_offsets(prior: JointPrior, observations: Observations, settings: SnapSettings) -> _KeypointOffsets:
    K = observations.K.cpu().numpy().astype(np.float64)
    confident = observations.plainly_seen(settings.confident)[:, :, _LANDMARKS].cpu().numpy()
    joints = prior.joints_incam[:, :, _JOINTS]
    projected, depth = project(joints, K)
    pixels = observations.keypoints[:, :, _LANDMARKS].cpu().numpy() - projected
    return _KeypointOffsets(pixels * depth[..., None] / K.diagonal()[:2], confident)


def _separation(observations: Observations, settings: SnapSettings) -> Float[np.ndarray, "P T 12"]:
    """In 0-1: how surely a limb's keypoint is the person's own, as the partner is far from it; 0 where only one was found."""
    points = observations.keypoints.cpu().numpy()
    own = points[:, :, _LANDMARKS]
    nearest = np.linalg.norm(own[:, :, :, None] - points[::-1][:, :, None], axis=-1).min(-1)
    height = np.median(np.ptp(points[..., 1], axis=-1), axis=1)[:, None, None]
    both_found = observations.found.all(0).cpu().numpy()[:, None]
    return np.clip((nearest / height - settings.near) / (settings.far - settings.near), 0, 1) * both_found
