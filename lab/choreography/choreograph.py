"""Make interactions of two people with truth, from single-person motion capture: FILE.npz and FILE.json."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from core.body.files import load_body
from core.contract.files import read_json, read_npz, write_json
from core.motion import PairMotion, pose_motion

from ..arguments import check_names
from ..rendering.contact_sheet import contact_sheet
from .bodies import bodies_from_templates
from .generation import GeneratedClip, GenerationRequest, generate, summarize
from .interaction import Interaction, save_interactions
from .splits import families_of


def choreograph(arguments: argparse.Namespace) -> None:
    """Run `python -m lab choreograph`; the arguments are those of `lab.commands.choreograph`."""
    families = arguments.families or families_of(arguments.split)
    check_names(families, families_of(arguments.split), f"families of the split {arguments.split}")
    torch.set_num_threads(1)
    order = GenerationRequest(
        arguments.motion,
        arguments.cache,
        arguments.split,
        families,
        arguments.count,
        arguments.seed,
        arguments.bodies,
        arguments.first,
    )
    made: list[GeneratedClip] = []
    began = time.perf_counter()
    for clip in generate(order, min(arguments.workers, arguments.count * len(families))):
        made.append(clip)
        state = "no good draw" if clip.interaction is None else f"{clip.interaction.frames} frames"
        print(f"{clip.name}: {state}, {clip.seconds:.1f} s", *clip.rejected, sep="\n    ", flush=True)
    good = [clip for clip in made if clip.interaction is not None]
    print(f"{summarize(made)}\n{len(good)} clips in {time.perf_counter() - began:.0f} s")
    if arguments.out:
        save_interactions(arguments.out, [clip.interaction for clip in good if clip.interaction])
        if arguments.bodies:
            words = arguments.out.with_suffix(".json")
            write_json(words, {**read_json(words), "bodies": [list(clip.body_indices) for clip in good]})
    if arguments.look:
        arguments.look.mkdir(parents=True, exist_ok=True)
        for clip in good:
            look(clip, arguments.bodies, arguments.look / f"{clip.name}.png", arguments.blender)


def look(clip: GeneratedClip, bodies: Path | None, path: Path, blender: Path) -> None:
    """Draw eight moments of a clip from two sides."""
    assert clip.interaction is not None
    frames = np.unique(moments(clip.interaction, 8))
    labels = [str(frame) for frame in frames]
    sheet = contact_sheet(skins_of(clip, bodies, frames), labels=labels, blender=blender, outfit=hash_of(clip.name))
    cv2.imwrite(str(path), sheet)
    print(path)


def moments(clip: Interaction, count: int) -> np.ndarray:
    """Frames to look at: the ends, and more of them where the two touch."""
    weight = np.ones(clip.frames)
    for contact in clip.contacts:
        weight[max(contact.frame_start - 6, 0) : contact.frame_end + 7] = 3.0
    share = np.concatenate([[0], np.cumsum(weight)[:-1]]) / weight[:-1].sum()
    return np.searchsorted(share, np.linspace(0, 1, count) - 1e-9).clip(0, clip.frames - 1)


def skins_of(clip: GeneratedClip, bodies: Path | None, frames: np.ndarray) -> np.ndarray:
    """[2,F,V,3]"""
    assert clip.interaction is not None
    motion, body = clip.interaction.motion, load_body(None)
    own = None if bodies is None else bodies_from_templates(body, read_npz(bodies))
    skins = []
    for p, number in enumerate(clip.body_indices):
        parts = {
            name: value[p : p + 1] if name == "betas" else value[p : p + 1, frames]
            for name, value in vars(motion).items()
        }
        person = body if own is None or number is None else own[number]
        skins.append(pose_motion(person, PairMotion(**parts)).skin(person)[0].numpy())
    return np.stack(skins)


def hash_of(name: str) -> int:
    """The same number in every process, unlike `hash`."""
    return sum(name.encode())
