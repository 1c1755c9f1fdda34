"""Runs a network of the hub: in batches that fit into memory, and stopped within a second when the user cancels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from ...contract.errors import Cancelled, UserError
from ...hub.interruption import checked_before
from ...hub.memory import out_of_memory
from ...hub.progress_bars import without_progress_bars
from ...hub.store import require
from ...reporting import Pulse

T = TypeVar("T")
R = TypeVar("R")


class NoMemory(Exception):
    """Neither the GPU nor the CPU has the memory that a network of the hub needs; the message names the network."""


def half_precision(device: torch.device, wanted: torch.dtype) -> torch.dtype:
    """The type of a network's numbers: half precision on CUDA where the GPU has it, else single precision."""
    if device.type != "cuda":
        return torch.float32
    return wanted if wanted != torch.bfloat16 or torch.cuda.is_bf16_supported() else torch.float16


@dataclass(frozen=True)
class HubModelKind:
    """A network of the hub, and how it is run."""

    name: str
    """In the catalogue of the hub."""
    title: str
    """For messages, as "SAM 2.1"."""
    load: Callable[[Path, torch.dtype], torch.nn.Module]
    """Load it from its folder; any exception says that its files are wrong."""
    half: torch.dtype = torch.float16
    batch: int = 16
    """Pictures that it looks at together on a GPU."""


class HubNetwork:
    """A network on a device. Where memory runs out it looks at fewer pictures at once, or goes on on the CPU, and warns of it."""

    def __init__(self, kind: HubModelKind, device: torch.device, pulse: Pulse) -> None:
        self.kind, self.device, self.pulse = kind, device, pulse
        self.folder = require(kind.name)
        self.batch = kind.batch if device.type != "cpu" else 1
        self._network: torch.nn.Module | None = None

    @property
    def dtype(self) -> torch.dtype:
        return half_precision(self.device, self.kind.half)

    @property
    def network(self) -> Any:
        """The network on its device, in evaluation mode. UserError `model-damaged`, NoMemory."""
        while self._network is None:
            failed = False
            try:
                self._network = self._loaded()
            except Exception as error:
                if not out_of_memory(error):
                    raise
                failed = True
            if failed:
                self.take_less()
        return self._network

    @contextmanager
    def cancellable(self) -> Iterator[Any]:
        """The network for a block in which Cancelled passes through its calls. UserError `model-damaged`, NoMemory."""
        network = self.network
        with torch.inference_mode(), checked_before(network.modules(), self.pulse.beat):
            yield network

    def run(self, items: Sequence[T], predict: Callable[[Any, Sequence[T]], Sequence[R]]) -> list[R]:
        """The answers for all items, in batches; `predict` gives one answer for each item of a batch. NoMemory."""
        answers: list[R] = []
        while len(answers) < len(items):
            batch = items[len(answers) : len(answers) + self.batch]
            self.pulse.beat()
            found: Sequence[R] | None = None
            try:
                with self.cancellable() as network:
                    found = predict(network, batch)
            except Exception as error:
                if not out_of_memory(error):
                    raise
            if found is None:  # outside of the handler, whose traceback keeps the tensors alive
                self.take_less(len(batch))
            else:
                answers += found
        return answers

    def take_less(self, batch: int = 1) -> None:
        """Go on with half of the batch that did not fit, or else on the CPU. NoMemory where that is where it was already."""
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if batch > 1:
            self.batch = batch // 2
            self.pulse.warning(
                f"The GPU's memory does not hold {batch} pictures of {self.kind.title} at once; it looks at {self.batch}."
                if self.device.type != "cpu"
                else f"The memory does not hold {batch} pictures of {self.kind.title} at once; it looks at {self.batch}."
            )
            return
        if self.device.type == "cpu":
            self.free()
            raise NoMemory(self.kind.title)
        self.free()
        self.pulse.warning(
            f"The GPU's memory is too small for {self.kind.title}, which runs on the CPU instead and takes much longer. "
            "Close other programs that use the GPU."
        )
        self.device, self.batch = torch.device("cpu"), 1

    def free(self) -> None:
        """Give its memory back; it is loaded again when it is needed."""
        self._network = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _loaded(self) -> torch.nn.Module:
        self.pulse.beat()
        try:
            with without_progress_bars():
                network = self.kind.load(self.folder, self.dtype)
        except (UserError, Cancelled):
            raise
        except Exception as error:  # transformers raises errors of many types for files that do not fit
            if out_of_memory(error):
                raise
            raise model_damaged(self.kind.title, self.folder, str(error)) from error
        return network.eval().requires_grad_(False).to(self.device)


def model_damaged(title: str, folder: Path, why: str) -> UserError:
    """The UserError for files of a model that are not what we expect of it."""
    reason = (why.strip().splitlines() or ["for an unknown reason"])[0]
    return UserError(
        "model-damaged",
        f"{title} in {folder} cannot be loaded: {reason}",
        "Download the model again: in the list of models in the sidebar, or with `python -m core models` on the command line.",
    )
