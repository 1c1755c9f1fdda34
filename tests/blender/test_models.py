"""The panel of the hub's models: it tells what each brings, and fetches none without consent or while Blender is offline."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from tests.blender.drawing import Layout, draw, draw_sidebar
from tests.blender.product import Product
from tests.blender.user_actions import press

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")


@pytest.fixture
def runtime(product: Product) -> Iterator[ModuleType]:
    """The add-on's session, with the fake worker for its environment."""
    polling = product("socialmirror_blender.runtime.polling")
    environment = product("socialmirror_blender.runtime.environment")
    polling.session.environment = environment.Environment(environment.EnvironmentState.READY, str(FAKE_WORKER))
    polling.session.models = None
    yield polling
    polling.session.runner.close()
    polling.session.runner.clear()
    polling.session.models = None


def finish(runtime: ModuleType) -> Any:
    end = time.monotonic() + 20
    while runtime.session.runner.job.active:
        assert time.monotonic() < end
        runtime.pump()
        time.sleep(0.02)
    return runtime.session.runner.job


def drawn() -> Layout:
    layout = Layout([], [])
    kinds: Any = bpy.types
    draw(kinds.SOCIALMIRROR_PT_models, layout)
    return layout


def states(runtime: ModuleType) -> dict[str, str]:
    return {model.name: model.state for model in runtime.session.models}


def online(monkeypatch: pytest.MonkeyPatch, product: Product) -> None:
    operators = product("socialmirror_blender.operators.models")
    monkeypatch.setattr(operators, "require_online", lambda doing: None)


def test_the_models_are_listed_when_asked_for(runtime: ModuleType) -> None:
    assert drawn().buttons == ["list_models"]
    assert press("list_models") == {"FINISHED"}
    finish(runtime)
    assert states(runtime) == {"small": "missing", "large": "missing"}
    layout = drawn()
    text = " ".join(layout.texts)
    for part in (
        "Small",
        "It finds masks.",
        "142 MB",
        "Apache-2.0",
        "2.8 GB",
        "700 MB are downloaded already",
        "online access is off",
    ):
        assert part in text
    assert layout.buttons.count("download_model") == 2
    assert layout.buttons.count("delete_model") == 1  # what a broken download has left


def test_nothing_is_fetched_offline_or_without_consent(
    runtime: ModuleType, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    press("list_models")
    finish(runtime)
    with pytest.raises(RuntimeError, match="Allow Online Access"):
        press("download_model", name="small", accept=True)
    online(monkeypatch, product)
    with pytest.raises(RuntimeError, match="not accepted"):
        press("download_model", name="small")
    assert not runtime.session.runner.job.active
    with pytest.raises(RuntimeError, match="no model"):
        press("download_model", name="other", accept=True)


def test_a_model_is_fetched_and_deleted(runtime: ModuleType, product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    online(monkeypatch, product)
    press("list_models")
    finish(runtime)
    assert press("download_model", name="small", accept=True) == {"FINISHED"}
    assert finish(runtime).state.name == "DONE"
    assert states(runtime)["small"] == "installed"
    assert "841 MB on disk" in drawn().texts
    assert press("delete_model", name="small") == {"FINISHED"}
    finish(runtime)
    assert states(runtime)["small"] == "missing"


def test_after_a_fetch_was_cancelled_the_panel_shows_what_is_there(
    runtime: ModuleType, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    online(monkeypatch, product)
    press("list_models")
    finish(runtime)
    runtime.session.models = tuple(replace(model, bytes_begun=0) for model in runtime.session.models)
    assert "delete_model" not in drawn().buttons
    press("download_model", name="large", accept=True)
    while runtime.session.runner.job.fraction != 0.5:
        runtime.pump()
    press("cancel")
    assert finish(runtime).state.name == "CANCELLED"
    assert "delete_model" in drawn().buttons and "700 MB are downloaded already." in drawn().texts
    assert "Cancelled. What was downloaded is kept." in draw_sidebar().texts


def test_a_model_is_taken_from_a_folder_while_offline(runtime: ModuleType, tmp_path: Path) -> None:
    press("list_models")
    finish(runtime)
    assert press("model_from_folder", name="small", directory=str(tmp_path), accept=True) == {"FINISHED"}
    finish(runtime)
    assert states(runtime)["small"] == "installed"


def test_the_dialog_shows_licence_size_and_source(runtime: ModuleType, product: Product) -> None:
    press("list_models")
    finish(runtime)
    operators = product("socialmirror_blender.operators.models")
    large = next(model for model in runtime.session.models if model.name == "large")
    text = " ".join(operators._lines_about(large))
    for part in ("owner/name", "2.8 GB", "Own: Not for war.", "2 GB of memory"):
        assert part in text
