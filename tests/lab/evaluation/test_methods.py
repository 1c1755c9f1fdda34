"""The benchmark's rows: what each does to observations whose errors are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.errors import UserError
from core.contract.skeleton import LANDMARK_INDEX
from core.fitting.camera import KnownCamera
from core.fitting.fit import Phase
from core.pipeline import retry, stages
from core.pipeline.cache import Cache
from core.pipeline.nodes import TakeSettings, first_take_nodes, nodes_of_detections
from core.pipeline.settings import FitPhases, PipelineSettings
from core.pipeline.stage import Given, run
from core.progress import JobProgress
from core.reporting import SilentReporter
from lab.evaluation import baselines, methods
from lab.evaluation.baselines import OneEuro, infilled, one_euro, one_euro_filtered, weak_perspective
from lab.evaluation.benchmark_clip import BenchmarkClip, Estimate
from lab.evaluation.methods import METHODS
from lab.evaluation.run_methods import chosen_methods
from lab.evaluation.scores import score
from tests.core.conftest import Recorder
from tests.lab.evaluation.synthetic import synthetic_clip as made_up_shot

WRIST = LANDMARK_INDEX["left_wrist"]


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


@pytest.fixture(scope="module")
def shot(body: BodyModel) -> BenchmarkClip:
    return made_up_shot(body)


@pytest.fixture
def short_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few steps, so that tests of what surrounds the fit are quick."""
    first = (Phase(3, 0.03, each_alone=True), Phase(2, 0.02))
    monkeypatch.setattr(baselines, "FIRST_FIT", first)
    monkeypatch.setattr(baselines, "CONTACT_FIT", first[1:])
    monkeypatch.setattr(methods, "PipelineSettings", lambda: SHORT)


SHORT = PipelineSettings(
    first_fit=FitPhases(2 * (Phase(3, 0.03, each_alone=True),), (Phase(3, 0.03, each_alone=True), Phase(2, 0.02))),
    contact_fit=FitPhases((Phase(2, 0.02),), (Phase(2, 0.02),)),
)


def estimated(method: str, shot: BenchmarkClip, body: BodyModel, prompt: str = "") -> Estimate:
    return METHODS[method](shot.detections, body, prompt=prompt, seed=0, reporter=SilentReporter())


def hidden_wrist(shot: BenchmarkClip, how: Callable[[dict[str, np.ndarray]], None]) -> BenchmarkClip:
    """The left wrist of person 0 jumps away in frames 4 to 7, and the stage says something about it."""
    arrays = {name: getattr(shot.detections, name).copy() for name in ("keypoints", "world_landmarks", "found")}
    arrays["keypoints"][0, 4:8, WRIST, :2] += 200
    arrays["world_landmarks"][0, 4:8, WRIST] += 0.6
    how(arrays)
    return replace(shot, detections=replace(shot.detections, **arrays))


def not_sure(arrays: dict[str, np.ndarray]) -> None:
    arrays["keypoints"][0, 4:8, WRIST, 2] = 0.2


def not_found(arrays: dict[str, np.ndarray]) -> None:
    arrays["found"][0, 4:8] = False


@pytest.mark.parametrize("method", ["raw", "linear", "spline", "one-euro", "initial"])
def test_people_seen_without_error_come_out_about_right(shot, body, method):
    estimate = estimated(method, shot, body)
    metrics = score(shot, estimate, body).metrics
    assert metrics["mpjpe"] < 20 and metrics["pa_mpjpe"] < 15
    assert metrics["int"] < 25 and metrics["re"] < 60
    # upright on a floor, the camera about as high over it as it is
    centre = -estimate.camera.T_cw[:3, :3].T @ estimate.camera.T_cw[:3, 3]
    assert centre[2] == pytest.approx(1.4, abs=0.2)
    assert 0.8 < estimate.motion.pelvis[..., 2].mean() < 1.1
    assert estimate.seconds and all(seconds >= 0 for seconds in estimate.seconds.values())


def test_one_scale_and_shift_say_where_points_are():
    points = torch.tensor([[0.3, 0.1, 0.2], [-0.2, 0.4, -0.3], [0.1, -0.5, 0.1]], dtype=torch.float64)
    K = torch.tensor([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]], dtype=torch.float64)
    weight = torch.tensor([1.0, 1, 2], dtype=torch.float64)
    middle = (points * weight[:, None]).sum(0) / 4
    # seen at a scale of 100 px a metre: 5 m away; the weighted middle is 20 px right of the picture's middle
    pixels = (points - middle)[:, :2] * 100 + torch.tensor([340.0, 240.0])
    place = weak_perspective(points, pixels, weight, K)
    np.testing.assert_allclose(place + middle, [20 / 500 * 5, 0, 5], atol=1e-9)
    mirrored = weak_perspective(points, -pixels, weight, K)
    assert mirrored[2] + middle[2] == pytest.approx(30)


