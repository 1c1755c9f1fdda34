"""Models of the hub are run from their folders; what they are given is what transformers' own processors would give them."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core.annotator.annotate import ShownStretch, ask
from core.annotator.answer import Shown
from core.annotator.generator import AnnotatorUnavailable
from core.annotator.local_model import FallingBack, LocalModel, load_model, local_model
from core.annotator.model_inputs import Family, Normalisation, Qwen3Vl, SmolVlm
from core.annotator.question import Message, first_question
from core.contract.errors import Cancelled
from core.contract.reconstruction import load_info
from core.contract.requests import ReconstructRequest
from core.hub import store
from core.pipeline.jobs import reconstruct
from core.reporting import SilentReporter
from tests.core.annotator.tiny_models import save_qwen3_vl, save_smolvlm
from tests.core.hub.installing import seal

pytestmark = pytest.mark.slow
CPU = torch.device("cpu")
CONVERSATION = (
    Message("user", ("Picture 1:", np.zeros((64, 64, 3), np.uint8), "What?")),
    Message("assistant", ("No.",)),
    Message("user", ("Again.",)),
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {"smolvlm": save_smolvlm(root / "smolvlm"), "qwen3-vl": save_qwen3_vl(root / "qwen3-vl")}


@pytest.fixture(params=["smolvlm", "qwen3-vl"])
def model(request: pytest.FixtureRequest, folders: dict[str, Path]) -> LocalModel:
    families: dict[str, Family] = {"smolvlm": SmolVlm(), "qwen3-vl": Qwen3Vl()}
    return load_model(folders[request.param], families[request.param], request.param, CPU)


def pictures_for(model: LocalModel, count: int) -> list[np.ndarray]:
    size = model.picture_size
    return [np.random.default_rng(seed).integers(0, 255, (size, size, 3), np.uint8) for seed in range(count)]


def test_a_tiny_model_answers_nonsense_the_same_each_time_and_it_is_refused(model: LocalModel):
    pictures = pictures_for(model, 2)
    question = first_question(pictures, [0.0, 1.0])
    first = model.answer([question], 12, lambda: None)
    assert first == model.answer([question], 12, lambda: None)
    assert len(first) <= 12
    outcome = ask(model, ShownStretch(Shown((0, 5), 0, 9), tuple(pictures), (0.0, 1.0)), 12, lambda: None)
    assert isinstance(outcome, str) and outcome  # after the further question, which holds the nonsense, too


def test_pictures_matter_to_the_answer(model: LocalModel):
    """The logits of the first token change with the picture: it has reached the model at the places that are meant for it."""
    logits: list[torch.Tensor] = []
    with model.network.register_forward_hook(lambda network, inputs, output: logits.append(output.logits[0, -1])):
        for picture in pictures_for(model, 2):
            model.answer([first_question([picture], [0.0])], 1, lambda: None)
    assert len(logits) == 2 and (logits[0] - logits[1]).abs().max() > 1e-4


def test_special_tokens_in_what_a_model_said_are_text(model: LocalModel):
    tokens = " ".join(model.tokenizer.get_added_vocab())
    read: list[torch.Tensor] = []

    def note(network: torch.nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        read.append(named["input_ids"])

    with model.network.register_forward_pre_hook(note, with_kwargs=True):
        for said in (f"{tokens} hm", "hm"):
            conversation = [first_question(pictures_for(model, 1), [0.0]), Message("assistant", (said,))]
            model.answer(conversation, 1, lambda: None)
    for special in model.tokenizer.get_added_vocab().values():
        assert int((read[0] == special).sum()) == int((read[1] == special).sum())


@pytest.mark.parametrize("after", [1, 3, 40])
def test_cancelling_stops_within_a_layer(model: LocalModel, after: int):
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls >= after:
            raise Cancelled

    with pytest.raises(Cancelled):
        model.answer([first_question(pictures_for(model, 1), [0.0])], 200, check)
    assert calls == after
    model.answer([first_question(pictures_for(model, 1), [0.0])], 1, lambda: None)
    assert calls == after, "a later question still asks the cancelled job's check"


def test_smolvlm_reads_conversations_as_its_template_writes_them():
    from jinja2 import Environment
    from transformers.models.smolvlm import processing_smolvlm as theirs

    config: Any = SimpleNamespace(vision_config=SimpleNamespace(image_size=512, patch_size=16), scale_factor=4)
    messages = [
        {
            "role": message.role,
            "content": [
                {"type": "text", "text": part} if isinstance(part, str) else {"type": "image"}
                for part in message.content
            ],
        }
        for message in CONVERSATION
    ]
    template = Environment().from_string(theirs.DEFAULT_CHAT_TEMPLATE)
    image = theirs.get_image_prompt_string(0, 0, 64, "<fake_token_around_image>", "<image>", "<global-img>")
    expected = template.render(messages=messages, add_generation_prompt=True).replace("<image>", image)
    assert SmolVlm().text(CONVERSATION, config) == expected
    turned = (Message("user", CONVERSATION[0].content[1:]),)  # begins with the picture
    assert SmolVlm().text(turned, config).startswith("<|im_start|>User:<fake_token")


def test_pixels_are_those_of_transformers_processors():
    pytest.importorskip("PIL")
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    pictures = [np.random.default_rng(seed).integers(0, 255, (512, 512, 3), np.uint8) for seed in range(2)]
    pixels = Normalisation().apply(pictures)
    smol: Any = SmolVLMImageProcessorPil(size={"longest_edge": 512}, max_image_size={"longest_edge": 512})
    theirs = smol(images=[pictures], do_image_splitting=False, return_tensors="pt")
    torch.testing.assert_close(
        SmolVlm().pixel_inputs(pixels, None)["pixel_values"], theirs["pixel_values"], atol=1e-5, rtol=0
    )
    vision = SimpleNamespace(patch_size=16, spatial_merge_size=2, temporal_patch_size=2)
    qwen: Any = Qwen2VLImageProcessorPil(patch_size=16, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    theirs = qwen(images=pictures, return_tensors="pt")
    ours = Qwen3Vl().pixel_inputs(pixels, SimpleNamespace(vision_config=vision))
    assert ours["image_grid_thw"].tolist() == theirs["image_grid_thw"].tolist() == [[1, 32, 32]] * 2
    torch.testing.assert_close(ours["pixel_values"], theirs["pixel_values"], atol=1e-5, rtol=0)


def test_damaged_files_are_said_and_a_wrong_normalisation_is_refused(folders: dict[str, Path], tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(AnnotatorUnavailable, match="cannot be loaded") as raised:
        load_model(tmp_path, SmolVlm(), "SmolVLM2", CPU)
    assert raised.value.code == "model-damaged"
    (tmp_path / "preprocessor_config.json").write_text('{"image_std": [0, 1, 1]}')
    with pytest.raises(ValueError, match="normalisation"):
        Normalisation.of_folder(tmp_path)


def test_a_lack_of_memory_on_the_gpu_falls_back_to_the_cpu_and_there_is_said():
    tried: list[str] = []

    class Full:
        pictures, picture_size = 1, 8

        def answer(self, *_: Any) -> str:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    def load(device: torch.device) -> Any:
        tried.append(device.type)
        return Full()

    reporter = SilentReporter()
    model = FallingBack(load, "SmolVLM2", torch.device("cuda"), reporter)
    with pytest.raises(AnnotatorUnavailable, match="not enough memory for SmolVLM2"):
        model.answer([], 1, lambda: None)
    assert tried == ["cuda", "cpu"] and "runs on the CPU" in reporter.warnings[0]


def test_a_model_is_freed_after_its_block(folders: dict[str, Path]):
    with local_model(folders["smolvlm"], SmolVlm(), "SmolVLM2", CPU, SilentReporter()) as model:
        assert model.picture_size == 64
        network = weakref.ref(model.load().network)
    gc.collect()
    assert network() is None


def test_a_whole_job_with_a_tiny_model_of_the_hub_goes_on_without_its_nonsense(
    clip_file, tmp_path, quick, recorder, monkeypatch
):
    """As a user would have it: the model lies in the folder of models, sealed, and is chosen by its name."""
    monkeypatch.setenv(store.MODELS_VARIABLE, str(tmp_path / "hub"))
    save_smolvlm(tmp_path / "hub" / "smolvlm2-500m")
    seal("smolvlm2-500m")
    reconstruct(ReconstructRequest(clip_file, annotator="smolvlm2-500m"), tmp_path / "out", recorder)
    info = load_info(tmp_path / "out")
    assert info.annotation is None and "annotation" in info.seconds
    assert any("SmolVLM2 500M gave no usable answer" in warning for warning in info.warnings)
