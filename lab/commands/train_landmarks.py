"""`python -m lab train-landmarks`: the landmark regressor of the body."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..arguments import positive_integer
from ..paths import BLENDER_PYTHON, ROOT

SUMMARY = "fit the regressor from the body to the detector's 33 landmarks"
DESCRIPTION = """\
Write core/body/data/landmarks.npz: where the detector's 33 landmarks lie on the body, as weights of joints and vertices.
People with random shapes, clothes and poses are rendered, the landmark network runs on the pictures, and the weights are
fitted to its output (20 minutes on 2 cores). Run this again whenever the free body changes.
"""
EXAMPLES = """\
  python -m lab train-landmarks
  python -m lab train-landmarks --anatomy      only the initial weights, set by anatomy; in seconds
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--anatomy", action="store_true", help="write the initial weights, set by anatomy")
    parser.add_argument(
        "--people", type=positive_integer, default=16, metavar="N", help="people to render (default: 16)"
    )
    parser.add_argument("--views", type=positive_integer, default=3, metavar="N", help="cameras per pose (default: 3)")
    parser.add_argument("--held-out", type=int, default=4, metavar="N", help="people the errors are measured on")
    parser.add_argument(
        "--work",
        type=Path,
        default=ROOT / "build" / "landmarks",
        metavar="FOLDER",
        help="keeps pictures and detections",
    )
    parser.add_argument("--blender", type=Path, default=BLENDER_PYTHON, metavar="PYTHON", help="Python that has bpy")


def run(options: argparse.Namespace) -> None:
    from ..landmark_training.train_landmarks import LandmarkTraining, train_landmarks

    train_landmarks(
        LandmarkTraining(
            anatomy_only=options.anatomy,
            people=options.people,
            views=options.views,
            held_out=options.held_out,
            work=options.work,
            blender=options.blender,
        )
    )
