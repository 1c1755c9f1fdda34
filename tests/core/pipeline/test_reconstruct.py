"""The stages' cache, takes, and what a run leaves in its folder when it succeeds, fails, or is stopped."""

from __future__ import annotations

import errno
import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float

from core.contract.contact import Contact
from core.contract.edits import Edits, Pin
from core.contract.errors import Cancelled, UserError
from core.contract.reconstruction import load, load_info
from core.contract.requests import ReconstructRequest, RefineRequest
from core.contract.temporary import temporary_name
from core.digests import content_key
from core.fitting.fit import FittedMotion
from core.pipeline import contact_stages, result_body, stages
from core.pipeline.cache import KEPT, Cache, CacheEntry
from core.pipeline.contact_stages import ContactList
from core.pipeline.jobs import reconstruct, refine
from core.pipeline.resolve import resolve
from core.pipeline.stages import Caption
from core.pipeline.workspace import workspace
from tests.core.conftest import CAPTION, ENERGIES, FRAMES, Recorder, made_up_motion, prompted_id, write_clip
from tests.core.matroska import write_matroska

ALL = [  # the announced stages
    "perception", "clip-camera", "initial-motion", "sentence", "joint-prediction", "first-fit", "detected-contacts",
    "prompted-contacts",    "infilled-motion", "solved-motion", "caption",
]  # fmt: skip


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file but the cache's."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "cache" not in path.relative_to(folder).parts
    }


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.name != ".lock"]


