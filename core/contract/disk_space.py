"""How much of the disk has to be free for the Python environment to be installed: what that takes at its height."""

from __future__ import annotations

NEEDED_GIGABYTES, NEEDED_GIGABYTES_CUDA = 3, 9
"""Without and with torch for CUDA."""
NEEDED_SPACE = f"{NEEDED_GIGABYTES} GB of free disk space ({NEEDED_GIGABYTES_CUDA} GB with CUDA)"
"""For messages."""
