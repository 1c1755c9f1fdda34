"""The worker as a process with pipes, as Blender runs it, with jobs that succeed, fail, do not stop or write to stdout."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.contract.messages import encode, message
from tests.core.processes import ends, is_running

ROOT = Path(__file__).resolve().parents[2]
JOBS = """
import os, sys, time
from contextlib import suppress
from pathlib import Path
from core import worker
from core.worker import log
from core.contract.errors import Cancelled, UserError
from core.progress import Progress

def job(request):
    kind, mark = request["clip"], Path(request["out"])
    def work(listener):
        print("output of a library")
        with suppress(OSError):
            os.write(1, b"output of a library's C code\\n")
        listener.stage("fit", 0, 1)
        listener.progress(Progress("fit", 0.5, 3.0, "half"))
        if kind == "user-error":
            raise UserError("no-people", "No person was found.", "Choose another clip.")
        if kind == "bug":
            return {"folder": 1 / 0}
        if kind == "endless":
            while not listener.cancelled():
                time.sleep(0.02)
            raise Cancelled
        if kind == "stubborn":
            time.sleep(3)
            if listener.cancelled():
                raise Cancelled
            mark.write_text("written")
        if kind == "slow":  # holds the folder, and looks up from its work only now and then
            from core.pipeline.workspace import workspace
            with workspace(mark):
                for _ in range(2):
                    time.sleep(1.2)
                    if listener.cancelled():
                        raise Cancelled
        if kind == "exit":
            sys.exit(3)
        if kind == "nan":
            return {"folder": float("nan")}
        if kind == "\\ud800.mp4":
            raise UserError("clip-missing", f"There is no clip at {kind}.")
        return {"folder": str(mark), "take": "take-001"}
    return work

if os.environ.get("LOG") == "full":
    log.Log.create = lambda folder: log.Log(log.UnfailingFile("/dev/full", "w"), "")
worker.serve({"reconstruct": job})
"""
FULL = Path("/dev/full")
needs_full_disk = pytest.mark.skipif(not FULL.exists(), reason="Linux alone has a disk that is always full")


class Pipe:
    """A running worker; `read` waits for its next message."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def send(self, request_id: int, kind: str, **fields: Any) -> None:
        self.write(encode(message(request_id, kind, **fields)))

    def write(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def until(self, *kinds: str) -> dict[str, Any]:
        """The next message of one of these types; others are skipped."""
        while True:
            answer = self.read()
            if answer["type"] in kinds:
                return answer

    def wait_for_end(self, seconds: float = 5.0) -> int:
        """Wait until the process ends, and return its exit code."""
        return self.process.wait(seconds)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Pipe]]:
    script = tmp_path / "jobs.py"
    script.write_text(textwrap.dedent(JOBS))
    running: list[subprocess.Popen[str]] = []

    def begin(*command: str, errors: Path = tmp_path / "stderr.txt", **environment: str) -> Pipe:
        process = subprocess.Popen(
            [sys.executable, *(command or (str(script),))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors.open("w"),
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "SOCIALMIRROR_CACHE": str(tmp_path / "cache"), **environment},
        )
        running.append(process)
        return Pipe(process)

    yield begin
    for process in running:
        process.kill()
        process.wait()


def test_a_job_sends_its_progress_and_then_its_result(start, tmp_path):
    pipe = start()
    pipe.send(7, "reconstruct", clip="good", out=str(tmp_path / "out"))
    answers = [pipe.read() for _ in range(3)]
    assert [answer["type"] for answer in answers] == ["stage", "progress", "result"]
    assert all(answer["id"] == 7 for answer in answers)
    assert answers[0] | {"name": "fit", "index": 0, "count": 1} == answers[0]
    assert answers[1] | {"stage": "fit", "fraction": 0.5, "seconds_left": 3.0, "text": "half"} == answers[1]
    assert answers[2] | {"folder": str(tmp_path / "out"), "take": "take-001"} == answers[2]


def test_output_of_libraries_goes_to_stderr(start, tmp_path):
    pipe = start()
    pipe.send(1, "reconstruct", clip="good", out=str(tmp_path / "out"))
    assert pipe.until("result")
    pipe.send(2, "shutdown")
    assert pipe.wait_for_end() == 0
    errors = (tmp_path / "stderr.txt").read_text()
    assert "output of a library\n" in errors and "C code" in errors


def test_an_error_has_a_code_a_sentence_and_a_log_file(start, tmp_path):
    pipe = start()
    pipe.send(1, "reconstruct", clip="user-error", out="")
    error = pipe.until("error")
    assert (error["code"], error["message"], error["hint"]) == (
        "no-people",
        "No person was found.",
        "Choose another clip.",
    )
    pipe.send(2, "reconstruct", clip="bug", out="")
    error = pipe.until("error")
    assert error["code"] == "internal" and "ZeroDivisionError" in error["message"] and "\n" not in error["message"]
    assert "1 / 0" in Path(error["log"]).read_text()


