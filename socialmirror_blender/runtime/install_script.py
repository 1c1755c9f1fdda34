"""Runs the installer as a program of its own, by any Python, without Blender: see `installer`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

_ROOT = Path(__file__).resolve().parents[2]
_NAME = "socialmirror_extension"


def run() -> int:
    """Give this script a place among the extension's packages, which would load Blender's modules if they were imported."""
    for name, folder in ((_NAME, _ROOT), (f"{_NAME}.socialmirror_blender", _ROOT / "socialmirror_blender")):
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    installer = import_module(f"{_NAME}.socialmirror_blender.runtime.installer")
    return installer.main(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(run())
