"""What is expected is told apart from what cannot be right: limbs far from where they were surely seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.body.files import load_body
from core.geometry.prior import Prior
from core.motion import pose_motion
from core.optimizer.expect import disagreement
from tests.core.evaluation.made_up import shot as made_up_shot


def test_disagreement_is_the_way_in_the_picture_over_the_persons_height() -> None:
    shot = made_up_shot(load_body(None))
    camera = shot.truth.camera
    joints = pose_motion(load_body(None), shot.truth.motion).joints.numpy()[:, :, :22]
    place = (joints @ camera.world[:3, :3].T + camera.world[:3, 3]).astype(np.float32)
    right = Prior(place, np.full(place.shape[:3], 0.1, np.float32))
    assert disagreement(right, shot.tracks, camera.K) < 0.05
    # half a metre across the picture, of people who are about 1.7 m tall
    aside = replace(right, joints=place + np.array([0.5, 0, 0], np.float32))
    assert disagreement(aside, shot.tracks, camera.K) == pytest.approx(0.5 / 1.7, rel=0.25)
    unseen = replace(shot.tracks, keypoints=shot.tracks.keypoints * np.array([1, 1, 0], np.float32))
    assert disagreement(aside, unseen, camera.K) == 0.0
