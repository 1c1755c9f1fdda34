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
from jaxtyping import UInt8

from .contract.errors import UserError
from .contract.frames import frame_in_words, frames_in_words
from .contract.limits import MAX_FRAME_INDEX, MAX_FRAMES
from .contract.options import check_path

_BLOCK = 8
_DUPLICATE_DIFFERENCE = 7
"""A frame repeats another when no 8 x 8 block's mean differs by more grey levels: codec noise stays below, a moving limb
is far above, even where it is small (on clips with 72 known repetitions: at most 6 against at least 15)."""
_PLAYLISTS = (b"#extm3u", b"ffconcat", b"<?xml", b"<mpd", b"<smil", b"[playlist]", b"[reference]", b"v=0", b"rtsptext")
_TABLE_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
"""What MP4 and MOV files begin with."""
_MOST_BOXES = 64
"""At the top of an MP4 file: one that is not in fragments has a few."""
_MOST_COUNTED = 4 * MAX_FRAMES
"""Frames that are counted one by one; how many follow is estimated from how long the clip is."""
_CHECKED_EVERY = 64
_WITH_HIDDEN_FRAMES = (b"VP80",)
"""Codecs whose packets are not all frames that are shown: these are counted by decoding."""
_SAME_RATE, _SAME_SECONDS = 0.01, 0.002
"""A declared rate is kept where the frames take as long as it says, up to this fraction or the rounding of two time stamps."""
_SQUARE, _MOST_STRETCHED = 0.01, 8.0
"""Pixels are taken for square up to this difference of width and height, which nobody sees, and beyond what any format has."""
_USUAL_RATE = 25.0
"""Where a container gives neither a rate nor time stamps."""
_READABLE_KINDS = "an .mp4, .mov or .mkv file that a video player shows"


@dataclass(frozen=True)
class Clip:
    """A readable clip. Sizes are those of the upright picture in square pixels, the rotation that a phone records applied."""

    path: Path
    width: int
    height: int
    frame_rate: float
    """Average frames per second; the frames' own times tell how even it is."""
    frame_count: int
    """As an MP4 or MOV file says, else counted. A broken file may hold fewer."""
    reading: str = ""
    """How the frames are read where that is not as the container says; part of the key of all results, empty for most clips."""
    is_stretched: bool = False
    """Whether the stored pixels are not square."""


@dataclass(frozen=True)
class Frame:
    """A frame of a clip, decoded."""

    index: int
    """Number in the clip, from 0."""
    time: float
    """Seconds from the clip's start, as the container stamps it."""
    image: UInt8[np.ndarray, "H W 3"]
    """RGB, upright, of the clip's size."""
    duplicate: bool
    """Whether it repeats the frame before it up to codec noise (a lower frame rate padded to a higher one)."""


def probe(path: Path, check: Callable[[], None] = lambda: None) -> Clip:
    """Open a clip and decode its first frame. UserError `bad-path`, `clip-missing` or `clip-unreadable`.

    Only MP4 and MOV files have a table of their frames. Other containers estimate their number from a duration and a rate that
    may both be wrong, so their frames are counted. `check` is called while that goes on; what it raises ends it.
    """
    problem = check_path("clip")(path)  # OpenCV crashes on names that are not UTF-8
    if problem is not None:
        raise problem
    if not path.is_file():
        raise clip_missing(path)
    _refuse_playlist(path)
    with _opened(path) as capture:
        decoded, image = capture.read()
        if not decoded:
            raise _unreadable(path)
        rate, count = _declared(capture)
        without_decoding = _fourcc(capture) not in _WITH_HIDDEN_FRAMES
        width, height = _shown_size(capture, image)
    stretched = (height, width) != image.shape[:2]
    square = f"square pixels {width} x {height}" if stretched else ""
    if count > 0 and _has_frame_table(path):
        return Clip(path, width, height, rate or _USUAL_RATE, count, square, stretched)
    counted = _count_frames(path, without_decoding, check)
    measured = counted.rate(rate)
    if counted.all_counted or count < 1 or not rate:
        count = counted.count
    else:
        count = min(max(counted.count, int(count / rate * measured)), MAX_FRAME_INDEX + 1)
    reading = (square, "" if measured == rate else f"rate {measured:.6g}")
    return Clip(path, width, height, measured, count, " ".join(filter(None, reading)), stretched)


