"""Finds a Python from which an environment can be made, and makes an empty one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .environment_files import INCOMPLETE, STATE_FILE, interpreter_of
from .install_messages import MAKING, STAGES, InstallError, log, progress, send
from .tasks import Tasks

_WINDOWS = sys.platform == "win32"
_OLDEST, _NEWEST = (3, 11), (3, 13)
_PYTHON_HINT = "Name a 64-bit Python 3.11, 3.12 or 3.13."


def make_environment(base: Path | None, folder: Path, tasks: Tasks) -> Path:
    """A virtual environment in `folder` without any package, made from `base` or any Python that fits. Returns its interpreter.

    InstallError where there is no such Python or the folder cannot be filled; Stopped.
    """
    send("stage", name=MAKING, index=0, count=STAGES)
    progress("")
    folder.mkdir(parents=True)
    (folder / STATE_FILE).write_text(INCOMPLETE, encoding="utf-8")
    candidates = [base] if base else list(base_candidates())
    try:
        found = find_base(candidates, tasks)
    except InstallError:
        if not make_environment_with_uv(folder, candidates, tasks):
            raise
    else:
        code, lines = tasks.run([str(found), "-m", "venv", str(folder)])
        if code != 0:
            raise InstallError(
                "venv-failed",
                f"{found} cannot make an environment: {last_line(lines)}.",
                "Make room where SocialMirror's folder is, or name a Python of your own that has the packages.",
            )
    python = interpreter_of(folder)
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
    code, lines = tasks.run([str(python), "-I", "-c", query])
    numbers = lines[-1].split() if lines else []
    if code != 0 or len(numbers) != 3 or not all(number.isdigit() for number in numbers):
        raise InstallError("python-unfit", f"{python} cannot be used: {last_line(lines)}.", _PYTHON_HINT)
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
    progress("Downloading Python")
    command = [uv, "venv", "--allow-existing", "--managed-python", "--python", ">=3.11,<3.14", str(folder)]
    return tasks.run(command)[0] == 0


def _bring_uv(folder: Path, candidates: Iterable[Path], tasks: Tasks) -> str | None:
    """Install uv into a folder of its own with the pip of any Python, whatever its version."""
    lock = Path(__file__).resolve().parents[2] / "core" / "requirements-installers.lock"
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--upgrade", "--target", str(folder)]
    for python in candidates:
        tasks.run([str(python), "-I", "-m", "pip", "--no-input", "install", *options, "-r", str(lock)])
        if found := shutil.which("uv", path=str(folder / ("Scripts" if _WINDOWS else "bin"))):
            return found
    return None


def last_line(lines: Sequence[str]) -> str:
    """The last line without its full stop."""
    return lines[-1].rstrip(".") if lines else "it gives no reason"
