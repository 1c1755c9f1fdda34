"""A hub on this machine: the few addresses that the product asks of it, with repositories of tiny files."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the server answers. Change it before a request."""

    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Of every repository."""
    commit: str = COMMIT
    wrong: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Contents that are sent instead of those whose digests are stated."""
    errors: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    """By a part of the address: status and X-Error-Code."""
    break_after: int | None = None
    """Bytes of a large file after which the connection is closed, once."""
    seconds_per_chunk: float = 0.0
    asked: list[str] = field(default_factory=list[str])
    """Addresses, with the range that was asked for."""
    tokens: list[str] = field(default_factory=list[str])
    url: str = ""


def safetensors(floats: int) -> bytes:
    """A file of one tensor of zeros."""
    header = {"weight": {"dtype": "F32", "shape": [floats], "data_offsets": [0, 4 * floats]}}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(4 * floats)


@contextmanager
def serving(hub: Hub) -> Generator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            _answer(self, hub)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _answer(request: BaseHTTPRequestHandler, hub: Hub) -> None:
    asked_range = request.headers.get("Range", "")
    hub.asked.append(f"{request.path} {asked_range}".strip())
    hub.tokens.append(request.headers.get("Authorization", ""))
    for part, (status, code) in hub.errors.items():
        if part in request.path:
            _send(request, status, b"{}", {"X-Error-Code": code})
            return
    if request.path.startswith("/api/models/"):
        _send(request, 200, json.dumps(_listing(hub)).encode(), {"Content-Type": "application/json"})
        return
    path = request.path.partition("/resolve/")[2].partition("/")[2]
    content = hub.wrong.get(path, hub.files.get(path))
    if content is None:
        _send(request, 404, b"", {"X-Error-Code": "EntryNotFound"})
        return
    begin = int(asked_range.removeprefix("bytes=").partition("-")[0]) if asked_range else 0
    request.send_response(206 if begin else 200)
    request.send_header("Content-Length", str(len(content) - begin))
    if begin:
        request.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
    request.end_headers()
    _stream(request, hub, content, begin)


def _stream(request: BaseHTTPRequestHandler, hub: Hub, content: bytes, begin: int) -> None:
    chunk = 1 << 16
    for at in range(begin, len(content), chunk):
        if hub.break_after is not None and at >= hub.break_after:
            request.close_connection = True
            return
        try:
            request.wfile.write(content[at : at + chunk])
        except OSError:  # whoever asked has been ended
            return
        time.sleep(hub.seconds_per_chunk)


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    request.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


def _listing(hub: Hub) -> dict[str, object]:
    siblings: list[dict[str, object]] = []
    for path, content in hub.files.items():
        entry: dict[str, object] = {
            "rfilename": path,
            "size": len(content),
            "blobId": hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest(),
        }
        if path.endswith((".safetensors", ".onnx", ".bin")):
            entry["lfs"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 130}
        siblings.append(entry)
    return {"_id": "1", "id": "owner/name", "sha": hub.commit, "siblings": siblings, "tags": [], "downloads": 0}
