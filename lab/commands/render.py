"""`python -m lab render`: the videos of the benchmark pairs-video."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..arguments import positive_integer
from ..paths import BLENDER_PYTHON, HELDOUT_BODIES

SUMMARY = "render interactions as video with exact ground truth"
DESCRIPTION = """\
Render interactions of `python -m lab choreograph` as the benchmark pairs-video: for each, FOLDER/NAME.mp4, NAME.npz (ground
truth), NAME.json, and NAME_alone0.mp4 and NAME_alone1.mp4 with only one of the two people. A clip begins shortly before the
first contact; clothes, room, light and camera are drawn from its name and the seed. Clips that are complete are skipped, so
a run that was stopped goes on where it was. A clip of 64 frames takes about 2 minutes on one core; with --opengl about
20 seconds, for the noise model, for training and where time is short.
"""
EXAMPLES = """\
  python -m lab render out/pairs out/pairs-video --opengl
  python -m lab render out/train out/train-video --clips 20 --no-alone --width 640
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("interactions", type=Path, metavar="INTERACTIONS", help="of lab choreograph, without ending")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the clips are written")
    parser.add_argument("--seed", type=int, default=0, help="of clothes, rooms and cameras (default: 0)")
    parser.add_argument(
        "--cameras",
        choices=("narrow", "wide", "free", "medium"),
        default="narrow",
        help="held by somebody who stands, as in the benchmark; from the floor up to a ladder, and tilted; as drones and tall "
        "tripods, with a pitch of -60 to 30 degrees and every lens; or medium shots, which end between the shins and the waist; "
        "the last three for training (default: %(default)s)",
    )
    parser.add_argument("--clips", type=positive_integer, metavar="N", help="render the first N only")
    parser.add_argument("--frames", type=positive_integer, default=64, metavar="N", help="longest clip (default: 64)")
    parser.add_argument("--width", type=positive_integer, metavar="PX", help="of the longer side (default: 960)")
    parser.add_argument("--quality", choices=("LOW", "MEDIUM", "HIGH"), default="MEDIUM", help="of the H.264 encoder")
    parser.add_argument("--no-alone", action="store_true", help="do not render each person alone")
    parser.add_argument(
        "--bodies",
        type=Path,
        default=HELDOUT_BODIES,
        metavar="FILE",
        help="held-out bodies that INTERACTIONS.json refers to (default: %(default)s)",
    )
    parser.add_argument("--opengl", action="store_true", help="render with OpenGL instead of Blender")
    parser.add_argument("--blender", type=Path, default=BLENDER_PYTHON, metavar="PYTHON", help="Python that has bpy")


def run(options: argparse.Namespace) -> None:
    from ..evaluation.camera_sampling import CAMERAS
    from ..rendering.clip_staging import StagingSettings
    from ..rendering.render_pairs import RenderJob, render_all

    render_all(
        RenderJob(
            interactions=options.interactions,
            folder=options.folder,
            staging=StagingSettings(options.seed, options.frames, options.width, CAMERAS[options.cameras]),
            bodies=options.bodies,
            blender=None if options.opengl else options.blender,
            clips=options.clips,
            quality=options.quality,
            alone=not options.no_alone,
        )
    )
