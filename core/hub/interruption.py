"""Lets a user cancel inside a large network: whether to go on is asked before each of its layers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

from torch import nn


@contextmanager
def checked_before(layers: Iterable[nn.Module], check: Callable[[], None]) -> Generator[None]:
    """Within the context `check` is called before each of the layers runs; what it raises ends the network's call."""
    hooks = [layer.register_forward_pre_hook(lambda *_: check()) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
