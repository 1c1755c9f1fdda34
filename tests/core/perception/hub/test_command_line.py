"""`python -m core reconstruct --perception hub` as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli import main
from core.perception.hub import tracker as hub_tracker
from core.perception.hub.networks import hub_identity
from core.pipeline import retry
from tests.core.perception.hub.scripted import Script, crossing, write_crossing
from tests.core.perception.hub.tiny_models import save_all

_FRAMES = 12


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCIALMIRROR_MODELS", str(tmp_path / "models"))
    save_all()


@pytest.mark.slow
@pytest.mark.usefixtures("models")
def test_a_clip_is_reconstructed_with_the_hubs_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_crossing(tmp_path / "crossing.mp4", crossing(_FRAMES))
    script = Script.of_clip(clip, crossing(_FRAMES))
    monkeypatch.setattr(hub_tracker, "load_hub_networks", lambda device, pulse: script.networks())
    for suspicion in ("is_bad", "may_stray"):  # the two who cross are points: their motion would be made again in vain
        monkeypatch.setattr(retry, suspicion, lambda *_: False)
    arguments = [
        "reconstruct",
        str(clip.path),
        "--out",
        str(tmp_path / "out"),
        "--perception",
        "hub",
        "--device",
        "cpu",
        "--fov",
        "54",
    ]
    assert main(arguments) == 0, capsys.readouterr().err
    assert {"people", "keypoints", "masks"} <= set(script.asked)
    record = json.loads((tmp_path / "out" / "reconstruction.json").read_text())
    assert record["settings"]["choices"]["hub"] == hub_identity()
    assert [person["name"] for person in record["people"]] and len(record["people"]) == 2
    script.asked.clear()
    assert main(arguments) == 0 and not script.asked, "the result is in the cache under the models' key"


@pytest.mark.slow
@pytest.mark.usefixtures("models")
def test_random_networks_of_the_real_classes_find_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = write_crossing(tmp_path / "crossing.mp4", crossing(_FRAMES))
    arguments = [
        "reconstruct",
        str(clip.path),
        "--out",
        str(tmp_path / "out"),
        "--perception",
        "hub",
        "--device",
        "cpu",
    ]
    assert main(arguments) != 0
    said = capsys.readouterr().err
    assert "Nobody was found" in said and "Traceback" not in said
