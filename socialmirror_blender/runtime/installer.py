"""Makes or checks the Python environment that the core runs in. A script of its own that needs the standard library only:

    python installer.py FOLDER ROOT [--interpreter PYTHON] [--base PYTHON] [--offline] [--torch-index URL]

FOLDER is where environments live, ROOT is the extension's folder. Without `--interpreter` a new environment is made from
the interpreter `--base` (default: the one that runs this, else one that the system has, else one that uv downloads). With
it, that interpreter is used as it is. Then the core, run by that interpreter, installs its packages (only into a new
environment) and its networks, and examines itself. Last of all FOLDER/environment.json is replaced, which names the
environment in use: the one before serves until then.

Answers with the messages of core/contract/messages.py for a job of id 1. Any line on stdin, or its end, cancels.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORD_FILE = "environment.json"
STATE_FILE = "state"
INCOMPLETE = "incomplete"
FOLDER_PREFIX = "env-"

_WINDOWS = os.name == "nt"
_MAKING = "Making the environment"
_MAKING_SHARE = 0.05
"""Of the whole time."""
_GRACE_SECONDS = 0.7
"""How long the core has to end by itself when it is told to stop."""
_OLDEST, _NEWEST = (3, 11), (3, 13)
_PYTHON_HINT = "Name a 64-bit Python 3.11, 3.12 or 3.13."


class InstallError(Exception):
    """A failure in the words that the user reads."""

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
        record = install(options, tasks)
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
    return 0


def install(options: Options, tasks: Tasks) -> dict[str, Any]:
    """Make or check the environment, let the core install and examine itself, write the record, and return it."""
    made: Path | None = None
    try:
        if options.interpreter is None:
            made = options.folder / f"{FOLDER_PREFIX}{uuid.uuid4().hex[:8]}"
            python = make_environment(options, made, tasks)
            parts = ["packages", "weights", "caches"]
        else:
            python = options.interpreter
            check_interpreter(python, tasks)
            parts = ["weights", "caches"]
        checks = repair(python, parts, options, tasks)
        for check in checks:
            log(f"{'ok' if check['ok'] else 'MISSING'}  {check['name']}  {check['detail']}")
        failing = [check for check in checks if not check["ok"] and check.get("needed", True)]
        broken = [check for check in failing if not check["name"].startswith("weights")]
        if broken:
            first = broken[0]
            raise InstallError("environment-unfit", f"{first['name']} of {python}: {first['detail']}.", first["fix"])
        kept = made or environment_of(python, options.folder)
        record: dict[str, Any] = {
            "interpreter": str(python),
            "folder": kept.name if kept else "",
            "requirements": fingerprint(options.root),
            "weights": not failing,
        }
    except BaseException:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)
        raise
    if made is not None:
        (made / STATE_FILE).write_text(record["requirements"], encoding="utf-8")
        for cache in ("PIP_CACHE_DIR", "UV_CACHE_DIR"):  # the add-on's own, see launches.py
            shutil.rmtree(os.environ.get(cache, ""), ignore_errors=True)
    replace_text(options.folder / RECORD_FILE, json.dumps(record))
    remove_others(options.folder, kept)
    return record


def make_environment(options: Options, folder: Path, tasks: Tasks) -> Path:
    """A virtual environment in `folder` without any package. Returns its interpreter."""
    if options.offline:
        raise InstallError(
            "offline",
            "Installing needs the network, and Blender's online access is off.",
            "Turn on Preferences > System > Network > Allow Online Access, or name a Python that has the packages.",
        )
    send("stage", name=_MAKING, index=0, count=4)
    send("progress", stage=_MAKING, fraction=0.0, seconds_left=None, text="")
    folder.mkdir(parents=True)
    (folder / STATE_FILE).write_text(INCOMPLETE, encoding="utf-8")
    candidates = [options.base] if options.base else list(base_candidates())
    try:
        base = find_base(candidates, tasks)
    except InstallError:
        if not make_environment_with_uv(folder, candidates, tasks):
            raise
    else:
        code, lines = tasks.run([str(base), "-m", "venv", str(folder)])
        if code != 0:
            raise InstallError(
                "venv-failed",
                f"{base} cannot make an environment: {_last(lines)}.",
                "Make room where SocialMirror's folder is, or name a Python of your own that has the packages.",
            )
    python = folder / ("Scripts/python.exe" if _WINDOWS else "bin/python")
    check_interpreter(python, tasks)
    return python


def find_base(candidates: Iterable[Path], tasks: Tasks) -> Path:
    """The first interpreter that can make an environment for the core; InstallError with what is wrong with the first."""
    failure: InstallError | None = None
    for python in candidates:
        try:
            check_interpreter(python, tasks, "import venv, ensurepip; ")
        except InstallError as error:
            failure = failure or error
        else:
            return python
    assert failure is not None  # there is one candidate at least
    raise InstallError(
        failure.code,
        f"No Python that can make an environment was found. Blender's own cannot: {failure.message}",
        "Install Python 3.11, 3.12 or 3.13 with venv and pip (on Debian and Ubuntu python3-venv), and install again.",
    )


def base_candidates() -> Iterator[Path]:
    """Blender's Python, which runs this, then those of the system."""
    yield Path(sys.executable)
    for name in ("python3.13", "python3.12", "python3.11", "python3"):
        found = shutil.which(name)
        if found:
            yield Path(found)


