"""Runs methods one after the other, and turns failures into notes for the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from core.body.model import BodyModel
from core.contract.errors import Cancelled
from core.failures import explain
from core.perception.detections import Detections
from core.reporting import Reporter, SilentReporter

from ..benchmark_clip import Estimate
from ..methods import METHODS
from ..results import ClipResult
from .single_person import SINGLE_PERSON_METHODS


class MethodRunner:
    """The methods of one evaluation; `notes` collects what failed and what else readers of the report have to know."""

    def __init__(self, methods: Sequence[str], body: BodyModel, seed: int, reporter: Reporter) -> None:
        self.methods, self.body, self.seed, self.reporter = methods, body, seed, reporter
        self.notes: list[str] = []

    def try_clip(self, clip: str, evaluate: Callable[[], Iterator[ClipResult]]) -> list[ClipResult]:
        """The results of a clip; none, and a note, if it cannot be evaluated."""
        self.reporter.log(f"Evaluating {clip}.")
        try:
            return list(evaluate())
        except Cancelled:
            raise
        except Exception as error:
            self.notes.append(f"{clip} was left out: {explain(error).message}")
            return []

    def for_two(self, clip: str, detections: Detections) -> Iterator[tuple[str, Estimate]]:
        """Names and estimates of the methods that work."""
        for name in self.methods:
            method, reporter = METHODS[name], SilentReporter()
            yield from self._try(
                name, clip, lambda m=method, r=reporter: m(detections, self.body, prompt="", seed=self.seed, reporter=r)
            )

    def for_one(self, clip: str, detections: Detections) -> Iterator[tuple[str, Estimate]]:
        """The same on detections of one person, of the methods that are defined for one."""
        for name in self.methods:
            if name in SINGLE_PERSON_METHODS:
                method = SINGLE_PERSON_METHODS[name]
                yield from self._try(name, clip, lambda m=method: m(detections, self.body))

    def _try(self, name: str, clip: str, run: Callable[[], Estimate]) -> Iterator[tuple[str, Estimate]]:
        try:
            estimate = run()
        except Cancelled:
            raise
        except Exception as error:
            self.notes.append(f"{name} failed on {clip}: {explain(error).message}")
        else:
            yield name, estimate
