"""One person's motion from another tool, before anything is known of how it lies in the clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class ImportedMotion:
    """SMPL-X rotations of one person, axis-angle in radians, over N frames. SMPL and SMPL+H share the 21 body joints.

    The shape is left out: betas of one body do not fit another.
    """

    global_orient: Float[np.ndarray, "N 3"]
    body_pose: Float[np.ndarray, "N 21 3"]
    translation: Float[np.ndarray, "N 3"]
    """metres, up to a constant offset; only the path in the world matters."""
    frame_of_reference: Literal["camera", "world"]
    """`camera`: the axes of the clip's camera (x right, y down, z forward); `world`: any axes that do not move."""
    frame_rate: float | None
    """Frames per second from the clip's start on; None: one pose for each frame of the clip or of its range."""
    source: str
    """Name of the file."""
    left_hand_pose: Float[np.ndarray, "N 15 3"] | None = None
    right_hand_pose: Float[np.ndarray, "N 15 3"] | None = None
    """On the flat hand; None where the tool has no hands."""

    @property
    def has_hands(self) -> bool:
        return self.left_hand_pose is not None and self.right_hand_pose is not None
