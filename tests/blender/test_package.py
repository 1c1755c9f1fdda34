"""The extension as users get it: Blender's own tool builds and accepts it, and it installs from its zip."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import bpy
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FAKE_WORKER = Path(__file__).with_name("fake_worker.py")

INSTALL = """
import importlib, os, sys, time
import bpy, addon_utils
addon_utils.enable("bl_pkg")
bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo="user_default", enable_on_install=True)
name = "bl_ext.user_default.socialmirror"
assert name in bpy.context.preferences.addons
polling = importlib.import_module(name + ".socialmirror_blender.runtime.polling")
session = polling.session
paths = importlib.import_module(name + ".socialmirror_blender.runtime.paths")
environment = importlib.import_module(name + ".socialmirror_blender.runtime.environment")
assert session.environment.state.name == "NOT_INSTALLED"
resources = os.environ["BLENDER_USER_RESOURCES"]
assert paths.user_folder().is_relative_to(resources), paths.user_folder()
assert paths.PACKAGE == name
assert (paths.ROOT / "core" / "requirements.txt").is_file()
session.environment = environment.Environment(environment.EnvironmentState.READY, sys.argv[2])
bpy.context.scene.socialmirror.filepath = sys.argv[2]
bpy.context.scene.socialmirror.prompt = "fail"
assert bpy.ops.socialmirror.reconstruct() == {"FINISHED"}
while session.runner.job.active:
    polling.pump()
    time.sleep(0.02)
assert session.runner.job.failure.code == "one-person"
assert not [path for path in sys.path if "socialmirror" in path]
assert not any(module.split(".")[0] in ("torch", "cv2", "transformers") for module in sys.modules)
addon_utils.disable(name)  # what Reload Scripts does with each add-on
importlib.reload(sys.modules[name])
addon_utils.enable(name)
assert importlib.import_module(name + ".socialmirror_blender.runtime.session") is not session, "Reload Scripts loads edits"
session = importlib.import_module(name + ".socialmirror_blender.runtime.session")
assert hasattr(bpy.types, "SOCIALMIRROR_PT_reconstruct")
bpy.ops.preferences.addon_disable(module=name)
left = [kind for kind in dir(bpy.types) if kind.startswith("SOCIALMIRROR_")]
assert not left, left
for menu in ("TOPBAR_MT_file_import", "TOPBAR_MT_file_export", "VIEW3D_MT_object", "VIEW3D_MT_pose", "SEQUENCER_MT_strip"):
    drawn = getattr(bpy.types, menu)._dyn_ui_initialize()
    assert not [draw for draw in drawn if "socialmirror" in draw.__module__], menu
assert not bpy.app.timers.is_registered(polling._tick)
assert not [handler for handler in bpy.app.handlers.load_post if "socialmirror" in handler.__module__]
print("INSTALLED")
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    blender_tool("validate", str(CHECKOUT))
    blender_tool("build", "--source-dir", str(CHECKOUT), "--output-dir", str(folder))
    (built,) = folder.glob("*.zip")
    blender_tool("validate", str(built))
    return built


def blender_tool(*arguments: str) -> None:
    """Blender's own command line for extensions, which says what it does not like."""
    utils: Any = bpy.utils
    tool = Path(utils.system_resource("SCRIPTS")) / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    done = subprocess.run(
        [sys.executable, str(tool), *arguments], capture_output=True, text=True, check=False, cwd=CHECKOUT
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_zip_holds_the_product_and_nothing_else(package: Path) -> None:
    names = ZipFile(package).namelist()
    needed = {
        "__init__.py", "blender_manifest.toml", "LICENSE", "LICENSES/Apache-2.0.txt", "NOTICE", "README.md",
        "core/__main__.py",
        "core/requirements.txt", "core/requirements.lock", "core/requirements-torch.lock",
        "core/requirements-installers.lock", "core/contract/messages.py", "core/body/data/SMPLX_NEUTRAL.npz",
        "core/body/data/LICENSE.md", "samples/handshake_hug.mp4", "socialmirror_blender/__init__.py",
        "socialmirror_blender/runtime/install_script.py",
    }  # fmt: skip
    assert needed <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert [name for name in names if name.startswith("samples/") and not name.endswith("/")] == [
        "samples/handshake_hug.mp4",
        "samples/handshake_hug.txt",
    ]
    assert tops <= {"LICENSES", "core", "samples", "socialmirror_blender"} | {
        name for name in needed if "/" not in name
    }
    assert not [name for name in names if "__pycache__" in name or re.search(r"(^|/)\.", name)]


def test_it_installs_from_its_zip_works_and_leaves_no_trace(package: Path, tmp_path: Path) -> None:
    script = tmp_path / "install.py"
    script.write_text(INSTALL, encoding="utf-8")
    resources = tmp_path / "resources"
    done = subprocess.run(
        [sys.executable, str(script), str(package), str(FAKE_WORKER)],
        env=os.environ | {"BLENDER_USER_RESOURCES": str(resources)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "INSTALLED" in done.stdout, done.stdout + done.stderr
    assert (resources / "extensions" / "user_default" / "socialmirror" / "blender_manifest.toml").is_file()
