"""The network of SAM 3D Body: its file is checked as a whole before it is used, and it sees people alone and in batches."""

from __future__ import annotations

from dataclasses import fields, replace
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch

from core.body.rotations import axis_angle_to_matrix
from core.contract.errors import Cancelled, UserError
from core.sam3d_body import euler, lifting
from core.sam3d_body.estimate import FoundPeople, People, find_people
from core.sam3d_body.layout import expected_arrays, needed
from core.sam3d_body.lifting import look_at_clip
from core.sam3d_body.network import Sizes
from core.sam3d_body.rig import RigSizes
from core.sam3d_body.skeleton import rest_parameters
from core.sam3d_body.weights import load_network
from tests.core.sam3d_body import tiny

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return load_network(tiny.write_model(tmp_path_factory.mktemp("models") / "sam-3d-body"), CPU)


def _people(count: int, told: bool = True) -> People:
    draw = np.random.default_rng(0)
    pictures = [draw.integers(0, 255, (120, 160, 3), np.uint8) for _ in range(count)]
    masks = [np.full((40, 53), 255, np.uint8) for _ in range(count)]
    return People(
        pictures=pictures,
        boxes=torch.tensor([[20.0, 10, 90, 110]]).repeat(count, 1) + torch.arange(count)[:, None],
        masks=masks,
        mask_known=torch.arange(count) % 2 == 0,
        K=torch.tensor([[150.0, 0, 80], [0, 150, 60], [0, 0, 1]]),
        keypoints=torch.tensor([[[40.0, 90.0], [60.0, 30.0]]]).repeat(count, 1, 1),
        keypoints_known=torch.full((count, 2), told),
        labels=torch.tensor([13, 62]),
    )


def test_the_file_gives_the_network_that_was_written(network):
    written = tiny.tiny_network()
    shape, parameters = torch.zeros(1, 45), rest_parameters(torch.zeros(68))
    whole, loaded = written.rig(shape, parameters), network.rig(shape, parameters)
    torch.testing.assert_close(loaded.joints, whole.joints)
    torch.testing.assert_close(loaded.joints[0], tiny.rest_skeleton().joints, atol=1e-4, rtol=0)
    assert loaded.vertices.shape[1] == 1 < whole.vertices.shape[1]  # the one that a keypoint depends on
    picture = torch.rand(1, 3, 512, 512)
    torch.testing.assert_close(network.features(picture), written.features(picture), atol=0.05, rtol=0)  # bfloat16


def test_the_network_in_its_full_size_has_the_arrays_of_the_published_file():
    """Public counts of the published file: 614 arrays of the backbone, 576 others (four of which are not needed), 17 of the rig
    (three of which are not), 2.83 GB."""
    sizes = Sizes(1280, 32, 5120, 4, 1024, 512, 1024, 6, RigSizes(18439, 51337, 3000))
    names = needed(sizes)
    assert sum(name.startswith("backbone.") for name in names) == 614
    assert sum(name.startswith("rig.") for name in names) == 17 - 3
    assert sum(not name.startswith(("backbone.", "rig.")) for name in names) == 576 - 4
    expected = expected_arrays(sizes)
    size = sum((2 if name.startswith("backbone.") else 4) * prod(info.shape) for name, info in expected.items())
    assert 2.80e9 < size < 2.83e9


def _without(arrays: dict, name: str) -> None:
    del arrays[name]


def _change(arrays: dict, name: str, value: torch.Tensor) -> None:
    arrays[name] = value


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda a: _without(a, "decoder_hand.layers.1.cross_attn.k_proj.bias"), "has no hand.decoder.layers.1"),
        (lambda a: _without(a, "mhr.pose_corr_sparse_weight"), "has no mhr.pose_corr_sparse_weight"),
        (lambda a: _without(a, "backbone.embeddings.cls_token"), "has no backbone.embeddings.cls_token"),
        (lambda a: _change(a, "init_camera.weight", torch.zeros(1, 4)), "shape"),
        (lambda a: _change(a, "init_camera.weight", torch.zeros(1, 3, dtype=torch.long)), "type torch.int64"),
        (lambda a: _change(a, "init_pose.weight", torch.full((1, 519), torch.nan)), "not finite"),
        (lambda a: _change(a, "mhr.lbs_skin_indices", torch.full((60,), 127)), "outside of 0 to 126"),
        (lambda a: _change(a, "mhr.skel_joint_parents", torch.arange(127)), "no tree of joints"),
        (lambda a: _change(a, "mhr.pose_corr_sparse_indices", torch.full((2, 3), 750)), "entries outside"),
        (lambda a: _change(a, "mhr.pose_corr_sparse_shape", torch.tensor([5, 10**9])), "another size"),
    ],
)  # fmt: skip
def test_a_file_of_another_layout_is_refused_with_the_reason(spoil, reason, tmp_path):
    arrays = tiny.file_arrays(tiny.tiny_network())
    spoil(arrays)
    with pytest.raises(UserError, match=reason) as caught:
        load_network(tiny.write_model(tmp_path / "model", arrays), CPU)
    assert caught.value.code == "model-damaged"


