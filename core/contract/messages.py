"""The messages between Blender and the worker: one JSON object per line, `{"v": 1, "id": n, "type": ...}`.

An answer has the id of its request. Arrays are passed as files: a message has their path.

    request       fields (null or missing: the default)
    hello
    reconstruct   out: path; annotator_key: key of the annotator's server, which is neither stored nor logged; the fields of
                  `requests.ReconstructRequest`
    refine        folder: path; the fields of `requests.RefineRequest`
    repair        parts: any of packages, weights, caches; torch_index: address of a package index
    models
    fetch-models  names: list of models; accept_licence: true after the user has accepted their licences; source: folder
                  to take them from instead of the hub
    delete-models names: list of models
    cancel        job: id of the request to cancel
    shutdown

    answer        fields
    ready         version; device; doctor: list of {name, ok, detail, fix, needed, optional}; models: list of
                  {name, title, purpose, licence, licence_url, licence_note, source, megabytes, memory_gigabytes, state,
                  problem, bytes_used, bytes_begun, revision}, state being installed, missing or damaged
    stage         name; index (from 0); count
    progress      stage; fraction of the whole job in 0-1; seconds_left or null; text
    warning, log  text
    result        folder: where the result lies, which is beside `out` where that holds a result of another clip, range,
                  people or body; take: id (for repair: doctor, as in ready; for the requests about models: models, as in
                  ready, and their folder)
    error         code; message; hint; log: path of the worker's log file, or empty text
    cancelled

In a message, paths are text, `frames` is [first, last], `people` is [i, j], `people_at` is two lists
[frame, left, top, right, bottom] or [frame, x, y], and `edits` is the path of a JSON file.

A job (any request but hello, cancel and shutdown) is answered by any number of stage, progress, warning and log messages, and
then by exactly one result, error or cancelled. Only one job runs at a time; a second one is answered by the error `busy`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any, cast

from .errors import UserError
from .fields import shown
from .json_reading import JsonLimits, parse_json

VERSION = 1
REQUESTS = (
    "hello",
    "reconstruct",
    "refine",
    "repair",
    "models",
    "fetch-models",
    "delete-models",
    "cancel",
    "shutdown",
)
ANSWERS = ("ready", "stage", "progress", "log", "warning", "error", "result", "cancelled")

MAX_BYTES = 1 << 20
"""Length of the longest line."""
_LIMITS = JsonLimits(MAX_BYTES, depth=16, values=100_000, surrogates=True)
"""Paths may hold lone surrogates, which stand for bytes that are not UTF-8; the requests' own checks refuse them by name."""

Message = dict[str, Any]


def message(request_id: int, kind: str, **fields: Any) -> Message:
    """A message of type `kind` for request `request_id`. Raises ValueError if the protocol has no such type."""
    if kind not in REQUESTS + ANSWERS:
        raise ValueError(f"the protocol has no message of type {kind!r}")
    return {"v": VERSION, "id": request_id, "type": kind, **fields}


def encode(record: Message) -> str:
    """One line with its newline; ASCII only, so that it does not depend on the console's encoding."""
    return json.dumps(record, ensure_ascii=True, allow_nan=False) + "\n"


def read_lines(stream: IO[bytes]) -> Iterator[str]:
    """The lines of a stream without their ends. Of one that is too long only as much is read as makes `decode` refuse it."""
    while line := stream.readline(MAX_BYTES + 1):
        end = line
        while len(end) > MAX_BYTES and not end.endswith(b"\n"):
            end = stream.readline(MAX_BYTES + 1)
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def decode(line: str) -> Message:
    """Read one line. Raises the UserError `bad-message` or `version-mismatch`."""
    try:
        decoded = parse_json(line, _LIMITS)
    except ValueError as error:
        raise _bad(f"it is not JSON ({error})") from error
    if not isinstance(decoded, dict):
        raise _bad("it is not a JSON object")
    record = cast("Message", decoded)
    if record.get("v") != VERSION or isinstance(record.get("v"), bool):
        raise UserError(
            "version-mismatch",
            f"The message has protocol version {shown(record.get('v'))}, but this release uses version {VERSION}.",
            "Update the add-on and its environment to the same release.",
        )
    kind = record.get("type")
    if not isinstance(kind, str) or kind not in REQUESTS + ANSWERS:
        raise _bad(f"its type is {shown(record.get('type'))}")
    number = record.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        raise _bad(f"its id is {shown(number)}")
    return record


def error_message(request_id: int, error: BaseException, log: str = "") -> Message:
    """The message `error`. Exceptions other than UserError are reported as internal errors.

    `log` is the path of the worker's log file, or empty text.
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
    return UserError(
        "bad-message", f"A message between Blender and the worker is not valid: {problem}.", "Restart the worker."
    )
