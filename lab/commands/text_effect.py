"""`python -m lab text-effect`: what a prompt changes in a reconstruction."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..paths import BLENDER_PYTHON

SUMMARY = "draw how different prompts change the reconstruction of one clip"
DESCRIPTION = """\
Reconstruct one clip of the benchmark pairs-2d without a prompt and with each given prompt, draw the ground truth and every
reconstruction from the side, one row each, and print their errors.
"""
EXAMPLES = """\
  python -m lab text-effect --clip hug-0004 --prompts "They hug." "They shake hands." --out effect.png
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clip", required=True, metavar="NAME", help="name of a clip of the split")
    parser.add_argument("--split", choices=("test", "dev"), default="test")
    parser.add_argument("--prompts", nargs="+", required=True, metavar="TEXT", help="sentences about the two people")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated detections (default: 0)")
    parser.add_argument("--blender", type=Path, default=BLENDER_PYTHON, metavar="PYTHON", help="Python that has bpy")
    parser.add_argument("--out", type=Path, required=True, metavar="PICTURE.png")


def run(options: argparse.Namespace) -> None:
    from ..evaluation.text_effect import TextEffect, draw_text_effect

    draw_text_effect(
        TextEffect(
            clip=options.clip,
            split=options.split,
            prompts=options.prompts,
            seed=options.seed,
            blender=options.blender,
            out=options.out,
        )
    )
