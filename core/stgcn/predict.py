"""What the geometry optimizer makes of a clip, in the terms of the fit that goes on from it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..body.model import BodyModel
from ..contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from ..fitting.initial import InitialMotion
from ..fitting.prior import JointPrior
from ..motion import BODY_COUNT, PairMotion, pose_motion
from ..observations.features import CanonicalFrame, Features, extract_features
from ..observations.observe import observe
from ..perception.detections import Detections
from ..representation.body_parts import PARTS
from ..representation.residual import PoseState, apply_residual, encode_residual
from .inference import run_stgcn
from .network import STGCN
from .posing import pose_to_joints


@dataclass(frozen=True)
class JointPrediction:
    """A clip's people as the optimizer places them."""

    motion: PairMotion
    """The initial motion posed to the expected joints: where a fit starts, and what an infiller changes."""
    prior: JointPrior | None
    """None where there was no network to ask."""
    keypoint_residual: float = 0.0
    """How far limbs lay from where they were surely seen before they were put right there, see `disagreement`."""


def predict_joints(
    detections: Detections, initial: InitialMotion, body: BodyModel, network: STGCN, text: Tensor | None = None
) -> JointPrediction:
    """Run the network over a clip; `text` [E] is its sentence's numbers. Results are at the clip's own times.

    Not the moved joints are brought from the network's clock to the clip's times but their way: where the network changes
    nothing the initial motion stays as it was. UserError `optimizer-failed` as `optimize`.
    """
    features, setting = extract_features(detections, initial, body)
    found = run_stgcn(features, network, text)
    device = features.joints.device
    way = setting.clock.from_grid(found.joints_inview.to(device) - features.joints)
    sigma = setting.clock.from_grid(found.sigma.to(device))
    way = (setting.view.rotation.T @ way[..., None])[..., 0]
    joints = pose_motion(body, initial.motion).joints[:, :, :BODY_COUNT] + way
    world = torch.as_tensor(initial.camera.T_cw, device=device, dtype=torch.float32)
    in_camera = joints @ world[:3, :3].T + world[:3, 3]
    motion = at_own_times(
        pose_to_joints(features.reference, found.joints_inview.to(device), body), features, setting, initial
    )
    said, K = JointPrior(in_camera.cpu().numpy(), sigma.cpu().numpy()), initial.camera.K
    prior, aside = snap_to_keypoints(said, detections, K)
    pelvis = motion.pelvis + aside @ initial.camera.T_cw[:3, :3].astype(np.float32)
    return JointPrediction(replace(motion, pelvis=pelvis), prior, keypoint_residual(said, detections, K))


def snap_to_keypoints(prior: JointPrior, detections: Detections, K: np.ndarray) -> tuple[JointPrior, np.ndarray]:
    """The prior, checked against what was surely seen, and float32 [P,T,3] the way across the picture to where people are.

    A network knows how far away people are and how they stand; where across the picture, the picture knows. Limbs that are
    plainly seen, with nobody near, go where they are seen; all that lies beside the evidence is doubted as much as it shows.
    Joints that no landmark stands for are doubted as much as the person's limbs are on average in that frame.
    """
    aside = lateral_offset(prior, detections, K)
    off, sure, _ = _off_landmarks(replace(prior, joints=prior.joints + aside[:, :, None]), detections, K)
    depth = np.maximum(prior.joints[:, :, _JOINTS, 2:], 0.1)
    metres = np.where(sure[..., None], off * depth / K[[0, 1], [0, 1]], 0)
    apart = np.linalg.norm(metres, axis=-1)
    excess = np.maximum(apart - _ALLOWED, 0)
    doubt = np.repeat((excess.sum(-1) / np.maximum(sure.sum(-1), 1))[..., None], BODY_COUNT, -1)
    doubt[:, :, _JOINTS] = np.where(sure, excess, doubt[:, :, _JOINTS])
    plainly = sure * _by_themselves(detections)
    wanted = metres * (apart**2 / (apart**2 + _FOLLOWED**2))[..., None]
    near = _near_in_time(detections.time, _QUICK)
    moved = np.einsum("ab,pbjc->pajc", near, wanted * plainly[..., None])
    moved /= np.einsum("ab,pbj->paj", near, np.maximum(plainly, _FAINT))[..., None]
    joints = prior.joints.copy()
    joints[:, :, _JOINTS, :2] += moved.astype(np.float32)
    return JointPrior(joints, np.hypot(prior.sigma, doubt).astype(np.float32)), aside


