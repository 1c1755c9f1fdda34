"""Makes or checks the Python environment that the core runs in, in a process that needs neither Blender nor any package:

    python install_script.py FOLDER ROOT [--interpreter PYTHON] [--base PYTHON] [--offline] [--torch-index URL]

FOLDER is where environments live (`environment_files`), ROOT is the extension's folder. Without `--interpreter` a new
environment is made from the interpreter `--base` (default: the one that runs this, else one that the system has, else one that
uv downloads). With it, that interpreter is used as it is. Then the core, run by that interpreter, installs its packages (only
into a new environment) and its networks, and examines itself. Last of all FOLDER/environment.json is replaced, which names the
environment in use: the one before serves until then, and stays as long as a process runs in it or the user's own interpreter
is used.

One Blender at a time does this; a second one waits, and uses what the first one has made.

Answers with the messages of core/contract/messages.py for a job of id 1. Any line on stdin, or its end, cancels.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.contract.disk_space import NEEDED_GIGABYTES, NEEDED_GIGABYTES_CUDA
from ...core.contract.locks import HeldLock
from . import environment_files as files
from .base_python import check_interpreter, last_line, make_environment
from .environment import is_broken, is_failing, is_weight
from .install_messages import MAKING, STAGES, InstallError, Stopped, log, progress, send, write, write_log
from .tasks import Tasks

_MAKING_SHARE = 0.05
"""Of the whole time."""
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Options:
    folder: Path
    root: Path
    interpreter: Path | None
    base: Path | None
    offline: bool
    torch_index: str


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    tasks = Tasks()
    # Blender may have been started in the background of a script, where SIGINT is ignored and children inherit that
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    threading.Thread(target=_watch_stdin, args=(tasks,), daemon=True).start()
    lock: HeldLock | None = None
    try:
        if options.offline and options.interpreter is None:
            raise InstallError(
                "offline",
                "Installing needs the network, and Blender's online access is off.",
                "Turn on Preferences > System > Network > Allow Online Access, or name a Python that has the packages.",
            )
        lock, waited = _wait_for_lock(options.folder, tasks)
        record = install(options, tasks, reuse=waited)
    except (Stopped, KeyboardInterrupt):
        tasks.stop()
        send("cancelled")
    except InstallError as error:
        send("error", code=error.code, message=error.message, hint=error.hint, log="")
    except OSError as error:
        send(
            "error",
            code="not-written",
            message=f"The environment cannot be written: {error}.",
            hint=f"Make room, or give yourself the right to write in {options.folder}.",
            log="",
        )
    else:
        send("result", **record)
    if lock is not None:
        _ignore_signals()  # the answer is given; what is left is removed now or by the next installation
        files.empty_trash(options.folder)
        lock.release()
    return 0


def install(options: Options, tasks: Tasks, *, reuse: bool = False) -> dict[str, Any]:
    """Make or check the environment, let the core install and examine itself, write the record, and return it.

    Only with `lock_making`. `reuse`: an environment that fits already, which another Blender has just made, is only checked.
    """
    made: Path | None = None
    files.discard_abandoned(options.folder)
    try:
        python = options.interpreter or (_fitting_interpreter(options) if reuse else None)
        if python is None:
            _require_space(options)
            made = options.folder / f"{files.FOLDER_PREFIX}{uuid.uuid4().hex[:8]}"
            python = make_environment(options.base, made, tasks)
            parts = ["packages", "weights", "caches"]
        else:
            check_interpreter(python, tasks)
            parts = ["weights", "caches"]
        checks = repair(python, parts, options, tasks)
        for check in checks:
            log(f"{'ok' if check['ok'] else 'MISSING'}  {check['name']}  {check['detail']}")
        broken = [check for check in checks if is_broken(check)]
        if broken:
            first = broken[0]
            raise InstallError("environment-unfit", f"{first['name']} of {python}: {first['detail']}.", first["fix"])
        kept = made or files.environment_of(python, options.folder)
        record: dict[str, Any] = {
            "interpreter": str(python),
            "folder": kept.name if kept else "",
            "requirements": files.fingerprint(options.root),
            "weights": not any(is_weight(check) and is_failing(check) for check in checks),
        }
        if made is not None:
            (made / files.STATE_FILE).write_text(record["requirements"], encoding="utf-8")
        files.write_record(options.folder, record)
    except BaseException:
        _ignore_signals()
        tasks.stop()
        if made is not None and not files.discard(made):
            shutil.rmtree(made, ignore_errors=True)
        raise
    if made is not None:
        _remove_download_caches(options.folder.parent)
    # where the user's own Python is used, there is a way back
    files.discard_others(options.folder, kept or files.fitting_environment(options.folder, record["requirements"]))
    return record


def _require_space(options: Options) -> None:
    """InstallError `disk-full` where a new environment has no room."""
    cuda = "/cu" in options.torch_index if options.torch_index else shutil.which("nvidia-smi") is not None
    needed = NEEDED_GIGABYTES_CUDA if cuda else NEEDED_GIGABYTES
    if _free_gigabytes(options.folder) < needed:
        files.empty_trash(options.folder)
    free = _free_gigabytes(options.folder)
    if free < needed:
        raise InstallError(
            "disk-full",
            f"Installing needs {needed} GB, and {free:.1f} GB are free at {options.folder}.",
            "Free some space and install again, or use a Python of your own that has the packages.",
        )


def _free_gigabytes(folder: Path) -> float:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free / 1e9


def _wait_for_lock(folder: Path, tasks: Tasks) -> tuple[HeldLock, bool]:
    """The right to make an environment, and whether another Blender had it before."""
    lock = files.lock_making(folder)
    if lock is not None:
        return lock, False
    send("stage", name=MAKING, index=0, count=STAGES)
    while lock is None:
        progress("Another Blender is installing SocialMirror; waiting for it")
        tasks.wait(_POLL_SECONDS)
        lock = files.lock_making(folder)
    return lock, True


def _fitting_interpreter(options: Options) -> Path | None:
    """The interpreter of the environment in use, if that has what is to be installed."""
    record = files.read_record(options.folder)
    if record is None or record.get("requirements") != files.fingerprint(options.root) or not record.get("folder"):
        return None
    python = files.recorded_interpreter(record, options.folder)
    return python if python.exists() else None


def _remove_download_caches(folder: Path) -> None:
    """Remove what pip and uv have kept in caches of our own, see launches.py; never the user's."""
    for variable in ("PIP_CACHE_DIR", "UV_CACHE_DIR"):
        cache = os.environ.get(variable)
        if cache and Path(cache).is_relative_to(folder):
            shutil.rmtree(cache, ignore_errors=True)


