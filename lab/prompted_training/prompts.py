"""Prompts as the product gives them: MoveNet's keypoints, and positions with the errors of a track's prediction."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from core.perception.prompted_landmarks import LIMB_JOINTS, PROMPT_JOINTS, JointPrompt

from .frames import Frame

_MATCHING_ERROR = 0.15
"""Largest median error, in heights, of keypoints that are taken for a person's."""
_MOVENET_SHARE = 0.5
"""Share of prompts that are MoveNet's keypoints, where it found the person."""
_JOINT_ERROR, _COMMON_ERROR = (0.01, 0.05), 0.025
"""Standard deviations, in heights, of a track's errors: of each joint, and of all joints together."""
_MISSING_SHARE = 0.15
_STOLEN_SHARE = 0.1
"""Share of joints that are the other person's, in half of the tracks."""
_NO_OTHER_SHARE, _NO_OWN_SHARE = 0.1, 0.16


def matched_keypoints(frame: Frame) -> tuple[JointPrompt | None, JointPrompt | None]:
    """MoveNet's keypoints of each of the two people, or None where it did not find them."""
    limbs = frame.points[:, PROMPT_JOINTS]
    error = np.median(np.linalg.norm(frame.found_points[:, None, -LIMB_JOINTS:] - limbs, axis=-1), -1) / frame.height
    error[frame.found_confidence.max(1) <= 0] = np.inf
    error[:, ~frame.present] = np.inf
    matched: list[JointPrompt | None] = [None, None]
    for _ in range(2):
        found, person = np.unravel_index(error.argmin(), error.shape)
        if error[found, person] > _MATCHING_ERROR:
            break
        matched[person] = JointPrompt.of_keypoints(frame.found_points[found], frame.found_confidence[found])
        error[found], error[:, person] = np.inf, np.inf
    return matched[0], matched[1]


def sample_prompts(
    frame: Frame, person: int, rng: np.random.Generator
) -> tuple[JointPrompt | None, JointPrompt | None]:
    """Prompts of the person meant and of the other one for training; one of them may be missing."""
    found = matched_keypoints(frame)
    if not frame.present[person]:
        return None, _sample_prompt(frame, 1 - person, found[1 - person], rng)
    own = _sample_prompt(frame, person, found[person], rng)
    if not frame.present[1 - person]:
        return (None if rng.random() < _NO_OWN_SHARE else own), None
    other = _sample_prompt(frame, 1 - person, found[1 - person], rng)
    draw = rng.random()
    if draw < _NO_OTHER_SHARE:
        return own, None
    return (None if draw < _NO_OTHER_SHARE + _NO_OWN_SHARE else own), other


def _sample_prompt(frame: Frame, person: int, found: JointPrompt | None, rng: np.random.Generator) -> JointPrompt:
    if found is not None and rng.random() < _MOVENET_SHARE:
        return found
    limbs = frame.points[:, PROMPT_JOINTS]
    return _track_prompt(limbs[person], limbs[1 - person], float(frame.height[person]), rng)


def _track_prompt(
    own: Float[np.ndarray, "12 2"], other: Float[np.ndarray, "12 2"], height: float, rng: np.random.Generator
) -> JointPrompt:
    sigma = rng.uniform(*_JOINT_ERROR) * height
    points = own + rng.normal(0, sigma, own.shape) + rng.normal(0, _COMMON_ERROR * height, 2)
    confidence = rng.uniform(0.3, 1, LIMB_JOINTS) * (rng.random(LIMB_JOINTS) > _MISSING_SHARE)
    if rng.random() < 0.5:
        points = np.where(rng.random(LIMB_JOINTS)[:, None] < _STOLEN_SHARE, other, points)
    stated = sigma * rng.uniform(0.3, 2) if rng.random() < 0.7 else 0.0
    return JointPrompt(points, confidence, np.full(LIMB_JOINTS, stated))
