"""Brings a model onto this machine: from the hub or from a folder, checked as a whole and put in place in one step.

Nothing is fetched before the user has accepted the licence. A download that was broken off or cancelled is gone on with
by the next one; until the last file is checked the model does not exist.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ..contract.errors import UserError
from ..contract.files import explain_write_errors, read_json, replacing, unreadable, write_json
from ..contract.locks import HeldLock, hold
from ..contract.redaction import redact
from ..contract.temporary import temporary_folder, temporary_name
from ..reporting import Reporter
from ..subprocesses import run_program
from .answers import explain_failure
from .catalogue import HubModel, is_permitted
from .manifest import MANIFEST, Manifest, files_in, make_manifest, read_manifest, refused_file, write_manifest
from .plan import Plan, is_commit, make_plan, problem_inside, problem_of
from .store import folder_of, how_to_get, model_named, models_folder, size_text, status
from .transfer import MARK

_ROOT = Path(__file__).parents[2]
_PLAN = "plan.json"
_FILES = "files"
_SPARE_BYTES = 200 << 20
"""Left free on the disk."""
_DOWNLOADED = 0.9
"""The fraction of the whole at which all is downloaded; the rest is checking."""


def fetch(name: str, reporter: Reporter, *, licence_accepted: bool, source: Path | None = None) -> Path:
    """Fetch a model from the hub, or from the folder `source`, unless it is there and whole; its folder.

    UserErrors: `licence-not-accepted`; `hub-offline`, `hub-unreachable`, `hub-refused`, `hub-not-found`, `hub-gated`,
    `hub-changed`; `model-damaged` where what came is not what was announced; `model-busy` while another process fetches it;
    `disk-full`, `not-writable`; `file-unreadable` for `source`. Cancelled by the reporter within a second.
    """
    model = model_named(name)
    if not licence_accepted:
        raise _not_accepted(model)
    if (
        status(name, whole=True, while_reading=lambda: reporter.progress(0.0, f"Checking {model.title}")).state
        == "installed"
    ):
        reporter.log(f"{model.title} is installed already.")
        return folder_of(name)
    with explain_write_errors(models_folder()):
        models_folder().mkdir(parents=True, exist_ok=True)
        lock = _hold(model)
        try:
            if source is not None:
                _copy_from(source.expanduser(), model, reporter)
            else:
                _download(model, reporter)
        finally:
            lock.release()
    reporter.progress(1.0, f"{model.title} is installed")
    return folder_of(name)


def delete(name: str) -> int:
    """Remove a model and what is left of a broken download; the bytes that this freed. UserError `model-busy`, `not-writable`."""
    model = model_named(name)
    places = [place for place in (folder_of(name), _partial(model)) if place.exists()]
    if not places:
        return 0
    with explain_write_errors(models_folder()):
        lock = _hold(model)
        try:
            freed = sum(bytes_in(place) for place in places)
            for place in places:
                _remove(place)
        finally:
            lock.release()
            with suppress(OSError):
                _lock_file(model).unlink()
    return freed


def bytes_in(folder: Path) -> int:
    """Bytes of all files in a folder, without following links."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) if folder.is_dir() else 0


def partial_bytes(name: str) -> int:
    """Bytes of a download that was broken off."""
    return bytes_in(_partial(model_named(name)) / _FILES)


