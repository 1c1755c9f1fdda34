"""`python -m lab sample`: the sample clip of the repository."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..paths import BLENDER_PYTHON, MOTION_CACHE

SUMMARY = "make the sample clip and its ground truth"
DESCRIPTION = """\
Make samples/handshake_hug.mp4, handshake_hug_truth.npz and handshake_hug_contacts.json: two people walk up, shake hands, hug
and part. The motion comes from motion capture of the dev split, and Blender renders it (about 3 minutes on 2 cores).
"""
EXAMPLES = """\
  python -m lab sample --motion FOLDER
  python -m lab sample --render-only       render the clip again from its ground truth
"""
DEFAULT_SEED = 4
"""Of the sample clip in the repository."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--motion", type=Path, metavar="FOLDER", help="motion capture")
    parser.add_argument("--cache", type=Path, default=MOTION_CACHE, help="where parsed motion capture is kept")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--render-only", action="store_true", help="keep the ground truth, render the clip again")
    parser.add_argument("--blender", type=Path, default=BLENDER_PYTHON, metavar="PYTHON", help="Python that has bpy")


def run(options: argparse.Namespace) -> None:
    from core.contract.errors import UserError

    if not options.render_only and options.motion is None:
        raise UserError("bad-arguments", "The sample needs motion capture.", "Give --motion, or --render-only.")
    from ..choreography.choreograph_sample import make_sample

    make_sample(options)
