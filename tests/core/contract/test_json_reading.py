"""JSON of strangers: deep, long, ambiguous and impossible documents are refused in time, and all others read as they are."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from core.contract.edits import FILE_LIMITS, Edits
from core.contract.errors import UserError
from core.contract.files import read_json
from core.contract.json_reading import JsonLimits, parse_json
from core.contract.messages import MAX_BYTES, decode, encode, message
from core.contract.skeleton import BODY_JOINTS


def test_documents_are_read_as_they_are() -> None:
    value = {"a": [1, -2.5, True, None, 'quote " \\ [{'], "é": {"empty": {}, "list": []}, "large": 2**63}
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only)
        assert parse_json(text) == parse_json(text.encode()) == parse_json(b"\xef\xbb\xbf" + text.encode()) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 100_000, "deep"),
        ("[" * 100_000 + "]" * 100_000, "deep"),
        ('{"a":' * 100_000, "deep"),
        ('["' + "[" * 50 + '"' + "[" * 40, "deep"),
        ("[NaN]", "NaN"),
        ("[-Infinity]", "Infinity"),
        ("[1e999]", "too large"),
        ("[" + "9" * 5000 + "]", "too large"),
        ('{"a": 1, "a": 2}', "two members"),
        ('["\\ud800"]', "Unicode"),
        ("[1, 2", "delimiter"),
        ("", "Expecting value"),
        ('"open', "Unterminated"),
        ("[" + "0," * 2_000_001 + "0]", "values"),
        ('["' + '" "' * 2_000_001, "values"),
        (json.dumps(["x" * (1 << 20) + "x"]), "text"),
    ],
)
def test_documents_that_are_not_valid_are_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_json(text)


def test_a_long_document_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    with path.open("wb") as stream:
        stream.truncate(200 << 20)
    started = time.monotonic()
    with pytest.raises(UserError, match="more than"):
        read_json(path)
    assert time.monotonic() - started < 2


def test_bytes_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.json"
    path.write_bytes('{"a": "é"}'.encode("latin1"))
    with pytest.raises(UserError):
        read_json(path)
    assert parse_json(b'["\xc3\xa9"]') == ["é"]


@pytest.mark.parametrize("data", [b"[" * 100_000, b"[1]", b"null", b'{"pins": [NaN]}', b"\xff", b""])
def test_edits_that_are_not_valid_get_a_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "edits.json"
    path.write_bytes(data)
    with pytest.raises(UserError) as caught:
        Edits.read(path)
    assert caught.value.code == "bad-edits" and caught.value.hint


@pytest.mark.slow
def test_all_joints_of_a_long_clip_may_be_locked(tmp_path: Path) -> None:
    pins = [
        {"person": person, "joint": joint, "frame": frame, "rotation": [0.123456789012345, -0.2, 0.3]}
        for frame in range(3000)
        for person in (0, 1)
        for joint in BODY_JOINTS
    ]
    path = tmp_path / "edits.json"
    path.write_text(json.dumps({"pins": pins}))
    assert len(read_json(path, FILE_LIMITS)["pins"]) == 132_000
    path.write_text(json.dumps({"pins": pins[:2000]}))
    assert len(Edits.read(path).pins) == 2000


@pytest.mark.parametrize(
    "line", ["[" * 100_000, "{" * 100_000, '{"v": true, "id": 1, "type": "hello"}', "x" * (MAX_BYTES + 1)]
)
def test_a_message_that_is_not_valid_is_a_bad_message(line: str) -> None:
    with pytest.raises(UserError) as caught:
        decode(line)
    assert caught.value.code in ("bad-message", "version-mismatch")


@pytest.mark.parametrize("change", [{"id": True}, {"id": 1.0}, {"type": ["hello"]}, {"type": None}, {"v": 2}])
def test_a_message_has_a_number_and_a_known_type(change: dict[str, object]) -> None:
    with pytest.raises(UserError):
        decode(json.dumps(message(1, "hello") | change))


def test_a_message_carries_names_that_are_not_unicode_to_the_check_that_names_them() -> None:
    assert decode(encode(message(1, "reconstruct", clip="caf\udce9.mp4")))["clip"] == "caf\udce9.mp4"
    with pytest.raises(ValueError, match="Unicode"):
        parse_json('["\\udce9"]', JsonLimits())
