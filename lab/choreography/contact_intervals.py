"""The ground-truth contacts of a finished motion: which regions touch in which frames."""

from __future__ import annotations

import uuid

import numpy as np

from core.contract.contact import Contact
from core.contract.runs import find_runs
from core.contract.skeleton import REGIONS

CONTACT_DISTANCE = 0.010
"""metres between two skins up to which they count as touching: clothes and flesh give."""
_SHORTEST, _BRIDGED = 4, 3
"""frames"""
_NAMESPACE = uuid.UUID("0b7b5a34-2c1f-4c55-a0f5-6a2c7f5e9d11")


def contact_intervals(touching: np.ndarray) -> list[Contact]:
    """Touches [T,R,R] as stretches of frames: short gaps closed, short stretches left out."""
    found = []
    for a, b in np.argwhere(touching.any(0)):
        for run in find_runs(touching[:, a, b], _BRIDGED, _SHORTEST):
            name = str(uuid.uuid5(_NAMESPACE, f"{REGIONS[a]} {REGIONS[b]} {run.start}"))
            found.append(Contact(0, REGIONS[a], 1, REGIONS[b], run.start, run.stop - 1, id=name))
    return sorted(found, key=lambda contact: (contact.frame_start, contact.region_a, contact.region_b))
