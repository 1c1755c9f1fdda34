"""Windows: stretches of a capture in which somebody performs one kind of action, and their conversion to motion clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from core.body.files import load_body
from core.body.model import BodyModel

from .array_rotations import axis_angle_to_matrix
from .capture import Capture
from .motion_clip import MotionClip, standing_height

Action = Literal["standing", "walking", "running", "kicking", "punching", "getting_up", "dancing", "other"]
Side = Literal["left", "right"]


@dataclass(frozen=True)
class Window:
    """Frames `start` to `end` (exclusive) of a capture."""

    capture: Capture
    start: int
    end: int
    action: Action
    speed: float
    """Mean horizontal speed of the pelvis, metres per second."""
    heading_change: float
    """From the first frame to the last, radians; positive to the person's left."""
    peak: int | None
    """Frame, counted from `start`, in which a kick or a punch is fully extended, or somebody who gets up is upright."""
    side: Side | None
    """Which foot kicks or which hand punches."""

    @property
    def frames(self) -> int:
        return self.end - self.start


def clip_from_window(window: Window, body: BodyModel, betas: Float[np.ndarray, "16"]) -> MotionClip:
    """The window's motion on a body with the shape `betas`.

    Positions are scaled by the height of the pelvis, so that feet stay on the floor and strides fit the legs.
    """
    capture, part = window.capture, slice(window.start, window.end)
    scale = standing_height(body, betas) / standing_height(load_body(None), capture.betas)
    angles = np.concatenate([capture.global_orient[part, None], capture.body_pose[part]], 1)
    return MotionClip(
        rotations=axis_angle_to_matrix(angles.astype(np.float32)),
        pelvis=(capture.pelvis[part] * scale).astype(np.float32),
        foot_contact=capture.foot_contact[part].copy(),
        source=capture.source,
        subject=capture.subject,
        peak=window.peak,
    )
