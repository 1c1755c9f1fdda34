"""Contact sheets: rendered images of two clothed people from a few sides, at several moments of a clip."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from core.body.files import DEFAULT_BODY, load_body

from ..choreography.appearance.clothing import SAMPLE_OUTFITS, dress, offset_by_thickness
from ..face_landmarks import face_landmarks
from ..paths import BLENDER_PYTHON
from .blender_process import render_images
from .cameras import look_at

SIZE = 320
"""px of an image."""
_FOCAL = 1.35
"""In sides of an image."""
_TARGET = np.array([0, 0, 0.9])
"""metres; the point between the people that cameras look at."""
VIEWS: tuple[tuple[float, float, float], ...] = ((0.4, -3.2, 1.5), (2.6, 2.0, 1.7))
"""metres, positions of the cameras relative to the point on the floor between the people."""


def contact_sheet(
    skins: Float[np.ndarray, "2 F V 3"],
    *,
    labels: Sequence[str],
    blender: Path = BLENDER_PYTHON,
    outfit: int = 0,
    views: Sequence[tuple[float, float, float]] = VIEWS,
) -> UInt8[np.ndarray, "h w 3"]:
    """Images, BGR, of skins of the default body (metres, Z up): a row for each view, a column for each of the F moments.

    The labels are written over the first row; `outfit` chooses the clothes. UserError as in `render_images`.
    """
    body, face = load_body(None), face_landmarks(DEFAULT_BODY)
    outfits = [SAMPLE_OUTFITS[(2 * outfit + person) % len(SAMPLE_OUTFITS)] for person in (0, 1)]
    clothed = [dress(body, face, each) for each in outfits]
    faces = body.faces.numpy()
    vertices = np.stack([offset_by_thickness(skins[p], faces, each.thickness) for p, each in enumerate(clothed)])
    middle, count = vertices.mean((0, 2)) * (1, 1, 0), len(labels)
    K = np.array([[_FOCAL * SIZE, 0, SIZE / 2], [0, _FOCAL * SIZE, SIZE / 2], [0, 0, 1]])
    scene = {
        "vertices": vertices - middle[:, None],
        "faces": faces.astype(np.int32),
        "materials": np.stack([each.materials for each in clothed]),
        "colours": np.array([each.colours for each in outfits], np.float32),
        "camera_K": np.tile(K, (count, 1, 1)).astype(np.float32),
        "image_size": np.array([SIZE, SIZE]),
        "rate": np.array(30.0),
        "room": np.array(0),
    }
    rows = []
    for view in views:
        T_cw = look_at(np.array(view), _TARGET)
        scene["camera_world"] = np.tile(T_cw, (count, 1, 1)).astype(np.float32)
        with tempfile.TemporaryDirectory(prefix="socialmirror-") as folder:
            render_images(scene, Path(folder), blender)
            images = [cv2.imread(str(Path(folder) / f"{index:04d}.png")) for index in range(count)]
        rows.append(np.concatenate([np.asarray(image) for image in images], 1))
    for index, label in enumerate(labels):
        cv2.putText(rows[0], label, (index * SIZE + 8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2)
    return np.concatenate(rows)
