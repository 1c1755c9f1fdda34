"""What ships has digests, and a file that differs from its digest is named instead of used."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import checkpoint, shipped
from core.body import files as bodies
from core.body import landmarks
from core.contract.errors import UserError
from core.digests import content_key
from core.doctor import examine


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what ships, in which files can be damaged."""
    for path in (shipped.FOLDER / shipped.DIGESTS_FILE, *shipped.shipped_files()):
        target = tmp_path / path.relative_to(shipped.FOLDER)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    return tmp_path


def flip(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    return path


def test_the_list_is_current() -> None:
    files = {path for pattern in shipped.PATTERNS for path in shipped.FOLDER.glob(pattern)}
    digests = {path: content_key(path) for path in files}
    assert shipped.shipped_files() == digests, "run `python -m lab digests`"


def test_a_single_bit_is_found_and_the_way_out_told(copy: Path) -> None:
    path = copy / "models" / "stgcn.safetensors"
    assert checkpoint.load_checkpoint(path).kind == "stgcn"
    with pytest.raises(UserError) as caught:
        checkpoint.load_checkpoint(flip(path))
    assert caught.value.code == "weights-wrong" and "install the extension again" in caught.value.hint
    path = copy / "body" / "data" / "SMPLX_NEUTRAL.npz"
    bodies.load_body(path)
    with pytest.raises(UserError) as caught:
        bodies.load_body(flip(path))
    assert caught.value.code == "file-damaged" and "install the extension again" in caught.value.hint
    with pytest.raises(UserError, match="landmarks"):
        landmarks.read_landmark_weights(flip(copy / "body" / "data" / "landmarks.npz"))


def test_doctor_names_what_is_damaged_or_missing(copy: Path) -> None:
    def found() -> tuple[bool, str]:
        return next((check.ok, check.detail) for check in examine() if check.name == "shipped files")

    assert found() == (True, f"{len(shipped.shipped_files())} files, whole")
    flip(copy / "models" / "infiller.safetensors")
    (copy / "models" / "stgcn.safetensors").unlink()
    ok, detail = found()
    assert not ok and "infiller.safetensors is damaged" in detail and "stgcn.safetensors is missing" in detail
    (copy / shipped.DIGESTS_FILE).unlink()
    assert not found()[0]
