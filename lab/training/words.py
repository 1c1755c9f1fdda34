"""Sentences of examples as numbers, each worked out once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.contract.errors import UserError
from core.contract.files import read_npz, write_npz
from core.semantics.encoder import TEXT_SIZE, SentenceEncoder


class Words:
    """The numbers of each known sentence; zeros, which models take for no text, for the empty and the unknown."""

    def __init__(self, sentences: Sequence[str] = (), vectors: np.ndarray | None = None) -> None:
        """`vectors` float32 [N,384] of the N sentences."""
        self._place = {sentence: index + 1 for index, sentence in enumerate(sentences) if sentence}
        known = np.zeros((0, TEXT_SIZE), np.float32) if vectors is None else vectors
        self._table = torch.from_numpy(np.concatenate([np.zeros((1, TEXT_SIZE), np.float32), known]))

    def __len__(self) -> int:
        return len(self._place)

    def of(self, sentences: Sequence[str], device: torch.device | str = "cpu") -> Tensor:
        """[B] sentences -> [B,384]"""
        rows = torch.tensor([self._place.get(sentence, 0) for sentence in sentences], dtype=torch.long)
        return self._table[rows].to(device)


def words_of(sentences: Iterable[str], encoder: SentenceEncoder | None, kept: Path | None = None) -> Words:
    """Encode each sentence once; those in the file `kept` are not encoded again, and new ones are added to it.

    Without an encoder only what is in the file is known.
    """
    wanted = sorted({sentence for sentence in sentences if sentence})
    known: dict[str, np.ndarray] = {}
    if kept is not None and kept.exists():
        record = read_npz(kept)
        if record["vectors"].shape != (len(record["sentences"]), TEXT_SIZE):
            raise UserError("file-unreadable", f"{kept} does not hold sentences' numbers.", "Delete it and run again.")
        known = dict(zip(record["sentences"].tolist(), record["vectors"]))
    new = [sentence for sentence in wanted if sentence not in known]
    if new and encoder is not None:
        known |= dict(zip(new, encoder.encode(new)))
        if kept is not None:
            write_npz(kept, {"sentences": np.array(list(known)), "vectors": np.stack(list(known.values()))})
    there = [sentence for sentence in wanted if sentence in known]
    return Words(there, np.stack([known[sentence] for sentence in there]) if there else None)
