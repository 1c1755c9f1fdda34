"""Makes or checks the core's Python environment. Runs as a script of its own, standard library only:

    python installer.py FOLDER ROOT [--interpreter PYTHON] [--base PYTHON] [--offline] [--torch-index URL]

FOLDER is where environments live, ROOT the extension's folder. Without `--interpreter` a new environment is made with the
interpreter `--base` (default: the one that runs this, else what the system has); with it, that one is checked and used as
it is. Either way the networks' weights are fetched, and last of all FOLDER/environment.json is replaced, which names the
environment in use: the one before serves until then.

It answers in the messages of core/contract/messages.py for a job of id 1. Any line on stdin, or its end, cancels.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORD_FILE = "environment.json"
STATE_FILE = "state"
INCOMPLETE = "incomplete"
FOLDER_PREFIX = "env-"

_WINDOWS = os.name == "nt"
_STAGES = ("Making the environment", "Installing packages", "Checking", "Downloading networks")
_BEGINS = (0.0, 0.05, 0.8, 0.85, 1.0)
"""Where each stage begins and the last ends, of the whole."""
_MEGABYTES = 420
"""What pip downloads for a CPU, roughly; with CUDA it is several times as much, and progress slows down accordingly."""
_RAW_PROGRESS = (24, 1)
"""The first pip that can tell its progress to programs."""


class Failed(Exception):
    """A failure as the user reads it."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class Stopped(Exception):
    """The user asked to stop."""


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
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_watch_stdin, args=(tasks,), daemon=True).start()
    try:
        record = run(options, tasks)
    except (Stopped, KeyboardInterrupt):
        tasks.stop()
        say("cancelled")
    except Failed as error:
        say("error", code=error.code, message=error.message, hint=error.hint, log="")
    except OSError as error:
        say(
            "error",
            code="not-written",
            message=f"The environment cannot be written: {error}.",
            hint=f"Make room, or give yourself the right to write in {options.folder}.",
            log="",
        )
    else:
        say("result", **record)
    return 0


def run(options: Options, tasks: Tasks) -> dict[str, Any]:
    """Make or check the environment, fetch the weights, write the record, and return it."""
    requirements = options.root / "core" / "requirements.txt"
    made: Path | None = None
    try:
        if options.interpreter is None:
            made = options.folder / f"{FOLDER_PREFIX}{uuid.uuid4().hex[:8]}"
            python = make_environment(options, made, requirements, tasks)
        else:
            python = options.interpreter
            check_interpreter(python, tasks)
        check_packages(python, options, tasks)
        kept = made or environment_of(python, options.folder)
        record = {
            "interpreter": str(python),
            "folder": kept.name if kept else "",
            "requirements": fingerprint(requirements),
            "weights": fetch_weights(python, options, tasks),
        }
    except BaseException:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)
        raise
    if made is not None:
        (made / STATE_FILE).write_text(record["requirements"], encoding="utf-8")
    replace_text(options.folder / RECORD_FILE, json.dumps(record))
    remove_others(options.folder, kept)
    return record


def make_environment(options: Options, folder: Path, requirements: Path, tasks: Tasks) -> Path:
    """A virtual environment in `folder` with what the requirements name. Returns its interpreter."""
    if options.offline:
        raise Failed(
            "offline",
            "Installing needs the network, and Blender's online access is off.",
            "Turn on Preferences > System > Network > Allow Online Access, or name a Python that has the packages.",
        )
    stage(0)
    base = find_base([options.base] if options.base else base_candidates(), tasks)
    folder.mkdir(parents=True)
    (folder / STATE_FILE).write_text(INCOMPLETE, encoding="utf-8")
    code, lines = tasks.run([str(base), "-m", "venv", str(folder)], log)
    python = folder / ("Scripts/python.exe" if _WINDOWS else "bin/python")
    if code != 0 or not python.exists():
        raise Failed(
            "venv-failed",
            f"{base} cannot make an environment: {_last(lines)}.",
            "Make room where SocialMirror's folder is, or name a Python of your own that has the packages.",
        )
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    if pip_version(pip, tasks) < _RAW_PROGRESS:
        tasks.run([*pip, "install", "--upgrade", "pip"], log)  # for the progress only: an old one does as well
    stage(1)
    command = [*pip, "install", "-r", str(requirements)]
    if pip_version(pip, tasks) >= _RAW_PROGRESS:
        command += ["--progress-bar", "raw"]
    if options.torch_index and not has_own_index(pip, tasks):
        command += ["--extra-index-url", options.torch_index]
    code, lines = tasks.run(command, PipProgress())
    if code != 0:
        raise Failed(
            "pip-failed",
            f"The packages could not be installed: {_last(lines, 'ERROR')}.",
            "Check the network and the free space (about 2 GB, with CUDA 8 GB) and install again; "
            "what was downloaded already is used.",
        )
    shutil.rmtree(os.environ.get("PIP_CACHE_DIR", ""), ignore_errors=True)
    return python


