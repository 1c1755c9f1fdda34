"""Panels show states, progress and lists in plain text, and disabled buttons tell why they are disabled."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.product import Product
from tests.blender.user_actions import press

PIPELINE = Path(__file__).resolve().parents[2] / "core" / "pipeline"
STAGES = tuple(PIPELINE / f"{name}.py" for name in ("stages", "annotation_stages", "contact_stages"))


def announced_stages() -> set[str]:
    """Names of the core's stages that report progress, which are those with stored results.

    They are read from the source, since Blender's Python has no torch.
    """
    stages: set[str] = set()
    for function in (each for path in STAGES for each in ast.parse(path.read_text(encoding="utf-8")).body):
        if not isinstance(function, ast.FunctionDef):
            continue
        for decorator in function.decorator_list:
            text = ast.unparse(decorator)
            if text.startswith("stage(") and "stored=False" not in text:
                stages.add(function.name.replace("_", "-"))
    return stages


def test_every_stage_that_reports_progress_has_a_label(product: Product) -> None:
    job = product("socialmirror_blender.panels.job")
    assert announced_stages() == set(job.STAGE_LABELS)
    assert job.stage_label("first-fit") == "fitting both people"
    assert job.stage_label("first-fit-2") == "fitting both people"
    assert job.stage_label("Installing packages") == "installing packages"


def test_the_time_left_is_rounded_to_what_can_be_known(product: Product) -> None:
    time_left = product("socialmirror_blender.panels.job").time_left
    assert time_left(4) == "a few seconds left"
    assert time_left(72) == "about 70 s left"
    assert time_left(300) == "about 5 min left"
    assert time_left(3 * 3600) == "about 3.0 h left"


def test_text_is_wrapped_to_the_width_of_the_region(product: Product) -> None:
    wrap = product("socialmirror_blender.text").wrap
    assert max(map(len, wrap("word " * 50, 300, 1.0))) < 300 / 6
    assert len(wrap("word " * 50, 300, 2.0)) > len(wrap("word " * 50, 300, 1.0))
    assert len(wrap("will " * 50, 300, 1.0)) < len(wrap("mmmm " * 50, 300, 1.0)), "as wide as it is drawn"
    assert wrap("", 300, 1.0) == []
    path = "/clips/" + "long" * 30
    assert "".join(wrap(path, 300, 1.0)) == path and len(wrap(path, 300, 1.0)) > 2
    assert " ".join(wrap("two words", 10, 1.0)) == "two words", "a region without any room"


def test_touches_and_their_pairs_of_regions_are_described_in_one_line(
    imported: Any, scene: ModuleType, product: Product
) -> None:
    panel, read_touches = (
        product("socialmirror_blender.panels.contacts"),
        product("socialmirror_blender.scene.contact_list").read_touches,
    )
    titles = {panel.touch_title(touch, abbreviate=True) for touch in read_touches(imported)}
    assert {"R hand–R hand", "B L foot–ground"} <= titles
    palms = scene.read_contacts(imported)[0]
    assert panel.region_text(palms) == "A right palm – B right palm"
    assert panel.region_text(palms, abbreviate=True) == "R palm–R palm"
    assert panel.contact_facts(replace(palms, probability=0.8)) == ["Detected, 1.2 cm apart, 80 % likely"]
    unreached = panel.contact_facts(replace(palms, reached=False, vertex_a=7))
    assert unreached[1].startswith("Not reached")
    assert unreached[2] == "At a point that you chose"


def test_the_list_can_show_the_touches_of_the_current_frame_alone(imported: Any, product: Product) -> None:
    shown_touches = product("socialmirror_blender.panels.contacts").shown_touches
    everything = shown_touches(imported, 25)
    assert len(everything) == len(imported.socialmirror.touches) == 3
    imported.socialmirror.only_here = True
    palms = imported.socialmirror.contacts[0]
    assert palms.touch in shown_touches(imported, palms.frame_start + 1)
    assert palms.touch not in shown_touches(imported, palms.frame_end + 2)


def test_a_unit_scale_that_makes_people_look_small_is_said(imported: Any) -> None:
    assert "Unit Scale" not in " ".join(draw_sidebar().texts)
    bpy.context.scene.unit_settings.scale_length = 0.01
    text = " ".join(draw_sidebar().texts)
    assert "Unit Scale is 0.01" in text and "Set Unit Scale to 1" in text


def test_without_an_environment_reconstruct_tells_to_install_it(product: Product) -> None:
    product("socialmirror_blender.runtime.environment_watch").refresh_environment()
    with pytest.raises(RuntimeError, match=r"poll.*Install it once"):
        press("reconstruct")
