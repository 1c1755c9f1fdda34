"""Sentence embeddings: each sentence is encoded once and kept in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.contract.errors import UserError
from core.contract.files import write_npz
from lab.training.sentence_embeddings import embed_sentences


class CountingEncoder:
    """Its embeddings are the lengths of the sentences."""

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, sentences: list[str]) -> np.ndarray:
        self.encoded += sentences
        return np.stack([np.full(384, len(sentence), np.float32) for sentence in sentences])


def test_each_sentence_is_encoded_once(tmp_path: Path) -> None:
    encoder, file = CountingEncoder(), tmp_path / "sentences.npz"
    embed_sentences(["hug", "", "kick them"], encoder, file)  # pyright: ignore[reportArgumentType]
    embeddings = embed_sentences(["hug", "push", "hug"], encoder, file)  # pyright: ignore[reportArgumentType]
    assert sorted(encoder.encoded) == ["hug", "kick them", "push"] and len(embeddings) == 2
    assert embeddings.lookup(["push", "", "unknown", "hug"])[:, 0].tolist() == [4.0, 0.0, 0.0, 3.0]
    assert embed_sentences(["kick them"], None, file).lookup(["kick them"])[0, 0] == 9.0


def test_a_file_without_embeddings_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sentences.npz"
    write_npz(file, {"sentences": np.array(["hug"]), "vectors": np.zeros((1, 5), np.float32)})
    with pytest.raises(UserError) as caught:
        embed_sentences(["hug"], None, file)
    assert caught.value.code == "file-unreadable"
