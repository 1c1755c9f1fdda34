"""Checkpoints of our own networks: one safetensors file each, with all that is needed to build the network in its metadata.

A safetensors file holds a flat map of strings beside the tensors (https://huggingface.co/docs/safetensors, "Format"). Ours has
one entry, `socialmirror`, with the record as JSON. Nothing in such a file can be executed.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from .contract.errors import UserError
from .contract.files import replacing
from .contract.json_reading import parse_json
from .reporting import Reporter
from .shipped import check_shipped

MODELS = Path(__file__).resolve().parent / "models"
"""Folder of the weights that ship with the product: NAME.safetensors, and the model card NAME.md."""
_ENTRY = "socialmirror"
_HINT = (
    "These weights are a part of SocialMirror: install the extension again. "
    "In a checkout, restore the file, or train the network with `python -m lab train`."
)

Config = TypeVar("Config")
Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class Checkpoint:
    """The contents of a checkpoint file."""

    kind: str
    """Which network it is, for example `stgcn`."""
    features_version: int
    """Version of the input features that it was trained on (`observations.features.VERSION`)."""
    config: Mapping[str, Any]
    """The fields of the network's config dataclass, all of them."""
    tensors: Mapping[str, Tensor]
    """The state dict."""
    statistics: Mapping[str, Any] = field(default_factory=dict)
    """Normalization of the network's inputs or outputs: lists of numbers by name."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """How it was trained: steps, minutes, examples, dev errors. Not needed to run it."""


def weights_file(kind: str) -> Path:
    """Path of the weights of that kind that ship with the product, whether or not the file exists."""
    return MODELS / f"{kind}.safetensors"


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write the file, completely or not at all. UserError `disk-full` or `not-writable`."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in checkpoint.tensors.items()}
    record = {item.name: getattr(checkpoint, item.name) for item in fields(checkpoint) if item.name != "tensors"}
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, {_ENTRY: json.dumps(record, allow_nan=False)}))


def load_checkpoint(path: Path, kind: str | None = None, features_version: int | None = None) -> Checkpoint:
    """Read a checkpoint onto the CPU.

    `kind` and `features_version` are what the caller can use; None accepts any. UserError `weights-missing` if the file does not
    exist, `weights-wrong` if it is damaged, of another kind, or was trained on other features. Weights that ship are damaged if
    a single bit differs from what was shipped.
    """
    if not path.is_file():
        raise UserError("weights-missing", f"The file of weights {path} does not exist.", _HINT)
    try:
        check_shipped(path)
    except UserError as error:
        raise _wrong(path, "the file is damaged: it is not the one that was shipped") from error
    try:
        with safe_open(path, framework="pt") as archive:
            record = parse_json((archive.metadata() or {})[_ENTRY])
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118  no mapping
        checkpoint = _checkpoint(record, tensors)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise _wrong(path, f"the file is damaged or of another version ({type(error).__name__}: {error})") from error
    if kind is not None and checkpoint.kind != kind:
        raise _wrong(path, f"the file holds a network of kind {checkpoint.kind!r} instead of {kind!r}")
    if features_version is not None and checkpoint.features_version != features_version:
        found = checkpoint.features_version
        raise _wrong(path, f"they were trained on features of version {found}, and this is version {features_version}")
    if any(not bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise _wrong(path, "they contain values that are not finite")
    return checkpoint


def _checkpoint(record: Any, tensors: dict[str, Tensor]) -> Checkpoint:
    """TypeError where the record has other fields, or fields of other types."""
    checkpoint = Checkpoint(**record, tensors=tensors)
    version = checkpoint.features_version
    if not isinstance(checkpoint.kind, str) or not isinstance(version, int) or isinstance(version, bool):
        raise TypeError("kind or features_version is of another type")
    if not all(isinstance(part, dict) for part in (checkpoint.config, checkpoint.statistics, checkpoint.training)):
        raise TypeError("config, statistics or training is of another type")
    return checkpoint


def load_or_warn(load: Callable[[], Loaded], otherwise: str, reporter: Reporter) -> Loaded | None:
    """What `load` reads from weights; None where they are missing or cannot be used, with a warning that begins with what happens
    then: `otherwise`."""
    try:
        return load()
    except UserError as error:
        reporter.warning(f"{otherwise}: {error.message} {error.hint}")
        return None


def read_config(checkpoint: Checkpoint, kind: type[Config], path: Path) -> Config:
    """Build the network's config dataclass, and the dataclasses within it, from the checkpoint's record.

    The record must have every field: a default that changes later must not change what trained weights compute. UserError
    `weights-wrong` if fields are missing, unknown or invalid.
    """
    try:
        return _from_record(kind, checkpoint.config)
    except (TypeError, ValueError) as error:
        raise _wrong(path, f"their config is of another version ({error})") from error


def load_weights(network: nn.Module, checkpoint: Checkpoint, path: Path) -> None:
    """Load the checkpoint's tensors into the network. UserError `weights-wrong` if names or shapes differ."""
    try:
        network.load_state_dict(dict(checkpoint.tensors))
    except RuntimeError as error:
        raise _wrong(path, "their tensors belong to another network") from error


def as_record(config: Any) -> dict[str, Any]:
    """The fields of a config dataclass for `Checkpoint.config`, those of dataclasses within it nested."""
    return asdict(config)


def _from_record(kind: Any, record: Any) -> Any:
    """The dataclass `kind` from its fields, dataclasses within it likewise; other values as they are, lists as tuples."""
    if not (isinstance(kind, type) and is_dataclass(kind)):
        return tuple(record) if isinstance(record, list) else record
    types = typing.get_type_hints(kind)
    names = [item.name for item in fields(kind)]
    if set(names) != set(record):
        raise TypeError(f"fields that differ: {', '.join(sorted(set(names) ^ set(record)))}")
    return kind(**{name: _from_record(types[name], record[name]) for name in names})


def _wrong(path: Path, reason: str) -> UserError:
    return UserError("weights-wrong", f"The weights in {path} cannot be used: {reason}.", _HINT)
