"""The job type for Flamenco, compiled by node through the interface that Flamenco documents; its commands are ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core import __version__
from core.cli import build_parser
from tests.engines.readers import run_script

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "integrations" / "flamenco" / "socialmirror_reconstruct.js"
SETTINGS = {
    "clips": "/shows/a/Hug 1.mp4; /shows/b/hug 1.MOV ;C:\\shows\\dance.mp4;",
    "output": "/results",
    "prompt": "-- they hug; slowly",
    "takes": 3,
    "export_target": "gltf",
    "python": "/env/bin/python",
    "extension": "/addons/socialmirror",
}
# of the schemas AvailableJobSetting, ...Type, ...Subtype and ...Visibility of Flamenco 3
KEYS = {
    "key", "type", "subtype", "choices", "propargs", "description", "label", "default", "eval", "evalInfo", "visible",
    "required", "editable",
}  # fmt: skip
TYPES = {"string": str, "int32": int, "float": float, "bool": bool}
SUBTYPES = {"file_path", "dir_path", "hashed_file_path"}
VISIBILITIES = {"visible", "hidden", "submission", "web"}


@pytest.fixture
def compiled(tmp_path: Path) -> Any:
    def compile_job(**changes: Any) -> dict[str, Any]:
        return run_script("flamenco.mjs", tmp_path / "job.json", SCRIPT, json.dumps(SETTINGS | changes))

    return compile_job


def test_the_settings_fit_flamencos_schema(compiled: Any) -> None:
    job_type = compiled()["job_type"]
    assert job_type["label"] and len({setting["key"] for setting in job_type["settings"]}) == len(SETTINGS)
    for setting in job_type["settings"]:
        assert set(setting) <= KEYS and setting["type"] in TYPES and setting["description"]
        assert setting.get("subtype", "dir_path") in SUBTYPES and setting.get("visible", "web") in VISIBILITIES
        if "default" in setting:
            assert isinstance(setting["default"], TYPES[setting["type"]])
        if "choices" in setting:
            assert setting["type"] == "string" and setting["default"] in setting["choices"]
        if "eval" in setting:
            compile(setting["eval"], "eval", "eval")


def test_every_clip_is_a_task_whose_commands_the_core_understands(compiled: Any) -> None:
    job = compiled()
    assert "error" not in job
    assert [task["name"] for task in job["tasks"]] == ["reconstruct hug-1", "reconstruct hug-1-2", "reconstruct dance"]
    clips = ["/shows/a/Hug 1.mp4", "/shows/b/hug 1.MOV", "C:\\shows\\dance.mp4"]
    for task, clip, name in zip(job["tasks"], clips, ("hug-1", "hug-1-2", "dance")):
        assert task["type"] == "socialmirror" and [command["name"] for command in task["commands"]] == ["exec"] * 2
        reconstruct, export = (command["parameters"] for command in task["commands"])
        assert reconstruct["exe"] == "/env/bin/python" and reconstruct["args"][2] == "/addons/socialmirror"
        options = build_parser().parse_args(reconstruct["args"][3:])
        assert (str(options.clip), options.out, options.takes) == (clip, Path("/results") / name, 3)
        assert options.prompt == "-- they hug; slowly"
        options = build_parser().parse_args(export["args"][3:])
        assert (options.folder, options.target) == (Path("/results") / name, "gltf")


def test_a_command_starts_the_core_from_any_folder(compiled: Any, tmp_path: Path) -> None:
    arguments = compiled(extension=str(ROOT))["tasks"][0]["commands"][0]["parameters"]["args"]
    done = subprocess.run([sys.executable, *arguments[:3], "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == __version__, done.stderr


def test_no_prompt_no_export_and_no_clips(compiled: Any) -> None:
    (task,) = compiled(clips="a.mp4", prompt="", export_target="none")["tasks"]
    (command,) = task["commands"]
    assert not any(argument.startswith("--prompt") for argument in command["parameters"]["args"])
    assert "no clips" in compiled(clips=" ; ")["error"]