def _download(model: HubModel, reporter: Reporter) -> None:
    partial = _partial(model)
    reporter.progress(0.0, f"{model.title}: asking the hub")
    noted = _at_noted_commit(model)
    plan = make_plan(noted, _ask(["list", noted.repository, noted.revision], model, reporter))
    _begin(partial, plan)
    files = partial / _FILES
    need = plan.size - bytes_in(files)
    free = shutil.disk_usage(partial).free
    if free < need + _SPARE_BYTES:
        shutil.rmtree(partial, ignore_errors=True)
        raise UserError(
            "disk-full",
            f"{model.title} needs {size_text(need / 1e6)}, and the disk of {models_folder()} has {size_text(free / 1e6)} free.",
            "Free some space, or set SOCIALMIRROR_MODELS to a folder on another disk.",
        )

    def show(bytes_done: int) -> None:
        done = bytes_done / max(plan.size, 1)
        text = f"{model.title}: {bytes_done / 1e6:.0f} of {plan.size / 1e6:.0f} MB"
        reporter.progress(_DOWNLOADED * done, text)

    try:
        _ask(["download", str(partial / _PLAN), str(files)], model, reporter, show)
    except UserError as error:
        if error.code == "disk-full":  # nothing half may fill the disk
            shutil.rmtree(partial, ignore_errors=True)
        raise
    for file in plan.files:
        wrong = problem_of(file, model, files, _watch(model, reporter)) or problem_inside(files, file.path)
        if wrong:
            (files / file.path).unlink(missing_ok=True)
            raise _damaged(model, wrong)
    manifest = make_manifest(model, files, plan.commit, _watch(model, reporter))
    if {file.path for file in manifest.files} != {file.path for file in plan.files}:
        shutil.rmtree(partial, ignore_errors=True)
        raise _damaged(model, "there are files that were not announced")
    _put(model, files, manifest)
    if not is_commit(model.revision):
        with replacing(_commit_file(model)) as temporary:
            temporary.write_text(plan.commit, encoding="ascii")
    shutil.rmtree(partial, ignore_errors=True)


def _at_noted_commit(model: HubModel) -> HubModel:
    """The model at the commit that was fetched first, where the catalogue knows none; it also outlives the model's deletion."""
    if is_commit(model.revision):
        return model
    with suppress(OSError, UnicodeDecodeError):
        noted = _commit_file(model).read_text(encoding="ascii").strip()
        if is_commit(noted):
            return replace(model, revision=noted)
    return model


def _begin(partial: Path, plan: Plan) -> None:
    """Make the folder of the download; what an earlier download of other files has left goes."""
    before: dict[str, Any] = {}
    with suppress(UserError):
        before = read_json(partial / _PLAN)
    if before != json.loads(json.dumps(plan.to_json())):
        shutil.rmtree(partial, ignore_errors=True)
    (partial / _FILES).mkdir(parents=True, exist_ok=True)
    write_json(partial / _PLAN, plan.to_json())


def _copy_from(source: Path, model: HubModel, reporter: Reporter) -> None:
    """Copy the model's files from a folder, such as a clone, a snapshot in the hub's cache, or a model of another machine."""
    if (source / model.name).is_dir():
        source = source / model.name
    known = _known_manifest(source, model)
    paths = _wanted_files(source, model)
    with temporary_folder(models_folder()) as temporary:
        for number, path in enumerate(paths):
            if not is_permitted(model, path):
                raise refused_file(model, path)
            reporter.progress(_DOWNLOADED * number / len(paths), f"Copying {path}")
            _copy(source / path, temporary / path, _watch(model, reporter))
        manifest = make_manifest(model, temporary, known.revision if known else "local", _watch(model, reporter))
        expected = {**({file.path: file.sha256 for file in known.files} if known else {}), **model.sha256}
        for file in manifest.files:
            wrong = problem_inside(temporary, file.path)
            if file.path in expected and file.sha256 != expected[file.path]:
                wrong = f"{file.path} is not the expected file (its sha256 differs)"
            if wrong:
                raise _damaged(model, wrong)
        if not set(model.sha256) & set(paths) and known is None:
            reporter.warning(
                f"Nothing is known that the files of {model.title} could be compared with; they are taken as they are."
            )
        _put(model, temporary, manifest)


def _known_manifest(source: Path, model: HubModel) -> Manifest | None:
    """That of a folder that was a model of ours on another machine. UserError `model-damaged` if it was another model."""
    if not (source / MANIFEST).is_file():
        return None
    known = read_manifest(source)
    if known.name != model.name:
        raise _damaged(model, f"{source} holds {known.name}")
    return known


