"""Importers of engines read the core's files: every joint in every frame, the rest pose, names that exist once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.contract.reconstruction import Reconstruction, save
from core.contract.skeleton import JOINTS
from core.export import ExportSettings, export_reconstruction
from core.export.bone_names import NAME_SETS
from tests.engines.readers import Expected, compare, read_with, validate

FRAMES, RATE = 12, 25
Y_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
"""Z up -> Y up."""


@pytest.fixture(scope="session")
def folder(made_up: Reconstruction, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("reconstruction")
    save(out, made_up)
    return out


@pytest.fixture(scope="session")
def files(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """The files of every target, which all readers open at once: starting node takes longer than reading."""
    out = tmp_path_factory.mktemp("exports")
    exports = {
        "pair": ExportSettings("gltf"),
        "godot": ExportSettings("godot", origin="feet"),
        "raw": ExportSettings("gltf", people="b", weights=8, root="raw"),
        "in-place": ExportSettings("gltf", people="a", animation_only=True, root="in-place"),
        "bvh": ExportSettings("bvh", names="mixamo"),
    }
    return {name: export_reconstruction(folder, settings, out / name)[:-1] for name, settings in exports.items()}


def expected(
    made_up: Reconstruction, person: int, names: str = "smplx", prefix: str = "", origin: Any = (0, 0, 0)
) -> Expected:
    """From the reconstruction's own joints, which no exporter has touched."""
    rest = made_up.motion.rest_joints[person].astype(float)
    floor = made_up.body.rest_vertices[person][:, 1].min()
    joints = (made_up.motion.joints[person].astype(float) - origin) @ Y_UP.T
    return Expected(
        [prefix + NAME_SETS[names][joint] for joint in JOINTS],
        rest - [rest[0, 0], floor, rest[0, 2]],
        joints,
        RATE,
        "clip",
    )


@pytest.mark.parametrize("reader", ["three", "babylon"])
def test_engines_show_every_joint_where_it_was(made_up, files, tmp_path, reader):
    glb = [path for name, paths in files.items() if name != "bvh" for path in paths]
    read = dict(zip(glb, read_with(reader, tmp_path / "read.json", glb, FRAMES, RATE)))
    (pair,) = files["pair"]
    for person in (0, 1):
        compare(read[pair], expected(made_up, person, prefix=f"{'AB'[person]}_"))
    assert read[pair].faces == 2 * len(made_up.body.faces)
    assert read[pair].animations[0]["name"] == "clip"
    feet = made_up.motion.pelvis[0, 0] * (1, 1, 0)
    for person, path in enumerate(files["godot"]):
        compare(read[path], expected(made_up, person, "godot", origin=feet))
    compare(read[files["raw"][0]], expected(made_up, 1))
    compare(read[files["in-place"][0]], expected(made_up, 0))
    assert read[files["in-place"][0]].faces == 0


def test_three_reads_bvh_files(made_up, files, tmp_path):
    read = read_with("three", tmp_path / "read.json", files["bvh"], FRAMES, RATE)
    for person, found in enumerate(read):
        wanted = expected(made_up, person, "mixamo")
        compare(found, Expected(wanted.names, wanted.rest, wanted.positions, RATE, "", unit=0.01), rest=False)
        hips = found.nodes.index("mixamorigHips") if "mixamorigHips" in found.nodes else 0
        at_rest = (found.rest - found.rest[hips])[[found.nodes.index(n.replace(":", "")) for n in wanted.names]]
        np.testing.assert_allclose(at_rest / 100, wanted.rest - wanted.rest[0], atol=5e-5)


def test_the_khronos_validator_finds_nothing(files, tmp_path):
    glb = [path for name, paths in files.items() if name != "bvh" for path in paths]
    for path, issues in zip(glb, validate(tmp_path / "report.json", glb)):
        assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), (path.parent.name, issues["messages"][:3])


def test_root_bones_follow_the_way_that_was_chosen(files, made_up, tmp_path):
    paths = [files["raw"][0], files["pair"][0], files["in-place"][0]]
    raw, pair, in_place = read_with("three", tmp_path / "read.json", paths, FRAMES, RATE)
    pelvis = made_up.motion.pelvis[1] @ Y_UP.T * (1, 0, 1)
    np.testing.assert_allclose(raw.frames[:, raw.nodes.index("root")], pelvis, atol=5e-5)
    np.testing.assert_allclose(pair.frames[[0, -1], pair.nodes.index("B_root")], pelvis[[0, -1]], atol=5e-5)
    assert np.ptp(in_place.frames[:, in_place.nodes.index("root")], axis=0).max() < 1e-6
