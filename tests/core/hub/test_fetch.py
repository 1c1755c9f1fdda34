"""Models are fetched from a hub: whole, resumed, cancelled, refused; nothing half is ever taken for a model."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from core.contract.errors import Cancelled, UserError
from core.hub import command, fetch, store
from core.hub.manifest import read_manifest
from core.reporting import SilentReporter
from tests.core.hub.hub_server import COMMIT, Hub, safetensors, serving

NAME = "rf-detr-seg"


class Watching(SilentReporter):
    """Remembers the progress, and cancels once the text holds `stop_at`."""

    def __init__(self, stop_at: str = "") -> None:
        super().__init__()
        self.texts: list[str] = []
        self.fractions: list[float] = []
        self.logs: list[str] = []
        self._stop_at = stop_at

    def progress(self, fraction: float, text: str = "") -> None:
        self.fractions.append(fraction)
        self.texts.append(text)
        if self._stop_at and self._stop_at in text:
            raise Cancelled

    def log(self, text: str) -> None:
        self.logs.append(text)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Hub]:
    files = {
        "config.json": b'{"model_type": "rf_detr"}',
        "preprocessor_config.json": b"{}",
        "model.safetensors": safetensors(600_000),
        "pytorch_model.bin": b"a pickle",
        "README.md": b"not wanted",
    }
    monkeypatch.setenv(store.MODELS_VARIABLE, str(tmp_path / "models"))
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(Hub(files)) as serving_hub:
        monkeypatch.setenv("HF_ENDPOINT", serving_hub.url)
        yield serving_hub


def fetched(reporter: Watching | None = None) -> Path:
    return fetch.fetch(NAME, reporter or Watching(), licence_accepted=True)


def refusal() -> UserError:
    with pytest.raises(UserError) as error:
        fetched()
    assert store.installed(NAME) is None
    return error.value


def test_a_model_is_fetched_whole_and_nothing_else_with_it(hub: Hub) -> None:
    reporter = Watching()
    folder = fetched(reporter)
    assert store.require(NAME) == folder
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".bin") == [
        "config.json", "model.safetensors", "preprocessor_config.json", "socialmirror-manifest.json",
    ]  # fmt: skip
    manifest = read_manifest(folder)
    assert (manifest.revision, manifest.licence, manifest.repository) == (
        COMMIT,
        "Apache-2.0",
        "Roboflow/rf-detr-seg-medium",
    )
    assert len(manifest.accepted) == 10
    assert any("of 2 MB" in text for text in reporter.texts)
    assert reporter.fractions[-1] == 1.0
    assert not any("pytorch_model" in address or "README" in address for address in hub.asked)
    asked = len(hub.asked)
    fetched()  # it is there already
    assert len(hub.asked) == asked


def test_a_broken_download_goes_on_where_it_ended(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    reporter = Watching(stop_at=": 1 of")
    hub.seconds_per_chunk = 0.02
    with pytest.raises(Cancelled):
        fetched(reporter)
    assert store.installed(NAME) is None
    begun = fetch.partial_bytes(NAME)
    assert 0 < begun < len(hub.files["model.safetensors"])
    hub.asked.clear()
    hub.seconds_per_chunk = 0.0
    fetched()
    assert any(address.partition(" bytes=")[2] for address in hub.asked), hub.asked
    assert fetch.partial_bytes(NAME) == 0


@pytest.mark.slow
def test_a_connection_that_breaks_is_resumed_within_the_download(hub: Hub) -> None:
    hub.break_after = 1 << 20
    with pytest.raises(UserError) as error:
        fetched()
    assert error.value.code == "hub-unreachable"
    hub.break_after = None
    fetched()
    assert any(f"bytes={1 << 20}-" in address for address in hub.asked)


def test_cancelling_takes_less_than_a_second(hub: Hub) -> None:
    hub.seconds_per_chunk = 2.0
    cancelled_at = 0.0

    class Impatient(Watching):
        def progress(self, fraction: float, text: str = "") -> None:
            nonlocal cancelled_at
            if "MB" in text:
                cancelled_at = cancelled_at or time.monotonic()
                raise Cancelled

    with pytest.raises(Cancelled):
        fetched(Impatient())
    assert time.monotonic() - cancelled_at < 1.0


def test_a_file_that_is_not_the_announced_one_is_thrown_away(hub: Hub) -> None:
    content = bytearray(hub.files["model.safetensors"])
    content[-1] ^= 1
    hub.wrong["model.safetensors"] = bytes(content)
    error = refusal()
    assert error.code == "model-damaged"
    assert "sha256" in error.message
    hub.wrong.clear()
    fetched()


def test_small_files_are_compared_too(hub: Hub) -> None:
    hub.wrong["config.json"] = b'{"model_type": "rf_dxtr"}'
    assert refusal().code == "model-damaged"


def test_a_pinned_digest_counts_more_than_what_the_hub_says(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.files["model.onnx"] = b"another network"
    with pytest.raises(UserError) as error:
        fetch.fetch("moge-2", Watching(), licence_accepted=True)
    assert error.value.code == "hub-changed"


def test_another_commit_than_the_pinned_one_is_refused(hub: Hub) -> None:
    with pytest.raises(UserError) as error:
        fetch.fetch("sam-2.1-tiny", Watching(), licence_accepted=True)
    assert error.value.code == "hub-changed"


def test_where_no_commit_is_known_the_first_one_is_noted_and_no_other_taken(hub: Hub) -> None:
    fetched()
    assert fetch.delete(NAME) > 0
    hub.commit = "f" * 40  # of "main", in the meantime
    error = refusal()
    assert error.code == "hub-changed"
    assert COMMIT in error.message
    assert any(f"/revision/{COMMIT}" in address for address in hub.asked)
    (store.models_folder() / f"{NAME}.commit").unlink()
    assert read_manifest(fetched()).revision == hub.commit


def test_a_pickle_is_refused_even_if_a_pattern_matches(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from core.hub import catalogue

    greedy = replace(catalogue.CATALOGUE[NAME], files=("*",))
    monkeypatch.setattr(store, "CATALOGUE", {NAME: greedy})
    del hub.files["README.md"]
    assert refusal().code == "model-damaged"
    assert not any("/resolve/" in address for address in hub.asked)


@pytest.mark.parametrize(
    ("part", "answer", "code"),
    [
        ("/resolve/", (403, "GatedRepo"), "hub-gated"),
        ("/api/", (401, "GatedRepo"), "hub-gated"),
        ("/api/", (404, "RepoNotFound"), "hub-not-found"),
        ("/api/", (404, "RevisionNotFound"), "hub-not-found"),
        ("/resolve/", (404, "EntryNotFound"), "hub-not-found"),
        ("/resolve/", (500, ""), "hub-refused"),
    ],
)
def test_what_the_hub_refuses_is_explained(hub: Hub, part: str, answer: tuple[int, str], code: str) -> None:
    hub.errors[part] = answer
    error = refusal()
    assert error.code == code
    if code == "hub-gated":
        assert "https://huggingface.co/Roboflow/rf-detr-seg-medium" in error.hint
        assert "HF_TOKEN" in error.hint


def test_the_users_token_is_sent_and_never_logged(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecretsecret")
    hub.errors["/resolve/"] = (403, "GatedRepo")
    reporter = Watching()
    with pytest.raises(UserError) as error:
        fetched(reporter)
    assert "Bearer hf_secretsecretsecret" in hub.tokens
    assert "secretsecret" not in " ".join([*reporter.logs, str(error.value)])


def test_without_a_network_the_cause_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    error = refusal()
    assert error.code == "hub-unreachable"
    assert "--from FOLDER" in error.hint


def test_offline_mode_is_respected(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert refusal().code == "hub-offline"
    assert not hub.asked


def test_nothing_is_fetched_before_the_licence_is_accepted(hub: Hub) -> None:
    with pytest.raises(UserError) as error:
        fetch.fetch("sam-3d-body", Watching(), licence_accepted=False)
    assert error.value.code == "licence-not-accepted"
    assert "SAM License" in error.value.message
    assert "military" in error.value.message
    assert not hub.asked


def test_a_disk_that_is_too_small_is_noticed_before(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Usage:
        free = 1 << 20

    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda path: Usage)
    assert refusal().code == "disk-full"
    assert fetch.bytes_in(tmp_path / "models") == 0


def test_a_disk_that_fills_up_leaves_nothing_half(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The child may write no file of more than a megabyte, which the system reports as it does a full disk."""
    program = fetch.run_program

    def limited(arguments: list[str], **rest: object) -> object:
        return program(["bash", "-c", 'trap "" XFSZ; ulimit -f 1000; exec "$@"', "bash", *arguments], **rest)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(fetch, "run_program", limited)
    assert refusal().code == "disk-full"
    assert fetch.bytes_in(tmp_path / "models") == 0


