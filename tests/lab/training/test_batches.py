"""Batches of windows of training examples."""

from __future__ import annotations

import numpy as np
import torch

from lab.training.batches import BatchSampler, cut_windows, whole_clip
from lab.training.sentence_embeddings import SentenceEmbeddings
from tests.lab.training.synthetic_interaction import simulated_examples


def test_a_window_is_a_part_of_the_clip() -> None:
    example = simulated_examples()[0]
    batch = cut_windows([example], [3], 8, torch.zeros(1, 384))
    assert np.array_equal(batch.nodes[0].numpy(), example.nodes[:, 3:11].astype(np.float32))
    assert batch.nodes.dtype == torch.float32 and bool(batch.valid.all())


def test_a_clip_that_is_too_short_repeats_its_last_frame() -> None:
    batch = cut_windows(simulated_examples(), [0, 0, 0, 0], 12, torch.zeros(4, 384))
    assert batch.valid.sum(1).tolist() == [12, 10, 12, 10]
    padded = batch.reference_joints[1, :, 9:]
    assert torch.equal(padded, padded[:, :1].expand_as(padded))


def test_a_drawn_batch_has_windows_and_sentences_of_the_examples() -> None:
    examples = simulated_examples()
    sentences = sorted({sentence for example in examples for sentence in example.sentences})
    vectors = np.arange(1, len(sentences) + 1, dtype=np.float32)[:, None].repeat(384, 1)
    batch = BatchSampler(examples, SentenceEmbeddings(sentences, vectors), "cpu")(np.random.default_rng(1), 5, 8)
    assert batch.shape == (5, 2, 8) and bool(batch.valid.all())
    assert set(batch.text[:, 0].tolist()) <= set(vectors[:, 0].tolist())


def test_a_whole_clip_has_its_first_sentence() -> None:
    example = simulated_examples()[0]
    embeddings = SentenceEmbeddings(example.sentences[:2], np.eye(2, 384, dtype=np.float32))
    batch = whole_clip(example, embeddings, "cpu")
    assert batch.shape == (1, 2, example.frames)
    assert batch.text[0].nonzero().flatten().tolist() == [0]
