"""Installs the packages that the core needs into the Python that runs this, as the lock files name them.

torch has a source of its own, because the default package index holds only one of its builds for each system: on Linux
that with CUDA (3 GB), on Windows that without. Where another build fits the machine, it is taken from PyTorch's own index
in a step of its own, so that no package is ever looked for in two indexes at once. The lock files hold no sha256 of that
index's files: there the version is fixed, and the index answers for the rest.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Sequence

from ..contract.errors import UserError
from ..reporting import Reporter
from .installers import Installer, Span, find_installer, locked
from .requirements import INSTALLERS_LOCK, LOCK, TORCH_LOCK, installed_version, locked_packages, locked_version

_TORCH_INDEX = "https://download.pytorch.org/whl/"
_TORCH_BEGINS = 0.4
"""The fraction of the whole installation at which torch is begun: it takes the larger part of the time."""


def install_packages(reporter: Reporter, *, torch_index: str = "", reinstall: bool = False) -> None:
    """Install what the lock files name. What is there already in the right version is left alone, unless `reinstall`.

    `torch_index` is the address of the package index to take torch from; empty: the one that fits this machine. UserError
    `pip-failed` where packages cannot be installed. Cancelled by the reporter within a second; packages may be missing
    then, and the next call installs them.
    """
    installer = find_installer(reporter)
    if installed_version("pip") is None:  # core.weights needs it
        installer.install(locked(INSTALLERS_LOCK), reporter, Span(0.0, 0.0, 2))
    options = ["--force-reinstall"] if reinstall else []
    first = Span(0.0, _TORCH_BEGINS, len(list(locked_packages(LOCK))))
    installer.install([*locked(LOCK), *options], reporter, first)
    _install_torch(installer, options, torch_index, reporter)


def _install_torch(installer: Installer, options: Sequence[str], wanted_index: str, reporter: Reporter) -> None:
    span = Span(_TORCH_BEGINS, 1.0, len(list(locked_packages(TORCH_LOCK))))
    torch = [f"torch=={locked_version(TORCH_LOCK, 'torch')}", "--only-binary", ":all:", *options]
    if wanted_index:
        installer.install([*torch, "--index-url", wanted_index], reporter, span)
        return
    if installer.has_more_sources:  # the user has put a build of torch there: it is hardly the one of the lock file
        installer.install(torch, reporter, span)
        return
    index = "" if installer.is_configured else default_torch_index(platform.system(), _has_nvidia())
    if index:
        try:
            # what torch needs has come from the lock file already: nothing else is taken from this index
            installer.install([*torch, "--no-deps", "--index-url", index], reporter, span, hurry=True)
            return
        except UserError as error:
            reporter.log(f"torch cannot be had from {index}: {error.message}")
            reporter.log("The build of the default package index is installed instead.")
    installer.install([*locked(TORCH_LOCK), *options], reporter, span)


def default_torch_index(system: str, nvidia: bool) -> str:
    """Where the build of torch for a machine is; empty for the default index, whose build for Linux has CUDA in it."""
    if system == "Windows" and nvidia:
        return f"{_TORCH_INDEX}cu130"
    if system == "Linux" and not nvidia:
        return f"{_TORCH_INDEX}cpu"
    return ""


def _has_nvidia() -> bool:
    return shutil.which("nvidia-smi") is not None
