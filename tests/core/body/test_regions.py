"""Regions of the skin: each where its name says, the same on both sides."""

import numpy as np
import pytest
import torch

from core.body.regions import NO_REGION, region_points, vertex_regions
from core.contract.skeleton import JOINT_INDEX, REGIONS, mirrored


@pytest.fixture(scope="module")
def regions(body):
    return vertex_regions(body)


def centre(body, regions, name):
    return body.v_template[regions == REGIONS.index(name)].mean(0)


def test_every_region_is_there_and_nearly_all_skin_has_one(body, regions):
    counts = torch.bincount(regions[regions >= 0], minlength=len(REGIONS))
    assert (counts >= 60).all(), {REGIONS[i]: int(n) for i, n in enumerate(counts) if n < 60}
    assert (regions == NO_REGION).float().mean() < 0.1


def test_left_is_the_persons_left_and_mirrors_the_right(body, regions):
    for index, name in enumerate(REGIONS):
        here, there = centre(body, regions, name), centre(body, regions, mirrored(name))
        assert torch.allclose(here * torch.tensor([-1.0, 1, 1]), there, atol=2e-3), name
        if name.startswith("left_"):
            assert (body.v_template[regions == index, 0] > 0).all()


@pytest.mark.parametrize(
    ("before", "behind"),
    [("chest", "back"), ("belly", "back"), ("face", "head"), ("left_shin", "left_calf"), ("right_shin", "right_calf")],
)
def test_front_is_before_behind(body, regions, before, behind):
    assert centre(body, regions, before)[2] > centre(body, regions, behind)[2] + 0.03


def test_order_from_head_to_foot(body, regions):
    names = ("head", "neck", "chest", "belly", "hips", "left_thigh", "left_knee", "left_shin", "left_foot")
    heights = [float(centre(body, regions, name)[1]) for name in names]
    assert heights == sorted(heights, reverse=True)


def test_order_along_the_arm(body, regions):
    names = ("shoulder", "upper_arm", "elbow", "forearm", "wrist", "palm", "fingers")
    for side in ("left", "right"):
        along = [float(centre(body, regions, f"{side}_{name}")[0].abs()) for name in names]
        assert along == sorted(along)


def test_the_palm_looks_down_in_the_rest_pose(body, regions):
    corners = body.v_template[body.faces]
    normals = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    for side in ("left", "right"):
        for part, sign in (("palm", -1), ("hand_back", 1)):
            whole = (regions[body.faces] == REGIONS.index(f"{side}_{part}")).all(1)
            assert sign * normals[whole].sum(0)[1] > 0.8 * normals[whole].sum(0).norm()


def test_the_ball_of_the_thumb_is_palm(body, regions):
    """A handshake presses there, so it must not count as fingers."""
    thumb = body.J_template[JOINT_INDEX["left_thumb1"]]
    below = (body.v_template - thumb - torch.tensor([0.0, -0.015, 0.0])).norm(dim=1).argmin()
    assert REGIONS[regions[below]] == "left_palm"


def test_eyes_and_the_inside_of_the_mouth_are_no_skin(body, regions):
    eyes = body.lbs_weights[:, [JOINT_INDEX["left_eye_smplhf"], JOINT_INDEX["right_eye_smplhf"]]].sum(1) > 0.5
    assert (regions[eyes] == NO_REGION).all()
    face = body.v_template[regions == REGIONS.index("face")]
    inside = body.J_template[JOINT_INDEX["head"]] + torch.tensor([0.0, 0.02, 0.05])
    assert (face - inside).norm(dim=1).min() > 0.02, "a point deep inside the head counts as face"


def test_points_are_spread_evenly_and_stay_the_same(body):
    vertices, regions = region_points(body, 12)
    again, _ = region_points(body, 12)
    assert torch.equal(vertices, again)
    assert torch.equal(regions, vertex_regions(body)[vertices])
    assert np.array_equal(np.bincount(regions), np.full(len(REGIONS), 12))
    for name in ("chest", "left_palm", "right_thigh"):
        index = REGIONS.index(name)
        points, skin = body.v_template[vertices[regions == index]], body.v_template[vertex_regions(body) == index]
        covered = torch.cdist(skin, points).min(1).values.max()
        apart = (torch.cdist(points, points) + torch.eye(len(points))).min()
        assert covered <= apart * 1.2, name
