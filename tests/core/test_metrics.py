"""Every metric against a case that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluation import metrics


@pytest.fixture
def joints() -> np.ndarray:
    """[2,6,5,3]: two people of five joints who do not move."""
    pose = np.array([[0, 0, 1.0], [0.1, 0, 0.9], [-0.1, 0, 0.9], [0, 0.2, 1.5], [0.3, 0, 1.2]])
    both = np.stack([pose, pose * [-1, -1, 1] + [1.0, 0, 0]])
    return np.repeat(both[:, None], 6, 1)


def test_mpjpe_is_the_mean_distance(joints):
    moved = joints.copy()
    moved[:, :, 3, 0] += 0.05
    assert metrics.mpjpe(moved, joints) == pytest.approx(10.0)


def test_procrustes_takes_away_any_similarity(joints):
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    assert metrics.pa_mpjpe(1.7 * joints @ turn.T + [3, 2, 1], joints) == pytest.approx(0, abs=1e-6)
    mirrored = joints * [-1, 1, 1]
    assert metrics.pa_mpjpe(mirrored, joints) > 10


def test_the_pair_counts_as_one_rigid_set(joints):
    apart = joints.copy()
    apart[1, :, :, 0] += 0.4
    assert metrics.pa_mpjpe(apart, joints) == pytest.approx(0, abs=1e-6)
    assert metrics.pair_pa_mpjpe(apart, joints) > 10


def test_interaction_sees_translation_between_the_two():
    first = np.zeros((1, 1, 1, 3))
    true = np.concatenate([first, first + [1.0, 0, 0]])
    predicted = np.concatenate([first, first + [0.7, 0, 0]])
    assert metrics.interaction(predicted, true) == pytest.approx(300)


def test_relative_error_forgives_where_both_stand_and_look(joints):
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    assert metrics.relative_error(joints @ turn.T + [5, 5, 0], joints) == pytest.approx(0, abs=1e-6)
    nearer = joints.copy()
    nearer[1, :, :, 0] -= 0.1
    assert metrics.relative_error(nearer, joints) == pytest.approx(100)


def test_acceleration_and_jitter_of_a_known_curve():
    time = np.arange(8.0)
    still = np.zeros((1, 8, 2, 3))
    moving = still.copy()
    moving[0, :, 1, 0] = 0.5 * 0.002 * time**2
    assert metrics.acceleration_error(moving, still) == pytest.approx(1.0)
    cubic = still.copy()
    cubic[0, :, :, 0] = (time**3 / 6 * 0.001)[:, None]
    assert metrics.jitter(cubic, 10.0) == pytest.approx(1.0)


def test_foot_slide_counts_planted_frames_only():
    feet = np.zeros((1, 4, 1, 3))
    feet[0, :, 0, 0] = [0, 0.01, 0.5, 0.5]
    planted = np.array([[[True], [True], [False], [True]]])
    assert metrics.foot_slide(feet, planted) == pytest.approx(10.0)
    assert metrics.foot_slide(feet, np.zeros_like(planted)) == 0


def test_contact_f1():
    true = np.zeros((2, 3, 3), bool)
    true[0, 0, 0] = true[1, 0, 0] = True
    found = np.zeros_like(true)
    found[0, 0, 0] = found[0, 1, 1] = True
    assert metrics.contact_f1(found, true) == pytest.approx(0.5)
    assert metrics.contact_f1(~found & found, ~true & true) == 1


def test_penetration_is_the_depth_below_the_surface():
    # a flat floor of vertices every 2 mm, its outside upwards
    x, y = np.meshgrid(np.arange(-0.05, 0.051, 0.002), np.arange(-0.05, 0.051, 0.002))
    floor = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], 1)
    up = np.tile([0.0, 0.0, 1.0], (len(floor), 1))
    points = np.array([[0, 0, 0.01], [0, 0, -0.004], [0.01, 0.02, -0.02]])
    assert metrics.penetration(points, floor, up) == pytest.approx([0, 4, 20])


def test_vertex_normals_point_outwards():
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    normals = metrics.vertex_normals(corners, faces)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(np.ones(4))
    assert ((normals * (corners - corners.mean(0))).sum(1) > 0).all()
