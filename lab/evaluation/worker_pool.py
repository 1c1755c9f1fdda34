"""Worker processes with one thread each, so that results do not depend on how many there are."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context, parent_process
from typing import Protocol, TypeVar

import torch

from core.contract.errors import UserError

_ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "VECLIB_MAXIMUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0",
}  # fmt: skip


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Task = TypeVar("Task", bound=_Named)
Result = TypeVar("Result")


def map_in_order(
    function: Callable[[Task], Result], tasks: Iterable[Task], workers: int
) -> Iterator[tuple[Task, Result]]:
    """Every task with its result, in the order of the tasks; 0 workers stands for this process.

    UserError `worker-died` where a process ends before its task does.
    """
    with _one_thread():
        if workers == 0:
            for task in tasks:
                yield task, function(task)
        else:
            with _pool(workers) as pool:
                yield from _submit_all(pool, function, tasks, 2 * workers)


def _submit_all(
    pool: ProcessPoolExecutor, function: Callable[[Task], Result], tasks: Iterable[Task], most_running: int
) -> Iterator[tuple[Task, Result]]:
    """Submits only a few tasks more than there are workers, because making tasks takes time and memory, too."""
    waiting = iter(tasks)
    running: dict[Future[Result], tuple[int, Task]] = {}
    done: dict[int, tuple[Task, Result]] = {}
    yielded = submitted = 0
    while True:
        for task in islice(waiting, most_running - len(running)):
            running[pool.submit(function, task)] = (submitted, task)
            submitted += 1
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            place, task = running.pop(future)
            done[place] = (task, _result(future, task))
        while yielded in done:
            yield done.pop(yielded)
            yielded += 1


def _result(future: Future[Result], task: _Named) -> Result:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise UserError(
            "worker-died",
            f"A worker process ended while it worked on {task.name}, probably because memory ran out.",
            "Use fewer workers: --workers 1.",
        ) from error


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _start_worker() -> None:
    torch.set_num_threads(1)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    # without a traceback: the main process reports the interrupt
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))


def _exit_with_parent() -> None:
    """Workers of a main process that was killed would otherwise wait for tasks forever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread in this process and in processes that are started from it."""
    before: Mapping[str, str | None] = {name: os.environ.get(name) for name in _ONE_THREAD}
    threads = torch.get_num_threads()
    os.environ.update(_ONE_THREAD)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
