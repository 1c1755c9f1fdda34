"""`python -m core models`, the worker's requests about models, and that nothing else asks the network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.contract.messages import message
from core.hub import store
from core.worker.handlers import HANDLERS
from tests.core.conftest import Recorder
from tests.core.hub.hub_server import safetensors

ROOT = Path(__file__).resolve().parents[3]
NAME = "rf-detr-seg"


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(store.MODELS_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with the files of a model, as somebody has copied them."""
    folder = tmp_path / "copied"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "preprocessor_config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(safetensors(100))
    return folder


def test_a_model_is_fetched_listed_verified_and_deleted(
    copied: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "download", NAME, "--accept-licence", "--from", str(copied)]) == 0
    assert "installed" in capsys.readouterr().out
    assert main(["models", "list", "--json"]) == 0
    listed = {model["name"]: model for model in json.loads(capsys.readouterr().out)["models"]}
    assert listed[NAME]["state"] == "installed"
    assert main(["models", "verify"]) == 0
    (models / NAME / "config.json").write_text("[]")
    assert main(["models", "verify"]) == 2
    assert "config.json" in capsys.readouterr().out
    assert main(["models", "delete", NAME]) == 0
    assert not (models / NAME).exists()


def test_without_consent_the_licence_is_shown_and_nothing_fetched(
    copied: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "download", NAME, "--from", str(copied)]) == 2
    line = capsys.readouterr().err
    assert "Apache-2.0" in line
    assert "https://www.apache.org" in line
    assert "--accept-licence" in line
    assert not models.exists()


def test_an_action_without_a_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "download", "--accept-licence"]) == 2
    assert main(["models", "delete"]) == 2
    assert main(["models", "download", "no-such", "--accept-licence"]) == 2
    assert "no-such" in capsys.readouterr().err


def ask(kind: str, **fields: Any) -> dict[str, Any]:
    return HANDLERS[kind](message(1, kind, **fields))(Recorder())


def test_the_worker_fetches_and_deletes(copied: Path) -> None:
    answer = ask("fetch-models", names=[NAME], accept_licence=True, source=str(copied))
    states = {model["name"]: model["state"] for model in answer["models"]}
    assert states[NAME] == "installed"
    assert ask("models")["models"] == answer["models"]
    assert {model["state"] for model in ask("delete-models", names=[NAME])["models"]} == {"missing"}


@pytest.mark.parametrize("fields", [{}, {"names": "all"}, {"names": [1]}])
def test_a_bad_request_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="names"):
        ask("fetch-models", accept_licence=True, **fields)


def test_doctor_tells_what_a_model_would_bring(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--json"])
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    check = checks["model sam-3d-body"]
    assert not check["ok"]
    assert not check["needed"]
    assert check["optional"]
    for part in ("2.8 GB", "SAM License", "three dimensions"):
        assert part in check["detail"]
    assert "models download sam-3d-body" in check["fix"]


_NO_NETWORK = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise RuntimeError(f"the job has used the network: {event} {arguments!r}")

sys.addaudithook(refuse)
from core.cli import main
raise SystemExit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_reconstruction_asks_nothing_of_the_network(tmp_path: Path) -> None:
    clip = ROOT / "samples" / "handshake_hug.mp4"
    done = subprocess.run(
        [sys.executable, "-c", _NO_NETWORK, "--debug", "reconstruct", str(clip), "--out", str(tmp_path / "out")]
        + ["--frames", "40:45", "--prompt", "they shake hands", "--fov", "54"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"HTTPS_PROXY": "http://127.0.0.1:9"},
    )
    assert "used the network" not in done.stderr, done.stderr[-3000:]
    assert done.returncode == 0, done.stderr[-3000:]
