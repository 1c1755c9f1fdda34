"""A first hour with SocialMirror: from the zip to a result, its edits and its takes, by mouse and keys.

Run by `scripts/test --gui` in a Blender window. GUI_ZIP is the extension, GUI_OUT the folder for screenshots, GUI_PYTHON an
interpreter that has the core's packages (without it the add-on installs its environment).
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.blender.rigging.rigify_rigs import generate_rigify
from tests.blender.rigging.target_rigs import (
    Body,
    Build,
    body_of,
    build_armature,
    mixamo_names,
    reshaped,
    unreal_names,
)
from tests.gui import window as gui

EXTENSION = "bl_ext.user_default.socialmirror"
_ICONS = (0.83,)
"""Where in the sidebar the icons beside the list of touches are."""
_GHOST_ICON = (0.68,)
_LEFT_OR_RIGHT = (0.3, 0.7)
_INSTALLATION, _RECONSTRUCTION, _REFINEMENT, _RETARGETING = 900, 1500, 600, 300
"""Seconds after which a step counts as stuck; a busy computer takes a fraction of them."""


def product(name: str) -> ModuleType:
    return importlib.import_module(f"{EXTENSION}.{name}")


def settings() -> Any:
    scene: Any = gui.window().scene
    return scene.socialmirror


def idle() -> bool:
    session: Any = product("socialmirror_blender.runtime.session").session
    return not session.runner.job.active


def result() -> Any:
    scenes: Any = product("socialmirror_blender.scene")
    (collection,) = scenes.reconstruction_collections()
    return collection


def story() -> gui.Step:
    yield from install()
    yield from reconstruct_the_sample()
    yield from show_confidence()
    yield from edit_a_contact()
    yield from lock_a_moved_hand()
    yield from refine()
    yield from compare_takes()
    yield from pull_a_hand_by_ik()
    yield from retarget()
    yield from export()
    yield from save_and_reopen()
    print("The story came to its end.")


def install() -> gui.Step:
    operators: Any = bpy.ops
    with gui.override():
        operators.extensions.package_install_files(
            filepath=os.environ["GUI_ZIP"], repo="user_default", enable_on_install=True
        )
    yield 0.5
    yield from gui.open_sidebar("SocialMirror")
    gui.screenshot("1_installed")
    environment: Any = product("socialmirror_blender.runtime.session").session
    if "GUI_PYTHON" in os.environ:
        operators.socialmirror.use_interpreter("EXEC_DEFAULT", filepath=os.environ["GUI_PYTHON"])
    else:
        bpy.context.preferences.system.use_online_access = True
        yield from gui.push("install_environment")
    yield from gui.wait(
        lambda: environment.environment.usable and idle(), _INSTALLATION, "the environment is not ready"
    )


def reconstruct_the_sample() -> gui.Step:
    yield from gui.push("try_sample")
    assert settings().filepath.endswith("handshake_hug.mp4"), settings().filepath
    settings().use_range, settings().frame_first, settings().frame_last = True, 20, 60
    yield from gui.fill(".prompt", "they shake hands")
    assert settings().prompt == "they shake hands", settings().prompt
    yield from gui.push("reconstruct")
    yield 2.0
    gui.screenshot("2_running")
    yield from gui.wait(lambda: idle() and _imported(), _RECONSTRUCTION, "no result came")
    yield 1.0
    gui.screenshot("3_result")
    active = bpy.context.view_layer.objects.active
    assert active is not None and active.type == "ARMATURE", active
    assert gui.area().spaces.active.region_3d.view_perspective == "CAMERA"


def _imported() -> bool:
    scenes: Any = product("socialmirror_blender.scene")
    return len(list(scenes.reconstruction_collections())) == 1


def show_confidence() -> gui.Step:
    """Colour the limbs by what was seen, at a frame in which an arm of each is hidden."""
    overlay: Any = product("socialmirror_blender.scene.confidence_overlay")
    state = product("socialmirror_blender.scene").read_state(result())
    bpy.context.scene.frame_set(state.first_frame + 2)
    yield from gui.push("confidence_overlay")
    shown = gui.area().spaces.active.overlay
    shown.show_bones = False  # they are drawn in front of the skins
    yield 1.0
    assert overlay.is_overlay_shown(result())
    gui.screenshot("3_confidence")
    shown.show_bones = True
    yield from gui.push("confidence_overlay")
    assert not overlay.is_overlay_shown(result())


def edit_a_contact() -> gui.Step:
    """Choose a touch, go to it, and move one of its markers by 20 cm with G."""
    listed: Any = product("socialmirror_blender.scene.contact_list")
    markers: Any = product("socialmirror_blender.scene.contact_markers")
    contacts = listed.read_contacts(result())
    assert contacts, "the sample has contacts"
    yield from gui.push("contact_jump", _ICONS)
    chosen = listed.active_contact(result())
    marker = markers.marker_pairs(result())[chosen.id][0]
    view = gui.region("WINDOW")
    middle = (view.x + view.width // 2, view.y + view.height // 2)
    yield from gui.move(middle)
    with gui.override():
        bpy.ops.object.select_all(action="DESELECT")
    marker.select_set(True)
    bpy.context.view_layer.objects.active = marker
    yield 0.5
    for key in ("G", "Z"):
        yield from gui.press(key, middle)
    yield from gui.enter("0.2", middle)
    yield 1.0
    moved = next(contact for contact in listed.read_contacts(result()) if contact.id == chosen.id)
    assert moved.vertex_a is not None and moved.state == "enforced", moved
    gui.screenshot("4_marker_moved")


def lock_a_moved_hand() -> gui.Step:
    """Raise Person B's left arm, and lock the hand there over ten frames."""
    scenes: Any = product("socialmirror_blender.scene")
    rig = scenes.rig_of(result(), 1)
    operators: Any = bpy.ops
    with gui.override():
        operators.object.select_all(action="DESELECT")
        rig.select_set(True)
        bpy.context.view_layer.objects.active = rig
        operators.object.mode_set(mode="POSE")
        frame = bpy.context.scene.frame_current
        for bone in rig.pose.bones:
            bone.select = bone.name == "left_shoulder"
        view = gui.region("WINDOW")
    middle = (view.x + view.width // 2, view.y + view.height // 2)
    yield from gui.press("R", middle)
    yield from gui.enter("40", middle)
    yield from gui.press("I", middle)
    yield 0.3
    wrist = rig.matrix_world @ rig.pose.bones["left_wrist"].head
    _wrists.append((frame, tuple(wrist)))
    for bone in rig.pose.bones:
        bone.select = bone.name == "left_wrist"
    with gui.override("UI"):
        operators.socialmirror.pin_range("EXEC_DEFAULT", True, first=frame, last=frame + 9)
    yield 0.5
    gui.screenshot("5_locked_hand")
    with gui.override():
        operators.object.mode_set(mode="OBJECT")


_wrists: list[tuple[int, tuple[float, ...]]] = []
"""Scene frame and world position of the hand that was locked."""


def refine() -> gui.Step:
    before = product("socialmirror_blender.scene").read_state(result()).take
    yield from gui.push("refine")
    yield 1.0
    yield from gui.wait(
        lambda: idle() and product("socialmirror_blender.scene").read_state(result()).take != before,
        _REFINEMENT,
        "no take came",
    )
    yield 1.0
    gui.screenshot("6_refined")
    listed: Any = product("socialmirror_blender.scene.contact_list")
    moved = next(contact for contact in listed.read_contacts(result()) if contact.vertex_a is not None)
    print(f"The contact that followed its marker by 20 cm is {1000 * (moved.distance or 0):.1f} mm apart.")
    rig = product("socialmirror_blender.scene").rig_of(result(), 1)
    frame, place = _wrists[0]
    bpy.context.scene.frame_set(frame)
    wrist = rig.matrix_world @ rig.pose.bones["left_wrist"].head
    missed = sum((a - b) ** 2 for a, b in zip(wrist, place)) ** 0.5
    print(f"The locked hand is {1000 * missed:.1f} mm from where it was put.")
    assert missed < 0.01


def compare_takes() -> gui.Step:
    """The first take as a ghost beside the refined one."""
    ghosts: Any = product("socialmirror_blender.scene.ghost")
    yield from gui.open_panel_below("export")
    yield from gui.push("take_ghost", _GHOST_ICON)
    yield 3.0  # the panels below slide down
    assert ghosts.ghost_take(result()) == "take-001"
    gui.screenshot("7_ghost")
    yield from gui.push("take_ghost", _GHOST_ICON)
    assert not ghosts.ghost_take(result())


def pull_a_hand_by_ik() -> gui.Step:
    """Make the control rigs, drag the left hand's control with the mouse, and bake back."""
    scenes: Any = product("socialmirror_blender.scene")
    objects: Any = product("socialmirror_blender.scene.objects")
    operators: Any = bpy.ops
    rig = scenes.rig_of(result(), 0)
    with gui.override():
        operators.object.select_all(action="DESELECT")
        rig.select_set(True)
        bpy.context.view_layer.objects.active = rig
    yield from gui.open_last_panels(3)  # Control Rig, Feet, Retarget
    yield from gui.push("control_rig_add", _LEFT_OR_RIGHT)
    yield 1.0
    controls = objects.control_rig_of(result(), 0)
    elbow_before = (rig.matrix_world @ rig.pose.bones["left_elbow"].head).copy()
    hand_before = (rig.matrix_world @ rig.pose.bones["left_wrist"].head).copy()
    for bone in controls.pose.bones:
        bone.select = bone.name == "left_hand.ik"
    controls.data.bones.active = controls.data.bones["left_hand.ik"]
    view = gui.region("WINDOW")
    middle = (view.x + view.width // 2, view.y + view.height // 2)
    for key in ("G", "Z"):
        yield from gui.press(key, middle)
    yield from gui.enter("0.1", middle)
    yield 0.5
    yield from gui.press("I", middle)
    gui.screenshot("8_control_rig")
    hand = rig.matrix_world @ rig.pose.bones["left_wrist"].head
    elbow = rig.matrix_world @ rig.pose.bones["left_elbow"].head
    print(f"The hand rose by {hand.z - hand_before.z:.3f} m, the elbow moved by {(elbow - elbow_before).length:.3f} m.")
    assert hand.z - hand_before.z > 0.05
    with gui.override():
        operators.object.mode_set(mode="OBJECT")
    yield from gui.push("control_rig_remove", _LEFT_OR_RIGHT)
    yield 1.0
    kept = rig.matrix_world @ rig.pose.bones["left_wrist"].head
    print(f"Baked back, the hand is {1000 * (kept - hand).length:.1f} mm from where the control had it.")
    assert (kept - hand).length < 0.005


def retarget() -> gui.Step:
    """Both people onto skeletons of other proportions with the names of Mixamo and Unreal, then onto rigs that Rigify makes."""
    skeleton: Any = product("core.contract.skeleton")
    builds = ((mixamo_names(skeleton), Build(arms=1.15)), (unreal_names(skeleton), Build(legs=0.8, arm_angle=45)))
    bodies = people_at_rest()
    targets = []
    for person, (names, build) in enumerate(builds):
        with gui.override():
            body = reshaped(bodies[person], build, skeleton)
            targets.append(build_armature(f"Target {'AB'[person]}", body, names, build, skeleton))
    yield from retarget_onto([rig for rig, _ in targets], "9_retargeted")
    for item in (item for pair in targets for item in pair):
        bpy.data.objects.remove(item)
    addon_utils: Any = importlib.import_module("addon_utils")
    assert addon_utils.enable("rigify", default_set=True) is not None
    rigs = []
    for person, body in enumerate(bodies):
        with gui.override():
            rigs.append(generate_rigify(f"Rigify {'AB'[person]}", body, skeleton)[0])
        yield 0.5
    yield from retarget_onto(rigs, "10_rigify")


def people_at_rest() -> list[Body]:
    """The bodies of both people, for armatures that are made to their measure."""
    record: Any = product("core.contract.reconstruction")
    takes: Any = product("socialmirror_blender.scene.takes")
    scenes: Any = product("socialmirror_blender.scene")
    reconstruction = record.load(Path(scenes.read_state(result()).folder))
    joints = reconstruction.motion.rest_joints.astype(float)
    return [
        body_of(joints[person], reconstruction.body, person, takes.rest_pose_of(reconstruction, person)[1])
        for person in (0, 1)
    ]


def retarget_onto(rigs: list[Any], name: str) -> gui.Step:
    """Choose the armatures and retarget; the skins of the reconstruction are hidden in the screenshot."""
    scenes: Any = product("socialmirror_blender.scene")
    targets: Any = gui.window().scene.socialmirror_retarget
    targets.report = ""
    people = [item for person in (0, 1) for item in (scenes.skin_of(result(), person), scenes.rig_of(result(), person))]
    yield 0.5
    bpy.context.view_layer.objects.active = scenes.rig_of(result(), 0)
    for letter, rig in zip("ab", rigs):
        yield from gui.choose(f".target_{letter}.rig", rig.name)
    assert [targets.target_a.rig, targets.target_b.rig] == rigs
    yield from gui.push("retarget")
    yield from gui.wait(lambda: bool(targets.report), _RETARGETING, "nothing was retargeted")
    for item in people:
        item.hide_set(True)
    yield 1.0
    print(f"Retargeted: {targets.report}")
    gui.screenshot(name)
    for item in people:
        item.hide_set(False)
    yield 0.5


def export() -> gui.Step:
    """By the button of the panel and the file browser that it opens."""
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"  # no second window
    for target in ("unreal", "godot"):
        folder = Path(os.environ["GUI_OUT"]) / target
        folder.mkdir()
        yield from gui.push("export")
        yield from gui.accept_files(folder, f"12_export_{target}", target=target)
        assert list(folder.iterdir()), f"nothing was exported for {target}"
        print(target, sorted(file.name for file in folder.iterdir()))


def save_and_reopen() -> gui.Step:
    # Rigify's rigs have a script, and Blender would ask
    bpy.context.preferences.filepaths.use_scripts_auto_execute = True
    path = Path(os.environ["GUI_OUT"]) / "story.blend"
    operators: Any = bpy.ops
    with gui.override():
        operators.wm.save_as_mainfile(filepath=str(path))
    yield 1.0
    listed: Any = product("socialmirror_blender.scene.contact_list")
    before = listed.read_contacts(result())
    with gui.override():
        operators.wm.open_mainfile(filepath=str(path))
    yield 2.0
    assert listed.read_contacts(result()) == before
    yield from gui.open_sidebar("SocialMirror")
    gui.screenshot("11_reopened")


gui.run(story)
