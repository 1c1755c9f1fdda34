"""Motion that another tool has reconstructed or recorded, as the initial motion of a clip."""

from .placing import place_in_clip
from .reading import read_imported_pair
from .record import ImportedMotion

__all__ = ["ImportedMotion", "place_in_clip", "read_imported_pair"]
