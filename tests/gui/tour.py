"""A tour of the sidebar in a real window. Blender runs this script, which presses buttons and takes screenshots.

test_window.py starts it with these environment variables: TOUR_ZIP (the built extension), FAKE_RESULT (a finished
reconstruction), TOUR_WORKER (fake_worker.py, which stands in for the core's Python), TOUR_OUT (a folder for the screenshots).
Screenshots are taken by ImageMagick's `import` if it is installed, otherwise by Blender.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

EXTENSION = "bl_ext.user_default.socialmirror"
OUT = Path(os.environ["TOUR_OUT"])


def product(name: str) -> Any:
    return importlib.import_module(f"{EXTENSION}.{name}")


def tour() -> Iterator[float]:
    """Yields the seconds for which Blender's event loop runs before the next step."""
    with bpy.context.temp_override(window=window(), area=view()):
        bpy.ops.extensions.package_install_files(
            filepath=os.environ["TOUR_ZIP"], repo="user_default", enable_on_install=True
        )
    session = product("socialmirror_blender.runtime.session").session
    settings = settings_of_scene()
    yield from open_sidebar()
    assert session.environment.state.name == "NOT_INSTALLED"
    screenshot("1_not_installed")

    use_fake_worker()
    settings.output = str(OUT / "results")
    press("socialmirror.check_environment")
    yield 0.5
    assert session.environment.usable
    screenshot("2_ready")

    settings.filepath = __file__  # any file that exists
    settings.prompt = "work"
    press("socialmirror.reconstruct")
    yield 2.0
    assert session.runner.job.active, session.runner.job
    screenshot("3_running")
    press("socialmirror.cancel")
    yield 2.0
    assert session.runner.job.state.name == "CANCELLED"
    screenshot("4_cancelled")

    settings.prompt = "fail"
    press("socialmirror.reconstruct")
    yield 2.0
    assert session.runner.job.failure.code == "one-person"
    screenshot("5_failed")

    settings.prompt = "They shake hands"
    press("socialmirror.reconstruct")
    yield 6.0
    assert session.pending is None, session.notice
    assert [item.name for item in bpy.data.objects if item.type == "ARMATURE"] == ["Person 1", "Person 2"]
    settings.prompt = ""
    view().spaces.active.region_3d.view_perspective = "CAMERA"
    yield 1.0
    screenshot("6_finished")
    bpy.ops.ed.undo()
    yield 1.0
    assert not bpy.data.armatures, "one undo step removes the whole import"
    bpy.ops.ed.redo()
    yield 1.0
    assert len(bpy.data.armatures) == 2

    settings = settings_of_scene()  # undo created the scene anew
    settings.prompt = "work"
    press("socialmirror.reconstruct")
    yield 1.5
    bpy.ops.wm.read_homefile(app_template="")
    yield 1.0
    assert session.runner.job.active, "a job continues when another file is loaded"
    yield from open_sidebar()
    screenshot("7_other_file")
    press("socialmirror.cancel")
    yield 2.0
    assert not session.runner.job.active

    press("socialmirror.install_environment")
    yield 1.0
    assert session.runner.job.state.name == "CANCELLED", "an installation does not begin offline"

    bpy.context.preferences.addons[EXTENSION].preferences.interpreter = os.environ["TOUR_WORKER"]
    bpy.ops.preferences.addon_show(module=EXTENSION)
    yield 1.5
    screenshot("8_preferences")


def settings_of_scene() -> Any:
    scene: Any = bpy.context.scene
    return scene.socialmirror


def use_fake_worker() -> None:
    paths, files = (
        product("socialmirror_blender.runtime.paths"),
        product("socialmirror_blender.runtime.environment_files"),
    )
    record = {
        "interpreter": os.environ["TOUR_WORKER"],
        "folder": "",
        "requirements": files.fingerprint(paths.ROOT),
        "weights": True,
    }
    paths.environments_folder().mkdir(parents=True, exist_ok=True)
    (paths.environments_folder() / files.RECORD_FILE).write_text(json.dumps(record), encoding="utf-8")


def press(operator: str) -> None:
    """Run an operator in the context of the sidebar."""
    module, name = operator.split(".")
    region = next(region for region in view().regions if region.type == "UI")
    with bpy.context.temp_override(window=window(), area=view(), region=region):
        try:
            getattr(getattr(bpy.ops, module), name)()
        except RuntimeError as error:  # an operator that reports an error
            print("reported:", error)


def open_sidebar() -> Iterator[float]:
    view().spaces.active.show_region_ui = True
    yield 0.5
    region = next(region for region in view().regions if region.type == "UI")
    region.active_panel_category = "SocialMirror"
    view().tag_redraw()
    yield 0.7


def window() -> Any:
    return bpy.context.window_manager.windows[0]


def view() -> Any:
    return next(area for area in window().screen.areas if area.type == "VIEW_3D")


def screenshot(name: str) -> None:
    path = str(OUT / f"{name}.png")
    if shutil.which("import"):
        subprocess.run(["import", "-window", "root", path], check=True)
    else:
        with bpy.context.temp_override(window=window()):
            bpy.ops.screen.screenshot(filepath=path)
    print("screenshot:", path, flush=True)


def run() -> None:
    steps = tour()

    def step() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            leave(0)
        except BaseException:
            traceback.print_exc()
            leave(1)

    bpy.context.preferences.view.show_splash = False
    bpy.app.timers.register(step, first_interval=1.0, persistent=True)


def leave(code: int) -> None:
    """End Blender as if it had crashed: the worker has to notice by itself."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


run()
