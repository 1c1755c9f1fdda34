"""Requests: what the command line and the messages make of their fields, which values are refused, and how a field is added."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from core.cli import add_request_options, request_from_options
from core.contract.contact import Contact
from core.contract.edits import Edits
from core.contract.errors import UserError
from core.contract.marks import PersonMark
from core.contract.options import NUMBER, in_range, option
from core.contract.requests import ReconstructRequest, RefineRequest, TakesRequest, message_fields, request_from_message


@dataclass(frozen=True)
class RequestWithNewSetting(ReconstructRequest):
    stiffness: float = option(
        0.5, NUMBER, "a made-up setting", metavar="S", check=in_range("bad-stiffness", "stiffness", 0, 1)
    )


def parse(kind: type[TakesRequest], *arguments: str) -> TakesRequest:
    import argparse

    parser = argparse.ArgumentParser()
    add_request_options(parser, kind)
    return request_from_options(parser.parse_args(arguments), kind)


def test_a_new_field_gets_its_option_its_message_field_and_its_check():
    given = parse(RequestWithNewSetting, "clip.mp4", "--stiffness", "0.25")
    assert given == RequestWithNewSetting(Path("clip.mp4"), stiffness=0.25)
    message = json.loads(json.dumps(message_fields(given)))
    assert message["stiffness"] == 0.25
    assert request_from_message(RequestWithNewSetting, message) == given
    with pytest.raises(UserError) as caught:
        request_from_message(RequestWithNewSetting, message | {"stiffness": 2})
    assert caught.value.code == "bad-stiffness"


@pytest.mark.parametrize(
    "request_",
    [
        ReconstructRequest(Path("clip.mp4")),
        ReconstructRequest(
            Path("clip.mp4"),
            "10:110",
            (2, 0),
            Path("body.npz"),
            "embedded",
            fov=55.0,
            prompt="They hug.",
            takes=3,
            seed=7,
            smoothness=0.0,
            device="cpu",
        ),
        ReconstructRequest(Path("clip.mp4"), "10:"),
        RefineRequest(prompt="", fov=40.0, camera_pitch=3.0, camera_roll=-10.0, camera_height=1.4),
    ],
)
def test_a_message_carries_a_request(request_: TakesRequest):
    message = json.loads(json.dumps(message_fields(request_)))
    assert request_from_message(type(request_), message) == request_


def test_the_command_line_gives_the_same_requests_as_the_add_on(tmp_path: Path):
    line = (
        "clip.mp4 --frames 10:19 --people 0,1 --fov 55 --camera-pitch 12 --camera-roll -3 --camera-height 1.6 "
        "--smoothness 0.5 --takes 2 --seed 7 --device cpu --prompt hug"
    )
    message = {
        "clip": "clip.mp4", "frames": [10, 19], "people": [0, 1], "fov": 55,
        "camera_pitch": 12, "camera_roll": -3, "camera_height": 1.6,
        "smoothness": 0.5, "takes": 2, "seed": 7,
        "device": "cpu", "prompt": "hug", "body": None,
    }  # fmt: skip
    assert parse(ReconstructRequest, *line.split()) == request_from_message(ReconstructRequest, message)
    edits = Edits((Contact(0, "left_palm", 1, "chest", 3, 9),))
    path = tmp_path / "edits.json"
    path.write_text(json.dumps(edits.to_json()))
    refine = RefineRequest(edits=edits)
    assert (
        parse(RefineRequest, "--edits", str(path))
        == request_from_message(RefineRequest, {"edits": str(path)})
        == refine
    )
    camera = {"fov": 40, "camera_pitch": 3, "camera_roll": -10, "camera_height": 1.4}
    assert parse(
        RefineRequest, *["--fov", "40", "--camera-pitch", "3", "--camera-roll", "-10", "--camera-height", "1.4"]
    ) == request_from_message(RefineRequest, camera)


def test_people_are_marked_by_clicks_or_boxes():
    request = parse(ReconstructRequest, "clip.mp4", "--people-at", "12:310,160;15:400,90,460,250")
    assert isinstance(request, ReconstructRequest)
    assert request.people_at == (PersonMark(12, 310, 160, 310, 160), PersonMark(15, 400, 90, 460, 250))
    message = {"clip": "clip.mp4", "people_at": [[12, 310, 160], [15, 400, 90, 460, 250]]}
    assert request_from_message(ReconstructRequest, message) == request
    assert request_from_message(ReconstructRequest, json.loads(json.dumps(message_fields(request)))) == request


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("takes", 0, "bad-takes"),
        ("takes", 9, "bad-takes"),
        ("seed", -1, "bad-seed"),
        ("seed", 2**31, "bad-seed"),
        ("smoothness", 1.01, "bad-smoothness"),
        ("smoothness", float("nan"), "bad-smoothness"),
        ("device", "tpu", "bad-device"),
        ("frames", [5, "6"], "bad-message"),
        ("frames", [5], "bad-message"),
        ("people", [1, 1], "bad-people"),
        ("people", [-1, 1], "bad-people"),
        ("people", "0,1", "bad-message"),
        ("people_at", [[0, 1, 2]], "bad-message"),
        ("people_at", [[0, 1, 2], [0, 1, 2, 3]], "bad-message"),
        ("people_at", [[0, 1, 2], [0.5, 1, 2]], "bad-message"),
        ("people_at", [[0, 1, 2], [0, 9, 9, 5, 12]], "bad-message"),
        ("fov", 4.0, "bad-fov"),
        ("fov", 10**400, "bad-message"),
        ("fov", True, "bad-message"),
        ("camera_pitch", 91, "bad-camera"),
        ("camera_roll", -181, "bad-camera"),
        ("camera_height", 0, "bad-camera"),
        ("perception", "other", "bad-perception"),
        ("person_a", "the dancer in red", "bad-people"),
        ("person_b", "  ", "bad-people"),
        ("body", "", "bad-message"),
        ("clip", "caf\udce9.mp4", "bad-path"),
        ("clip", ".", "bad-path"),
        ("clip", "a\0b.mp4", "bad-message"),
        ("frames", [9, 3], "bad-range"),
        ("frames", [-3, None], "bad-range"),
        ("people", [0, 10**6], "bad-people"),
        ("prompt", "x" * 20_001, "bad-message"),
        ("prompt", "\ud800", "bad-message"),
        ("clip", None, "bad-message"),
        ("prompt", 3, "bad-message"),
        ("takes", 1.0, "bad-message"),
    ],
)
def test_values_that_are_not_valid_are_refused_with_a_hint(field: str, value: Any, code: str):
    with pytest.raises(UserError) as caught:
        request_from_message(ReconstructRequest, {"type": "reconstruct", "clip": "clip.mp4"} | {field: value})
    assert caught.value.code == code and caught.value.hint


def test_seeds_of_all_takes_are_in_range() -> None:
    ReconstructRequest(Path("clip.mp4"), seed=2**31 - 1).check()
    with pytest.raises(UserError) as caught:
        ReconstructRequest(Path("clip.mp4"), seed=2**31 - 1, takes=2).check()
    assert caught.value.code == "bad-seed" and "2147483646" in caught.value.hint


@pytest.mark.parametrize(
    ("frames", "problem"),
    [
        ("-1:5", "counted from 0"),
        (":-2", "counted from 0"),
        ("0:99999999", "above 10000000"),
        ("9:3", "is an empty range"),
    ],
)
def test_what_is_wrong_with_a_range_of_frames_is_said(frames: str, problem: str) -> None:
    with pytest.raises(UserError) as caught:
        ReconstructRequest(Path("nowhere.mp4"), frames).check()
    assert caught.value.code == "bad-range" and problem in f"{caught.value}"


@pytest.mark.parametrize("frames", ["5", "a:b", "1:2:3", ""])
def test_text_that_is_no_range_of_frames_is_refused_before_the_clip_is_opened(frames: str):
    with pytest.raises(UserError) as caught:
        ReconstructRequest(Path("nowhere.mp4"), frames).check()
    assert caught.value.code == "bad-range"


def test_people_are_described_both_and_in_no_other_way_besides() -> None:
    request = ReconstructRequest(Path("clip.mp4"), person_a=" the dancer in red ", person_b="the man")
    request.check()
    assert request.described == ("the dancer in red", "the man")
    with pytest.raises(UserError) as caught:
        replace(request, people=(0, 1)).check()
    assert caught.value.code == "bad-people"