def test_cancel_is_answered_within_a_second(start):
    pipe = start()
    for job in (1, 2):  # the second time shows that the worker still works
        pipe.send(job, "reconstruct", clip="endless", out="")
        pipe.until("progress")
        asked = time.monotonic()
        pipe.send(10 + job, "cancel", job=job)
        assert pipe.until("cancelled", "error", "result")["type"] == "cancelled"
        assert time.monotonic() - asked < 1.0


@pytest.mark.slow
def test_a_job_that_does_not_stop_is_abandoned_and_writes_no_result(start, tmp_path):
    pipe = start()
    pipe.send(1, "reconstruct", clip="stubborn", out=str(tmp_path / "mark"))
    pipe.until("progress")
    asked = time.monotonic()
    pipe.send(2, "cancel", job=1)
    assert pipe.until("cancelled")["id"] == 1
    assert time.monotonic() - asked < 1.0
    pipe.send(3, "reconstruct", clip="good", out=str(tmp_path / "out"))
    # the next job waits for the abandoned one, which sends nothing more
    assert [pipe.read()["id"] for _ in range(3)] == [3, 3, 3]
    assert not (tmp_path / "mark").exists()


def test_a_cancellation_with_another_id_is_ignored(start, tmp_path):
    pipe = start()
    pipe.send(1, "reconstruct", clip="endless", out="")
    pipe.until("progress")
    pipe.send(2, "cancel", job=99)
    pipe.send(3, "reconstruct", clip="good", out="")
    assert pipe.until("cancelled", "error")["code"] == "busy"
    pipe.send(4, "cancel", job=1)
    assert pipe.until("cancelled")["id"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends CTRL_BREAK")
def test_an_interrupt_cancels_the_job_but_does_not_end_the_worker(start):
    pipe = start()
    pipe.send(1, "reconstruct", clip="endless", out="")
    pipe.until("progress")
    pipe.process.send_signal(signal.SIGINT)
    assert pipe.until("cancelled")["id"] == 1
    pipe.process.send_signal(signal.SIGINT)
    pipe.send(2, "reconstruct", clip="good", out="")
    assert pipe.until("result")["id"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("clip", ["", "endless", "stubborn"])
def test_the_worker_ends_when_stdin_closes(start, tmp_path, clip):
    pipe = start()
    if clip:
        pipe.send(1, "reconstruct", clip=clip, out=str(tmp_path / "mark"))
        pipe.until("progress")
    pipe.process.stdin.close()
    assert pipe.wait_for_end() == 0
    assert not (tmp_path / "mark").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_worker_that_is_told_to_end_stops_its_job_first(start):
    pipe = start()
    pipe.send(1, "reconstruct", clip="endless", out="")
    pipe.until("progress")
    pipe.process.send_signal(signal.SIGTERM)
    assert pipe.until("cancelled")["id"] == 1
    assert pipe.wait_for_end() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there the add-on's job object ends it")
def test_the_worker_ends_when_its_parent_dies(start, tmp_path):
    # a third process keeps the pipe open, so that the worker can only notice that its parent has ended
    parent = textwrap.dedent(
        f"""
        import subprocess, sys, os
        read, write = os.pipe()
        holder = subprocess.Popen(["sleep", "20"], pass_fds=[write])
        worker = subprocess.Popen([sys.executable, {str(tmp_path / "jobs.py")!r}], stdin=read)
        print(worker.pid, holder.pid, flush=True)
        os.write(write, {encode(message(1, "reconstruct", clip="good", out="")).encode()!r})
        sys.stdin.readline()
        os._exit(0)
        """
    )
    pipe = start("-c", parent)
    worker, holder = (int(word) for word in pipe.process.stdout.readline().split())
    try:
        assert pipe.until("result")
        pipe.write("die\n")
        pipe.wait_for_end()
        assert ends(lambda: is_running(worker))
    finally:
        os.kill(holder, signal.SIGKILL)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("not json\n", "bad-message"),
        ('{"v": 1, "id": 4, "type": "dance"}\n', "bad-message"),
        ('{"v": 1, "id": 4, "type": "result"}\n', "bad-message"),
        ('{"v": 9, "id": 4, "type": "hello"}\n', "version-mismatch"),
        ("[" * 100_000 + "\n", "bad-message"),
        (f'{{"v": 1, "id": 4, "type": "hello", "x": {"[" * 50_000 + "]" * 50_000}}}\n', "bad-message"),
        (f'{{"v": 1, "id": 4, "type": "hello", "x": "{"x" * (3 << 20)}"}}\n', "bad-message"),
    ],
)
def test_a_bad_message_is_answered_by_an_error_and_the_worker_continues(start, line, code):
    pipe = start()
    pipe.write(line)
    assert pipe.read()["code"] == code
    pipe.send(5, "reconstruct", clip="good", out="")
    assert pipe.until("result")["id"] == 5


