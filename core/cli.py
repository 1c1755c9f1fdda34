"""The command line, `python -m core COMMAND`.

The exit code is 0; 2 after an error, which is explained in one line on stderr; or 130 after Ctrl-C. A command imports what it
needs when it runs, so that help is fast and a missing package is explained like any other error.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NoReturn

from . import __version__
from .contract.errors import Cancelled, UserError
from .contract.options import FRAMES, PATH, ValueType, option_of, parse_frames
from .contract.requests import ReconstructRequest, RefineRequest, Request, TakesRequest
from .failures import explain
from .interrupts import INTERRUPTED, interrupted, say_cancelled
from .terminal import Terminal

if TYPE_CHECKING:
    from .pipeline.jobs import Finished

OK, FAILED = 0, 2
REPAIRABLE = ("packages", "weights", "caches")
"""As `environment.repair.PARTS`, which is not imported for help."""
EXPORT_TARGETS = ("gltf", "godot", "bvh", "amass")
"""Those of `export.TARGETS` that need no Blender; the export is not imported for help, as it needs numpy."""
EXPORT_FORMATS = {"amass": "amass", "bvh": "bvh", "glb": "gltf"}
"""Targets by the names that older versions gave to them."""


class _Parser(argparse.ArgumentParser):
    """Raises a UserError for arguments that are not valid."""

    def error(self, message: str) -> NoReturn:
        raise UserError("bad-arguments", f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files that the console's encoding does not have
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        options = build_parser().parse_args(_with_negative_values(arguments))
        code = options.run(options)
        sys.stdout.flush()
        if code == OK or not interrupted():  # else it failed because of Ctrl-C
            return code
    except BrokenPipeError:  # the program that reads the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains as it flushes at exit
        return FAILED
    except (Exception, KeyboardInterrupt) as error:
        if not (interrupted() or isinstance(error, KeyboardInterrupt | Cancelled)):
            return _explained(error, debug="--debug" in arguments)
    say_cancelled()
    return INTERRUPTED


def _with_negative_values(arguments: Sequence[str]) -> list[str]:
    """The arguments with values such as `-1,2` joined to their options: argparse takes those for options themselves."""
    joined: list[str] = []
    for argument in arguments:
        if re.match(r"-\d.*[,:;]", argument) and joined and re.fullmatch(r"--[a-z][a-z-]*", joined[-1]):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _explained(error: BaseException, debug: bool) -> int:
    """Say in one line what is wrong, and return the exit code."""
    if debug:
        traceback.print_exception(error)
    print(f"error: {_one_line(explain(error))}", file=sys.stderr)
    return FAILED


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m core", description="Reconstruct two people in contact from one video.")
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--debug", action="store_true", help="print the traceback of an error")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        added.set_defaults(run=run)
        return added

    reconstruct = command("reconstruct", _reconstruct, "Reconstruct two people from a clip.")
    reconstruct.add_argument(
        "--out", type=_from_text(PATH), required=True, metavar="DIR", help="folder of the reconstruction"
    )
    add_request_options(reconstruct, ReconstructRequest)

    refine = command("refine", _refine, "Make a new take from edited contacts, pinned joints or another prompt.")
    _add_folder(refine)
    add_request_options(refine, RefineRequest)

    export = command("export", _export, "Export the active take for another program.")
    _add_folder(export)
    _add_export_options(export)

    batch = command("batch", _batch, "Reconstruct the clips of a manifest; a second run does what is left.")
    batch.add_argument("manifest", type=_from_text(PATH), metavar="MANIFEST", help="JSON file that lists the clips")
    batch.add_argument("--only", metavar="NAME", help="run this clip alone, in this process, even if it is done")
    batch.add_argument("--summary", action="store_true", help="run nothing; show what became of the clips")

    verify = command("verify", _verify, "Check whether a reconstruction is whole.")
    _add_folder(verify)
    verify.add_argument(
        "--repair", action="store_true", help="restore what can be restored; damaged files are set aside, not deleted"
    )

    _add_doctor_options(command("doctor", _doctor, "Check the installation, and say how to repair it."))
    _add_models_options(
        command(
            "models", _models, "List, download, delete or verify models of the Hugging Face hub, all of them optional."
        )
    )
    command("serve", _serve, "Run the worker for Blender: JSON lines on stdin and stdout.")
    return parser


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=_from_text(PATH), metavar="DIR", help="folder of the reconstruction")


def _add_doctor_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the checks as JSON")
    parser.add_argument("--quick", action="store_true", help="do not read the models' files; compare sizes and times")
    parser.add_argument(
        "--fix",
        nargs="*",
        choices=REPAIRABLE,
        metavar="PART",
        help="first install or repair packages, weights or caches that fail a check (default: all three)",
    )
    parser.add_argument(
        "--torch-index",
        default="",
        metavar="URL",
        help="package index to install torch from (default: chosen for this machine)",
    )


def _add_models_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "download", "delete", "verify"), help="what to do")
    parser.add_argument("names", nargs="*", metavar="NAME", help="the models, as `list` names them")
    parser.add_argument(
        "--accept-licence", action="store_true", help="you have read the licences of the models and accept them"
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=_from_text(PATH),
        metavar="FOLDER",
        help="take the files from a folder instead of the hub; they are checked in the same way",
    )
    parser.add_argument("--json", action="store_true", help="with list: print the models as JSON")


def add_request_options(parser: argparse.ArgumentParser, kind: type[TakesRequest]) -> None:
    """Add an argument for every field of a request."""
    for item in fields(kind):
        option = option_of(item)
        settings: dict[str, Any] = {"type": _from_text(option.type), "help": option.help}
        if option.metavar:
            settings["metavar"] = option.metavar
        if option.choices:
            settings["choices"] = option.choices
        if option.positional:
            parser.add_argument(item.name, **settings)
        else:
            parser.add_argument(f"--{item.name.replace('_', '-')}", default=item.default, **settings)


def request_from_options(options: argparse.Namespace, kind: type[Request]) -> Request:
    """The request that is given by the arguments of `add_request_options`."""
    return kind(**{item.name: getattr(options, item.name) for item in fields(kind)})


def _reconstruct(options: argparse.Namespace) -> int:
    from .pipeline import jobs

    request = request_from_options(options, ReconstructRequest)
    with Terminal(sys.stderr) as terminal:
        finished = jobs.reconstruct(request, options.out, terminal)
    return _print_take(finished)


def _refine(options: argparse.Namespace) -> int:
    from .pipeline import jobs

    request = request_from_options(options, RefineRequest)
    with Terminal(sys.stderr) as terminal:
        finished = jobs.refine(request, options.folder, terminal)
    return _print_take(finished)


def _print_take(finished: Finished) -> int:
    print(f"{finished.folder}: {finished.take.id} is ready.")
    return OK


def _add_export_options(parser: argparse.ArgumentParser) -> None:
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--target", choices=EXPORT_TARGETS, help="what the files are for; Blender has further ones")
    target.add_argument("--format", choices=tuple(EXPORT_FORMATS), help="older names of targets")
    parser.add_argument("--out", type=_from_text(PATH), metavar="PATH", help="folder to write to (default: DIR/export)")
    parser.add_argument(
        "--people", choices=("each", "both", "a", "b"), help="one file each, both in one, or only one person"
    )
    parser.add_argument(
        "--names",
        choices=("smplx", "manny", "mixamo", "unity", "godot"),
        help="names of the bones (default: the target's)",
    )
    parser.add_argument(
        "--prefix",
        action=argparse.BooleanOptionalAction,
        help="begin the names of bones with A_ and B_ (default: where both people are in one file)",
    )
    parser.add_argument(
        "--root",
        choices=("smoothed", "raw", "in-place"),
        default="smoothed",
        help="how the root bone moves; nothing else changes (default: smoothed)",
    )
    parser.add_argument(
        "--origin",
        choices=("world", "centre", "feet"),
        default="world",
        help="origin of the files: the world's, halfway between the people, or below the first one (default: world)",
    )
    parser.add_argument(
        "--frames",
        type=_frame_range,
        default=(None, None),
        metavar="A:B",
        help="first and last frame of the clip (default: all)",
    )
    parser.add_argument("--weights", type=int, choices=(4, 8), help="most bones that a vertex follows")
    parser.add_argument("--animation-only", action="store_true", help="leave out the meshes")


def _export(options: argparse.Namespace) -> int:
    from .export import ExportSettings, export_reconstruction

    settings = ExportSettings(
        target=options.target or EXPORT_FORMATS[options.format],
        people=options.people,
        names=options.names,
        prefix=options.prefix,
        root=options.root,
        origin=options.origin,
        frames=options.frames,
        weights=options.weights,
        animation_only=options.animation_only,
    )
    for path in export_reconstruction(options.folder, settings, options.out or options.folder / "export"):
        print(path)
    return OK


def _batch(options: argparse.Namespace) -> int:
    from .batch.manifest import read_manifest
    from .batch.records import FAILED as FAILED_CLIP
    from .batch.records import SUMMARY_FILE, read_outcome, table, write_summary

    manifest = read_manifest(options.manifest)
    if options.only:
        from .batch.run import run_clip

        with Terminal(sys.stderr) as terminal:
            outcomes = [run_clip(manifest, manifest.clip(options.only), terminal)]
    elif options.summary:
        outcomes = [read_outcome(manifest, clip) for clip in manifest.clips]
    else:
        from .batch.run import gpus, run_all

        outcomes = run_all(manifest, say=lambda line: print(line, file=sys.stderr, flush=True), devices=gpus())
    print(table(outcomes))
    if not options.only and not options.summary:
        write_summary(manifest, outcomes)
        print(f"The summary is {manifest.records / SUMMARY_FILE}.")
    return FAILED if any(outcome.status == FAILED_CLIP for outcome in outcomes) else OK


def _verify(options: argparse.Namespace) -> int:
    from .pipeline.verify import repair_result, verify

    findings = verify(options.folder)
    for finding in findings:
        print(finding.text)
    if options.repair and not all(finding.ok for finding in findings):
        for sentence in repair_result(options.folder):
            print(sentence)
        findings = verify(options.folder)
    if all(finding.ok for finding in findings):
        print("The reconstruction is whole.")
        return OK
    wrong = ", ".join(finding.part for finding in findings if not finding.ok)
    print(f"Not whole: {wrong}. Run `python -m core verify DIR --repair` to restore what can be restored.")
    return FAILED


def _doctor(options: argparse.Namespace) -> int:
    from .doctor import as_json, as_text, examine, is_healthy

    if options.fix is None:
        checks = examine(quick=options.quick)
    else:
        from .environment.repair import repair

        with Terminal(sys.stderr) as terminal:
            checks = repair(terminal, options.fix or REPAIRABLE, torch_index=options.torch_index)
    print(as_json(checks) if options.json else as_text(checks))
    return OK if is_healthy(checks) else FAILED


def _models(options: argparse.Namespace) -> int:
    from .hub import command

    if options.action == "list" and options.json:
        print(json.dumps(command.overview(), indent=1))
        return OK
    if options.action in ("download", "delete") and not options.names:
        raise UserError("bad-arguments", f"No model is named to {options.action}.", "See `python -m core models list`.")
    with Terminal(sys.stderr) as terminal:
        return command.run(
            options.action, options.names, terminal, accept=options.accept_licence, source=options.source
        )


def _serve(options: argparse.Namespace) -> int:
    from .worker import serve

    serve()


def _from_text(value_type: ValueType) -> Callable[[str], Any]:
    """The `type` of an argument: a function that converts its text."""

    def convert(text: str) -> Any:
        try:
            return value_type.from_text(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is not {value_type.description}") from error

    return convert


def _frame_range(text: str) -> tuple[int | None, int | None]:
    """The `type` of an argument that is a range of frames."""
    try:
        return parse_frames(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not {FRAMES.description}") from error


def _one_line(error: UserError) -> str:
    return " ".join(str(error).split())
