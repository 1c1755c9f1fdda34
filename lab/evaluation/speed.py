"""The results of the speed benchmark, and their file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from core.contract.errors import UserError
from core.contract.files import read_json, write_json


@dataclass(frozen=True)
class Machine:
    """Where the speed benchmark ran."""

    cores: int
    threads: int
    """Of torch."""
    device: str
    load: float | None
    """Load average of the minute before the benchmark, which other work raises; None where the system does not provide it."""


@dataclass(frozen=True)
class Cost:
    """Time and memory of one process that ran stages on a clip. Memory is in MiB; None where the system does not provide it."""

    frames: int
    wall: float
    """Seconds from the start of the process to its end."""
    peak_memory: float | None
    seconds: Mapping[str, float]
    """By stage."""
    memory: Mapping[str, float]
    """Peak by stage; empty where the system does not provide it."""


@dataclass(frozen=True)
class FullMesh:
    """A plain fit with the smplx package: Adam on all frames together, all vertices posed at every step."""

    frames: int
    steps: int
    seconds: float
    peak_memory: float | None
    mpjpe: float | None
    """mm, pelvis-aligned; None without ground truth."""
    fit_steps: int
    """Of our fit on the same frames."""
    fit_seconds: float
    fit_mpjpe: float | None


@dataclass(frozen=True)
class Speed:
    """SPEED.json."""

    clip: str
    size: tuple[int, int]
    """Width and height in px."""
    machine: Machine
    runs: tuple[Cost, ...]
    """Complete reconstructions, from the pixels on."""
    refined: tuple[Cost, ...]
    """A refinement of each, with one contact enforced."""
    growth: tuple[Cost, ...]
    """All stages after perception, on detections played forwards and backwards to different lengths."""
    full_mesh: FullMesh | None
    """None without the smplx package."""
    notes: tuple[str, ...]


def save_speed(path: Path, speed: Speed) -> None:
    write_json(path, asdict(speed))


def load_speed(path: Path) -> Speed:
    """Read the file of `save_speed`. UserError `file-unreadable`."""
    record = read_json(path)
    try:
        mesh = record["full_mesh"]
        runs, refined, growth = (tuple(Cost(**each) for each in record[name]) for name in ("runs", "refined", "growth"))
        return Speed(
            clip=record["clip"],
            size=(record["size"][0], record["size"][1]),
            machine=Machine(**record["machine"]),
            runs=runs,
            refined=refined,
            growth=growth,
            full_mesh=None if mesh is None else FullMesh(**mesh),
            notes=tuple(record["notes"]),
        )
    except (KeyError, TypeError, IndexError) as error:
        raise UserError(
            "file-unreadable",
            f"{path} is not a report of the speed benchmark ({error}).",
            "Run python -m lab speed again.",
        ) from error
