"""Another try where a result is bad or strays from the picture: without the learned models, and with the next likely camera.

The better result is kept.
"""

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
_CLOSE = 1.5
"""A take whose reprojection error is below this, in percent of the height, is not suspected to stray from the picture."""
_STRAYED = 0.3
"""Points of reprojection error by which learned models may lead away from the picture. With people like those that they were
trained on they stay below: at most 0.24 on seven choreographed dev clips, where they are nearer to the truth than the fit alone.
On two real clips where they were 1.2 and 3.1 points farther away, they were also farther from the truth."""


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
    """Takes made in the usual way or, where they are bad, in whichever other way is better; what was tried is noted with them.

    Takes of the learned models that are not close to the picture are compared with one of the fit alone, too.
    """
    best, variant = make(Variant()), Variant()
    tried: list[str] = []
    for other in retries:
        first = _best(best)
        if not is_bad(first.quality) and (other.learned or not may_stray(first)):
            continue
        progress.log(f"The motion is made again with {other.description}: {_why(first)}.")
        again = make(other)
        second = _best(again)
        before, after = badness(first.quality), badness(second.quality)
        strayed = not other.learned and after <= before and _has_strayed(first, second)
        is_better = after < _BETTER * before or strayed
        if is_better or is_bad(first.quality):
            errors = f"reprojection {second.scores.reprojection:.1f} instead of {first.scores.reprojection:.1f} %"
            tried.append(
                f"Another try with {other.description} was {'better and kept' if is_better else 'no better'} "
                f"(badness {after:.2f} instead of {before:.2f}, {errors})."
            )
        if is_better:
            best, variant = again, other
            if strayed:
                progress.warn(
                    "The learned models led away from the picture: this clip is unlike those that they were trained on. "
                    "The motion is fitted without them."
                )
    return replace(best, takes=tuple(_noted(take, tuple(tried)) for take in best.takes)), variant


def may_stray(take: TakeResult) -> bool:
    """Whether learned models took part in a take that is not close to the picture."""
    return take.infilled and take.scores.reprojection > _CLOSE


def _has_strayed(learned: TakeResult, alone: TakeResult) -> bool:
    return learned.scores.reprojection > alone.scores.reprojection + _STRAYED


def _why(take: TakeResult) -> str:
    if is_bad(take.quality):
        return "the result is bad in places"
    return f"it lies {take.scores.reprojection:.1f} % of the body's height from the picture"


def _best(made: MadeTakes) -> TakeResult:
    return min(made.takes, key=lambda take: take.fitted.energy)


def _noted(take: TakeResult, tried: tuple[str, ...]) -> TakeResult:
    if not tried:
        return take
    quality = replace(take.quality, attempts=tried)
    again = "It was tried in other ways, too, and none was good: keep these frames in view." if is_bad(quality) else ""
    return replace(take, quality=quality, warnings=(*take.warnings, *([again] if again else [])))