@pytest.mark.parametrize("how", [not_sure, not_found])
@pytest.mark.parametrize("smooth", [False, True])
def test_infill_bridges_landmarks_of_low_confidence(shot, how, smooth):
    """Landmarks that move evenly are back where they were."""
    time = np.arange(12)[:, None]
    keypoints, world = shot.detections.keypoints.copy(), shot.detections.world_landmarks.copy()
    keypoints[0, :, WRIST, :2] = 300 + 4.0 * time
    world[0, :, WRIST] = 0.1 + 0.02 * time
    steady = replace(shot, detections=replace(shot.detections, keypoints=keypoints, world_landmarks=world))
    filled = infilled(hidden_wrist(steady, how).detections, smooth=smooth)
    np.testing.assert_allclose(filled.keypoints[0, :, WRIST, :2], keypoints[0, :, WRIST, :2], atol=1e-3)
    np.testing.assert_allclose(filled.world_landmarks[0, :, WRIST], world[0, :, WRIST], atol=1e-5)
    assert (filled.keypoints[0, 4:8, WRIST, 2] > 0.2).all()
    np.testing.assert_array_equal(filled.keypoints[1], keypoints[1])


def test_infill_holds_the_ends_and_leaves_what_was_never_seen(shot):
    detections = hidden_wrist(shot, not_sure).detections
    detections.keypoints[0, 8:, WRIST, 2] = 0.1
    detections.keypoints[1, :, WRIST, 2] = 0.1
    filled = infilled(detections, smooth=False)
    np.testing.assert_allclose(
        filled.keypoints[0, 4:, WRIST, :2], np.tile(detections.keypoints[0, 3, WRIST, :2], (8, 1))
    )
    np.testing.assert_array_equal(filled.keypoints[1], detections.keypoints[1])


def test_a_spline_follows_a_bend_better_than_straight_lines(shot):
    time = np.arange(12)
    world = shot.detections.world_landmarks.copy()
    world[0, :, WRIST, 0] = 0.3 * np.sin(time / 4)
    bent = replace(shot, detections=replace(shot.detections, world_landmarks=world))
    detections = hidden_wrist(bent, not_sure).detections
    off = [
        np.abs(infilled(detections, smooth=smooth).world_landmarks[0, 4:8, WRIST, 0] - world[0, 4:8, WRIST, 0]).max()
        for smooth in (False, True)
    ]
    assert off[1] < 0.6 * off[0]


def test_the_one_euro_filter_as_worked_out_by_hand():
    """A step of 1 m in a tenth of a second, with cut-offs of 1 Hz and 1 Hz more for each metre a second."""
    values = np.array([0.0, 1.0]).reshape(1, 2, 1, 1)
    slow = 1 / (1 + 1 / (2 * math.pi * 1.0 * 0.1))  # 0.3859
    speed = slow * 10.0
    fast = 1 / (1 + 1 / (2 * math.pi * (1.0 + speed) * 0.1))
    out = one_euro(values, np.array([0.0, 0.1]), OneEuro(least_cutoff=1.0, beta=1.0, speed_cutoff=1.0))
    assert out[0, 1, 0, 0] == pytest.approx(fast) and fast == pytest.approx(0.7532, abs=1e-4)


def test_the_one_euro_filter_calms_what_trembles(shot):
    draw = np.random.default_rng(0)
    trembling = replace(
        shot.detections,
        world_landmarks=shot.detections.world_landmarks + draw.normal(0, 0.01, (2, 12, 33, 3)).astype(np.float32),
    )
    filtered = one_euro_filtered(trembling)
    before, after = (np.abs(np.diff(each.world_landmarks, n=2, axis=1)).mean() for each in (trembling, filtered))
    assert after < 0.5 * before
    np.testing.assert_array_equal(filtered.keypoints[..., 2], trembling.keypoints[..., 2])


