"""Reads requirements.txt, which says what versions of packages the core works with, and the lock files beside it.

The lock files say what is installed, each package with its version and the sha256 of its files:

- `requirements.lock`: everything but torch, from the default package index;
- `requirements-torch.lock`: torch and what its CUDA build needs, as the default package index has them;
- `requirements-installers.lock`: uv and pip themselves.

`python -m lab lock` writes them anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

_CORE = Path(__file__).parents[1]
REQUIREMENTS = _CORE / "requirements.txt"
LOCK = _CORE / "requirements.lock"
TORCH_LOCK = _CORE / "requirements-torch.lock"
INSTALLERS_LOCK = _CORE / "requirements-installers.lock"

Version = tuple[int, ...]

_COMPARISONS: dict[str, Callable[[Version, Version], bool]] = {
    "==": lambda have, bound: have == bound,
    ">=": lambda have, bound: have >= bound,
    "<": lambda have, bound: have < bound,
}


@dataclass(frozen=True)
class Requirement:
    """One line of requirements.txt, such as `numpy>=2.0,<3`."""

    name: str
    versions: str
    """The versions that do, `>=2.0,<3`."""
    bounds: tuple[tuple[str, Version], ...]
    """The same as comparisons that must all hold, such as (">=", (2, 0))."""

    @classmethod
    def parse(cls, line: str) -> Requirement:
        begin = next((index for index, letter in enumerate(line) if letter in "=<>"), len(line))
        parts = [part.strip() for part in line[begin:].split(",") if part.strip()]
        bounds = tuple((part.rstrip("0123456789."), parse_version(part.lstrip("=<>"))) for part in parts)
        return cls(line[:begin].strip(), line[begin:].strip(), bounds)

    def allows(self, version: str) -> bool:
        have = parse_version(version)
        length = max([len(have), *(len(bound) for _, bound in self.bounds)])
        return all(_COMPARISONS[sign](_padded(have, length), _padded(bound, length)) for sign, bound in self.bounds)


def parse_version(text: str) -> Version:
    """The numbers of a release: (2, 13, 0) of `2.13.0+cpu`."""
    numbers = text.strip().partition("+")[0].split(".")
    return tuple(int(number) for number in numbers if number.isdigit())


def read_requirements() -> list[Requirement]:
    """What `core/requirements.txt` asks for."""
    lines = (line.partition("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return [Requirement.parse(line) for line in lines if line]


def installed_version(name: str) -> str | None:
    """None where the package is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def locked_packages(lock: Path) -> Iterator[tuple[str, str]]:
    """Names and versions in a lock file. A package comes more than once where systems need different versions."""
    for line in lock.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith((" ", "#")):
            name, _, rest = line.partition("==")
            yield name, rest.split()[0]


def locked_version(lock: Path, name: str) -> str:
    """The version in a lock file of a package that it holds; the first where systems need different ones."""
    return next(version for found, version in locked_packages(lock) if found == name)


def _padded(version: Version, length: int) -> Version:
    return version + (0,) * (length - len(version))
