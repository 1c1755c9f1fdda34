"""Two-bone inverse kinematics in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from tests.blender.product import Product

ROOT, MIDDLE, END = np.array([0.0, 0, 0]), np.array([0.3, 0.1, 0]), np.array([0.5, -0.1, 0])
HINT = np.array([0.0, 1.0, 0.0])


def test_a_limb_reaches_its_target_with_bones_of_the_same_length(product: Product) -> None:
    limbs = product("socialmirror_blender.rigging.limbs")
    targets = np.random.default_rng(0).normal(0, 0.2, (50, 3)) + (0.25, 0, 0)
    solved = limbs.two_bone_ik(ROOT, MIDDLE, END, targets, HINT)
    upper, lower = np.linalg.norm(MIDDLE), np.linalg.norm(END - MIDDLE)
    within = np.linalg.norm(targets, axis=-1) < 0.999 * (upper + lower)
    within &= np.linalg.norm(targets, axis=-1) > abs(upper - lower)
    assert within.sum() > 30
    np.testing.assert_allclose(solved.end[within], targets[within], atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(solved.middle, axis=-1), upper)
    np.testing.assert_allclose(np.linalg.norm(solved.end - solved.middle, axis=-1), lower)
    np.testing.assert_allclose((solved.upper_swing @ MIDDLE), solved.middle, atol=1e-9)
    np.testing.assert_allclose(solved.lower_swing @ (END - MIDDLE), solved.end - solved.middle, atol=1e-9)


def test_a_limb_that_is_at_its_target_stays_as_it_is(product: Product) -> None:
    limbs = product("socialmirror_blender.rigging.limbs")
    solved = limbs.two_bone_ik(ROOT, MIDDLE, END, END, -HINT)
    np.testing.assert_allclose(solved.middle, MIDDLE, atol=1e-9)
    np.testing.assert_allclose(solved.upper_swing, np.eye(3), atol=1e-9)


def test_a_limb_stretches_towards_what_it_does_not_reach(product: Product) -> None:
    limbs = product("socialmirror_blender.rigging.limbs")
    solved = limbs.two_bone_ik(ROOT, MIDDLE, END, np.array([0, 0, 5.0]), HINT)
    length = np.linalg.norm(MIDDLE) + np.linalg.norm(END - MIDDLE)
    np.testing.assert_allclose(solved.end, np.array([0, 0, length]), atol=1e-3)


def test_a_straight_limb_bends_to_the_side_of_its_hint(product: Product) -> None:
    limbs = product("socialmirror_blender.rigging.limbs")
    middle, end = np.array([0.25, 0, 0]), np.array([0.5, 0, 0])
    solved = limbs.two_bone_ik(ROOT, middle, end, np.array([0.4, 0, 0]), HINT)
    assert solved.middle[1] == pytest.approx(0.15)
    pole = limbs.pole_positions(ROOT, middle, end, 0.5, HINT)
    np.testing.assert_allclose(pole, (0.25, 0.5, 0), atol=1e-9)


def test_the_smallest_rotation_between_directions(product: Product) -> None:
    limbs = product("socialmirror_blender.rigging.limbs")
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(20, 3)), rng.normal(size=(20, 3))
    b[0] = -a[0]
    rotation = limbs.rotation_between(a, b)
    unit = (a / np.linalg.norm(a, axis=-1, keepdims=True), b / np.linalg.norm(b, axis=-1, keepdims=True))
    np.testing.assert_allclose(np.einsum("nab,nb->na", rotation, unit[0]), unit[1], atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(rotation), 1)
    angle = np.arccos(np.clip((np.trace(rotation, axis1=1, axis2=2) - 1) / 2, -1, 1))
    np.testing.assert_allclose(angle, np.arccos(np.clip((unit[0] * unit[1]).sum(-1), -1, 1)), atol=1e-6)
