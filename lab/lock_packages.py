"""Writes the lock files of what the core needs: versions and sha256 of all packages, for every system and Python.

core/requirements.txt says which versions do, pyproject.toml for which systems there have to be wheels, and uv looks them up
in the package index of its configuration. Versions in the lock files stay as they are where they still do, unless
`--upgrade`. core/environment/requirements.py says what each file holds.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from core.contract.errors import UserError
from core.environment.requirements import INSTALLERS_LOCK, LOCK, REQUIREMENTS, TORCH_LOCK
from lab.paths import ROOT

INSTALLERS = ("pip", "uv")
_OF_TORCH = ("torch==", "triton==", "nvidia-", "cuda-")
_HEADER = "# Written by `python -m lab lock`, which says how; do not edit.\n"


def write_locks(upgrade: bool) -> None:
    """Write all lock files; `upgrade` takes the newest versions instead of those in the present ones."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        packages = list(blocks(compile_lock(folder, REQUIREMENTS.read_text(encoding="utf-8"), upgrade)))
        installers = list(blocks(compile_lock(folder, "\n".join(INSTALLERS), upgrade)))
    of_torch = [block for block in packages if block.startswith(_OF_TORCH)]
    write_lock(LOCK, [block for block in packages if block not in of_torch])
    write_lock(TORCH_LOCK, of_torch)
    write_lock(INSTALLERS_LOCK, installers)


def compile_lock(folder: Path, requirements: str, upgrade: bool) -> str:
    """What uv makes of the text of a requirements file: a lock file for all systems and versions of Python at once."""
    source, result = folder / "requirements.in", folder / "requirements.lock"
    source.write_text(requirements, encoding="utf-8")
    before = [lock.read_text(encoding="utf-8") for lock in (LOCK, TORCH_LOCK, INSTALLERS_LOCK) if lock.exists()]
    result.write_text("\n".join(before), encoding="utf-8")
    command = [
        "uv", "pip", "compile", "--universal", "--generate-hashes", "--no-annotate", "--no-header", "--quiet",
        "--python-version", "3.11", "--only-binary", ":all:", "--directory", str(ROOT),
        *(["--upgrade"] if upgrade else []), str(source), "--output-file", str(result),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise UserError(
            "no-uv", f"uv cannot be started: {error.strerror}.", "Install it: python -m pip install uv."
        ) from error
    if done.returncode != 0:
        raise UserError(
            "no-lock", f"uv found no versions that go together: {done.stderr.strip()}", "Change requirements.txt."
        )
    return result.read_text(encoding="utf-8")


def blocks(lock: str) -> Iterator[str]:
    """The entries of a lock file: a line with name, version and system, and the lines with its sha256 sums."""
    block = ""
    for line in lock.splitlines(keepends=True):
        if not line.startswith(" ") and block:
            yield block
            block = ""
        block += line
    if block:
        yield block


def write_lock(path: Path, entries: list[str]) -> None:
    path.write_text(_HEADER + "".join(entries), encoding="utf-8")
