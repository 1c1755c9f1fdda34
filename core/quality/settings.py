"""Limits of the check, and what it needs to see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..scores import CONFIDENT


@dataclass(frozen=True)
class QualitySettings:
    """From when on a take is called fair, and bad. The limits are in the units of MEASURES."""

    limits: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: {
            "picture": (3.0, 6.0),
            "limbs": (8.0, 12.0),
            "floor": (50.0, 80.0),
            "penetration": (40.0, 80.0),
            "contact": (60.0, 120.0),
            "smoothness": (15.0, 30.0),
            "speed": (6.0, 8.0),
        }
    )
    confident: float = CONFIDENT
    """Confidence from which on a landmark counts as plainly seen."""
    landmarks: int = 6
    """Plainly seen landmarks that a frame needs to be judged."""
    limb_landmarks: int = 2
    """The same of a limb."""
    unseen_seconds: float = 0.4
    """Time for which a limb may not be plainly seen and is still taken to be off the picture as far as before and after it."""
    standing: float = 0.6
    """Probability of standing from which on a foot should be on the floor."""
    smoothing_seconds: float = 0.05
    """Over which the seen landmarks are averaged before their acceleration is taken."""
    speed_seconds: float = 0.2
    """Over which a person's speed is the mean. People run at 3 to 6 m/s, and sprinters at 10 to 12."""
    seconds: float = 0.3
    """Length from which on a stretch is reported."""
    bridged_seconds: float = 0.2
    """Better frames between two stretches that are counted to them."""
    pinned_seconds: float = 0.5
    """Before and after a pin, over which a motion comes to it and leaves it."""