@needs_full_disk
@pytest.mark.parametrize("full", ["log", "log and stderr"])
def test_jobs_and_refusals_are_answered_when_the_disk_of_the_log_is_full(start, tmp_path, full):
    pipe = start(errors=FULL, LOG="full") if "stderr" in full else start(LOG="full")
    for number, (clip, code) in enumerate([("bug", "internal"), ("user-error", "no-people"), ("exit", "internal")]):
        pipe.send(number, "reconstruct", clip=clip, out="")
        answer = pipe.until("error")
        assert (answer["id"], answer["code"]) == (number, code)
        pipe.write("not json\n")
        assert pipe.read()["code"] == "bad-message"
    pipe.send(9, "reconstruct", clip="good", out="")
    assert pipe.until("result")["id"] == 9


def test_what_cannot_be_written_or_sent_does_not_keep_a_job_from_its_answer(start, tmp_path):
    pipe = start()
    pipe.send(1, "reconstruct", clip="\ud800.mp4", out="")
    error = pipe.until("error")
    assert error["code"] == "clip-missing" and "\ud800" in error["message"]
    assert "\\ud800.mp4" in Path(error["log"]).read_text()
    pipe.send(2, "reconstruct", clip="nan", out="")
    assert pipe.until("error")["code"] == "internal"
    pipe.send(3, "reconstruct", clip="good", out="")
    assert pipe.until("result")["id"] == 3


def test_the_log_holds_no_home_folder_and_no_password(start, tmp_path):
    pipe = start(HOME=str(tmp_path / "jo"))
    secret = f"{tmp_path}/jo/clip.mp4 https://jo:s3cret@host/"
    pipe.write(encode(message(1, "reconstruct", clip="user-error", out="")).replace("user-error", secret))
    pipe.until("result")
    pipe.write(f'{{"v": 1, "id": 4, "type": "hello", "x": "{secret}"\n')
    log = Path(pipe.until("error")["log"]).read_text() + (tmp_path / "stderr.txt").read_text()
    assert "s3cret" not in log and "/jo" not in log


@pytest.mark.slow
def test_a_storm_of_cancellations_leaves_no_folder_busy(start, tmp_path):
    pipe, draw = start(), random.Random(0)
    answers: list[str] = []
    for number in range(16):
        pipe.send(2 * number, "reconstruct", clip="slow", out=str(tmp_path / "out"))
        time.sleep(draw.choice([0.0, 0.02, 0.1, 0.5]))
        pipe.send(2 * number + 1, "cancel", job=2 * number)
        answer = pipe.until("cancelled", "error", "result")
        answers.append(answer.get("code", answer["type"]))
    pipe.send(99, "reconstruct", clip="slow", out=str(tmp_path / "out"))
    assert pipe.until("cancelled", "error", "result")["type"] == "result"
    assert set(answers) == {"cancelled"}


@pytest.mark.skipif(sys.platform == "win32", reason="written for a POSIX shell")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_a_worker_without_pipes_ends_and_says_why(tmp_path, closed):
    command = f"exec {sys.executable} -m core serve {closed}"
    ended = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, stdin=subprocess.PIPE, capture_output=True, text=True, timeout=20
    )
    assert ended.returncode == 2
    assert "2>" in closed or "stdin" in ended.stderr


@pytest.mark.slow
def test_the_real_worker_reports_its_checks_and_refuses_bad_requests(start, tmp_path):
    pipe = start("-m", "core", "serve")
    pipe.send(1, "hello")
    ready = pipe.read()
    assert ready["type"] == "ready" and ready["id"] == 1 and ready["version"] and ready["device"]
    assert {"name", "ok", "detail", "fix", "needed", "optional", "by_installing"} == set(ready["doctor"][0])
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    pipe.send(2, "reconstruct", clip=str(text), out=str(tmp_path / "out"), frames=None, people=None, prompt="", takes=1)
    error = pipe.until("error")
    assert error["code"] == "clip-unreadable" and error["hint"]
    pipe.send(3, "refine", folder=str(tmp_path / "out"), edits=None)
    assert pipe.until("error")["code"] == "no-reconstruction"
    pipe.send(4, "reconstruct", clip=str(text), out=str(tmp_path / "out"), frames=[1])
    assert pipe.until("error")["code"] == "bad-message"
    pipe.send(6, "reconstruct", clip=str(text), out=str(tmp_path / "out"), takes=99)
    error = pipe.until("error")
    assert error["code"] == "bad-takes" and "1 to 8" in error["hint"]
    assert not (tmp_path / "out").exists()
    pipe.send(5, "shutdown")
    assert pipe.wait_for_end() == 0
