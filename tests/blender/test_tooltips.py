"""Everything that can be pressed or set has a tooltip, in Blender's style, and numbers have units."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import bpy
import pytest

from tests.blender.drawing import Layout, draw
from tests.blender.product import Product
from tests.blender.user_actions import settings

NAMES = {"person", "person_a", "person_b", "region_a", "region_b", "limb", "kind"}
"""Enums of operators whose items are names, which say all."""
FILES = {"filepath", "directory"}
"""What the file browser sets."""


def shown_properties() -> Iterator[tuple[str, Any]]:
    """Every property that a dialog, the redo panel or the file browser of an operator of the add-on shows."""
    blender: Any = bpy.ops
    operators = blender.socialmirror
    for name in dir(operators):
        for item in getattr(operators, name).get_rna_type().properties:
            if item.identifier != "rna_type" and not item.is_hidden and item.identifier not in FILES:
                yield f"{name}.{item.identifier}", item


def test_every_property_of_an_operator_has_a_tooltip() -> None:
    assert [name for name, item in shown_properties() if not item.description] == []


def test_every_operator_has_a_description() -> None:
    """Blender shows it in the keymap editor, where no button gives the operator's properties."""
    kinds = [getattr(bpy.types, name) for name in dir(bpy.types) if name.startswith("SOCIALMIRROR_OT_")]
    assert [kind.__name__ for kind in kinds if not getattr(kind, "bl_description", "")] == []


def test_every_choice_of_an_operator_has_a_tooltip() -> None:
    missing = [
        f"{name}.{choice.identifier}"
        for name, item in shown_properties()
        if item.type == "ENUM" and item.identifier not in NAMES
        for choice in item.enum_items
        if not choice.description
    ]
    assert missing == []


def test_tooltips_do_not_end_in_a_full_stop_which_blender_adds(product: Product) -> None:
    kinds = [getattr(bpy.types, name) for name in dir(bpy.types) if name.startswith("SOCIALMIRROR_OT_")]
    assert [kind.__name__ for kind in kinds if getattr(kind, "bl_description", "").endswith(".")] == []
    assert [name for name, item in shown_properties() if item.description.endswith(".")] == []


def test_every_device_has_a_tooltip() -> None:
    assert all(item.description for item in settings().bl_rna.properties["device"].enum_items)


def test_the_known_camera_is_shown_in_units_and_kept_in_degrees() -> None:
    chosen = settings()
    chosen.know_camera = True
    layout = Layout([], [])
    draw(getattr(bpy.types, "SOCIALMIRROR_PT_settings"), layout)  # noqa: B009, no stub knows it
    units = {
        name: chosen.bl_rna.properties[name].unit for name in layout.properties if "camera_" in name or "fov" in name
    }
    assert units.pop("know_camera", "NONE") == units.pop("camera_model", "NONE") == "NONE"
    assert units == {
        "fov_angle": "ROTATION",
        "camera_pitch_angle": "ROTATION",
        "camera_roll_angle": "ROTATION",
        "camera_height_length": "LENGTH",
    }
    chosen.camera_pitch, chosen.fov = 12.0, 60.0  # as a file of an earlier version has them
    assert chosen.camera_pitch_angle == pytest.approx(math.radians(12))
    chosen.camera_roll_angle, chosen.fov_angle = math.radians(-3), math.radians(150)
    assert (chosen.camera_roll, chosen.fov) == pytest.approx((-3, 150))


def test_the_height_of_the_known_camera_is_kept_in_metres_whatever_the_unit_scale() -> None:
    chosen: Any = settings()
    bpy.context.scene.unit_settings.scale_length = 0.01
    chosen.camera_height_length = 150  # what Blender makes of 1.5 m that are typed
    assert chosen.camera_height == pytest.approx(1.5)
    chosen.camera_height = 2.0
    assert chosen.camera_height_length == pytest.approx(200)


def test_operators_that_a_button_has_to_give_arguments_are_not_offered_by_search() -> None:
    """Without them they would do something else, such as going to frame 0, or report an error."""
    given_later = {"queue_strips", "uncertain_stretch", "contact_add", "contact_edit"}
    blender: Any = bpy.ops
    for name in dir(blender.socialmirror):
        operator = getattr(blender.socialmirror, name)
        arguments = {item.identifier for item in operator.get_rna_type().properties if item.is_hidden} - {"rna_type"}
        options = getattr(getattr(bpy.types, f"SOCIALMIRROR_OT_{name}"), "bl_options", set())
        if {each for each in arguments if not each.startswith("filter_")} and name not in given_later:
            assert "INTERNAL" in options, name


def test_the_camera_may_be_as_high_as_the_core_accepts(product: Product) -> None:
    limits = product("core.contract.requests")
    settings().camera_height = 1000
    assert settings().camera_height == pytest.approx(limits.MAX_CAMERA_HEIGHT)
    settings().camera_height = 0
    assert settings().camera_height == pytest.approx(limits.MIN_CAMERA_HEIGHT)
