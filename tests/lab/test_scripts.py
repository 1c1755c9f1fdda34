"""The scripts of the checkout: where they write, and what they refuse."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.paths import ROOT

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the scripts are for bash")


def run(script: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script from a folder, with a Python that does not exist: it ends before it makes any environment."""
    environment = {**os.environ, "PYTHON": str(folder / "no-python")}
    return subprocess.run(
        ["bash", os.path.relpath(ROOT / "scripts" / script, folder), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("script", ["demo", "story"])
def test_unknown_options_are_refused(script: str, tmp_path: Path):
    done = run(script, "--help", folder=tmp_path)
    assert done.returncode == 1 and "error: Unknown option --help" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_demo_writes_into_the_folder_that_is_named_from_where_it_is_called(tmp_path: Path):
    done = run("demo", "results", folder=tmp_path)
    assert done.returncode == 1 and "no-python" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
    assert not (ROOT / "results").exists()
