"""What the infiller makes of a clip, in the terms of the fit that goes on from it.

Its motion lies before the initial motion's camera; the fit has found other shapes and another floor since. Both see the same
picture, so what is filled in is brought over through the camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from ..body.model import BodyModel
from ..contract.contact import Contact
from ..contract.edits import Pin
from ..fitting.fit import FittedMotion
from ..fitting.initial import InitialMotion
from ..fitting.prior import JointPrior
from ..fitting.windows import in_other_floor
from ..infilling.guidance import Guidance, GuidanceSettings
from ..infilling.infiller import Infiller, ReferenceMotion, infill
from ..infilling.sampling import SamplingSettings
from ..motion import BODY_COUNT, PairMotion, pose_motion
from ..observations.features import CanonicalFrame, Features, extract_features
from ..perception.detections import Detections
from ..reporting import Reporter
from ..representation.body_parts import touching
from ..representation.residual import apply_residual, encode_residual, from_channels, pose_state, to_channels
from ..smoothing.smooth import Smoother, smooth
from ..stgcn.predict import JointPrediction

_SURE, _UNSURE = 0.04, 0.15
"""metres: how far a seen and an unseen joint are taken to be off where no geometry optimizer says."""
_SHARE = 0.5
"""Of the take in what the last fit is held to; the rest is the geometry optimizer's. Two guesses err less than one."""
_REACH, _FADE = 0.4, 0.8
"""seconds before and after an edit that are made anew, and over which that fades."""

_GUIDE = GuidanceSettings(settling=0)
"""What has to hold to a centimetre is held by the fit that goes on from here, which also says what does not."""


@dataclass(frozen=True)
class LearnedModels:
    """What a take is made with."""

    infiller: Infiller
    refiner: Smoother | None
    """None where takes are not smoothed."""


@dataclass(frozen=True)
class Constraints:
    """What a take is to honour. Frames as in `Tracks.frame_index`; pins in the fitted world."""

    contacts: Sequence[Contact] = ()
    pins: Sequence[Pin] = ()
    text: Tensor | None = None
    """[E] of the sentence."""


@dataclass(frozen=True)
class TakeSettings:
    """How a take is made."""

    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    guided: bool = True
    smoothness: float = 1.0
    """Strength of the sequence refiner, 0-1."""


@dataclass(frozen=True)
class InfilledMotion:
    """A take before its last fit, in the fitted world."""

    motion: PairMotion
    prior: JointPrior | None
    """What a fit is to hold it to; None where nothing learned took part."""


def infill_clip(
    networks: LearnedModels,
    detections: Detections,
    initial: InitialMotion,
    expected: JointPrediction,
    fitted: FittedMotion,
    body: BodyModel,
    wishes: Constraints,
    making: TakeSettings,
    *,
    reporter: Reporter,
) -> InfilledMotion:
    """Sample a whole clip from noise, about what the optimizer expects. UserError `infiller-broken`, `refiner-broken`."""
    scene = _scene(detections, initial, expected, fitted, body)
    channels = _sampled(networks, detections, scene, fitted, body, wishes, making, None, reporter)
    channels = _smoothed(networks, scene, channels, _held(detections, wishes), making.smoothness)
    filled = _brought_over(scene, channels, networks.infiller, fitted, body, expected)
    return _with_second_guess(filled, expected)


def resample(
    networks: LearnedModels,
    detections: Detections,
    initial: InitialMotion,
    expected: JointPrediction,
    last: FittedMotion,
    body: BodyModel,
    wishes: Constraints,
    making: TakeSettings,
    *,
    everywhere: bool,
    calmer: float = 0.0,
    reporter: Reporter,
) -> InfilledMotion:
    """Sample anew from the last take on, `making.sampling.strength` of the way, around the edits or, with new words, everywhere.

    What lies far from every edit stays as the last take has it, or is smoothed by `calmer` (0-1) more.
    """
    scene = _scene(detections, initial, expected, last, body)
    start = _channels_of(last, scene, networks.infiller, detections, body, wishes.contacts)
    held = _held(detections, wishes)
    start = _smoothed(networks, scene, start, held, calmer)
    reach = torch.ones(scene.observed.confidence.shape[1]) if everywhere else _reach(detections, scene.setting, wishes)
    if not bool(reach.any()):
        return _brought_over(scene, start, networks.infiller, last, body, expected)
    anew = _sampled(networks, detections, scene, last, body, wishes, making, start, reporter)
    anew = _smoothed(networks, scene, anew, held, making.smoothness)
    share = reach.to(start)[None, :, None]
    return _brought_over(scene, start + share * (anew - start), networks.infiller, last, body, expected)


@dataclass(frozen=True)
class _Scene:
    """A clip as the models see it."""

    observed: Features
    setting: CanonicalFrame
    first: ReferenceMotion
    initial: InitialMotion
    """With the first motion."""


def _scene(
    detections: Detections, initial: InitialMotion, expected: JointPrediction, fitted: FittedMotion, body: BodyModel
) -> _Scene:
    """What is changed is posed as expected, with the shapes that the fit has found and where it has people stand."""
    betas = fitted.motion.betas
    place = in_other_floor(fitted.motion, fitted.camera, body, betas, initial.camera).pelvis
    motion = replace(expected.motion, pelvis=place, betas=betas)
    observed, setting = extract_features(detections, initial, body)
    sigma = None
    if expected.prior is not None:
        sigma = setting.clock.to_grid(torch.from_numpy(expected.prior.sigma).to(observed.confidence.device))
    first = ReferenceMotion(pose_state(motion, setting.view, setting.clock), motion, sigma)
    return _Scene(observed, setting, first, replace(initial, motion=motion))


