"""Takes in a reconstruction's folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..core.contract.reconstruction import BodyArrays, Reconstruction, load, load_info, load_take_motion, save


def activate_take(folder: Path, take: str) -> None:
    """Make a take the folder's active one. UserError `no-reconstruction` or `damaged` if it is missing or damaged."""
    chosen = load_info(folder, take)
    motion = load_take_motion(folder, take)
    active = load(folder)
    info = replace(chosen, takes=active.info.takes)  # the file of a take does not list takes that were made later
    body = _with_shape_change(active.body, motion.betas - active.motion.betas)
    save(folder, Reconstruction(motion, body, info))


def _with_shape_change(body: BodyArrays, betas: np.ndarray) -> BodyArrays:
    """Both meshes after a change of their betas [P,16]: takes with different prompts may differ in shape."""
    offsets = np.einsum("vdk,pk->pvd", body.shape_vertices, betas) if betas.any() else np.float32(0)
    return replace(body, rest_vertices=(body.rest_vertices + offsets).astype(np.float32))
