"""The type of the fixture `product`."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

Product = Callable[[str], ModuleType]
"""Imports a module of the installed extension by its name in the checkout."""
