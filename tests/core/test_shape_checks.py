"""The check of annotated shapes that the other tests run under."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from jaxtyping import Float, TypeCheckError, jaxtyped

from tests.shapes import check_shapes

Points = Float[np.ndarray, "T 3"]


@jaxtyped(typechecker=check_shapes)
def by_shape(points: Float[np.ndarray, "T 3"], times: Float[np.ndarray, "T"] | None = None) -> None:
    pass


@jaxtyped(typechecker=check_shapes)
def by_alias(points: Points, times: Float[np.ndarray, "T"] | None = None) -> None:
    pass


@jaxtyped(typechecker=check_shapes)
def nested(pair: tuple[Points, Points], name: int = 0) -> Float[np.ndarray, "T"]:
    return pair[0][:, 0]


@pytest.mark.parametrize("function", [by_shape, by_alias])
def test_a_wrong_shape_is_refused(function: Callable[..., None]) -> None:
    function(np.zeros((4, 3)), np.zeros(4))
    with pytest.raises(TypeCheckError):
        function(np.zeros((4, 2)))
    with pytest.raises(TypeCheckError):
        function(np.zeros((4, 3)), np.zeros(5))  # one T for both


def test_shapes_inside_other_types_are_checked_and_other_types_are_not() -> None:
    nested((np.zeros((4, 3)), np.zeros((4, 3))), name="a stand-in")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeCheckError):
        nested((np.zeros((4, 3)), np.zeros((5, 3))))
