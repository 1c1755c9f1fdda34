"""Makes a take again where it is bad or strays from the picture: without the learned models, then with the next likely camera.

The better take is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..contract.fields import Fields
from ..contract.reconstruction import BAD, Quality, damaged
from ..progress import JobProgress
from ..quality import error_score
from .settings import PipelineSettings
from .takes import MadeTakes, TakeResult


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
        """A phrase for the user: how the motion is made."""
        parts = [
            *(["with another camera"] if self.camera else []),
            *([] if self.learned else ["without learned models"]),
        ]
        return " and ".join(parts) or "in the usual way"

    def to_json(self) -> dict[str, Any]:
        return {"camera": self.camera, "learned": self.learned}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Variant:
        """The usual one where the record says nothing. UserError `damaged`."""
        values = Fields(dict(record), damaged, "variant")
        return cls(values.integer("camera", 0, 100, 0), not values.equals("learned", False))


RETRIES = (Variant(learned=False), Variant(camera=1))
"""In this order; each is tried only while the best take so far is bad."""


@dataclass(frozen=True)
class RetrySettings:
    """When a take is made again, and which of two takes is kept."""

    variants: tuple[Variant, ...] = RETRIES
    measures: tuple[str, ...] = ("picture", "floor", "penetration")
    """Measures of `quality` whose bad stretches are a reason to try again."""
    improvement: float = 0.9
    """Ratio of error scores below which another take replaces one that is bad. Between takes that are both good they say nothing:
    on a dev clip the less bad one had the two 1 m from where they are to each other, the other 40 cm."""
    close_reprojection: float = 1.5
    """Reprojection error of what is plainly seen, in percent of the height, up to which a take is not suspected to stray."""
    stray_margin: float = 0.5
    """Percentage points by which the reprojection error of learned models may exceed that of the fit alone.

    On six rendered dev clips, where learned models are much nearer to the truth between the two people, they exceed it by 0.40
    at most, in hugs; where they lead away from the truth, on two real clips, it was by more than 1."""


_SETTINGS = RetrySettings()


@dataclass(frozen=True)
class _Comparison:
    """Another take against the best one so far."""

    is_better: bool
    strayed: bool
    """Whether the other take is better because the learned models led away from the picture."""
    numbers: str


def make_good_takes(make: Callable[[Variant], MadeTakes], progress: JobProgress) -> tuple[MadeTakes, Variant]:
    """Takes made in the usual way or, where they are bad, in whichever other way is better; attempts are noted with them.

    Takes of the learned models that are not close to the picture are compared with one of the fit alone, too.
    """
    best, variant = make(Variant()), Variant()
    attempts: list[str] = []
    for other in _SETTINGS.variants:
        first = _best(best)
        if not is_bad(first.quality) and (other.learned or not may_stray(first)):
            continue
        progress.log(f"The motion is made again {other.description}: {_why(first)}.")
        again = make(other)
        comparison = _compare(first, _best(again), other)
        if comparison.is_better or is_bad(first.quality):
            outcome = "this was better and was kept" if comparison.is_better else "this was no better"
            attempts.append(f"The motion was made again {other.description}; {outcome} ({comparison.numbers}).")
        if comparison.is_better:
            best, variant = again, other
        if comparison.strayed:
            progress.warn(
                "The learned models moved people away from the picture: this clip is unlike those that they were trained on. "
                "The motion was fitted without them."
            )
    return replace(best, takes=tuple(_noted(take, tuple(attempts)) for take in best.takes)), variant


def is_bad(quality: Quality) -> bool:
    """Whether somebody is wrong for a stretch of frames in a way that another try may mend."""
    return any(stretch.grade == BAD and stretch.measure in _SETTINGS.measures for stretch in quality.stretches)


def may_stray(take: TakeResult) -> bool:
    """Whether learned models took part in a take that is not close to the picture."""
    return take.infilled and take.scores.reprojection > _SETTINGS.close_reprojection


def _compare(first: TakeResult, second: TakeResult, variant: Variant) -> _Comparison:
    before, after = error_score(first.quality), error_score(second.quality)
    excess = first.scores.reprojection - second.scores.reprojection
    strayed = not variant.learned and after <= before and excess > _SETTINGS.stray_margin
    mended = is_bad(first.quality) and after < _SETTINGS.improvement * before
    return _Comparison(
        mended or strayed,
        strayed,
        f"error score {after:.2f} instead of {before:.2f} (lower is better), "
        f"reprojection {second.scores.reprojection:.1f} instead of {first.scores.reprojection:.1f} %",
    )


def _why(take: TakeResult) -> str:
    if is_bad(take.quality):
        return "the result is bad in some frames"
    return f"its reprojection error is {take.scores.reprojection:.1f} % of the body's height"


def _best(made: MadeTakes) -> TakeResult:
    return min(made.takes, key=lambda take: take.fitted.energy)


def _noted(take: TakeResult, attempts: tuple[str, ...]) -> TakeResult:
    if not attempts:
        return take
    quality = replace(take.quality, attempts=attempts)
    if not is_bad(quality):
        return replace(take, quality=quality)
    warning = "Making it in other ways gave no good result either: check these frames."
    return replace(take, quality=quality, warnings=(*take.warnings, warning))
