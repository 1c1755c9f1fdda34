"""The hub's networks of the 2D stage: tiny random ones of the real classes, loaded and run by the product's code."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from core.contract.errors import Cancelled, UserError
from core.perception.hub import person_detector
from core.perception.hub.keypoints import (
    TARGET_SPREAD,
    VITPOSE,
    CropOfBox,
    KeypointQuery,
    VitPose,
    decode,
    moments,
    refined_maxima,
)
from core.perception.hub.networks import available, choose_tracker, hub_identity, load_hub_networks, tracker_notice
from core.perception.hub.person_detector import D_FINE, RF_DETR, DetrDetector
from core.perception.hub.pictures import Preparation
from core.perception.hub.running import HubNetwork, NoMemory
from core.perception.hub.video_masks import MASK_SIDE, SAM2, MaskPrompt, Sam2, prompt_points
from core.reporting import Pulse, SilentReporter
from tests.core.perception.hub import tiny_models

_CPU = torch.device("cpu")
_HEAT = (64, 48)


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for models."""
    monkeypatch.setenv("SOCIALMIRROR_MODELS", str(tmp_path))
    return tmp_path


@pytest.fixture
def picture() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 255, (12, 20, 3)).astype(np.uint8)
    return cv2.resize(noise, (160, 96), interpolation=cv2.INTER_CUBIC)


def _pulse() -> Pulse:
    return Pulse(SilentReporter())


def test_missing_models_are_named_with_the_way_to_get_them() -> None:
    assert tracker_notice("", "auto") == ""
    assert not available() and choose_tracker("auto", torch.device("cuda")) == "" == choose_tracker("embedded", _CPU)
    with pytest.raises(UserError) as caught:
        choose_tracker("hub", _CPU)
    assert caught.value.code == "model-missing" and "rf-detr-seg" in caught.value.hint


def test_installed_models_are_chosen_where_there_is_a_gpu_and_stand_in_the_key() -> None:
    tiny_models.save_all()
    assert available() and choose_tracker("auto", _CPU) == ""
    key = choose_tracker("auto", torch.device("cuda"))
    assert key == hub_identity() == choose_tracker("hub", _CPU)
    assert "SAM 2.1" in tracker_notice(key, "auto") and "without a GPU" in tracker_notice("", "auto")
    tiny_models.save_vitpose(keypoints=16)
    assert hub_identity() != key