def test_alone_means_that_nobody_knows_of_the_other(shot, body, short_fit):
    """Whatever was seen of person 1, person 0 comes out the same in the camera's frame."""
    moved = shot.detections.keypoints.copy()
    moved[1, ..., 0] -= 150
    other = replace(shot, detections=replace(shot.detections, keypoints=moved))
    places = []
    for each in (shot, other):
        fitted = baselines.fitted_alone(each.detections, body, SilentReporter())
        places.append(fitted.motion_incam.pelvis)
    np.testing.assert_allclose(places[0][0], places[1][0], atol=1e-4)
    assert np.abs(places[0][1] - places[1][1]).max() > 0.3


@pytest.mark.slow
def test_the_row_product_is_the_product(shot, body, short_fit, tmp_path: Path):
    """The same as the stages give when they are run for a reconstruction."""
    clip = nodes_of_detections(Given(shot.detections, "clip"), KnownCamera(), Given(body, body.identity))
    take = first_take_nodes(clip, TakeSettings(), SHORT)
    results = run([take.motion, take.constraints], Cache(tmp_path), JobProgress(Recorder()))
    estimate = estimated("product", shot, body, prompt="They shake hands.")
    for name, value in vars(results[take.motion].motion_inworld).items():
        np.testing.assert_allclose(getattr(estimate.motion, name), value, atol=1e-6)
    np.testing.assert_array_equal(estimate.camera.T_cw, results[take.motion].camera.T_cw)
    expected = results[take.constraints].targets.contacts
    assert [contact.id for contact in estimate.contacts] == [contact.id for contact in expected]
    assert estimate.seconds.keys() == results.seconds.keys()


@pytest.mark.slow
def test_rows_that_share_stages_do_not_disturb_each_other(shot, body, short_fit):
    """In whichever order, and also when other tracks come between."""
    first = estimated("product", shot, body)
    prompted = estimated("prompted", shot, body, prompt="They shake hands.")
    other = estimated("product", replace(shot, detections=hidden_wrist(shot, not_sure).detections), body)
    again = estimated("product", shot, body)
    np.testing.assert_array_equal(first.motion.body_pose, again.motion.body_pose)
    assert np.abs(first.motion.body_pose - other.motion.body_pose).max() > 1e-3
    assert {"first-fit", "solved-motion"} <= set(prompted.seconds)


def test_the_joint_fit_is_the_product_without_what_was_learned(shot, body, short_fit, monkeypatch):
    estimate = estimated("joint-fit", shot, body)
    learned = estimated("product", shot, body)
    assert np.abs(estimate.motion.pelvis - learned.motion.pelvis).max() > 1e-3

    def no_weights(*_, **__):
        raise UserError("weights-missing", "There are no weights.", "Train them.")

    monkeypatch.setattr(stages, "load_stgcn", no_weights)
    other_object = replace(shot, detections=replace(shot.detections))  # so that no result is shared with the row above
    fallen_back = estimated("product", other_object, body)
    np.testing.assert_array_equal(fallen_back.motion.body_pose, estimate.motion.body_pose)


@pytest.mark.slow
def test_the_checked_row_is_the_product_where_it_is_good_and_else_the_better_try(shot, body, short_fit, monkeypatch):
    monkeypatch.setattr(retry, "is_bad", lambda *_: False)
    monkeypatch.setattr(retry, "may_stray", lambda *_: False)
    good, product = estimated("checked", shot, body), estimated("product", shot, body)
    np.testing.assert_array_equal(good.motion.body_pose, product.motion.body_pose)
    assert [contact.id for contact in good.contacts] == [contact.id for contact in product.contacts]

    scores = iter((1.0, 0.5, 0.5, 0.8))  # without the learned models it is better, with another camera it is not
    monkeypatch.setattr(retry, "is_bad", lambda *_: True)
    monkeypatch.setattr(retry, "error_score", lambda quality: next(scores))
    better = estimated("checked", shot, body)
    alone = methods.without("stgcn", "infiller")(shot.detections, body, prompt="", seed=0, reporter=SilentReporter())
    np.testing.assert_array_equal(better.motion.body_pose, alone.motion.body_pose)
    assert np.abs(better.motion.body_pose - product.motion.body_pose).max() > 1e-3


def test_rows_are_chosen_by_name():
    assert tuple(METHODS)[-1] == "product"  # what the report's page is about
    assert chosen_methods("raw, joint-fit,raw") == ("raw", "joint-fit")
    with pytest.raises(UserError, match="'dance'") as refused:
        chosen_methods("raw,dance")
    assert "one-euro" in refused.value.hint
    with pytest.raises(UserError):
        chosen_methods(",")
