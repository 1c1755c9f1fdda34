"""requirements.txt and the lock files: each version that is installed does, and each file of it has its sha256."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.environment.requirements import (
    INSTALLERS_LOCK,
    LOCK,
    REQUIREMENTS,
    TORCH_LOCK,
    Requirement,
    locked_packages,
    locked_version,
    read_requirements,
)
from lab.lock_packages import INSTALLERS, blocks


@pytest.mark.parametrize(
    ("line", "version", "allowed"),
    [
        ("numpy>=2.0,<3", "2.4.6", True),
        ("numpy>=2.0,<3", "2", True),
        ("numpy>=2.0,<3", "1.26.4", False),
        ("numpy>=2.0,<3", "3.0", False),
        ("torch==2.13.0", "2.13.0+cpu", True),
        ("torch==2.13.0", "2.13", True),
        ("torch==2.13.0", "2.13.1", False),
        ("tqdm", "0.1", True),
    ],
)
def test_versions_are_compared_by_their_numbers(line: str, version: str, allowed: bool) -> None:
    assert Requirement.parse(line).allows(version) is allowed


def test_each_line_of_the_requirements_is_understood() -> None:
    for requirement in read_requirements():
        assert requirement.name.replace("-", "").replace("_", "").isalnum()
        assert {sign for sign, _ in requirement.bounds} <= {"==", ">=", "<"}
        assert all(version for _, version in requirement.bounds)


def test_the_locked_versions_satisfy_the_requirements() -> None:
    locked = [*locked_packages(LOCK), *locked_packages(TORCH_LOCK)]
    for requirement in read_requirements():
        versions = [version for name, version in locked if name == requirement.name]
        assert versions, f"{requirement.name} is not locked; run python -m lab lock"
        for version in versions:
            assert requirement.allows(version), f"{requirement.name} {version} is locked; run python -m lab lock"


@pytest.mark.parametrize("lock", (LOCK, TORCH_LOCK, INSTALLERS_LOCK), ids=lambda path: path.stem)
def test_every_package_has_its_hashes(lock: Path) -> None:
    entries = list(blocks(lock.read_text(encoding="utf-8").partition("\n")[2]))
    assert [entry.partition("==")[0] for entry in entries] == [name for name, _ in locked_packages(lock)]
    for entry in entries:
        assert "--hash=sha256:" in entry, entry
        assert "==" in entry.splitlines()[0]
        assert "://" not in entry  # no lock file names an index


def test_torch_and_its_cuda_are_locked_apart() -> None:
    of_torch = {name for name, _ in locked_packages(TORCH_LOCK)}
    assert {"torch", "triton"} < of_torch
    assert all(name in ("torch", "triton") or name.startswith(("nvidia-", "cuda-")) for name in of_torch)
    assert not of_torch & {name for name, _ in locked_packages(LOCK)}
    assert {name for name, _ in locked_packages(INSTALLERS_LOCK)} == set(INSTALLERS)


def test_the_tools_of_contributors_have_the_same_versions_everywhere() -> None:
    project = REQUIREMENTS.parents[1]
    tools = dict(
        line.split("==")
        for line in (project / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    )
    assert tools["uv"] == locked_version(INSTALLERS_LOCK, "uv")
    assert f"rev: v{tools['ruff']}\n" in (project / ".pre-commit-config.yaml").read_text(encoding="utf-8")
