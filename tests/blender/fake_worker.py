#!/usr/bin/env python3
"""Stands in for the core's Python and its worker, so that tests need neither torch nor a clip.

It is run as `fake_worker.py -m core serve` and answers requests in the protocol of core/contract/messages.py. It repairs nothing
and reports what its doctor finds. What it does with another request depends on its prompt:

    (anything)  report stages and progress, and copy FAKE_RESULT to the folder that the request names, or to one with a number
                after it if that holds other frames of the clip; for `refine` copy FAKE_REFINED over the folder, if it is set
    fail        send the error of a clip with one person
    weights     send the error of a missing network
    work        report progress until it is cancelled
    stubborn    report progress once, then ignore messages and signals
    die         exit in the middle
    nonsense    print a line that is no message, then send a result

With FAKE_SILENT it does not answer `hello`; FAKE_MISSING names a check that its doctor reports as failing.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any


def main(arguments: list[str]) -> int:
    if arguments[:2] == ["-I", "-c"]:  # the installer asks for the version of an interpreter
        print("3 11 64")
        return 0
    return serve()


def doctor() -> list[dict[str, object]]:
    missing = os.environ.get("FAKE_MISSING", "")
    names = ("python", "torch", "device", "weights pose_landmarks")
    return [
        {
            "name": name,
            "ok": name != missing,
            "detail": "not installed" if name == missing else "2.13.0",
            "fix": "Run pip.",
            "needed": True,
            "by_installing": not name.startswith("weights"),
        }
        for name in names
    ]


def models(*installed: str) -> list[dict[str, object]]:
    """Two models, with the fields of the message `ready`."""
    common = {"source": "owner/name", "memory_gigabytes": 2.0, "problem": "", "revision": ""}
    small = {"name": "small", "title": "Small", "purpose": "finds masks", "licence": "Apache-2.0", "megabytes": 142}
    large = {"name": "large", "title": "Large", "purpose": "finds bodies", "licence": "Own", "megabytes": 2831}
    return [
        {
            **common, **model,
            "licence_url": "https://example.org/licence",
            "licence_note": "Not for war." if model is large else "",
            "state": "installed" if model["name"] in installed else "missing",
            "bytes_used": 141_000_000 if model["name"] in installed else 0,
            "bytes_begun": 700_000_000 if model is large else 0,
        }
        for model in (small, large)
    ]  # fmt: skip


def send(job: int, kind: str, **fields: object) -> None:
    print(json.dumps({"v": 1, "id": job, "type": kind, **fields}), flush=True)


def serve() -> int:
    cancelled = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: cancelled.set())
    for line in sys.stdin:
        request = json.loads(line)
        if request["type"] == "hello" and not os.environ.get("FAKE_SILENT"):
            send(request["id"], "ready", version="0.2.0", device="cpu (2 threads)", doctor=doctor(), models=models())
        elif request["type"] == "cancel":
            cancelled.set()
        elif request["type"] == "shutdown":
            break
        elif request["type"] == "repair":
            send(request["id"], "stage", name="Checking", index=0, count=1)
            send(request["id"], "progress", stage="Checking", fraction=0.5, seconds_left=None, text="")
            send(request["id"], "result", doctor=doctor())
        elif request["type"] in ("models", "delete-models"):
            send(request["id"], "result", models=models(), folder="/models")
        elif request["type"] == "fetch-models":
            assert request["accept_licence"] is True
            send(request["id"], "stage", name="downloading models-1", index=0, count=1)
            send(
                request["id"],
                "progress",
                stage="downloading models-1",
                fraction=0.5,
                seconds_left=9.0,
                text="70 of 142 MB",
            )
            if request["names"] == ["large"]:  # until it is cancelled
                threading.Thread(target=fetch_large, args=(request["id"], cancelled), daemon=True).start()
            else:
                send(request["id"], "result", models=models(*request["names"]), folder="/models")
        elif request["type"] in ("reconstruct", "refine"):
            cancelled.clear()
            threading.Thread(target=work, args=(request, cancelled), daemon=True).start()
    return 0


def fetch_large(job: int, cancelled: threading.Event) -> None:
    cancelled.wait()
    cancelled.clear()
    send(job, "cancelled")


def work(request: dict[str, Any], cancelled: threading.Event) -> None:
    job, prompt = request["id"], request.get("prompt")
    send(job, "stage", name="perception", index=0, count=3)
    send(job, "progress", stage="perception", fraction=0.25, seconds_left=48.0, text="frame 40 of 101")
    send(job, "log", text="a line of the log")
    if prompt == "fail":
        send(
            job, "error", code="one-person", message="Only one person is seen in the clip.",
            hint="Choose a range of frames in which both are visible.", log="",
        )  # fmt: skip
    elif prompt == "weights":
        send(job, "error", code="wheel-missing", message="A network is missing.", hint="Download it.", log="")
    elif prompt == "die":
        print("Out of memory", file=sys.stderr, flush=True)
        os._exit(7)
    elif prompt == "stubborn":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
        os.kill(os.getpid(), signal.SIGSTOP)
    elif prompt == "work":
        while not cancelled.wait(0.05):
            send(job, "progress", stage="perception", fraction=0.4, seconds_left=70.0, text="frame 41 of 101")
        send(job, "cancelled")
    else:
        if prompt == "nonsense":
            print("Loading checkpoint shards: 100%", flush=True)
        send(job, "warning", text="The camera moves; a still one was assumed.")
        time.sleep(0.05)
        if request["type"] == "reconstruct":
            source = os.environ["FAKE_RESULT"]
            folder = free_folder(str(request["out"]), clip_frames(source))
        else:
            source, folder = os.environ.get("FAKE_REFINED", ""), str(request["folder"])
        if source:
            shutil.copytree(source, folder, dirs_exist_ok=True)
        send(job, "result", folder=folder, take="take-1")


def free_folder(out: str, frames: object) -> str:
    """Where the core puts a result: never over one of other frames."""
    number = 1
    while True:
        folder = out if number == 1 else f"{out}-{number}"
        if clip_frames(folder) in (None, frames):
            return folder
        number += 1


def clip_frames(folder: str) -> object:
    path = Path(folder) / "reconstruction.json"
    return json.loads(path.read_text(encoding="utf-8"))["clip"]["frames"] if path.exists() else None


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
