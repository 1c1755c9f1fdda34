"""Where no package is installed yet the core still starts, examines itself and could be repaired."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


def run_bare(*arguments: str, sends: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python without any installed package."""
    return subprocess.run(
        [sys.executable, "-S", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False, input=sends
    )


def test_doctor_says_what_is_missing() -> None:
    done = run_bare("-m", "core", "doctor", "--json")
    assert done.returncode == 2, done.stderr
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["python"]["ok"]
    assert checks["numpy"]["detail"] == "not installed"
    assert "doctor --fix" in checks["torch"]["fix"]


def test_the_worker_answers_the_installer() -> None:
    request = {"v": 1, "id": 1, "type": "repair", "parts": ["nonsense"], "torch_index": ""}
    done = run_bare("-m", "core", "serve", sends=json.dumps(request) + "\n")
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert messages and messages[0]["id"] == 1, done.stderr


def test_the_scripts_can_install_requirement_files() -> None:
    done = run_bare("-c", "import core.environment.repair, lab.__main__, lab.install")
    assert done.returncode == 0, done.stderr
