"""Files for other programs."""

from .fbx import export_fbx

__all__ = ["export_fbx"]
