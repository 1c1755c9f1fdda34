"""Names and paths that come from files of others: which ones may become part of a path, and which are opened unasked."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path, PurePath

MAX_NAME = 64
"""Longest identifier and file stem, in characters."""
_IDENTIFIER = re.compile(rf"[A-Za-z0-9_-][A-Za-z0-9_.-]{{0,{MAX_NAME - 1}}}", re.ASCII)
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.ASCII | re.IGNORECASE)
"""Windows opens a device of such a name, whatever the suffix."""
_NOT_IN_STEMS = re.compile(r"[^\w.-]+")


def is_identifier(text: object) -> bool:
    """Whether text may be the id of a take or a contact, and so part of a file name on every system.

    Letters, digits, `_`, `-` and `.` of ASCII, the first one no dot, the last one no dot either (Windows drops it), at most
    `MAX_NAME` characters, and no device name of Windows.
    """
    if not isinstance(text, str) or not _IDENTIFIER.fullmatch(text):
        return False
    return not text.endswith(".") and not _RESERVED.fullmatch(text)


def file_stem(name: str, otherwise: str) -> str:
    """A file name without suffix, made from a name that somebody chose, e.g. a person's: lower case, "-" for all else.

    `otherwise` is taken where nothing is left of it or Windows reserves it.
    """
    text = unicodedata.normalize("NFC", name).lower()
    stem = _NOT_IN_STEMS.sub("-", text).strip("-.")[:MAX_NAME].rstrip("-.")
    encoded = stem.encode("utf-8", "ignore")
    return otherwise if not stem or len(encoded) > 200 or _RESERVED.fullmatch(stem) else stem


def is_network_path(path: str | PurePath) -> bool:
    """Whether a path names another computer: `\\\\host\\share`, `//host/share`, or an address such as `smb://host/share`.

    Opening one of these, or asking whether it exists, can send the user's login to that computer and can take minutes where it
    does not answer. So a path that was read from a file of someone else is opened only after the user has asked for it. A
    Blender path relative to the .blend file (`//clip.mp4`) has to be made absolute first. Paths on drives that are mounted
    from another computer look like others and are not found.
    """
    text = str(path).strip().replace("\\", "/")
    # \\?\C:\clip.mp4 is a local path in Windows' long form, \\?\UNC\host\share and \\?\GLOBALROOT\... are not
    if re.match(r"//[?.]/[A-Za-z]:(/|$)", text):
        return False
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/", text)
    return text.startswith("//") or scheme is not None


def is_encodable(path: str | Path) -> bool:
    """Whether a path is valid Unicode without null characters, so that decoders, JSON and logs can hold it."""
    text = str(path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text
