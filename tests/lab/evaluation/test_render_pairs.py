"""How clips are staged for rendering: what part of them, from where, in which room."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.contract.contact import Contact
from core.motion import PairMotion
from lab.choreography.appearance.clothing import ALL_OUTFITS
from lab.choreography.interaction import Interaction
from lab.paths import HELDOUT_BODIES
from lab.rendering import render_pairs

FRAMES = 90


def interaction(name: str = "hug-0") -> Interaction:
    """Two people a metre apart walk 2 m along +x; they touch from frame 60 to 70, and once from 5 to 8."""
    upright = np.zeros((2, FRAMES, 3), np.float32)
    upright[..., 0] = np.pi / 2
    pelvis = np.zeros((2, FRAMES, 3), np.float32)
    pelvis[..., 0] = np.linspace(7, 9, FRAMES)
    pelvis[1, :, 1] = 1.0
    pelvis[..., 2] = 0.95
    body, left, right = (np.zeros((2, FRAMES, count, 3), np.float32) for count in (21, 15, 15))
    motion = PairMotion(upright, body, left, right, pelvis, np.zeros((2, 16), np.float32))
    touches = (Contact(0, "left_palm", 1, "back", 60, 70), Contact(0, "right_palm", 1, "back", 5, 8))
    planted = np.arange(FRAMES)[None, :, None] % 7 == np.zeros((2, 1, 2))
    return Interaction(name, "hug", ("set/one",), ("somebody",), 30.0, motion, planted, touches, ("Two hug.",))


def staged(seed: int, name: str = "hug-0", frames: int = 24):
    arguments = argparse.Namespace(folder=Path("nowhere"), seed=seed, frames=frames, width=None)
    people = [render_pairs.person(None, HELDOUT_BODIES), render_pairs.person(8, HELDOUT_BODIES)]
    return render_pairs.stage(interaction(name), people, arguments)


@pytest.mark.parametrize("seed", range(8))
def test_a_clip_begins_with_the_approach_and_is_counted_from_its_start(seed: int) -> None:
    clip = interaction()
    clip = replace(clip, contacts=clip.contacts[:1])
    part = render_pairs.from_approach(clip, 42, np.random.default_rng(seed))
    assert part.stop - part.start == 42
    assert 14 <= 60 - part.start <= 36 and part.stop > 60, "people apart first, then the touch"
    cut = render_pairs.cut(clip, part)
    assert cut.frames == 42
    np.testing.assert_array_equal(cut.motion.pelvis, clip.motion.pelvis[:, part])
    np.testing.assert_array_equal(cut.foot_contact, clip.foot_contact[:, part])
    (touch,) = cut.contacts
    assert touch.frame_start + part.start == 60
    assert touch.frame_end + part.start == min(70, part.stop - 1)


def test_people_who_touch_from_the_start_are_kept_from_the_start() -> None:
    clip = interaction()  # touches from frame 5 on
    part = render_pairs.from_approach(clip, 24, np.random.default_rng(0))
    assert part == slice(0, 24)
    assert [(c.frame_start, c.frame_end) for c in render_pairs.cut(clip, part).contacts] == [(5, 8)]


def test_shorter_clips_are_kept_whole() -> None:
    assert render_pairs.from_approach(interaction(), 500, np.random.default_rng(0)) == slice(0, FRAMES)


@pytest.mark.parametrize("seed", range(3))
def test_people_stand_in_the_room_before_its_back_wall(seed: int) -> None:
    clip, setting = staged(seed)
    into_room = np.linalg.inv(setting.room_world)

    def in_room(points: np.ndarray) -> np.ndarray:
        return points @ into_room[:3, :3].T + into_room[:3, 3]

    camera = setting.camera.T_cw
    place = in_room(-camera[:3, :3].T @ camera[:3, 3])
    people = in_room(clip.truth.joints)
    assert place[1] < people[..., 1].min()  # the camera looks past them at the back wall
    assert people[..., 1].max() < 2.0  # where the furniture begins
    np.testing.assert_allclose(people[..., 2], clip.truth.joints[..., 2], atol=1e-5)  # the floor is the floor
    assert setting.light[2] > 0 and setting.light[1] < 0
    first, second = (np.array(ALL_OUTFITS[number].colours[1]) for number in setting.outfits)
    assert (
        not ALL_OUTFITS[setting.outfits[1]].beard and not ALL_OUTFITS[setting.outfits[1]].bald
    )  # person 8 is a small woman
    assert np.linalg.norm(first - second) > 0.05


def test_staging_depends_on_name_and_seed_alone() -> None:
    (first, look), (again, same), (_, other) = staged(1), staged(1), staged(1, "hug-1")
    np.testing.assert_array_equal(look.camera.T_cw, same.camera.T_cw)
    np.testing.assert_array_equal(first.truth.visibility, again.truth.visibility)
    assert first.look == again.look
    assert not np.allclose(look.camera.T_cw, other.camera.T_cw)


def test_a_smaller_picture_shows_the_same() -> None:
    _, setting = staged(2)
    small = render_pairs.resized(setting, 640)
    assert max(small.image_size) == 640 and all(side % 2 == 0 for side in small.image_size)
    point = np.array([0.3, -0.2, 4.0])
    full, less = ((s.camera.K @ point / point[2])[:2] / s.image_size for s in (setting, small))
    np.testing.assert_allclose(less, full, atol=1e-9)
