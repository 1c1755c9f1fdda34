"""A walk through the panel in a real window: Blender runs this script, which takes a picture at every station and checks
that the buttons do what they say. See test_window.py for how it is started.

It gets from the environment: TOUR_ZIP (the built extension), FAKE_RESULT (a finished reconstruction), TOUR_CORE (the
interpreter that stands in for the core's environment), TOUR_OUT (a folder for the pictures). `import` of ImageMagick takes
the pictures where it is there, else Blender itself.
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
    """Yields the seconds for which Blender's event loop shall run."""
    with bpy.context.temp_override(window=window(), area=view()):
        bpy.ops.extensions.package_install_files(
            filepath=os.environ["TOUR_ZIP"], repo="user_default", enable_on_install=True
        )
    session = product("socialmirror_blender.runtime.session").session
    settings = settings_of_scene()
    yield from open_sidebar()
    assert session.environment.state.name == "NOT_INSTALLED"
    picture("1_not_installed")

    use_fake_core()
    settings.output = str(OUT / "results")
    press("socialmirror.check_environment")
    yield 0.5
    assert session.environment.usable
    picture("2_ready")

    settings.filepath = __file__  # any file that is there
    settings.prompt = "work"
    press("socialmirror.reconstruct")
    yield 2.0
    assert session.runner.job.active, session.runner.job
    picture("3_running")
    press("socialmirror.cancel")
    yield 2.0
    assert session.runner.job.state.name == "CANCELLED"
    picture("4_cancelled")

    settings.prompt = "fail"
    press("socialmirror.reconstruct")
    yield 2.0
    assert session.runner.job.failure.code == "one-person"
    picture("5_failed")

    settings.prompt = "They shake hands"
    press("socialmirror.reconstruct")
    yield 6.0
    assert session.pending is None, session.notice
    assert [item.name for item in bpy.data.objects if item.type == "ARMATURE"] == ["Person 1", "Person 2"]
    settings.prompt = ""
    view().spaces.active.region_3d.view_perspective = "CAMERA"
    yield 1.0
    picture("6_finished")
    bpy.ops.ed.undo()
    yield 1.0
    assert not bpy.data.armatures, "one undo step removes all of it"
    bpy.ops.ed.redo()
    yield 1.0
    assert len(bpy.data.armatures) == 2

    settings = settings_of_scene()  # undo has made all of it anew
    settings.prompt = "work"
    press("socialmirror.reconstruct")
    yield 1.5
    bpy.ops.wm.read_homefile(app_template="")
    yield 1.0
    assert session.runner.job.active, "a job goes on while another file is loaded"
    yield from open_sidebar()
    picture("7_other_file")
    press("socialmirror.cancel")
    yield 2.0
    assert not session.runner.job.active

    press("socialmirror.install_environment")
    yield 1.0
    assert session.runner.job.state.name == "CANCELLED", "offline no installation begins"

    bpy.context.preferences.addons[EXTENSION].preferences.interpreter = os.environ["TOUR_CORE"]
    bpy.ops.preferences.addon_show(module=EXTENSION)
    yield 1.5
    picture("8_preferences")


def settings_of_scene() -> Any:
    scene: Any = bpy.context.scene
    return scene.socialmirror


def use_fake_core() -> None:
    paths, installer = (
        product("socialmirror_blender.runtime.paths"),
        product("socialmirror_blender.runtime.installer"),
    )
    record = {
        "interpreter": os.environ["TOUR_CORE"],
        "folder": "",
        "requirements": installer.fingerprint(paths.ROOT),
        "weights": True,
    }
    paths.environments_folder().mkdir(parents=True, exist_ok=True)
    (paths.environments_folder() / installer.RECORD_FILE).write_text(json.dumps(record), encoding="utf-8")


def press(operator: str) -> None:
    """What a button does, with the context of the sidebar."""
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


def picture(name: str) -> None:
    path = str(OUT / f"{name}.png")
    if shutil.which("import"):
        subprocess.run(["import", "-window", "root", path], check=True)
    else:
        with bpy.context.temp_override(window=window()):
            bpy.ops.screen.screenshot(filepath=path)
    print("picture:", path, flush=True)


def run() -> None:
    walk = tour()

    def step() -> float | None:
        try:
            return next(walk)
        except StopIteration:
            leave(0)
        except BaseException:
            traceback.print_exc()
            leave(1)

    bpy.context.preferences.view.show_splash = False
    bpy.app.timers.register(step, first_interval=1.0, persistent=True)


def leave(code: int) -> None:
    """End Blender as if it had crashed: its child has to notice by itself."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


run()