def clip_missing(path: Path) -> UserError:
    return UserError("clip-missing", f"There is no clip at {path}.", "Choose the clip again.")


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
            f"The clip has {frames_in_words((0, clip.frame_count - 1))}, not all of {frames_in_words((first, last))}.",
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
                        f"{clip.path.name} breaks off before {frame_in_words(index)}.",
                        "Choose an earlier range of frames, or get a whole copy of the clip.",
                    )
                return
            time = _time(capture, index, previous_time, clip.frame_rate)
            blocks = _blocks(image)
            duplicate = reference is not None and float(cv2.absdiff(blocks, reference).max()) < _DUPLICATE_DIFFERENCE
            if not duplicate:  # else slow motion would pass as repetition
                reference = blocks
            delivered = True
            yield Frame(index, time, cv2.cvtColor(_in_square_pixels(image, clip), cv2.COLOR_BGR2RGB), duplicate)
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
        # relative, "take: 2.mp4" would be an address of the protocol "take"
        capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
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


def _declared(capture: cv2.VideoCapture) -> tuple[float, int]:
    """Frames per second and number of frames as the container says, each 0 where it does not."""
    rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return float(rate) if np.isfinite(rate) and rate > 0 else 0.0, int(count) if count > 0 else 0


def _fourcc(capture: cv2.VideoCapture) -> bytes:
    return (int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF).to_bytes(4, "little")


def _pixel_aspect(capture: cv2.VideoCapture) -> float:
    """Width of a stored pixel when it is shown, in its heights; 1 where the container does not say, or nothing sane."""
    width, height = capture.get(cv2.CAP_PROP_SAR_NUM), capture.get(cv2.CAP_PROP_SAR_DEN)
    aspect = width / height if width > 0 and height > 0 else 1.0
    return aspect if 1 / _MOST_STRETCHED <= aspect <= _MOST_STRETCHED and abs(aspect - 1) > _SQUARE else 1.0


def _shown_size(capture: cv2.VideoCapture, image: np.ndarray) -> tuple[int, int]:
    """Width and height of an upright picture in square pixels: with the stored number of rows, as players show it."""
    height, width = image.shape[:2]
    aspect = _pixel_aspect(capture)
    if capture.get(cv2.CAP_PROP_ORIENTATION_META) % 180 == 90:  # the stored rows are columns
        return width, round(height * aspect)
    return round(width * aspect), height


def _in_square_pixels(image: np.ndarray, clip: Clip) -> np.ndarray:
    height, width = image.shape[:2]
    if (width, height) == (clip.width, clip.height):
        return image
    is_smaller = width * height > clip.width * clip.height
    return cv2.resize(
        image, (clip.width, clip.height), interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    )


def _has_frame_table(path: Path) -> bool:
    """Whether it is an MP4 or MOV file whose header lists all frames with their times, not one in fragments."""
    with path.open("rb") as stream:
        for number in range(_MOST_BOXES):
            header = stream.read(16)
            size, name = int.from_bytes(header[:4], "big"), header[4:8]
            if name == b"moof" or (number == 0 and name not in _TABLE_BOXES):
                return False
            if size == 1:
                size = int.from_bytes(header[8:], "big")
            if size < 8:  # the last box, which lasts until the end, or the end itself
                break
            stream.seek(size - len(header), os.SEEK_CUR)
    return True


@dataclass(frozen=True)
class _CountedFrames:
    count: int
    all_counted: bool
    span: float
    """Seconds from the first frame to the last one."""

    def rate(self, declared: float) -> float:
        """Frames per second by the time stamps; the declared rate (0: none) where they agree with it, or say nothing."""
        steps = self.count - 1
        if steps < 1 or not (np.isfinite(self.span) and self.span > 0):
            return declared or _USUAL_RATE
        if declared and abs(steps / declared - self.span) <= max(_SAME_RATE * self.span, _SAME_SECONDS):
            return declared
        return steps / self.span


def _count_frames(path: Path, without_decoding: bool, check: Callable[[], None]) -> _CountedFrames:
    """Up to `_MOST_COUNTED` frames; `without_decoding` is many times faster."""
    with _opened(path) as capture:
        raw = without_decoding and capture.set(cv2.CAP_PROP_FORMAT, -1)
        count, first, last = 0, np.inf, -np.inf
        while count < _MOST_COUNTED and capture.grab():
            time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            first, last = min(first, time), max(last, time)  # packets are in the order in which they are decoded
            if count % _CHECKED_EVERY == 0:
                check()
            count += 1
    if raw and count == 0:
        return _count_frames(path, False, check)
    return _CountedFrames(count, count < _MOST_COUNTED, float(last - first))


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
