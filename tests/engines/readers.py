"""Runs the importers of three.js, Babylon.js and Assimp, and the Khronos validator, and compares what they read.

`scripts/test` installs node's packages (package.json) and names node in SOCIALMIRROR_NODE; without them the tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
NODE_VARIABLE = "SOCIALMIRROR_NODE"
TOLERANCE = 5e-5
"""Metres by which a joint may be off in an engine."""


@dataclass(frozen=True)
class Expected:
    """What a file should hold. N bones, T frames, metres, Y up."""

    names: Sequence[str]
    rest: np.ndarray
    """[N,3]"""
    positions: np.ndarray
    """[T,N,3]"""
    frame_rate: float
    title: str
    unit: float = 1.0
    """Metres per unit of the file."""


@dataclass(frozen=True)
class Read:
    """What an importer made of a file, in the file's units."""

    nodes: list[str]
    rest: np.ndarray
    frames: np.ndarray
    animations: list[dict[str, Any]]
    faces: int


def node() -> str:
    """The interpreter of the scripts; skips the test where it or its packages are not installed."""
    named = os.environ.get(NODE_VARIABLE)
    found = named or shutil.which("node")
    if found is None or (not named and not (HERE / "node_modules").is_dir()):
        pytest.skip("node's packages are not installed; scripts/test installs them")
    return found


def run_script(name: str, out: Path, *arguments: object) -> dict[str, Any]:
    command = [node(), str(HERE / name), str(out), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(out.read_text())


def read_with(reader: str, out: Path, paths: Sequence[Path], frames: int, rate: float) -> list[Read]:
    """Read files with `three` or `babylon`; `out` is a file for their answer."""
    answer = run_script(f"{reader}.mjs", out, frames, rate, *paths)
    return [
        Read(
            entry["nodes"],
            np.array(entry["rest"]),
            np.array(entry["frames"]),
            entry["animations"],
            round(entry["faces"]),
        )
        for entry in (answer[str(path)] for path in paths)
    ]


def validate(out: Path, paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The Khronos validator's issues of each file."""
    answer = run_script("validate.mjs", out, *paths)
    return [answer[str(path)] for path in paths]


def compare(read: Read, expected: Expected, *, rest: bool = True) -> None:
    """Every bone exists once and is where it should be, at rest and in every frame."""
    nodes = [_plain(name) for name in read.nodes]
    for name in expected.names:
        assert nodes.count(_plain(name)) == 1, f"{name} exists {nodes.count(_plain(name))} times"
    columns = [nodes.index(_plain(name)) for name in expected.names]
    off = np.linalg.norm(read.frames[:, columns] * expected.unit - expected.positions, axis=-1)
    worst = np.unravel_index(off.argmax(), off.shape)
    assert off.max() < TOLERANCE, f"{expected.names[worst[1]]} is {off.max() * 1000:.3f} mm off in frame {worst[0]}"
    if rest:
        off = np.linalg.norm(read.rest[columns] * expected.unit - expected.rest, axis=-1)
        assert off.max() < TOLERANCE, f"{expected.names[off.argmax()]} is {off.max() * 1000:.3f} mm off at rest"
    (animation,) = read.animations
    frames = len(expected.positions)
    assert abs(animation["duration"] - (frames - 1) / expected.frame_rate) < 1e-3


def _plain(name: str) -> str:
    """Importers drop or replace characters of names that their own paths use."""
    return name.replace(":", "").replace(" ", "_").split("|")[-1]
