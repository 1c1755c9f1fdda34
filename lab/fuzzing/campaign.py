"""Gives damaged inputs to a reader in a process of its own, and counts what went wrong.

A process that dies is started again with other inputs, so that one crash does not hide the others.
"""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from core.contract.errors import UserError

from .measure import attempt
from .outcome import Attempt, Failure, Outcome
from .targets import Target, targets

_ADDRESS_SPACE = 12 << 30
"""Bytes that a reader's process may reserve: one that wants more gets a MemoryError, and the machine is spared."""
_LONGEST_SECONDS = 60.0
"""An input that takes longer ends its process."""
_LONGEST_START_SECONDS = 600.0
"""Until the first input has been read: a process may import torch, and makes the examples."""


def run_campaign(names: Sequence[str], tries: int, random_seed: int, out: Path) -> list[Outcome]:
    """Try every named reader so many times. Inputs that are handled badly are kept in `out`, one folder for each reader."""
    return [_fuzz_reader(name, tries, random_seed, out) for name in names]


def reader_names() -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as scratch:
        return tuple(target.name for target in targets(Path(scratch)))


def draw_inputs(target: Target, tries: int, random_seed: int, use: Any) -> None:
    """Call `use` with so many damaged inputs of a reader."""

    @seed(random_seed)
    @settings(
        max_examples=tries, deadline=None, database=None, phases=(Phase.generate,),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )  # fmt: skip
    @given(target.inputs)
    def give(data: bytes) -> None:
        use(data)

    give()


def try_input(target: Target, data: bytes) -> Attempt:
    """Give one input to a reader, in a fresh folder."""
    with tempfile.TemporaryDirectory() as outside:
        folder = Path(outside) / "a" / "b" / "c"
        folder.mkdir(parents=True)

        def read() -> str | None:
            return judge(target, target.read(folder, data))

        return attempt(read, folder, Path(outside), (UserError,))


def judge(target: Target, value: Any) -> str | None:
    """What is wrong with a value that a reader accepted. A value that cannot even be judged is wrong, too."""
    try:
        return target.problem(value)
    except Exception as error:
        return f"it cannot be judged ({type(error).__name__}: {error})"


def keep_input(current: Path, out: Path, number: int, kind: str, problem: str) -> Failure:
    """Keep the current input, a file or a folder, as an example of a failure."""
    kept = out / f"{kind}-{number:05d}"
    if current.is_dir():
        shutil.copytree(current, kept, dirs_exist_ok=True)
    elif current.is_file():
        shutil.copyfile(current, kept)
    return Failure(kind, problem, str(kept))


def _fuzz_reader(name: str, tries: int, random_seed: int, out: Path) -> Outcome:
    outcome = Outcome(name, name)
    folder = out / name.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    context = _process_context()
    finished = False
    while outcome.tries < tries and not finished:
        receiver, sender = context.Pipe(duplex=False)
        remaining = (tries - outcome.tries, random_seed + outcome.tries)
        process = context.Process(target=_read_inputs, args=(name, *remaining, folder / "current", sender), daemon=True)
        process.start()
        sender.close()
        finished = _collect(outcome, receiver, process, folder)
        process.join()
    (folder / "current").unlink(missing_ok=True)
    return outcome


def _process_context() -> Any:
    """Processes are forked from one that has imported what readers need, where the system can."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _collect(outcome: Outcome, receiver: Any, process: Any, folder: Path) -> bool:
    """Add what a process reports until it ends; whether it tried everything."""
    current, longest = folder / "current", _LONGEST_START_SECONDS
    while True:
        try:
            if not receiver.poll(longest):
                process.kill()
                outcome.tries += 1
                problem = f"more than {longest:.0f} s"
                outcome.failures.append(keep_input(current, folder, outcome.tries, "slow", problem))
                return False
            report = receiver.recv()
        except (EOFError, OSError):
            process.join()
            outcome.tries += 1
            problem = f"exit code {process.exitcode}"
            outcome.failures.append(keep_input(current, folder, outcome.tries, "crash", problem))
            return False
        if report is None:
            return True
        if isinstance(report, str):
            outcome.title = report
            continue
        longest = _LONGEST_SECONDS
        add_attempt(outcome, report, current, folder)


def add_attempt(outcome: Outcome, one: Attempt, current: Path, folder: Path) -> None:
    """Count an attempt, and keep its input in the folder if something went wrong."""
    outcome.tries += 1
    outcome.refused += one.refused
    outcome.slowest_seconds = max(outcome.slowest_seconds, one.seconds)
    outcome.peak_bytes = max(outcome.peak_bytes, one.peak_bytes)
    outcome.failures += [keep_input(current, folder, outcome.tries, kind, problem) for kind, problem in one.failures]


def _read_inputs(name: str, tries: int, random_seed: int, current: Path, sender: Any) -> None:
    """The reader's process: tries inputs, each kept as `current` until it is read, and reports every attempt."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    with tempfile.TemporaryDirectory() as scratch:
        target = next(target for target in targets(Path(scratch)) if target.name == name)
    sender.send(target.title)
    try_input(target, b"")  # pays for what a reader imports

    def use(data: bytes) -> None:
        current.write_bytes(data)
        sender.send(try_input(target, data))

    draw_inputs(target, tries, random_seed, use)
    sender.send(None)
