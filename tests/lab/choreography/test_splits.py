"""The file of splits, and what goes by it."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import numpy as np
import pytest

from core.contract.errors import UserError
from core.contract.files import read_json
from core.motion import PairMotion
from lab import cli
from lab.choreography import choreograph, splits
from lab.choreography.generation import GeneratedClip, GenerationRequest
from lab.choreography.interaction import Interaction
from lab.mocap.capture import Capture
from lab.mocap.library import Library

FAMILIES = {
    "handshake", "high_five", "hug", "shove", "pat_shoulder", "arm_around_shoulder", "hand_in_hand", "dance_hold",
    "dance_turn", "block_punch", "kick", "pull_arm", "help_up", "piggyback", "hand_over",
    "touch_anywhere",
}  # fmt: skip
SUBJECTS = (
    *(f"cmu-{number:02d}" for number in (1, 2, 3, 18, 19)),
    *(f"reactidle-{number:03d}" for number in range(16)),
    *(f"cmu-expmap-test__walking_extra__walking_{number}" for number in range(6, 24)),
    *(f"cmu-expmap-train__walking_extra__walking_{number}" for number in range(13, 53)),
    *(f"cmu-expmap-train__walking__walking_{number}" for number in range(2, 6)),
    *(f"cmu-expmap-train__basketball_signal__basketball_signal_{number}" for number in range(1, 6)),
    *(f"cmu-expmap-{action}_1" for action in ("test__walking__walking", "train__running__running", "train__soccer__soccer")),
    *(f"deepmimic-{name}" for name in ("kick", "spinkick", "punch", "getup_faceup", "getup_facedown", "dance_a", "dance_b")),
    "somebody-new",
)  # fmt: skip


def a_clip(family: str, *subjects: str) -> Interaction:
    one = np.zeros((2, 1, 3), np.float32)
    motion = PairMotion(
        one, np.zeros((2, 1, 21, 3)), np.zeros((2, 1, 15, 3)), np.zeros((2, 1, 15, 3)), one, np.zeros((2, 16))
    )
    return Interaction("clip", family, (), subjects, 30.0, motion, np.zeros((2, 1, 2), bool), (), ())


def a_capture(source: str, subject: str) -> Capture:
    one = np.zeros((1, 3), np.float32)
    return Capture(source, subject, (), 30.0, one, np.zeros((1, 21, 3)), one, np.zeros(16), np.zeros((1, 2), bool))


def test_no_person_is_listed_for_two_splits() -> None:
    listed = read_json(splits._FILE)["subjects"]
    for subject in SUBJECTS:
        holding = [split for split, patterns in listed.items() if any(fnmatchcase(subject, one) for one in patterns)]
        assert len(holding) <= 1, f"{subject} is listed under {holding}"


def test_every_line_of_the_file_names_somebody() -> None:
    """A pattern with a slip in it would quietly put its people into train."""
    known = (*SUBJECTS, "cmu-expmap-test__washwindow__washwindow_1")
    known += tuple(f"deepmimic-{name}" for name in ("dance_spin", "jog", "zombie_walk", "walk", "spin"))
    for patterns in read_json(splits._FILE)["subjects"].values():
        for pattern in patterns:
            assert any(fnmatchcase(subject, pattern) for subject in known), pattern


def test_four_families_are_kept_for_test() -> None:
    kept = {"piggyback", "dance_turn", "pull_arm", "help_up"}
    assert not kept & {*splits.families_of("train"), *splits.families_of("dev")}
    assert kept <= set(splits.families_of("test"))
    assert kept | {"hand_over"} == set(splits.unseen_families())
    assert {family for split in splits.SPLITS for family in splits.families_of(split)} == FAMILIES


def test_the_recording_of_subject_02_among_the_others_goes_with_it() -> None:
    assert splits.split_of_subject("cmu-02") == "train"
    walking = a_capture("cmu-expmap/train__walking__walking_1", "cmu-02")
    library = Library((walking, a_capture("cmu-asf/02_01", "cmu-02")), ())
    assert [len(splits.captures_of(library, split)) for split in splits.SPLITS] == [2, 0, 0]


def test_files_that_look_like_one_persons_stay_together() -> None:
    blocks = (
        [f"test__walking_extra__walking_{number}" for number in range(6, 24)] + ["test__walking__walking_1"],
        [f"train__walking_extra__walking_{number}" for number in range(37, 47)],
        [f"train__walking_extra__walking_{number}" for number in range(27, 35)] + ["train__running__running_2"],
    )
    found = [{splits.split_of_subject(f"cmu-expmap-{name}") for name in block} for block in blocks]
    assert found == [{"test"}, {"dev"}, {"train"}]


def test_every_capture_is_in_exactly_one_split() -> None:
    captures = tuple(a_capture(f"set/{subject}", subject) for subject in SUBJECTS)
    library = Library(captures, ())
    parts = [capture.source for split in splits.SPLITS for capture in splits.captures_of(library, split)]
    assert sorted(parts) == sorted(capture.source for capture in captures)
    assert "set/somebody-new" in [capture.source for capture in splits.captures_of(library, "train")]


def test_a_split_has_the_families_that_it_has_people_for() -> None:
    """Who kicks, punches and gets up among the recordings that come with the project's instructions."""
    kicks, punches, rises = (
        {splits.split_of_subject(subject) for subject in subjects}
        for subjects in (
            ("cmu-expmap-train__soccer__soccer_1", "cmu-expmap-test__soccer__soccer_1", "deepmimic-kick"),
            ("cmu-02", "deepmimic-punch"),
            ("deepmimic-getup_faceup", "deepmimic-getup_facedown"),
        )
    )
    for split in splits.SPLITS:
        assert ("kick" in splits.families_of(split)) == (split in kicks)
        assert split in punches or "block_punch" not in splits.families_of(split)
        assert ("help_up" in splits.families_of(split)) == (split in rises)


def test_a_clip_belongs_where_its_people_do() -> None:
    assert splits.split_of(a_clip("hug", "reactidle-000", "cmu-02")) == "train"
    assert splits.split_of(a_clip("hug", "reactidle-012")) == "test"
    assert splits.split_of(a_clip("help_up", "deepmimic-getup_faceup", splits.NOBODY)) == "test"
    assert splits.split_of(a_clip("piggyback", splits.NOBODY)) == "test"


@pytest.mark.parametrize(
    ("family", "subjects", "said"),
    [
        ("hug", ("reactidle-000", "reactidle-012"), "test and train"),
        ("piggyback", ("cmu-02",), "train may not hold"),
        ("hand_over", ("reactidle-000",), "train may not hold"),
        ("juggling", (splits.NOBODY,), "no split may hold"),
    ],
)
def test_a_clip_that_mixes_splits_is_refused(family: str, subjects: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        splits.split_of(a_clip(family, *subjects))
    assert error.value.code == "split-broken"


def test_choreograph_makes_the_families_of_its_split(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    asked: list[GenerationRequest] = []

    def generate(request: GenerationRequest, workers: int = 1) -> Iterator[GeneratedClip]:
        asked.append(request)
        return iter(())

    monkeypatch.setattr(choreograph, "generate", generate)
    assert cli.main(["choreograph", "--split", "dev"]) == 0
    assert asked[0].families == splits.families_of("dev")
    assert cli.main(["choreograph", "--families", "piggyback"]) == cli.FAILED
    assert "families of the split train: piggyback" in capsys.readouterr().err
    assert len(asked) == 1
