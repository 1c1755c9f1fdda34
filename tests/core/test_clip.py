"""Clips as users have them: turned, uneven, padded, odd, broken."""

from __future__ import annotations

import os
import struct
import sys
import wave
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.clip import Clip, probe, read_frames, resolve_range
from core.contract.errors import Cancelled, UserError
from core.contract.options import parse_frames
from tests.core.matroska import write_matroska

_FRAMES = 20
_SIZE = (128, 72)
_ONE = 1 << 16
_MATRICES = {
    90: (0, _ONE, 0, -_ONE, 0, 0, 0, 0, 1 << 30),
    180: (-_ONE, 0, 0, 0, -_ONE, 0, 0, 0, 1 << 30),
    270: (0, -_ONE, 0, _ONE, 0, 0, 0, 0, 1 << 30),
}


def _picture(index: int, size: tuple[int, int] = _SIZE) -> np.ndarray:
    """BGR: the top left quarter is red, the rest grey, and a white bar moves to the right."""
    width, height = size
    picture = np.full((height, width, 3), 90, np.uint8)
    picture[: height // 2, : width // 2] = (20, 20, 220)
    picture[height // 2 :, 4 * index : 4 * index + 6] = 255
    return picture


def _write(path: Path, pictures: Sequence[np.ndarray], codec: str = "mp4v", rate: float = 25) -> Path:
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), rate, (width, height))
    for picture in pictures:
        writer.write(picture)
    writer.release()
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return _write(tmp_path / "plain.mp4", [_picture(i) for i in range(_FRAMES)])


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        yield data[place + 4 : place + 8], data[place + 8 : place + length]
        place += length


def _edited(data: bytes, way: Sequence[bytes], edit: Callable[[bytes], bytes]) -> bytes:
    """The mp4 with the box at the end of `way` (names from the outside in) edited, sizes mended."""
    result = b""
    for name, content in _boxes(data):
        if name == way[0]:
            content = edit(content) if len(way) == 1 else _edited(content, way[1:], edit)
        result += struct.pack(">I", len(content) + 8) + name + content
    return result


def _edit_file(source: Path, target: Path, way: str, edit: Callable[[bytes], bytes]) -> Path:
    target.write_bytes(_edited(source.read_bytes(), [part.encode() for part in way.split("/")], edit))
    return target


def _is_red(pixel: np.ndarray) -> bool:
    red, green, blue = (int(value) for value in pixel)
    return red > 150 and green < 90 and blue < 90


