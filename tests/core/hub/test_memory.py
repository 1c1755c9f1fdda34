"""Lack of memory is recognised, whoever says it."""

from __future__ import annotations

import errno

import pytest
import torch

from core.contract.errors import UserError
from core.failures import explain
from core.hub.memory import main_memory_gigabytes, out_of_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.0 GB)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        UserError("out-of-memory", "The GPU does not have enough memory."),
    ],
)
def test_lack_of_memory_is_recognised(error: Exception) -> None:
    assert out_of_memory(error)
    assert explain(error).code == "out-of-memory"


def test_the_cause_of_an_error_counts() -> None:
    outer = RuntimeError("the layer failed")
    outer.__cause__ = MemoryError()
    assert out_of_memory(outer)


def test_the_message_tells_whose_memory_it_was() -> None:
    assert "GPU" in explain(torch.OutOfMemoryError("CUDA out of memory.")).message
    assert "computer" in explain(RuntimeError("DefaultCPUAllocator: can't allocate memory")).message


def test_other_errors_are_not_lack_of_memory() -> None:
    assert not out_of_memory(ValueError("shape mismatch"))
    assert not out_of_memory(OSError(errno.ENOENT, "No such file"))


def test_the_machine_has_some_memory() -> None:
    gigabytes = main_memory_gigabytes()
    assert gigabytes is None or gigabytes > 0.5
