"""Who deletes a skin can go on working: contacts are edited and takes chosen, only markers on that skin are missing."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from tests.blender.kept import Kept
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import make_two_takes
from tests.blender.user_actions import press


def markers(collection: Any) -> int:
    return sum(item.get("socialmirror_role", "").startswith("contact:") for item in collection.objects)


@pytest.fixture
def two_takes(kept: Kept, tmp_path: Path) -> Any:
    """An imported reconstruction that shows its second take."""
    kept.files(tmp_path / "result", make_two_takes)
    return kept.pressed(tmp_path / "result")


def test_another_take_can_be_used_without_a_skin(two_takes: Any, scene: ModuleType) -> None:
    bpy.data.objects.remove(scene.skin_of(two_takes, 0))
    assert press("use_take", take="take-1") == {"FINISHED"}
    assert scene.read_state(two_takes).take == "take-1"
    assert markers(two_takes) == 1  # that of the other person's foot


def test_contacts_can_be_edited_without_a_skin(imported: Any, scene: ModuleType) -> None:
    bpy.data.objects.remove(scene.skin_of(imported, 0))
    assert press("contact_state", state="enforced") == {"FINISHED"}
    assert press("contact_add", region_a="left_palm", person_b="1", frame_start=3, frame_end=9, vertex_a=5) == {
        "FINISHED"
    }
    assert scene.read_contacts(imported)[-1].vertex_a is None
    assert press("contact_remove") == {"FINISHED"}
    assert len(scene.read_contacts(imported)) == 3


def test_contacts_can_be_edited_without_an_armature_or_its_action(imported: Any, scene: ModuleType) -> None:
    scene.rig_of(imported, 1).animation_data.action = None
    assert press("contact_state", state="enforced") == {"FINISHED"}
    bpy.data.objects.remove(scene.rig_of(imported, 0))
    assert press("contact_remove") == {"FINISHED"}
    assert markers(imported) == 0


def test_a_selection_is_read_without_a_skin(imported: Any, scene: ModuleType, product: Product) -> None:
    bpy.data.objects.remove(scene.skin_of(imported, 1))
    selected_skin = product("socialmirror_blender.operators.contact_dialog").selected_skin
    assert selected_skin(bpy.context, imported) == {}


def test_a_take_that_does_not_fit_leaves_the_folder_as_it_was(
    two_takes: Any, scene: ModuleType, product: Product, monkeypatch: pytest.MonkeyPatch, contract: ModuleType
) -> None:
    monkeypatch.setattr(product("socialmirror_blender.scene.takes"), "_SAME_REST_POSE", -1.0)
    with pytest.raises(RuntimeError, match="another body"):
        press("use_take", take="take-1")
    assert contract.reconstruction.load_info(scene.folder_of(two_takes)).take == "take-2"


def test_a_dialog_that_cannot_open_says_so_in_a_sentence(product: Product) -> None:
    reporting = product("socialmirror_blender.operators.reporting")
    reports: list[str] = []

    class Asking:
        bl_label = "Ask"

        def report(self, kind: set[str], text: str) -> None:
            reports.append(text)

        @reporting.reports_errors
        def invoke(self, context: Any, event: Any) -> set[str]:
            raise reporting.UserError("not-imported", "No reconstruction is selected.", "Select one.")

    assert Asking().invoke(bpy.context, None) == {"CANCELLED"}
    assert reports == ["No reconstruction is selected. Select one."]
