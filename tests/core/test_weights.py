"""Weights arrive whole or not at all, and what is missing is said with a way out."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from core import weights
from core.contract.errors import Cancelled, UserError
from core.reporting import SilentReporter
from core.weights import Weight, Wheel

_CONTENT = b"numbers that were learned"
_WHEEL = Wheel("made-up-networks==1.0", 1)
_WEIGHT = Weight(
    "made_up", "made_up.bin", hashlib.sha256(_CONTENT).hexdigest(), "MIT", "a test", _WHEEL, "networks/made_up.bin"
)


def _write_wheel(folder: Path, content: bytes = _CONTENT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "made-up-networks-1.0-py3-none-any.whl"
    with ZipFile(path, "w") as archive:
        archive.writestr("networks/made_up.bin", content)
        archive.writestr("networks/not_wanted.bin", b"more")
    return path


def test_a_wheel_placed_by_hand_fills_the_cache(tmp_path: Path) -> None:
    wheel = _write_wheel(tmp_path / "wheels")
    cache = tmp_path / "cache"
    files = weights.ensure([_WEIGHT], SilentReporter(), wheels=wheel, cache=cache)
    assert files["made_up"].read_bytes() == _CONTENT
    assert [path.name for path in weights.weights_folder(cache).iterdir()] == ["made_up.bin"]


def test_the_environment_names_a_folder_of_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_wheel(tmp_path / "wheels")
    monkeypatch.setenv(weights.WHEELS_VARIABLE, str(tmp_path / "wheels"))
    monkeypatch.setenv(weights.CACHE_VARIABLE, str(tmp_path / "cache"))
    assert weights.ensure([_WEIGHT], SilentReporter())["made_up"] == tmp_path / "cache" / "weights" / "made_up.bin"


def test_a_damaged_file_is_named_and_fetched_again(tmp_path: Path) -> None:
    reporter = SilentReporter()
    path = weights.weights_folder(tmp_path) / "made_up.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(_CONTENT[:5])
    assert weights.status([_WEIGHT], tmp_path)[0].state == "damaged"
    weights.ensure([_WEIGHT], reporter, wheels=_write_wheel(tmp_path / "wheels"), cache=tmp_path)
    assert path.read_bytes() == _CONTENT
    assert len(reporter.warnings) == 1 and str(path) in reporter.warnings[0]
    assert weights.status([_WEIGHT], tmp_path)[0].present


@pytest.mark.parametrize("damage", ["content", "member", "zip", "stream", "encrypted"])
def test_a_wheel_that_is_not_the_expected_one_leaves_the_cache_empty(tmp_path: Path, damage: str) -> None:
    wheel = _write_wheel(tmp_path / "wheels", b"other" if damage == "content" else _CONTENT)
    weight = replace(_WEIGHT, member="networks/nowhere.bin") if damage == "member" else _WEIGHT
    if damage == "zip":
        wheel.write_bytes(b"this is no zip")
    if damage == "stream":
        with ZipFile(wheel, "w", ZIP_DEFLATED) as archive:
            archive.writestr(_WEIGHT.member, _CONTENT * 100)
        data = bytearray(wheel.read_bytes())
        start = 30 + len(_WEIGHT.member)  # of the deflated bytes, after the member's header
        data[start : start + 8] = b"\xff" * 8
        wheel.write_bytes(data)
    if damage == "encrypted":
        data = bytearray(wheel.read_bytes())
        data[data.index(b"PK\x01\x02") + 8] |= 1
        data[6] |= 1
        wheel.write_bytes(data)
    with pytest.raises(UserError) as caught:
        weights.ensure([weight], SilentReporter(), wheels=wheel, cache=tmp_path)
    assert caught.value.code == "weight-damaged"
    assert weights.WHEELS_VARIABLE in caught.value.hint
    assert not weights.weights_folder(tmp_path).exists()


def test_without_a_network_the_way_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(weights.WHEELS_VARIABLE, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(UserError) as caught:
        weights.ensure(weights.PERCEPTION_WEIGHTS, SilentReporter(), cache=tmp_path / "cache")
    assert caught.value.code == "wheel-missing"
    assert "pip download" in caught.value.hint and "mediapipe==0.10.21" in caught.value.hint
    assert not (tmp_path / "cache").exists()


def test_a_wheel_that_is_not_where_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        weights.ensure([_WEIGHT], SilentReporter(), wheels=tmp_path, cache=tmp_path / "cache")
    assert caught.value.code == "wheel-missing" and str(tmp_path) in caught.value.message


def test_a_wheel_beside_another_ones_is_found_by_its_name(tmp_path: Path) -> None:
    """The variable may name one of two wheels; packers write a package's name with underscores."""
    named = tmp_path / "mediapipe-0.10.21-cp312-cp312-manylinux_2_28_x86_64.whl"
    named.write_bytes(b"another wheel")
    with pytest.raises(UserError) as caught:
        weights.ensure([_WEIGHT], SilentReporter(), wheels=named, cache=tmp_path / "cache")
    assert caught.value.code == "wheel-missing"
    _write_wheel(tmp_path).rename(tmp_path / "made_up_networks-1.0-py3-none-any.whl")
    files = weights.ensure([_WEIGHT], SilentReporter(), wheels=named, cache=tmp_path / "cache")
    assert files["made_up"].read_bytes() == _CONTENT


def test_files_of_one_model_share_a_folder(tmp_path: Path) -> None:
    wheel = _write_wheel(tmp_path / "wheels")
    weight = replace(_WEIGHT, file="model/made_up.bin")
    files = weights.ensure([weight], SilentReporter(), wheels=wheel, cache=tmp_path)
    assert files["made_up"] == weights.weights_folder(tmp_path) / "model" / "made_up.bin"
    assert weights.status([weight], tmp_path)[0].present


def test_a_download_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(SilentReporter):
        def progress(self, fraction: float, text: str = "") -> None:
            raise Cancelled

    monkeypatch.delenv(weights.WHEELS_VARIABLE, raising=False)
    start = time.monotonic()
    with pytest.raises(Cancelled):
        weights.ensure([_WEIGHT], Impatient(), cache=tmp_path / "cache")
    assert time.monotonic() - start < 2
    assert not (tmp_path / "cache").exists()


def test_doctor_learns_what_is_missing_and_how_to_get_it(tmp_path: Path) -> None:
    lines = weights.status(cache=tmp_path)
    assert {line.name for line in lines} == {
        "pose_landmarks",
        "palm_detector",
        "hand_landmarks",
    }
    for line in lines:
        assert line.state == "missing" and not line.present
        assert line.path.is_relative_to(tmp_path)
        assert line.licence and weights.WHEELS_VARIABLE in line.how_to_get


def test_the_cache_is_the_users_choice_or_the_platforms_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(weights.CACHE_VARIABLE, str(tmp_path))
    assert weights.cache_folder() == tmp_path
    monkeypatch.delenv(weights.CACHE_VARIABLE)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert weights.cache_folder() == tmp_path / "xdg" / "socialmirror"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert weights.cache_folder() == tmp_path / "local" / "SocialMirror" / "Cache"
