"""A bad result is tried again in other ways, and the better one is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.contract.errors import UserError
from core.contract.reconstruction import BAD, GOOD, Measured, Quality, Scores, Stretch
from core.fitting.fit import FittedMotion
from core.pipeline.nodes import TakeSettings
from core.pipeline.retry import RETRIES, Variant, make_good_takes
from core.pipeline.settings import PipelineSettings
from core.pipeline.takes import MadeTakes, TakeResult
from core.progress import JobProgress
from tests.core.conftest import FRAMES, Recorder, made_up_camera, made_up_motion, made_up_tracks

GOOD_ONE = Quality((Measured("picture", 0, 1.0, GOOD),))
BAD_ONE = Quality((Measured("picture", 0, 12.0, BAD),), (Stretch("picture", 0, 3, 9, 12.0, BAD),))
FLAWLESS = Quality((Measured("picture", 0, 0.1, GOOD),))
WORSE = Quality((Measured("picture", 0, 17.0, BAD),), (Stretch("picture", 0, 3, 9, 17.0, BAD),))


BENT = Quality((Measured("limbs", 1, 17.0, BAD),), (Stretch("limbs", 1, 3, 9, 17.0, BAD),))
ONE_FLOATS = Quality((Measured("floor", 1, 100.0, BAD),), (Stretch("floor", 1, 3, 9, 100.0, BAD),))


def made(quality: Quality, reprojection: float = 1.0, *, infilled: bool = False) -> MadeTakes:
    contact, confidence = np.zeros((2, FRAMES, 2), np.float32), np.ones((2, FRAMES, 22), np.float32)
    fitted = FittedMotion(
        made_up_motion().transformed(made_up_camera().T_cw), made_up_camera(), contact, confidence, 1.0
    )
    take = TakeResult(
        settings=TakeSettings(),
        fitted=fitted,
        contacts=(),
        scores=Scores(reprojection, 0.0, 1.0),
        quality=quality,
        foot_contacts=(),
        caption="",
        infilled=infilled,
        key="",
        warnings=(),
        annotation=None,
        seconds={},
    )
    return MadeTakes((take,), made_up_tracks())


def run(*results: Quality | MadeTakes) -> tuple[MadeTakes, Variant, list[Variant]]:
    asked: list[Variant] = []

    def make(variant: Variant) -> MadeTakes:
        asked.append(variant)
        result = results[len(asked) - 1]
        return made(result) if isinstance(result, Quality) else result

    takes, variant = make_good_takes(make, JobProgress(Recorder()))
    return takes, variant, asked


def test_a_good_result_is_not_tried_again() -> None:
    takes, variant, asked = run(GOOD_ONE)
    assert asked == [variant] == [Variant()] and takes.takes[0].quality == GOOD_ONE


def test_the_better_of_two_tries_is_kept_and_said() -> None:
    takes, variant, asked = run(BAD_ONE, GOOD_ONE)
    assert asked == [Variant(), RETRIES[0]] and variant == RETRIES[0]
    (attempt,) = takes.takes[0].quality.attempts
    assert "without learned models" in attempt and "was kept" in attempt
    assert not takes.takes[0].warnings


def test_a_take_that_strays_from_the_picture_gives_way_to_the_fit_alone() -> None:
    takes, variant, asked = run(made(GOOD_ONE, 2.0, infilled=True), made(GOOD_ONE, 1.4))
    assert asked == [Variant(), Variant(learned=False)] and variant == asked[1]
    (attempt,) = takes.takes[0].quality.attempts
    assert "reprojection 1.4 instead of 2.0 %" in attempt


def test_the_user_is_told_that_the_learned_models_were_left_out() -> None:
    results = iter((made(GOOD_ONE, 2.0, infilled=True), made(GOOD_ONE, 1.4)))
    progress = JobProgress(Recorder())
    make_good_takes(lambda variant: next(results), progress)
    (warning,) = progress.warnings
    assert "moved people away from the picture" in warning


@pytest.mark.parametrize(
    ("learned", "alone"),
    [
        (made(GOOD_ONE, 2.0, infilled=True), made(GOOD_ONE, 1.6)),  # no farther from the picture than in a rendered hug
        (made(GOOD_ONE, 2.0, infilled=True), made(BAD_ONE, 1.0)),  # the fit alone is worse in another way
        (made(GOOD_ONE, 2.0, infilled=True), made(FLAWLESS, 1.8)),  # what can be measured without depth was good before
    ],
)
def test_the_learned_models_are_kept_where_they_do_not_stray(learned: MadeTakes, alone: MadeTakes) -> None:
    takes, variant, asked = run(learned, alone)
    assert len(asked) == 2 and variant == Variant() and takes.takes == learned.takes


def test_a_take_whose_arm_is_bent_away_loses_against_one_that_follows_the_picture() -> None:
    follows = Quality((Measured("picture", 0, 7.9, GOOD), Measured("limbs", 1, 11.5, GOOD)))
    bent = replace(BENT, measured=(Measured("picture", 0, 7.8, GOOD), Measured("limbs", 1, 12.5, BAD)))
    takes, variant, asked = run(bent, follows)
    assert asked == [Variant(), RETRIES[0]] and variant == RETRIES[0] and not takes.takes[0].warnings


def test_a_take_whose_arm_is_bent_away_replaces_none() -> None:
    spoilt = replace(BENT, measured=(Measured("limbs", 1, 0.1, GOOD),))  # in a long clip a stretch hardly counts
    takes, variant, _ = run(ONE_FLOATS, spoilt, spoilt)
    assert variant == Variant() and takes.takes[0].quality.measured == ONE_FLOATS.measured
    strayed = made(GOOD_ONE, 2.0, infilled=True)
    assert run(strayed, made(spoilt, 1.0))[1] == Variant()


@pytest.mark.parametrize(
    ("again", "outcome"), [(1.4, "The new motion is better"), (1.8, "The motion from before is kept")]
)
def test_the_outcome_of_a_comparison_is_said_in_plain_words(again: float, outcome: str) -> None:
    results = iter((made(GOOD_ONE, 2.0, infilled=True), made(GOOD_ONE, again)))
    recorder = Recorder()
    make_good_takes(lambda variant: next(results), JobProgress(recorder))
    assert len(recorder.logs) == 2 and outcome in recorder.logs[1]
    assert not any("reprojection" in line for line in recorder.logs)


def test_a_take_close_to_the_picture_is_not_compared() -> None:
    assert run(made(GOOD_ONE, 1.2, infilled=True))[2] == [Variant()]


def test_what_stays_bad_is_said() -> None:
    takes, variant, asked = run(BAD_ONE, WORSE, BAD_ONE)
    assert asked == [Variant(), *RETRIES] and variant == Variant()
    assert len(takes.takes[0].quality.attempts) == 2
    assert any("no good result" in warning for warning in takes.takes[0].warnings)


@pytest.mark.parametrize("variant", [Variant(), *RETRIES])
def test_a_variant_is_read_as_it_was_written(variant: Variant) -> None:
    assert Variant.from_json(variant.to_json()) == variant
    settings = variant.settings(PipelineSettings())
    assert settings.stgcn == variant.learned


@pytest.mark.parametrize("record", [{"camera": -1}, {"camera": "1"}])
def test_a_damaged_variant_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        Variant.from_json(record)
    assert caught.value.code == "damaged"
    assert replace(Variant(), camera=1) == RETRIES[1]
