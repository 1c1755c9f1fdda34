"""Checks a take before it is handed over: where it contradicts what was plainly seen, or cannot be, it says so.

Nothing here needs ground truth. A take that is bad in a stretch is still saved; its warnings name the person and the frames.
"""

from .check import check_quality, error_score
from .warnings import quality_warnings

__all__ = ["check_quality", "error_score", "quality_warnings"]
