"""Checkpoint files: what is saved is loaded again, and what cannot be used is refused with a message that says why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from core.checkpoint import MODELS, Checkpoint, as_record, load_checkpoint, load_weights, read_config, save_checkpoint
from core.contract.errors import UserError


@dataclass(frozen=True)
class Inner:
    kind: str = "cosine"

    def __post_init__(self) -> None:
        if self.kind != "cosine":
            raise ValueError(f"unknown kind {self.kind}")


@dataclass(frozen=True)
class Sizes:
    width: int
    columns: tuple[int, ...] = ()
    inner: Inner = Inner()


CONFIG = Sizes(3, (1, 2))


def saved(path: Path, **changes: object) -> Path:
    network = nn.Linear(3, 2)
    values = {
        "kind": "line",
        "features_version": 4,
        "config": as_record(CONFIG),
        "tensors": network.state_dict(),
        "statistics": {"scale": [0.5, 2.0]},
        "training": {"dev": {"mpjpe": 41.5}},
    }
    save_checkpoint(path, Checkpoint(**(values | changes)))  # pyright: ignore[reportArgumentType]
    return path


def refused(path: Path, *arguments: object) -> UserError:
    with pytest.raises(UserError) as caught:
        load_checkpoint(path, *arguments)  # pyright: ignore[reportArgumentType]
    return caught.value


def test_a_checkpoint_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    weight = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).T.contiguous().T  # not contiguous in memory
    path = saved(tmp_path / "line.safetensors", tensors={"weight": weight, "bias": torch.zeros(2)})
    loaded = load_checkpoint(path, "line", 4)
    assert read_config(loaded, Sizes, path) == CONFIG
    assert loaded.statistics == {"scale": [0.5, 2.0]} and loaded.training == {"dev": {"mpjpe": 41.5}}
    network = nn.Linear(3, 2)
    load_weights(network, loaded, path)
    assert network(torch.tensor([1.0, 0.0, 0.0])).tolist() == [1.0, 4.0]


def test_a_missing_file_is_reported_with_a_hint_for_users_and_one_for_developers(tmp_path: Path) -> None:
    error = refused(tmp_path / "none.safetensors")
    assert error.code == "weights-missing"
    assert "install the extension again" in error.hint and "lab train" in error.hint


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "line.safetensors")
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"plain text instead of weights"):
        path.write_bytes(damaged)
        assert refused(path).code == "weights-wrong"


def test_a_safetensors_file_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    assert refused(path).code == "weights-wrong"


@pytest.mark.parametrize(("kind", "version", "word"), [("circle", 4, "circle"), ("line", 5, "version 5")])
def test_another_kind_and_another_version_of_the_features_are_refused(
    tmp_path: Path, kind: str, version: int, word: str
) -> None:
    error = refused(saved(tmp_path / "line.safetensors"), kind, version)
    assert error.code == "weights-wrong" and word in error.message


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "line.safetensors", tensors={"weight": torch.tensor([float("nan")])})
    assert refused(path).code == "weights-wrong"


@pytest.mark.parametrize(
    "config",
    [
        {"width": 3, "columns": [1, 2], "inner": {"kind": "cosine"}, "depth": 2},
        {"width": 3, "columns": [1, 2]},
        {"width": 3, "columns": [1, 2], "inner": {}},
        {"width": 3, "columns": [1, 2], "inner": {"kind": "linear"}},
    ],
)
def test_a_config_with_unknown_missing_or_invalid_fields_is_refused(tmp_path: Path, config: dict[str, object]) -> None:
    """Defaults do not fill in missing fields: a default that changes later must not change what trained weights compute."""
    path = saved(tmp_path / "line.safetensors", config=config)
    with pytest.raises(UserError, match="config") as caught:
        read_config(load_checkpoint(path), Sizes, path)
    assert caught.value.code == "weights-wrong"


def test_tensors_of_another_network_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "line.safetensors")
    with pytest.raises(UserError, match="another network"):
        load_weights(nn.Linear(4, 2), load_checkpoint(path), path)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "line.safetensors")
    before = path.read_bytes()

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(UserError) as caught:
        saved(path)
    monkeypatch.undo()
    assert caught.value.code == "disk-full"
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_the_shipped_weights_say_what_they_are_and_have_a_card() -> None:
    for path in MODELS.glob("*.safetensors"):
        checkpoint = load_checkpoint(path)
        assert checkpoint.kind == path.stem
        assert checkpoint.training.get("steps", 0) > 0 or checkpoint.training["source"], (
            "trained here, or from elsewhere"
        )
        assert path.with_suffix(".md").read_text(encoding="utf-8").startswith(f"# {path.stem}\n")
