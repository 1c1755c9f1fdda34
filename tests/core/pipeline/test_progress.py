"""One fraction and a time left for the whole job, whatever its stages."""

from __future__ import annotations

import pytest

from core.contract.errors import Cancelled
from core.progress import JobProgress, Progress


class Watch:
    """A clock and a listener in one."""

    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[Progress] = []
        self.warned: list[str] = []
        self.stop = False

    def clock(self) -> float:
        return self.now

    def stage(self, name: str, index: int, count: int) -> None:
        pass

    def progress(self, progress: Progress) -> None:
        self.told.append(progress)

    def warning(self, text: str) -> None:
        self.warned.append(text)

    def log(self, text: str) -> None:
        pass

    def cancelled(self) -> bool:
        return self.stop


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def job(watch: Watch) -> JobProgress:
    job = JobProgress(watch, watch.clock)
    job.expect({"look": 3.0, "fit": 1.0})
    return job


def test_stages_share_the_whole_by_their_expected_time(watch: Watch, job: JobProgress):
    job.begin("look").progress(0.5)
    watch.now = 10
    job.begin("fit").progress(0.5)
    assert [told.fraction for told in watch.told] == [0.375, 0.875]
    assert [told.stage for told in watch.told] == ["look", "fit"]


def test_time_left_follows_from_time_spent(watch: Watch, job: JobProgress):
    stage = job.begin("look")
    stage.progress(0.01)
    watch.now = 30
    stage.progress(1 / 3)
    assert watch.told[0].seconds_left is None
    assert watch.told[1].seconds_left == pytest.approx(90)


def test_the_fraction_never_falls_and_never_leaves_its_stage(watch: Watch, job: JobProgress):
    stage = job.begin("look")
    for fraction in (0.5, 0.2, 7.0, -1.0):
        watch.now += 1
        stage.progress(fraction)
    assert [told.fraction for told in watch.told] == [0.375, 0.375, 0.75, 0.75]


def test_reports_in_quick_succession_are_passed_on_ten_times_a_second(watch: Watch, job: JobProgress):
    stage = job.begin("look")
    for step in range(1000):
        watch.now += 0.001
        stage.progress(step / 1000)
    assert 8 <= len(watch.told) <= 12


def test_a_stage_keeps_its_warnings_and_says_each_once(watch: Watch, job: JobProgress):
    stage = job.begin("look")
    stage.warning("The camera moves.")
    stage.warning("The camera moves.")
    job.warn("One take was made.")
    assert stage.warnings == ["The camera moves."] and job.warnings == ["One take was made."]
    assert watch.warned == ["The camera moves.", "One take was made."]


def test_a_report_is_where_a_cancelled_job_stops(watch: Watch, job: JobProgress):
    stage = job.begin("look")
    stage.progress(0.1)
    watch.stop = True
    with pytest.raises(Cancelled):
        stage.progress(0.2)


def test_takes_share_the_whole_and_say_which_one_is_made(watch: Watch, job: JobProgress):
    for first, last in ((0.0, 0.8), (0.8, 1.0)):
        job.set_range(first, last, f"from {first}")
        job.expect({"fit": 1.0})
        stage = job.begin("fit")
        for fraction in (0.5, 1.0):
            watch.now += 1
            stage.progress(fraction, "step")
    assert [told.fraction for told in watch.told] == pytest.approx([0.4, 0.8, 0.9, 1.0])
    assert watch.told[1].text == "from 0.0: step" and watch.told[2].text == "from 0.8: step"


def test_what_every_take_warns_of_is_told_once(watch: Watch, job: JobProgress):
    for _ in range(2):
        job.begin("fit").warning("No infiller.")
    assert watch.warned == ["No infiller."]
