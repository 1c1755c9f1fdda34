"""The face's landmarks that files in SMPL-X's layout carry: 51 of the 68 of iBUG, without the jaw line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..contract.files import read_npz

RIGHT_BROW, LEFT_BROW = slice(0, 5), slice(5, 10)
NOSE_TIP = 13
RIGHT_EYE, LEFT_EYE = slice(19, 25), slice(25, 31)
"""Six around each eye; the first and the fourth are its corners."""
MOUTH = slice(31, 43)
"""Around the lips, from the right corner over the upper lip to the left one (its seventh) and back."""


def face_landmarks(file: Path) -> np.ndarray:
    """float64 [51,3] on the mean shape in the rest pose; sides are the person's own."""
    arrays = read_npz(file)
    corners = arrays["v_template"][arrays["f"][arrays["lmk_faces_idx"]].astype(np.int64)]
    return (corners * arrays["lmk_bary_coords"][..., None]).sum(1)
