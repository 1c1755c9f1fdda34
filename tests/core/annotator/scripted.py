"""A model whose answers are written down beforehand, and pictures of two made-up people for it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from core.annotator.generator import Annotator, Check
from core.annotator.question import Message
from core.perception.detections import Detections
from core.reporting import Reporter


@dataclass
class ScriptedModel:
    """Gives its answers one after the other, the last one again and again; an exception is raised instead."""

    answers: Sequence[str | Exception]
    pictures: int = 4
    picture_size: int = 64
    asked: list[Sequence[Message]] = field(default_factory=list)
    endless: bool = False
    """Whether it goes on until the check stops it."""

    def answer(self, conversation: Sequence[Message], max_tokens: int, check: Check) -> str:
        check()
        self.asked.append(list(conversation))
        while self.endless:
            check()
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def scripted(model: ScriptedModel, key: str = "scripted 1") -> Annotator:
    @contextmanager
    def load(device: torch.device, reporter: Reporter) -> Generator[Any]:
        yield model

    return Annotator("Scripted", key, load)


def two_people(
    gaps: Iterable[float], *, rate: float = 10.0, size: tuple[int, int] = (320, 240), found: np.ndarray | None = None
) -> Detections:
    """Two upright people of 160 px whose nearest landmarks are `gaps` of their height apart, frame by frame."""
    gaps = list(gaps)
    frames, height = len(gaps), 160.0
    keypoints = np.zeros((2, frames, 33, 3), np.float32)
    keypoints[..., 0] = 100.0
    keypoints[..., 1] = np.linspace(40, 40 + height, 33)
    keypoints[..., 2] = 0.9
    keypoints[1, :, :, 0] += height * np.array(gaps, np.float32)[:, None]
    masks = np.zeros((2, frames, 120, 160), np.uint8)
    for frame, gap in enumerate(gaps):
        for person, x in enumerate((100.0, 100.0 + height * gap)):
            left = int(np.clip(x / 2 - 8, 0, 150))
            masks[person, frame, 20:100, left : left + 16] = 255
    return Detections(
        frame_index=np.arange(frames, dtype=np.int32),
        time=np.arange(frames) / rate,
        image_size=np.array(size, np.int32),
        keypoints=keypoints,
        covariance=np.zeros((2, frames, 33, 2, 2), np.float32),
        world_landmarks=np.zeros((2, frames, 33, 3), np.float32),
        found=np.ones((2, frames), bool) if found is None else found,
        hands=np.zeros((2, frames, 2, 21, 3), np.float32),
        hand_landmarks=np.zeros((2, frames, 2, 21, 3), np.float32),
        masks=masks,
        track_ids=np.array([0, 1], np.int32),
        camera_motion=np.zeros(frames, np.float32),
    )
