"""Every metric against a case that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from core.body.files import load_body
from core.body.surface import vertex_normals
from lab.evaluation import metrics, surface_metrics


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


def test_procrustes_leaves_what_no_similarity_explains():
    """A square seen as twice as wide: of scales s, 4 ((2s - 1)^2 + (s - 1)^2) is least at 0.6."""
    square = np.array([[1.0, 1, 0], [1, -1, 0], [-1, -1, 0], [-1, 1, 0]])
    wide = square * [2, 1, 1]
    assert metrics.procrustes(wide, square) == pytest.approx(0.6 * wide)
    assert metrics.pa_mpjpe(wide[None], square[None]) == pytest.approx(1000 * np.hypot(0.2, 0.4))


def test_mpjpe_about_the_pelvis_forgives_where_people_stand_and_not_how_they_turn():
    person = np.array([[[[0, 0, 1.0], [0, 0, 1.5], [0.3, 0, 1.0]]]])
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    turned = person @ turn.T + [4, 5, 6]
    # the head stays, the hand at 0.3 m goes a quarter round: its chord
    expected = 1000 * 0.3 * np.sqrt(2) / 3
    assert metrics.mpjpe(metrics.root_relative(turned), metrics.root_relative(person)) == pytest.approx(expected)
    assert metrics.pa_mpjpe(turned, person) == pytest.approx(0, abs=1e-6)


def test_the_pair_counts_as_one_rigid_set(joints):
    apart = joints.copy()
    apart[1, :, :, 0] += 0.4
    assert metrics.pa_mpjpe(apart, joints) == pytest.approx(0, abs=1e-6)
    assert metrics.pair_pa_mpjpe(apart, joints) > 10


def test_pair_procrustes_by_hand():
    """Two people of two joints each, a square again: each person alone is right but for size, the pair is not."""
    left, right = np.array([[-1.0, 1, 0], [-1, -1, 0]]), np.array([[1.0, 1, 0], [1, -1, 0]])
    true = np.stack([left, right])[:, None]
    apart = true * [2, 1, 1]
    assert metrics.pa_mpjpe(apart, true) == pytest.approx(0, abs=1e-6)
    assert metrics.pair_pa_mpjpe(apart, true) == pytest.approx(1000 * np.hypot(0.2, 0.4))


def test_interaction_sees_translation_between_the_two():
    first = np.zeros((1, 1, 1, 3))
    true = np.concatenate([first, first + [1.0, 0, 0]])
    predicted = np.concatenate([first, first + [0.7, 0, 0]])
    assert metrics.interaction(predicted, true) == pytest.approx(300)


def test_interaction_is_over_all_pairs_and_forgives_a_common_move():
    """Joints on a line, at 0 and 1 of one person, at 2 and 4 of the other: distances 2, 4, 1, 3."""
    line = np.array([[[0, 0, 0], [1.0, 0, 0]], [[2, 0, 0], [4, 0, 0]]])[:, None]
    assert metrics.interaction(line + [3, 2, 1], line) == pytest.approx(0, abs=1e-9)
    moved = line.copy()
    moved[1, :, 1, 0] = 0.5  # its distances become 0.5 and 0.5 instead of 4 and 3
    assert metrics.interaction(moved, line) == pytest.approx(1000 * (0 + 3.5 + 0 + 2.5) / 4)


def test_relative_error_forgives_where_both_stand_and_look(joints):
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    assert metrics.relative_error(joints @ turn.T + [5, 5, 0], joints) == pytest.approx(0, abs=1e-6)
    nearer = joints.copy()
    nearer[1, :, :, 0] -= 0.1
    assert metrics.relative_error(nearer, joints) == pytest.approx(100)


def test_relative_error_sees_a_heading_that_is_off(joints):
    """The first turns on the spot by a quarter: for her the other, a metre before her, is beside her."""
    alone = np.zeros((2, 3, 4, 3))
    alone[0, :, 1], alone[0, :, 2], alone[0, :, 3] = [0.1, 0, 0], [-0.1, 0, 0], [0, 0, 0.5]
    alone[1] = [0, 1.0, 0]
    turned = alone.copy()
    turned[0] = alone[0] @ np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]).T
    assert metrics.relative_error(turned, alone) == pytest.approx(1000 * np.sqrt(2))
    lifted = alone.copy()
    lifted[1, ..., 2] += 0.3
    assert metrics.relative_error(lifted, alone) == pytest.approx(300)


def test_acceleration_forgives_a_steady_motion_and_the_pelvis():
    still = np.zeros((1, 8, 2, 3))
    walking = still.copy()
    walking[0, :, :, 0] = np.arange(8.0)[:, None] ** 2  # pelvis and joint together
    walking[0, :, 1, 1] += 0.01 * np.arange(8.0)
    assert metrics.acceleration_error(walking, still) == pytest.approx(0, abs=1e-9)


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


def test_foot_slide_is_across_the_floor():
    feet = np.zeros((1, 3, 2, 3))
    feet[0, :, 0] = [[0, 0, 0], [0.003, 0.004, 0.1], [0.003, 0.004, 0]]  # 5 mm aside and 10 cm up, then down
    planted = np.ones((1, 3, 2), bool)
    planted[0, :, 1] = False
    assert metrics.foot_slide(feet, planted) == pytest.approx(2.5)


def test_contact_f1_counts_pairs_per_frame_and_is_one_where_nothing_touches():
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
    assert surface_metrics.penetration(points, floor, up) == pytest.approx([0, 4, 20])


def test_depth_in_a_ball_is_what_is_left_of_its_radius():
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.2)  # edges of 15 mm, as on our body
    normals = vertex_normals(ball.vertices, ball.faces)
    directions = np.random.default_rng(0).normal(size=(300, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for depth in (2, 10, 30, 60, 100):
        found = surface_metrics.penetration(directions * (0.2 - depth / 1000), ball.vertices, normals)
        assert found == pytest.approx(depth, abs=0.5)
    assert (surface_metrics.penetration(directions * 0.201, ball.vertices, normals) < 0.3).all()


def test_depth_in_a_box_is_the_way_to_its_nearest_side():
    box = trimesh.creation.box((0.3, 0.3, 0.3))
    for _ in range(5):
        box = box.subdivide()
    points = np.random.default_rng(0).uniform(-0.149, 0.149, (2000, 3))
    true = 1000 * (0.15 - np.abs(points).max(1))
    found = surface_metrics.penetration(points, box.vertices, vertex_normals(box.vertices, box.faces))
    shallow = true < 50
    assert np.abs(found - true)[shallow].mean() < 0.1
    assert np.abs(found - true)[shallow].max() < 3  # edges, where normals lie between two sides
    assert np.abs(found - true).mean() < 1


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "turned"), [((0.28, 0, 0.05), False), ((0.05, 0, 0.22), True)])
def test_penetration_of_bodies_is_that_of_exact_geometry(shift: tuple[float, float, float], turned: bool):
    """Vertices of one body in another: inside by winding number, deep by the distance to the nearest triangle.

    The skin alone: eyes and teeth are pieces of their own within it, whose normals say nothing about the body's inside.
    """
    body = load_body(None)
    faces = body.faces.numpy()
    skin = surface_metrics.largest_component(faces, len(body.v_template))
    one = body.v_template.numpy().astype(float)
    other = one * ([-1, 1, -1] if turned else [1, 1, 1]) + shift
    near = np.flatnonzero(skin & ((other > one.min(0)) & (other < one.max(0))).all(1))
    chosen = np.random.default_rng(0).choice(near, 150, replace=False)
    surface = np.flatnonzero(skin)
    found = surface_metrics.penetration(other[chosen], one[surface], vertex_normals(one, faces)[surface])
    true = exact_depth(other[chosen], one[faces[skin[faces].all(1)]])
    either = (found > 0) | (true > 0)
    assert (true > 5).sum() >= 10
    off = np.abs(found - true)[either]
    assert off.mean() < 1
    assert np.percentile(off, 95) < 3
    assert ((found > 0) == (true > 0))[np.maximum(found, true) > 1].all()
    assert found.max() == pytest.approx(true.max(), abs=1.5)


def test_the_skin_is_a_bodys_largest_piece():
    body = load_body(None)
    pieces = trimesh.Trimesh(body.v_template, body.faces, process=False).split(only_watertight=False)
    skin = surface_metrics.largest_component(body.faces.numpy(), len(body.v_template))
    assert len(pieces) > 3  # eyes, teeth, tongue
    assert skin.sum() == max(len(piece.vertices) for piece in pieces)
    assert np.ptp(body.v_template.numpy()[skin], axis=0) == pytest.approx(np.ptp(body.v_template.numpy(), axis=0))


def exact_depth(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """mm [N] of points [N,3] in a closed surface [F,3,3]; solid angles by Van Oosterom and Strackee (1983)."""
    depth = np.zeros(len(points))
    for index, point in enumerate(points):
        a, b, c = (triangles - point).transpose(1, 0, 2)
        of_a, of_b, of_c = (np.linalg.norm(side, axis=1) for side in (a, b, c))
        volume = (a * np.cross(b, c)).sum(1)
        around = of_a * of_b * of_c + (a * b).sum(1) * of_c + (b * c).sum(1) * of_a + (c * a).sum(1) * of_b
        if np.arctan2(volume, around).sum() > np.pi:  # half of the sum of solid angles: 2 pi inside, 0 outside
            nearest = trimesh.triangles.closest_point(triangles, np.tile(point, (len(triangles), 1)))
            depth[index] = 1000 * np.linalg.norm(nearest - point, axis=1).min()
    return depth


def test_who_is_far_from_all_vertices_and_outside_does_not_penetrate():
    """A corner over the middle of another box's face: the nearest vertex is that box's own corner, whose normal is slanted."""
    box = trimesh.creation.box((0.12, 0.12, 0.12))
    corners, faces = np.asarray(box.vertices), np.asarray(box.faces)

    def deepest(gap: float) -> float:
        two = np.stack([corners, corners + [0.06, 0.06, 0.12 + gap]])
        return surface_metrics.penetration_metrics(two[:, None], faces)["penetration_max"]

    assert deepest(0.01) == 0
    assert deepest(-0.03) > 30
    inside = surface_metrics.is_inside(np.array([[0, 0, 0.05], [0, 0, 0.07], [0.2, 0, 0]]), corners, faces)
    assert inside.tolist() == [True, False, False]
