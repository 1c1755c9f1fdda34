"""Whether a result's folder is whole, its cache included, and how it is repaired: `python -m core verify DIR [--repair]`."""

from __future__ import annotations

from pathlib import Path

import torch

from ..body.mesh import body_arrays
from ..contract.errors import UserError
from ..contract.reconstruction import BodyArrays, Finding, Info, MotionArrays, examine, repair
from .cache import Cache
from .result_body import body_of
from .stages import perception
from .workspace import CACHE_FOLDER, exclusive


def verify(folder: Path) -> list[Finding]:
    """What is good, missing or damaged. Changes nothing. UserError `no-reconstruction` or `schema-too-new`."""
    store = Cache(folder / CACHE_FOLDER)
    damaged = store.damaged()
    cache = Finding("cache", "good", "The cache is good.")
    if not store.holds(perception.name):
        text = "The cache is gone. Only Refine needs it: reconstruct the clip again before you refine."
        cache = Finding("cache", "good", text)
    if damaged:
        names = ", ".join(path.name for path in damaged)
        text = f"{len(damaged)} results in the cache are damaged or of an older version, and will be computed again: {names}."
        cache = Finding("cache", "damaged", text)
    return [*examine(folder), cache]


def repair_result(folder: Path) -> list[str]:
    """Restore what can be restored; a sentence for everything that was done.

    UserError `folder-busy` while another run works there; those of `contract.reconstruction.repair`.
    """
    examine(folder)  # before anything is made in a folder that is none of ours
    with exclusive(folder):
        done = repair(folder, build_body)
        for path in Cache(folder / CACHE_FOLDER).damaged():
            path.unlink(missing_ok=True)
            done.append(f"{CACHE_FOLDER}/{path.name} was damaged and has been removed; it will be computed again.")
    return done


def build_body(info: Info, motion: MotionArrays) -> BodyArrays:
    """The content of `body.npz`, from the body that the result was made with. UserError where that is not at hand."""
    try:
        body = body_of(info)
    except UserError as error:
        raise UserError("body-missing", f"body.npz cannot be made anew. {error.message}", error.hint) from error
    return body_arrays(body, torch.from_numpy(motion.betas))
