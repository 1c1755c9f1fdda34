"""What Godot shows is compared with the reconstruction. A stand-in answers as Godot's script does; Godot itself is not run."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.contract.errors import UserError
from core.contract.reconstruction import Reconstruction, save
from core.export import ExportSettings, export_reconstruction
from lab.engines.godot import TOLERANCE, check_in_godot

GODOT = """\
#!{python}
import json, sys
from pathlib import Path
project = Path(sys.argv[sys.argv.index("--path") + 1])
if "-s" in sys.argv:
    wanted = json.loads((project / "wanted.json").read_text())
    answer = json.loads(Path({answer!r}).read_text())
    assert all((project / (file + ".import")).is_file() for file in wanted)
    (project / "found.json").write_text(json.dumps({{file: answer[file[-5]] for file in wanted}}))
"""


def stand_in(folder: Path, answer: Mapping[str, object]) -> list[str]:
    """The command of a program that shows skeletons, by the last letter of a file's name, in place of Godot."""
    (folder / "answer.json").write_text(json.dumps(answer))
    program = folder / "godot"
    program.write_text(GODOT.format(python=sys.executable, answer=str(folder / "answer.json")))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return [str(program)]


def exported(made_up: Reconstruction, folder: Path) -> Path:
    """The JSON beside an export for Godot."""
    save(folder / "result", made_up)
    return export_reconstruction(folder / "result", ExportSettings("godot"), folder / "exports")[-1]


def test_every_joint_in_every_frame_is_compared(made_up: Reconstruction, tmp_path: Path) -> None:
    record = exported(made_up, tmp_path)
    people = json.loads(record.read_text())["people"]
    shown = made_up.motion.joints.astype(float)[..., [0, 2, 1]] * (1, 1, -1)  # Y up
    shown[1, 3, 7, 0] += 0.004
    answer = {
        letter: {"Skeleton": {"bones": list(person["bones"].values())[1:], "frames": shown[number].tolist()}}
        for number, (letter, person) in enumerate(zip("ab", people))
    }
    found = check_in_godot(made_up, [record], tmp_path / "project", stand_in(tmp_path, answer))
    assert [each.file.partition("-")[0] for each in found] == ["godot", "humanoid"] * 2
    assert all(each.error < TOLERANCE for each in found[:2])
    for each in found[2:]:
        assert each.error == pytest.approx(0.004, abs=1e-5)
        assert (each.person, each.joint, each.frame) == ("Person B", "left_ankle", 3)


def test_a_godot_that_does_not_run_or_shows_something_else_is_named(made_up: Reconstruction, tmp_path: Path) -> None:
    record = exported(made_up, tmp_path)
    with pytest.raises(UserError, match="does not run"):
        check_in_godot(made_up, [record], tmp_path / "project", [str(tmp_path / "missing")])
    with pytest.raises(UserError, match="0 skeletons"):
        check_in_godot(made_up, [record], tmp_path / "project", stand_in(tmp_path, {"a": {}, "b": {}}))
