"""A take that contradicts the picture or stands in the floor says where; a good take says nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.body.model import BodyModel
from core.fitting.fit import FittedMotion
from core.quality import quality_warnings
from tests.core.conftest import load_body_once
from tests.core.fitting import synthetic
from tests.core.fitting.synthetic import Scene

FRAMES = 40


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body_once(None)


@pytest.fixture(scope="module")
def scene(body: BodyModel) -> Scene:
    return synthetic.scene(body, FRAMES, apart=1.4)


@pytest.fixture(scope="module")
def true(scene: Scene) -> FittedMotion:
    foot_contact, sure = np.ones((2, FRAMES, 2), np.float32), np.ones((2, FRAMES, 22), np.float32)
    return FittedMotion(scene.truth.motion_incam, scene.camera, foot_contact, sure, 0.0)


def moved(fitted: FittedMotion, frames: slice, offset_incam: tuple[float, float, float]) -> FittedMotion:
    """The second person elsewhere in some frames."""
    pelvis = fitted.motion_incam.pelvis.copy()
    pelvis[1, frames] += offset_incam
    return replace(fitted, motion_incam=replace(fitted.motion_incam, pelvis=pelvis))


def test_a_take_that_is_right_has_no_warning(scene: Scene, true: FittedMotion, body: BodyModel) -> None:
    assert quality_warnings(true, scene.observations, body) == ()


def test_frames_in_which_a_person_is_beside_the_picture_are_named(
    scene: Scene, true: FittedMotion, body: BodyModel
) -> None:
    first = int(scene.detections.frame_index[10])
    (warning,) = quality_warnings(moved(true, slice(10, 30), (0.25, 0, 0)), scene.observations, body)
    assert warning.startswith("Person B") and f"frames {first} to {first + 19}:" in warning


def test_a_short_error_is_not_reported(scene: Scene, true: FittedMotion, body: BodyModel) -> None:
    assert quality_warnings(moved(true, slice(10, 14), (0.25, 0, 0)), scene.observations, body) == ()


def test_a_person_who_stands_in_the_floor_is_reported(scene: Scene, true: FittedMotion, body: BodyModel) -> None:
    down_incam = 0.15 * -scene.camera.T_cw[:3, 2]
    warnings = quality_warnings(moved(true, slice(0, FRAMES), tuple(down_incam)), scene.observations, body)
    assert any("Person B stands" in warning and "cm in the floor" in warning for warning in warnings)
