"""The pipe between Blender and the worker: one JSON object a line, `{"v": 1, "id": n, "type": ...}`.

Answers carry the id of their request. Arrays never travel in messages, only paths of files that hold them.

    request       fields (null or left out: the default)
    hello
    reconstruct   out: path; the fields of `requests.ReconstructRequest`
    refine        folder: path; the fields of `requests.RefineRequest`
    repair        parts: any of packages, weights, caches; torch_index: address of a package index
    cancel        job: id of the request to cancel
    shutdown

    answer        fields
    ready         version; device; doctor: list of {name, ok, detail, fix, needed}
    stage         name; index (from 0); count
    progress      stage; fraction of the whole job in 0-1; seconds_left or null; text
    warning, log  text
    result        folder; take: id (of repair: doctor, as in ready)
    error         code; message; hint; log: path of the worker's log file, or empty
    cancelled

In a message, paths are text, `frames` is [first, last], `people` is [i, j], and `edits` is the path of a JSON file.

A job (reconstruct, refine, repair) is answered by any number of stage, progress, warning and log, and then by exactly one of
result, error and cancelled. One job runs at a time; another meanwhile is answered by the error `busy`.
"""

from __future__ import annotations

import json
from typing import Any, cast

from .errors import UserError

VERSION = 1
REQUESTS = ("hello", "reconstruct", "refine", "repair", "cancel", "shutdown")
ANSWERS = ("ready", "stage", "progress", "log", "warning", "error", "result", "cancelled")

Message = dict[str, Any]


def message(request_id: int, kind: str, **fields: Any) -> Message:
    """A message of `kind` for request `request_id`. Raises ValueError for a kind that the protocol lacks."""
    if kind not in REQUESTS + ANSWERS:
        raise ValueError(f"the protocol has no message {kind!r}")
    return {"v": VERSION, "id": request_id, "type": kind, **fields}


def encode(record: Message) -> str:
    """One line, newline included, ASCII only so that no console encoding can break it."""
    return json.dumps(record, ensure_ascii=True, allow_nan=False) + "\n"


def decode(line: str) -> Message:
    """Read one line. UserError `bad-message` where it is not a message of this version."""
    try:
        decoded = json.loads(line)
    except ValueError as error:
        raise _bad(f"it is not JSON ({error})") from error
    if not isinstance(decoded, dict):
        raise _bad("it is not a JSON object")
    record = cast("Message", decoded)
    if record.get("v") != VERSION:
        raise UserError(
            "version-mismatch",
            f"The other side speaks protocol version {record.get('v')!r}, this side {VERSION}.",
            "Update the add-on and its environment to the same release.",
        )
    if record.get("type") not in REQUESTS + ANSWERS:
        raise _bad(f"its type is {record.get('type')!r}")
    if not isinstance(record.get("id"), int):
        raise _bad(f"its id is {record.get('id')!r}")
    return record


def error_message(request_id: int, error: BaseException, log: str = "") -> Message:
    """An error as the user will read it; anything but a UserError is reported as a fault of ours.

    `log` is the path of the worker's log file, empty where there is none.
    """
    if isinstance(error, UserError):
        return message(request_id, "error", code=error.code, message=error.message, hint=error.hint, log=log)
    return message(
        request_id,
        "error",
        code="internal",
        message=f"SocialMirror failed: {type(error).__name__}: {error}",
        hint="Please report this with the log.",
        log=log,
    )


def _bad(problem: str) -> UserError:
    return UserError("bad-message", f"A message on the pipe is not valid: {problem}.", "Restart the worker.")
