"""Both backends of the 2D networks end in the same detections, although their outputs differ by rounding errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.clip import probe
from core.perception.backends import BackendChoice
from core.perception.crops import Crop
from core.perception.detections import Detections
from core.perception.networks import load_networks
from core.perception.perceive import detect_people, scan_clip
from core.perception.torch_backend import TorchBackend
from core.reporting import SilentReporter
from core.weights import PERCEPTION_WEIGHTS, ensure

_SAMPLE = Path(__file__).resolve().parents[3] / "samples" / "handshake_hug.mp4"
_FRAMES = (72, 89)
"""From the end of the handshake into the hug, where one pose is often found for two people."""


def _detect(backend: BackendChoice) -> Detections:
    device = torch.device("cpu")
    return detect_people(
        probe(_SAMPLE), *_FRAMES, people=None, device=device, backend=backend, reporter=SilentReporter()
    )


@pytest.mark.slow
def test_both_backends_end_in_the_same_detections() -> None:
    a, b = _detect("torch"), _detect("onnxruntime")
    assert a.track_ids.tolist() == b.track_ids.tolist()
    np.testing.assert_array_equal(a.found, b.found)
    np.testing.assert_allclose(
        np.sqrt(a.covariance[..., [0, 1], [0, 1]]), np.sqrt(b.covariance[..., [0, 1], [0, 1]]), atol=1
    )
    assert np.abs(a.keypoints[..., :2] - b.keypoints[..., :2]).max() < 1.0
    np.testing.assert_array_equal(a.hands[..., 2] > 0, b.hands[..., 2] > 0)
    assert np.abs(a.hands[..., :2] - b.hands[..., :2]).max() < 1.0


@pytest.mark.slow
def test_the_first_pass_in_batches_finds_whom_it_finds_frame_by_frame() -> None:
    clip = probe(_SAMPLE)
    files = ensure(PERCEPTION_WEIGHTS, SilentReporter())
    scans = [
        scan_clip(
            clip,
            *_FRAMES,
            load_networks(files, TorchBackend(torch.device("cpu"), at_once), (clip.width, clip.height)),
            SilentReporter(),
        )
        for at_once in (1, 5)
    ]
    np.testing.assert_array_equal(scans[0].lines, scans[1].lines)
    single, batched = (scan.findings for scan in scans)
    assert [found.searched for found in single] == [found.searched for found in batched]
    for one, other in zip(single, batched, strict=True):
        assert len(one.sightings) == len(other.sightings) and one.index == other.index
        for a, b in zip(one.sightings, other.sightings):
            np.testing.assert_allclose(a.person.points, b.person.points, atol=0.05)
            assert a.is_inferred == b.is_inferred


@pytest.mark.parametrize("crop", [Crop(381.3, 204.9, 163.7, 0.41), Crop(-3.2, 7.7, 41.0, -3.0), Crop(0, 0, 1.0)])
def test_a_snapped_crop_is_near_and_stays_where_it_is(crop: Crop) -> None:
    snapped = crop.snapped()
    assert snapped.snapped() == snapped
    assert abs(snapped.size / crop.size - 1) < 0.012
    assert np.hypot(snapped.x - crop.x, snapped.y - crop.y) < 0.012 * crop.size
    assert abs(snapped.angle - crop.angle) <= 1 / 64


def test_crops_that_differ_by_a_rounding_error_snap_to_the_same_one() -> None:
    crop = Crop(381.3, 204.9, 163.7, 0.41)
    assert Crop(381.301, 204.899, 163.702, 0.41001).snapped() == crop.snapped()
