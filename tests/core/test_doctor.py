"""What `doctor` says of a machine on which things are missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core import doctor
from core.weights import CACHE_VARIABLE


def test_a_drive_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda self: False)

    def missing(folder: Path) -> None:
        raise FileNotFoundError(3, "The system cannot find the path specified")

    monkeypatch.setattr(shutil, "disk_usage", missing)
    check = doctor._disk()
    assert not check.ok and "cannot find the path" in check.detail and CACHE_VARIABLE in check.fix
