"""The model card beside a file of weights: what the network does, how it was trained, and how well it does."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from core.contract.files import replacing

from ..choreography.splits import Split
from .joint_errors import UNITS


@dataclass(frozen=True)
class ModelCard:
    """What is written beside weights: what they are, what they learned from, and how good they are."""

    name: str
    """Kind of the weights."""
    summary: str
    """One or two sentences on what the network does."""
    data: str
    """The clips that it was trained on."""
    training: Mapping[str, str]
    """Rows of a table: steps, time, hardware, …"""
    measured_on: str
    """What the errors were measured on."""
    errors: Mapping[str, Mapping[str, float]]
    """By column (the initial motion, this network), then by measure."""
    split: Split = "dev"
    """Of the clips that the errors were measured on."""
    limits: str = ""
    """What the network is not good at."""
    units: Mapping[str, str] = field(default_factory=lambda: UNITS)
    """Of measures; mm where there is none."""


def write_card(path: Path, card: ModelCard) -> None:
    """Write the card as Markdown."""
    columns = list(card.errors)
    measures = list(dict.fromkeys(name for errors in card.errors.values() for name in errors))
    lines = [f"# {card.name}", "", card.summary, "", "## Training", "", card.data, "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in card.training.items()]
    lines += ["", f"## {card.split.capitalize()} errors", "", card.measured_on, ""]
    lines += [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    for name in measures:
        cells = [f"{card.errors[column][name]:.3g}" if name in card.errors[column] else "–" for column in columns]
        unit = card.units.get(name, "mm")
        lines.append(f"| {name.replace('_', ' ')}{f' ({unit})' if unit else ''} | {' | '.join(cells)} |")
    if card.limits:
        lines += ["", "## Limits", "", card.limits]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def describe_hardware(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU ({platform.machine()}, {torch.get_num_threads()} of {os.cpu_count()} cores)"