def test_a_folder_is_taken_instead_of_the_hub(hub: Hub, tmp_path: Path) -> None:
    source = tmp_path / "copied" / NAME
    source.mkdir(parents=True)
    for name, content in hub.files.items():
        (source / name).write_bytes(content)
    reporter = Watching()
    fetch.fetch(NAME, reporter, licence_accepted=True, source=tmp_path / "copied")
    assert store.require(NAME)
    assert not hub.asked
    assert not (store.folder_of(NAME) / "pytorch_model.bin").exists()
    assert reporter.warnings


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("model.safetensors", b"\x80\x04 a pickle under another name", "model-damaged"),
        ("model.safetensors", safetensors(10)[:-1], "model-damaged"),
        ("config.json", b"{", "model-damaged"),
        ("config.json", None, "model-missing"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(
    hub: Hub, tmp_path: Path, name: str, content: bytes | None, code: str
) -> None:
    source = tmp_path / "copied"
    source.mkdir()
    for file, data in hub.files.items():
        (source / file).write_bytes(data)
    if content is None:
        (source / name).unlink()
    else:
        (source / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        fetch.fetch(NAME, Watching(), licence_accepted=True, source=source)
    assert error.value.code == code
    assert store.status(NAME).state == "missing"
    assert fetch.bytes_in(tmp_path / "models") == 0


def test_a_folder_that_cannot_be_read_is_named_and_not_the_folder_of_models(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "stick"
    source.mkdir()
    for file, data in hub.files.items():
        (source / file).write_bytes(data)
    opened = Path.open

    def refusing(self: Path, *arguments: Any) -> Any:
        if self == source / "config.json":
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *arguments)

    monkeypatch.setattr(Path, "open", refusing)
    with pytest.raises(UserError) as error:
        fetch.fetch(NAME, Watching(), licence_accepted=True, source=source)
    assert error.value.code == "file-unreadable"
    assert str(source / "config.json") in error.value.message and "Permission denied" in error.value.message
    assert fetch.bytes_in(tmp_path / "models") == 0


def test_a_model_of_another_machine_is_compared_with_its_manifest(hub: Hub, tmp_path: Path) -> None:
    folder = fetched()
    other = tmp_path / "stick"
    folder.rename(other)
    fetch.fetch(NAME, Watching(), licence_accepted=True, source=other)
    assert read_manifest(store.require(NAME)).revision == COMMIT
    fetch.delete(NAME)
    content = bytearray((other / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (other / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError) as error:
        fetch.fetch(NAME, Watching(), licence_accepted=True, source=other)
    assert error.value.code == "model-damaged"


def test_a_model_is_deleted_with_what_a_broken_download_left(hub: Hub, tmp_path: Path) -> None:
    fetched()
    used = command.describe(store.status(NAME))["bytes_used"]
    assert used > 2_400_000
    assert fetch.delete(NAME) == used
    assert store.status(NAME).state == "missing"
    assert fetch.delete(NAME) == 0
    assert [path.name for path in (tmp_path / "models").iterdir()] == [f"{NAME}.commit"]


def test_two_do_not_fetch_the_same_model_at_once(hub: Hub) -> None:
    refused: list[str] = []

    class Meanwhile(Watching):
        def progress(self, fraction: float, text: str = "") -> None:
            if "MB" in text and not refused:
                refused.append(refusal().code)

    assert fetched(Meanwhile()) == store.require(NAME)
    assert refused == ["model-busy"]


def test_the_overview_tells_all_that_the_panel_shows(hub: Hub) -> None:
    fetched()
    shown = {model["name"]: model for model in command.overview()["models"]}
    assert shown[NAME]["state"] == "installed"
    assert shown["sam-3d-body"]["state"] == "missing"
    assert shown["sam-3d-body"]["licence_url"].startswith("https://")
    json.dumps(shown)
