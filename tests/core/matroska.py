"""Writes Matroska files whose time stamps and declared frame rate are whatever a test needs."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

_MILLISECOND, _SECOND = 1_000_000, 1_000_000_000  # nanoseconds


def write_matroska(
    path: Path,
    pictures: Sequence[np.ndarray],
    times: Sequence[int],
    declared: float | None = None,
    shown: tuple[int, int] | None = None,
) -> Path:
    """BGR pictures, each shown at its time in ms; `declared` is the rate and `shown` the size that the header names."""
    height, width = pictures[0].shape[:2]
    track = _number("D7", 1) + _number("73C5", 1) + _number("83", 1) + _element("86", b"V_MJPEG")
    if declared is not None:
        track += _number("23E383", round(_SECOND / declared))
    size = _number("B0", width) + _number("BA", height)
    if shown is not None:
        size += _number("54B0", shown[0]) + _number("54BA", shown[1])
    track += _element("E0", size)
    duration = _element("4489", struct.pack(">d", float(times[-1])))
    clusters = b"".join(
        _element("1F43B675", _number("E7", time) + _element("A3", b"\x81\0\0\x80" + _picture(picture)))
        for time, picture in zip(times, pictures, strict=True)
    )
    info = _element("1549A966", _number("2AD7B1", _MILLISECOND) + duration)
    head = _number("4286", 1) + _number("42F7", 1) + _element("4282", b"matroska") + _number("4287", 4)
    content = info + _element("1654AE6B", _element("AE", track)) + clusters
    path.write_bytes(_element("1A45DFA3", head) + _element("18538067", content))
    return path


def _element(name: str, content: bytes) -> bytes:
    return bytes.fromhex(name) + (len(content) | 1 << 56).to_bytes(8, "big") + content


def _number(name: str, value: int) -> bytes:
    return _element(name, value.to_bytes(8, "big"))


def _picture(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture)[1].tobytes()