def find_base(candidates: Iterable[Path], tasks: Tasks) -> Path:
    """The first interpreter that can make an environment for the core; Failed with what is wrong with the first."""
    failure: Failed | None = None
    for python in candidates:
        try:
            check_interpreter(python, tasks, "import venv, ensurepip; ")
        except Failed as error:
            failure = failure or error
        else:
            return python
    assert failure is not None  # there is one candidate at least
    raise Failed(
        failure.code,
        f"No Python that can make an environment was found. Blender's own does not do: {failure.message}",
        "Install Python 3.11, 3.12 or 3.13 with venv and pip (on Debian and Ubuntu python3-venv), and install again.",
    )


def base_candidates() -> Iterator[Path]:
    """Blender's Python, which runs this, then whatever the system has."""
    yield Path(sys.executable)
    for name in ("python3.13", "python3.12", "python3.11", "python3"):
        found = shutil.which(name)
        if found:
            yield Path(found)


def check_interpreter(python: Path, tasks: Tasks, needing: str = "") -> None:
    """Failed where it does not start, lacks what the statement `needing` imports, or is of the wrong version."""
    query = f"{needing}import sys; print(*sys.version_info[:2], 64 if sys.maxsize > 2**32 else 32)"
    hint = "Name a 64-bit Python 3.11, 3.12 or 3.13."
    try:
        code, lines = tasks.run([str(python), "-I", "-c", query], ignore)
    except OSError as error:
        raise Failed("python-unfit", f"{python} does not start: {error.strerror}.", hint) from error
    if code != 0 or not re.fullmatch(r"\d+ \d+ \d+", lines[-1] if lines else ""):
        raise Failed("python-unfit", f"{python} does not do: {_last(lines)}.", hint)
    major, minor, bits = map(int, lines[-1].split())
    if not (3, 11) <= (major, minor) <= (3, 13) or bits != 64:
        raise Failed("python-unfit", f"{python} is a {bits}-bit Python {major}.{minor}.", hint)


def check_packages(python: Path, options: Options, tasks: Tasks) -> None:
    """Failed where the core, run by this interpreter, says that something other than weights is missing."""
    stage(2)
    code, lines = tasks.run([str(python), "-m", "core", "doctor", "--json"], ignore, options.root)
    try:
        checks = json.loads("\n".join(lines[lines.index("{") :]))["checks"]
    except (ValueError, KeyError) as error:
        raise Failed(
            "core-unusable", f"The core does not run in {python} (exit code {code}): {_last(lines)}.", "See the log."
        ) from error
    for check in checks:
        log(f"{'ok' if check['ok'] else 'MISSING'}  {check['name']}  {check['detail']}")
    failing = [check for check in checks if not check["ok"] and not check["name"].startswith("weights")]
    if failing:
        first = failing[0]
        raise Failed("environment-unfit", f"{first['name']} of {python}: {first['detail']}.", first["fix"])


def fetch_weights(python: Path, options: Options, tasks: Tasks) -> bool:
    """Whether the weights are there now; why not is said as a warning."""
    stage(3)
    code, lines = tasks.run([str(python), "-m", "core", "weights"], PlainProgress(3), options.root)
    if code != 0:
        say("warning", text=re.sub(r"^error: ", "", _last(lines, "error:")))
    return code == 0