def _wanted_files(source: Path, model: HubModel) -> list[str]:
    """The files in a folder that the model is made of, as paths in it. UserError `model-missing` if it lacks one."""
    with _explain_read_errors(source):
        paths = [path for path in files_in(source) if model.wants(path)] if source.is_dir() else []
    for pattern in model.files:
        if not any(fnmatchcase(path, pattern) for path in paths):
            raise UserError(
                "model-missing",
                f"{source} has no file {pattern}, which {model.title} needs.",
                f"Copy the files of {model.repository} there: {', '.join(model.files)}.",
            )
    return paths


def _copy(source: Path, target: Path, on_tick: Callable[[], None]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as writing:
        for chunk in _chunks(source):
            writing.write(chunk)
            on_tick()


def _chunks(source: Path) -> Iterator[bytes]:
    with _explain_read_errors(source), source.open("rb") as reading:
        while chunk := reading.read(1 << 22):
            yield chunk


@contextmanager
def _explain_read_errors(source: Path) -> Iterator[None]:
    """Raise the UserError `file-unreadable` for an OSError in the block, which reads the user's folder and does not write."""
    try:
        yield
    except OSError as error:
        hint = "Check that you may read the files there and that the drive is connected."
        raise unreadable(Path(error.filename or source), error, hint) from error


def _put(model: HubModel, files: Path, manifest: Manifest) -> None:
    """Put the checked files in the model's place, in one step."""
    write_manifest(files, manifest)
    target = folder_of(model.name)
    if target.exists():
        _remove(target)
    files.rename(target)


def _remove(folder: Path) -> None:
    """Take a folder away in one step, then remove what is in it."""
    aside = folder.with_name(temporary_name())
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _partial(model: HubModel) -> Path:
    return models_folder() / f"{model.name}.partial"


def _commit_file(model: HubModel) -> Path:
    return models_folder() / f"{model.name}.commit"


def _lock_file(model: HubModel) -> Path:
    return models_folder() / f"{model.name}.lock"


def _hold(model: HubModel) -> HeldLock:
    lock = hold(_lock_file(model))
    if lock is None:
        raise UserError(
            "model-busy", f"{model.title} is being downloaded by another process.", "Wait until that has ended."
        )
    return lock


def _watch(model: HubModel, reporter: Reporter) -> Callable[[], None]:
    """Called often while files are read: passes on, several times a second, that the model is being checked."""
    reported = float("-inf")

    def tick() -> None:
        nonlocal reported
        if time.monotonic() - reported > 0.1:
            reported = time.monotonic()
            reporter.progress(_DOWNLOADED, f"Checking {model.title}")

    return tick


def _ask(
    arguments: list[str], model: HubModel, reporter: Reporter, on_bytes: Callable[[int], None] = lambda count: None
) -> dict[str, Any]:
    """Run `transfer` and return what it tells last. Its failure becomes a UserError."""
    told: dict[str, Any] = {}
    received = 0

    def on_line(line: str) -> None:
        nonlocal told, received
        if line.startswith(MARK):
            told = json.loads(line.removeprefix(MARK))
            if "bytes" in told:
                received = int(told["bytes"])
                on_bytes(received)

    command = [sys.executable, "-m", "core.hub.transfer", *arguments]
    code, lines = run_program(
        command,
        on_line=on_line,
        on_tick=(lambda: on_bytes(received)) if arguments[0] == "download" else (lambda: reporter.progress(0.0)),
        folder=_ROOT,
        environment={**os.environ, **_SETTINGS},
    )
    if code == 0 and told:
        return told
    reporter.log(redact("\n".join(lines[-40:])))
    raise explain_failure(model, told, lines)


_SETTINGS = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_XET": "1"}
"""No telemetry; and plain HTTP, which can be resumed and goes through every proxy."""


def _damaged(model: HubModel, problem: str) -> UserError:
    return UserError(
        "model-damaged",
        f"{model.title} is not what it should be: {problem}.",
        "Download it again; where that does not help, please report it.",
    )


def _not_accepted(model: HubModel) -> UserError:
    licence = model.licence
    return UserError(
        "licence-not-accepted",
        f"{model.title} comes under the licence {licence.name} ({licence.url}).{f' {licence.note}' if licence.note else ''}",
        f"Read it. {how_to_get(model)}",
    )
