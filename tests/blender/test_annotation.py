"""What a model says of the clip is a suggestion: shown beside the prompt, used when asked, its touches added when asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import make_reconstruction
from tests.blender.user_actions import press, settings

SENTENCE = "Person A puts a hand on person B's back."


@pytest.fixture
def annotated(product: Product, contract: ModuleType, tmp_path: Path) -> Any:
    """A reconstruction with an annotation, one of whose touches the motion contradicts, imported."""
    annotation = product("socialmirror_blender.panels.annotation").Annotation
    touch = product("socialmirror_blender.panels.annotation").SeenTouch
    folder = tmp_path / "seen"
    make_reconstruction(folder, contract)
    saved = contract.reconstruction.load(folder)
    seen = annotation(
        "SmolVLM2 500M",
        SENTENCE,
        (
            touch("hand", "back", 2, 5, "borne_out", "left_palm", "back"),
            touch("foot", "head", 1, 4, "contradicted", "left_foot", "head", 1.25),
        ),
        "A",
        used=True,
    )
    contract.reconstruction.save(folder, replace(saved, info=replace(saved.info, annotation=seen)))
    press("import_folder", directory=str(folder))
    return product("socialmirror_blender.reconstructions").active_reconstruction(bpy.context)


def test_the_suggestion_and_its_touches_are_shown_with_what_the_motion_says(annotated: Any) -> None:
    layout = draw_sidebar()
    text = " ".join(layout.texts)
    assert f"SmolVLM2 500M: “{SENTENCE}”" in text
    assert "guided this motion" in text and "Person A acts." in text
    assert "A hand – B back" in text and "A foot – B head" in text
    assert "they stay 125 cm apart" in text
    assert "use_suggestion" in layout.buttons and layout.buttons.count("add_seen_touch") == 2


def test_use_makes_the_sentence_the_users_prompt_but_never_overwrites_one(annotated: Any, product: Product) -> None:
    prompts, listed = product("socialmirror_blender.scene.result_prompt"), annotated.socialmirror
    listed.prompt = "They dance."
    with pytest.raises(RuntimeError, match="poll"):
        press("use_suggestion")
    assert listed.prompt == "They dance."
    listed.prompt = listed.take_prompt = "They stand."  # the captioner's suggestion is no prompt of the user
    press("use_suggestion")
    assert prompts.wanted_prompt(annotated) == SENTENCE
    assert settings().prompt == ""  # that of the next clip
    assert "use_suggestion" not in draw_sidebar().buttons


def test_a_touch_that_was_seen_becomes_a_contact_that_refine_makes(annotated: Any, product: Product) -> None:
    read = product("socialmirror_blender.scene.contact_list").read_contacts
    before = read(annotated)
    press("add_seen_touch", index=1)
    (added,) = (contact for contact in read(annotated) if contact.id not in {each.id for each in before})
    assert (added.region_a, added.region_b, added.source, added.state) == ("left_foot", "head", "user", "enforced")
    assert (added.frame_start, added.frame_end) == (1, 4)
    assert draw_sidebar().buttons.count("add_seen_touch") == 1  # it is in the list now
    with pytest.raises(RuntimeError, match="no longer listed"):
        press("add_seen_touch", index=7)


def test_the_server_is_that_of_the_preferences_and_online_access_is_respected(
    product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = product("socialmirror_blender.requests")
    clip = tmp_path / "dance.mp4"
    clip.touch()
    settings().filepath, settings().annotator = str(clip), "server"
    chosen = product("socialmirror_blender.preferences").preferences(bpy.context)
    with pytest.raises(Exception, match="none is named"):
        requests.reconstruct_request(bpy.context)
    chosen.annotator_url, chosen.annotator_key = "http://localhost:11434", " sk-secret "
    fields, _ = requests.reconstruct_request(bpy.context)
    assert fields["annotator"] == "server" and fields["annotator_url"] == "http://localhost:11434"
    assert fields["annotator_model"] is None and "sk-secret" not in str(fields)
    bpy.ops.wm.save_userpref()
    saved = [path for path in Path(bpy.utils.user_resource("CONFIG")).rglob("*") if path.is_file()]
    assert saved and not any(b"sk-secret" in path.read_bytes() for path in saved)
    chosen.annotator_url = "https://api.example.com/v1"
    if not bpy.app.online_access:
        with pytest.raises(Exception, match="online access is off"):
            requests.reconstruct_request(bpy.context)
    settings().annotator = "auto"
    fields, _ = requests.reconstruct_request(bpy.context)
    assert fields["annotator_url"] is None
    chosen.annotator_key = chosen.annotator_url = ""
