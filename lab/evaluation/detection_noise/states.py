"""The discrete states of the noise model, and the bins of the conditions that its tables are indexed by."""

from __future__ import annotations

import numpy as np

CLEAR, SELF_OCCLUDED, OCCLUDED_BY_OTHER, OUTSIDE_IMAGE, FROM_OTHER_PERSON = range(5)
"""States of a landmark. The last one means that the detector puts it on the other person's body."""
LANDMARK_STATES = 5

OWN_SKELETON, SIDES_SWAPPED, OTHER_PERSON, NOT_FOUND, UNRELIABLE = range(5)
"""What skeleton the detector gives to a person: the right one, the right one with left and right swapped, the other person's,
none, or the right one with so many large errors that they are not independent."""
SKELETON_KINDS = 5

OWN_LIMB, OTHERS_SAME_LIMB, OTHERS_OPPOSITE_LIMB, OWN_OPPOSITE_LIMB = range(4)
"""What the detector takes for a limb: the limb itself, the other person's limb of the same side, the other person's limb of the
opposite side, or the person's own limb of the opposite side."""
LIMB_KINDS = 4

NO_HAND, OWN_HAND, WRONG_HAND = range(3)
"""What the hand network returns for a hand: nothing, that hand, or another one of the four."""
HAND_KINDS = 3

CLOSENESS_BINS = 5
"""Nobody close, close, trunks overlapping; some of the person occluded by the other, much of the person occluded."""
CONDITION_BINS = CLOSENESS_BINS + 3
"""The closeness bins for right skeletons, then one bin each for unreliable ones, swapped sides, and the other person's."""
LIMB_DISTANCE_EDGES = (0.05, 0.12, 0.3)
"""In body heights: bin edges of the distance from a limb's end to the nearest same kind of end of the other person."""
LIMB_BINS = 4 * (len(LIMB_DISTANCE_EDGES) + 1)
"""Arms before legs; of each, limbs that the other person does not occlude before those that they do."""
ERROR_EDGES = (0.015, 0.03, 0.06, 0.12)
"""In body heights: bin edges of a landmark's error, which its confidence depends on."""
HAND_BINS = 6

PROBABILITIES = np.array(
    [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 1]
)  # fmt: skip
"""[Q] at which the tables keep quantiles."""
CORRELATION_TIMES = np.array([0.012, 0.1, 0.6, 4.0])
"""[C] seconds after which the autocorrelation of each of the C processes has fallen to 1/e: from jitter between frames to offsets
that last for the whole clip. Every error is a mixture of them."""
REFERENCE_STEP = 1 / 30
"""seconds of one step of the Markov chains' transition tables."""
