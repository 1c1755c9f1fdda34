"""Who of the people in a clip is meant by words, as "the dancer in red": by Grounding DINO, which finds what a phrase describes.

For some frames that show people apart it gives boxes with a logit for each word. A box counts for the phrase by the mean over its
words, not by the best one: both dancers are "dancer", one is in red. What everyone has in common, as the height that all scores
share in a frame, then falls out: of two people each is compared with the other.
"""

# transformers' models are typed by strings
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from scipy.optimize import linear_sum_assignment

from ...clip import Clip, read_frames
from ...contract.errors import UserError
from ...contract.reconstruction import PERSON_NAMES
from ...reporting import Pulse, Reporter
from ..boxes import box_iou
from ..track import Sighting, Track
from .person_detector import box_corners
from .pictures import Preparation
from .running import HubModelKind, HubNetwork, NoMemory, model_damaged

_SAMPLED_FRAMES = 5
"""Frames in which people are searched for by the phrase, spread over those that show most of the people apart."""
_LEAST_OVERLAP = 0.4
"""Intersection over union from which a box is of a person who was tracked."""
_LEAST_SCORE = 0.2
"""Mean probability of a phrase's words below which it describes nobody."""
_LEAST_MARGIN = 0.02
"""By how much a phrase has to fit its person better than the person whom the other phrase means."""
_MOST_TRACKS = 8


@dataclass(frozen=True)
class DescribedBox:
    """What a phrase describes in a picture."""

    box: Float32[np.ndarray, " 4"]
    """Left, top, right, bottom in px."""
    score: float
    """0-1, the mean probability of the phrase's words."""


class PhraseFinder(Protocol):
    """Finds the people whom a phrase describes."""

    def find(self, image: UInt8[np.ndarray, "H W 3"], phrase: str) -> list[DescribedBox]: ...

    def free(self) -> None: ...


def _load(folder: Path, dtype: torch.dtype) -> torch.nn.Module:
    from transformers import AutoModelForZeroShotObjectDetection

    return AutoModelForZeroShotObjectDetection.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=dtype
    )


# Its text branch overflows in half precision.
GROUNDING_DINO = HubModelKind("grounding-dino-tiny", "Grounding DINO", _load, half=torch.float32, batch=1)


class GroundingDino:
    """The open-vocabulary detector of the hub."""

    def __init__(self, network: HubNetwork) -> None:
        """UserError `model-damaged`."""
        from transformers import AutoTokenizer

        self._network = network
        try:
            self._preparation = Preparation.of_folder(network.folder, Preparation(None, (800, 1333)))
            self._tokenizer: Any = AutoTokenizer.from_pretrained(network.folder, local_files_only=True)
        except Exception as error:  # transformers raises errors of many types for files that do not fit
            raise model_damaged(network.kind.title, network.folder, str(error)) from error

    def find(self, image: UInt8[np.ndarray, "H W 3"], phrase: str) -> list[DescribedBox]:
        """UserError `model-damaged`, or `out-of-memory`: nothing else here understands descriptions."""
        try:
            [found] = self._network.run([image], lambda network, images: [self._predict(network, images[0], phrase)])
        except NoMemory as error:
            raise UserError(
                "out-of-memory",
                f"There is not enough memory for {error}, which understands descriptions of people.",
                "Close other programs, or click on the two people instead.",
            ) from error
        return found

    def free(self) -> None:
        self._network.free()

    def _predict(self, network: Any, image: np.ndarray, phrase: str) -> list[DescribedBox]:
        device = self._network.device
        # a phrase ends with a full stop, as the network was trained
        tokens = self._tokenizer(
            f"{phrase.strip().rstrip('.').lower()}.", return_tensors="pt", truncation=True, max_length=_longest(network)
        )
        pixels = self._preparation.prepared([image], device, self._network.dtype)
        outputs = network(pixel_values=pixels, **{name: values.to(device) for name, values in tokens.items()})
        words = word_places(tokens["input_ids"][0].tolist(), self._tokenizer)
        if not words:
            raise UserError("bad-people", f"“{phrase}” has no words.", "Describe the person, as “the dancer in red”.")
        score = outputs.logits[0].float().sigmoid()[:, words].mean(1).cpu().numpy()
        boxes = box_corners(outputs.pred_boxes[0].float().cpu().numpy(), (image.shape[1], image.shape[0]))
        return [DescribedBox(box, float(value)) for box, value in zip(boxes, score)]


def word_places(tokens: Sequence[int], tokenizer: Any) -> list[int]:
    """Which tokens are of words, and not special ones, articles or full stops."""
    skipped = {*tokenizer.all_special_ids, *tokenizer.convert_tokens_to_ids([".", "the", "a", "an"])}
    return [place for place, token in enumerate(tokens) if token not in skipped]


