"""The sentence that the ST-GCN is told, of the clip and of its mirror image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from core.pipeline import stages
from core.pipeline.annotation_stages import Words
from core.reporting import SilentReporter


class Encoder:
    """Counts words instead of understanding them."""

    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        found = np.zeros((len(sentences), stages.TEXT_SIZE), np.float32)
        for row, sentence in zip(found, sentences):
            row[:3] = [sentence.lower().count(word) for word in ("left", "right", "hand")]
        return found


def told(text: str, monkeypatch: pytest.MonkeyPatch) -> stages.PromptEmbedding:
    monkeypatch.setattr(stages, "_encoder", lambda _: Encoder())
    made = stages.sentence.function(Words(text, ()), "", torch.device("cpu"), SilentReporter())
    assert isinstance(made, stages.PromptEmbedding)
    return made


def test_the_mirror_image_is_told_the_other_side(monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = told("One lays the left hand on the other's left shoulder.", monkeypatch)
    assert sentence.given
    assert sentence.embedding[:3].tolist() == [2, 0, 1] and sentence.mirrored[:3].tolist() == [0, 2, 1]


def test_without_a_prompt_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not told("", monkeypatch).given