def test_a_plain_clip(plain: Path) -> None:
    clip = probe(plain)
    assert (clip.width, clip.height, clip.frame_count) == (*_SIZE, _FRAMES)
    assert clip.frame_rate == pytest.approx(25)
    frames = list(read_frames(clip, 3, 7))
    assert [frame.index for frame in frames] == [3, 4, 5, 6, 7]
    assert [frame.time for frame in frames] == pytest.approx([0.12, 0.16, 0.2, 0.24, 0.28])
    assert _is_red(frames[0].image[10, 10])
    bar = frames[0].image[60].mean(1).argmax()
    assert 4 * 3 - 2 <= bar <= 4 * 3 + 8, "frame 3 shows the bar of another frame"
    assert not any(frame.duplicate for frame in frames)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_that_a_phone_recorded_is_applied(plain: Path, tmp_path: Path, degrees: int) -> None:
    def turn(header: bytes) -> bytes:
        return header[:40] + struct.pack(">9i", *_MATRICES[degrees]) + header[76:]

    clip = probe(_edit_file(plain, tmp_path / "turned.mp4", "moov/trak/tkhd", turn))
    image = next(read_frames(clip, 0, 0)).image
    upright = np.rot90(cv2.cvtColor(_picture(0), cv2.COLOR_BGR2RGB), -degrees // 90)
    assert image.shape == upright.shape == (clip.height, clip.width, 3)
    assert np.abs(image.astype(int) - upright).mean() < 12


def test_time_stamps_of_an_uneven_clip_are_the_containers(plain: Path, tmp_path: Path) -> None:
    def uneven(times: bytes) -> bytes:
        _, _, count, ticks = struct.unpack(">IIII", times)
        return struct.pack(">IIIIII", 0, 2, count // 2, ticks, count - count // 2, 3 * ticks)

    whole = _edit_file(plain, tmp_path / "whole.mp4", "moov/trak/edts", lambda _: b"")
    clip = probe(_edit_file(whole, tmp_path / "uneven.mp4", "moov/trak/mdia/minf/stbl/stts", uneven))
    times = [frame.time for frame in read_frames(clip, 0, clip.frame_count - 1)]
    assert np.diff(times) == pytest.approx([0.04] * (_FRAMES // 2) + [0.12] * (_FRAMES // 2 - 1), abs=1e-3)
    later = [frame.time for frame in read_frames(clip, 12, 15)]
    assert later == pytest.approx(times[12:16])


@pytest.mark.parametrize("declared", [None, 10, 60])
@pytest.mark.parametrize("start", [0, 5000])
def test_an_mkv_has_the_frames_and_the_rate_of_its_time_stamps(
    tmp_path: Path, declared: float | None, start: int
) -> None:
    times = [start + round(1000 * k / 30) + (7 if k % 3 == 1 else 0) for k in range(_FRAMES)]
    path = write_matroska(tmp_path / "clip.mkv", [_picture(k) for k in range(_FRAMES)], times, declared)
    clip = probe(path)
    assert clip.frame_count == _FRAMES
    assert clip.frame_rate == pytest.approx((_FRAMES - 1) / (times[-1] - times[0]) * 1000)
    read = [frame.time for frame in read_frames(clip, *resolve_range(clip, None, None))]
    assert read == pytest.approx([(time - start) / 1000 for time in times], abs=1e-3)
    assert clip.reading, "results of versions that read the clip at another rate are not this one's"


def test_an_mkv_that_keeps_to_its_declared_rate_has_exactly_that(tmp_path: Path) -> None:
    times = [round(1001 * k / 30) for k in range(_FRAMES)]
    declared = 30 / 1.001
    clip = probe(write_matroska(tmp_path / "clip.mkv", [_picture(k) for k in range(_FRAMES)], times, declared))
    assert (clip.frame_count, clip.reading) == (_FRAMES, "")
    assert clip.frame_rate == pytest.approx(declared, abs=1e-4)


@pytest.mark.parametrize("shown", [(182, 72), (96, 72)])
def test_a_clip_whose_pixels_are_not_square_is_read_as_it_is_shown(tmp_path: Path, shown: tuple[int, int]) -> None:
    pictures = [_picture(k) for k in range(3)]
    clip = probe(write_matroska(tmp_path / "clip.mkv", pictures, [0, 40, 80], 25, shown))
    assert (clip.width, clip.height) == shown
    assert clip.reading == f"square pixels {shown[0]} x 72", "earlier versions took another picture for this one"
    for frame in read_frames(clip, 0, 2):
        assert frame.image.shape == (72, shown[0], 3)
        edge = shown[0] // 2  # of the red quarter
        assert _is_red(frame.image[10, edge - 5]) and not _is_red(frame.image[10, edge + 5])


@pytest.mark.parametrize("shown", [None, _SIZE, (_SIZE[0] + 1, _SIZE[1])])
def test_a_clip_whose_pixels_are_square_or_nearly_so_is_read_as_it_is(
    tmp_path: Path, shown: tuple[int, int] | None
) -> None:
    clip = probe(write_matroska(tmp_path / "clip.mkv", [_picture(k) for k in range(3)], [0, 40, 80], 25, shown))
    assert (clip.width, clip.height, clip.reading) == (*_SIZE, "")


def test_pixels_of_a_turned_clip_are_widened_along_the_side_that_was_its_width(plain: Path, tmp_path: Path) -> None:
    def turn(header: bytes) -> bytes:
        return header[:40] + struct.pack(">9i", *_MATRICES[90]) + header[76:]

    def widen(descriptions: bytes) -> bytes:
        (size,) = struct.unpack(">I", descriptions[8:12])
        aspect = struct.pack(">I4sII", 16, b"pasp", 3, 2)
        return descriptions[:8] + struct.pack(">I", size + len(aspect)) + descriptions[12:] + aspect

    wide = _edit_file(plain, tmp_path / "wide.mp4", "moov/trak/mdia/minf/stbl/stsd", widen)
    clip = probe(_edit_file(wide, tmp_path / "turned.mp4", "moov/trak/tkhd", turn))
    assert (clip.width, clip.height) == (_SIZE[1], _SIZE[0] * 3 // 2)
    assert next(read_frames(clip, 0, 0)).image.shape == (clip.height, clip.width, 3)


@pytest.mark.parametrize("declared", [None, 60])
def test_how_many_frames_a_very_long_mkv_has_is_estimated_from_its_first_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declared: float | None
) -> None:
    monkeypatch.setattr("core.clip._MOST_COUNTED", 5)
    pictures = [_picture(k) for k in range(_FRAMES)]
    clip = probe(write_matroska(tmp_path / "clip.mkv", pictures, [40 * k for k in range(_FRAMES)], declared))
    assert clip.frame_rate == pytest.approx(25) and abs(clip.frame_count - _FRAMES) <= 1


def test_counting_the_frames_can_be_cancelled(tmp_path: Path) -> None:
    def cancel() -> None:
        raise Cancelled

    path = write_matroska(tmp_path / "clip.mkv", [_picture(0)] * 3, [0, 40, 80])
    with pytest.raises(Cancelled):
        probe(path, cancel)


def test_an_mp4_is_believed(plain: Path) -> None:
    def check() -> None:
        raise AssertionError("the whole clip is read to count the frames that its header counts")

    assert probe(plain, check).reading == ""


def test_frames_that_repeat_the_one_before_are_flagged(tmp_path: Path) -> None:
    shown = [0, 1, 1, 2, 3, 3, 3, 4]
    clip = probe(_write(tmp_path / "padded.mp4", [_picture(i) for i in shown]))
    flags = [frame.duplicate for frame in read_frames(clip, 0, len(shown) - 1)]
    assert flags == [False, False, True, False, False, True, True, False]


def test_unwanted_frames_are_left_out_and_the_others_are_the_same(plain: Path) -> None:
    clip = probe(plain)
    wanted = list(read_frames(clip, 2, 8, unwanted=lambda index: index % 3 != 0))
    every = {frame.index: frame for frame in read_frames(clip, 2, 8)}
    assert [frame.index for frame in wanted] == [3, 6]
    for frame in wanted:
        np.testing.assert_array_equal(frame.image, every[frame.index].image)
        assert frame.time == every[frame.index].time and not frame.duplicate


def test_slow_motion_is_not_repetition(tmp_path: Path) -> None:
    pictures = [np.full((72, 128, 3), 100 + 2 * i, np.uint8) for i in range(20)]
    clip = probe(_write(tmp_path / "slow.mp4", pictures))
    flags = [frame.duplicate for frame in read_frames(clip, 0, 19)]
    assert flags.count(False) >= 4


@pytest.mark.parametrize("size", [(101, 77), (33, 200)])
def test_clips_of_odd_sizes_are_read(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "odd.mjpeg"  # pictures one after the other: a container that counts no frames
    path.write_bytes(b"".join(cv2.imencode(".jpg", _picture(i, size))[1].tobytes() for i in range(4)))
    clip = probe(path)
    assert (clip.width, clip.height, clip.frame_count) == (*size, 4)
    assert next(read_frames(clip, 2, 2)).image.shape == (size[1], size[0], 3)


def _text(path: Path) -> None:
    path.write_text("This is not a film.")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _sound_only(path: Path) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))


def _without_index(path: Path) -> None:
    whole = _write(path.with_name("whole.mp4"), [_picture(i) for i in range(_FRAMES)]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def _playlist(path: Path) -> None:
    _write(path.with_name("beside.mp4"), [_picture(i) for i in range(_FRAMES)])
    path.write_text("ffconcat version 1.0\nfile beside.mp4\n")


@pytest.mark.parametrize("make", [_text, _empty, _sound_only, _without_index, _playlist])
def test_what_is_no_video_is_named_with_a_way_out(
    tmp_path: Path, make: Callable[[Path], None], capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.mp4"
    make(path)
    with pytest.raises(UserError) as caught:
        probe(path)
    assert caught.value.code == "clip-unreadable"
    assert "broken.mp4" in caught.value.message and caught.value.hint
    assert capfd.readouterr().err == "", "the decoder's own complaints reach the user"


def test_a_clip_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        probe(tmp_path / "gone.mp4")
    assert caught.value.code == "clip-missing"


def test_a_clip_that_breaks_off_gives_what_it_has(tmp_path: Path) -> None:
    whole = _write(tmp_path / "whole.avi", [_picture(i) for i in range(_FRAMES)], codec="MJPG")
    count = probe(whole).frame_count
    broken = tmp_path / "broken.avi"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    clip = Clip(broken, *_SIZE, 25.0, count)
    frames = list(read_frames(clip, 0, count - 1))
    assert 2 < len(frames) < count
    assert [frame.index for frame in frames] == list(range(len(frames)))
    with pytest.raises(UserError) as caught:
        list(read_frames(clip, count - 2, count - 1))
    assert caught.value.code == "clip-truncated"


@pytest.mark.parametrize(
    ("text", "expected"), [("3:7", (3, 7)), (":7", (0, 7)), ("3:", (3, 19)), (":", (0, 19)), ("5:5", (5, 5))]
)
def test_ranges_include_both_ends(plain: Path, text: str, expected: tuple[int, int]) -> None:
    assert resolve_range(probe(plain), *parse_frames(text)) == expected


@pytest.mark.parametrize("text", ["7:3", "-2:5", "0:20"])
def test_ranges_outside_of_the_clip_are_refused(plain: Path, text: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve_range(probe(plain), *parse_frames(text))
    assert caught.value.code == "bad-range" and caught.value.hint


def test_a_range_that_is_too_long_is_refused() -> None:
    clip = Clip(Path("long.mp4"), *_SIZE, 25.0, 10**6)
    with pytest.raises(UserError, match="50000") as caught:
        resolve_range(clip, None, None)
    assert caught.value.code == "bad-range"


@pytest.mark.skipif(sys.platform == "win32", reason="no name has a colon there")
def test_a_relative_name_with_a_colon_is_no_protocol(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(plain.parent)
    clip = probe(plain.rename(plain.with_name("take: 2.mp4")).relative_to(plain.parent))
    assert len(list(read_frames(clip, 0, 3))) == 4


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are Unicode there")
def test_a_name_that_is_not_unicode_is_refused_before_the_decoder_crashes(plain: Path) -> None:
    named = Path(os.fsdecode(os.fsencode(plain.parent) + b"/caf\xe9.mp4"))
    plain.rename(named)
    with pytest.raises(UserError) as caught:
        probe(named)
    assert caught.value.code == "bad-path" and "caf" in caught.value.message and "Rename" in caught.value.hint
    caught.value.message.encode("utf-8")


def test_a_clip_that_breaks_off_before_the_first_wanted_frame_says_so(tmp_path: Path) -> None:
    whole = _write(tmp_path / "whole.avi", [_picture(i) for i in range(_FRAMES)], codec="MJPG")
    count = probe(whole).frame_count
    broken = tmp_path / "broken.avi"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    skipped: list[int] = []
    with pytest.raises(UserError) as caught:
        list(
            read_frames(
                Clip(broken, *_SIZE, 25.0, count),
                0,
                count - 1,
                while_skipping=lambda: skipped.append(1),
                unwanted=lambda index: index < count - 1,
            )
        )
    assert caught.value.code == "clip-truncated"
    assert len(skipped) > 2, "it can be cancelled while it goes to the wanted frame"
