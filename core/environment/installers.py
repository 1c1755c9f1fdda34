"""uv and pip as programs that install packages into the Python that runs this, and what their output says."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..contract.disk_space import NEEDED_SPACE
from ..contract.errors import UserError
from ..contract.files import explain_write_errors
from ..contract.redaction import redact
from ..contract.temporary import temporary_folder
from ..network_failures import network_failure
from ..reporting import Reporter
from ..subprocesses import run_program
from ..weights import weights_folder
from .requirements import INSTALLERS_LOCK, installed_version, parse_version

INSTALLER_VARIABLE = "SOCIALMIRROR_INSTALLER"
"""Environment variable with `uv` or `pip`, to install with that one."""

_SOURCE_OPTIONS = {"index-url", "extra-index-url", "find-links", "no-index"}
"""Options of pip that say where packages come from."""
_NETWORK_OPTIONS = {"proxy", "cert", "client-cert", "trusted-host"}
"""Options of pip that say how they are reached."""
_UV_SOURCES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_RAW_PROGRESS = (24, 1)
"""The first pip that writes its progress for programs."""
_RAW = "Progress "
"""How a line of that progress begins."""
_HURRY = {"UV_HTTP_TIMEOUT": "10", "UV_HTTP_RETRIES": "1", "PIP_TIMEOUT": "10", "PIP_RETRIES": "1"}


@dataclass(frozen=True)
class Span:
    """The part of a whole installation that one step is."""

    first: float
    last: float
    packages: int
    """How many packages the step may install."""

    def at(self, fraction: float) -> float:
        return self.first + (self.last - self.first) * min(1.0, fraction)


@dataclass(frozen=True)
class Installer:
    """uv or pip, as a command to which packages and options are added."""

    name: Literal["uv", "pip"]
    command: tuple[str, ...]
    is_configured: bool = False
    """Whether the user has told it where packages come from or how they are reached."""
    has_more_sources: bool = False
    """Whether it has been told of more than one index that takes the default one's place."""
    tells_progress: bool = True
    """Whether it writes how much of a package has come."""

    def install(self, arguments: Sequence[str], reporter: Reporter, span: Span, *, hurry: bool = False) -> None:
        """Install what the arguments name. UserError `pip-failed`. `hurry`: give up soon on an index that is silent."""
        command = [*self.command, *arguments]
        progress = UvProgress(span) if self.name == "uv" else PipProgress(span)

        def follow(line: str) -> None:
            progress.read(line)
            if line and not line.startswith(_RAW):
                reporter.log(redact(line))
            reporter.progress(progress.fraction, progress.text)

        reporter.log(redact("+ " + " ".join(command)))
        place = weights_folder()
        with explain_write_errors(place), temporary_folder(place) as temporary:  # on the disk that packages go to
            variables = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))}
            code, lines = run_program(
                command,
                on_line=follow,
                on_tick=lambda: reporter.progress(progress.fraction, progress.text),
                environment={**variables, **(_HURRY if hurry else {})},
            )
        if code != 0:
            reason = failure_reason(lines)
            raise UserError("pip-failed", f"The packages could not be installed: {reason}.", failure_hint(reason))


def find_installer(reporter: Reporter) -> Installer:
    """uv where it is at hand or can be installed beside the Python that runs this, else pip.

    Where the user has configured pip (an index or a proxy of their own, say), pip installs, since uv does not read pip's
    configuration. SOCIALMIRROR_INSTALLER decides otherwise. UserError `pip-failed` where there is neither.
    """
    chosen = os.environ.get(INSTALLER_VARIABLE, "")
    pip, uv = _find_pip(reporter), _find_uv()
    wants_pip = chosen == "pip" or (chosen != "uv" and pip is not None and pip.is_configured)
    if pip is not None and not (pip.tells_progress if wants_pip else uv):
        _bring_both(pip, reporter)
        pip, uv = _find_pip(reporter), _find_uv()
    found = pip if wants_pip else uv or pip
    if found is None:
        raise UserError(
            "pip-failed",
            f"{sys.executable} has no pip, and there is no uv on this computer.",
            f"Run `{sys.executable} -m ensurepip`, or install uv, and try again.",
        )
    reporter.log(f"Packages are installed by {found.name}.")
    return found


def _find_pip(reporter: Reporter) -> Installer | None:
    command = (sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check")
    code, lines = run_program([*command, "config", "list"], on_tick=lambda: reporter.progress(0.0, ""))
    if code != 0:
        return None
    # each line is like  global.index-url='...'  or  :env:.find-links='...'
    options = {line.partition("=")[0].rpartition(".")[2].replace("_", "-") for line in lines if "=" in line}
    raw = parse_version(installed_version("pip") or "0") >= _RAW_PROGRESS
    return Installer(
        "pip",
        (*command, "install", *(("--progress-bar", "raw") if raw else ())),
        is_configured=bool(options & (_SOURCE_OPTIONS | _NETWORK_OPTIONS)),
        has_more_sources=bool(options & (_SOURCE_OPTIONS - {"index-url", "no-index"})),
        tells_progress=raw,
    )


def _find_uv() -> Installer | None:
    file = "uv.exe" if os.name == "nt" else "uv"
    folders = (Path(sys.executable).parent, Path.home() / ".local" / "bin")
    found = next((str(folder / file) for folder in folders if (folder / file).is_file()), None) or shutil.which("uv")
    if found is None:
        return None
    sources = any(os.environ.get(name) for name in _UV_SOURCES)
    return Installer("uv", (found, "pip", "install", "--python", sys.executable), sources, sources)


def _bring_both(pip: Installer, reporter: Reporter) -> None:
    """Install uv and a pip that tells its progress beside the Python that runs this, if that is a virtual environment.

    Where it fails, packages are installed all the same, by the pip that is there.
    """
    if sys.prefix == sys.base_prefix:
        return
    try:
        pip.install(locked(INSTALLERS_LOCK), reporter, Span(0.0, 0.0, 2))
    except UserError as error:
        reporter.log(f"uv cannot be had: {error.message}")


def locked(lock: Path) -> list[str]:
    """Arguments that install a lock file: all that is needed is in it, and nothing else is taken."""
    return ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(lock)]


