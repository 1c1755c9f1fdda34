"""Shapes of the hand: how far each joint of the fingers bends."""

from __future__ import annotations

import torch
from torch import Tensor

from core.body.rotations import axis_angle_to_matrix

from .scene import HandShape, HandShapeGoal, Interval

SIDES = ("left", "right")
FINGERS = ("index", "middle", "pinky", "ring", "thumb")
SHAPE_PARAMETERS = 14
"""Parameters of a hand's shape: three bends (radians) of index, middle, pinky and ring, the spread of the four (radians), and the
adduction of the thumb (0-1)."""
_SHAPES: dict[HandShape, tuple[tuple[float, float, float], float, float]] = {
    "relaxed": ((0.35, 0.40, 0.25), 0.0, 0.3),
    "flat": ((0.06, 0.10, 0.06), 0.0, 0.0),
    "spread": ((0.02, 0.06, 0.04), 0.16, -0.2),
    "clasped": ((0.75, 0.75, 0.45), 0.0, 0.4),
    "hooked": ((0.75, 0.95, 0.55), 0.0, 0.4),
    "fist": ((1.35, 1.55, 0.95), 0.0, 1.0),
}
"""Bends of all four fingers, spread and thumb."""
_UNEVEN = torch.tensor([0.25, 0.0, 0.15, 0.08])
"""How much more than the middle finger index, middle, pinky and ring bend, as a fraction."""
_SPREAD = torch.tensor([1.0, 0.2, -1.1, -0.5])
_THUMB = torch.tensor([[0.10, 0.15, 0.20], [0.30, 0.45, 0.65]])
"""radians of its three joints, abducted and adducted."""
_OPENS_BEFORE, _CLOSES_IN = 4, 5
"""Frames before a contact from which on the hand is open, and frames in which it then closes."""


def finger_rotations(shapes: Tensor) -> Tensor:
    """shapes [...,2,SHAPE_PARAMETERS] of left and right hand -> rotations [...,33,3,3] of jaw, eyes, left and right hand.

    Fingers of the flat hand in the rest pose bend downwards.
    """
    angles = shapes.new_zeros(*shapes.shape[:-2], 33, 3)
    for hand, sign in ((0, 1.0), (1, -1.0)):
        first, shape = 3 + 15 * hand, shapes[..., hand, :]
        angles[..., first : first + 12, 2] = -sign * shape[..., :12]
        angles[..., first : first + 12 : 3, 1] = -sign * shape[..., 12:13] * _SPREAD
        thumb = _THUMB[0] + shape[..., 13:14] * (_THUMB[1] - _THUMB[0])
        angles[..., first + 12 : first + 15, 1] = sign * thumb
    return axis_angle_to_matrix(angles)


def hand_shape(name: HandShape) -> Tensor:
    """[SHAPE_PARAMETERS] of a named shape."""
    bends, spread, thumb = _SHAPES[name]
    return torch.cat([((1 + _UNEVEN[:, None]) * torch.tensor(bends)).flatten(), torch.tensor([spread, thumb])])


def animate_hands(
    poses: tuple[HandShapeGoal, ...], frames: int, closed: dict[HandShapeGoal, Tensor] | None = None
) -> Tensor:
    """[2,T,2,SHAPE_PARAMETERS] of both people's left and right hands, blended over time.

    Hands that close on contact are flat unless `closed` says how far each closes.
    """
    shapes = hand_shape("relaxed").repeat(2, frames, 2, 1)
    for pose in poses:
        hand = shapes[pose.person, :, SIDES.index(pose.side)]
        if pose.closes_on_contact:
            span = pose.interval
            opened = Interval(span.start - _OPENS_BEFORE, span.end + _OPENS_BEFORE, span.fade_in, span.fade_out)
            hand += _weight(opened, frames) * (hand_shape("flat") - hand)
            if closed is not None:
                fade = min(_CLOSES_IN, (span.end - span.start) / 3)
                span = Interval(span.start + fade, span.end - fade, fade, fade)
                hand += _weight(span, frames) * (closed[pose] - hand)
        else:
            hand += _weight(pose.interval, frames) * (hand_shape(pose.shape) - hand)
    return shapes


def _weight(span: Interval, frames: int) -> Tensor:
    return torch.from_numpy(span.weights(frames)).float()[:, None]
