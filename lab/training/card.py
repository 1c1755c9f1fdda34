"""The page that lies beside a file of weights: what it is, trained on what, for how long, and how well it does."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from core.contract.files import replacing

from .measure import UNITS


@dataclass(frozen=True)
class Card:
    name: str
    """Of the weights."""
    what: str
    """A sentence or two on what the network does."""
    data: str
    """What it was trained on."""
    training: Mapping[str, str]
    """Lines of a table: steps, minutes, hardware, ..."""
    dev: str
    """What the dev errors are of."""
    errors: Mapping[str, Mapping[str, float]]
    """By column (initial, this network), by measure."""
    limits: str = ""
    """What it is not good at."""


def write_card(path: Path, card: Card) -> None:
    """Write the page as Markdown."""
    columns = list(card.errors)
    measures = list(dict.fromkeys(name for errors in card.errors.values() for name in errors))
    lines = [f"# {card.name}", "", card.what, "", "## Trained on", "", card.data, "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in card.training.items()]
    lines += ["", "## Dev errors", "", card.dev, ""]
    lines += [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    for name in measures:
        cells = [f"{card.errors[column][name]:.3g}" if name in card.errors[column] else "–" for column in columns]
        unit = UNITS.get(name, "mm")
        lines.append(f"| {name.replace('_', ' ')}{f' ({unit})' if unit else ''} | {' | '.join(cells)} |")
    if card.limits:
        lines += ["", "## Limits", "", card.limits]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def hardware(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU ({platform.machine()}, {torch.get_num_threads()} of {os.cpu_count()} cores)"
