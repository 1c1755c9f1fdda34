"""A result is refused as a whole where any of its values could break what is built from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.contract.edits import Pin
from core.contract.errors import UserError
from core.contract.reconstruction import (
    BODY_FILE,
    INFO_FILE,
    MOTION_FILE,
    CameraAgreement,
    Info,
    Quality,
    Reconstruction,
    check_body,
    check_motion,
    load,
    load_info,
    load_take_motion,
    save,
)
from core.export import ExportSettings, export_reconstruction

Arrays = dict[str, np.ndarray]


def put(name: str, where: Any, value: Any) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name] = arrays[name].copy()
        arrays[name][where] = value

    return change


def repeat_frame(name: str) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name] = arrays[name].copy()
        arrays[name][4] = arrays[name][3]

    return change


def cut(frames: int) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        for name, array in arrays.items():
            if name in ("frame_index", "time", "camera_K", "camera_world"):
                arrays[name] = array[:frames]
            elif name not in ("betas", "rest_joints"):
                arrays[name] = array[:, :frames]

    return change


def other_type(name: str, dtype: type) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.update({name: arrays[name].astype(dtype)})


BAD_MOTIONS = [
    (cut(0), "0 entries"),
    (repeat_frame("frame_index"), "frame_index does not rise"),
    (repeat_frame("time"), "time does not rise"),
    (put("frame_index", 0, -1), "frame_index"),
    (put("frame_index", -1, 2**31 - 1), "frame_index"),
    (put("time", 0, np.nan), "time"),
    (put("pelvis", (0, 3), 1e38), "pelvis"),
    (put("joints", (1, 2, 5), np.inf), "joints"),
    (put("body_pose", (0, 0, 0), 1e30), "body_pose"),
    (put("confidence", (0, 0, 0), 1.5), "confidence"),
    (put("confidence", (0, 0, 0), -0.5), "confidence"),
    (put("camera_K", (2, 0, 0), 0), "camera_K"),
    (put("camera_world", (2, 3, 3), 0), "camera_world"),
    (put("camera_world", (2, 0, 0), 7), "camera_world"),
    (other_type("frame_index", np.int64), "frame_index"),
    (lambda arrays: arrays.pop("rest_joints"), "rest_joints"),
]
BAD_BODIES = [
    (put("faces", (0, 0), 1_000_000), "faces"),
    (put("faces", (0, 0), 20_000), "faces"),
    (put("faces", (-1, 2), -1), "faces"),
    (lambda arrays: put("faces", (5, 0), arrays["faces"][5, 1])(arrays), "without area"),
    (put("skin_joints", (0, 0), 55), "skin_joints"),
    (put("skin_joints", (0, 0), -1), "skin_joints"),
    (put("skin_weights", (0, 0), np.nan), "skin_weights"),
    (put("skin_weights", (0, 0), -0.2), "skin_weights"),
    (put("skin_weights", 7, 0), "sum"),
    (put("skin_weights", 7, 1), "sum"),
    (put("vertex_region", 0, 33), "vertex_region"),
    (put("rest_vertices", (0, 0, 0), np.inf), "rest_vertices"),
    (put("rest_vertices", (0, 0, 0), 1e30), "rest_vertices"),
    (put("uv", (0, 0, 0), np.nan), "uv"),
    (put("shape_vertices", (0, 0, 0), np.nan), "shape_vertices"),
    (lambda arrays: arrays.update(uv=arrays["uv"][:-1]), "uv"),
    (lambda arrays: arrays.update(rest_vertices=arrays["rest_vertices"][:, :-1]), "rest_vertices"),
    (lambda arrays: arrays.update(faces=arrays["faces"].reshape(-1, 1)), "faces"),
    (other_type("faces", np.int64), "faces"),
    (lambda arrays: arrays.pop("uv"), "uv"),
]


@pytest.mark.parametrize(("change", "named"), BAD_MOTIONS)
def test_a_motion_that_is_not_valid_is_refused(made_up: Reconstruction, tmp_path: Path, change, named: str) -> None:
    _check_refused(made_up, tmp_path, MOTION_FILE, dict(vars(made_up.motion)), change, named, check_motion)


@pytest.mark.parametrize(("change", "named"), BAD_BODIES)
def test_a_body_that_is_not_valid_is_refused(made_up: Reconstruction, tmp_path: Path, change, named: str) -> None:
    _check_refused(made_up, tmp_path, BODY_FILE, dict(vars(made_up.body)), change, named, check_body)


def _check_refused(made_up, folder: Path, file: str, arrays: Arrays, change, named: str, check) -> None:
    """In memory, so that it is not saved, and in a file of an older version, which has no digests."""
    check(arrays)
    change(arrays)
    with pytest.raises(UserError, match=named) as caught:
        check(arrays)
    assert caught.value.code == "damaged" and caught.value.hint
    save(folder, made_up)
    without_digests(folder)
    np.savez(folder / file, **arrays)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UserError, match=named) as caught:
        load(folder)
    assert caught.value.code in ("damaged", "file-unreadable")


def without_digests(folder: Path) -> None:
    record = json.loads((folder / INFO_FILE).read_text())
    record.pop("digests", None)
    (folder / INFO_FILE).write_text(json.dumps(record))


def put_in(*way: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(record: Any) -> None:
        for step in way[:-1]:
            record = record[step]
        record[way[-1]] = value

    return change


CAMERA = {"model": "MoGe-2", "focal": 0.1, "vertical": 2.0, "pitch": 1.0, "roll": -1.5}
QUALITY: dict[str, Any] = {"measured": [], "stretches": [], "attempts": []}
BAD_INFOS = [
    put_in("schema", value=True), put_in("schema", value=-1), put_in("schema", value="1"), put_in("schema", value=1.0),
    put_in("clip", value=None), put_in("clip", value=[]), put_in("clip", "path", value=5),
    put_in("clip", "path", value="a\0b"), put_in("clip", "width", value=0), put_in("clip", "width", value=True),
    put_in("clip", "height", value=1e9), put_in("clip", "frame_rate", value=0), put_in("clip", "frame_rate", value="25"),
    put_in("clip", "frames", value=[0]), put_in("clip", "frames", value=[5, 2]), put_in("clip", "frames", value=[0, 1.5]),
    put_in("clip", "frames", value=[-4, 2]), put_in("people", value=[]), put_in("people", 0, value=None),
    put_in("people", 0, "index", value=1), put_in("people", 1, "index", value=5), put_in("people", 0, "name", value=7),
    put_in("people", 0, "name", value="x" * 100), put_in("people", 0, "height", value=-1),
    put_in("people", 0, "track", value="0"), put_in("body", value="default"), put_in("body", "id", value=None),
    put_in("body", "path", value=["x"]), put_in("prompt", value=2), put_in("prompt", value="x" * 20_001),
    put_in("prompt_source", value="me"), put_in("contacts", value={}), put_in("take", value="../../owned"),
    put_in("take", value="/any/where/x"), put_in("take", value="take-009"), put_in("take", value=None),
    put_in("takes", value={}), put_in("takes", value=[]), put_in("takes", 0, "id", value="../../../escaped"),
    put_in("takes", 0, "id", value="con"), put_in("takes", 0, "id", value=".take"), put_in("takes", 0, "seed", value=2**70),
    put_in("takes", 0, "seed", value=-1), put_in("takes", 0, "energy", value="low"), put_in("takes", 0, "origin", value=""),
    put_in("takes", 0, "scores", value=[]), put_in("takes", 0, "scores", value={"reprojection": 1}),
    put_in("warnings", value=5), put_in("warnings", value=[5]), put_in("seed", value=1.5), put_in("seed", value=False),
    put_in("device", value=None), put_in("versions", value=[]), put_in("versions", value={"torch": 2}),
    put_in("seconds", value={"perception": -1}), put_in("seconds", value={"perception": "1"}), put_in("settings", value=[]),
    put_in("contacts", value=[None]), put_in("contacts", value=[{"person_a": 0}]),
    put_in("quality", value={**QUALITY, "camera": []}), put_in("quality", value={**QUALITY, "camera": {"focal": 0.1}}),
    put_in("quality", value={**QUALITY, "camera": {**CAMERA, "focal": "long"}}),
    put_in("quality", value={**QUALITY, "camera": {**CAMERA, "pitch": 1e9}}),
    put_in("quality", value={**QUALITY, "camera": {**CAMERA, "vertical": -1}}),
    lambda record: record["takes"].append(record["takes"][0]),
    lambda record: record["takes"].append({**record["takes"][0], "id": "TAKE-001"}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BAD_INFOS)))
def test_a_record_that_is_not_valid_is_refused(made_up: Reconstruction, tmp_path: Path, number: int) -> None:
    save(tmp_path, made_up)
    record = json.loads((tmp_path / INFO_FILE).read_text())
    BAD_INFOS[number](record)
    (tmp_path / INFO_FILE).write_text(json.dumps(record))
    with pytest.raises(UserError) as caught:
        load_info(tmp_path)
    assert caught.value.code in ("damaged", "bad-contact") and caught.value.hint
    caught.value.message.encode("utf-8")


def test_the_agreement_about_the_camera_is_read_as_it_was_written(made_up: Reconstruction, tmp_path: Path) -> None:
    for camera in (CameraAgreement(**CAMERA), CameraAgreement("MoGe-2", -0.5), None):
        save(tmp_path, replace(made_up, info=replace(made_up.info, quality=Quality(camera=camera))))
        quality = load_info(tmp_path).quality
        assert quality is not None and quality.camera == camera


def test_numbers_that_json_does_not_have_are_refused(made_up: Reconstruction, tmp_path: Path) -> None:
    save(tmp_path, made_up)
    text = (tmp_path / INFO_FILE).read_text()
    (tmp_path / INFO_FILE).write_text(text.replace('"frame_rate": 25.0', '"frame_rate": NaN'))
    with pytest.raises(UserError, match="NaN"):
        load_info(tmp_path)


@pytest.mark.parametrize("take", ["../../x", "/etc/passwd", "..", "", "a/b", "a\\b", "CON", "x" * 200])
def test_an_id_that_leads_out_of_the_folder_is_refused_wherever_it_comes_from(
    made_up: Reconstruction, tmp_path: Path, take: str
) -> None:
    folder = tmp_path / "in" / "folder"
    save(folder, made_up)
    before = sorted(tmp_path.rglob("*"))
    for read in (load_info, load_take_motion):
        with pytest.raises(UserError) as caught:
            read(folder, take)
        assert caught.value.code == "damaged"
    record = replace(made_up.info.takes[0], id=take)
    with pytest.raises(UserError):
        save(folder, replace(made_up, info=replace(made_up.info, take=take, takes=(record,))))
    assert sorted(tmp_path.rglob("*")) == before


def test_the_file_of_a_take_describes_that_take(made_up: Reconstruction, tmp_path: Path) -> None:
    save(tmp_path, made_up)
    (tmp_path / "takes" / "take-002.json").write_bytes((tmp_path / "takes" / "take-001.json").read_bytes())
    with pytest.raises(UserError, match="take-001"):
        load_info(tmp_path, "take-002")


def test_the_motion_of_another_range_is_not_accepted(made_up: Reconstruction, tmp_path: Path) -> None:
    save(tmp_path, made_up)
    without_digests(tmp_path)
    arrays = dict(vars(made_up.motion))
    cut(8)(arrays)
    np.savez(tmp_path / MOTION_FILE, **arrays)
    with pytest.raises(UserError, match="frames 0 to 7"):
        load(tmp_path)


@pytest.mark.parametrize("target", ["amass", "bvh", "gltf"])
def test_exports_of_people_with_odd_names_stay_in_their_folder(
    made_up: Reconstruction, tmp_path: Path, target: str
) -> None:
    named = tuple(
        replace(person, name=name) for person, name in zip(made_up.info.people, ("../../escape/owned", "escape owned"))
    )
    folder, out = tmp_path / "a" / "b" / "result", tmp_path / "a" / "b" / "out"
    save(folder, replace(made_up, info=replace(made_up.info, people=named)))
    before = set(tmp_path.rglob("*"))
    paths = export_reconstruction(folder, ExportSettings(target), out)
    assert len(set(paths)) == len(paths) and all(path.parent == out and path.is_file() for path in paths)
    assert set(tmp_path.rglob("*")) - before == {out, *paths}


def test_an_older_record_without_new_fields_is_read(made_up: Reconstruction) -> None:
    record = json.loads(json.dumps(made_up.info.to_json()))
    del record["settings"], record["takes"][0]["scores"]
    record["something new"] = [1]
    assert Info.from_json(record) == made_up.info


@pytest.mark.parametrize(
    "values",
    [
        {"position": (1e30, 0, 0)},
        {"position": (0, 1700.0, 0)},
        {"position": (float("nan"), 0, 0)},
        {"rotation": (1e30, 0, 0)},
        {"rotation": (0, 0, 13.0)},
        {"rotation": (0, 0, 1), "frame": -1},
        {"rotation": (0, 0, 1), "frame": 2**40},
        {"rotation": (0, 0, 1), "person": True},
    ],
)
def test_pins_far_from_anything_real_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        Pin(**({"person": 0, "joint": "head", "frame": 1} | values))
    assert caught.value.code == "bad-pin" and caught.value.hint