class UvProgress:
    """uv names the packages that it downloads with their sizes when it begins them, and again when they have come."""

    def __init__(self, span: Span) -> None:
        self.fraction = span.at(0.0)
        self.text = ""
        self._span = span
        self._waiting: dict[str, float] = {}
        self._done = 0.0

    def read(self, line: str) -> None:
        match line.split():
            case ["Downloading", name, size]:
                self._waiting[name] = megabytes(size)
            case ["Downloaded", name] if name in self._waiting:
                self._done += self._waiting.pop(name)
            case ["Prepared", *_]:
                self.fraction, self.text = self._span.at(0.9), "Unpacking"
                return
            case _:
                return
        left = sum(self._waiting.values())
        largest = sorted(self._waiting, key=self._waiting.__getitem__, reverse=True)[:2]
        self.fraction = max(self.fraction, self._span.at(0.85 * self._done / max(1.0, self._done + left)))
        self.text = f"{', '.join(largest)}: {left:.0f} MB left" if largest else ""


class PipProgress:
    """pip collects and downloads one package after the other, and tells how much of each has come."""

    def __init__(self, span: Span) -> None:
        self.fraction = span.at(0.0)
        self.text = ""
        self._span = span
        self._begun = 0
        self._name = ""

    def read(self, line: str) -> None:
        match line.split():
            case ["Collecting", requirement, *_]:
                self._name = requirement.partition("==")[0]
                self._begun += 1
                self._show(0.0, self._name)
            case ["Progress", now, "of", whole]:
                done, size = float(now) / 1e6, float(whole) / 1e6
                self._show(done / max(size, 1e-3), f"{self._name}: {done:.0f} of {size:.0f} MB")
            case ["Installing", "collected", *_]:
                self.fraction, self.text = self._span.at(0.9), "Unpacking; this may take a minute"
            case _:
                pass

    def _show(self, fraction_of_package: float, text: str) -> None:
        packages = max(self._span.packages, self._begun)
        done = (max(0, self._begun - 1) + fraction_of_package) / packages
        self.fraction = max(self.fraction, self._span.at(0.85 * done))
        self.text = text


def megabytes(size: str) -> float:
    """Of a size as uv writes it, `(12.5MiB)`; 1 where it cannot be read."""
    for unit, factor in (("KiB", 1 / 1024), ("MiB", 1.0), ("GiB", 1024.0)):
        number, found, _ = size.strip("()").partition(unit)
        if found and number.replace(".", "", 1).isdigit():
            return float(number) * factor
    return 1.0


def failure_reason(lines: Sequence[str]) -> str:
    """What an installer says is wrong, as one line without its full stop and without passwords."""
    return redact(_reason(lines))


def _reason(lines: Sequence[str]) -> str:
    cause = network_failure(lines)
    if cause is not None:
        return cause
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index].strip()
        if line.startswith("ERROR: "):  # pip: the last such line is the reason
            return line.removeprefix("ERROR: ").rstrip(".")
        if line.startswith("error: "):  # uv: the causes are in the lines below, then come hints about uv's own options
            reason = line.removeprefix("error: ")
            for below in lines[index + 1 :]:
                if below.startswith("hint: "):
                    break
                reason += f" {below.strip()}"
            return reason.rstrip(".")
    return lines[-1].strip().rstrip(".") if lines else "the installer gave no reason"


_HINTS = (
    (("no space", "os error 28", "os error 112"), f"Make room for {NEEDED_SPACE}, and install again."),
    (
        ("hash",),  # before the proxy: a digest may hold "407"
        "A downloaded file is not the one that this version of SocialMirror was tested with. Install again; "
        "where that does not help, please report it.",
    ),
    (("proxy", "407"), "Check the proxy that your system or HTTPS_PROXY names, and install again."),
    (
        ("certificate",),
        "Something between this computer and the network puts its own certificates in place. Set SSL_CERT_FILE to the "
        "file of certificates that your organisation gives out, and install again.",
    ),
)


def failure_hint(reason: str) -> str:
    """What the user can do about a failed installation."""
    lowered = reason.lower()
    general = (
        f"Check the network, make room for {NEEDED_SPACE}, and install again; what was downloaded already is used."
    )
    return next((hint for signs, hint in _HINTS if any(sign in lowered for sign in signs)), general)
