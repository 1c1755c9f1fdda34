"""Infills a clip: samples a take of the hidden motion, smooths it, and brings it into the camera's frame for the last fit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..body.rotations import axis_angle_to_matrix, matrix_to_axis_angle, slerp
from ..contract.contact import Contact
from ..fitting.contact_edits import changed_frames
from ..fitting.fit import FittedMotion
from ..fitting.prior import JointPrior
from ..fitting.stretches import seconds_from, stretches_around, with_stretch
from ..fitting.targets import FitTargets
from ..motion import BODY_COUNT, MotionEstimate, PairMotion, pose_motion
from ..observations.clip_scene import ClipScene
from ..observations.observe import Observations
from ..observations.swift_limbs import swift_limbs
from ..reporting import Reporter, SubProgress
from ..representation.residual import apply_residual, encode_residual, from_channels, pose_state, to_channels
from ..representation.touch_flags import touching
from ..smoothing.smooth import Smoother, SmoothingSettings, smooth
from ..stgcn.predict import JointPrediction
from .guidance import Guidance, GuidanceSettings, ResidualDecoder
from .infiller import Infiller, ReferenceMotion, sample_clip
from .sampling import SamplingInputs, SamplingSettings


@dataclass(frozen=True)
class InfillSettings:
    """How a take is sampled and handed to the fit."""

    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    guidance: GuidanceSettings | None = field(default_factory=GuidanceSettings)
    """None: the sampling is not guided."""
    smoothness: float = 1.0
    """Strength of the sequence smoother, 0-1."""
    extra_smoothness: float = 0.0
    """With an earlier take: strength of smoothing what is not sampled anew, 0-1."""
    everywhere: bool = False
    """With an earlier take: sample all of it anew, not only around the edits."""
    prediction_weight: float = 0.5
    """Weight of the ST-GCN's joints in the prior of a new take; the rest is the sample's. Two guesses err less than one."""
    observed_sigma: float = 0.04
    hidden_sigma: float = 0.15
    """metres, how far off observed and hidden joints are taken to be where no ST-GCN predicted a sigma."""
    resample_seconds: float = 0.4
    fade_seconds: float = 0.8
    """How long before and after an edit an earlier take is sampled anew, and over which time that fades out."""
    context_seconds: float = 0.5
    """What the networks see of the earlier take before and after that."""


@dataclass(frozen=True)
class InfillerModels:
    """The networks that make a take."""

    infiller: Infiller
    smoother: Smoother | None
    """None where takes are not smoothed."""


@dataclass(frozen=True)
class Constraints:
    """What a take is to honour. Frames as in `Observations.frame_index`; pins in the fitted world."""

    targets: FitTargets = field(default_factory=FitTargets)
    """Contacts, pins and held feet."""
    text: Float[np.ndarray, " E"] | None = None
    """The sentence's embedding."""

    def text_on(self, device: torch.device) -> Float[Tensor, " E"] | None:
        return None if self.text is None else torch.from_numpy(self.text).to(device)


@dataclass(frozen=True)
class InfilledMotion:
    """A take before its last fit."""

    motion_incam: PairMotion
    prior: JointPrior | None
    """What the fit weighs against the observations; None where no learned model took part."""


@dataclass(frozen=True)
class InfillScene:
    """A clip about a fitted motion: the pose that the ST-GCN predicts, with the shapes and in the place of the fit."""

    clip: ClipScene
    reference: MotionEstimate
    """The motion that the residual changes, before the fitted camera."""
    reference_inview: ReferenceMotion
    prediction: JointPrediction
    fitted: FittedMotion
    swift: Float[Tensor, "P T 22"]
    """See `swift_limbs`: there the fit follows the picture more closely than any sample."""

    @classmethod
    def of(cls, clip: ClipScene, prediction: JointPrediction, fitted: FittedMotion) -> InfillScene:
        view, grid = clip.frame.view, clip.frame.grid
        place, shapes = fitted.motion_incam.pelvis, fitted.motion_incam.betas
        motion = replace(prediction.motion_incam, pelvis=place, betas=shapes)
        sigma = None
        if prediction.prior is not None:
            sigma = grid.to_grid(torch.from_numpy(prediction.prior.sigma).to(clip.device))
        state = ReferenceMotion.of(pose_state(motion, view, grid), clip.features, sigma, clip.body)
        reference = MotionEstimate(motion, fitted.camera, clip.initial.foot_contact)
        swift = swift_limbs(clip.observations, torch.from_numpy(place[..., 2]).to(clip.device))
        return cls(clip, reference, state, prediction, fitted, swift)

    def stretch(self, frames: slice) -> InfillScene:
        """The scene of some frames of the clip."""
        clip, in_grid = self.clip.stretch(frames)
        return InfillScene(
            clip,
            self.reference.frames(frames),
            self.reference_inview.along("N", in_grid),
            self.prediction.frames(frames),
            self.fitted.frames(frames),
            self.swift[:, frames],
        )


