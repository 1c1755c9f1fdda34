"""Gives damaged reconstructions to Blender: the add-on imports them and Blender evaluates their meshes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from core.contract.errors import UserError

from ..paths import ROOT
from .blender_import import RESULT
from .campaign import add_attempt, draw_inputs, keep_input
from .outcome import Attempt, Outcome
from .targets import targets, write_part

PARTS = {"body": "body.npz", "record": "reconstruction.json", "motion": "reconstruction.npz"}
"""Readers whose damaged inputs are imported, and the file that each is."""
_BATCH = 100
_LONGEST_SECONDS = 600.0


def run_blender_campaign(blender: Path, tries: int, random_seed: int, out: Path) -> list[Outcome]:
    """Import so many reconstructions with a damaged body, record or motion each, in a Python with Blender as a module.

    UserError `no-blender` if there is none.
    """
    if not blender.is_file():
        raise UserError(
            "no-blender",
            f"There is no {blender}.",
            "Name a Python that has Blender as a module (bpy) with --blender; scripts/test makes one.",
        )
    return [_fuzz_part(blender, name, tries, random_seed, out) for name in PARTS]


def _fuzz_part(blender: Path, name: str, tries: int, random_seed: int, out: Path) -> Outcome:
    outcome = Outcome(f"blender {name}", f"{PARTS[name]}, imported in Blender")
    kept = out / f"blender-{name}"
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        target = next(target for target in targets(Path(scratch) / "examples") if target.name == name)
        inputs: list[bytes] = []
        draw_inputs(target, tries, random_seed, inputs.append)
        for start in range(0, len(inputs), _BATCH):
            cases = Path(scratch) / "cases"
            for number, data in enumerate(inputs[start : start + _BATCH]):
                write_part(cases / f"{number:04d}" / RESULT, PARTS[name], data)
            _import_batch(blender, cases, outcome, kept)
            shutil.rmtree(cases)
    return outcome


def _import_batch(blender: Path, cases: Path, outcome: Outcome, kept: Path) -> None:
    """Import every folder of a batch; Blender is started again behind one that it does not survive."""
    while waiting := sorted(cases.iterdir()):
        command = [str(blender), "-m", "lab.fuzzing.blender_import", str(cases)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=environment, timeout=_LONGEST_SECONDS
            )
            output, code = done.stdout, done.returncode
        except subprocess.TimeoutExpired as error:
            output, code = (error.stdout or b"").decode(), -1
        reports = [line for line in output.splitlines() if line.startswith('{"refused"')]
        for case, line in zip(waiting, reports):
            record = json.loads(line)
            add_attempt(outcome, Attempt(**record), case, kept)
            shutil.rmtree(case)
        if code != 0 and len(reports) < len(waiting):
            outcome.tries += 1
            outcome.failures.append(
                keep_input(waiting[len(reports)], kept, outcome.tries, "crash", f"exit code {code}")
            )
            shutil.rmtree(waiting[len(reports)])
        elif code != 0:
            outcome.failures.append(
                keep_input(waiting[-1], kept, outcome.tries, "crash", f"exit code {code} at the end")
            )
