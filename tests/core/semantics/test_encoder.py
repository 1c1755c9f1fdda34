"""Embeddings are close where meanings are, and come from local files alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core.contract.errors import UserError
from core.semantics.encoder import TEXT_SIZE, SentenceEncoder, load_cached_encoder, load_encoder
from core.weights import TEXT_FOLDER, TEXT_WEIGHTS, status, weights_folder

WORDS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "two",
    "people",
    "hug",
    "shake",
    "hands",
    "one",
    "kicks",
    "the",
    "other",
    ".",
)


def save_tiny(folder: Path, width: int = TEXT_SIZE) -> Path:
    """A BERT of one layer with random weights and a vocabulary of a few words, in the files of a real one."""
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(3)
    vocabulary = folder / "vocab.txt"
    folder.mkdir(parents=True)
    vocabulary.write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    BertTokenizer(vocab=str(vocabulary)).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=width, num_hidden_layers=1, num_attention_heads=4, intermediate_size=32
    )
    BertModel(config).save_pretrained(folder)
    vocabulary.unlink()
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture(scope="module")
def real() -> SentenceEncoder:
    if not all(file.present for file in status(TEXT_WEIGHTS)):
        pytest.skip("the sentence encoder is not in the cache (python -m core doctor --fix)")
    return load_cached_encoder()


def test_an_embedding_is_the_normalized_mean_of_the_hidden_states(tiny: Path) -> None:
    from transformers import AutoModel

    ids = [2, 4, 5, 6, 13, 3]  # [CLS] two people hug . [SEP], counted by hand in WORDS
    with torch.inference_mode():
        hidden = AutoModel.from_pretrained(tiny)(input_ids=torch.tensor([ids])).last_hidden_state[0].double().numpy()
    mean = hidden.mean(0)
    found = load_encoder(tiny).encode(["Two people hug."])
    assert found.shape == (1, TEXT_SIZE) and found.dtype == np.float32
    np.testing.assert_allclose(found[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_the_batch_does_not_change_an_embedding(tiny: Path) -> None:
    encoder = load_encoder(tiny)
    many = ["one kicks the other " * (1 + i % 7) for i in range(70)] + ["two people hug"]
    together = encoder.encode(many)
    np.testing.assert_allclose(together[-1:], encoder.encode(["two people hug"]), atol=1e-5)
    np.testing.assert_allclose(together[3:4], encoder.encode(many[3:4]), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_empty_and_very_long_sentences_are_embedded(tiny: Path) -> None:
    encoder = load_encoder(tiny)
    assert encoder.encode([]).shape == (0, TEXT_SIZE)
    assert np.isfinite(encoder.encode(["", "hug " * 1000])).all()


def test_a_folder_without_an_encoder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_encoder(tmp_path)
    assert caught.value.code == "weight-missing"
    assert str(tmp_path) in caught.value.message and "core doctor --fix" in caught.value.hint


@pytest.mark.parametrize("damage", ["weights", "config", "width"])
def test_files_of_another_kind_are_refused(tmp_path: Path, damage: str) -> None:
    folder = save_tiny(tmp_path / "encoder", 64 if damage == "width" else TEXT_SIZE)
    if damage == "weights":
        (folder / "model.safetensors").write_bytes(b"not a model")
    if damage == "config":
        (folder / "config.json").write_text(json.dumps({"model_type": "no such kind"}), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_encoder(folder)
    assert caught.value.code == "weight-damaged" and str(folder) in caught.value.message


def test_the_cache_is_verified_before_it_is_used(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_cached_encoder(cache=tmp_path)
    assert caught.value.code == "weight-missing"
    save_tiny(weights_folder(tmp_path) / TEXT_FOLDER)
    with pytest.raises(UserError) as caught:
        load_cached_encoder(cache=tmp_path)
    assert caught.value.code == "weight-damaged"


@pytest.mark.slow
def test_transformers_is_imported_only_when_a_sentence_is_embedded() -> None:
    code = "import sys, core.semantics.encoder; sys.exit('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3]).returncode == 0


def test_sentences_of_the_same_meaning_are_close(real: SentenceEncoder) -> None:
    embeddings = real.encode(
        [
            "Two people shake hands.", "They greet each other with a handshake.", "Two people hug each other.",
            "One person embraces the other.", "One person kicks the other in the leg.", "The stock market fell today.",
        ]
    )  # fmt: skip
    near = embeddings @ embeddings.T
    assert near[0, 1] > max(near[0, 2:]) and near[2, 3] > max(near[2, 4:])
    assert near[0, 5] < 0.2 < near[0, 1]


def test_the_real_encoder_gives_the_published_similarities(real: SentenceEncoder) -> None:
    """The example sentences of the model's page on the hub, and the similarities that it shows for them (0.695 and 0.943)."""
    embeddings = real.encode(["That is a happy person", "That is a happy dog", "That is a very happy person"])
    assert embeddings[0] @ embeddings[1] == pytest.approx(0.6946, abs=2e-3)
    assert embeddings[0] @ embeddings[2] == pytest.approx(0.9429, abs=2e-3)
