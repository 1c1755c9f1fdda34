"""Programs that others run end with them, whatever happens, and so does all that they have started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from core.contract.errors import Cancelled
from core.contract.locks import hold, is_held
from core.environment.use import hold_environment
from core.subprocesses import run_program
from tests.core.processes import ends, is_running

ROOT = Path(__file__).resolve().parents[2]
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
child.wait()
"""
"""A program that tells the number of a program that it has started."""
posix = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


def test_output_and_exit_code_are_the_programs() -> None:
    seen: list[str] = []
    program = "import sys; print('out'); print('caf\\xe9', file=sys.stderr); sys.exit(3)"
    code, lines = run_program(
        [sys.executable, "-c", program], on_line=seen.append, environment={**os.environ, "PYTHONUTF8": "1"}
    )
    assert code == 3 and sorted(lines) == ["caf\xe9", "out"] and seen == lines
    code, lines = run_program([ROOT / "nothing-here"])
    assert code == 127 and "does not start" in lines[0]


@posix
def test_what_is_cancelled_ends_with_all_that_it_has_started() -> None:
    started: list[int] = []

    def cancel() -> None:
        if started:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_program([sys.executable, "-c", FAMILY], on_line=lambda line: started.append(int(line)), on_tick=cancel)
    assert ends(lambda: is_running(started[0]))


@posix
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_no_program_outlives_the_process_that_runs_it(sent: signal.Signals) -> None:
    script = (
        f"from core.subprocesses import run_program; run_program([{sys.executable!r}, '-c', {FAMILY!r}], on_line=print)"
    )
    with subprocess.Popen([sys.executable, "-u", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert is_running(child)
        process.send_signal(sent)
        process.wait()
        assert ends(lambda: is_running(child))


@posix
def test_a_lock_ends_with_its_process_and_is_shared_only_where_all_share_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    script = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from core.contract.locks import hold
        lock = hold(Path({str(path)!r}), shared=True)
        print("held", flush=True)
        sys.stdin.read()
        """
    )
    assert not is_held(path)
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        assert is_held(path) and hold(path) is None
        also = hold(path, shared=True)
        assert also is not None
        also.release()
        process.kill()
        process.wait()
    assert not is_held(path)


@posix
def test_a_process_marks_the_addons_environment_that_it_runs_in(tmp_path: Path) -> None:
    hold_environment(tmp_path)
    assert not list(tmp_path.iterdir())  # nobody's but the user's
    (tmp_path / "state").write_text("whole")
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from core.environment.use import hold_environment
        hold_environment(Path({str(tmp_path)!r}))
        print("held", flush=True)
        input()
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        assert is_held(tmp_path / "in-use")
        process.kill()


def test_a_program_that_never_stops_writing_can_be_cancelled() -> None:
    written: list[str] = []

    def cancel() -> None:
        if written:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_program([sys.executable, "-uc", "while True: print('more')"], on_line=written.append, on_tick=cancel)
