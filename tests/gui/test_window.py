"""The panel in a real window. Runs where SOCIALMIRROR_BLENDER names a Blender program and there is a display:

    SOCIALMIRROR_BLENDER=/path/to/blender python -m pytest tests/gui

The pictures it takes lie in gui-out/.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
BLENDER = os.environ.get("SOCIALMIRROR_BLENDER", "")
HAS_DISPLAY = sys.platform in ("win32", "darwin") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ

pytestmark = pytest.mark.skipif(
    not (BLENDER and HAS_DISPLAY), reason="needs a display, and SOCIALMIRROR_BLENDER to name a Blender program"
)


def test_the_panel_from_installation_to_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = tmp_path / "dist"
    built.mkdir()
    build = [
        "--background",
        "--command",
        "extension",
        "build",
        "--source-dir",
        str(PROJECT),
        "--output-dir",
        str(built),
    ]
    subprocess.run([BLENDER, *build], check=True, capture_output=True)
    (package,) = built.glob("*.zip")
    pictures = PROJECT / "gui-out"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir()
    result = make_result(tmp_path / "result", monkeypatch)
    done = subprocess.run(
        [BLENDER, "--factory-startup", "--python", str(Path(__file__).with_name("tour.py"))],
        env=os.environ
        | {
            "BLENDER_USER_RESOURCES": str(tmp_path / "resources"),
            "TOUR_ZIP": str(package),
            "TOUR_CORE": str(PROJECT / "tests" / "blender" / "fake_worker.py"),
            "TOUR_OUT": str(pictures),
            "FAKE_RESULT": str(result),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(pictures.glob("*.png"))) == 8


def make_result(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished reconstruction, made with the contract as it lies in the checkout."""
    monkeypatch.syspath_prepend(str(PROJECT))
    for part in ("skeleton", "reconstruction", "contact"):
        importlib.import_module(f"core.contract.{part}")
    make_reconstruction = importlib.import_module("tests.blender.synthetic_reconstruction").make_reconstruction
    make_reconstruction(folder, importlib.import_module("core.contract"), frames=60)
    return folder
