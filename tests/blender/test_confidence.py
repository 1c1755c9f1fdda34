"""What the clip does not show can be seen: on the skins, in the dope sheet, and by going from stretch to stretch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.evaluated_scene import person_fcurves
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import make_reconstruction
from tests.blender.user_actions import press


@pytest.fixture
def limb_states(product: Product) -> ModuleType:
    return product("socialmirror_blender.scene.limb_states")


def test_every_joint_belongs_to_a_limb(limb_states: ModuleType, contract: ModuleType) -> None:
    limbs = {joint: limb_states.limb_of_joint(joint) for joint in contract.skeleton.JOINTS}
    assert set(limbs.values()) == set(limb_states.LIMBS)
    assert (limbs["left_index2"], limbs["right_foot"], limbs["jaw"], limbs["spine3"]) == (
        "left arm",
        "right leg",
        "head",
        "torso",
    )


def test_states_of_limbs_do_not_flicker(limb_states: ModuleType, contract: ModuleType) -> None:
    confidence = np.ones((60, 22))
    arm = [contract.skeleton.JOINT_INDEX[joint] for joint in ("left_elbow", "left_wrist")]
    confidence[20:40, arm] = 0.1
    confidence[30, arm] = 0.9  # one frame
    confidence[50:, arm] = 0.5
    states = limb_states.limb_states(confidence, 30.0)[:, limb_states.LIMBS.index("left arm")]
    assert states.tolist() == [1] * 20 + [3] * 20 + [1] * 10 + [2] * 10
    (first, second) = limb_states.limb_stretches(np.arange(101, 161), [limb_states.limb_states(confidence, 30.0)])
    assert (first.limb, first.first, first.last, first.state) == ("left arm", 121, 140, limb_states.FILLED_IN)
    assert (second.first, second.last, second.state) == (151, 160, limb_states.UNCERTAIN)
    go = limb_states.next_stretch
    assert [go([first, second], frame) for frame in (101, 121, 155)] == [first, second, first]
    assert [go([first, second], frame, True) for frame in (160, 151, 100)] == [second, first, second]
    assert go([], 5) is None


def test_the_panel_says_of_a_frame_what_the_skins_show_in_it(product: Product, limb_states: ModuleType) -> None:
    """A stretch that is filled in only in part: in the other frames its colour is that of uncertain limbs."""
    line = product("socialmirror_blender.panels.confidence").limb_line
    states = np.ones((10, 6), np.uint8)
    states[2:5, limb_states.LIMBS.index("left arm")] = limb_states.UNCERTAIN
    states[5:8, limb_states.LIMBS.index("left arm")] = limb_states.FILLED_IN
    states[9] = limb_states.FILLED_IN
    of_person = (np.arange(101, 111), states)
    assert [line(of_person, 0, frame) for frame in (100, 101, 103, 106, 110, 111)] == [
        "A: all limbs visible",
        "A: all limbs visible",
        "A: uncertain L arm",
        "A: filled in L arm",
        "A: filled in all limbs",
        "A: all limbs visible",
    ]
    assert line(None, 1, 101) == "B: all limbs visible"


def test_next_uncertain_stretch_goes_there_says_whose_limb_it_is_and_selects_them(
    imported: Any, scene: ModuleType, product: Product
) -> None:
    """From frame 13 on, the left forearm of the first person is hidden."""
    scene.rig_of(imported, 1).select_set(True)
    press("uncertain_stretch")
    assert bpy.context.scene.frame_current == 13
    assert bpy.context.selected_objects == [scene.rig_of(imported, 0)]
    product("socialmirror_blender.panels.confidence")._states.forget()
    assert {"A: filled in L arm", "B: all limbs visible"} <= set(draw_sidebar().texts)
    bpy.context.scene.frame_set(5)
    assert {"A: all limbs visible", "B: all limbs visible"} <= set(draw_sidebar().texts)
    text = product("socialmirror_blender.operators.confidence").stretch_text
    (stretch,) = product("socialmirror_blender.scene.confidence_overlay").collection_stretches(imported)
    assert text(stretch) == "Person A, left arm: filled in, frames 13–25"


def pixel(frame: int, folder: Path) -> np.ndarray:
    """Colour [3] of the brightest part of what the solid viewport draws of the whole scene, by its sum over the picture."""
    current: Any = bpy.context.scene
    current.render.engine = "BLENDER_WORKBENCH"
    current.render.resolution_x, current.render.resolution_y, current.render.resolution_percentage = 160, 90, 100
    current.display.shading.light, current.display.shading.color_type = "FLAT", "MATERIAL"
    current.view_settings.view_transform = "Standard"
    current.frame_set(frame)
    settings = current.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format = "PNG"
    current.render.filepath = str(folder / "frame.png")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(current.render.filepath)
    values = np.empty(160 * 90 * 4, dtype=np.float32)
    image.pixels.foreach_get(values)
    bpy.data.images.remove(image)
    return values.reshape(-1, 4)[:, :3]


def green(pixels: np.ndarray) -> int:
    """How many pixels are much greener than red or blue."""
    return int((pixels[:, 1] > 1.3 * pixels[:, [0, 2]].max(1)).sum())


@pytest.mark.slow
def test_the_overlay_colours_what_was_filled_in_and_leaves_nothing_behind(
    imported: Any, scene: ModuleType, tmp_path: Path
) -> None:
    skins = [scene.skin_of(imported, person) for person in (0, 1)]
    materials = [list(skin.data.materials) for skin in skins]
    actions = {action.name for action in bpy.data.actions}
    assert "Uncertain" not in draw_sidebar().texts
    assert green(pixel(20, tmp_path)) == 0
    press("confidence_overlay")
    assert {"Filled in", "Uncertain"} <= set(draw_sidebar().texts)
    assert green(pixel(5, tmp_path)) == 0
    assert green(pixel(20, tmp_path)) > 10
    press("use_take", take="take-1")  # another take is coloured anew
    assert green(pixel(20, tmp_path)) > 10
    press("confidence_overlay")
    assert green(pixel(20, tmp_path)) == 0
    assert [list(skin.data.materials) for skin in skins] == materials
    assert {polygon.material_index for skin in skins for polygon in skin.data.polygons} == {0}
    assert {action.name for action in bpy.data.actions} == actions
    assert len(bpy.data.materials) == 4  # of two skins and two kinds of markers


def test_materials_of_the_animator_survive_the_overlay(imported: Any, scene: ModuleType) -> None:
    """They add a material, take one of ours out, and give some faces theirs while the overlay is shown."""
    skin = scene.skin_of(imported, 0)
    own, chrome = skin.data.materials[0], bpy.data.materials.new("chrome")
    press("confidence_overlay")
    skin.data.materials.pop(index=2)
    skin.data.materials.append(chrome)
    slot = len(skin.data.materials) - 1
    for face in skin.data.polygons[:10]:
        face.material_index = slot
    press("confidence_overlay")
    assert list(skin.data.materials) == [own, chrome]
    indices = [face.material_index for face in skin.data.polygons]
    assert indices[:10] == [1] * 10 and set(indices[10:]) == {0}
    press("confidence_overlay")
    skin.data.materials[0] = chrome
    press("confidence_overlay")
    assert list(skin.data.materials) == [chrome, chrome]


def test_a_limb_material_that_the_animator_uses_elsewhere_stays_coloured(imported: Any, scene: ModuleType) -> None:
    press("confidence_overlay")
    taken = scene.skin_of(imported, 0).data.materials[1]
    bpy.ops.mesh.primitive_cube_add()
    cube: Any = bpy.context.object
    cube.data.materials.append(taken)
    bpy.context.view_layer.objects.active = scene.rig_of(imported, 0)
    press("confidence_overlay")
    assert cube.data.materials[0] == taken
    assert taken.animation_data.action is not None


def test_the_overlay_waits_while_a_skin_is_edited(imported: Any, scene: ModuleType) -> None:
    bpy.context.view_layer.objects.active = scene.skin_of(imported, 0)
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match="Leave Edit Mode"):
        press("confidence_overlay")
    bpy.ops.object.mode_set(mode="OBJECT")
    press("confidence_overlay")
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match="Leave Edit Mode"):
        press("use_take", take="take-1")
    bpy.ops.object.mode_set(mode="OBJECT")
    press("confidence_overlay")
    assert len(scene.skin_of(imported, 0).data.materials) == 1


def test_rows_for_a_whole_person_show_stretches_that_were_filled_in(imported: Any, scene: ModuleType) -> None:
    """Where keyframes share a row, Blender shows the first channel's type, and an ordinary keyframe before all others."""
    curves = person_fcurves(scene.rig_of(imported, 0))
    first = curves[0]
    assert first.data_path == '["filled_in"]'
    assert [point.type for point in first.keyframe_points] == ["GENERATED"] * 12 + ["JITTER"] * 13
    assert not [curve for curve in curves for point in curve.keyframe_points if point.type == "KEYFRAME"]


