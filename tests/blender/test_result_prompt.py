"""A result has a prompt of its own, which Refine gets; the scene's prompt is that of the next clip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import add_take, make_reconstruction
from tests.blender.user_actions import press, settings


class Results:
    """Saves reconstructions with a prompt, imports them and asks what would be requested."""

    def __init__(self, folder: Path, product: Product, contract: ModuleType) -> None:
        self.folder, self.product, self.contract = folder, product, contract
        self.scene = product("socialmirror_blender.scene")
        (folder / "clip.mp4").touch()
        settings().filepath, settings().output = str(folder / "clip.mp4"), str(folder / "out")

    def show(self, name: str, prompt: str, source: str = "user", take: str = "take-1", **options: Any) -> Any:
        """The collection of a result with this take, which is imported or keyed anew."""
        folder, record = self.folder / name, self.contract.reconstruction
        (make_reconstruction if take == "take-1" else add_take)(folder, self.contract, take=take, **options)
        saved = record.load(folder)
        record.save(folder, replace(saved, info=replace(saved.info, prompt=prompt, prompt_source=source)))
        press("import_folder", directory=str(folder))
        return self.find(name)

    def find(self, name: str) -> Any:
        collections = self.scene.reconstruction_collections()
        return next(item for item in collections if self.scene.folder_of(item) == self.folder / name)

    def asked(self, collection: Any) -> str | None:
        """The prompt of Refine."""
        fields, _ = self.product("socialmirror_blender.requests").refine_request(bpy.context, collection)
        return fields["prompt"]

    def asked_of_next_clip(self) -> str | None:
        fields, _ = self.product("socialmirror_blender.requests").reconstruct_request(bpy.context)
        return fields["prompt"]

    def waits(self, collection: Any) -> bool:
        """Whether the panel offers Refine because of the prompt."""
        bpy.context.view_layer.objects.active = self.scene.rig_of(collection, 0)
        states = self.product("socialmirror_blender.panels.sidebar_state")
        return states.read_sidebar_state(bpy.context).result.prompt_waits

    def reopen(self, name: str) -> Any:
        """The result's collection after the file was saved and opened again."""
        operators: Any = bpy.ops.wm
        operators.save_as_mainfile(filepath=str(self.folder / "shot.blend"), check_existing=False)
        operators.open_mainfile(filepath=str(self.folder / "shot.blend"))
        return self.find(name)


@pytest.fixture
def results(tmp_path: Path, product: Product, contract: ModuleType) -> Results:
    return Results(tmp_path, product, contract)


def test_the_prompt_of_the_next_clip_is_no_edit_of_a_result(results: Results) -> None:
    hug, dance = results.show("hug", "They hug."), results.show("dance", "", "none", seed=2)
    settings().prompt = "They shake hands."  # for the next clip
    for collection in (hug, dance):
        assert results.asked(collection) is None and not results.waits(collection)
    assert results.asked_of_next_clip() == "They shake hands."
    hug.socialmirror.prompt = "They hug for long. "
    assert (results.asked(hug), results.asked(dance)) == ("They hug for long.", None)
    assert results.waits(hug) and not results.waits(dance)
    assert results.asked_of_next_clip() == "They shake hands."


def test_the_panel_says_which_prompt_is_which(results: Results) -> None:
    collection = results.show("hug", "They hug.")
    settings().prompt = "They dance."
    text = " ".join(draw_sidebar().texts)
    assert "For the clip: it guides the motion" in text and "The take was made with this prompt." in text
    collection.socialmirror.prompt = "They hug for long."
    assert "Refine makes a take with this prompt." in " ".join(draw_sidebar().texts)
    collection.socialmirror.prompt = ""
    assert "Refine makes a take without a prompt." in " ".join(draw_sidebar().texts)
    assert results.asked(collection) == ""


def test_a_prompt_that_waits_survives_other_takes_and_saving(results: Results) -> None:
    collection = results.show("hug", "They hug.")
    assert collection.socialmirror.prompt == "They hug."
    collection.socialmirror.prompt = "They hug for long."
    results.show("hug", "They part.", take="take-2")
    assert collection.socialmirror.prompt == "They hug for long."
    collection = results.reopen("hug")
    assert results.asked(collection) == "They hug for long."
    results.show("hug", "They hug for long.", take="take-3")  # as Refine makes it
    assert results.asked(collection) is None and not results.waits(collection)
    press("use_take", take="take-2")
    assert collection.socialmirror.prompt == "They part."  # nothing waits


def test_bodies_that_are_built_anew_keep_the_prompt_that_waits(results: Results) -> None:
    collection = results.show("hug", "They hug.")
    collection.socialmirror.prompt = "They hug for long."
    bpy.data.objects.remove(results.scene.rig_of(collection, 1))
    collection = results.show("hug", "They hug.", take="take-2")
    assert results.asked(collection) == "They hug for long."


def test_a_caption_is_suggested_and_requested_only_once_it_is_edited(results: Results) -> None:
    collection = results.show("clip", "They shake hands.", "captioner")
    listed = collection.socialmirror
    assert (listed.prompt, settings().prompt, results.asked(collection)) == ("They shake hands.", "", None)
    assert "Suggested from the motion" in " ".join(draw_sidebar().texts)
    results.show("clip", "They hug.", "captioner", take="take-2")
    assert (listed.prompt, results.asked(collection)) == ("They hug.", None)
    listed.prompt = ""
    assert results.asked(collection) is None and not results.waits(collection)
    listed.prompt = "They hug for long."
    assert results.asked(collection) == "They hug for long."


def test_results_in_files_of_earlier_versions_get_the_prompts_of_their_takes(results: Results) -> None:
    listed = results.show("hug", "They hug.").socialmirror
    for name in ("prompt", "take_prompt", "take_prompt_source"):
        listed.property_unset(name)
    settings().prompt = settings().suggestion = "They hold each other."  # a caption was suggested there
    collection = results.reopen("hug")
    assert collection.socialmirror.prompt == "They hug." and results.asked(collection) is None
    assert results.asked_of_next_clip() is None
