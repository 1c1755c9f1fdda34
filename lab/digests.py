"""Writes the list of the digests of what ships, core/SHA256SUMS."""

from __future__ import annotations

from core import shipped
from core.contract.files import replacing
from core.digests import content_key


def write_digests() -> None:
    """Write the digests of all files that ship (`core/SHA256SUMS`)."""
    files = sorted(path for pattern in shipped.PATTERNS for path in shipped.FOLDER.glob(pattern))
    lines = [f"{content_key(path)}  {path.relative_to(shipped.FOLDER).as_posix()}\n" for path in files]
    with replacing(shipped.FOLDER / shipped.DIGESTS_FILE) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8", newline="\n")
