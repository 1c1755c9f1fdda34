"""An animator's afternoon: whatever they do with takes, ranges, undo and folders, every key, take and contact is kept."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Quaternion

from tests.blender.evaluated_scene import bone_heads
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import Made, add_take, make_reconstruction
from tests.blender.user_actions import press, settings

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")
SHOULDER, ELBOW = Quaternion((0.6, 0.0, 0.8, 0.0)), Quaternion((0.8, 0.6, 0.0, 0.0))


class Afternoon:
    """What the animator does, and what they see."""

    def __init__(self, product: Product) -> None:
        self.polling = product("socialmirror_blender.runtime.polling")
        self.scene = product("socialmirror_blender.scene")
        self.read_info = product("socialmirror_blender.reconstructions").read_info

    def press(self, operator: str, **properties: Any) -> None:
        """A button that does its work at once; in a window Blender adds the undo step."""
        assert press(operator, **properties) == {"FINISHED"}
        bpy.ops.ed.undo_push(message=operator)

    def run(self, operator: str) -> None:
        """A button that starts a job; the undo step is added when its result is imported."""
        assert press(operator) == {"FINISHED"}
        end = time.monotonic() + 60
        while self.polling.session.runner.job.active or self.polling.session.pending is not None:
            assert time.monotonic() < end, self.polling.session
            self.polling.pump()
            time.sleep(0.02)
        assert self.polling.session.runner.job.state.name == "DONE", self.polling.session.runner.job

    def collections(self) -> list[Any]:
        """The imports in the order of their ranges of the clip."""
        found = self.scene.reconstruction_collections()
        return sorted(found, key=lambda item: self.scene.read_state(item).timing.clip_frames[0])

    def select(self, number: int) -> Any:
        """Select the first person of an import."""
        collection = self.collections()[number]
        bpy.context.view_layer.objects.active = self.scene.rig_of(collection, 0)
        return collection

    def key(self, number: int, bone: str, frame: int, rotation: Quaternion) -> None:
        rig = self.scene.rig_of(self.collections()[number], 0)
        rig.pose.bones[bone].rotation_quaternion = rotation
        assert rig.pose.bones[bone].keyframe_insert("rotation_quaternion", frame=frame)
        bpy.ops.ed.undo_push(message="Insert Keyframe")

    def shows(self, number: int, take: str, made: Made) -> None:
        """Scene, folder and motion agree, and the arm that was keyed by hand is where it was put."""
        collection = self.collections()[number]
        assert self.scene.read_state(collection).take == take
        info = self.read_info(collection)
        assert info is not None
        assert info.take == take
        rig = self.scene.rig_of(collection, 0)
        assert rig.animation_data.action.name.split(" ")[-1] == take
        bpy.context.scene.frame_set(20)
        head = bone_heads(rig, ["head"])[0]
        np.testing.assert_allclose(head, made.reconstruction.motion.joints[0, 19, 15], atol=1e-4)

    def has_keys(self, number: int) -> None:
        rig = self.scene.rig_of(self.collections()[number], 0)
        for bone, frame, rotation in (("left_shoulder", 8, SHOULDER), ("left_elbow", 12, ELBOW)):
            bpy.context.scene.frame_set(frame)
            assert abs(rig.pose.bones[bone].rotation_quaternion.dot(rotation)) > 1 - 1e-5

    def states(self, number: int) -> list[str]:
        return [contact.state for contact in self.scene.read_contacts(self.collections()[number])]


@pytest.fixture
def afternoon(product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Afternoon]:
    afternoon = Afternoon(product)
    environment = product("socialmirror_blender.runtime.environment")
    session = afternoon.polling.session
    session.environment = environment.Environment(environment.EnvironmentState.READY, str(FAKE_WORKER))
    monkeypatch.setenv("FAKE_RESULT", str(tmp_path / "made"))
    monkeypatch.setenv("FAKE_REFINED", str(tmp_path / "refined"))
    (tmp_path / "dance.mp4").touch()
    settings().filepath = str(tmp_path / "dance.mp4")
    settings().match_scene = False
    bpy.ops.ed.undo_push(message="Original")
    yield afternoon
    session.runner.close()
    session.runner.clear()
    session.pending = None


def test_nothing_of_an_afternoon_is_lost(afternoon: Afternoon, contract: ModuleType, tmp_path: Path) -> None:
    options: dict[str, Any] = {"clip": tmp_path / "dance.mp4"}

    # reconstruct in a file that is not saved yet, key an arm by hand, reject a contact
    first = make_reconstruction(tmp_path / "made", contract, take="take-001", seed=1, **options)
    afternoon.run("reconstruct")
    assert afternoon.states(0) == ["auto", "enforced", "rejected"]
    afternoon.key(0, "left_shoulder", 8, SHOULDER)
    afternoon.key(0, "left_elbow", 12, ELBOW)
    afternoon.select(0)
    afternoon.press("contact_state", state="rejected")
    action = afternoon.scene.rig_of(afternoon.collections()[0], 0).animation_data.action.name

    # refine, and look at the first take again
    shutil.copytree(tmp_path / "made", tmp_path / "refined")
    second = add_take(tmp_path / "refined", contract, "take-002", seed=2, **options)
    afternoon.run("refine")
    afternoon.shows(0, "take-002", second)
    afternoon.has_keys(0)
    afternoon.press("use_take", take="take-001")
    afternoon.shows(0, "take-001", first)
    afternoon.has_keys(0)
    assert afternoon.states(0) == ["rejected", "enforced", "rejected"]
    assert afternoon.scene.rig_of(afternoon.collections()[0], 0).animation_data.action.name == action
    afternoon.press("use_take", take="take-002")
    afternoon.shows(0, "take-002", second)

    # another range of the same clip, beside the first
    shutil.rmtree(tmp_path / "made")
    other = make_reconstruction(tmp_path / "made", contract, take="take-001", first_frame=100, seed=3, **options)
    afternoon.run("reconstruct")
    assert len(afternoon.collections()) == 2
    afternoon.shows(0, "take-002", second)
    afternoon.shows(1, "take-001", other)
    afternoon.has_keys(0)
    folders = [afternoon.scene.folder_of(collection) for collection in afternoon.collections()]
    files = [sorted(path.name for path in (folder / "takes").iterdir()) for folder in folders]
    assert files[0] == ["take-001.json", "take-001.npz", "take-002.json", "take-002.npz"]

    # undo four times: the other range, both looks at takes, and the refined take; then all of it again
    bpy.ops.ed.undo()
    assert len(afternoon.collections()) == 1
    afternoon.shows(0, "take-002", second)
    bpy.ops.ed.undo()
    afternoon.shows(0, "take-001", first)
    afternoon.has_keys(0)
    bpy.ops.ed.undo()
    afternoon.shows(0, "take-002", second)
    bpy.ops.ed.undo()
    afternoon.shows(0, "take-001", first)
    afternoon.has_keys(0)
    assert afternoon.states(0) == ["rejected", "enforced", "rejected"]
    assert [sorted(path.name for path in (folder / "takes").iterdir()) for folder in folders] == files
    for _ in range(4):
        bpy.ops.ed.redo()
    assert len(afternoon.collections()) == 2
    afternoon.shows(0, "take-002", second)

    # save: results come along; move the project; reopen it
    project = tmp_path / "project"
    project.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(project / "shot.blend"), check_existing=False)
    assert not any(folder.exists() for folder in folders)
    moved = project.rename(tmp_path / "moved")
    bpy.ops.wm.open_mainfile(filepath=str(moved / "shot.blend"))
    check_everything(afternoon, first, second, other)
    assert {path.name for path in (moved / "SocialMirror" / "shot").iterdir()} == {"dance", "dance-2"}

    # move the results away from the file, and locate them
    (moved / "SocialMirror").rename(tmp_path / "archive")
    bpy.ops.wm.open_mainfile(filepath=str(moved / "shot.blend"))
    for number, name in enumerate(("dance", "dance-2")):
        collection = afternoon.select(number)
        assert afternoon.read_info(collection) is None
        afternoon.press("locate_results", directory=str(tmp_path / "archive" / "shot" / name))
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(moved / "shot.blend"))
    check_everything(afternoon, first, second, other)


def check_everything(afternoon: Afternoon, first: Made, second: Made, other: Made) -> None:
    """Both ranges with all of their takes, keys and contacts; the last take that was shown is take 2."""
    afternoon.shows(0, "take-002", second)
    afternoon.has_keys(0)
    afternoon.shows(1, "take-001", other)
    info = afternoon.read_info(afternoon.collections()[0])
    assert [take.id for take in info.takes] == ["take-001", "take-002"]
    afternoon.select(0)
    afternoon.press("use_take", take="take-001")
    afternoon.shows(0, "take-001", first)
    afternoon.has_keys(0)
    assert afternoon.states(0) == ["rejected", "enforced", "rejected"]
    afternoon.press("use_take", take="take-002")
    afternoon.has_keys(0)
