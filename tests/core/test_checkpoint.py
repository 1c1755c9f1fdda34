"""Files of weights: what is written comes back, and what cannot be used is said so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from core.checkpoint import Checkpoint, as_record, load_checkpoint, load_weights, read_config, save_checkpoint
from core.contract.errors import UserError


@dataclass(frozen=True)
class Sizes:
    width: int
    chosen: tuple[int, ...] = ()


def saved(path: Path, **changes: object) -> Path:
    network = nn.Linear(3, 2)
    values = {
        "kind": "line",
        "features": 4,
        "config": as_record(Sizes(3, (1, 2))),
        "tensors": network.state_dict(),
        "statistics": {"scale": [0.5, 2.0]},
        "about": {"dev": {"mpjpe": 41.5}},
    }
    save_checkpoint(path, Checkpoint(**(values | changes)))  # pyright: ignore[reportArgumentType]
    return path


def refused(path: Path, *wanted: object) -> UserError:
    with pytest.raises(UserError) as caught:
        load_checkpoint(path, *wanted)  # pyright: ignore[reportArgumentType]
    return caught.value


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    weight = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).T.contiguous().T  # laid out by columns
    path = saved(tmp_path / "line.safetensors", tensors={"weight": weight, "bias": torch.zeros(2)})
    loaded = load_checkpoint(path, "line", 4)
    assert read_config(loaded, Sizes, path) == Sizes(3, (1, 2))
    assert loaded.statistics == {"scale": [0.5, 2.0]} and loaded.about == {"dev": {"mpjpe": 41.5}}
    network = nn.Linear(3, 2)
    load_weights(network, loaded, path)
    assert network(torch.tensor([1.0, 0.0, 0.0])).tolist() == [1.0, 4.0]


def test_a_file_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    error = refused(tmp_path / "none.safetensors")
    assert error.code == "weights-missing" and "lab train" in error.hint


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "line.safetensors")
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not weights at all, just words"):
        path.write_bytes(damaged)
        assert refused(path).code == "weights-wrong"


def test_another_tools_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    assert refused(path).code == "weights-wrong"


@pytest.mark.parametrize(("kind", "features", "word"), [("circle", 4, "circle"), ("line", 5, "version 5")])
def test_weights_for_something_else_are_refused(tmp_path: Path, kind: str, features: int, word: str) -> None:
    error = refused(saved(tmp_path / "line.safetensors"), kind, features)
    assert error.code == "weights-wrong" and word in error.message


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "line.safetensors", tensors={"weight": torch.tensor([float("nan")])})
    assert refused(path).code == "weights-wrong"


def test_tensors_and_sizes_of_another_version_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "line.safetensors", config={"width": 3, "depth": 2})
    loaded = load_checkpoint(path)
    with pytest.raises(UserError, match="sizes"):
        read_config(loaded, Sizes, path)
    with pytest.raises(UserError, match="another network"):
        load_weights(nn.Linear(4, 2), loaded, path)


def test_a_full_folder_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
