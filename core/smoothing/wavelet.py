"""An undecimated wavelet transform over time: splits motion by speed, exactly invertible and differentiable.

It is the "à trous" transform with the cubic B-spline ("starlet": Starck and Murtagh, Astronomical Image and Data Analysis, 2006):
each detail is what one more blur removes, so the details and the approximation add up to the motion, and a motion that comes a
frame later has its details a frame later. An orthonormal transform has fewer coefficients but is not shift-invariant, and
attenuating its coefficients leaves jerks: the same network on the 9/7 wavelets of Cohen, Daubechies and Feauveau, trained alike,
left one and a half times the acceleration error.

Shapes: N frames along the last but one axis, D numbers along the last.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

LEVELS = 4
"""Details of about 2, 4, 8 and 16 frames."""
_B_SPLINE = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def pad_odd(values: Float[Tensor, "*b N D"], frames: int) -> Float[Tensor, "*b N2 D"]:
    """Extend both ends by `frames`, by odd reflection about the end values: uniform motion continues uniformly."""
    while frames > 0:
        count = values.shape[-2]
        if count == 1:
            return values.expand(*values.shape[:-2], 2 * frames + 1, values.shape[-1])
        step = min(frames, count - 1)
        before = 2 * values[..., :1, :] - values[..., 1 : step + 1, :].flip(-2)
        after = 2 * values[..., -1:, :] - values[..., -step - 1 : -1, :].flip(-2)
        values = torch.cat([before, values, after], -2)
        frames -= step
    return values


def decompose(
    values: Float[Tensor, "*b N D"], levels: int = LEVELS
) -> tuple[list[Float[Tensor, "*b N D"]], Float[Tensor, "*b N D"]]:
    """The details, fastest first, and the approximation; their sum is `values`."""
    count, reach = values.shape[-2], 2 * (2**levels - 1)
    approximation = pad_odd(values, reach)
    details: list[Tensor] = []
    for level in range(levels):
        gap = 2**level
        length = approximation.shape[-2] - 4 * gap
        blurred = sum(weight * approximation.narrow(-2, gap * tap, length) for tap, weight in enumerate(_B_SPLINE))
        assert isinstance(blurred, Tensor)
        edge = (length - count) // 2
        details.append(approximation.narrow(-2, 2 * gap + edge, count) - blurred.narrow(-2, edge, count))
        approximation = blurred
    return details, approximation