def repair(python: Path, parts: list[str], options: Options, tasks: Tasks) -> list[dict[str, Any]]:
    """Let the core's worker, run by this interpreter, repair its own environment. Returns what its doctor says then."""
    request = {"v": 1, "id": 1, "type": "repair", "parts": parts, "torch_index": options.torch_index}
    unread: list[str] = []
    for line in tasks.ask([str(python), "-m", "core", "serve"], json.dumps(request), options.root):
        try:
            message = json.loads(line)
            kind = message["type"]
        except (ValueError, KeyError, TypeError):  # what Python or a library prints
            write_log(line)
            unread.append(line)
            continue
        if kind == "result":
            return message["doctor"]
        if kind == "error":
            raise InstallError(message["code"], message["message"], message["hint"])
        if kind == "stage":
            message |= {"index": message["index"] + 1, "count": message["count"] + 1}
        elif kind == "progress":
            message["fraction"] = _MAKING_SHARE + (1 - _MAKING_SHARE) * message["fraction"]
        elif kind in ("log", "warning"):
            write_log(message["text"])
        if kind != "cancelled":  # that we say ourselves
            write(message)
    raise InstallError("core-unusable", f"The core does not run in {python}: {last_line(unread)}.", "See the log.")


def _ignore_signals() -> None:
    """While things are put in order, which takes a moment: being interrupted in that would leave them behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _watch_stdin(tasks: Tasks) -> None:
    sys.stdin.readline()
    tasks.stop()


def _parse(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("--interpreter", type=Path)
    parser.add_argument("--base", type=Path)
    parser.add_argument("--offline", action="store_true")
    parser.add_argument("--torch-index", default="")
    return Options(**vars(parser.parse_args(arguments)))
