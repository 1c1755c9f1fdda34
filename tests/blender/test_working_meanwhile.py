"""What the animator edits while Refine runs is there when its take comes into the scene."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import add_take
from tests.blender.test_job import FAKE_WORKER, armatures, result, run, runtime, start, wait
from tests.blender.user_actions import press

__all__ = ["result", "runtime"]  # fixtures


@pytest.fixture
def refining(
    runtime: ModuleType,
    result: Path,
    product: Product,
    scene: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """An imported reconstruction whose first contact was enforced and which is being refined: the new take measures it anew."""
    record, folder = product("core.contract.reconstruction"), tmp_path / "refined"
    monkeypatch.setenv("FAKE_REFINED", str(folder))
    run(runtime, "")
    (collection,) = scene.reconstruction_collections()
    press("contact_state", state="enforced")
    shutil.copytree(result, folder)
    add_take(folder, product("core.contract"), "take-2", frames=5, clip=FAKE_WORKER, seed=3)
    made = record.load(folder)
    first, *others = scene.read_contacts(collection)
    contacts = (replace(first, distance=0.25, reached=False), *others)
    record.save(folder, replace(made, info=replace(made.info, contacts=contacts)))
    press("refine")
    return collection


def arrive(runtime: ModuleType, scene: ModuleType, collection: Any) -> None:
    wait(runtime, lambda: not runtime.session.runner.job.active)
    assert scene.read_state(collection).take == "take-2", runtime.session.notice
    scene.forget_count()


def test_without_edits_the_new_takes_contacts_are_listed(runtime: ModuleType, scene: ModuleType, refining: Any) -> None:
    arrive(runtime, scene, refining)
    contacts = scene.read_contacts(refining)
    assert (contacts[0].state, contacts[0].distance) == ("enforced", 0.25)
    assert (len(contacts), scene.count_waiting_edits(refining)) == (3, 0)


def test_a_take_its_contacts_and_their_markers_appear_in_one_step(
    runtime: ModuleType, scene: ModuleType, refining: Any
) -> None:
    def shown() -> tuple[str, list[str], list[str]]:
        markers = [
            item["socialmirror_role"].split(":")[1] for item in refining.objects if item.name.startswith("Contact")
        ]
        return scene.read_state(refining).take, [item.id for item in scene.read_contacts(refining)], sorted(markers)

    wait_for_result(runtime)
    before, seen = shown(), [shown()]
    while runtime.session.pending is not None:
        runtime.pump()
        seen.append(shown())
    assert before[0] == "take-1" and before[2] and seen[-1][0] == "take-2"
    assert all(each in (before, seen[-1]) for each in seen) and len(seen) > 4


def wait_for_result(runtime: ModuleType) -> None:
    """Until Refine is done, with nothing of its take in the scene."""
    while runtime.session.runner.job.active:
        time.sleep(0.02)
        runtime.pump()


def test_contacts_that_are_added_changed_and_removed_meanwhile_wait_for_the_next_refine(
    runtime: ModuleType, scene: ModuleType, refining: Any
) -> None:
    changed, kept, removed = scene.read_contacts(refining)
    refining.socialmirror.contacts[0].weight = 0.25
    refining.socialmirror.contact_index = 2
    press("contact_remove")
    fields = {"person_a": "0", "region_a": "left_palm", "person_b": "1", "region_b": "left_palm"}
    press("contact_add", **fields, frame_start=2, frame_end=4)
    added = scene.read_contacts(refining)[-1]
    arrive(runtime, scene, refining)
    now = {contact.id: contact for contact in scene.read_contacts(refining)}
    assert list(now) == [changed.id, kept.id, added.id] and removed.id not in now
    assert (now[changed.id].weight, now[changed.id].distance) == (0.25, 0.25)  # edited, and measured anew
    assert scene.count_waiting_edits(refining) == 3
    assert any(item.name.startswith("Contact left_palm") for item in refining.objects)


def test_contacts_of_another_take_are_not_mistaken_for_edits(
    runtime: ModuleType, scene: ModuleType, refining: Any, product: Product
) -> None:
    """Undo has led to an earlier take while Refine ran."""
    refining[product("socialmirror_blender.scene.names").TAKE_PROPERTY] = "take-0"
    refining.socialmirror.contact_index = 2
    press("contact_remove")
    arrive(runtime, scene, refining)
    assert len(scene.read_contacts(refining)) == 3


def pose_head(rig: Any) -> None:
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    bpy.context.view_layer.update()
    rig.pose.bones["head"].rotation_quaternion = (0.8, 0.6, 0.0, 0.0)
    bpy.context.view_layer.update()


def head(rig: Any) -> np.ndarray:
    bpy.context.view_layer.update()
    return np.array(rig.pose.bones["head"].rotation_quaternion)


def test_a_take_waits_until_what_was_posed_is_keyed(runtime: ModuleType, scene: ModuleType, refining: Any) -> None:
    rig = scene.rig_of(refining, 0)
    pose_head(rig)
    wait(runtime, lambda: runtime.session.pending is not None)
    for _ in range(20):
        runtime.pump()
    assert scene.read_state(refining).take == "take-1"
    np.testing.assert_allclose(head(rig), (0.8, 0.6, 0.0, 0.0), atol=1e-6)
    text = " ".join(draw_sidebar().texts)
    assert "as soon as you key the pose of Person 1 (head), or leave Pose Mode" in text
    rig.pose.bones["head"].rotation_quaternion = (0.4, 0.3, 0.0, 0.0)  # typed in: the same rotation
    rig.pose.bones["head"].keyframe_insert("rotation_quaternion")
    wait(runtime, lambda: runtime.session.pending is None)
    assert scene.read_state(refining).take == "take-2"
    np.testing.assert_allclose(head(rig), (0.4, 0.3, 0.0, 0.0), atol=1e-6)
    assert rig.mode == "POSE"


def test_pose_mode_alone_holds_nothing_up(runtime: ModuleType, scene: ModuleType, refining: Any) -> None:
    rig = scene.rig_of(refining, 0)
    pose_head(rig)
    bpy.ops.object.mode_set(mode="OBJECT")
    arrive(runtime, scene, refining)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    bpy.context.scene.frame_set(3)
    start("They hug")
    wait(runtime, lambda: not runtime.session.runner.job.active)
    assert runtime.session.pending is None
    assert armatures() == 2
