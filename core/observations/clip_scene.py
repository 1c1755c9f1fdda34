"""A clip as every stage after the 2D stage reads it: what all takes of the clip share, computed once."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..body.model import BodyModel
from ..motion import MotionEstimate
from .features import CanonicalFrame, Features, extract_features
from .observe import Observations


@dataclass(frozen=True)
class ClipScene:
    """Everything is in the camera's frame, except the features, which are in the learned models' canonical frame."""

    observations: Observations
    initial: MotionEstimate
    """Of the landmarks, of another tool, or of SAM 3D Body; or one of these under a corrected camera."""
    features: Features
    """About the initial motion."""
    frame: CanonicalFrame
    """Relates the features' frame and grid to the camera's frame and the clip's times."""
    body: BodyModel

    @classmethod
    def of(cls, observations: Observations, initial: MotionEstimate, body: BodyModel) -> ClipScene:
        features, frame = extract_features(observations, initial, body)
        return cls(observations, initial, features, frame, body)

    def stretch(self, frames: slice) -> tuple[ClipScene, slice]:
        """The scene of some frames of the clip, and which frames of the grid are theirs; the features are those of the clip."""
        grid, in_grid = self.frame.grid.cut(frames)
        return (
            ClipScene(
                self.observations.frames(frames),
                self.initial.frames(frames),
                self.features.along("N", in_grid),
                CanonicalFrame(self.frame.view, grid),
                self.body,
            ),
            in_grid,
        )

    @property
    def device(self) -> torch.device:
        return self.body.device
