"""Examines this machine: what works, what is missing, and how to get it. `core.environment.repair` mends what it can."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

from .environment.cache import useless_files
from .environment.requirements import Requirement, installed_version, read_requirements
from .failures import explain
from .hub.catalogue import CATALOGUE
from .hub.memory import main_memory_gigabytes
from .hub.store import how_to_get, size_text
from .hub.store import status as model_status
from .shipped import DIGESTS_FILE, FOLDER, HINT, examine_shipped
from .weights import CACHE_VARIABLE, REQUIRED, WEIGHTS, cache_folder, status

_NEEDED_GIGABYTES = 1.0
_OLDEST, _NEWEST = (3, 11), (3, 13)
_FIX = f"Run `{sys.executable} -m core doctor --fix` in {Path(__file__).resolve().parents[1]}."


@dataclass(frozen=True)
class Check:
    """What was found of one thing that the product needs or can use."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    """What to do where it is not ok."""
    needed: bool = True
    """Whether nothing can be reconstructed where it is not ok."""
    optional: bool = False
    """Whether there is nothing to mend where it is not ok: something that could be added."""
    by_installing: bool = False
    """Whether installing the packages again, or another Python, can mend it."""


def examine(*, quick: bool = False) -> list[Check]:
    """Every check, in the order in which failures should be mended. Changes nothing.

    With `quick` the models of the hub, which are large, are compared by size and time; otherwise every file is read.
    """
    return [
        _interpreter(),
        *map(_package, read_requirements()),
        _devices(),
        *_weights(),
        *(_model(name, whole=not quick) for name in CATALOGUE),
        _shipped(),
        _cache(),
        _body(),
        _disk(),
    ]


def is_healthy(checks: Sequence[Check]) -> bool:
    """Whether everything that is needed is in order."""
    return all(check.ok for check in checks if check.needed)


def is_package(check: Check) -> bool:
    """Whether a check is about a Python package."""
    return any(check.name == requirement.name for requirement in read_requirements())


def as_json(checks: Sequence[Check]) -> str:
    return json.dumps({"ok": is_healthy(checks), "checks": [asdict(check) for check in checks]}, indent=1)


def as_text(checks: Sequence[Check]) -> str:
    width = max(len(check.name) for check in checks)
    lines: list[str] = []
    for check in checks:
        word = "ok" if check.ok else "MISSING" if check.needed else "optional" if check.optional else "to fix"
        lines.append(f"{word:8}  {check.name:{width}}  {check.detail}")
        if not check.ok and check.fix:
            lines.append(f"{'':10}{'':{width}}  {check.fix}")
    return "\n".join(lines)


def _interpreter() -> Check:
    fits = _OLDEST <= sys.version_info[:2] <= _NEWEST and sys.maxsize > 2**32
    return Check(
        "python",
        fits,
        f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}",
        "Install a 64-bit Python 3.11, 3.12 or 3.13.",
        by_installing=True,
    )


def _package(requirement: Requirement) -> Check:
    version = installed_version(requirement.name)
    if version is None:
        return Check(requirement.name, False, "not installed", _FIX, by_installing=True)
    fits = requirement.allows(version)
    detail = version if fits else f"{version}, which is not {requirement.versions}"
    return Check(requirement.name, fits, detail, _FIX, by_installing=True)


def _devices() -> Check:
    try:
        torch = import_module("torch")
        import_module("cv2")
    except (ImportError, OSError) as error:  # OSError: a library of the package does not load
        return Check("device", False, " ".join(str(error).split()), _FIX, by_installing=True)
    found = [f"cuda ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    detail = ", ".join([*found, f"cpu ({torch.get_num_threads()} threads)"])
    return Check("device", True, detail, by_installing=True)


def _weights() -> list[Check]:
    """Without the required ones nothing works; without the sentence encoder prompts count for less."""
    return [
        Check(
            f"weights {weight.name}",
            state.present,
            f"{state.state}, {state.path} ({state.licence})",
            f"{_FIX} {state.how_to_get}",
            weight in REQUIRED,
        )
        for weight, state in zip(WEIGHTS, status(WEIGHTS))
    ]


def _model(name: str, whole: bool) -> Check:
    """A model of the hub, which is never needed: without it the embedded networks do the same less well."""
    found = model_status(name, whole=whole)
    model = found.model
    if found.state == "installed":
        return Check(
            f"model {name}", True, f"{size_text(found.bytes_used / 1e6)} in {found.folder} ({model.licence.name})"
        )
    memory = main_memory_gigabytes()
    little = memory is not None and memory < model.memory_gigabytes
    detail = (
        f"{found.problem or 'not downloaded'}; optional: it {model.purpose} ({size_text(model.megabytes)}, {model.licence.name}, "
        f"{model.memory_gigabytes:g} GB of memory{f'; this machine has {memory:.0f}' if little else ''})"
    )
    return Check(f"model {name}", False, detail, how_to_get(model), needed=False, optional=found.state == "missing")


def _shipped() -> Check:
    """The weights and bodies that ship. Without its own weights a reconstruction is less good; a body is checked by itself."""
    states = dict(examine_shipped())
    bad = [f"{path} is {state}" for path, state in states.items() if state != "whole"]
    if not states:
        bad = [f"{FOLDER / DIGESTS_FILE} is missing"]
    return Check("shipped files", not bad, "; ".join(bad) or f"{len(states)} files, whole", HINT, False)


def _cache() -> Check:
    useless = useless_files()
    names = ", ".join(path.name for path in useless)
    return Check("cache", not useless, f"of no use any more: {names}" if useless else str(cache_folder()), _FIX, False)


def _body() -> Check:
    try:
        body = import_module(".body.files", __package__).load_body(None)
    except Exception as error:  # whatever keeps the body from loading is what this check reports
        failure = explain(error)
        return Check("body", False, failure.message, failure.hint)
    return Check("body", True, body.identity)


def _disk() -> Check:
    """Little room is not what keeps anything from being reconstructed: a clip takes some megabytes."""
    folder = cache_folder()
    try:
        while not folder.exists() and folder != folder.parent:  # a drive that is not there is its own parent
            folder = folder.parent
        free = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        return Check(
            "disk",
            False,
            f"there is no disk at {folder} ({error.strerror or error})",
            f"Connect it, or set {CACHE_VARIABLE} to a folder on another disk.",
        )
    return Check(
        "disk",
        free >= _NEEDED_GIGABYTES,
        f"{free:.1f} GB free at {folder}",
        f"Free some space: {_NEEDED_GIGABYTES:.0f} GB at least.",
        needed=False,
    )
