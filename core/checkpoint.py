"""Weights of our own networks: one safetensors file each, with all that is needed to build the network in its metadata.

Safetensors keeps a flat map of text beside the tensors (https://huggingface.co/docs/safetensors, "Format"); ours has one entry,
`socialmirror`, with the record as JSON. Nothing in such a file can run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from .contract.errors import UserError
from .contract.files import replacing

MODELS = Path(__file__).resolve().parent / "models"
"""Where the weights that come with the product lie: NAME.safetensors, and NAME.md that says what they are."""
_ENTRY = "socialmirror"
_TRAIN = "Train it with `python -m lab train`, or take the file that came with this version of SocialMirror."

Config = TypeVar("Config")


@dataclass(frozen=True)
class Checkpoint:
    """What a file of weights holds."""

    kind: str
    """What network it is: `geometry-optimizer`."""
    features: int
    """Version of the features that it was trained on (core/representation)."""
    config: Mapping[str, Any]
    """The network's sizes, as its own config's fields."""
    tensors: Mapping[str, Tensor]
    """By name, as `nn.Module.state_dict` gives them."""
    statistics: Mapping[str, Any] = field(default_factory=dict)
    """Scales of what goes in or comes out; lists of numbers by name."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """For people: steps, minutes, examples, dev errors."""


def weights_file(name: str) -> Path:
    """Where the product's own weights of that name are, or would be."""
    return MODELS / f"{name}.safetensors"


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write the file, whole or not at all. UserError `disk-full` or `not-writable`."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in checkpoint.tensors.items()}
    record = {item.name: getattr(checkpoint, item.name) for item in fields(checkpoint) if item.name != "tensors"}
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, {_ENTRY: json.dumps(record, allow_nan=False)}))


def load_checkpoint(path: Path, kind: str | None = None, features: int | None = None) -> Checkpoint:
    """Read the file onto the CPU.

    `kind` and `features`: what the caller can use; None takes any. UserError `weights-missing` where there is no file,
    `weights-wrong` where it is damaged, of another kind, or trained on other features.
    """
    if not path.is_file():
        raise UserError("weights-missing", f"There are no weights at {path}.", _TRAIN)
    try:
        with safe_open(path, framework="pt") as archive:
            record = json.loads((archive.metadata() or {})[_ENTRY])
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118  no mapping
        checkpoint = Checkpoint(**record, tensors=tensors)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise _wrong(path, f"it is damaged or no such file ({type(error).__name__}: {error})") from error
    if kind is not None and checkpoint.kind != kind:
        raise _wrong(path, f"it holds a {checkpoint.kind!r}, and a {kind!r} is needed")
    if features is not None and checkpoint.features != features:
        raise _wrong(path, f"it was trained on features of version {checkpoint.features}; these are version {features}")
    if any(not bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise _wrong(path, "it holds numbers that are not finite")
    return checkpoint


def read_config(checkpoint: Checkpoint, kind: type[Config], path: Path) -> Config:
    """The network's config, a dataclass of plain fields. UserError `weights-wrong` where the file's do not fit it."""
    try:
        values = {name: tuple(v) if isinstance(v, list) else v for name, v in checkpoint.config.items()}
        return kind(**values)
    except TypeError as error:
        raise _wrong(path, f"its sizes are those of another version ({error})") from error


def load_weights(network: nn.Module, checkpoint: Checkpoint, path: Path) -> None:
    """Put the file's tensors into the network. UserError `weights-wrong` where names or shapes differ."""
    try:
        network.load_state_dict(dict(checkpoint.tensors))
    except RuntimeError as error:
        raise _wrong(path, "its tensors are those of another network") from error


def as_record(config: Any) -> dict[str, Any]:
    """A config dataclass as plain fields for `Checkpoint.config`."""
    return asdict(config)


def _wrong(path: Path, why: str) -> UserError:
    return UserError("weights-wrong", f"The weights at {path} cannot be used: {why}.", _TRAIN)
