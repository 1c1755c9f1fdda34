"""What works on this machine, what is missing, and how to get it."""

from __future__ import annotations

import json
import platform
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module, metadata
from pathlib import Path

from .failures import explain
from .weights import cache_folder, status

REQUIREMENTS = Path(__file__).parent / "requirements.txt"
_NEEDED_GIGABYTES = 1.0
_OLDEST, _NEWEST = (3, 11), (3, 13)
_INSTALL = f"Run `{sys.executable} -m pip install -r {REQUIREMENTS}`."


@dataclass(frozen=True)
class Check:
    name: str
    ok: bool
    detail: str
    fix: str = ""
    """What to do where it is not ok."""


def examine() -> list[Check]:
    """Every check, in the order in which failures should be mended. Changes nothing."""
    return [_interpreter(), *_packages(), _devices(), *_weights(), _body(), _disk()]


def as_json(checks: Sequence[Check]) -> str:
    return json.dumps(
        {"ok": all(check.ok for check in checks), "checks": [asdict(check) for check in checks]}, indent=1
    )


def as_text(checks: Sequence[Check]) -> str:
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{'ok     ' if check.ok else 'MISSING'}  {check.name:{width}}  {check.detail}")
        if not check.ok and check.fix:
            lines.append(f"{'':9}{'':{width}}  {check.fix}")
    return "\n".join(lines)


def _interpreter() -> Check:
    fits = _OLDEST <= sys.version_info[:2] <= _NEWEST and sys.maxsize > 2**32
    return Check(
        "python",
        fits,
        f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}",
        "Install a 64-bit Python 3.11, 3.12 or 3.13.",
    )


def _packages() -> list[Check]:
    names = [re.split(r"[=<>!~; \[]", line)[0] for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()]
    return [_package(name) for name in names if name and not name.startswith("#")]


def _package(name: str) -> Check:
    try:
        return Check(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(name, False, "not installed", _INSTALL)


def _devices() -> Check:
    try:
        torch = import_module("torch")
        import_module("cv2")
    except (ImportError, OSError) as error:  # OSError: a library of the package does not load
        return Check("device", False, " ".join(str(error).split()), _INSTALL)
    found = [f"cuda ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return Check("device", True, ", ".join([*found, f"cpu ({torch.get_num_threads()} threads)"]))


def _weights() -> list[Check]:
    return [
        Check(
            f"weights {weight.name}",
            weight.present,
            f"{weight.state}, {weight.path} ({weight.licence})",
            f"Run `{sys.executable} -m core weights`. {weight.how_to_get}",
        )
        for weight in status()
    ]


def _body() -> Check:
    try:
        body = import_module(".body.files", __package__).load_body(None)
    except Exception as error:  # whatever keeps the body from loading is what this check reports
        failure = explain(error)
        return Check("body", False, failure.message, failure.hint)
    return Check("body", True, body.identity)


def _disk() -> Check:
    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    return Check(
        "disk",
        free >= _NEEDED_GIGABYTES,
        f"{free:.1f} GB free at {folder}",
        f"Free some space: {_NEEDED_GIGABYTES:.0f} GB at least.",
    )