def test_the_quality_of_a_take_is_said_in_plain_words_with_jumps(contract: ModuleType, tmp_path: Path) -> None:
    record = contract.reconstruction
    make_reconstruction(tmp_path, contract)
    saved = record.load(tmp_path)
    quality = record.Quality(
        (record.Measured("floor", 1, 90.0, "bad"),),
        (record.Stretch("floor", 1, 4, 9, 90.0, "bad"), record.Stretch("penetration", None, 10, 12, 42.0, "fair")),
    )
    record.save(tmp_path, replace(saved, info=replace(saved.info, quality=quality)))
    press("import_folder", directory=str(tmp_path))
    layout = draw_sidebar()
    text = " ".join(layout.texts)
    assert "Bad in places" in text
    assert "Person B stands 9 cm off the floor, frames 5–10" in text
    assert "The bodies intersect by 4 cm, frames 11–13" in text
    assert layout.buttons.count("jump_to_frame") == 2
    press("jump_to_frame", frame=11)
    assert bpy.context.scene.frame_current == 11


def test_whether_a_model_of_the_scene_agrees_about_the_camera_is_said(contract: ModuleType, tmp_path: Path) -> None:
    record = contract.reconstruction
    make_reconstruction(tmp_path, contract)
    saved = record.load(tmp_path)

    def shown(camera: Any) -> str:
        info = replace(saved.info, quality=record.Quality(camera=camera))
        record.save(tmp_path, replace(saved, info=info))
        press("import_folder", directory=str(tmp_path))
        return " ".join(draw_sidebar().texts)

    text = shown(record.CameraAgreement("MoGe-2", 0.03, 2.1, 1.6, -1.4))
    assert "confirmed: MoGe-2 sees it 2° steeper, turned 1° anticlockwise, with a 3% longer lens" in text
    text = shown(record.CameraAgreement("MoGe-2", -0.4))
    assert "doubtful: MoGe-2 sees it with a 40% shorter lens" in text and "give them in Settings" in text
