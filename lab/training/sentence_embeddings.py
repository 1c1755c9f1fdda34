"""Embeddings of the sentences that describe examples: each sentence is encoded once and kept in a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.contract.errors import UserError
from core.contract.files import read_npz, write_npz
from core.semantics.encoder import TEXT_SIZE, SentenceEncoder


class SentenceEmbeddings:
    """A table of embeddings. Empty and unknown sentences have a row of zeros, which the models take for no text."""

    def __init__(self, sentences: Sequence[str] = (), vectors: Float[np.ndarray, "N 384"] | None = None) -> None:
        self._row = {sentence: index + 1 for index, sentence in enumerate(sentences) if sentence}
        known = np.zeros((0, TEXT_SIZE), np.float32) if vectors is None else vectors
        self._table = torch.from_numpy(np.concatenate([np.zeros((1, TEXT_SIZE), np.float32), known]))

    def __len__(self) -> int:
        return len(self._row)

    def lookup(self, sentences: Sequence[str]) -> Float[Tensor, "B 384"]:
        rows = torch.tensor([self._row.get(sentence, 0) for sentence in sentences], dtype=torch.long)
        return self._table[rows]


def embed_sentences(
    sentences: Iterable[str], encoder: SentenceEncoder | None, file: Path | None = None
) -> SentenceEmbeddings:
    """Embed each sentence once; embeddings in `file` are reused, and new ones are added to it.

    Without an encoder, only sentences in the file are known. UserError `file-unreadable` if the file holds something else.
    """
    wanted = sorted({sentence for sentence in sentences if sentence})
    known: dict[str, np.ndarray] = {}
    if file is not None and file.exists():
        record = read_npz(file)
        if record["vectors"].shape != (len(record["sentences"]), TEXT_SIZE):
            raise UserError("file-unreadable", f"{file} does not hold sentence embeddings.", "Delete it and run again.")
        known = dict(zip(record["sentences"].tolist(), record["vectors"]))
    new = [sentence for sentence in wanted if sentence not in known]
    if new and encoder is not None:
        known |= dict(zip(new, encoder.encode(new)))
        if file is not None:
            write_npz(file, {"sentences": np.array(list(known)), "vectors": np.stack(list(known.values()))})
    found = [sentence for sentence in wanted if sentence in known]
    return SentenceEmbeddings(found, np.stack([known[sentence] for sentence in found]) if found else None)