def _sampled(
    networks: LearnedModels,
    detections: Detections,
    scene: _Scene,
    fitted: FittedMotion,
    body: BodyModel,
    wishes: Constraints,
    making: TakeSettings,
    start: Tensor | None,
    reporter: Reporter,
) -> Tensor:
    """Channels [P,N,D] of a take."""
    guidance = None
    if making.guided:
        guidance = Guidance(
            detections,
            scene.initial,
            scene.setting,
            networks.infiller.scales,
            body,
            camera=fitted.camera,
            contacts=wishes.contacts,
            pins=wishes.pins,
            settings=_GUIDE,
        )
    return infill(
        networks.infiller,
        scene.observed,
        scene.setting,
        scene.first,
        body,
        making.sampling,
        text=wishes.text,
        guidance=guidance,
        start=start,
        reporter=reporter,
    ).channels


def _smoothed(networks: LearnedModels, scene: _Scene, channels: Tensor, held: np.ndarray, strength: float) -> Tensor:
    if networks.refiner is None or strength == 0:
        return channels
    hold = scene.setting.clock.to_grid(torch.from_numpy(held))
    return smooth(
        networks.refiner,
        channels,
        replace(scene.observed, reference=scene.first.state),
        scales=networks.infiller.scales,
        strength=strength,
        hold=hold,
    )


def _held(detections: Detections, wishes: Constraints) -> np.ndarray:
    """float32 [P,T]: 1 in frames that pins and enforced contacts of a person fix."""
    held = np.zeros((2, len(detections.frame_index)), np.float32)
    for pin in wishes.pins:
        held[pin.person, detections.frame_index == pin.frame] = 1
    for contact in wishes.contacts:
        if contact.state == "enforced":
            inside = (detections.frame_index >= contact.frame_start) & (detections.frame_index <= contact.frame_end)
            for person in {contact.person_a, contact.person_b} & {0, 1}:
                held[person, inside] = 1
    return held


def _reach(detections: Detections, setting: CanonicalFrame, wishes: Constraints) -> Tensor:
    """[N] in 0-1, how far each frame is made anew: wholly near what the animator has said, not at all far from it."""
    said = [(pin.frame, pin.frame) for pin in wishes.pins]
    said += [
        (contact.frame_start, contact.frame_end)
        for contact in wishes.contacts
        if contact.state != "auto" or contact.source == "user"
    ]
    away = np.full(len(detections.time), np.inf)
    for first, last in said:
        inside = (detections.frame_index >= first) & (detections.frame_index <= last)
        if inside.any():
            times = detections.time[inside]
            away = np.minimum(away, np.maximum(times[0] - detections.time, detections.time - times[-1]))
    share = np.clip(1 - (away - _REACH) / _FADE, 0, 1).astype(np.float32)
    return setting.clock.to_grid(torch.from_numpy(share)[None])[0]


def _channels_of(
    last: FittedMotion,
    scene: _Scene,
    infiller: Infiller,
    detections: Detections,
    body: BodyModel,
    contacts: Sequence[Contact],
) -> Tensor:
    """Channels [P,N,D] of a motion that was fitted."""
    initial, clock = scene.initial, scene.setting.clock
    before = in_other_floor(last.motion, last.camera, body, last.motion.betas, initial.camera)
    stands, touches = (
        torch.from_numpy(last.foot_contact) > 0.5,
        torch.from_numpy(touching(contacts, detections.frame_index)),
    )
    device = scene.observed.confidence.device
    foot_contact, touched = (clock.flags_to_grid(flags).to(device) for flags in (stands, touches))
    x, betas = encode_residual(pose_state(before, scene.setting.view, clock), scene.first.state, foot_contact, touched)
    return to_channels(x, betas, infiller.scales)


def _brought_over(
    scene: _Scene,
    channels: Tensor,
    infiller: Infiller,
    fitted: FittedMotion,
    body: BodyModel,
    expected: JointPrediction,
) -> InfilledMotion:
    """To the fit's shapes and world; held to where it is now."""
    x, betas = from_channels(channels.to(scene.setting.view.rotation.device), infiller.scales)
    before = apply_residual(x, betas, scene.first.motion, scene.setting.view, scene.setting.clock)
    shapes = fitted.motion.betas  # all takes of a clip share bodies
    motion = in_other_floor(replace(before, betas=shapes), scene.initial.camera, body, shapes, fitted.camera)
    joints = pose_motion(body, motion).joints[:, :, :BODY_COUNT].cpu().numpy()
    world = fitted.camera.T_cw
    in_camera = (joints @ world[:3, :3].T + world[:3, 3]).astype(np.float32)
    if expected.prior is None:
        return InfilledMotion(
            motion, JointPrior(in_camera, (_UNSURE + (_SURE - _UNSURE) * fitted.confidence).astype(np.float32))
        )
    return InfilledMotion(motion, JointPrior(in_camera, expected.prior.sigma))


def _with_second_guess(filled: InfilledMotion, expected: JointPrediction) -> InfilledMotion:
    """Held to the take's joints and the geometry optimizer's, half and half; where people stand is the optimizer's to say."""
    if filled.prior is None or expected.prior is None:
        return filled
    first, second = filled.prior.joints, expected.prior.joints
    own, others = (joints - joints[:, :, :1] for joints in (first, second))
    joints = second[:, :, :1] + _SHARE * own + (1 - _SHARE) * others
    return replace(filled, prior=replace(filled.prior, joints=joints))
