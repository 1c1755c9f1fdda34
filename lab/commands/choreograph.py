"""`python -m lab choreograph`: interactions with exact ground truth."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..arguments import names, positive_integer
from ..paths import BLENDER_PYTHON, MOTION_CACHE

SUMMARY = "synthesize interactions of two people with exact ground truth"
DESCRIPTION = """\
Compose interactions of two people (handshakes, hugs, pushes, ...) from single-person motion capture, so that motion and
contacts are known exactly. Writes FILE.npz (motions) and FILE.json (contacts, sentences, sources).

--motion reads ASF/AMC, BVH, exponential maps, DeepMimic and AMASS, also inside archives. The same seed gives the same clips with
any number of workers. With --bodies all people have held-out bodies instead of shapes of the body model, from an npz such as
benchmarks/heldout_bodies.npz, with `templates` [N,V,3] and `joint_templates` [N,55,3]; FILE.json then lists two body numbers per
clip.
"""
EXAMPLES = """\
  python -m lab choreograph --motion FOLDER --split train --families handshake,hug --count 20 --out out/train
  python -m lab choreograph --motion FOLDER --families hug --count 2 --look out/look
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--motion", type=Path, metavar="FOLDER", help="motion capture (default: people stand at ease)")
    parser.add_argument("--cache", type=Path, default=MOTION_CACHE, help="where parsed motion capture is kept")
    parser.add_argument("--split", choices=("train", "dev", "test"), default="train")
    parser.add_argument(
        "--families", type=names, metavar="A,B", help="families of interactions (default: those of the split)"
    )
    parser.add_argument("--count", type=positive_integer, default=1, metavar="N", help="clips per family (default: 1)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of each family's first clip")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bodies", type=Path, metavar="FILE.npz", help="held-out bodies")
    parser.add_argument("--workers", type=positive_integer, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the files to write, without ending")
    parser.add_argument("--look", type=Path, metavar="FOLDER", help="write a contact sheet of every clip there")
    parser.add_argument("--blender", type=Path, default=BLENDER_PYTHON, metavar="PYTHON", help="Python that has bpy")


def run(options: argparse.Namespace) -> None:
    from ..choreography.choreograph import choreograph

    choreograph(options)