def infill(
    models: InfillerModels,
    scene: InfillScene,
    constraints: Constraints,
    settings: InfillSettings,
    reporter: Reporter,
    earlier: Constraints | None = None,
) -> InfilledMotion:
    """A take of a whole clip, sampled from noise about the prediction or, given `earlier`, from the scene's fitted motion on.

    `earlier` are the constraints that the fitted motion was made with. It is sampled anew around pins and around what differs
    from them, by `settings.sampling.strength`; far from every edit it stays exactly as it is. UserError `infiller-failed`,
    `smoother-failed`.
    """
    if earlier is not None:
        return _with_prior(scene, _resampled(models, scene, earlier, constraints, settings, reporter), settings)
    channels = _sampled(models, scene, constraints, settings, reporter)
    channels = _smoothed(models, scene, channels, constraints, settings.smoothness)
    infilled = _with_prior(scene, _decoded(scene, channels, models.infiller), settings)
    return _averaged_with_prediction(infilled, scene.prediction, settings.prediction_weight)


def _resampled(
    models: InfillerModels,
    scene: InfillScene,
    earlier: Constraints,
    constraints: Constraints,
    settings: InfillSettings,
    reporter: Reporter,
) -> PairMotion:
    """The scene's fitted motion, smoothed by the extra smoothness, and sampled anew around the edits."""
    infiller, observations, contacts = models.infiller, scene.clip.observations, constraints.targets.contacts
    if settings.extra_smoothness:
        channels = _channels_of(scene, infiller, contacts)
        channels = _smoothed(models, scene, channels, constraints, settings.extra_smoothness)
        smoothed = replace(scene.fitted, motion_incam=_decoded(scene, channels, infiller))
        scene = replace(scene, fitted=smoothed)
    motion = scene.fitted.motion_incam
    weight = _resampling_weight(observations, earlier, constraints, settings)
    stretches = stretches_around(weight > 0, observations.timeline, settings.context_seconds)
    for number, stretch in enumerate(stretches):
        part = scene.stretch(stretch)
        start = _channels_of(part, infiller, contacts)
        progress = SubProgress(reporter, number / len(stretches), 1 / len(stretches))
        channels = _sampled(models, part, constraints, settings, progress, start)
        channels = _smoothed(models, part, channels, constraints, settings.smoothness)
        motion = with_stretch(motion, stretch, _decoded(part, channels, infiller), weight[stretch])
    return motion


def _sampled(
    models: InfillerModels,
    scene: InfillScene,
    constraints: Constraints,
    settings: InfillSettings,
    reporter: Reporter,
    start: Tensor | None = None,
) -> Float[Tensor, "P N C"]:
    """The channels of a take."""
    clip, guidance = scene.clip, None
    if settings.guidance is not None:
        decoder = ResidualDecoder.of(scene.reference.motion_incam, clip.frame, models.infiller.scales)
        guidance = Guidance(
            clip.observations, scene.reference, clip.body, constraints.targets, decoder, settings.guidance
        )
    inputs = SamplingInputs(constraints.text_on(clip.device), guidance, start)
    return sample_clip(models.infiller, clip.features, scene.reference_inview, settings.sampling, inputs, reporter)


def _smoothed(
    models: InfillerModels, scene: InfillScene, channels: Tensor, constraints: Constraints, strength: float
) -> Float[Tensor, "P N C"]:
    if models.smoother is None or strength == 0:
        return channels
    hold = _held_frames(scene.clip.observations, constraints)
    return smooth(
        models.smoother,
        channels,
        replace(scene.clip.features, reference=scene.reference_inview.state),
        SmoothingSettings(strength),
        scales=models.infiller.scales,
        hold=scene.clip.frame.grid.to_grid(torch.from_numpy(hold)),
    )


