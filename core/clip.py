"""A clip as upright frames with the container's own time stamps."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# The decoder's own complaints on stderr would bury our one sentence. Read when a clip is opened for the first time.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np

from .contract.errors import UserError
from .contract.limits import MAX_FRAMES
from .contract.options import check_path

_BLOCK = 8
_DUPLICATE_DIFFERENCE = 7
"""A frame repeats another when no 8 x 8 block's mean differs by more grey levels: codec noise stays below, a moving limb
is far above, even where it is small (on clips with 72 known repetitions: at most 6 against at least 15)."""
_PLAYLISTS = (b"#extm3u", b"ffconcat", b"<?xml", b"<mpd", b"<smil", b"[playlist]", b"[reference]", b"v=0", b"rtsptext")
_READABLE_KINDS = "an .mp4, .mov or .mkv file that a video player shows"


@dataclass(frozen=True)
class Clip:
    """A readable clip. Sizes are those of the upright picture, the rotation that a phone records already applied."""

    path: Path
    width: int
    height: int
    frame_rate: float
    """Average frames per second; the frames' own times tell how even it is."""
    frame_count: int
    """As the container says. A broken file may hold fewer."""


@dataclass(frozen=True)
class Frame:
    index: int
    """Number in the clip, from 0."""
    time: float
    """Seconds from the clip's start, as the container stamps it."""
    image: np.ndarray
    """uint8 [H,W,3], RGB, upright."""
    duplicate: bool
    """Whether it repeats the frame before it up to codec noise (a lower frame rate padded to a higher one)."""


def probe(path: Path) -> Clip:
    """Open a clip and decode its first frame. UserError `bad-path`, `clip-missing` or `clip-unreadable`."""
    problem = check_path("clip")(path)  # OpenCV crashes on names that are not UTF-8
    if problem is not None:
        raise problem
    if not path.is_file():
        raise UserError("clip-missing", f"There is no clip at {path}.", "Choose the clip again.")
    _refuse_playlist(path)
    with _opened(path) as capture:
        decoded, image = capture.read()
        if not decoded:
            raise _unreadable(path)
        rate = capture.get(cv2.CAP_PROP_FPS)
        height, width = image.shape[:2]
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if count < 1:  # some containers do not say
            count = 1 + sum(1 for _ in iter(capture.grab, False))
    return Clip(path, width, height, float(rate) if np.isfinite(rate) and rate > 0 else 25.0, count)


def resolve_range(clip: Clip, first: int | None, last: int | None) -> tuple[int, int]:
    """The first and last frame, both included; None is the clip's start or end.

    UserError `bad-range` as for `check_range`, and for more frames than a reconstruction may have.
    """
    chosen = (0 if first is None else first, clip.frame_count - 1 if last is None else last)
    check_range(clip, *chosen)
    length = chosen[1] - chosen[0] + 1
    if length > MAX_FRAMES:
        raise UserError(
            "bad-range",
            f"The range has {length} frames; {MAX_FRAMES} are possible.",
            "Choose a shorter range of frames.",
        )
    return chosen


def check_range(clip: Clip, first: int, last: int) -> None:
    """UserError `bad-range` unless the clip has the frames from `first` to `last`, both included."""
    if not 0 <= first <= last < clip.frame_count:
        raise UserError(
            "bad-range",
            f"Frames {first} to {last} are not in the clip, which has frames 0 to {clip.frame_count - 1}.",
            "Choose a range inside the clip.",
        )


def read_frames(
    clip: Clip,
    first: int,
    last: int,
    *,
    while_skipping: Callable[[], None] = lambda: None,
    unwanted: Callable[[int], bool] = lambda _: False,
) -> Iterator[Frame]:
    """Frames `first` to `last`, both included, in order, without those whose numbers are `unwanted`; one is in memory at a time.

    The way to `first` is decoded too, for seeking is not exact in every file; `while_skipping` is called for each frame
    on it, and for each unwanted one. What a duplicate repeats is the wanted frame before it. A file that breaks off ends the
    iteration early: compare the last index. UserError `bad-range` for frames that the clip should not have, `clip-truncated`
    where not one of the wanted frames can be decoded.
    """
    check_range(clip, first, last)
    with _opened(clip.path) as capture:
        previous_time = -1 / clip.frame_rate
        for index in range(first):
            if not capture.grab():
                break
            while_skipping()
            previous_time = _time(capture, index, previous_time, clip.frame_rate)
        reference: np.ndarray | None = None
        delivered = False
        for index in range(first, last + 1):
            if unwanted(index) and capture.grab():
                while_skipping()
                previous_time = _time(capture, index, previous_time, clip.frame_rate)
                continue
            decoded, image = capture.read()
            if not decoded:
                if not delivered:
                    raise UserError(
                        "clip-truncated",
                        f"{clip.path.name} breaks off before frame {index}.",
                        "Choose an earlier range of frames, or get a whole copy of the clip.",
                    )
                return
            time = _time(capture, index, previous_time, clip.frame_rate)
            blocks = _blocks(image)
            duplicate = reference is not None and float(cv2.absdiff(blocks, reference).max()) < _DUPLICATE_DIFFERENCE
            if not duplicate:  # else slow motion would pass as repetition
                reference = blocks
            delivered = True
            yield Frame(index, time, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), duplicate)
            previous_time = time


def _refuse_playlist(path: Path) -> None:
    """UserError `clip-unreadable` for a text that names other files: the decoder would open those unasked."""
    try:
        with path.open("rb") as stream:
            start = stream.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    except OSError as error:
        raise _unreadable(path) from error
    if start.startswith(_PLAYLISTS):
        raise _unreadable(path)


@contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    try:
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    except cv2.error as error:
        raise _unreadable(path) from error
    finally:
        cv2.utils.logging.setLogLevel(level)
    try:
        if not capture.isOpened():
            raise _unreadable(path)
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        yield capture
    finally:
        capture.release()


def _unreadable(path: Path) -> UserError:
    return UserError(
        "clip-unreadable",
        f"{path.name} holds no video that can be read: it is not a video, has only sound, or is damaged.",
        f"Choose {_READABLE_KINDS}, or convert it to H.264.",
    )


def _time(capture: cv2.VideoCapture, index: int, previous: float, rate: float) -> float:
    """Seconds of the frame that was read last; from the rate where the container's stamps do not advance."""
    time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
    return time if np.isfinite(time) and (time > previous or index == 0) else previous + 1 / rate


def _blocks(image: np.ndarray) -> np.ndarray:
    """uint8 [H/8,W/8], mean grey of each block."""
    height, width = image.shape[:2]
    size = (max(1, width // _BLOCK), max(1, height // _BLOCK))
    return cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA)
