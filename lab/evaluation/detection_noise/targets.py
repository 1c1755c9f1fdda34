"""Where the landmark network aims: at the right person and limb, or at another one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from core.perception.landmarks import MIRROR

from ..occlusion.projection import ProjectedClip
from .landmark_groups import ANKLES, LIMBS, OPPOSITE_LIMB, TRUNK
from .states import (
    FROM_OTHER_PERSON,
    OTHER_PERSON,
    OTHERS_OPPOSITE_LIMB,
    OTHERS_SAME_LIMB,
    OWN_OPPOSITE_LIMB,
    SIDES_SWAPPED,
)


@dataclass(frozen=True)
class NoiseTargets:
    """The points that detected landmarks would lie on without errors of the usual kind."""

    aimed_px: Float[np.ndarray, "P T 33 2"]
    skeleton_px: Float[np.ndarray, "P T 33 2"]
    """True landmarks of the person aimed at: `aimed_px` without swapped sides and wrong limbs."""
    state: Int[np.ndarray, "P T 33"]
    """State of the landmark aimed at."""
    height_px: Float[np.ndarray, "P T"]
    """Height in the image of the person aimed at."""
    scale: Float[np.ndarray, "P T"]
    """Size of the skeleton in the image relative to that person's."""

    def scaled(self, scale: Float[np.ndarray, "P T"], centre: float) -> NoiseTargets:
        """The targets scaled about a point between trunk (0) and ankles (1)."""
        fixed = self.skeleton_px[:, :, TRUNK].mean(2, keepdims=True)
        fixed = fixed + centre * (self.skeleton_px[:, :, ANKLES].mean(2, keepdims=True) - fixed)
        factor = scale[..., None, None]
        aimed, skeleton = (fixed + factor * (points - fixed) for points in (self.aimed_px, self.skeleton_px))
        return NoiseTargets(aimed, skeleton, self.state, self.height_px, scale)


def noise_targets(
    projected: ProjectedClip,
    landmark_state: Int[np.ndarray, "P T 33"],
    skeleton_kind: Int[np.ndarray, "P T"],
    limb_kind: Int[np.ndarray, "P T 4"],
    middle_joint_follow: float,
) -> NoiseTargets:
    """The targets for the given kinds of skeletons and limbs; see `DetectionNoise.middle_joint_follow`."""
    landmarks, height = projected.landmarks_px.astype(float), projected.height_px.astype(float)
    is_swapped, is_other = (skeleton_kind == SIDES_SWAPPED)[..., None], (skeleton_kind == OTHER_PERSON)[..., None]
    skeleton = np.where(is_other[..., None], landmarks[::-1], landmarks)
    aimed = np.where(is_swapped[..., None], landmarks[:, :, MIRROR], skeleton)
    state = np.where(is_other, FROM_OTHER_PERSON, landmark_state)
    state = np.where(is_swapped, landmark_state[:, :, MIRROR], state)
    for number, limb in enumerate(LIMBS):
        follow = np.append(np.ones(len(limb) - 1), middle_joint_follow)[:, None]
        own, opposite = landmarks[:, :, list(limb)], landmarks[:, :, list(LIMBS[OPPOSITE_LIMB[number]])]
        replacements = {
            OTHERS_SAME_LIMB: own[::-1],
            OTHERS_OPPOSITE_LIMB: opposite[::-1],
            OWN_OPPOSITE_LIMB: opposite,
        }
        for kind, replacement in replacements.items():
            people, frames = np.nonzero(limb_kind[..., number] == kind)
            index = (people[:, None], frames[:, None], list(limb))
            aimed[index] = (own + follow * (replacement - own))[people, frames]
            if kind != OWN_OPPOSITE_LIMB:
                state[index] = FROM_OTHER_PERSON
    return NoiseTargets(aimed, skeleton, state, np.where(is_other[..., 0], height[::-1], height), np.ones(height.shape))
