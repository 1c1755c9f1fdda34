"""Runs a vision–language model of the hub on this machine, from its verified folder, through transformers."""

# torch's and transformers' own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..hub.interruption import checked_before
from ..hub.memory import out_of_memory
from ..hub.progress_bars import without_progress_bars
from ..reporting import Reporter
from .generator import AnnotatorUnavailable, Check
from .model_inputs import Family, Normalisation
from .question import Message

_PICTURES = 6


@dataclass
class LocalModel:
    """The `generator.Generator` of a model in memory."""

    network: Any
    tokenizer: Any
    family: Family
    normalisation: Normalisation
    title: str
    pictures: int = _PICTURES

    @property
    def picture_size(self) -> int:
        return self.family.picture_size(self.network.config)

    @torch.inference_mode()
    def answer(self, conversation: Sequence[Message], max_tokens: int, check: Check) -> str:
        """Greedy decoding. `check` is called before each layer and each token. torch's errors of memory are passed on."""
        inputs = self._inputs(conversation)
        length = inputs["input_ids"].shape[1]
        with checked_before(_layers(self.network), check):
            tokens = self.network.generate(
                **inputs,
                max_new_tokens=max_tokens,
                do_sample=False,
                num_beams=1,
                eos_token_id=self._end_ids(),
                pad_token_id=self._end_ids()[0],
                stopping_criteria=[_Checking(check)],
            )
        return str(self.tokenizer.decode(tokens[0, length:], skip_special_tokens=True))

    def _inputs(self, conversation: Sequence[Message]) -> dict[str, Tensor]:
        config, device, dtype = self.network.config, self.network.device, self.network.dtype
        plain = [replace(message, content=tuple(map(self._plain, message.content))) for message in conversation]
        tokens = self.tokenizer(self.family.text(plain, config), return_tensors="pt")
        inputs = {"input_ids": tokens["input_ids"], "attention_mask": tokens["attention_mask"]}
        inputs |= self.family.token_inputs(inputs["input_ids"], config)
        pictures = [picture for message in conversation for picture in message.pictures]
        if pictures:
            inputs |= self.family.pixel_inputs(self.normalisation.apply(pictures).to(dtype), config)
        return {name: values.to(device) for name, values in inputs.items()}

    def _plain(self, part: Any) -> Any:
        """Text without what the tokenizer would read as a picture or as the end of a turn."""
        if isinstance(part, str):
            for token in self.tokenizer.get_added_vocab():
                part = part.replace(token, " ")
        return part

    def _end_ids(self) -> list[int]:
        known = self.tokenizer.get_vocab()
        ids = [known[token] for token in self.family.end_tokens if token in known]
        return ids or [self.tokenizer.eos_token_id]


class _Checking:
    """A stopping criterion that never stops, but lets the check raise Cancelled after each token."""

    def __init__(self, check: Check) -> None:
        self._check = check

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        self._check()
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


def _layers(network: torch.nn.Module) -> list[torch.nn.Module]:
    """Where to ask as well: reading the question takes long before the first token is there."""
    return [layer for module in network.modules() if isinstance(module, torch.nn.ModuleList) for layer in module]


@contextmanager
def local_model(
    folder: Path, family: Family, title: str, device: torch.device, reporter: Reporter
) -> Generator[FallingBack]:
    """A model for the block of a `with`, freed afterwards. AnnotatorUnavailable where it cannot be loaded."""
    model = FallingBack(lambda where: load_model(folder, family, title, where), title, device, reporter)
    try:
        model.load()
        yield model
    finally:
        model.free()


class FallingBack:
    """A `generator.Generator` that goes on on the CPU where the device's memory does not do."""

    def __init__(
        self, load: Callable[[torch.device], LocalModel], title: str, device: torch.device, reporter: Reporter
    ) -> None:
        self._load, self._title, self._device, self._reporter = load, title, device, reporter
        self._model: LocalModel | None = None

    @property
    def pictures(self) -> int:
        return self.load().pictures

    @property
    def picture_size(self) -> int:
        return self.load().picture_size

    def load(self) -> LocalModel:
        while self._model is None:
            try:
                self._model = self._load(self._device)
            except Exception as error:
                self._fall_back(error)
        return self._model

    def answer(self, conversation: Sequence[Message], max_tokens: int, check: Check) -> str:
        while True:
            try:
                return self.load().answer(conversation, max_tokens, check)
            except Exception as error:
                self._fall_back(error)

    def free(self) -> None:
        self._model = None
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _fall_back(self, error: Exception) -> None:
        """Raise whatever is no lack of memory; AnnotatorUnavailable where there is no more memory to go to."""
        if not out_of_memory(error):
            raise error
        self.free()
        if self._device.type == "cpu":
            raise AnnotatorUnavailable(
                "annotator-memory",
                f"There is not enough memory for {self._title}.",
                "Close other programs, or choose a smaller annotator.",
            ) from error
        self._reporter.warning(
            f"The GPU has not enough memory for {self._title}; it runs on the CPU, which takes longer."
        )
        self._device = torch.device("cpu")


def load_model(folder: Path, family: Family, title: str, device: torch.device) -> LocalModel:
    """AnnotatorUnavailable where the files cannot be loaded; errors of memory are passed on."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers import AutoModelForImageTextToText, AutoTokenizer

    try:
        with without_progress_bars():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            network: Any = AutoModelForImageTextToText.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=_dtype(device)
            )
        return LocalModel(
            network.eval().requires_grad_(False).to(device), tokenizer, family, Normalisation.of_folder(folder), title
        )
    except Exception as error:  # transformers raises errors of many types for invalid files
        if out_of_memory(error):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise AnnotatorUnavailable(
            "model-damaged",
            f"{title} cannot be loaded: {reason}",
            "Delete it among the models and download it again.",
        ) from error


def _dtype(device: torch.device) -> torch.dtype:
    """Half precision on a GPU; CPUs are no faster with it, and some far slower."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float16 if device.type == "mps" else torch.float32
