"""The settings of the stages: what changes a result and is no input from elsewhere. They are part of the results' keys."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..contract.marks import PersonMark
from ..fitting.fit import (
    CONTACT_FIT,
    CONTACT_FIT_WITH_PRIOR,
    EDIT_FIT,
    EDIT_FIT_WITH_PRIOR,
    FIRST_FIT,
    FIRST_FIT_WITH_PRIOR,
    Phase,
)
from ..fitting.prior import JointPrior
from ..infilling.infill import InfillSettings

LEARNED = ("text", "stgcn", "infiller", "guidance", "smoother")
"""Parts of the method that can be left out: the prompt's embedding, the ST-GCN, the infiller, its guidance by energies,
the sequence smoother."""


@dataclass(frozen=True)
class PerceptionSettings:
    """What of a clip is perceived, and by which networks."""

    frames: tuple[int, int]
    """First and last frame of the clip, inclusive."""
    people: tuple[int, int] | None
    """Numbers of the two among everyone found; None for the two most prominent."""
    people_at: tuple[PersonMark, PersonMark] | None
    """Marks of the two in the clip, instead of their numbers."""
    backend: str
    """The runtime of the 2D networks: another one gives slightly different keypoints."""
    hub: str = ""
    """`hub_identity` of the hub's networks that see; empty for the embedded ones."""
    described: tuple[str, str] | None = None
    """Descriptions of the two, instead of their numbers."""
    describer: str = ""
    """What stands for the network that understands the descriptions."""


@dataclass(frozen=True)
class FitPhases:
    """The phases of a fit, without and with a learned prior."""

    alone: tuple[Phase, ...]
    with_prior: tuple[Phase, ...]
    fixed_shape: bool = False
    """Whether the fit keeps shapes and floor in any case."""

    def for_prior(self, prior: JointPrior | None) -> tuple[Phase, ...]:
        return self.alone if prior is None else self.with_prior


@dataclass(frozen=True)
class InfillStageSettings:
    """How hidden motion is infilled and a take is smoothed."""

    infill: InfillSettings
    smoothing: bool = True
    needs_prediction: bool = True
    """Whether the infiller is left out where the ST-GCN could not run: it has learned to change what that predicts."""


@dataclass(frozen=True)
class PipelineSettings:
    """The settings of the whole pipeline; False or None leaves a part out."""

    text: bool = True
    stgcn: bool = True
    infill: InfillSettings | None = field(default_factory=InfillSettings)
    smoothing: bool = True
    temperature: float = 0.7
    """Of the sampling noise, for takes with a seed other than 0; that of seed 0 is the most likely one."""
    resampling_strength: float = 0.5
    """Fraction of the sampling steps that is done anew when a take is refined."""
    first_fit: FitPhases = FitPhases(FIRST_FIT, FIRST_FIT_WITH_PRIOR)
    contact_fit: FitPhases = FitPhases(CONTACT_FIT, CONTACT_FIT_WITH_PRIOR)
    edit_fit: FitPhases = FitPhases(EDIT_FIT, EDIT_FIT_WITH_PRIOR, fixed_shape=True)

    @property
    def keeping_shapes(self) -> PipelineSettings:
        """The settings with which no fit changes bodies or floor."""
        first, contact = (replace(phases, fixed_shape=True) for phases in (self.first_fit, self.contact_fit))
        return replace(self, first_fit=first, contact_fit=contact)

    def without(self, *parts: str) -> PipelineSettings:
        """The settings with some of the LEARNED parts left out. ValueError for another name."""
        unknown = set(parts) - set(LEARNED)
        if unknown:
            raise ValueError(f"{sorted(unknown)} are none of {LEARNED}")
        settings = self
        if "text" in parts:
            settings = replace(settings, text=False)
        if "stgcn" in parts:
            settings = replace(settings, stgcn=False)
        if "infiller" in parts:
            settings = replace(settings, infill=None)
        if "guidance" in parts and settings.infill is not None:
            settings = replace(settings, infill=replace(settings.infill, guidance=None))
        if "smoother" in parts:
            settings = replace(settings, smoothing=False)
        return settings

    def infill_stage(
        self, seed: int, smoothness: float, resampling: Resampling | None = None
    ) -> InfillStageSettings | None:
        """The settings of one take's infilling."""
        if self.infill is None:
            return None
        temperature = self.temperature if seed else 0.0
        sampling = replace(self.infill.sampling, seed=seed, temperature=temperature)
        infill = replace(self.infill, sampling=sampling, smoothness=smoothness)
        if resampling is not None:
            infill = replace(
                infill,
                sampling=replace(sampling, strength=self.resampling_strength),
                extra_smoothness=max(0.0, smoothness - resampling.smoothness),
                everywhere=resampling.everywhere,
            )
        return InfillStageSettings(infill, self.smoothing, self.stgcn)


@dataclass(frozen=True)
class Resampling:
    """How an earlier take is sampled anew."""

    smoothness: float
    """That the earlier take was made with."""
    everywhere: bool
    """Whether all of it is sampled anew, as for another prompt, and not only what lies near an edit."""