def check_interpreter(python: Path, tasks: Tasks, needing: str = "") -> None:
    """InstallError where it does not start, lacks what the statement `needing` imports, or is of the wrong version."""
    query = f"{needing}import sys; print(*sys.version_info[:2], 64 if sys.maxsize > 2**32 else 32)"
    try:
        code, lines = tasks.run([str(python), "-I", "-c", query])
    except OSError as error:
        raise InstallError("python-unfit", f"{python} does not start: {error.strerror}.", _PYTHON_HINT) from error
    numbers = lines[-1].split() if lines else []
    if code != 0 or len(numbers) != 3 or not all(number.isdigit() for number in numbers):
        raise InstallError("python-unfit", f"{python} cannot be used: {_last(lines)}.", _PYTHON_HINT)
    major, minor, bits = map(int, numbers)
    if not _OLDEST <= (major, minor) <= _NEWEST or bits != 64:
        raise InstallError("python-unfit", f"{python} is a {bits}-bit Python {major}.{minor}.", _PYTHON_HINT)


def make_environment_with_uv(folder: Path, candidates: Sequence[Path], tasks: Tasks) -> bool:
    """Whether uv is at hand or can be installed, and can make the environment from a Python that it downloads."""
    home = folder.parent
    uv = shutil.which("uv") or _bring_uv(home / "uv", candidates, tasks)
    if uv is None:
        return False
    # the core, which looks for uv itself, finds this one; the Python stays as long as the environments
    os.environ["PATH"] = f"{Path(uv).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    os.environ["UV_PYTHON_INSTALL_DIR"] = str(home / "python")
    log("No Python here can make an environment; uv downloads one.")
    send("progress", stage=_MAKING, fraction=0.0, seconds_left=None, text="Downloading Python")
    command = [uv, "venv", "--allow-existing", "--managed-python", "--python", ">=3.11,<3.14", str(folder)]
    return tasks.run(command)[0] == 0


def _bring_uv(folder: Path, candidates: Iterable[Path], tasks: Tasks) -> str | None:
    """Install uv into a folder of its own with the pip of any Python, whatever its version."""
    lock = Path(__file__).resolve().parents[2] / "core" / "requirements-installers.lock"
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--upgrade", "--target", str(folder)]
    for python in candidates:
        with suppress(OSError):
            tasks.run([str(python), "-I", "-m", "pip", "--no-input", "install", *options, "-r", str(lock)])
        if found := shutil.which("uv", path=str(folder / ("Scripts" if _WINDOWS else "bin"))):
            return found
    return None


def repair(python: Path, parts: list[str], options: Options, tasks: Tasks) -> list[dict[str, Any]]:
    """Let the core's worker, run by this interpreter, repair its own environment. Returns what its doctor says then."""
    request = {"v": 1, "id": 1, "type": "repair", "parts": parts, "torch_index": options.torch_index}
    unread: list[str] = []
    for line in tasks.ask([str(python), "-m", "core", "serve"], json.dumps(request), options.root):
        try:
            message = json.loads(line)
            kind = message["type"]
        except (ValueError, KeyError, TypeError):  # what Python or a library prints
            print(line, file=sys.stderr, flush=True)
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
            print(message["text"], file=sys.stderr, flush=True)
        if kind != "cancelled":  # that we say ourselves
            _write(message)
    raise InstallError("core-unusable", f"The core does not run in {python}: {_last(unread)}.", "See the log.")


class Tasks:
    """The programs that do the work, one at a time, each of which can be stopped at any moment."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._running: subprocess.Popen[str] | None = None

    def run(self, command: list[str]) -> tuple[int, list[str]]:
        """Run a program to its end; its exit code and the lines that it wrote. Stopped where the user asked for it."""
        process = self._start(command, None, subprocess.DEVNULL)
        lines: list[str] = []
        for line in self._lines(process):
            print(line, file=sys.stderr, flush=True)
            lines.append(line)
        return process.wait(), lines

    def ask(self, command: list[str], request: str, folder: Path) -> Iterator[str]:
        """Start a program, write one line to its stdin, and yield the lines that it writes. It ends with the iteration."""
        process = self._start(command, folder, subprocess.PIPE)
        assert process.stdin is not None
        with suppress(OSError):  # it may have ended at once, which its output explains
            process.stdin.write(request + "\n")
            process.stdin.flush()
        try:
            yield from self._lines(process)
        finally:
            self._end(process)

    def stop(self) -> None:
        """End what runs, and let nothing begin any more."""
        self._stopped.set()
        if self._running is not None:
            self._end(self._running)

    def _start(self, command: list[str], folder: Path | None, stdin: int) -> subprocess.Popen[str]:
        if self._stopped.is_set():
            raise Stopped
        print("+", *command, file=sys.stderr, flush=True)
        self._running = subprocess.Popen(
            command,
            cwd=folder,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=not _WINDOWS,
        )
        if self._stopped.is_set():  # in between
            self._end(self._running)
        return self._running

    def _lines(self, process: subprocess.Popen[str]) -> Iterator[str]:
        assert process.stdout is not None
        for line in process.stdout:
            if text := line.rstrip():
                yield text
        if self._stopped.is_set():
            raise Stopped

    def _end(self, process: subprocess.Popen[str]) -> None:
        """End a program and the programs that it has started, first by closing its stdin, then by force."""
        if process.stdin is not None:
            with suppress(OSError, ValueError):
                process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
        if process.poll() is None:
            if _WINDOWS:
                subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
            else:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def fingerprint(root: Path) -> str:
    """A word that changes with what is to be installed."""
    digest = hashlib.sha256()
    for path in sorted((root / "core").glob("requirements*")):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


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


def log(text: str) -> None:
    send("log", text=text)


def send(kind: str, **fields: Any) -> None:
    _write({"v": 1, "id": 1, "type": kind, **fields})


def _write(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def _last(lines: Sequence[str]) -> str:
    """The last line without its full stop."""
    return lines[-1].rstrip(".") if lines else "it gives no reason"


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
