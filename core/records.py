"""Records of arrays that can be cut along a named axis: some frames of a clip, one of its people.

The axes come from the fields' annotations, so a record says once what its arrays look like:

    @dataclass(frozen=True)
    class Keypoints(Record):
        pixels: Float[np.ndarray, "P T 33 2"]
        time: Float[np.ndarray, "T"]

    keypoints.frames(slice(0, 30)).person(1)
"""

from __future__ import annotations

import math
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

_LARGEST = 1e6
"""No pixel, metre, radian or second of a clip is larger."""
Selection = slice | np.ndarray | Tensor | Sequence[int]
"""Positions along an axis, or a mask."""


class Record:
    """Base of frozen dataclasses whose array fields are annotated with jaxtyping.

    Fields that are records themselves are cut as well; fields without the axis, and fields that are None, stay as they are.
    """

    def frames(self, chosen: Selection) -> Self:
        """The record of some frames of the clip: axis T."""
        return self.along("T", chosen)

    def person(self, index: int) -> Self:
        """The record of one person; the axis P stays, with length 1."""
        return self.along("P", slice(index, index + 1))

    def along(self, axis: str, chosen: Selection) -> Self:
        """The record cut along a named axis."""
        changed: dict[str, Any] = {}
        for name, position in _axis_positions(type(self), axis).items():
            value = getattr(self, name)
            if isinstance(value, Record):
                changed[name] = value.along(axis, chosen)
            elif value is not None:
                changed[name] = value[(..., _index_for(value, chosen), *[slice(None)] * (-1 - position))]
        return replace(self, **changed)  # pyright: ignore[reportArgumentType, reportUnknownVariableType]

    @classmethod
    def concatenate(cls, parts: Sequence[Self], axis: str = "P") -> Self:
        """One record of several, joined along a named axis; what does not have the axis is the first part's."""
        changed: dict[str, Any] = {}
        for name, position in _axis_positions(cls, axis).items():
            values = [getattr(part, name) for part in parts]
            if isinstance(values[0], Record):
                changed[name] = type(values[0]).concatenate(values, axis)
            elif isinstance(values[0], Tensor):
                changed[name] = torch.cat(values, position)
            elif values[0] is not None:
                changed[name] = np.concatenate(values, position)
        return replace(parts[0], **changed)  # pyright: ignore[reportArgumentType, reportUnknownVariableType]


def check_record(record: Any, sizes: dict[str, int] | None = None) -> None:
    """ValueError where an array in a dataclass is not of the type and shape of its annotation, not finite, or far too large.

    Axes of one name have one length everywhere in the record and in those within it; `sizes` are those known already.
    """
    sizes = {} if sizes is None else sizes
    hints = typing.get_type_hints(type(record))
    for item in fields(record):
        value = getattr(record, item.name)
        if is_dataclass(value):
            check_record(value, sizes)
        elif isinstance(value, np.ndarray):
            for hint in typing.get_args(hints[item.name]) or (hints[item.name],):
                if hasattr(hint, "dim_str"):
                    _check_array(item.name, value, hint, sizes)
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{item.name} is {value}")


def check_shapes(
    kind: type, shapes: Mapping[str, tuple[Any, tuple[int, ...]]], prefix: str = "", sizes: dict[str, int] | None = None
) -> None:
    """ValueError where the type or shape of an array is not that of its annotation in a dataclass.

    `shapes` holds dtype and shape of arrays that need not be in memory, by dotted name. An array that the dataclass does not
    have, and one with axes for a field that is a scalar or text, are refused, too.
    """
    sizes = {} if sizes is None else sizes
    hints = typing.get_type_hints(kind)
    known: set[str] = set()
    for item in fields(kind):  # pyright: ignore[reportArgumentType]
        name = prefix + item.name
        choices = typing.get_args(hints[item.name]) or (hints[item.name],)
        record = next((choice for choice in choices if isinstance(choice, type) and is_dataclass(choice)), None)
        if record is not None and typing.get_origin(hints[item.name]) is not tuple:
            inner = {other: shape for other, shape in shapes.items() if other.startswith(f"{name}.")}
            check_shapes(record, inner, f"{name}.", sizes)
            known |= inner.keys()
        elif name in shapes:
            known.add(name)
            hint = next((choice for choice in choices if hasattr(choice, "dim_str")), None)
            if hint is not None:
                _check_shape(name, *shapes[name], hint, sizes)
            elif shapes[name][1]:
                raise ValueError(f"{name} has {len(shapes[name][1])} axes")
    unknown = shapes.keys() - known
    if unknown:
        raise ValueError(f"there is no {min(unknown)}")


def _check_array(name: str, array: np.ndarray, hint: Any, sizes: dict[str, int]) -> None:
    _check_shape(name, array.dtype, array.shape, hint, sizes)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} has values that are not finite")
    if array.dtype.kind == "f" and array.size and np.abs(array).max() > _LARGEST:
        raise ValueError(f"{name} has values beyond {_LARGEST:g}")


def _check_shape(name: str, dtype: Any, shape: tuple[int, ...], hint: Any, sizes: dict[str, int]) -> None:
    if str(dtype.newbyteorder("=")) not in hint.dtypes:
        raise ValueError(f"{name} has numbers of type {dtype}")
    axes = hint.dim_str.split()
    if len(axes) != len(shape):
        raise ValueError(f"{name} has {len(shape)} axes, not {len(axes)}")
    for axis, length in zip(axes, shape):
        if length != (int(axis) if axis.isdigit() else sizes.setdefault(axis, length)):
            raise ValueError(f"{name} has {length} entries along {axis}")


def _index_for(value: Any, chosen: Selection) -> Any:
    if isinstance(chosen, slice) or not isinstance(value, Tensor):
        return chosen
    return torch.as_tensor(chosen, device=value.device)


@cache
def _axis_positions(kind: type, axis: str) -> dict[str, int]:
    """Where each field has the axis, counted from the last one; records within the record are listed at 0."""
    hints = typing.get_type_hints(kind)
    found: dict[str, int] = {}
    for item in fields(kind):  # pyright: ignore[reportArgumentType]
        for hint in typing.get_args(hints[item.name]) or (hints[item.name],):
            axes = getattr(hint, "dim_str", "").split()
            if axis in axes:
                found[item.name] = axes.index(axis) - len(axes)
            elif isinstance(hint, type) and is_dataclass(hint) and issubclass(hint, Record):
                found[item.name] = 0
    return found
