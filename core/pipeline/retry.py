"""Another try where a result is bad: without the learned models, and with the next likely camera. The better result is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..contract.fields import Fields
from ..contract.reconstruction import BAD, Quality, damaged
from ..progress import JobProgress
from ..quality import badness
from .settings import PipelineSettings
from .takes import MadeTakes, TakeResult

_JUDGED = ("picture", "floor", "penetration")
"""Measures whose bad stretches are worth another try."""
_BETTER = 0.9
"""Ratio of badness below which another try takes the place of the first."""


@dataclass(frozen=True)
class Variant:
    """How a clip's motion is computed; kept with a take, so that `refine` goes on in the same way."""

    camera: int = 0
    """Number of the camera among the candidates, the most likely one first."""
    learned: bool = True
    """Whether learned models take part in the motion."""

    def settings(self, settings: PipelineSettings) -> PipelineSettings:
        return settings if self.learned else settings.without("stgcn", "infiller")

    @property
    def description(self) -> str:
        """A phrase for the user."""
        parts = [
            *(["another camera"] if self.camera else []),
            *([] if self.learned else ["no learned model"]),
        ]
        return " and ".join(parts) or "the usual way"

    def to_json(self) -> dict[str, Any]:
        return {"camera": self.camera, "learned": self.learned}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Variant:
        """The usual one where the record says nothing. UserError `damaged`."""
        values = Fields(dict(record), damaged, "variant")
        return cls(values.integer("camera", 0, 100, 0), not values.equals("learned", False))


RETRIES = (Variant(learned=False), Variant(camera=1))
"""In this order; each is tried only while the best result so far is bad."""


def is_bad(quality: Quality) -> bool:
    """Whether somebody is wrong for a stretch of frames in a way that another try may mend."""
    return any(stretch.grade == BAD and stretch.measure in _JUDGED for stretch in quality.stretches)


def make_good_takes(
    make: Callable[[Variant], MadeTakes], progress: JobProgress, retries: tuple[Variant, ...] = RETRIES
) -> tuple[MadeTakes, Variant]:
    """Takes made in the usual way or, where they are bad, in whichever other way is better; what was tried is noted with them."""
    best, variant = make(Variant()), Variant()
    tried: list[str] = []
    for other in retries:
        if not is_bad(_best(best).quality):
            break
        progress.log(f"The result is bad in places; it is tried again with {other.description}.")
        again = make(other)
        before, after = badness(_best(best).quality), badness(_best(again).quality)
        is_better = after < _BETTER * before
        tried.append(
            f"Another try with {other.description} was {'better and kept' if is_better else 'no better'} "
            f"(badness {after:.2f} instead of {before:.2f})."
        )
        if is_better:
            best, variant = again, other
    return replace(best, takes=tuple(_noted(take, tuple(tried)) for take in best.takes)), variant


def _best(made: MadeTakes) -> TakeResult:
    return min(made.takes, key=lambda take: take.fitted.energy)


def _noted(take: TakeResult, tried: tuple[str, ...]) -> TakeResult:
    if not tried:
        return take
    quality = replace(take.quality, attempts=tried)
    again = "It was tried in other ways, too, and none was good: keep these frames in view." if is_bad(quality) else ""
    return replace(take, quality=quality, warnings=(*take.warnings, *([again] if again else [])))