def _held_frames(observations: Observations, constraints: Constraints) -> Float[np.ndarray, "2 T"]:
    """1 in frames that enforced contacts of a person fix, else 0. Pins are held once more after the smoothing."""
    frames = observations.frame_index
    held = np.zeros((2, len(frames)), np.float32)
    for contact in constraints.targets.contacts:
        if contact.state == "enforced":
            inside = (frames >= contact.frame_start) & (frames <= contact.frame_end)
            for person in {contact.person_a, contact.person_b} & {0, 1}:
                held[person, inside] = 1
    return held


def _resampling_weight(
    observations: Observations, earlier: Constraints, constraints: Constraints, settings: InfillSettings
) -> Float[np.ndarray, " T"]:
    """In 0-1, how far each frame is sampled anew: wholly near the animator's edits, not at all far from them."""
    frames = observations.frame_index
    if settings.everywhere:
        return np.ones(len(frames), np.float32)
    # of a pinned take the most likely version is the take itself with its pins held; other seeds vary it
    pins = constraints.targets.pins if settings.sampling.temperature else ()
    edited = np.isin(frames, [pin.frame for pin in pins])
    edited |= changed_frames(earlier.targets.contacts, constraints.targets.contacts, frames)
    distance = seconds_from(edited, observations.timeline)
    return np.clip(1 - (distance - settings.resample_seconds) / settings.fade_seconds, 0, 1).astype(np.float32)


def _channels_of(scene: InfillScene, infiller: Infiller, contacts: tuple[Contact, ...]) -> Float[Tensor, "P N C"]:
    """The channels of the scene's fitted motion."""
    fitted, grid = scene.fitted, scene.clip.frame.grid
    device = scene.clip.features.confidence.device
    stands = torch.from_numpy(fitted.foot_contact) > 0.5
    touches = torch.from_numpy(touching(contacts, scene.clip.observations.frame_index))
    foot_contact, touched = (grid.flags_to_grid(flags).to(device) for flags in (stands, touches))
    state = pose_state(fitted.motion_incam, scene.clip.frame.view, grid)
    x, betas = encode_residual(state, scene.reference_inview.state, foot_contact, touched)
    return to_channels(x, betas, infiller.scales)


def _decoded(scene: InfillScene, channels: Tensor, infiller: Infiller) -> PairMotion:
    """The motion of channels, before the camera, with the fit's shapes: all takes of a clip share bodies."""
    view, grid = scene.clip.frame.view, scene.clip.frame.grid
    x, betas = from_channels(channels.to(view.T_cv.device), infiller.scales)
    motion = apply_residual(x, betas, scene.reference.motion_incam, view, grid)
    motion = replace(motion, betas=scene.fitted.motion_incam.betas)
    return _with_swift_limbs(motion, scene.fitted.motion_incam, scene.swift.cpu())


def _with_prior(scene: InfillScene, motion: PairMotion, settings: InfillSettings) -> InfilledMotion:
    """A take with the prior about its joints: as sure as the ST-GCN's, or as the fit's confidence where that did not run."""
    joints = pose_motion(scene.clip.body, motion).joints[:, :, :BODY_COUNT].cpu().numpy()
    if scene.prediction.prior is not None:
        return InfilledMotion(motion, replace(scene.prediction.prior, joints_incam=joints))
    confidence = scene.fitted.confidence
    sigma = (settings.hidden_sigma + (settings.observed_sigma - settings.hidden_sigma) * confidence).astype(np.float32)
    return InfilledMotion(motion, JointPrior(joints, sigma, sigma))


def _with_swift_limbs(motion: PairMotion, fitted: PairMotion, swift: Float[Tensor, "P T 22"]) -> PairMotion:
    """The motion with the fit's rotations, relative to the parent, of limbs as far as they are swift."""
    own, seen = (axis_angle_to_matrix(torch.from_numpy(each.body_pose)) for each in (motion, fitted))
    return replace(motion, body_pose=matrix_to_axis_angle(slerp(own, seen, swift[:, :, 1:])).numpy())


def _averaged_with_prediction(
    infilled: InfilledMotion, prediction: JointPrediction, prediction_weight: float
) -> InfilledMotion:
    """The prior's joints averaged between the sample's and the ST-GCN's; where people stand is the ST-GCN's alone."""
    if infilled.prior is None or prediction.prior is None:
        return infilled
    sampled, predicted = infilled.prior.joints_incam, prediction.prior.joints_incam
    own, other = (joints - joints[:, :, :1] for joints in (sampled, predicted))
    joints = predicted[:, :, :1] + (1 - prediction_weight) * own + prediction_weight * other
    return replace(infilled, prior=replace(infilled.prior, joints_incam=joints))
