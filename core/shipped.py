"""The large files that ship with SocialMirror and their digests: a damaged one is named instead of used.

SHA256SUMS has a line for each, as the program sha256sum writes and checks them; `python -m lab digests` writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from .contract.errors import UserError
from .digests import content_key

FOLDER = Path(__file__).resolve().parent
DIGESTS_FILE = "SHA256SUMS"
PATTERNS = ("models/*.safetensors", "body/data/*.npz")
"""Which files have a digest."""
HINT = (
    "It is a part of SocialMirror: install the extension again. "
    "In a checkout, restore the file, or run `python -m lab digests` if you have made it anew."
)

State = Literal["whole", "missing", "damaged"]


def shipped_files() -> dict[Path, str]:
    """The sha256 of every file as it was shipped. Empty where the list itself is missing."""
    try:
        lines = (FOLDER / DIGESTS_FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    parts = (line.split(maxsplit=1) for line in lines)
    return {FOLDER / words[1].lstrip("*"): words[0] for words in parts if len(words) == 2}


def examine_shipped() -> Iterator[tuple[Path, State]]:
    """The state of every file that ships."""
    for path, sha256 in shipped_files().items():
        yield path, _state(path, sha256)


def check_shipped(path: Path) -> None:
    """UserError `file-damaged` if the file ships with SocialMirror and is not as it was shipped; others are not judged."""
    sha256 = shipped_files().get(path.resolve())
    if sha256 is not None and _state(path, sha256) == "damaged":
        raise damaged(path, "it is not the file that was shipped")


def damaged(path: Path, problem: str) -> UserError:
    """The UserError `file-damaged` for a file that ships."""
    return UserError("file-damaged", f"{path} is damaged: {problem}.", HINT)


def _state(path: Path, sha256: str) -> State:
    if not path.is_file():
        return "missing"
    try:
        return "whole" if content_key(path) == sha256 else "damaged"
    except OSError:
        return "damaged"
