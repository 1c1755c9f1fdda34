"""Files for other programs."""

from .checks import Finding, check_export
from .people import export_people

__all__ = ["Finding", "check_export", "export_people"]