def test_a_reconstruction_can_be_loaded_and_says_how_it_was_made(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "new" / "out"
    take = reconstruct(ReconstructRequest(clip_file, prompt="they shake hands", seed=3), out, recorder).take
    made = load(out)
    assert take.id == made.info.take == "take-001"
    assert made.info.prompt == "they shake hands" and made.info.prompt_source == "user"
    assert made.info.clip["frames"] == [0, 11] and made.info.clip["width"] == 96
    assert [person.track for person in made.info.people] == [0, 2]
    assert all(1.2 < person.height < 2.2 for person in made.info.people)
    assert set(made.info.seconds) == set(ALL)
    assert made.info.versions["torch"] and made.info.device
    assert "The camera moves." in made.info.warnings
    assert made.info.contacts[0].distance is not None
    np.testing.assert_allclose(made.motion.joints[:, :, 0], made.motion.pelvis, atol=1e-5)
    assert recorder.fractions == sorted(recorder.fractions) and recorder.stages == ALL
    assert not leftovers(out)


def test_a_second_run_computes_nothing_and_makes_the_same_take(clip_file, tmp_path, quick, recorder):
    reconstruct(ReconstructRequest(clip_file), tmp_path / "out", recorder)
    before = load_info(tmp_path / "out")
    moved = clip_file.rename(tmp_path / "moved.mp4")
    quick.clear()
    take = reconstruct(ReconstructRequest(moved), tmp_path / "out", recorder).take
    after = load_info(tmp_path / "out")
    assert quick == []
    assert take.id == "take-001" and len(after.takes) == 1
    assert after.warnings == before.warnings and after.seconds == before.seconds


@pytest.mark.parametrize(
    ("change", "recomputed"),
    [
        ({"fov": 60.0}, [stage for stage in ALL[1:] if stage != "sentence"]),
        ({"people": (1, 0)}, ALL),
        ({"frames": "0:5"}, ALL),
        ({"prompt": "a hug"}, ALL[3:]),
        ({"camera_roll": 5.0, "camera_height": 1.2}, [stage for stage in ALL[1:] if stage != "sentence"]),
        ({"device": "cpu"}, []),
    ],
)
def test_only_what_changed_is_computed_again(clip_file, tmp_path, quick, recorder, change, recomputed):
    reconstruct(ReconstructRequest(clip_file), tmp_path / "out", recorder)
    quick.clear()
    reconstruct(replace(ReconstructRequest(clip_file), **change), tmp_path / "out", recorder)
    assert quick == recomputed


def test_takes_with_different_prompts_lie_side_by_side(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    reconstruct(ReconstructRequest(clip_file, prompt="a hug"), out, recorder)
    info = load_info(out)
    assert [take.prompt for take in info.takes] == ["", "a hug"]
    assert {contact.source for contact in info.contacts} == {"detected", "prompt"}


def test_a_new_prompt_takes_the_place_of_what_the_old_one_asked_for(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file, prompt="a hug"), out, recorder)
    refine(RefineRequest(prompt="a kiss"), out, recorder)
    assert listed(out).keys() == {"c", prompted_id("a kiss")}
    refine(RefineRequest(prompt=""), out, recorder)
    assert [contact.id for contact in load_info(out).contacts] == ["c"]


@pytest.fixture
def hugging(quick: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`quick`, in which the contact that every prompt names is also detected, a little longer."""
    chests = Contact(0, "chest", 1, "chest", 2, 6, weight=0.8, probability=0.8, id="chests")
    palms = Contact(0, "left_palm", 1, "right_palm", 2, 5, id="palms")

    @functools.wraps(contact_stages.detected_contacts.function)
    def detected(**_: object) -> ContactList:
        return ContactList((palms, chests))

    stage = contact_stages.detected_contacts
    monkeypatch.setattr(contact_stages, "detected_contacts", replace(stage, function=detected))
    return quick


def listed(folder: Path) -> dict[str, tuple[str, str]]:
    return {contact.id: (contact.source, contact.state) for contact in load_info(folder).contacts}


def test_under_another_prompt_what_was_detected_comes_back(clip_file, tmp_path, hugging, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file, prompt="a hug"), out, recorder)
    first = load(out)
    assert listed(out) == {"palms": ("detected", "auto"), "chests": ("prompt", "auto")}
    refine(RefineRequest(prompt=""), out, recorder)
    assert listed(out) == {"palms": ("detected", "auto"), "chests": ("detected", "auto")}
    refine(RefineRequest(prompt="a kiss"), out, recorder)
    assert listed(out) == {"palms": ("detected", "auto"), "chests": ("prompt", "auto")}
    hugging.clear()
    refine(RefineRequest(prompt="a hug"), out, recorder)
    again = load(out)
    assert set(again.info.contacts) == set(first.info.contacts)
    assert "detected-contacts" not in hugging and "prompted-contacts" not in hugging  # they are in the cache


def test_what_the_user_decided_about_detected_contacts_holds_under_every_prompt(clip_file, tmp_path, hugging, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file, prompt="a hug"), out, recorder)
    [chests] = (contact for contact in load_info(out).contacts if contact.id == "chests")
    moved = replace(chests, frame_start=9, frame_end=11, source="user", state="enforced")
    refine(RefineRequest(edits=Edits(contacts=(moved,))), out, recorder)
    decided = {"palms": ("detected", "rejected"), "chests": ("user", "enforced")}
    assert listed(out) == decided  # neither is what the prompt names found a second time
    for prompt in ("", "a hug"):
        refine(RefineRequest(prompt=prompt), out, recorder)
        assert listed(out) == decided


def test_what_the_user_has_judged_outlives_its_prompt(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file, prompt="a hug"), out, recorder)
    judged = tuple(replace(contact, state="enforced") for contact in load_info(out).contacts)
    refine(RefineRequest(edits=Edits(contacts=judged), prompt="a handshake"), out, recorder)
    assert judged[-1].id in {contact.id for contact in load_info(out).contacts}


@pytest.mark.parametrize("change", [{"frames": "2:9"}, {"people": (1, 0)}, {"clip": "other"}])
def test_takes_of_anything_else_go_into_a_folder_beside(clip_file, tmp_path, quick, recorder, change):
    out, request = tmp_path / "out", ReconstructRequest(clip_file)
    if "clip" in change:
        change = {"clip": write_clip(tmp_path / "other.mp4", seed=5)}
    assert reconstruct(request, out, recorder).folder == out
    reconstruct(replace(request, prompt="a hug"), out, recorder)
    before = files_of(out)
    for _ in range(2):
        finished = reconstruct(replace(request, **change), out, recorder)
        assert finished.folder == tmp_path / "out-2" and finished.take.id == "take-001"
        assert load(finished.folder).info.takes == (finished.take,)
    assert files_of(out) == before
    finished = reconstruct(replace(request, frames="3:5"), out, recorder)
    assert finished.folder == tmp_path / "out-3"
    assert reconstruct(request, out, recorder).folder == out
    assert [take.id for take in load_info(out).takes] == ["take-001", "take-002"]


def test_a_clip_whose_pixels_are_not_square_has_the_size_and_the_key_of_the_picture_that_is_read(
    clip_file, tmp_path, quick, recorder
):
    pictures = [np.full((64, 96, 3), 9 * k, np.uint8) for k in range(FRAMES)]
    stretched = write_matroska(tmp_path / "dv.mkv", pictures, [40 * k for k in range(FRAMES)], 25, (144, 64))
    reconstruct(ReconstructRequest(stretched), tmp_path / "out", recorder)
    clip = load_info(tmp_path / "out").clip
    assert (clip["width"], clip["height"]) == (144, 64)
    assert any("144 x 64" in line for line in recorder.logs)
    keys = [resolve(ReconstructRequest(path), recorder).choices.clip for path in (stretched, clip_file)]
    assert keys == [f"{content_key(stretched)} square pixels 144 x 64", content_key(clip_file)]


def test_takes_of_another_field_of_view_lie_side_by_side(clip_file, tmp_path, quick, recorder):
    reconstruct(ReconstructRequest(clip_file), tmp_path / "out", recorder)
    finished = reconstruct(ReconstructRequest(clip_file, fov=60.0), tmp_path / "out", recorder)
    assert finished.folder == tmp_path / "out" and len(load_info(finished.folder).takes) == 2


@pytest.mark.parametrize("damage", ["cut", "flip", "foreign", "exchanged"])
def test_a_damaged_cache_entry_is_removed_and_computed_again(clip_file, tmp_path, quick, recorder, damage):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    entry = next((out / "cache").glob("initial-*.npz"))
    data = bytearray(entry.read_bytes())
    if damage == "cut":
        entry.write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        data[len(data) // 3] ^= 0xFF
        entry.write_bytes(data)
    elif damage == "foreign":
        np.savez(entry, other=np.zeros(3))
    else:
        entry.write_bytes(next((out / "cache").glob("solved-*.npz")).read_bytes())
    quick.clear()
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    assert quick == ["initial-motion"]
    assert "initial-motion in the cache was damaged" in recorder.logs[0]
    quick.clear()
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    assert not quick


def test_refine_adds_a_take_from_the_cache_without_the_clip(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    old = load(out)
    clip_file.unlink()
    quick.clear()
    contact = Contact(0, "left_palm", 1, "right_shoulder", 3, 8, source="user", state="enforced")
    edits = Edits(contacts=(contact,), pins=(Pin(0, "left_wrist", 4, position=(0.3, 0.1, 1.2)),))
    take = refine(RefineRequest(edits=edits), out, recorder).take
    assert quick == ["infilled-motion", "solved-motion"]
    new = load(out)
    assert take.id == new.info.take == "take-002" and [each.origin for each in new.info.takes] == [
        "reconstruct",
        "refine",
    ]
    added, removed = new.info.contacts
    assert added.id == contact.id and added.distance is not None
    assert (removed.id, removed.state) == ("c", "rejected")  # so that no later take finds it again
    assert not np.array_equal(new.motion.body_pose, old.motion.body_pose)
    kept = np.load(out / "takes" / "take-001.npz")
    assert np.array_equal(kept["body_pose"], old.motion.body_pose)


def test_reconstructing_again_goes_back_to_the_first_take(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    refine(RefineRequest(edits=Edits(pins=(Pin(0, "head", 4, position=(0, 0, 1.6)),))), out, recorder)
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    info = load_info(out)
    assert info.take == "take-001" and [take.id for take in info.takes] == ["take-001", "take-002"]
    assert load_info(out, "take-002").take == "take-002"


def test_refine_under_a_corrected_camera_makes_a_take_of_it_that_later_ones_go_on_from(
    clip_file, tmp_path, quick, recorder
):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    quick.clear()
    refine(RefineRequest(camera_roll=-10.0, camera_height=1.4), out, recorder)
    assert "perception" not in quick and {"joint-prediction", "first-fit", "solved-motion"} <= set(quick)
    assert load_info(out).settings["camera"] == {"camera_roll": -10.0, "camera_height": 1.4}
    refine(RefineRequest(fov=50.0, camera_roll=0.0), out, recorder)
    assert load_info(out).settings["camera"] == {"fov": 50.0, "camera_roll": 0.0, "camera_height": 1.4}
    quick.clear()
    refine(RefineRequest(), out, recorder)
    assert load_info(out).settings["camera"]["fov"] == 50.0
    assert "camera" not in load_info(out, "take-001").settings
    assert not {"joint-prediction", "first-fit"} & set(quick)  # nothing but the edits is solved again


def test_refine_without_edits_keeps_the_contacts(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    refine(RefineRequest(), out, recorder)
    assert [contact.id for contact in load_info(out).contacts] == ["c"]


def test_refine_says_which_edits_have_no_effect(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    far = Contact(0, "chest", 1, "chest", 200, 210)
    edits = Edits((far,), (Pin(0, "head", 99, rotation=(0, 0, 0)),), "they hug")
    refine(RefineRequest(edits=edits, takes=3), out, recorder)
    text = " ".join(load_info(out).warnings)
    assert "pinned" in text and "contacts lie outside" in text and "One take was made instead of 3" in text


def test_refine_never_runs_perception(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    for entry in (out / "cache").glob("perception-*"):
        entry.write_bytes(b"damaged")
    before = files_of(out)
    with pytest.raises(UserError) as caught:
        refine(RefineRequest(), out, recorder)
    assert caught.value.code == "cache-missing" and "Reconstruct" in caught.value.hint
    assert files_of(out) == before


def test_refine_where_nothing_is_makes_nothing(tmp_path, recorder):
    with pytest.raises(UserError) as caught:
        refine(RefineRequest(), tmp_path / "nothing", recorder)
    assert caught.value.code == "no-reconstruction"
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("stage", ["perception", "solved-motion"])
def test_cancelling_leaves_the_old_result(clip_file, tmp_path, quick, recorder, stage):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file, frames="0:8"), out, recorder)
    before = files_of(out)
    recorder.stages.clear()
    recorder.stop_in = stage
    with pytest.raises(Cancelled):
        reconstruct(ReconstructRequest(clip_file), out, recorder)
    assert files_of(out) == before and not leftovers(out)


def test_a_clip_that_is_replaced_meanwhile_is_refused_and_nothing_of_it_is_kept(
    clip_file, tmp_path, quick, recorder, monkeypatch
):
    out, other = tmp_path / "out", write_clip(tmp_path / "other.mp4", seed=1)

    def replace_clip(name: str, index: int, count: int) -> None:
        os.utime(clip_file)  # which alone is no change
        if name == "perception" and other.exists():
            other.replace(clip_file)

    monkeypatch.setattr(recorder, "stage", replace_clip)
    with pytest.raises(UserError, match=r"clip\.mp4 has been changed or replaced") as raised:
        reconstruct(ReconstructRequest(clip_file), out, recorder)
    assert raised.value.code == "clip-changed" and not out.exists()
    quick.clear()
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    assert quick[0] == "perception"


def test_a_first_run_that_fails_leaves_no_folder(clip_file, tmp_path, quick, recorder):
    recorder.stop_in = "perception"
    with pytest.raises(Cancelled):
        reconstruct(ReconstructRequest(clip_file), tmp_path / "a" / "b", recorder)
    assert not (tmp_path / "a").exists()


def test_a_full_disk_at_the_end_leaves_the_old_result(clip_file, tmp_path, quick, recorder, monkeypatch):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    before = files_of(out)
    from core.contract.reconstruction import storage

    real = storage.put_npz

    def full(path: Path, arrays: dict[str, np.ndarray]) -> None:
        if "faces" in arrays:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, arrays)

    monkeypatch.setattr(storage, "put_npz", full)
    with pytest.raises(UserError) as caught:
        reconstruct(ReconstructRequest(clip_file, frames="0:8"), out, recorder)
    assert caught.value.code == "disk-full" and caught.value.hint
    assert files_of(out) == before and not leftovers(out)


def test_what_a_killed_run_left_is_removed(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    for place in (out, out / "cache", out / "takes"):
        (place / temporary_name(".npz")).write_bytes(b"half")
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    assert not leftovers(out)


_THEIRS = (".eslintrc-base.json", ".vscode-settings.json", ".my-weights.npz", ".my-weights-0a1b2c3d.npz")


def test_files_of_others_stay_whatever_their_names(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    for place in ("cache", "takes"):
        (out / place).mkdir(parents=True)
    files = [place / name for place in (out, out / "cache", out / "takes") for name in _THEIRS]
    for path in files:
        path.write_bytes(b"theirs")
    recorder.stop_in = "perception"
    with pytest.raises(Cancelled):
        reconstruct(ReconstructRequest(clip_file), out, recorder)
    recorder.stop_in = ""
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    assert all(path.read_bytes() == b"theirs" for path in files)


def test_nothing_is_written_or_removed_where_a_link_leads(clip_file, tmp_path, quick, recorder):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    out.mkdir()
    (out / "takes").symlink_to(elsewhere, target_is_directory=True)
    files = [
        elsewhere / name for name in (*_THEIRS, temporary_name(".npz"))
    ]  # of a run that works there by another name
    for path in files:
        path.write_bytes(b"theirs")
    with pytest.raises(UserError, match="is a link") as caught:
        reconstruct(ReconstructRequest(clip_file), out, recorder)
    assert caught.value.code == "not-writable" and not quick, "refused after work"
    assert sorted(elsewhere.iterdir()) == sorted(files) and all(path.read_bytes() == b"theirs" for path in files)


@pytest.mark.slow
def test_two_runs_in_one_folder_do_not_mix(clip_file, tmp_path, recorder):
    out = tmp_path / "out"
    with workspace(out):
        run = subprocess.run(
            [sys.executable, "-m", "core", "reconstruct", str(clip_file), "--out", str(out)],
            capture_output=True,
            text=True,
        )
    assert run.returncode == 2 and "Another run is working" in run.stderr


def test_a_result_of_a_newer_version_is_not_overwritten(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    record = json.loads((out / "reconstruction.json").read_text())
    (out / "reconstruction.json").write_text(json.dumps(record | {"schema": 99}))
    with pytest.raises(UserError) as caught:
        reconstruct(ReconstructRequest(clip_file, frames="0:8"), out, recorder)
    assert caught.value.code == "schema-too-new"


@pytest.mark.parametrize("damage", ["damaged", "missing"])
def test_what_is_left_of_a_damaged_result_is_not_touched(clip_file, tmp_path, quick, recorder, damage):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    if damage == "damaged":
        (out / "reconstruction.json").write_text("{")
    else:
        (out / "reconstruction.json").unlink()
    before = files_of(out)
    finished = reconstruct(ReconstructRequest(clip_file), out, recorder)
    assert finished.folder == tmp_path / "out-2" and load(finished.folder).info.take == "take-001"
    assert files_of(out) == before


def test_a_body_on_another_computer_is_not_opened_unasked(clip_file, tmp_path, quick, recorder, monkeypatch):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    record = json.loads((out / "reconstruction.json").read_text())
    record["body"]["path"] = r"\\host\share\SMPLX_NEUTRAL.npz"
    (out / "reconstruction.json").write_text(json.dumps(record))
    monkeypatch.setattr(result_body, "load_body", lambda path: pytest.fail(f"{path} was opened"))
    with pytest.raises(UserError) as caught:
        refine(RefineRequest(), out, recorder)
    assert caught.value.code == "body-on-network"


@pytest.mark.parametrize(
    ("name", "value"), [("base_seed", "x"), ("base_seed", -1), ("smoothness", 7), ("smoothness", True)]
)
def test_settings_of_a_stranger_that_make_no_sense_are_refused(clip_file, tmp_path, quick, recorder, name, value):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    record = json.loads((out / "reconstruction.json").read_text())
    record["settings"][name] = value
    (out / "reconstruction.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match=name) as caught:
        refine(RefineRequest(), out, recorder)
    assert caught.value.code == "damaged"


@pytest.mark.parametrize("choices", [None, 5, {}, {"frames": ["a", "b"]}, {"frames": [0, 5], "people": "01"}])
def test_choices_of_a_stranger_that_make_no_sense_are_refused(clip_file, tmp_path, quick, recorder, choices):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    record = json.loads((out / "reconstruction.json").read_text())
    record["settings"]["choices"] = choices
    (out / "reconstruction.json").write_text(json.dumps(record))
    with pytest.raises(UserError) as caught:
        refine(RefineRequest(), out, recorder)
    assert caught.value.code == "cache-missing"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"clip": Path("nowhere.mp4")}, "clip-missing"),
        ({"frames": "5:99"}, "bad-range"),
        ({"frames": "x"}, "bad-range"),
        ({"body": Path("nowhere.npz")}, "body-not-found"),
        ({"device": "abacus"}, "bad-device"),
        ({"takes": 0}, "bad-takes"),
        ({"takes": 9}, "bad-takes"),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(clip_file, tmp_path, quick, recorder, change, code):
    with pytest.raises(UserError) as caught:
        reconstruct(replace(ReconstructRequest(clip_file), **change), tmp_path / "out", recorder)
    assert caught.value.code == code and caught.value.hint
    assert not (tmp_path / "out").exists()


def test_several_takes_are_ranked_and_the_best_is_active(clip_file, tmp_path, infiller, recorder, monkeypatch):
    monkeypatch.setattr("core.progress._REPORT_SECONDS", 0.0)
    out = tmp_path / "out"
    best = reconstruct(ReconstructRequest(clip_file, takes=3), out, recorder).take
    made = load(out)
    assert [(take.id, take.seed, take.energy) for take in made.info.takes] == [
        ("take-001", 0, 1.5),
        ("take-002", 1, 0.9),
        ("take-003", 2, 1.2),
    ]
    assert made.info.take == best.id == "take-002" and made.info.seed == 1
    assert (
        infiller.count("first-fit") == 1 and infiller.count("infilled-motion") == infiller.count("solved-motion") == 3
    )
    np.testing.assert_allclose(made.motion.body_pose, made_up_motion(seed=1).body_pose)
    for number, take in enumerate(made.info.takes):
        own = load_info(out, take.id)
        assert (own.take, own.seed, own.takes) == (take.id, number, made.info.takes)
        assert own.contacts[0].distance is not None
        assert take.scores is not None and take.scores.contact == pytest.approx(
            1000 * own.contacts[0].distance, abs=0.01
        )
        motion = np.load(out / "takes" / f"{take.id}.npz")
        np.testing.assert_allclose(motion["body_pose"], made_up_motion(seed=number).body_pose)
    assert recorder.fractions == sorted(recorder.fractions)
    assert recorder.fractions[0] == 0 and recorder.fractions[-1] > 0.95
    # the first take has the work that all share: three fillings, fits and captions after it take the rest
    ends = [
        fraction for fraction, stage in zip(recorder.fractions, np.repeat(recorder.stages, 6)) if stage == "caption"
    ]
    assert 0.6 < ends[5] < ends[11] < ends[-1]


def test_where_seeds_make_no_difference_one_take_is_made(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file, takes=3), out, recorder)
    info = load_info(out)
    assert [take.id for take in info.takes] == ["take-001"] and quick == ALL
    assert any("One take was made instead of 3" in warning for warning in info.warnings)
    reconstruct(ReconstructRequest(clip_file, seed=7), out, recorder)
    assert len(load_info(out).takes) == 1


def test_cancelling_the_second_take_leaves_the_old_result(clip_file, tmp_path, infiller):
    class Impatient(Recorder):
        def cancelled(self) -> bool:
            return self.stages.count("infilled-motion") == 2

    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file, frames="0:8"), out, Recorder())
    before = files_of(out)
    with pytest.raises(Cancelled):
        reconstruct(ReconstructRequest(clip_file, takes=3), out, Impatient())
    assert infiller.count("solved-motion") == 2  # the old one, and the first of three
    assert files_of(out) == before and not leftovers(out)


def test_a_full_disk_at_the_last_of_several_takes_leaves_the_old_result(
    clip_file, tmp_path, infiller, recorder, monkeypatch
):
    from core.contract.reconstruction import storage

    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file, frames="0:8"), out, recorder)
    before, real, written = files_of(out), storage.put_npz, []

    def full(path: Path, arrays: dict[str, np.ndarray]) -> None:
        written.append(path)
        if len(written) == 5:  # the active motion, the bodies, and then the takes
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, arrays)

    monkeypatch.setattr(storage, "put_npz", full)
    with pytest.raises(UserError) as caught:
        reconstruct(ReconstructRequest(clip_file, takes=3), out, recorder)
    assert caught.value.code == "disk-full"
    assert files_of(out) == before and not leftovers(out)


def test_the_same_seed_is_the_same_take_again(clip_file, tmp_path, infiller, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file, takes=3), out, recorder)
    first = load(out)
    infiller.clear()
    assert reconstruct(ReconstructRequest(clip_file, seed=2), out, recorder).take.id == "take-003"
    assert reconstruct(ReconstructRequest(clip_file, seed=1), out, recorder).take.id == "take-002"
    again = load(out)
    assert infiller == [] and again.info.takes == first.info.takes
    np.testing.assert_array_equal(again.motion.joints, first.motion.joints)


def test_refine_goes_on_from_the_take_that_is_active(clip_file, tmp_path, infiller, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file, takes=3), out, recorder)
    infiller.clear()
    edits = Edits(pins=(Pin(0, "head", 4, position=(0, 0, 1.6)),))
    for takes, expected in ((2, ["take-004", "take-005"]), (1, ["take-006"])):  # the second refines what the first made
        refine(RefineRequest(edits=edits, takes=takes), out, recorder)
        made = load_info(out).takes[-takes:]
        assert [take.id for take in made] == expected and [take.seed for take in made] == list(range(takes))
        motion = np.load(out / "takes" / f"{expected[0]}.npz")
        np.testing.assert_allclose(motion["body_pose"], made_up_motion(seed=101).body_pose)
    assert (
        infiller.count("solved-motion") == infiller.count("infilled-motion") == 2
    )  # the last one is the first one's again


def test_refining_nothing_makes_one_take_whatever_was_asked_for(clip_file, tmp_path, infiller, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    refine(RefineRequest(takes=4), out, recorder)
    info = load_info(out)
    assert len(info.takes) == 2 and any("away from your edits" in warning for warning in info.warnings)


def test_takes_that_move_like_an_earlier_one_are_left_out_and_the_others_made(
    clip_file, tmp_path, infiller, recorder, monkeypatch
):
    stage = stages.solved_motion
    of_seed_0: list[FittedMotion] = []

    @functools.wraps(stage.function)
    def solved(**inputs: object) -> FittedMotion:
        fitted = stage.function(**inputs)
        of_seed_0[:0] = [fitted]
        return of_seed_0[-1] if fitted.energy == ENERGIES[2] else fitted

    monkeypatch.setattr(stages, "solved_motion", replace(stage, function=solved))
    reconstruct(ReconstructRequest(clip_file, takes=4), tmp_path / "out", recorder)
    info = load_info(tmp_path / "out")
    assert [take.seed for take in info.takes] == [0, 1, 3]
    assert [warning for warning in info.warnings if "3 of 4 takes differ" in warning]
    assert "edits" not in " ".join(info.warnings)


def test_without_a_prompt_the_caption_says_what_was_seen_and_steers_nothing(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)

    def said() -> tuple[str, str, str]:
        info = load_info(out)
        return info.prompt, info.prompt_source, info.takes[-1].prompt

    assert said() == (CAPTION, "captioner", "")
    refine(RefineRequest(), out, recorder)
    assert said() == (CAPTION, "captioner", "")
    refine(RefineRequest(prompt=f"{CAPTION} "), out, recorder)
    assert said() == (CAPTION, "captioner", "")
    assert [contact.id for contact in load_info(out).contacts] == ["c"]
    refine(RefineRequest(prompt="a hug"), out, recorder)
    assert said() == ("a hug", "user", "a hug")
    assert listed(out).keys() == {"c", prompted_id("a hug")}
    refine(RefineRequest(prompt=""), out, recorder)
    assert said() == ("", "none", "")
    reconstruct(ReconstructRequest(clip_file, prompt="a kiss"), out, recorder)
    assert said() == ("a kiss", "user", "a kiss")


def test_a_new_prompt_still_holds_when_the_take_is_refined_again(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    refine(RefineRequest(prompt="a hug"), out, recorder)
    quick.clear()
    refine(RefineRequest(edits=Edits(pins=(Pin(0, "head", 4, position=(0, 0, 1.6)),))), out, recorder)
    assert quick == ["infilled-motion", "solved-motion"]  # the words are read, and grounded, as they were
    assert prompted_id("a hug") in {contact.id for contact in load_info(out).contacts}
    kept = tuple(contact for contact in load_info(out).contacts if contact.source != "prompt")
    for _ in range(2):
        refine(RefineRequest(edits=Edits(contacts=kept)), out, recorder)
        (gone,) = (contact for contact in load_info(out).contacts if contact.source == "prompt")
        assert gone.state == "rejected"


def test_takes_of_older_versions_can_be_read(clip_file, tmp_path, quick, recorder):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    record = json.loads((out / "reconstruction.json").read_text())
    del record["takes"][0]["scores"]
    (out / "reconstruction.json").write_text(json.dumps(record))
    assert load_info(out).takes[0].scores is None


@dataclass(frozen=True)
class Steps:
    """Not one of core's records, whose shapes are checked when they are made."""

    time: Float[np.ndarray, " T"]
    place: Float[np.ndarray, "P T 3"]


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        (np.zeros((2, 11, 3), np.float32), "along T"),
        (np.zeros((2, 12, 4), np.float32), "along 3"),
        (np.zeros((2, 12), np.float32), "2 axes"),
        (np.zeros((2, 12, 3), np.int32), "int32"),
        (np.full((2, 12, 3), np.nan, np.float32), "not finite"),
    ],
)
def test_an_entry_that_was_written_whole_is_still_checked(tmp_path, place, problem):
    said: list[str] = []
    cache, time = Cache(tmp_path, said.append), np.arange(12) / 25
    cache.write("steps", "a" * 64, CacheEntry(Steps(time, place), (), 1.0))
    assert cache.read(Steps, "steps", "a" * 64) is None
    assert problem in said[0] and not list(tmp_path.iterdir())
    cache.write("steps", "a" * 64, CacheEntry(Steps(time, np.zeros((2, 12, 3))), ("Careful.",), 1.0))
    found = cache.read(Steps, "steps", "a" * 64)
    assert found is not None and found.warnings == ("Careful.",)
    assert cache.read(Steps, "steps", "a" * 63 + "b") is None  # the file's name holds the beginning of a key only


