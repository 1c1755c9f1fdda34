"""The check of annotated shapes that the other tests run under."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import Float

from tests.shapes import check_shapes

ROOT = Path(__file__).resolve().parents[2]
Points = Float[np.ndarray, "T 3"]


@check_shapes
@dataclass(frozen=True)
class Track:
    points: Points
    times: Float[np.ndarray, " T"]
    name: int = 0

    @property
    @check_shapes
    def first(self) -> Float[np.ndarray, "3"]:
        return self.times


@check_shapes
def by_shape(points: Float[np.ndarray, "T 3"], times: Float[np.ndarray, "T"] | None = None) -> None:
    pass


@check_shapes
def by_alias(points: Points, times: Float[np.ndarray, "T"] | None = None) -> None:
    pass


@check_shapes
def nested(pair: tuple[Points, Points], name: int = 0) -> Float[np.ndarray, "T"]:
    return pair[0][:, 0]


@pytest.mark.parametrize("function", [by_shape, by_alias])
def test_a_wrong_shape_is_refused(function: Callable[..., None]) -> None:
    function(np.zeros((4, 3)), np.zeros(4))
    with pytest.raises(BeartypeCallHintViolation):
        function(np.zeros((4, 2)))
    with pytest.raises(BeartypeCallHintViolation):
        function(np.zeros((4, 3)), np.zeros(5))  # one T for both


def test_shapes_inside_other_types_are_checked_and_other_types_are_not() -> None:
    nested((np.zeros((4, 3)), np.zeros((4, 3))), name="a stand-in")  # pyright: ignore[reportArgumentType]
    with pytest.raises(BeartypeCallHintViolation):
        nested((np.zeros((4, 3)), np.zeros((5, 3))))


def test_fields_of_a_dataclass_and_results_are_checked() -> None:
    track = Track(np.zeros((4, 3)), np.zeros(4), name="a stand-in")  # pyright: ignore[reportArgumentType]
    with pytest.raises(BeartypeCallHintViolation):
        Track(np.zeros((4, 3)), np.zeros(5))
    with pytest.raises(BeartypeCallHintViolation):
        _ = track.first


@check_shapes
def first_rows(points: Float[np.ndarray, "T 3"], count: int) -> Float[np.ndarray, "T 3"]:
    return points[:count]


def test_a_result_is_checked_also_where_the_same_arguments_passed_before() -> None:
    for _ in range(2):
        assert first_rows(np.zeros((4, 3)), 4).shape == (4, 3)
        assert first_rows(np.zeros((5, 3)), 9).shape == (5, 3)
        for wrong in (3, 2):
            with pytest.raises(BeartypeCallHintViolation):
                first_rows(np.zeros((4, 3)), wrong)


def test_the_type_and_the_numbers_are_part_of_what_passed_before() -> None:
    for _ in range(2):
        by_shape(np.zeros((4, 3)))
        with pytest.raises(BeartypeCallHintViolation):
            by_shape(np.zeros((4, 3), int))
        with pytest.raises(BeartypeCallHintViolation):
            by_shape([[0.0, 0.0, 0.0]])  # pyright: ignore[reportArgumentType]


def test_what_is_imported_under_the_check_has_it_and_the_rest_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "drawn.py").write_text(
        "from __future__ import annotations\n"
        "import functools\nfrom dataclasses import dataclass\nimport numpy as np\nfrom jaxtyping import Float\n"
        "@functools.cache\ndef zeros(count: int) -> Float[np.ndarray, 'T 3']:\n    return np.zeros((count, 2))\n"
        "def plain(count: int) -> int:\n    return count\n"
        "@dataclass\nclass Line:\n    ends: Float[np.ndarray, '2 3']\n"
    )
    program = (
        "import sys\nfrom beartype.roar import BeartypeCallHintViolation\nfrom tests.shapes import check_shapes_of\n"
        f"check_shapes_of('drawn')\nsys.path.insert(0, {str(tmp_path)!r})\nimport drawn, numpy\n"
        "assert drawn.plain('x') == 'x' and not hasattr(drawn.plain, '__wrapped__')\n"
        "for wrong in (lambda: drawn.zeros(4), lambda: drawn.Line(numpy.zeros((3, 3)))):\n"
        "    try:\n        wrong()\n    except BeartypeCallHintViolation:\n        continue\n"
        "    raise SystemExit('not refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
