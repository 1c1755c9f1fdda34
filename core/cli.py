"""The command line: `python -m core COMMAND`. Exit code 0, or 2 with one line on stderr, or 130 after Ctrl-C.

What a command needs is imported when it runs, so that help is quick and a missing package is reported in a sentence.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from . import __version__
from .contract.edits import Edits
from .contract.errors import Cancelled, UserError
from .failures import explain
from .terminal import Terminal

if TYPE_CHECKING:
    from .contract.reconstruction import Take

OK, FAILED, INTERRUPTED = 0, 2, 130
EXPORT_FORMATS = ("amass", "bvh", "glb")
REPAIRABLE = ("packages", "weights", "caches")
_DEVICES = ("auto", "cpu", "cuda", "mps")


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        raise UserError("bad-arguments", f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        options = build_parser().parse_args(arguments)
        return options.run(options)
    except (KeyboardInterrupt, Cancelled):
        print("Cancelled; nothing was changed.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        print(f"error: {_one_line(explain(error))}", file=sys.stderr)
        return FAILED


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m core", description="Reconstruct two people in contact from one video.")
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        added.set_defaults(run=run)
        return added

    reconstruct = command("reconstruct", _reconstruct, "Reconstruct both people of a clip.")
    reconstruct.add_argument("clip", type=Path, metavar="CLIP")
    reconstruct.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the reconstruction")
    reconstruct.add_argument(
        "--frames", default=":", metavar="A:B", help="first and last frame (default: the whole clip)"
    )
    reconstruct.add_argument(
        "--people",
        type=_people,
        metavar="I,J",
        help="which two of everyone found, e.g. 0,1 (default: the foremost two)",
    )
    reconstruct.add_argument(
        "--body", type=Path, metavar="PATH", help="an SMPL-X file or folder (default: the free body)"
    )
    reconstruct.add_argument(
        "--fov", type=float, metavar="DEG", help="the camera's horizontal field of view in degrees"
    )
    reconstruct.add_argument(
        "--perception", choices=("auto", "embedded"), default="auto", help="networks that look at the clip"
    )
    _add_sampling(reconstruct)

    refine = command("refine", _refine, "Fit again with edited contacts and keys; adds a take.")
    refine.add_argument("folder", type=Path, metavar="DIR")
    refine.add_argument("--edits", type=Path, metavar="FILE.json", help="contacts, pinned keys and prompt")
    _add_sampling(refine)

    export = command("export", _export, "Write the active take in another format.")
    export.add_argument("folder", type=Path, metavar="DIR")
    export.add_argument("--format", choices=EXPORT_FORMATS, required=True)
    export.add_argument("--out", type=Path, metavar="PATH", help="folder to write to (default: DIR/export)")

    doctor = command("doctor", _doctor, "Say what works here, what is missing, and how to get it.")
    doctor.add_argument("--json", action="store_true", help="print the checks as JSON")
    doctor.add_argument(
        "--fix",
        nargs="*",
        choices=REPAIRABLE,
        metavar="PART",
        help="first install or repair what is not in order: packages, weights, caches (default: all three)",
    )
    doctor.add_argument(
        "--torch-index",
        default="",
        metavar="URL",
        help="package index to take torch from (default: what fits this machine)",
    )
    weights = command("weights", _weights, "Download the networks' weights, checked by sha256.")
    weights.add_argument(
        "--text", action="store_true", help=argparse.SUPPRESS
    )  # before, without it no sentence encoder
    command("serve", _serve, "Work for Blender: JSON lines on stdin and stdout.")
    return parser


def _add_sampling(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--prompt", metavar="TEXT", help="what the two people do")
    parser.add_argument(
        "--takes", type=_positive, default=1, metavar="N", help="how many takes to make; the best becomes active"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the first take; the others count on from it"
    )
    parser.add_argument(
        "--smoothness",
        type=float,
        metavar="S",
        help="how far takes are calmed, 0 to 1 (default: 0.7; refine: as before)",
    )
    parser.add_argument("--device", choices=_DEVICES, default="auto")


def _reconstruct(options: argparse.Namespace) -> int:
    from .pipeline import jobs as pipeline

    request = pipeline.Request(
        clip=options.clip,
        frames=options.frames,
        people=options.people,
        prompt=options.prompt,
        takes=options.takes,
        seed=options.seed,
        smoothness=options.smoothness,
        device=options.device,
        body=options.body,
        fov=options.fov,
    )
    with Terminal(sys.stderr) as terminal:
        take = pipeline.reconstruct(request, options.out, terminal)
    return _tell(options.out, take)


def _refine(options: argparse.Namespace) -> int:
    from .pipeline import jobs as pipeline

    edits = Edits() if options.edits is None else Edits.read(options.edits)
    request = pipeline.RefineRequest(
        edits, options.prompt, options.takes, options.seed, options.device, options.smoothness
    )
    with Terminal(sys.stderr) as terminal:
        take = pipeline.refine(request, options.folder, terminal)
    return _tell(options.folder, take)


def _tell(folder: Path, take: Take) -> int:
    print(f"{folder}: {take.id} is ready.")
    return OK


def _export(options: argparse.Namespace) -> int:
    from .export import export_reconstruction

    for path in export_reconstruction(options.folder, options.format, options.out or options.folder / "export"):
        print(path)
    return OK


def _doctor(options: argparse.Namespace) -> int:
    from .doctor import as_json, as_text, examine, is_healthy

    if options.fix is None:
        checks = examine()
    else:
        from .environment.repair import repair

        with Terminal(sys.stderr) as terminal:
            checks = repair(terminal, options.fix or REPAIRABLE, torch_index=options.torch_index)
    print(as_json(checks) if options.json else as_text(checks))
    return OK if is_healthy(checks) else FAILED


def _weights(options: argparse.Namespace) -> int:
    from .progress import JobProgress
    from .weights import WEIGHTS, ensure

    with Terminal(sys.stderr) as terminal:
        progress = JobProgress(terminal)
        progress.expect({"weights": 1.0})
        files = ensure(WEIGHTS, progress.begin("weights"))
    for path in files.values():
        print(path)
    return OK


def _serve(options: argparse.Namespace) -> int:
    from .worker import serve

    serve()


def _people(text: str) -> tuple[int, int]:
    try:
        first, second = (int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not two numbers such as 0,1") from error
    if first == second or min(first, second) < 0:
        raise argparse.ArgumentTypeError(f"{text!r} does not name two different people, counted from 0")
    return first, second


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _one_line(error: UserError) -> str:
    return " ".join(str(error).split())
