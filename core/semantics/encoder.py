"""Sentences as numbers: all-MiniLM-L6-v2, run through transformers from files on this machine.

The network is a BERT; a sentence's numbers are the mean of its words' last states, padding left out, scaled to length one
(Reimers and Gurevych, "Sentence-BERT", arXiv 1908.10084, and the model's own card). Nothing asks a hub.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..contract.errors import UserError
from ..reporting import Reporter
from ..weights import TEXT_FOLDER, TEXT_WEIGHTS, ensure, status, weights_folder

TEXT_SIZE = 384
"""Numbers a sentence."""
_LONGEST = 256
"""Words (pieces of them) of a sentence that count; the network was trained on no more."""
_BATCH = 64
_FETCH = "Run `python -m core weights --text` where there is a network."


@dataclass(frozen=True)
class SentenceEncoder:
    """A tokenizer and a network of transformers, ready to run."""

    tokenizer: Any
    network: torch.nn.Module
    device: torch.device

    @torch.inference_mode()
    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        """Sentences [N] -> float32 [N,384] of length one: near in meaning, near in angle. The same alone as among others."""
        found = np.zeros((len(sentences), TEXT_SIZE), np.float32)
        order = sorted(range(len(sentences)), key=lambda index: len(sentences[index]))  # so that little is padded
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            found[chosen] = self._encode([sentences[index] for index in chosen])
        return found

    def _encode(self, sentences: list[str]) -> np.ndarray:
        words = self.tokenizer(sentences, padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt")
        words = {name: values.to(self.device) for name, values in words.items()}
        states = self.network(**words).last_hidden_state
        counts = words["attention_mask"][..., None].to(states.dtype)
        mean = (states * counts).sum(1) / counts.sum(1).clamp_min(1)
        return torch.nn.functional.normalize(mean, dim=-1).float().cpu().numpy()


def load_encoder(folder: Path, device: torch.device | str = "cpu") -> SentenceEncoder:
    """Load what `folder` holds: model.safetensors, config.json and a tokenizer's files.

    UserError `weight-missing` where there is no such folder, `weight-damaged` where its files are no encoder of 384 numbers.
    """
    if not (folder / "model.safetensors").is_file():
        raise UserError("weight-missing", f"There is no sentence encoder in {folder}.", _FETCH)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # else it warns in every process that forks later
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        network = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
    except Exception as error:  # transformers has no error of its own for files that are not what they should be
        raise UserError(
            "weight-damaged", f"The sentence encoder in {folder} cannot be loaded: {_first_line(error)}", _FETCH
        ) from error
    finally:
        if bars:
            logging.enable_progress_bar()
    if network.config.hidden_size != TEXT_SIZE:
        raise UserError(
            "weight-damaged",
            f"The sentence encoder in {folder} gives {network.config.hidden_size} numbers a sentence, not {TEXT_SIZE}.",
            _FETCH,
        )
    return SentenceEncoder(tokenizer, network.eval().requires_grad_(False).to(device), torch.device(device))


def encoder_file(cache: Path | None = None) -> Path:
    """Where the network's weights lie, or would."""
    return weights_folder(cache) / TEXT_FOLDER / "model.safetensors"


def load_cached_encoder(device: torch.device | str = "cpu", cache: Path | None = None) -> SentenceEncoder:
    """The encoder from the cache, never from the network. UserError `weight-missing` or `weight-damaged` otherwise."""
    for file in status(TEXT_WEIGHTS, cache):
        if not file.present:
            raise UserError(f"weight-{file.state}", f"The sentence encoder is {file.state}: {file.path}.", _FETCH)
    return load_encoder(weights_folder(cache) / TEXT_FOLDER, device)


def fetch_encoder(reporter: Reporter, device: torch.device | str = "cpu") -> SentenceEncoder:
    """The encoder from the cache, after a download (once, 84 MB) where it is not there. UserError as `weights.ensure`."""
    return load_encoder(ensure(TEXT_WEIGHTS, reporter)["text_model"].parent, device)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