def at_own_times(base: PoseState, features: Features, setting: CanonicalFrame, initial: InitialMotion) -> PairMotion:
    """A motion on the models' clock, with the initial one's shapes, as a change of the initial motion at the clip's times."""
    no = torch.zeros(*base.pelvis.shape[:2], 2 + len(PARTS), dtype=torch.bool, device=base.pelvis.device)
    x, betas = encode_residual(base, features.reference, no[..., :2], no[..., 2:])
    return apply_residual(x, betas, initial.motion, setting.view, setting.clock)


_LIMBS = [
    f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
]
_JOINTS = [JOINT_INDEX[name] for name in _LIMBS]
_SURE = 0.5
"""Confidence from which on a landmark says where a joint is."""
_ENOUGH = 4
"""Limbs of a person that have to be sure in a frame for it to say where the person is."""
_STEADY = 0.08
"""seconds over which that is averaged."""
_FADE = 1.0
"""Sure limbs that stand against it: what little is seen moves a person little."""
_QUICK = 0.05
"""seconds over which what is seen of a limb is averaged."""
_FAINT = 1e-3
_NEAR, _FAR = 0.3, 0.6
"""Heights of the person from a landmark to the other person's nearest: up to the one it may be the other's, from the other on
it is its own. Chosen on dev clips: where limbs closer to somebody are followed, thieves are followed, too."""
_FOLLOWED = 0.07
"""metres beside the landmark at which a limb goes half of the way there."""
_ALLOWED = 0.05
"""metres across the picture by which a joint may lie beside its landmark: that far the two are not the same place."""


def lateral_offset(prior: JointPrior, detections: Detections, K: np.ndarray) -> np.ndarray:
    """float32 [P,T,3] metres across the picture from where each person is expected to where their limbs were surely seen.

    What single frames say is smoothed over time; where nothing is sure it is as in the frames around.
    """
    off, sure, _ = _off_landmarks(prior, detections, K)
    depth = np.maximum(prior.joints[:, :, _JOINTS, 2:], 0.1)
    metres = np.where(sure[..., None], off * depth / K[[0, 1], [0, 1]], np.nan)
    counts = sure.sum(-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # frames in which nothing is sure
        middle = np.nan_to_num(np.nanmedian(metres, axis=2))
    weight = np.where(counts >= _ENOUGH, counts, 0)[..., None] + 1e-6
    near = _near_in_time(detections.time, _STEADY)
    mean = (near @ (weight * middle)) / (near @ weight + _FADE)
    return np.concatenate([mean, np.zeros_like(mean[..., :1])], -1).astype(np.float32)


def keypoint_residual(prior: JointPrior, detections: Detections, K: np.ndarray) -> float:
    """How far the expected limbs lie from where they were surely seen, median over the person's height in the picture.

    What a network expects of clips like those that it learned from lies within a few hundredths; far more says that this one is
    of another kind. 0 where nothing was surely seen.
    """
    off, sure, box_height = _off_landmarks(prior, detections, K)
    apart = np.linalg.norm(off, axis=-1) / box_height[..., None]
    return float(np.median(apart[sure])) if sure.any() else 0.0


def _by_themselves(detections: Detections) -> np.ndarray:
    """[P,T,12] in 0-1: limbs whose landmarks have nobody else near, in frames in which both people were found."""
    points = detections.keypoints[..., :2]
    own = points[:, :, [LANDMARK_INDEX[name] for name in _LIMBS]]
    nearest = np.linalg.norm(own[:, :, :, None] - points[::-1][:, :, None], axis=-1).min(-1)
    height = np.median(np.ptp(points[..., 1], axis=-1), axis=1)[:, None, None]
    return np.clip((nearest / height - _NEAR) / (_FAR - _NEAR), 0, 1) * np.asarray(detections.found.all(0))[:, None]


def _near_in_time(time: np.ndarray, width: float) -> np.ndarray:
    """[T,T] weights of a Gaussian, `width` seconds."""
    return np.exp(-0.5 * ((time[:, None] - time) / width) ** 2)


def _off_landmarks(
    prior: JointPrior, detections: Detections, K: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """px [P,T,12,2] from expected limbs to their landmarks, where those are sure (bool [P,T,12]), and px of height [P,T]."""
    observations = observe(detections, torch.as_tensor(K, dtype=torch.float32))
    landmarks = [LANDMARK_INDEX[name] for name in _LIMBS]
    sure = (observations.weight[:, :, landmarks].cpu().numpy() > _SURE) & ~detections.ambiguous[:, :, landmarks]
    joints = prior.joints[:, :, _JOINTS]
    pixels = joints[..., :2] / np.maximum(joints[..., 2:], 0.1) * K[[0, 1], [0, 1]] + K[:2, 2]
    seen = observations.pixels[:, :, landmarks].cpu().numpy()
    return seen - pixels, sure, observations.box_height.cpu().numpy()
