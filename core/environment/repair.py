"""Installs or repairs what `doctor` finds wanting: packages, the networks' weights, leftovers in the cache."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ..contract.errors import UserError
from ..doctor import Check, is_package
from ..progress import JobProgress, Listener
from ..reporting import Reporter
from ..subprocesses import run_program
from ..weights import REQUIRED, TEXT_WEIGHTS, ensure
from .cache import clean_cache
from .packages import install_packages

PACKAGES, WEIGHTS, CACHES = "packages", "weights", "caches"
PARTS = (PACKAGES, WEIGHTS, CACHES)

_STAGES = {PACKAGES: "Installing packages", WEIGHTS: "Downloading networks", CACHES: "Checking"}
_FRACTIONS = {PACKAGES: 0.75, WEIGHTS: 0.2, CACHES: 0.05}
"""Fractions of the time of a whole installation."""
_ROOT = Path(__file__).parents[2]


def repair(listener: Listener, parts: Sequence[str] = PARTS, *, torch_index: str = "") -> list[Check]:
    """Repair those `parts` of the environment that are not in order, and return what `doctor` says afterwards.

    Packages are installed into the Python that runs this; see `install_packages` for `torch_index`. UserError `pip-failed`
    where they cannot be installed. Weights that cannot be had are warned of, and the checks that are returned tell. Stops
    with Cancelled within a second after the listener has asked for it.
    """
    job = JobProgress(listener)
    chosen = [part for part in PARTS if part in parts]
    job.expect({_STAGES[part]: _FRACTIONS[part] for part in {**dict.fromkeys(chosen), CACHES: None}})
    if PACKAGES in chosen:
        reporter = job.begin(_STAGES[PACKAGES])
        failing = [check for check in _examine(reporter) if not check.ok]
        if any(map(is_package, failing)):
            install_packages(reporter, torch_index=torch_index)
        elif any(check.name == "device" for check in failing):  # everything is there, and still it does not load
            install_packages(reporter, torch_index=torch_index, reinstall=True)
    if WEIGHTS in chosen:
        _fetch_weights(job.begin(_STAGES[WEIGHTS]))
    reporter = job.begin(_STAGES[CACHES])
    if CACHES in chosen:
        for path in clean_cache():
            reporter.log(f"Removed {path}.")
    checks = _examine(reporter)
    reporter.progress(1.0)
    return checks


def _fetch_weights(reporter: Reporter) -> None:
    try:
        ensure(REQUIRED, reporter)
    except UserError as error:
        reporter.warning(str(error))
        return
    try:
        ensure(TEXT_WEIGHTS, reporter)
    except UserError as error:
        reporter.warning(
            f"{error} Without the sentence encoder a prompt works through the contacts that it names alone."
        )


def _examine(reporter: Reporter) -> list[Check]:
    """What `doctor` says in a process of its own, in which nothing is loaded that has just been replaced."""
    code, lines = run_program(
        [sys.executable, "-m", "core", "doctor", "--json", "--quick"],
        on_tick=lambda: reporter.progress(0.0),
        folder=_ROOT,
    )
    try:
        record = json.loads("\n".join(lines[lines.index("{") :]))
        return [Check(**check) for check in record["checks"]]
    except (ValueError, KeyError, TypeError) as error:
        last = lines[-1] if lines else "nothing"
        raise UserError(
            "core-unusable",
            f"The core does not run in {sys.executable} (exit code {code}); it says: {last}",
            "Install this version of SocialMirror again.",
        ) from error
