"""The managed environment: its states, how the panel shows them, and the environment variables of child processes."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from unittest.mock import Mock

import bpy
import pytest

from tests.blender.drawing import Layout, draw_sidebar
from tests.blender.user_actions import press

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")
Product = Callable[[str], ModuleType]


@pytest.fixture
def environment(product: Product) -> ModuleType:
    return product("socialmirror_blender.runtime.environment")


def test_the_state_follows_from_the_files_on_disk(environment: ModuleType) -> None:
    record = environment.Record("/env/bin/python", "env-1", "abc", weights=True)
    facts = environment.Facts(record, interpreter_exists=True, interrupted=False, requirements="abc")
    states = {
        "READY": facts,
        "NOT_INSTALLED": replace(facts, record=None),
        "BROKEN": replace(facts, interpreter_exists=False),
        "UPDATE_REQUIRED": replace(facts, requirements="newer"),
        "WEIGHTS_MISSING": replace(facts, record=replace(record, weights=False)),
    }
    for name, given in states.items():
        found = environment.assess(given)
        assert found.state.name == name
        assert found.usable == (name == "READY")
        assert name == "READY" or (found.message and found.hint)
    assert "Another Blender" in environment.assess(replace(facts, record=None, being_made=True)).message
    assert "did not finish" in environment.assess(replace(facts, record=None, interrupted=True)).message


def test_the_workers_own_checks_change_the_state(environment: ModuleType) -> None:
    ready = environment.Environment(environment.EnvironmentState.READY, "/env/bin/python")
    fine = {"name": "torch", "ok": True, "detail": "2.13", "fix": "", "by_installing": True}
    no_torch = {"name": "torch", "ok": False, "detail": "not installed", "fix": "Run pip.", "by_installing": True}
    no_weight = {"name": "weights pose", "ok": False, "detail": "missing", "fix": "Run weights."}
    assert environment.examined(ready, "cpu", [fine]).device == "cpu"
    broken = environment.examined(ready, "cpu", [no_torch, no_weight])
    assert broken.state.name == "BROKEN"
    assert "torch: not installed" in broken.message
    assert environment.examined(ready, "cpu", [fine, no_weight]).state.name == "WEIGHTS_MISSING"
    no_encoder = no_weight | {"needed": False}
    usable = environment.examined(ready, "cpu", [fine, no_encoder])
    assert usable.state.name == "READY" and usable.lacks_encoder
    assert not environment.examined(usable, "cpu", [fine]).lacks_encoder
    named = environment.examined(replace(ready, own=False), "cpu", [no_torch])
    assert named.hint == "Run pip."  # we install nothing into what is not ours


def test_what_no_installation_mends_is_a_note(
    environment: ModuleType, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = environment.Environment(environment.EnvironmentState.READY, "/env/bin/python")
    little = {"name": "disk", "ok": False, "detail": "0.6 GB free at /x", "fix": "Free some space.", "needed": False}
    no_body = {"name": "body", "ok": False, "detail": "It is damaged", "fix": "Install it again."}
    model = {"name": "model m", "ok": False, "detail": "not fetched", "fix": "Fetch it.", "needed": False}
    found = environment.examined(ready, "cpu", [little, no_body, model])
    assert found.state.name == "READY"
    assert found.notes == (
        "disk: 0.6 GB free at /x. Free some space.",
        "body: It is damaged. Install it again.",
    )
    monkeypatch.setattr(product("socialmirror_blender.runtime.session").session, "environment", found)
    assert "0.6 GB free" in " ".join(draw_sidebar().texts)


def test_the_panel_reflects_an_installation(product: Product, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    polling, paths = product("socialmirror_blender.runtime.polling"), product("socialmirror_blender.runtime.paths")
    monkeypatch.setattr(paths, "environments_folder", lambda: tmp_path / "environment")
    product("socialmirror_blender.runtime.environment_watch").refresh_environment()
    assert polling.session.environment.state.name == "NOT_INSTALLED"
    assert press("use_interpreter", filepath=str(FAKE_WORKER)) == {"FINISHED"}
    assert polling.session.environment.state.name == "INSTALLING"
    wait_for_installer(polling)
    assert polling.session.environment.state.name == "READY"
    assert polling.session.environment.interpreter == str(FAKE_WORKER)
    polling.session.runner.clear()


def test_there_is_a_way_back_from_a_python_of_the_users(
    product: Product, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    polling, paths = product("socialmirror_blender.runtime.polling"), product("socialmirror_blender.runtime.paths")
    files = product("socialmirror_blender.runtime.environment_files")
    folder, requirements = tmp_path / "environment", files.fingerprint(paths.ROOT)
    monkeypatch.setattr(paths, "environments_folder", lambda: folder)
    python = files.interpreter_of(folder / "env-own")
    python.parent.mkdir(parents=True)
    python.symlink_to(FAKE_WORKER)
    (folder / "env-own" / "state").write_text(requirements)
    record = {"interpreter": str(python), "folder": "env-own", "requirements": requirements, "weights": True}
    files.write_record(folder, record)
    product("socialmirror_blender.runtime.environment_watch").refresh_environment()
    assert preferences_buttons(product) >= {"install_environment", "use_interpreter"}

    press("use_interpreter", filepath=str(FAKE_WORKER))
    wait_for_installer(polling)
    found = polling.session.environment
    assert (found.state.name, found.own, found.interpreter) == ("READY", False, str(FAKE_WORKER))
    assert python.exists() and found.own_interpreter == str(python)
    assert preferences_buttons(product) >= {"use_own_environment", "use_interpreter"}

    press("use_own_environment")  # without the network
    wait_for_installer(polling)
    found = polling.session.environment
    assert (found.state.name, found.own, found.interpreter) == ("READY", True, str(python))
    with pytest.raises(RuntimeError, match="Allow Online Access"):
        press("use_own_environment")


def test_an_environment_that_was_copied_along_runs_in_its_new_folder(
    product: Product, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    paths, files = (
        product("socialmirror_blender.runtime.paths"),
        product("socialmirror_blender.runtime.environment_files"),
    )
    old = tmp_path / "4.5" / "environment"
    python = files.interpreter_of(old / "env-own")
    python.parent.mkdir(parents=True)
    python.touch()
    record = {"interpreter": str(python), "folder": "env-own", "requirements": "abc", "weights": True}
    files.write_record(old, record)
    new = tmp_path / "5.2" / "environment"
    shutil.copytree(old, new)
    monkeypatch.setattr(paths, "environments_folder", lambda: new)
    assert paths.read_facts().record.interpreter == str(files.interpreter_of(new / "env-own"))


def test_a_failed_installer_that_puts_things_in_order_is_no_other_blender(
    product: Product, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    polling, paths = product("socialmirror_blender.runtime.polling"), product("socialmirror_blender.runtime.paths")
    process = product("socialmirror_blender.runtime.process")
    monkeypatch.setattr(paths, "environments_folder", lambda: tmp_path / "environment")
    script = (
        f"import json, sys, time; sys.path.insert(0, {str(paths.ROOT)!r})\n"
        "from pathlib import Path; from core.contract.locks import hold\n"
        f"lock = hold(Path({str(tmp_path / 'environment.lock')!r}))\n"
        "print(json.dumps(dict(v=1, id=1, type='error', code='x', message='No.', hint='', log='')), flush=True)\n"
        "time.sleep(0.5)"
    )
    launch = process.Launch((sys.executable, "-c", script), tmp_path, tmp_path / "log", {}, takes_requests=False)
    product("socialmirror_blender.runtime.job_starts").start_job(launch, "install", None, None)
    wait_for_installer(polling)
    assert paths.read_facts().being_made
    said = [polling.session.environment.message]
    end = time.monotonic() + 20
    while polling.session.runner.child_pid is not None:
        assert time.monotonic() < end
        polling.pump()
        said.append(polling.session.environment.message)
        time.sleep(0.02)
    assert set(said) == {"SocialMirror needs a Python environment of its own."}
    polling.session.runner.clear()


def preferences_buttons(product: Product) -> set[str]:
    layout = Layout([], [])
    kind = product("socialmirror_blender.preferences").SOCIALMIRROR_preferences
    kind.draw(Mock(layout=layout, bl_rna=None), bpy.context)
    return set(layout.buttons)


def wait_for_installer(polling: ModuleType) -> None:
    end = time.monotonic() + 20
    while polling.session.runner.job.active:
        assert time.monotonic() < end
        polling.pump()
        time.sleep(0.02)


def test_offline_the_install_button_says_what_to_do() -> None:
    assert not bpy.app.online_access
    with pytest.raises(RuntimeError, match="Allow Online Access"):
        press("install_environment")


def test_children_do_not_see_blenders_python(product: Product) -> None:
    process = product("socialmirror_blender.runtime.process")
    theirs = process.child_environment({"PYTHONPATH": "/blender", "PYTHONHOME": "/b", "PATH": "/bin"}, {"A": "b"})
    assert theirs["PATH"] == "/bin"
    assert theirs["A"] == "b"
    assert not {"PYTHONPATH", "PYTHONHOME"} & set(theirs)


def test_offline_the_workers_environment_variables_forbid_the_network(product: Product) -> None:
    launches, paths = product("socialmirror_blender.runtime.launches"), product("socialmirror_blender.runtime.paths")
    assert (
        launches.environment_variables(online=False)["PIP_NO_INDEX"]
        == launches.environment_variables(online=False)["UV_OFFLINE"]
        == "1"
    )
    assert "PIP_NO_INDEX" not in launches.environment_variables(online=True)
    ours = Path(
        launches.environment_variables(online=True).get("SOCIALMIRROR_CACHE") or os.environ["SOCIALMIRROR_CACHE"]
    )
    assert ours.is_relative_to(paths.user_folder()) or "SOCIALMIRROR_CACHE" in os.environ