def test_a_clips_key_is_that_of_its_whole_content(tmp_path):
    path = tmp_path / "clip.mp4"
    data = bytearray(np.random.default_rng(0).bytes(12 << 20))
    path.write_bytes(data)
    before = content_key(path)
    data[3 << 20] ^= 1
    path.write_bytes(data)
    after = content_key(path)
    path.rename(tmp_path / "moved.mp4")
    assert before != after == content_key(tmp_path / "moved.mp4")

    def stop() -> None:
        raise Cancelled

    (tmp_path / "copy.mp4").write_bytes(data)
    with pytest.raises(Cancelled):
        content_key(tmp_path / "copy.mp4", stop)


def test_stages_whose_names_begin_alike_do_not_push_each_other_out(tmp_path):
    cache, entry = Cache(tmp_path), CacheEntry(Caption("They dance."), (), 1.0)
    cache.write("caption", f"{0:064d}", entry)
    for number in range(KEPT + 1):
        cache.write("caption-again", f"{number:016d}{0:048d}", entry)
    assert cache.use("caption", f"{0:064d}")
    assert not cache.use("caption-again", f"{0:064d}") and cache.use("caption-again", f"{1:016d}{0:048d}")


def test_what_is_used_stays_in_the_cache(tmp_path):
    cache, entry = Cache(tmp_path), CacheEntry(Caption("They dance."), (), 1.0)
    for number in range(KEPT):
        cache.write("caption", f"{number:016d}", entry)
    assert cache.read(Caption, "caption", f"{0:016d}") == entry
    cache.write("caption", "f" * 16, entry)
    there = [cache.use("caption", key) for key in (f"{0:016d}", f"{1:016d}", "f" * 16)]
    assert there == [True, False, True]


def test_the_newest_result_of_a_stage_is_the_last_one_that_was_written_or_read(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with pytest.raises(ValueError, match="caption"):
        cache.newest(Caption, "caption")
    for number, sentence in enumerate(("They hug.", "They fight.")):
        cache.write("caption", str(number) * 64, CacheEntry(Caption(sentence), (), 0.0))
        path = cache.path("caption", str(number) * 64)
        assert path is not None
        os.utime(path, (number, number))
    assert cache.newest(Caption, "caption").sentence == "They fight."
    cache.read(Caption, "caption", "0" * 64)
    assert cache.newest(Caption, "caption").sentence == "They hug."
