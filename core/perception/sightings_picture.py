"""A picture of who was found, with their numbers, for a user who has to choose two or wants to know why nobody was."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from ..clip import Clip, read_frames
from ..contract.errors import UserError
from ..contract.files import replacing
from ..weights import cache_folder
from .movenet import KEYPOINTS, FoundPerson
from .track import Sighting, Track

_COLOURS = ((60, 220, 60), (255, 90, 255), (70, 170, 255), (255, 200, 40), (255, 90, 70), (120, 255, 230))
_BONES = [
    (KEYPOINTS.index(a), KEYPOINTS.index(b))
    for a, b in [
        ("left_shoulder", "right_shoulder"),
        ("left_hip", "right_hip"),
        *((f"{s}_{a}", f"{s}_{b}") for s in ("left", "right") for a, b in (("shoulder", "elbow"), ("elbow", "wrist"))),
        *((f"{s}_{a}", f"{s}_{b}") for s in ("left", "right") for a, b in (("hip", "knee"), ("knee", "ankle"))),
        *((f"{s}_shoulder", f"{s}_hip") for s in ("left", "right")),
    ]
]
_CLEAR = 0.2
_KEPT_PICTURES = 10
_MOST_FRAMES, _SEAM = 3, 8
"""Frames beside each other in one picture, and the px between them."""


def picture_of_tracks(
    clip: Clip,
    first: int,
    tracks: Mapping[int, Track[Sighting]],
    steps: int,
    *,
    named: Sequence[int] = (),
    while_skipping: Callable[[], None] = lambda: None,
) -> Path | None:
    """Save a picture of people, by their numbers, in the folder of the worker's logs, and return its path.

    It shows a frame in which the `named` ones are together, or all if none are named; where there is none, several frames beside
    each other. `first` is the number of step 0 in the clip; `while_skipping` is called on the way to the frames. None where the
    folder cannot be written or no frame be read.
    """
    shown = frames_to_show({number: tracks[number] for number in named or tracks}, steps)
    wanted = {first + step for step in shown}
    try:
        frames = list(
            read_frames(
                clip,
                min(wanted),
                max(wanted),
                while_skipping=while_skipping,
                unwanted=lambda index: index not in wanted,
            )
        )
    except UserError:
        return None
    pictures: list[UInt8[np.ndarray, "H W 3"]] = []
    for frame in frames:
        step = frame.index - first
        seen = {n: t.seen[step].person for n, t in tracks.items() if step in t.seen}
        pictures += [draw_people(frame.image, seen), np.full((len(frame.image), _SEAM, 3), 255, np.uint8)]
    if not pictures:
        return None
    drawn = np.concatenate(pictures[:-1], axis=1)
    folder = cache_folder() / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in sorted(folder.glob("people-*.png"))[: 1 - _KEPT_PICTURES]:
            old.unlink(missing_ok=True)
        numbers = "-".join(str(frame.index) for frame in frames)
        path = folder / f"people-{time.strftime('%Y%m%d-%H%M%S')}-frame-{numbers}.png"
        encoded = cv2.imencode(".png", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))[1]
        with replacing(path) as temporary:
            temporary.write_bytes(encoded.tobytes())
    except (OSError, UserError):
        return None
    return path


def frames_to_show(tracks: Mapping[int, Track[Sighting]], steps: int) -> list[int]:
    """The fewest steps, in order, in which all of some people are seen, at most three; each where most are, and most clearly."""
    missing, shown = set(tracks), list[int]()
    while missing and len(shown) < _MOST_FRAMES:
        values = [_clarity([tracks[number] for number in missing], step) for step in range(steps)]
        step = max(range(steps), key=lambda k: values[k], default=0)
        found = {number for number in missing if step in tracks[number].seen}
        if not found:
            break
        missing -= found
        shown.append(step)
    return sorted(shown) or [steps // 2]


def _clarity(tracks: Sequence[Track[Sighting]], step: int) -> tuple[int, float]:
    """How many people are seen in a step, and how clearly."""
    seen = [track.seen[step].quality for track in tracks if step in track.seen]
    return len(seen), sum(seen)


def draw_people(image: UInt8[np.ndarray, "H W 3"], people: Mapping[int, FoundPerson]) -> UInt8[np.ndarray, "H W 3"]:
    """A copy of the RGB image with each person's skeleton and number; thin bones are uncertain."""
    drawn = np.ascontiguousarray(image.copy())
    width = max(1, round(max(image.shape[:2]) / 400))
    for number, person in people.items():
        colour = _COLOURS[number % len(_COLOURS)]
        places = person.points.round().astype(int)
        for a, b in _BONES:
            clear = min(person.confidence[a], person.confidence[b]) > _CLEAR
            cv2.line(drawn, places[a].tolist(), places[b].tolist(), colour, 2 * width if clear else width, cv2.LINE_AA)
        label = str(number)
        size = width * 0.6
        (text_width, text_height), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, size, 2 * width)
        x = int(np.clip(places[:5, 0].mean() - text_width / 2, 0, image.shape[1] - text_width))
        y = int(np.clip(person.points[:, 1].min() - 4 * width, text_height, image.shape[0]))
        cv2.putText(drawn, label, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 4 * width, cv2.LINE_AA)
        cv2.putText(drawn, label, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, colour, 2 * width, cv2.LINE_AA)
    return drawn
