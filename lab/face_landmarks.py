"""Facial landmarks of SMPL-X body files: the 51 of iBUG's 68 landmarks that are not on the jaw line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from core.contract.files import read_npz

RIGHT_BROW, LEFT_BROW = slice(0, 5), slice(5, 10)
NOSE_TIP = 13
RIGHT_EYE, LEFT_EYE = slice(19, 25), slice(25, 31)
"""Six landmarks around each eye; the first and the fourth are its corners."""
MOUTH = slice(31, 43)
"""Outer lip contour, from the right corner along the upper lip to the left corner (the seventh) and back."""


def face_landmarks(file: Path) -> Float[np.ndarray, "51 3"]:
    """Landmarks on the mean shape in the rest pose, metres, in iBUG's order from the 18th on. Sides are the person's own."""
    arrays = read_npz(file)
    corners = arrays["v_template"][arrays["f"][arrays["lmk_faces_idx"]].astype(np.int64)]
    return (corners * arrays["lmk_bary_coords"][..., None]).sum(1)
