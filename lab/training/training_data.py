"""Makes the examples that `python -m lab train` needs, by the lab's own commands, a chunk at a time.

Each file is made once. What was interrupted is made again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from core.contract.errors import UserError

from ..choreography.splits import Split, families_of
from .examples import Example, load_examples

_CHUNK = 10
"""Clips of each family that are choreographed and turned into examples at a time."""
_ENDINGS = (".npz", ".json")
_UNFINISHED = "unfinished-"


def make_training_data(options: argparse.Namespace) -> None:
    """Make the files that are missing in the folder `options.out`; options as in `lab.commands.train`.

    UserError `command-failed` if a command fails.
    """
    parts: tuple[tuple[Split, int, int], ...] = (
        ("train", options.count, options.cameras),
        ("dev", options.dev_count, 1),
    )
    for split, count, cameras in parts:
        for first in range(0, count, _CHUNK):
            name = f"{split}-{first:04d}"
            interactions = options.out / "pairs" / name
            _choreograph(options, split, first, min(_CHUNK, count - first), interactions)
            source = ("--interactions", f"{interactions}.npz", "--split", split, "--cameras", f"{cameras}")
            _make_examples(options, name, *source)
    if options.non_interacting:
        source = ("--non-interacting", f"{options.non_interacting}")
        _make_examples(
            options, "non-interacting", *source, "--motion", f"{options.motion}", "--cache", f"{options.cache}"
        )


def example_files(out: Path) -> tuple[list[Path], list[Path]]:
    """The finished files of training and of dev examples in the folder `out`, without their endings."""
    paths = sorted(path.with_suffix("") for path in (out / "examples").glob("*.npz"))
    finished = [path for path in paths if not path.name.startswith(_UNFINISHED)]
    dev = [path for path in finished if path.name.startswith("dev")]
    return [path for path in finished if path not in dev], dev


def load_all(paths: Sequence[Path]) -> list[Example]:
    return [example for path in paths for example in load_examples(path)]


def _choreograph(options: argparse.Namespace, split: Split, first: int, count: int, out: Path) -> None:
    _run_once(
        out, "choreograph", "--motion", f"{options.motion}", "--cache", f"{options.cache}", "--split", split,
        "--families", ",".join(families_of(split)), "--count", f"{count}", "--first", f"{first}",
        "--seed", f"{options.seed}", "--workers", f"{options.processes}",
    )  # fmt: skip


def _make_examples(options: argparse.Namespace, name: str, *source: str) -> None:
    seed, workers = f"{options.seed}", f"{options.processes}"
    _run_once(options.out / "examples" / name, "examples", *source, "--seed", seed, "--workers", workers)


def _run_once(out: Path, command: str, *arguments: str) -> None:
    """Run a command of the lab that writes `out`.npz and `out`.json, unless both exist."""
    if all(out.with_name(out.name + ending).exists() for ending in _ENDINGS):
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f"{_UNFINISHED}{out.name}")
    print(f"{command}: {out.name}", flush=True)
    try:
        subprocess.run([sys.executable, "-m", "lab", command, *arguments, "--out", str(unfinished)], check=True)
    except subprocess.CalledProcessError as error:
        raise UserError("command-failed", f"python -m lab {command} failed.", "Its messages above say why.") from error
    for ending in _ENDINGS:
        unfinished.with_name(unfinished.name + ending).replace(out.with_name(out.name + ending))
