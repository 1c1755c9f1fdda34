"""The mathematics of retargeting without a scene: least squares over time, aligned rest poses, feet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.blender.product import Product


def retarget_module(product: Product, name: str) -> Any:
    return product(f"socialmirror_blender.rigging.retarget.{name}")


def test_smooth_least_squares_are_those_of_the_dense_system(product: Product) -> None:
    banded = retarget_module(product, "banded")
    rng = np.random.default_rng(0)
    for frames in (3, 4, 9, 10):
        factors = rng.normal(size=(frames, 5, 3))
        blocks = np.einsum("tab,tac->tbc", factors, factors)
        smoothness, right = np.array([0.5, 2.0, 30.0]), rng.normal(size=(frames, 3))
        difference = np.diff(np.eye(frames), 2, axis=0)
        dense = np.kron(difference.T @ difference, np.diag(smoothness))
        for frame in range(frames):
            at = slice(3 * frame, 3 * frame + 3)
            dense[at, at] += blocks[frame]
        expected = np.linalg.solve(dense, right.ravel()).reshape(frames, 3)
        np.testing.assert_allclose(banded.solve_smooth(blocks, smoothness, right), expected, atol=1e-9)
        bands = banded.second_difference_bands(frames)
        np.testing.assert_allclose(banded.apply_bands(bands, right), difference.T @ difference @ right, atol=1e-9)


def test_a_smooth_envelope_is_nowhere_below_its_values(product: Product) -> None:
    feet = retarget_module(product, "feet")
    values = np.zeros(60)
    values[30] = 0.1
    envelope = feet.smooth_envelope(values, 8)
    assert (envelope >= values - 1e-12).all()
    assert np.abs(np.diff(envelope, 2)).max() < 0.004
    assert envelope[0] == envelope[-1] == 0


def test_stands_are_found_between_steps_and_split_where_a_foot_creeps(product: Product, contract: Any) -> None:
    feet, rest = retarget_module(product, "feet"), retarget_module(product, "rest")
    present = np.ones(55, dtype=bool)
    character = rest.RestCharacter(
        np.zeros((55, 3)), present, rest.present_parents(present), (np.zeros((0, 3)),) * 2, np.eye(4)
    )
    track = np.zeros((90, 55, 3))
    left, right = (contract.skeleton.JOINT_INDEX[f"{side}_foot"] for side in ("left", "right"))
    track[:, left, 0] = np.interp(np.arange(90), [0, 30, 40, 89], [0, 0, 0.6, 0.6])
    track[30:41, left, 2] = 0.1 * np.sin(np.linspace(0, np.pi, 11))
    track[:, right, 0] = np.linspace(0, 0.1, 90)
    plants = feet.find_plants(character, track, 30.0)
    (first, second) = plants.spans[0]
    assert first[0] == 0 and 27 <= first[1] <= 30 and 40 <= second[0] <= 43 and second[1] == 89
    assert len(plants.spans[1]) == 2
    held = track[:, right, :2] + feet.hold_in_place(track[:, right, :2], plants.spans[1], plants.weights[1])
    for start, end in plants.spans[1]:
        assert np.ptp(held[start : end + 1], axis=0).max() < 1e-9


def test_two_who_lie_in_each_other_are_parted(product: Product) -> None:
    """Two blocks of a trunk, one 8 cm inside the other: only what is deeper than in the reconstruction counts."""
    overlap, anchors, rest = (retarget_module(product, name) for name in ("overlap", "anchors", "rest"))
    present = np.ones(55, dtype=bool)
    character = rest.RestCharacter(
        np.zeros((55, 3)), present, rest.present_parents(present), (np.zeros((0, 3)),) * 2, np.eye(4)
    )
    directions = np.random.default_rng(0).normal(size=(1500, 3))
    normals = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    weights = np.zeros((1500, 55))
    weights[:, 0] = 1
    skin = anchors.Skin(0.2 * normals, weights, np.full(1500, -1), normals)

    def actor(x: float, number: int) -> Any:
        positions = np.zeros((13, 55, 3)) + (x, 0, 0)
        return overlap.Actor(skin, character, np.tile(np.eye(3), (13, 55, 1, 1)), positions, number)

    people = overlap.find_overlaps((actor(0, -1), actor(0.38, -1)))
    assert max(each.depth for found in people.values() for each in found) == pytest.approx(0.02, abs=0.004)
    assert not overlap.find_separations((actor(0, 0), actor(0.38, 1)), people)
    assert not overlap.find_overlaps((actor(0, 0), actor(0.5, 1)))
    separations = overlap.find_separations((actor(0, 0), actor(0.32, 1)), people)
    assert {(each.first, each.last) for each in separations} == {(0, 9), (12, 12)}
    for each in separations:
        first, second = (side.anchor.place for side in each.sides)
        assert {side.performer for side in each.sides} == {0, 1}
        sign = 1 if each.sides[1].performer == 1 else -1
        depth = (second - first + (sign * 0.32, 0, 0)) @ each.normals[0]
        assert depth == pytest.approx(0.08, abs=0.008)
        assert each.allowed == pytest.approx(0.02, abs=0.004)
