"""Models on this machine: found, checked, and told of where they are missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.contract.errors import UserError
from core.hub import store
from core.hub.catalogue import CATALOGUE, is_permitted
from core.hub.manifest import MANIFEST
from tests.core.hub.installing import seal

NAME = "rf-detr-seg"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a model that is installed."""
    monkeypatch.setenv(store.MODELS_VARIABLE, str(tmp_path))
    place = tmp_path / NAME
    place.mkdir()
    (place / "config.json").write_text("{}")
    (place / "model.safetensors").write_bytes(b"weights")
    return seal(NAME)


def test_a_sealed_model_is_installed(folder: Path) -> None:
    assert store.installed(NAME) == folder == store.require(NAME)
    found = store.status(NAME, whole=True)
    assert (found.state, found.bytes_used) == ("installed", 9)


def test_the_identity_follows_the_contents(folder: Path) -> None:
    before = store.identity(NAME)
    (folder / "model.safetensors").write_bytes(b"others!")
    seal(NAME)
    assert store.identity(NAME) != before


def test_a_missing_model_is_told_with_size_licence_and_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.MODELS_VARIABLE, str(tmp_path / "none"))
    assert store.installed(NAME) is None
    with pytest.raises(UserError) as error:
        store.require(NAME)
    assert error.value.code == "model-missing"
    assert "python -m core models download rf-detr-seg --accept-licence" in error.value.hint
    assert "142 MB" in error.value.hint
    assert "Apache-2.0" in error.value.hint


def test_a_changed_file_is_noticed_by_size_and_by_time(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(b"weights and more")
    assert "bytes instead of" in store.status(NAME).problem
    weights.write_bytes(b"WEIGHTS")
    os.utime(weights, ns=(1, 1))
    assert "sha256" in store.status(NAME).problem
    with pytest.raises(UserError) as error:
        store.require(NAME)
    assert error.value.code == "model-damaged"


def test_a_change_that_keeps_size_and_time_is_found_by_the_whole_check(folder: Path) -> None:
    weights = folder / "model.safetensors"
    times = weights.stat().st_mtime_ns
    weights.write_bytes(b"WEIGHTS")
    os.utime(weights, ns=(times, times))
    assert store.status(NAME).state == "installed"
    assert store.status(NAME, whole=True).state == "damaged"


def test_a_copied_folder_with_other_times_is_the_same_model(folder: Path) -> None:
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert store.status(NAME).state == "installed"


@pytest.mark.parametrize("name", ["adapter_config.json", "modeling.py", "pytorch_model.bin"])
def test_a_file_that_came_later_makes_the_model_damaged(folder: Path, name: str) -> None:
    (folder / name).write_text("{}")
    assert name in store.status(NAME).problem


@pytest.mark.parametrize(
    "name", ["modeling.py", "pytorch_model.bin", "model.pt", "last.ckpt", "x.pickle", "model.onnx"]
)
def test_a_folder_with_code_is_not_sealed(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"")
    with pytest.raises(UserError) as error:
        seal(NAME)
    assert error.value.code == "model-damaged"
    assert name in error.value.message


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": 1, "name": 5}', '{"schema": 99}'])
def test_a_damaged_manifest_is_told(folder: Path, content: str) -> None:
    (folder / MANIFEST).write_text(content)
    assert store.status(NAME).state == "damaged"


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(UserError) as error:
        store.require("no-such-model")
    assert error.value.code == "model-unknown"


@pytest.mark.parametrize(
    "path", ["../config.json", "/config.json", "a/../b.json", "C:/x.json", "a\\b.json", "a//b.json"]
)
def test_paths_that_lead_elsewhere_are_not_permitted(path: str) -> None:
    assert not is_permitted(CATALOGUE[NAME], path)


def test_onnx_is_permitted_where_the_catalogue_says_so() -> None:
    assert is_permitted(CATALOGUE["moge-2"], "model.onnx")
    assert not is_permitted(CATALOGUE["moge-2"], "model.pt")


def test_every_model_wants_only_files_that_are_permitted() -> None:
    for model in CATALOGUE.values():
        for pattern in model.files:
            assert is_permitted(model, pattern.replace("*", "x")), (model.name, pattern)