def test_what_is_no_safetensors_file_is_refused(tmp_path):
    folder = tiny.write_model(tmp_path / "model")
    file = next(folder.rglob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-100])
    for _ in range(2):
        with pytest.raises(UserError) as caught:
            load_network(folder, CPU)
        assert caught.value.code == "model-damaged"
        file.unlink(missing_ok=True)  # then: no file at all


def test_people_are_found_alike_alone_and_in_a_batch(network):
    people = replace(_people(3), keypoints_known=torch.tensor([[True, True], [False, False], [True, False]]))
    together = find_people(network, people)
    assert together.joints.shape == (3, 127, 3) and bool((together.joints[..., 2] > 0).all())
    torch.testing.assert_close(
        together.rotations @ together.rotations.mT, torch.eye(3).expand(3, 127, 3, 3), atol=1e-4, rtol=0
    )
    for person in range(3):
        alone = People(
            **{
                item.name: getattr(people, item.name)[person : person + 1]
                if item.name not in ("K", "labels")
                else getattr(people, item.name)
                for item in fields(People)
            }
        )
        found = find_people(network, alone)
        torch.testing.assert_close(found.joints[0], together.joints[person], atol=1e-4, rtol=0)


def test_known_keypoints_masks_and_boxes_change_what_is_found(network):
    told = find_people(network, _people(1)).keypoints
    assert not torch.equal(told, find_people(network, _people(1, told=False)).keypoints)
    unmasked = replace(_people(1), mask_known=torch.zeros(1, dtype=torch.bool))
    assert not torch.equal(told, find_people(network, unmasked).keypoints)
    moved = replace(_people(1), boxes=_people(1).boxes + 10)
    assert not torch.equal(told, find_people(network, moved).keypoints)


def test_it_is_cancelled_between_two_layers(network):
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        find_people(network, _people(1), check)
    find_people(network, _people(1), lambda: None)
    assert calls == 2  # nothing of it stays behind


@pytest.mark.parametrize("order", ["XYZ", "XZY", "ZYX", "YXZ"])
def test_euler_angles_and_matrices_are_inverses_of_each_other(order):
    angles = torch.rand(50, 3, dtype=torch.float64) * 2 - 1
    torch.testing.assert_close(euler.matrix_to_euler(euler.euler_to_matrix(angles, order), order), angles)
    quarter = torch.tensor([[0.3, torch.pi / 2, -0.4]], dtype=torch.float64)  # the first and the last axis coincide
    matrix = euler.euler_to_matrix(quarter, order)
    torch.testing.assert_close(
        euler.euler_to_matrix(euler.matrix_to_euler(matrix, order), order), matrix, atol=1e-6, rtol=0
    )
    about_z = euler.fixed_xyz_to_matrix(torch.tensor([0.0, 0.0, 0.5]))
    torch.testing.assert_close(about_z, axis_angle_to_matrix(torch.tensor([0.0, 0.0, 0.5])))


def _small_clip(tmp_path: Path):
    from core.clip import probe
    from tests.core.conftest import made_up_tracks, write_clip

    detections = made_up_tracks()
    keypoints = detections.keypoints * np.array([60, 50, 1], np.float32) + np.array([10, 5, 0], np.float32)
    duplicate = np.zeros(12, bool)
    duplicate[3] = True
    found = detections.found.copy()
    found[1, 5] = False
    return probe(write_clip(tmp_path / "clip.mp4")), replace(
        detections, keypoints=keypoints, duplicate=duplicate, found=found
    )


def test_batches_get_smaller_where_memory_runs_out(network, tmp_path, monkeypatch, recorder):
    clip, detections = _small_clip(tmp_path)
    sizes: list[int] = []

    def crowded(network, people: People, check) -> FoundPeople:
        count = len(people.pictures)
        sizes.append(count)
        if count > 2:
            raise torch.OutOfMemoryError("out of memory")
        return FoundPeople(
            torch.ones(count, 127, 3),
            torch.eye(3).expand(count, 127, 3, 3),
            torch.ones(count, 70, 2),
            torch.zeros(count, 2, dtype=torch.bool),
        )

    class Quiet:
        warnings: list[str] = []
        logs: list[str] = []

        def progress(self, fraction: float, text: str = "") -> None:
            assert 0 <= fraction <= 1

        def warning(self, text: str) -> None:
            self.warnings.append(text)

        def log(self, text: str) -> None:
            self.logs.append(text)

    monkeypatch.setattr(lifting, "find_people", crowded)
    monkeypatch.setitem(lifting._BATCH, "cpu", 8)
    reporter = Quiet()
    people = look_at_clip(network, clip, detections, np.array([[70.0, 0, 48], [0, 70, 32], [0, 0, 1]]), reporter)
    assert sizes[:3] == [8, 4, 2] and set(sizes[2:]) <= {1, 2} and len(reporter.logs) == 2
    assert not people.known[:, 3].any() and not people.known[1, 5]  # a repeated frame, and one without the person
    assert people.known.sum() == 2 * 12 - 3
    monkeypatch.setattr(lifting, "find_people", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("none")))
    with pytest.raises(torch.OutOfMemoryError):
        look_at_clip(network, clip, detections, np.eye(3), reporter)
