"""What a benchmark of speed measured: plain data for its file and for the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from core.contract.errors import UserError
from core.contract.files import read_json, write_json


@dataclass(frozen=True)
class Machine:
    cores: int
    threads: int
    """That torch uses."""
    device: str
    load: float | None
    """Processes that ran or waited on average in the minute before: other work that slowed these numbers down. None where
    the system does not tell."""


@dataclass(frozen=True)
class Cost:
    """Of one process that ran the stages on a clip. Memory in MiB: its own peak, None where the system does not tell."""

    frames: int
    wall: float
    """Seconds from its start to its end."""
    peak_memory: float | None
    seconds: Mapping[str, float]
    """Per stage."""
    memory: Mapping[str, float]
    """Peak per stage; empty where the system does not tell."""


@dataclass(frozen=True)
class FullMesh:
    """A plain fit with the smplx package: Adam on all frames together, every vertex posed at every step."""

    frames: int
    steps: int
    seconds: float
    peak_memory: float | None
    mpjpe: float | None
    """mm, pelvis-aligned; None but for the sample, whose truth is known."""
    fit_steps: int
    """Of our fit on the same frames."""
    fit_seconds: float
    fit_mpjpe: float | None


@dataclass(frozen=True)
class Speed:
    clip: str
    size: tuple[int, int]
    """Width and height in px."""
    machine: Machine
    runs: tuple[Cost, ...]
    """Whole reconstructions, from the pixels on."""
    refined: tuple[Cost, ...]
    """Refine with one contact enforced, of the same clips."""
    growth: tuple[Cost, ...]
    """All stages after perception, on what perception saw, played to and fro."""
    full_mesh: FullMesh | None
    """None where smplx is not installed."""
    notes: tuple[str, ...]


def save_speed(path: Path, speed: Speed) -> None:
    write_json(path, asdict(speed))


def load_speed(path: Path) -> Speed:
    """Read what `save_speed` wrote. UserError `file-unreadable` where it is missing, damaged or something else."""
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
            f"{path} holds no measured speed ({error}).",
            "Run python -m lab speed again.",
        ) from error
