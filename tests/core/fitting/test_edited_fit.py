"""What an edited take keeps of the earlier one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.body.files import load_body
from core.contract.contact import Contact
from core.fitting.edited_fit import EarlierTake, _changed_contacts, _fading, fit_edited
from core.fitting.fit import FitSchedule, FittedMotion, Phase
from core.fitting.targets import FitTargets
from core.motion import Timeline, pose_motion
from core.reporting import SilentReporter
from tests.core.fitting import synthetic

TIMELINE = Timeline(np.arange(100, 150, dtype=np.int32), 50 + np.arange(50) / 25)
SHAKE = Contact(0, "right_palm", 1, "right_palm", 110, 114, vertex_a=7)


@pytest.mark.parametrize(
    "changes", [{"vertex_a": 8}, {"vertex_b": 3}, {"vertex_a": None}, {"state": "enforced"}, {"weight": 0.5}]
)
def test_frames_of_a_contact_whose_marker_was_moved_are_fitted_again(changes: dict[str, object]) -> None:
    changed = _changed_contacts([SHAKE], [replace(SHAKE, **changes)], TIMELINE)
    assert TIMELINE.frame_index[changed].tolist() == [110, 111, 112, 113, 114]
    assert not _changed_contacts([SHAKE], [replace(SHAKE, id="another", distance=0.2)], TIMELINE).any()


def test_what_is_fitted_again_fades_into_the_rest_by_the_time_to_it() -> None:
    edited = np.zeros(50, bool)
    edited[[20, 21, 45]] = True
    weight = _fading(edited, TIMELINE)
    assert weight[[20, 21, 45]].tolist() == [1, 1, 1] and weight[0] == 0
    assert weight[25] == pytest.approx(0.5 + 0.5 * np.cos(np.pi * 4 / 25 / 0.4)) and weight[16] == weight[25]
    assert not _fading(np.zeros(50, bool), TIMELINE).any()


@pytest.fixture(scope="module")
def body():
    return load_body(None)


@pytest.fixture(scope="module")
def scene(body) -> synthetic.Scene:
    return synthetic.scene(body, frames=60)


def moved_by_fit(
    scene: synthetic.Scene, body, *contacts: Contact, finished: bool = True
) -> tuple[np.ndarray, list[str]]:
    """[T] metres that the joint that moves farthest moves where the fit starts at the earlier take; and the warnings."""
    reporter = SilentReporter()
    take = EarlierTake(scene.truth, finished=finished)
    targets = FitTargets(contacts)
    schedule = FitSchedule((Phase(6, 0.01),), fixed_shape=True)
    fitted = fit_edited(scene.truth, take, scene.observations, body, targets, schedule, reporter)
    assert isinstance(fitted, FittedMotion) and np.isfinite(fitted.energy)
    np.testing.assert_array_equal(fitted.motion_incam.betas, scene.truth.motion_incam.betas)
    before, after = (pose_motion(body, each.motion_incam).joints for each in (scene.truth, fitted))
    return (after - before).norm(dim=-1).amax((0, 2)).numpy(), reporter.warnings


def test_an_edit_moves_nothing_in_frames_far_from_it(scene, body):
    first, last = map(int, scene.observations.frame_index[[20, 24]])
    enforced = replace(SHAKE, frame_start=first, frame_end=last, vertex_a=None, state="enforced")
    moved, _ = moved_by_fit(scene, body, enforced)
    time = scene.observations.time
    far = np.maximum(time[20] - time, time - time[24]) > 0.41
    assert moved[20:25].min() > 1e-3 and 0 < far.sum() < 60
    assert moved[far].max() == 0


def test_a_take_that_nothing_is_edited_of_stays_and_the_animator_is_told(scene, body):
    moved, warnings = moved_by_fit(scene, body)
    assert moved.max() == 0 and "No edit moves anybody" in warnings[0]


def test_a_first_fit_becomes_a_take_in_all_frames(scene, body):
    moved, warnings = moved_by_fit(scene, body, finished=False)
    assert moved.min() > 0 and not warnings