class Tasks:
    """The processes that do the work, one at a time, each of which can be stopped at any moment."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._running: subprocess.Popen[str] | None = None

    def run(
        self, command: list[str], heard: Callable[[str], None], folder: Path | None = None
    ) -> tuple[int, list[str]]:
        """Run to the end, passing on each line of its output, and return exit code and lines. Stopped where asked."""
        if self._stopped.is_set():
            raise Stopped
        print("+", *command, file=sys.stderr, flush=True)
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._running = process
        if self._stopped.is_set():  # in between
            process.kill()
        lines = []
        assert process.stdout is not None
        for line in process.stdout:
            text = line.rstrip()
            if text and not text.startswith("Progress "):
                print(text, file=sys.stderr, flush=True)
                lines.append(text)
            heard(text)
        code = process.wait()
        if self._stopped.is_set():
            raise Stopped
        return code, lines

    def stop(self) -> None:
        self._stopped.set()
        running = self._running
        if running is not None and running.poll() is None:
            running.kill()
            running.wait()


class PipProgress:
    """pip's output as progress: what it collects, and how much of it has come."""

    def __init__(self) -> None:
        self._done = 0.0
        self._name = ""

    def __call__(self, line: str) -> None:
        if found := re.match(r"\s*Downloading (\S+)", line):
            self._name = re.split(r"-\d", found[1].rsplit("/", 1)[-1])[0]
        elif found := re.match(r"Progress (\d+) of (\d+)", line):
            now, whole = int(found[1]) / 1e6, int(found[2]) / 1e6
            text = f"{self._name}: {now:.0f} of {whole:.0f} MB"
            progress(1, 0.85 * _share(self._done + now), text)
            if now >= whole:
                self._done += whole
            return
        elif found := re.match(r"Collecting (\S+)", line):
            self._name = re.split(r"[=<>!~;\[ ]", found[1])[0]
        elif line.startswith("Installing collected packages"):
            progress(1, 0.9, "Unpacking; this may take a minute")
            return
        else:
            return
        log(line.strip())
        progress(1, 0.85 * _share(self._done), self._name)


class PlainProgress:
    """Any program's lines as text, with no fraction."""

    def __init__(self, index: int) -> None:
        self._index = index

    def __call__(self, line: str) -> None:
        if line:
            progress(self._index, 0.0, line[:120])


def _share(megabytes: float) -> float:
    """How much of an unknown whole has come: half at the usual size, never all."""
    return megabytes / (megabytes + 0.5 * _MEGABYTES)


def pip_version(pip: list[str], tasks: Tasks) -> tuple[int, int]:
    _, lines = tasks.run([*pip, "--version"], ignore)
    found = re.match(r"pip (\d+)\.(\d+)", lines[-1] if lines else "")
    return (int(found[1]), int(found[2])) if found else (0, 0)


def has_own_index(pip: list[str], tasks: Tasks) -> bool:
    """Whether the user has told pip where packages come from: then that is where they come from."""
    _, lines = tasks.run([*pip, "config", "list"], ignore)
    return any("index-url" in line.split("=")[0] or "index_url" in line.lower().split("=")[0] for line in lines)


def fingerprint(requirements: Path) -> str:
    """One word that changes with the requirements."""
    return hashlib.sha256(requirements.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:16]


def replace_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def remove_others(folder: Path, kept: Path | None) -> None:
    """Remove the environments that the record does not name."""
    for other in environments(folder):
        if other != kept:
            shutil.rmtree(other, ignore_errors=True)


def environment_of(python: Path, folder: Path) -> Path | None:
    """The environment in `folder` that an interpreter belongs to, None where it is the user's own."""
    return next((made for made in environments(folder) if python.is_relative_to(made)), None)


def environments(folder: Path) -> Iterator[Path]:
    return folder.glob(f"{FOLDER_PREFIX}*")


def stage(index: int) -> None:
    say("stage", name=_STAGES[index], index=index, count=len(_STAGES))
    progress(index, 0.0, "")


def progress(index: int, fraction: float, text: str) -> None:
    whole = _BEGINS[index] + fraction * (_BEGINS[index + 1] - _BEGINS[index])
    say("progress", stage=_STAGES[index], fraction=whole, seconds_left=None, text=text)


def log(text: str) -> None:
    say("log", text=text)


def ignore(_text: str) -> None:
    pass


def say(kind: str, **fields: Any) -> None:
    print(json.dumps({"v": 1, "id": 1, "type": kind, **fields}), flush=True)


def _last(lines: list[str], beginning: str = "") -> str:
    """The last line that begins so, else the last one, without its full stop."""
    matching = [line for line in lines if line.startswith(beginning)] or lines or ["it says nothing"]
    return matching[-1].rstrip(".")


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


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