def _longest(network: Any) -> int:
    return int(getattr(network.config, "max_text_len", 256))


def load_phrase_finder(device: torch.device, pulse: Pulse) -> PhraseFinder:
    """UserError `model-missing` or `model-damaged`."""
    return GroundingDino(HubNetwork(GROUNDING_DINO, device, pulse))


def choose_named(
    clip: Clip,
    first_frame: int,
    tracks: Sequence[Track[Sighting]],
    phrases: tuple[str, str],
    finder: PhraseFinder,
    reporter: Reporter,
) -> tuple[int, int]:
    """Numbers of the tracks that two phrases describe, step 0 being the clip's frame `first_frame`.

    UserError `bad-people` where a phrase describes nobody, or both describe the same one.
    """
    tracks = tracks[:_MOST_TRACKS]
    scores = described(clip, first_frame, tracks, phrases, finder, reporter)
    for number, phrase in enumerate(phrases):
        if not len(tracks) or not scores[number].max() >= _LEAST_SCORE:
            raise UserError(
                "bad-people",
                f"Nobody in the clip looks like “{phrase}” ({PERSON_NAMES[number]}).",
                "Describe what is seen of the person, as “the man in the white shirt”, or click on both people.",
            )
    centred = scores - scores.mean(0, keepdims=True)  # what a person has of both phrases tells nothing
    rows, columns = linear_sum_assignment(-centred)
    chosen = dict(zip(rows.tolist(), columns.tolist()))
    if len(chosen) < len(phrases) or _are_the_same(scores, (chosen[0], chosen[1])):
        raise UserError(
            "bad-people",
            f"“{phrases[0]}” and “{phrases[1]}” describe the same person.",
            "Describe what tells the two apart, as the colour of their clothes, or click on both people.",
        )
    return chosen[0], chosen[1]


def _are_the_same(scores: Float[np.ndarray, "2 N"], chosen: tuple[int, int]) -> bool:
    """Whether nothing speaks for this order, or one of the phrases does not fit whom it would get."""
    a, b = chosen
    kept, exchanged = scores[0, a] + scores[1, b], scores[0, b] + scores[1, a]
    return bool(kept - exchanged < 2 * _LEAST_MARGIN or scores[0, a] < _LEAST_SCORE or scores[1, b] < _LEAST_SCORE)


def described(
    clip: Clip,
    first_frame: int,
    tracks: Sequence[Track[Sighting]],
    phrases: Sequence[str],
    finder: PhraseFinder,
    reporter: Reporter,
) -> Float[np.ndarray, "K N"]:
    """How well each of K phrases describes each of N tracks, 0-1: the mean over frames that show the person."""
    total, count = np.zeros((len(phrases), len(tracks))), np.zeros(len(tracks))
    wanted = frames_to_look_at(tracks)
    pulse = Pulse(reporter)
    frames = (
        read_frames(
            clip,
            first_frame + wanted[0],
            first_frame + wanted[-1],
            while_skipping=pulse.beat,
            unwanted=lambda index: index - first_frame not in wanted,
        )
        if wanted
        else ()
    )
    for frame in frames:
        step = frame.index - first_frame
        here = [number for number, track in enumerate(tracks) if step in track.seen]
        boxes = np.array([tracks[number].seen[step].person.box for number in here])
        for row, phrase in enumerate(phrases):
            pulse.progress(0.0, f"Looking for “{phrase}”")
            found = finder.find(frame.image, phrase)
            overlap = box_iou(boxes, np.array([each.box for each in found]).reshape(-1, 4))
            value = np.array([each.score for each in found])
            own = (overlap >= _LEAST_OVERLAP) & (overlap == overlap.max(0))  # a box is of whom it fits best
            best = np.where(own, value, 0.0).max(1, initial=0.0)
            total[row, here] += best
        count[here] += 1
    return total / np.maximum(count, 1)


def frames_to_look_at(tracks: Sequence[Track[Sighting]]) -> list[int]:
    """Steps that show as many people as any, apart and clearly, spread over the clip."""
    steps = sorted({step for track in tracks for step in track.seen if step >= 0})
    if not steps:
        return []

    def value(step: int) -> float:
        here = [track.seen[step] for track in tracks if step in track.seen]
        return sum(seen.quality * (2.0 if seen.isolated else 1.0) for seen in here)

    parts = [part for part in np.array_split(np.array(steps), min(_SAMPLED_FRAMES, len(steps))) if len(part)]
    return [int(max(part, key=lambda step: value(int(step)))) for part in parts]
