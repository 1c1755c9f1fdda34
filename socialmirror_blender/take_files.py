"""Takes in a reconstruction's folder."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..core.contract.errors import UserError
from ..core.contract.files import explain_write_errors
from ..core.contract.reconstruction import (
    BodyArrays,
    Reconstruction,
    load,
    load_info,
    load_take_motion,
    save,
    take_file,
)

REMOVED_FOLDER = "removed"


def load_take(folder: Path, take: str) -> Reconstruction:
    """A take of a folder, whether or not it is the active one. UserError `no-reconstruction` or `damaged`."""
    chosen = load_info(folder, take)
    motion = load_take_motion(folder, take)
    active = load(folder)
    info = replace(chosen, takes=active.info.takes)  # the file of a take does not list takes that were made later
    body = _with_shape_change(active.body, motion.betas - active.motion.betas)
    return Reconstruction(motion, body, info)


def activate_take(folder: Path, take: str) -> None:
    """Make a take the folder's active one. UserError `no-reconstruction` or `damaged` if it is missing or damaged."""
    save(folder, load_take(folder, take))


def delete_take(folder: Path, take: str, shown: str) -> None:
    """Take a take out of the list, and move its files into the folder `removed`. `shown` is the take that becomes active.

    UserError `no-take` if there is no such take, or of saving.
    """
    kept = load_take(folder, shown)
    listed = tuple(each for each in kept.info.takes if each.id != take)
    if len(listed) == len(kept.info.takes):
        raise UserError("no-take", f"There is no {take} in {folder}.", "Choose one of the list.")
    save(folder, replace(kept, info=replace(kept.info, takes=listed)))
    removed = folder / REMOVED_FOLDER
    with explain_write_errors(removed):
        removed.mkdir(exist_ok=True)
        for file in (take_file(take, suffix) for suffix in (".json", ".npz")):
            path = folder / file
            target = removed / path.name
            if target.exists():
                target = removed / f"{path.stem}-{uuid.uuid4().hex[:8]}{path.suffix}"
            if path.exists():
                path.rename(target)


def _with_shape_change(body: BodyArrays, betas: np.ndarray) -> BodyArrays:
    """Both meshes after a change of their betas [P,16]: takes with different prompts may differ in shape."""
    offsets = np.einsum("vdk,pk->pvd", body.shape_vertices, betas) if betas.any() else np.float32(0)
    return replace(body, rest_vertices=(body.rest_vertices + offsets).astype(np.float32))
