"""Sentence embeddings by all-MiniLM-L6-v2, run with transformers from files in the cache, without the Hugging Face hub.

The model is a BERT. The embedding of a sentence is the mean of its tokens' last hidden states, normalized to length one
(Reimers and Gurevych, "Sentence-BERT", arXiv 1908.10084, and the model's card).
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from ..contract.errors import UserError
from ..hub.progress_bars import without_progress_bars
from ..weights import TEXT_FOLDER, TEXT_WEIGHTS, status, weights_folder

TEXT_SIZE = 384
"""Dimensions of an embedding."""
_MAX_TOKENS = 256
"""Longer sentences are truncated; the network was trained on no more."""
_BATCH_SIZE = 64
_DOWNLOAD_HINT = "Press Download Networks in Blender's sidebar, or run `python -m core doctor --fix`."


@dataclass(frozen=True)
class SentenceEncoder:
    """A tokenizer and a network of transformers, loaded and on a device."""

    tokenizer: Any
    network: torch.nn.Module
    device: torch.device

    @torch.inference_mode()
    def encode(self, sentences: Sequence[str]) -> Float[np.ndarray, "N 384"]:
        """Unit embeddings; the cosine between two measures similarity in meaning. A sentence's embedding does not depend on the
        others in the batch."""
        found = np.zeros((len(sentences), TEXT_SIZE), np.float32)
        order = sorted(range(len(sentences)), key=lambda index: len(sentences[index]))  # keeps the padding short
        for start in range(0, len(order), _BATCH_SIZE):
            chosen = order[start : start + _BATCH_SIZE]
            found[chosen] = self._encode([sentences[index] for index in chosen])
        return found

    def _encode(self, sentences: list[str]) -> np.ndarray:
        tokens = self.tokenizer(sentences, padding=True, truncation=True, max_length=_MAX_TOKENS, return_tensors="pt")
        tokens = {name: values.to(self.device) for name, values in tokens.items()}
        hidden = self.network(**tokens).last_hidden_state
        mask = tokens["attention_mask"][..., None].to(hidden.dtype)
        mean = (hidden * mask).sum(1) / mask.sum(1).clamp_min(1)
        return torch.nn.functional.normalize(mean, dim=-1).float().cpu().numpy()


def load_encoder(folder: Path, device: torch.device | str = "cpu") -> SentenceEncoder:
    """Load an encoder from a folder with model.safetensors, config.json and the tokenizer's files.

    UserError `weight-missing` if there is none in the folder, `weight-damaged` if it cannot be loaded or does not give 384
    dimensions.
    """
    if not (folder / "model.safetensors").is_file():
        raise UserError("weight-missing", f"There is no sentence encoder in {folder}.", _DOWNLOAD_HINT)
    os.environ.setdefault(
        "TOKENIZERS_PARALLELISM", "false"
    )  # tokenizers otherwise warns in every process that forks later
    from transformers import AutoModel, AutoTokenizer

    try:
        with without_progress_bars():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            network = AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
            )
    except Exception as error:  # transformers raises errors of many types for invalid files
        raise UserError(
            "weight-damaged", f"The sentence encoder in {folder} cannot be loaded: {_first_line(error)}", _DOWNLOAD_HINT
        ) from error
    if network.config.hidden_size != TEXT_SIZE:
        raise UserError(
            "weight-damaged",
            f"The sentence encoder in {folder} has {network.config.hidden_size} dimensions, not {TEXT_SIZE}.",
            _DOWNLOAD_HINT,
        )
    return SentenceEncoder(tokenizer, network.eval().requires_grad_(False).to(device), torch.device(device))


def encoder_file() -> Path:
    """Path of the network's weights in the cache, whether or not they are there."""
    return weights_folder() / TEXT_FOLDER / "model.safetensors"


def load_cached_encoder(device: torch.device | str = "cpu", cache: Path | None = None) -> SentenceEncoder:
    """The encoder from the cache, without a download. UserError `weight-missing` or `weight-damaged`."""
    for file in status(TEXT_WEIGHTS, cache):
        if not file.present:
            raise UserError(
                f"weight-{file.state}", f"The sentence encoder is {file.state}: {file.path}.", _DOWNLOAD_HINT
            )
    return load_encoder(weights_folder(cache) / TEXT_FOLDER, device)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
