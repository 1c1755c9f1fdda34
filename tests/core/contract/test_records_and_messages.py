"""The contract between core and add-on: files and messages round-trip, and errors name the field that is not valid."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.contract.contact import Contact
from core.contract.edits import Edits, Pin
from core.contract.errors import UserError
from core.contract.files import read_json, read_npz, replacing, write_json, write_npz
from core.contract.messages import decode, encode, error_message, message
from core.contract.reconstruction import SCHEMA, Reconstruction, check_motion, load, save
from core.contract.skeleton import BODY_JOINTS, JOINTS, PARENTS, REGIONS, mirrored

CONTACT = {
    "person_a": 0,
    "region_a": "left_palm",
    "person_b": 1,
    "region_b": "right_shoulder",
    "frame_start": 3,
    "frame_end": 9,
}


def test_a_saved_reconstruction_is_loaded_as_it_was(made_up: Reconstruction, tmp_path: Path):
    contact = Contact.from_json(CONTACT)
    given = replace(made_up, info=replace(made_up.info, contacts=(contact,), warnings=("The camera moves.",)))
    save(tmp_path, given)
    read = load(tmp_path)
    assert read.info == given.info
    for part in ("motion", "body"):
        for name, array in vars(getattr(given, part)).items():
            np.testing.assert_array_equal(getattr(getattr(read, part), name), array)
    take = np.load(tmp_path / "takes" / "take-001.npz", allow_pickle=False)
    np.testing.assert_array_equal(take["joints"], given.motion.joints)


def test_a_reconstruction_that_is_not_valid_is_not_saved(made_up: Reconstruction, tmp_path: Path):
    broken = made_up.motion.pelvis.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(UserError, match="pelvis"):
        save(tmp_path, replace(made_up, motion=replace(made_up.motion, pelvis=broken)))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda arrays: arrays.pop("betas"), "betas"),
        (lambda arrays: arrays.update(pelvis=arrays["pelvis"][:, 1:]), "pelvis"),
        (lambda arrays: arrays.update(joints=arrays["joints"].astype(np.float64)), "joints"),
        (lambda arrays: arrays.update(jaw_pose=arrays["jaw_pose"] + np.float32(np.inf)), "jaw_pose"),
    ],
)
def test_the_error_names_the_array_that_is_not_valid(made_up: Reconstruction, change, named: str):
    arrays = dict(vars(made_up.motion))
    check_motion(arrays)
    change(arrays)
    with pytest.raises(UserError, match=named):
        check_motion(arrays)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda record: record.update(schema=SCHEMA + 1), "schema-too-new"),
        (lambda record: record.pop("schema"), "damaged"),
        (lambda record: record.pop("people"), "damaged"),
        (lambda record: record["takes"][0].update(colour="red"), "damaged"),
        (lambda record: record.update(contacts=[{"person_a": 0}]), "bad-contact"),
        (lambda record: record.update(contacts=5), "damaged"),
        (lambda record: record.update(warnings=None), "damaged"),
    ],
)
def test_a_reconstruction_with_a_damaged_record_is_not_loaded(
    made_up: Reconstruction, tmp_path: Path, change, code: str
):
    save(tmp_path, made_up)
    record = json.loads((tmp_path / "reconstruction.json").read_text())
    change(record)
    (tmp_path / "reconstruction.json").write_text(json.dumps(record))
    with pytest.raises(UserError) as caught:
        load(tmp_path)
    assert caught.value.code == code and caught.value.hint


def test_a_damaged_archive_raises_a_user_error(tmp_path: Path):
    path = tmp_path / "arrays.npz"
    write_npz(path, {"a": np.arange(200.0), "b": np.zeros((3, 4), np.float32)}, compress=True)
    whole = path.read_bytes()
    draw = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(whole)
        for at in draw.integers(0, len(data), 3):
            data[at] = draw.integers(256)
        path.write_bytes(data[: draw.integers(1, len(data) + 1)])
        try:
            arrays = read_npz(path)
        except UserError as error:
            assert error.code == "file-unreadable"
        else:
            assert isinstance(arrays, dict)  # the damage is in bytes that are not read


def test_pickles_in_an_archive_are_not_read(tmp_path: Path):
    path = tmp_path / "pickle.npz"
    np.savez(path, a=np.array([{"any": "object"}], dtype=object))
    with pytest.raises(UserError, match="cannot be read"):
        read_npz(path)


def test_a_failed_write_keeps_the_old_file_and_leaves_no_temporary_file(tmp_path: Path):
    path = tmp_path / "file.json"
    write_json(path, {"old": 1})
    with pytest.raises(ValueError, match="nan"):
        write_json(path, {"new": float("nan")})
    with pytest.raises(UserError) as caught, replacing(path) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.code == "disk-full"
    assert read_json(path) == {"old": 1} and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"region_a": "left_tentacle"}, "left_tentacle"),
        ({"person_a": 2}, "person_a"),
        ({"person_b": "floor"}, "person_b"),
        ({"person_b": 0}, "own body"),
        ({"person_b": True}, "person_b"),
        ({"distance": -1}, "distance"),
        ({"id": "../x"}, "id"),
        ({"frame_start": -2}, "frame_start"),
        ({"frame_end": 10**9}, "frame_end"),
        ({"person_b": "ground"}, "right_shoulder"),
        ({"frame_end": 1}, "before it starts"),
        ({"weight": 1.5}, "weight"),
        ({"source": "guess"}, "source"),
        ({"state": "maybe"}, "state"),
        ({"colour": "red"}, "colour"),
        ({"frame_start": "3"}, "frame_start"),
        ({"touch": "../hug"}, "touch"),
        ({"touch": 4}, "touch"),
        ({"probability": 1.01}, "probability"),
        ({"probability": True}, "probability"),
        ({"reached": 1}, "reached"),
        ({"reached": "yes"}, "reached"),
    ],
)
def test_the_error_names_the_field_of_a_contact_that_is_not_valid(change, named: str):
    assert Contact.from_json(CONTACT).region_b == "right_shoulder"
    with pytest.raises(UserError, match=named):
        Contact.from_json(CONTACT | change)


def test_a_contact_of_an_older_result_is_a_touch_of_its_own_that_was_not_judged():
    old = {name: value for name, value in CONTACT.items() if name not in ("touch", "probability", "reached")}
    contact = Contact.from_json(old)
    assert contact.touch == contact.id and contact.probability is None and contact.reached is None
    judged = replace(contact, touch="hug", probability=0.25, reached=False)
    assert Contact.from_json(json.loads(json.dumps(judged.to_json()))) == judged


def test_a_contact_is_reached_within_six_centimetres():
    contact = Contact(0, "chest", 1, "chest", 3, 9)
    assert contact.measured(0.059).reached is True and contact.measured(0.061).reached is False
    assert contact.measured(0.059).measured(None) == contact


def test_what_is_not_reached_counts_for_less_unless_the_user_wants_it():
    contact = Contact(0, "chest", 1, "chest", 3, 9, weight=0.9, source="prompt")
    assert contact.measured(0.3).effective_weight == 0.2
    assert contact.measured(0.02).effective_weight == 0.9
    assert replace(contact, state="enforced").measured(0.3).effective_weight == 0.9
    assert replace(contact, source="user").measured(0.3).effective_weight == 0.9


def test_a_contact_that_one_take_missed_has_its_weight_back_where_a_later_one_reaches_it():
    contact = Contact(0, "chest", 1, "chest", 3, 9, weight=0.9, source="prompt")
    missed = Contact.from_json(contact.measured(0.3).to_json())
    assert missed.weight == 0.9
    assert missed.measured(None) == contact
    assert missed.measured(0.02).effective_weight == 0.9


def test_edits_are_read_as_they_were_written(tmp_path: Path):
    pins = (Pin(0, "left_wrist", 4, position=(0.1, 0.2, 1.0)), Pin(1, "pelvis", 5, rotation=(1.5, 0.0, 0.0)))
    on_floor = Contact(1, "left_foot", "ground", "ground", 0, 4)
    edits = Edits((Contact.from_json(CONTACT), on_floor), pins, "they hug")
    path = tmp_path / "edits.json"
    path.write_text(json.dumps(edits.to_json()))
    assert Edits.read(path) == edits
    assert Edits.from_json({}) == Edits()


@pytest.mark.parametrize(
    "record",
    [
        {"person": 0, "joint": "head", "frame": 1},
        {"person": 0, "joint": "tail", "frame": 1, "position": [0, 0, 0]},
        {"person": 0, "joint": "head", "frame": 1.5, "position": [0, 0, 0]},
        {"person": 0, "joint": "head", "frame": 1, "position": [0, 0]},
        {"person": 0, "joint": "head", "frame": 1, "position": [0, 0, float("nan")]},
        {"person": 0, "joint": "head", "position": [0, 0, 0]},
        {"person": 0, "joint": "head", "frame": 1, "position": [0, 0, 0], "colour": 1},
    ],
)
def test_a_pin_that_is_not_valid_raises_a_user_error(record):
    with pytest.raises(UserError) as caught:
        Edits.from_json({"pins": [record]})
    assert caught.value.code == "bad-pin"


def test_a_message_with_any_text_is_one_line_of_ascii():
    sent = message(3, "log", text="Grüße, two\nlines and \u2028 more")
    line = encode(sent)
    assert line.isascii() and line.count("\n") == 1
    assert decode(line) == sent
    with pytest.raises(ValueError, match="dance"):
        message(1, "dance")


def test_an_exception_other_than_user_error_becomes_an_internal_error():
    internal = error_message(1, KeyError("x"), "log.txt")
    assert internal["code"] == "internal" and internal["log"] == "log.txt" and "KeyError" in internal["message"]
    explained = error_message(1, UserError("no-people", "No person was found.", "Choose another clip."))
    assert explained["code"] == "no-people"
    assert explained["message"] == "No person was found." and explained["hint"] == "Choose another clip."


def test_the_skeleton_has_the_joints_of_smplx():
    assert len(JOINTS) == 55 and len(BODY_JOINTS) == 22 and len(set(JOINTS)) == 55
    assert PARENTS[0] == -1 and all(0 <= parent < joint for joint, parent in enumerate(PARENTS) if joint)
    assert {mirrored(name) for name in JOINTS} == set(JOINTS)
    assert {mirrored(name) for name in REGIONS} == set(REGIONS)
    assert (
        mirrored("left_wrist") == "right_wrist"
        and mirrored("mouth_left") == "mouth_right"
        and mirrored("neck") == "neck"
    )
