"""What the geometry optimizer makes of a clip, in the terms of the fit that goes on from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..body.model import BodyModel
from ..contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from ..geometry.evidence import evidence_from_tracks
from ..geometry.initial import Initial
from ..geometry.prior import Prior
from ..motion import BODY_COUNT, PairMotion, pose_motion
from ..perception.tracks import Tracks
from ..representation.observed import observe_pair
from .network import GeometryOptimizer
from .run import optimize


@dataclass(frozen=True)
class Expected:
    """A clip's joints as the optimizer places them."""

    motion: PairMotion
    """The initial motion with every pelvis moved to where it is expected: where a fit starts."""
    prior: Prior | None
    """None where there was no network to ask."""


def expect(
    tracks: Tracks, initial: Initial, body: BodyModel, network: GeometryOptimizer, text: Tensor | None = None
) -> Expected:
    """Run the network over a clip; `text` [E] is its sentence's numbers. Results are at the clip's own times.

    Not the moved joints are brought from the network's clock to the clip's times but their way: where the network changes
    nothing the initial motion stays as it was. UserError `optimizer-failed` as `optimize`.
    """
    observed, setting = observe_pair(tracks, initial, body)
    found = optimize(observed, network, text)
    device = observed.joints.device
    way = setting.clock.from_grid(found.joints.to(device) - observed.joints)
    sigma = setting.clock.from_grid(found.sigma.to(device))
    way = (setting.view.turn.T @ way[..., None])[..., 0]
    joints = pose_motion(body, initial.motion).joints[:, :, :BODY_COUNT] + way
    world = torch.as_tensor(initial.camera.world, device=device, dtype=torch.float32)
    in_camera = joints @ world[:3, :3].T + world[:3, 3]
    pelvis = initial.motion.pelvis + way[:, :, 0].cpu().numpy()
    return Expected(
        replace(initial.motion, pelvis=pelvis.astype("float32")), Prior(in_camera.cpu().numpy(), sigma.cpu().numpy())
    )


_LIMBS = [
    f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
]
_SURE = 0.5
"""Confidence from which on a landmark says where a joint is."""


def disagreement(prior: Prior, tracks: Tracks, K: np.ndarray) -> float:
    """How far the expected limbs lie from where they were surely seen, median over the person's height in the picture.

    What a network expects of clips like those that it learned from lies within a few hundredths; far more says that this one is
    of another kind. 0 where nothing was surely seen.
    """
    evidence = evidence_from_tracks(tracks, torch.as_tensor(K, dtype=torch.float32))
    landmarks = [LANDMARK_INDEX[name] for name in _LIMBS]
    sure = (evidence.weight[:, :, landmarks].cpu().numpy() > _SURE) & ~tracks.contested[:, :, landmarks]
    joints = prior.joints[:, :, [JOINT_INDEX[name] for name in _LIMBS]]
    pixels = joints[..., :2] / np.maximum(joints[..., 2:], 0.1) * K[[0, 1], [0, 1]] + K[:2, 2]
    seen = evidence.pixels[:, :, landmarks].cpu().numpy()
    apart = np.linalg.norm(pixels - seen, axis=-1) / evidence.box_height.cpu().numpy()[..., None]
    return float(np.median(apart[sure])) if sure.any() else 0.0
