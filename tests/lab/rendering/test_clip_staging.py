"""How clips are staged for rendering: which frames, from which camera, in which room."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.contract.contact import Contact
from core.motion import PairMotion
from core.transforms import origin_of, transform_points
from lab.choreography.appearance.clothing import ALL_OUTFITS
from lab.choreography.interaction import Interaction
from lab.evaluation.camera_sampling import NARROW_CAMERAS, CameraDistribution
from lab.evaluation.rendered import RenderedClip
from lab.paths import HELDOUT_BODIES
from lab.rendering.clip_staging import (
    Staging,
    StagingSettings,
    approach_frames,
    cut_frames,
    load_person,
    resize,
    stage_clip,
)

FRAMES = 90
SMALL_WOMAN = 8
"""Her number in HELDOUT_BODIES."""


def interaction(name: str = "hug-0") -> Interaction:
    """Two people a metre apart walk 2 m along +x; they are in contact in frames 5 to 8 and 60 to 70."""
    upright = np.zeros((2, FRAMES, 3), np.float32)
    upright[..., 0] = np.pi / 2
    pelvis = np.zeros((2, FRAMES, 3), np.float32)
    pelvis[..., 0] = np.linspace(7, 9, FRAMES)
    pelvis[1, :, 1] = 1.0
    pelvis[..., 2] = 0.95
    body, left, right = (np.zeros((2, FRAMES, count, 3), np.float32) for count in (21, 15, 15))
    motion = PairMotion(upright, body, left, right, pelvis, np.zeros((2, 16), np.float32))
    contacts = (Contact(0, "left_palm", 1, "back", 60, 70), Contact(0, "right_palm", 1, "back", 5, 8))
    foot_contact = np.arange(FRAMES)[None, :, None] % 7 == np.zeros((2, 1, 2))
    return Interaction(name, "hug", ("set/one",), ("somebody",), 30.0, motion, foot_contact, contacts, ("Two hug.",))


def staged(
    seed: int, name: str = "hug-0", frames: int = 24, cameras: CameraDistribution = NARROW_CAMERAS
) -> tuple[RenderedClip, Staging]:
    people = [load_person(None, HELDOUT_BODIES), load_person(SMALL_WOMAN, HELDOUT_BODIES)]
    return stage_clip(interaction(name), people, Path("nowhere"), StagingSettings(seed, frames, cameras=cameras))


@pytest.mark.parametrize("seed", range(8))
def test_a_clip_begins_shortly_before_the_first_contact_and_counts_from_its_start(seed: int):
    clip = interaction()
    clip = replace(clip, contacts=clip.contacts[:1])
    span = approach_frames(clip, 42, np.random.default_rng(seed))
    assert span.stop - span.start == 42
    assert 14 <= 60 - span.start <= 36 and span.stop > 60
    cut = cut_frames(clip, span)
    assert cut.frames == 42
    np.testing.assert_array_equal(cut.motion.pelvis, clip.motion.pelvis[:, span])
    np.testing.assert_array_equal(cut.foot_contact, clip.foot_contact[:, span])
    (contact,) = cut.contacts
    assert contact.frame_start + span.start == 60
    assert contact.frame_end + span.start == min(70, span.stop - 1)


def test_a_clip_with_contact_from_the_start_begins_at_its_start():
    clip = interaction()
    span = approach_frames(clip, 24, np.random.default_rng(0))
    assert span == slice(0, 24)
    assert [(c.frame_start, c.frame_end) for c in cut_frames(clip, span).contacts] == [(5, 8)]


def test_shorter_clips_keep_all_frames():
    assert approach_frames(interaction(), 500, np.random.default_rng(0)) == slice(0, FRAMES)


@pytest.mark.parametrize("seed", range(3))
def test_people_stand_in_the_room_in_front_of_its_back_wall(seed: int):
    clip, staging = staged(seed)
    world_room = np.linalg.inv(staging.room_world)
    camera = transform_points(world_room, origin_of(staging.camera.T_cw))
    people = transform_points(world_room, clip.truth.joints.astype(float))
    assert camera[1] < people[..., 1].min()
    assert people[..., 1].max() < 2.0  # the furniture begins there
    np.testing.assert_allclose(people[..., 2], clip.truth.joints[..., 2], atol=1e-5)  # both have the same floor
    assert staging.light[2] > 0 and staging.light[1] < 0
    first, second = (ALL_OUTFITS[number] for number in staging.outfits)
    assert not second.beard and not second.bald
    assert np.linalg.norm(np.array(first.colours[1]) - second.colours[1]) > 0.05


@pytest.mark.slow
def test_staging_depends_on_name_and_seed_only():
    (first, staging), (again, same), (_, other) = staged(1), staged(1), staged(1, "hug-1")
    np.testing.assert_array_equal(staging.camera.T_cw, same.camera.T_cw)
    np.testing.assert_array_equal(first.truth.visibility, again.truth.visibility)
    assert first.look == again.look
    assert not np.allclose(staging.camera.T_cw, other.camera.T_cw)


def test_clips_are_seen_by_the_cameras_that_were_asked_for():
    clip, staging = staged(1, frames=4, cameras=replace(NARROW_CAMERAS, height=(3.0, 3.1)))
    assert 3.0 <= origin_of(staging.camera.T_cw)[2] <= 3.1
    np.testing.assert_array_equal(clip.truth.camera.T_cw, staging.camera.T_cw)


def test_a_smaller_image_shows_the_same():
    _, staging = staged(2)
    small = resize(staging, 640)
    assert max(small.image_size) == 640 and all(side % 2 == 0 for side in small.image_size)
    point = np.array([0.3, -0.2, 4.0])
    full, less = ((s.camera.K @ point / point[2])[:2] / s.image_size for s in (staging, small))
    np.testing.assert_allclose(less, full, atol=1e-9)
