"""What `doctor` says of a machine on which things are missing."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from core import doctor
from core.weights import CACHE_VARIABLE


def disk() -> doctor.Check:
    return next(check for check in doctor.examine(quick=True) if check.name == "disk")


def test_a_drive_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda self: False)

    def missing(folder: Path) -> None:
        raise FileNotFoundError(3, "The system cannot find the path specified")

    monkeypatch.setattr(shutil, "disk_usage", missing)
    check = disk()
    assert not check.ok and check.needed and "cannot find the path" in check.detail and CACHE_VARIABLE in check.fix


def test_little_room_is_said_and_keeps_nothing_from_being_reconstructed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0.6e9))
    check = disk()
    assert not check.ok and "0.6 GB free" in check.detail and "Free some space" in check.fix
    assert doctor.is_healthy([check])


def test_only_what_is_installed_is_mended_by_installing() -> None:
    checks = {check.name: check for check in doctor.examine(quick=True)}
    assert all(checks[name].by_installing for name in ("python", "torch", "numpy", "device"))
    assert not any(checks[name].by_installing for name in ("body", "disk", "cache", "shipped files"))
