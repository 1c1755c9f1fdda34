"""Make training examples from interactions (python -m lab choreograph writes them): FILE.npz and FILE.json.

    python -m lab examples --interactions train.npz more.npz --cameras 3 --out out/examples/train
    python -m lab examples --interactions dev.npz --split dev --cameras 1 --seed 1 --out out/examples/dev
    ... --strangers 300 --motion FOLDER      and pairs of people who have nothing to do with each other

Every interaction is filmed by several drawn cameras, every other time in the mirror, and seen by the model of the 2D stage; those
of the train split by models drawn around it (lab/training/variety.py), those of dev by the one that the benchmark uses. The
file is written anew after every hundred examples, so that learning can begin with what is there. The same seed gives the same
examples, however many workers there are; interactions of another split than `--split` are refused.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from core.body.files import load_body
from core.contract.errors import UserError

from ..choreography.interaction import Interaction, load_interactions
from ..choreography.scene_sampler import Studio
from ..choreography.splits import SPLITS, Split, captures_of, split_of
from ..evaluation.shot import HIDDEN, OUTSIDE, SEEN
from ..mocap.action_detection import find_windows
from ..mocap.library import load_library
from ..paths import MOTION_CACHE
from .examples import Example, Take, make_examples, save_examples, takes_of
from .strangers import stranger_pair

_SAVE_EVERY = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=Path, nargs="*", default=[], help="files of python -m lab choreograph")
    parser.add_argument("--split", choices=SPLITS[:2], default="train", help="the only one that may be among them")
    parser.add_argument("--cameras", type=int, default=3, help="of each interaction")
    parser.add_argument("--strangers", type=int, default=0, help="pairs of recorded people who do not interact")
    parser.add_argument("--motion", type=Path, help="folder of motion capture, for those")
    parser.add_argument("--cache", type=Path, default=MOTION_CACHE, help="where motion read once is kept")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, required=True, help="file to write, without its ending")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    interactions = wanted(arguments.interactions, arguments.split)
    varied = arguments.split == "train"
    takes = takes_of(interactions, arguments.cameras, arguments.seed, varied)
    if arguments.strangers:
        if arguments.motion is None:
            parser.error("strangers need --motion")
        pairs = strangers(arguments.motion, arguments.cache, arguments.split, arguments.strangers, arguments.seed)
        print(f"{len(pairs)} pairs of strangers in {time.perf_counter() - began:.0f} s", flush=True)
        takes += [Take(pair, number % 2, arguments.seed, varied) for number, pair in enumerate(pairs)]
    examples: list[Example] = []
    began = time.perf_counter()
    for number, example in enumerate(make_examples(takes, arguments.workers), 1):
        if example is None:
            print(f"{takes[number - 1].interaction.name}: somebody was not found")
        else:
            examples.append(example)
        if number % _SAVE_EVERY == 0 and number < len(takes):
            save_examples(arguments.out, examples)
            print(f"{number} of {len(takes)}, {time.perf_counter() - began:.0f} s", flush=True)
    save_examples(arguments.out, examples)
    print(f"{len(examples)} examples in {time.perf_counter() - began:.0f} s\n{summary(examples)}")


def wanted(paths: Sequence[Path], split: Split) -> list[Interaction]:
    """All interactions of the files, under names of their own. UserError where one belongs to another split."""
    interactions: dict[str, Interaction] = {}
    for path in paths:
        for interaction in load_interactions(path):
            found = split_of(interaction)
            if found != split:
                raise UserError(
                    "wrong-split",
                    f"{interaction.name} of {path} belongs to {found}, not to {split}.",
                    "Give files of one split only.",
                )
            if interactions.setdefault(interaction.name, interaction) is not interaction:
                raise UserError(
                    "same-name",
                    f"{path} holds another {interaction.name} than a file before it.",
                    "Draw the files with different --first.",
                )
    return list(interactions.values())


def strangers(motion: Path, cache: Path, split: Split, count: int, seed: int) -> list[Interaction]:
    captures = list(captures_of(load_library(motion, cache), split))
    studio = Studio(load_body(None), lambda kind, frames: find_windows(captures, kind, frames))
    return [stranger_pair(studio, seed, number) for number in range(count)]


def summary(examples: Sequence[Example]) -> str:
    """Of each visibility, the first motion's error against truth, and that of the depth between the two."""
    errors: dict[int, list[np.ndarray]] = {SEEN: [], HIDDEN: [], OUTSIDE: []}
    depths, frames = [], 0
    for example in examples:
        apart = np.linalg.norm(example.joints - example.truth_joints, axis=-1)
        for kind, lists in errors.items():
            lists.append(apart[example.hidden == kind])
        between = [part[1, :, 0, 1] - part[0, :, 0, 1] for part in (example.joints, example.truth_joints)]
        depths.append(np.abs(between[0] - between[1]))
        frames += example.frames
    lines = [f"{frames} frames of two people; error of the first motion's joints in the view:"]
    for kind, name in ((SEEN, "seen"), (HIDDEN, "hidden by the other"), (OUTSIDE, "outside the picture")):
        values = np.concatenate(errors[kind]) if errors[kind] else np.zeros(0)
        mean = 1000 * float(values.mean()) if len(values) else float("nan")
        lines.append(f"  {name}: {mean:.0f} mm ({len(values)} joints)")
    lines.append(f"  depth between the pelvises: {1000 * float(np.concatenate(depths).mean()):.0f} mm")
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(str(error)) from error
