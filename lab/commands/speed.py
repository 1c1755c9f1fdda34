"""`python -m lab speed`: time and memory of every stage."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..arguments import image_size, positive_integer
from ..paths import SAMPLES

SUMMARY = "measure time and memory of every stage"
DESCRIPTION = """\
Measure time and peak memory per stage, each measurement in a process of its own (about twelve minutes on two idle cores):
  --frames     reconstructions of the clip, played forwards and backwards until it has that many frames and scaled to
               --size; a refinement follows each
  --growth     all stages after perception on detections of that many frames, which shows how cost grows
  --full-mesh  our fit against a plain fit of the full mesh with the smplx package (of requirements-dev.txt; skipped
               where it is not installed)

--out writes REPORT.json and REPORT.html after each measurement. The page needs `pip install -r lab/requirements.txt`.
"""
EXAMPLES = """\
  python -m lab speed --out out/speed.json
  python -m lab speed --frames 75 --growth 64 128 --full-mesh 0      a quick run
  python -m lab speed --page out/speed.json                          draw the page again
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clip", type=Path, default=SAMPLES / "handshake_hug.mp4", help="(default: the sample)")
    parser.add_argument("--frames", type=positive_integer, nargs="+", default=[75, 150, 300], metavar="N")
    parser.add_argument(
        "--growth", type=positive_integer, nargs="*", default=[64, 128, 256, 512, 1024, 2048], metavar="N"
    )
    parser.add_argument("--full-mesh", type=int, default=64, metavar="N", help="frames; 0 leaves it out (default: 64)")
    parser.add_argument("--size", type=image_size, default=(1920, 1080), metavar="WxH", help="(default: 1920x1080)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--out", type=Path, metavar="REPORT.json")
    parser.add_argument("--page", type=Path, metavar="REPORT.json", help="only draw the page of an earlier report")


def run(options: argparse.Namespace) -> None:
    from ..speed_benchmark.benchmark import SpeedSettings, draw_page, run_benchmark

    if options.page is not None:
        draw_page(options.page)
    else:
        run_benchmark(
            SpeedSettings(
                clip=options.clip,
                lengths=options.frames,
                growth=options.growth,
                full_mesh=options.full_mesh,
                size=options.size,
                device=options.device,
                out=options.out,
            )
        )
