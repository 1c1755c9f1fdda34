"""The sidebar in a real window. It runs if SOCIALMIRROR_BLENDER is the path of a Blender program and there is a display:

    SOCIALMIRROR_BLENDER=/path/to/blender python -m pytest tests/gui

Screenshots are written to gui-out/.
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
    not (BLENDER and HAS_DISPLAY), reason="needs a display, and the path of a Blender program in SOCIALMIRROR_BLENDER"
)


def test_the_sidebar_from_installation_to_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    screenshots = PROJECT / "gui-out"
    shutil.rmtree(screenshots, ignore_errors=True)
    screenshots.mkdir()
    result = make_result(tmp_path / "result", monkeypatch)
    done = subprocess.run(
        [BLENDER, "--factory-startup", "--python", str(Path(__file__).with_name("tour.py"))],
        env=os.environ
        | {
            "BLENDER_USER_RESOURCES": str(tmp_path / "resources"),
            "TOUR_ZIP": str(package),
            "TOUR_WORKER": str(PROJECT / "tests" / "blender" / "fake_worker.py"),
            "TOUR_OUT": str(screenshots),
            "FAKE_RESULT": str(result),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(screenshots.glob("*.png"))) == 8


def make_result(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Save a synthetic reconstruction with the contract of this checkout."""
    monkeypatch.syspath_prepend(str(PROJECT))
    for module in ("skeleton", "reconstruction", "contact"):
        importlib.import_module(f"core.contract.{module}")
    make_reconstruction = importlib.import_module("tests.blender.synthetic_reconstruction").make_reconstruction
    make_reconstruction(folder, importlib.import_module("core.contract"), frames=60)
    return folder
