"""A linear transition between two limits."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def ramp(value: Float[Tensor, "*n"], limits: tuple[float, float]) -> Float[Tensor, "*n"]:
    """0 on the near side of the first limit, 1 on the far side of the second, linear between them; the limits may fall."""
    start, end = limits
    return ((value - start) / (end - start)).clamp(0, 1)
