"""Runs the clips of a manifest: one in this process, or all of them in processes of their own, one at a time per GPU."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..clip import clip_missing
from ..contract.errors import Cancelled, UserError
from ..export import ExportSettings, export_reconstruction
from ..failures import explain
from ..progress import Listener
from ..subprocesses import run_program
from .manifest import Manifest, ManifestClip, read_manifest
from .records import DONE, FAILED, WAITING, Outcome, failed, is_finished, read_outcome, write_outcome

_PROJECT = Path(__file__).resolve().parents[2]
GPU_VARIABLE = "CUDA_VISIBLE_DEVICES"

Launch = Callable[[Manifest, ManifestClip, "str | None", Callable[[], None]], None]
"""Runs a clip somewhere, on the GPU of this name (None: whatever there is), and returns when it has ended. The last argument is
called several times a second; what it raises has to end the clip."""


def run_clip(manifest: Manifest, clip: ManifestClip, listener: Listener) -> Outcome:
    """Reconstruct and export one clip in this process, and write what became of it; Cancelled leaves no trace."""
    from ..pipeline import jobs

    started = time.monotonic()
    try:
        finished = jobs.reconstruct(clip.request, clip.out, listener)
        files: list[Path] = []
        for target in clip.export:
            files += export_reconstruction(finished.folder, ExportSettings(target), finished.folder / "export")
        scores = finished.take.scores
        outcome = Outcome(
            clip.name,
            DONE,
            clip.digest,
            folder=str(finished.folder.absolute()),
            take=finished.take.id,
            seconds=round(time.monotonic() - started, 2),
            files=tuple(str(file.absolute()) for file in files),
        )
        if scores is not None:
            outcome = replace(
                outcome,
                reprojection=scores.reprojection,
                penetration=scores.penetration,
                contact=scores.contact,
            )
    except (Cancelled, KeyboardInterrupt):
        raise
    except Exception as error:
        outcome = failed(clip, explain(error), time.monotonic() - started)
    write_outcome(manifest, outcome)
    return outcome


def gpus() -> list[str | None]:
    """The GPUs of this machine, as CUDA_VISIBLE_DEVICES names them; one None where there is none, or one that is not CUDA's."""
    import torch

    named = [name.strip() for name in os.environ.get(GPU_VARIABLE, "").split(",") if name.strip()]
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    usable = (named or [str(number) for number in range(count)])[:count]
    return [*usable] if usable else [None]


def launch(manifest: Manifest, clip: ManifestClip, gpu: str | None, on_tick: Callable[[], None]) -> None:
    """Run a clip in a process of its own; what that prints goes into a log beside the records."""
    command = [sys.executable, "-m", "core", "batch", str(manifest.path), "--only", clip.name]
    environment = dict(os.environ) if gpu is None else {**os.environ, GPU_VARIABLE: gpu}
    manifest.records.mkdir(parents=True, exist_ok=True)
    with (manifest.records / f"{clip.name}.log").open("w", encoding="utf-8") as log:

        def write(line: str) -> None:
            log.write(line + "\n")
            log.flush()

        code, _ = run_program(command, on_line=write, on_tick=on_tick, folder=_PROJECT, environment=environment)
    if code not in (0, 2):
        write_outcome(
            manifest,
            failed(
                clip,
                UserError(
                    "process-ended",
                    f"The clip's process ended with code {code}.",
                    f"It may have run out of memory; see {manifest.records / f'{clip.name}.log'}.",
                ),
                0.0,
            ),
        )


def run_all(
    manifest: Manifest,
    *,
    say: Callable[[str], None],
    devices: Sequence[str | None] = (None,),
    start: Launch = launch,
) -> list[Outcome]:
    """Run what is not finished yet, one clip at a time on each device; outcomes of all clips in the manifest's order.

    Clips whose file is missing fail at once, before any other runs. Ctrl-C ends the clips that run and is raised again; what is
    done stays done.
    """
    waiting: queue.SimpleQueue[ManifestClip] = queue.SimpleQueue()
    left = [clip for clip in manifest.clips if not is_finished(manifest, clip)]
    if len(left) < len(manifest.clips):
        say(f"{len(manifest.clips) - len(left)} of {len(manifest.clips)} clips are done already.")
    lost: dict[str, Outcome] = {}
    """Outcomes that are not on the disk."""
    for clip in left:
        if clip.request.clip.exists():
            waiting.put(clip)
        else:
            outcome = failed(clip, clip_missing(clip.request.clip), 0.0)
            _record(manifest, outcome, lost, say)
            say(f"{clip.name}: {outcome.error}")
    stop = threading.Event()
    workers = [
        threading.Thread(target=_work, args=(manifest, waiting, device, start, stop, say, lost), daemon=True)
        for device in devices[: max(1, len(left))]
    ]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            while worker.is_alive():
                worker.join(0.2)
    except BaseException:
        stop.set()
        for worker in workers:
            worker.join(10)
        raise
    return [lost.get(clip.name) or read_outcome(manifest, clip) for clip in manifest.clips]


def _work(
    manifest: Manifest,
    waiting: queue.SimpleQueue[ManifestClip],
    device: str | None,
    start: Launch,
    stop: threading.Event,
    say: Callable[[str], None],
    lost: dict[str, Outcome],
) -> None:
    def check() -> None:
        if stop.is_set():
            raise Cancelled

    place = "" if device is None else f" on GPU {device}"
    while not stop.is_set():
        try:
            clip = waiting.get_nowait()
        except queue.Empty:
            return
        say(f"{clip.name}: started{place}")
        began = time.monotonic()
        try:
            start(manifest, clip, device, check)
        except Cancelled:
            return
        except Exception as error:  # a log that cannot be written, a record on a full disk
            _record(manifest, failed(clip, explain(error), time.monotonic() - began), lost, say)
        outcome = lost.get(clip.name) or read_outcome(manifest, clip)
        if outcome.status == WAITING:
            outcome = lost[clip.name] = failed(clip, _why_no_outcome(manifest, clip), time.monotonic() - began)
        say(
            f"{clip.name}: {outcome.error if outcome.status == FAILED else outcome.status} ({time.monotonic() - began:.0f} s)"
        )


def _record(manifest: Manifest, outcome: Outcome, lost: dict[str, Outcome], say: Callable[[str], None]) -> None:
    """Write an outcome, or keep it in `lost` for the table where the disk does not take it."""
    try:
        write_outcome(manifest, outcome)
    except UserError as error:
        say(f"{outcome.name}: {error}")
        lost[outcome.name] = outcome


def _why_no_outcome(manifest: Manifest, clip: ManifestClip) -> UserError:
    """Why a clip's run has left no record for the settings that the clip had when the batch began."""
    try:
        changed = read_manifest(manifest.path).clip(clip.name).digest != clip.digest
    except UserError:
        changed = True
    if changed:
        return UserError(
            "manifest-changed",
            "The manifest or a file of this clip was changed while the batch ran.",
            "Run the batch again.",
        )
    return UserError(
        "process-ended", "The clip's run has left no record.", f"See {manifest.records / f'{clip.name}.log'}."
    )
