"""What a fit is held to beside the observations: contacts, pins, and a learned model's prediction."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..contract.contact import Contact
from ..contract.edits import Pin
from ..contract.foot_contact import FootContact
from ..records import Selection
from .prior import JointPrior


@dataclass(frozen=True)
class FitTargets:
    """What a fit is held to beside the observations."""

    contacts: tuple[Contact, ...] = ()
    """Rejected contacts are left out."""
    pins: tuple[Pin, ...] = ()
    """Positions and the pelvis' rotation are in the world of the camera that the fit starts with."""
    feet: tuple[FootContact, ...] = ()
    prior: JointPrior | None = None
    """Where a learned model predicts the joints."""
    landmark_weight: Float[np.ndarray, "P T 33"] | None = None
    """In 0-1, how much the picture counts for each landmark: not where an edit has moved it away from there."""

    def frames(self, chosen: Selection) -> FitTargets:
        """Those for some frames of the clip. Contacts, pins and feet name their frames themselves."""
        return replace(
            self,
            prior=None if self.prior is None else self.prior.frames(chosen),
            landmark_weight=None if self.landmark_weight is None else self.landmark_weight[:, chosen],
        )
