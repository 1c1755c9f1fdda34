"""Which annotator is taken: what the user names, or one that is on this machine; a server is never asked unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from core.annotator import choosing
from core.annotator.choosing import AnnotatorChoice, choose_annotator
from core.contract.annotators import ANNOTATORS
from core.contract.errors import UserError
from core.hub import store
from core.hub.catalogue import CATALOGUE
from tests.core.hub.installing import seal

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
SMALL, LARGE = "smolvlm2-500m", "qwen3-vl-4b"


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of models."""
    monkeypatch.setenv(store.MODELS_VARIABLE, str(tmp_path))
    return tmp_path


def install(hub: Path, name: str, weights: bytes = b"weights") -> None:
    folder = hub / name
    folder.mkdir(exist_ok=True)
    for pattern in CATALOGUE[name].files:
        (folder / pattern.replace("*", "model")).write_bytes(weights if "safetensors" in pattern else b"{}")
    seal(name)


def chosen(name: str, device: torch.device = CPU, **fields: Any) -> str:
    annotator = choose_annotator(AnnotatorChoice(name, **fields), device)
    return "" if annotator is None else annotator.title


def test_all_models_that_can_be_named_are_in_the_catalogue():
    assert {SMALL, LARGE} == set(ANNOTATORS) & set(CATALOGUE)


def test_without_any_model_nothing_is_asked_and_one_that_is_named_is_said_to_be_missing():
    assert chosen("auto") == chosen("off") == chosen("auto", url="http://localhost:1/v1") == ""
    with pytest.raises(UserError) as raised:
        chosen(SMALL)
    assert raised.value.code == "model-missing" and SMALL in raised.value.hint


def test_the_large_model_is_taken_unasked_only_on_a_gpu_with_room_for_it(hub: Path, monkeypatch: pytest.MonkeyPatch):
    free = [0.0]
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (int(free[0] * 1e9), int(80e9)))
    install(hub, LARGE)
    assert chosen("auto") == "" and chosen(LARGE) == CATALOGUE[LARGE].title
    install(hub, SMALL)
    assert chosen("auto") == chosen("auto", CUDA) == CATALOGUE[SMALL].title
    free[0] = 40.0
    assert chosen("auto", CUDA) == CATALOGUE[LARGE].title
    assert chosen("off", CUDA) == ""


def test_other_weights_and_another_question_are_another_key(hub: Path, monkeypatch: pytest.MonkeyPatch):
    def key() -> str:
        annotator = choose_annotator(AnnotatorChoice(SMALL), CPU)
        assert annotator is not None
        return annotator.key

    install(hub, SMALL)
    first = key()
    install(hub, SMALL, b"others!")
    second = key()
    monkeypatch.setattr(choosing, "QUESTION_VERSION", 99)
    assert len({first, second, key()}) == 3


def test_a_server_is_told_apart_by_its_address_and_model_but_not_by_its_key():
    def key(**fields: str) -> str:
        annotator = choose_annotator(AnnotatorChoice("server", **fields), CPU)
        assert annotator is not None
        return annotator.key

    first = key(url="http://localhost:1/v1", model="a", key="k")
    assert first == key(url="http://localhost:1", model="a", key="other")
    assert len({first, key(url="http://localhost:2", model="a"), key(url="http://localhost:1", model="b")}) == 3
    with pytest.raises(UserError, match="cannot be used"):
        key(url="")