def test_a_person_detector_answers_as_transformers_processor_does(
    picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import DFineForObjectDetection, RTDetrImageProcessorPil

    folder = tiny_models.save_d_fine()
    monkeypatch.setattr(person_detector, "LEAST_SCORE", 0.0)
    [found] = DetrDetector(HubNetwork(D_FINE, _CPU, _pulse())).find([picture])
    processor = RTDetrImageProcessorPil(size={"height": 64, "width": 64})
    inputs = processor(images=[picture], return_tensors="pt")
    ours = Preparation.of_folder(folder, Preparation(None)).prepared([picture], _CPU, torch.float32)
    assert (ours - inputs["pixel_values"]).abs().max() < 1.5 / 255
    with torch.inference_mode():
        outputs = DFineForObjectDetection.from_pretrained(folder).eval()(pixel_values=ours)
    [theirs] = processor.post_process_object_detection(outputs, threshold=0.0, target_sizes=[picture.shape[:2]])
    people = [
        (score.item(), box.numpy())
        for score, label, box in zip(theirs["scores"], theirs["labels"], theirs["boxes"])
        if label == 0
    ]
    assert len(found) == 10 and people
    for score, box in people:
        nearest = min(found, key=lambda each: float(np.abs(each.box - box).sum()))
        assert nearest.score == pytest.approx(score, abs=1e-5) and nearest.mask is None
        assert nearest.box == pytest.approx(box.clip(0, [160, 96, 160, 96]), abs=1e-3)


def test_rf_detr_gives_people_best_first_with_masks_of_the_whole_picture(
    picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_models.save_rf_detr()
    detector = DetrDetector(HubNetwork(RF_DETR, _CPU, _pulse()))
    assert detector.find([picture, picture]) == [[], []], "a random network is sure of nobody"
    monkeypatch.setattr(person_detector, "LEAST_SCORE", 0.0)
    first, second = detector.find([picture, picture])
    assert len(first) == 6 and [each.score for each in first] == sorted((each.score for each in first), reverse=True)
    for each, again in zip(first, second):
        assert each.mask is not None and each.mask.shape == (12, 12) and each.mask.dtype == np.uint8
        assert (each.box >= 0).all() and (each.box <= [160, 96, 160, 96]).all() and np.array_equal(each.box, again.box)


def test_a_network_without_people_or_of_another_kind_is_refused(picture: np.ndarray) -> None:
    folder = tiny_models.save_d_fine()
    config = json.loads((folder / "config.json").read_text())
    config["id2label"], config["label2id"] = {"0": "cat", "1": "dog"}, {"cat": 0, "dog": 1}
    (folder / "config.json").write_text(json.dumps(config))
    tiny_models.seal(D_FINE.name)
    with pytest.raises(UserError) as caught:
        DetrDetector(HubNetwork(D_FINE, _CPU, _pulse())).find([picture])
    assert caught.value.code == "model-damaged" and "person" in caught.value.message
    tiny_models.save_vitpose(keypoints=21)
    with pytest.raises(UserError) as caught:
        VitPose(HubNetwork(VITPOSE, _CPU, _pulse())).predict(
            [KeypointQuery(picture, np.array([0, 0, 50, 90], np.float32))]
        )
    assert "21 keypoints" in caught.value.message


def test_keypoints_are_cropped_and_read_as_transformers_processor_does(picture: np.ndarray) -> None:
    from transformers import VitPoseImageProcessorPil

    processor: Any = VitPoseImageProcessorPil()
    box = np.array([30, 8, 80, 92], np.float32)
    boxes = [[[30.0, 8.0, 50.0, 84.0]]]
    crop = CropOfBox.around(box, (192, 256))
    theirs = processor(images=[picture], boxes=boxes, return_tensors="pt")["pixel_values"]
    cut = torch.from_numpy(crop.cut(picture)).permute(2, 0, 1)[None].float()
    ours = Preparation((256, 192)).normalized(cut)
    inside = (slice(None), slice(None), slice(20, -20), slice(20, -20))
    assert (ours - theirs)[inside].abs().max() < 2.5 / 255 / 0.22, "within two grey levels of bilinear sampling"
    maps = _gaussians(np.random.default_rng(1).uniform(8, 38, (17, 2)), 2.0)
    outputs = type("Outputs", (), {"heatmaps": torch.from_numpy(maps)[None]})()
    [[answer]] = processor.post_process_pose_estimation(outputs, boxes=boxes)
    assert decode(crop, maps).points == pytest.approx(answer["keypoints"].numpy(), abs=0.02)


def _gaussians(cells: np.ndarray, spread: float, height: float = 1.0) -> np.ndarray:
    """float32 [n,h,w], maps with a Gaussian around each of cells [n,2]."""
    y, x = np.mgrid[: _HEAT[0], : _HEAT[1]]
    squared = (x - cells[:, 0, None, None]) ** 2 + (y - cells[:, 1, None, None]) ** 2
    return (height * np.exp(-squared / (2 * spread**2))).astype(np.float32)


def test_a_heat_map_gives_the_keypoints_probability_and_the_covariance_of_its_error() -> None:
    cells = np.full((1, 2), 24.0)
    sharp = _gaussians(cells, TARGET_SPREAD, 0.8)
    confidence, covariance = moments(sharp, refined_maxima(sharp))
    assert confidence[0] == pytest.approx(0.8, abs=0.02) and np.sqrt(covariance[0, 0, 0]) < 0.6
    # known to three cells: what has to be drawn is a Gaussian as wide as both deviations, and as much lower
    wide = np.hypot(TARGET_SPREAD, 3.0)
    blurred = _gaussians(cells, wide, (TARGET_SPREAD / wide) ** 2)
    confidence, covariance = moments(blurred, refined_maxima(blurred))
    assert np.sqrt(np.diagonal(covariance[0])) == pytest.approx([3.0, 3.0], rel=0.05) and confidence[0] > 0.75
    # left or right, one as likely as the other: half of the probability, and a covariance that reaches across
    either = _gaussians(cells - [8, 0], TARGET_SPREAD, 0.52) + _gaussians(cells + [8, 0], TARGET_SPREAD, 0.48)
    confidence, covariance = moments(either, refined_maxima(either))
    assert confidence[0] == pytest.approx(0.52, abs=0.03)
    assert np.sqrt(covariance[0, 0, 0]) > 8 and np.sqrt(covariance[0, 1, 1]) < 1
    nothing = np.zeros((1, *_HEAT), np.float32)
    confidence, covariance = moments(nothing, refined_maxima(nothing))
    assert confidence[0] == 0 and np.isfinite(covariance).all()


def test_other_peoples_pixels_are_faded_in_a_persons_crop(picture: np.ndarray) -> None:
    crop = CropOfBox.around(np.array([40, 8, 90, 90], np.float32), (192, 256))
    others = np.zeros((48, 80), np.uint8)
    others[:, 32:] = 255
    plain, seen = crop.cut(picture).astype(int), crop.cut(picture, others).astype(int)
    assert np.array_equal(plain[:, :80], seen[:, :80])
    right = np.abs(seen[60:200, 110:] - 124).mean() / np.abs(plain[60:200, 110:] - 124).mean()
    assert right == pytest.approx(0.4, abs=0.05)


def test_keypoints_of_the_real_class_lie_in_the_crop(picture: np.ndarray) -> None:
    tiny_models.save_vitpose()
    box = np.array([30, 8, 80, 92], np.float32)
    found = VitPose(HubNetwork(VITPOSE, _CPU, _pulse())).predict([KeypointQuery(picture, box)] * 3)
    crop = CropOfBox.around(box, (192, 256))
    assert len(found) == 3
    for each in found:
        assert (np.abs(each.points - crop.centre) <= crop.extent).all()
        assert (np.linalg.eigvalsh(each.covariance) > 0).all() and np.array_equal(each.points, found[0].points)


def _prompts() -> list[MaskPrompt]:
    none = np.zeros((0, 2))
    return [
        MaskPrompt(np.array([10, 10, 60, 80], np.float32), np.array([[30.0, 40.0]]), none),
        MaskPrompt(np.array([80, 10, 140, 90], np.float32), none, np.array([[90.0, 40.0]])),
    ]


def test_boxes_and_clicks_become_sams_points() -> None:
    points, labels = prompt_points(_prompts()[0], (160, 96), 1024)
    assert labels.tolist() == [2, 3, 1]
    assert points.tolist() == [[64, 1024 * 10 / 96], [384, 1024 * 80 / 96], [192, 1024 * 40 / 96]] or np.allclose(
        points, np.array([[10, 10], [60, 80], [30, 40]]) * [1024 / 160, 1024 / 96]
    )
    assert prompt_points(_prompts()[1], (160, 96), 1024)[1].tolist() == [2, 3, 0]


def _tensor_bytes() -> int:
    """Of all tensors that are alive in this process."""
    gc.collect()
    tensors = [one for one in gc.get_objects() if issubclass(type(one), torch.Tensor)]
    return sum({one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in tensors}.values())


def test_masks_are_exclusive_and_sams_memory_does_not_grow(picture: np.ndarray) -> None:
    tiny_models.save_sam2()
    session = Sam2(HubNetwork(SAM2, _CPU, _pulse())).session()
    held: list[int] = []
    for step in range(30):
        found = session.advance(np.roll(picture, step, 1), _prompts() if step == 0 else None)
        masks = found.unpacked()
        assert masks.shape == (2, MASK_SIDE, MASK_SIDE) and found.score.shape == (2,)
        assert not ((masks[0] > 140) & (masks[1] > 140)).any(), "no pixel is of both"
        held.append(_tensor_bytes())
    assert held[-1] == held[19], "what SAM keeps grows with the clip"


def test_a_run_is_cancelled_inside_a_network(picture: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(SilentReporter):
        stopped = False

        def progress(self, fraction: float, text: str = "") -> None:
            if self.stopped:
                raise Cancelled

    monkeypatch.setattr("core.reporting._BEAT_SECONDS", 0.0)
    tiny_models.save_vitpose()
    reporter = Stopped()
    network = HubNetwork(VITPOSE, _CPU, Pulse(reporter))
    query = KeypointQuery(picture, np.array([30, 8, 80, 92], np.float32))
    VitPose(network).predict([query])
    layers: list[str] = []
    for name, module in network.network.named_modules():
        module.register_forward_pre_hook(lambda _, __, name=name: layers.append(name))

    def stop(_: object, __: object) -> None:
        reporter.stopped = True

    network.network.backbone.encoder.layer[0].register_forward_pre_hook(stop)
    with pytest.raises(Cancelled):
        VitPose(network).predict([query])
    assert "backbone.encoder.layer.0" in layers and "backbone.encoder.layer.1" not in layers


def test_less_memory_means_smaller_batches_then_the_cpu_then_a_plain_end() -> None:
    tiny_models.save_vitpose()
    reporter = SilentReporter()
    network = HubNetwork(VITPOSE, _CPU, Pulse(reporter))
    network.batch, sizes = 8, []

    def predict(_: object, batch: list[int]) -> list[int]:
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return [2 * each for each in batch]

    assert network.run(list(range(7)), predict) == [0, 2, 4, 6, 8, 10, 12]  # type: ignore[arg-type]
    assert sizes == [7, 3, 1, 1, 1, 1, 1, 1, 1] and len(reporter.warnings) == 2
    network.device = torch.device("meta")  # stands for a GPU: its network is given up for one on the CPU
    network.take_less()
    assert network.device.type == "cpu" and network.network is not None and "CPU" in reporter.warnings[-1]
    with pytest.raises(NoMemory, match=r"ViTPose"):
        network.take_less()


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_half_precision_gives_nearly_the_same(
    picture: np.ndarray, half: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_models.save_all()
    hub = load_hub_networks(_CPU, _pulse())
    query = KeypointQuery(picture, np.array([30, 8, 80, 92], np.float32))
    [usual], mask = hub.keypoints.predict([query]), hub.masks.session().advance(picture, _prompts())
    monkeypatch.setattr("core.perception.hub.running.half_precision", lambda device, wanted: half)
    hub = load_hub_networks(_CPU, _pulse())
    [found] = hub.keypoints.predict([query])
    assert np.abs(found.confidence - usual.confidence).max() < 0.05
    assert hub.people.find([picture]) == [[]]
    if half == SAM2.half:
        again = hub.masks.session().advance(picture, _prompts())
        assert np.abs(again.unpacked().astype(int) - mask.unpacked()).mean() < 16
