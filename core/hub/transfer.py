"""Talks to the hub, in a process of its own that can be ended at any moment: `python -m core.hub.transfer`.

    list REPOSITORY REVISION           prints the commit, and the files of the repository with sizes and digests
    download PLAN FOLDER               downloads what the file PLAN lists, as far as it is not in FOLDER yet

Everything that is printed for the parent is one line of JSON after a mark. `huggingface_hub` reads the environment: HTTPS_PROXY,
HF_ENDPOINT, HF_TOKEN (or the token that its login stored) and HF_HUB_OFFLINE.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, cast

MARK = "@hub "
"""Before every line for the parent."""
_REPORT_SECONDS = 0.1
_CHUNK = 1 << 20
"""Bytes after which progress is counted and the file is written; the library's own 10 MB take too long on slow lines."""


def main(arguments: list[str]) -> int:
    try:
        if arguments[0] == "list":
            _tell(**_list(arguments[1], arguments[2]))
        else:
            _download(json.loads(Path(arguments[1]).read_text(encoding="utf-8")), Path(arguments[2]))
    except Exception as error:  # whatever the library raises is told to the parent, which explains it
        _tell(error=_kind(error), errno=getattr(error, "errno", None) or 0, text=_chain(error))
        return 1
    return 0


def _list(repository: str, revision: str) -> dict[str, Any]:
    from huggingface_hub import HfApi

    info = HfApi().model_info(repository, revision=revision, files_metadata=True)
    files: list[dict[str, Any]] = []
    for item in info.siblings or []:
        sha256 = item.lfs.sha256 if item.lfs is not None else None
        files.append({"path": item.rfilename, "size": item.size, "sha256": sha256, "git": item.blob_id})
    return {"commit": info.sha, "files": files}


def _download(plan: dict[str, Any], folder: Path) -> None:
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK
    counter = _Counter(sum(_have(folder, file) for file in plan["files"]))
    for file in plan["files"]:
        path = folder / file["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            http_get(
                hf_hub_url(plan["repository"], file["path"], revision=plan["commit"]),
                cast("Any", _Counted(stream, counter)),
                resume_size=_have(folder, file),
                headers=build_hf_headers(),
                expected_size=file["size"],
            )
    counter.tell()


def _have(folder: Path, file: dict[str, Any]) -> int:
    """Bytes of a file that are there already; of one that is too long none are of use."""
    path = folder / file["path"]
    size = path.stat().st_size if path.is_file() else 0
    if size > file["size"]:
        path.unlink()
        return 0
    return size


class _Counter:
    """Tells the parent how many bytes there are, several times a second."""

    def __init__(self, done: int) -> None:
        self._done = done
        self._told_at = float("-inf")

    def add(self, count: int) -> None:
        self._done += count
        if time.monotonic() - self._told_at > _REPORT_SECONDS:
            self.tell()

    def tell(self) -> None:
        self._told_at = time.monotonic()
        _tell(bytes=self._done)


class _Counted:
    """A file, as far as the library uses it, that counts what is written and taken back."""

    def __init__(self, stream: Any, counter: _Counter) -> None:
        self._stream, self._counter = stream, counter

    def write(self, data: bytes) -> int:
        written = self._stream.write(data)
        self._counter.add(len(data))
        return written

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, position: int) -> int:
        return self._stream.seek(position)

    def truncate(self) -> int:
        """The server has ignored that only the rest was asked for: the library begins anew."""
        before = self._stream.seek(0, 2)
        self._stream.seek(0)
        self._counter.add(-before)
        return self._stream.truncate(0)


def _kind(error: Exception) -> str:
    """What went wrong, as a word that the parent knows; the library's own types are told by the names of their bases."""
    names = {base.__name__ for base in type(error).__mro__}
    for name, kind in (
        ("OfflineModeIsEnabled", "offline"),
        ("GatedRepoError", "gated"),
        ("RepositoryNotFoundError", "not-found"),
        ("RevisionNotFoundError", "not-found"),
        ("EntryNotFoundError", "not-found"),
        ("DisabledRepoError", "not-found"),
    ):
        if name in names:
            return kind
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return "gated"
    if status is not None:
        return "refused"
    if isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.startswith(
        ("httpx", "ssl", "socket")
    ):
        return "network"
    if isinstance(error, OSError):
        return "disk" if error.errno else "network"  # the library's own, for a file that is shorter than announced
    return "other"


def _chain(error: BaseException | None) -> str:
    """What the error and its causes say: the first often tells of a consequence only."""
    texts: list[str] = []
    while error is not None and len(texts) < 5:
        texts.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def _tell(**fields: Any) -> None:
    print(MARK + json.dumps(fields), flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
