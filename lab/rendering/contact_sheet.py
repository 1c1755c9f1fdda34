"""Pictures of two clothed people from two sides, at several moments: for whoever has to see what numbers mean."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

from core.body.files import DEFAULT_BODY, load_body

from ..choreography.appearance.clothing import SAMPLE_OUTFITS, dress, offset_by_thickness
from ..face_landmarks import face_landmarks
from ..paths import BLENDER_PYTHON, RENDER_CLIP

SIZE, _LENS = 320, 1.35
"""px of a picture, and its focal length as a share of that."""
VIEWS = ((0.4, -3.2, 1.5), (2.6, 2.0, 1.7))
"""metres from between the people to the cameras."""


def contact_sheet(
    skins: np.ndarray, *, labels: list[str], blender: Path = BLENDER_PYTHON, outfit: int = 0, views: tuple = VIEWS
) -> np.ndarray:
    """Draw skins [2,F,V,3] (metres, Z up) of the default body: uint8 BGR, a row for each view, a column for each moment.

    `labels` [F] are written over the first row.
    """
    body, face = load_body(None), face_landmarks(DEFAULT_BODY)
    outfits = [SAMPLE_OUTFITS[(2 * outfit + p) % len(SAMPLE_OUTFITS)] for p in (0, 1)]
    dressed = [dress(body, face, each) for each in outfits]
    vertices = np.stack(
        [offset_by_thickness(skins[p], body.faces.numpy(), clothes.thickness) for p, clothes in enumerate(dressed)]
    )
    middles, count = vertices.mean((0, 2)) * (1, 1, 0), len(labels)
    focal = _LENS * SIZE
    K = np.array([[focal, 0, SIZE / 2], [0, focal, SIZE / 2], [0, 0, 1]])
    rows = []
    with tempfile.TemporaryDirectory(prefix="socialmirror-") as folder:
        for view in views:
            scene = {
                "vertices": vertices - middles[:, None],
                "faces": body.faces.numpy().astype(np.int32),
                "materials": np.stack([clothes.materials for clothes in dressed]),
                "colours": np.array([each.colours for each in outfits], np.float32),
                "camera_K": np.tile(K, (count, 1, 1)).astype(np.float32),
                "camera_world": np.tile(looking(np.array(view)), (count, 1, 1)).astype(np.float32),
                "image_size": np.array([SIZE, SIZE]),
                "rate": np.array(30.0),
                "room": np.array(0),
            }
            np.savez(Path(folder) / "scene.npz", **scene)
            command = [str(blender), str(RENDER_CLIP), str(Path(folder) / "scene.npz")]
            subprocess.run([*command, "--frames", folder], check=True, stdout=subprocess.DEVNULL)
            pictures = [cv2.imread(str(Path(folder) / f"{index:04d}.png")) for index in range(count)]
            rows.append(np.concatenate([np.asarray(picture) for picture in pictures], 1))
    for index, label in enumerate(labels):
        cv2.putText(rows[0], label, (index * SIZE + 8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2)
    return np.concatenate(rows)


def looking(place: np.ndarray) -> np.ndarray:
    """World -> camera [4,4] of a camera at `place` that looks at a point 0.9 m above the origin."""
    forward = np.array([0, 0, 0.9]) - place
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    world = np.eye(4)
    world[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    world[:3, 3] = -world[:3, :3] @ place
    return world
