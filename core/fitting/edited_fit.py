"""Fits a motion with the animator's pins and foot modes, which the result holds exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float

from ..body.landmarks import posed_landmarks
from ..body.model import BodyModel
from ..contract.contact import Contact
from ..contract.edits import Pin
from ..contract.skeleton import JOINT_INDEX
from ..motion import BODY_COUNT, MotionEstimate, Timeline, pose_motion
from ..observations.observe import Observations
from ..reporting import Reporter, SubProgress
from .contact_edits import changed_frames
from .fit import FitSchedule, FittedMotion
from .foot_locks import foot_holds, with_foot_modes
from .holding import hold
from .prior import JointPrior
from .resolved_contacts import contact_distances
from .stretches import seconds_from, stretches_around, with_stretch
from .targets import FitTargets
from .unmet_edits import TOLERANCE, missed_pin
from .windows import clip_energy, fit_clip

Motion = TypeVar("Motion", bound=MotionEstimate)
_MOVED = 0.01
"""metres by which an edit moves a landmark where the picture does not count any more."""
_RESAMPLED = 0.005
"""metres that a landmark has moved where a take was sampled anew, and not only smoothed."""
_FADE_SECONDS = 0.4
"""How far beyond the edits the descent may change a take ..."""
_CONTEXT_SECONDS = 0.3
"""... and how much farther it looks at the take: what it finds at the ends of a stretch is not used."""
_FAR = 0.3
"""metres between the sides of an enforced contact in the earlier take from which on people also move as a whole; by dev clips."""


@dataclass(frozen=True)
class EarlierTake:
    """The take that an edited one goes on from."""

    motion: MotionEstimate
    contacts: tuple[Contact, ...] = ()
    """That it was fitted with."""
    finished: bool = True
    """Whether it stays as it is where nothing was edited. A first fit does not: it becomes a take by a fit of the whole clip."""


def hold_edits(motion: Motion, timeline: Timeline, body: BodyModel, targets: FitTargets) -> Motion:
    """The motion with its pins and locked feet held; see `holding`."""
    feet = foot_holds(motion, body, timeline.frame_index, targets.feet)
    return hold(motion, timeline, body, targets.pins, feet)


def fit_edited(
    start: MotionEstimate,
    earlier: EarlierTake,
    observations: Observations,
    body: BodyModel,
    targets: FitTargets,
    schedule: FitSchedule,
    reporter: Reporter,
) -> FittedMotion:
    """`windows.fit_clip`, with pins and locked feet held before the descent and after it.

    Where they move people away from where the earlier take has them, the picture does not pull back. Only what lies near
    something that was edited or sampled anew is fitted: of a finished take the rest stays as it starts, and the shapes and the
    floor with it. Pins that are out of reach are reported.
    """
    timeline = observations.timeline
    start = replace(start, foot_contact=with_foot_modes(start.foot_contact, timeline.frame_index, targets.feet))
    held = hold_edits(start, timeline, body, targets)
    moved = _moved_landmarks(earlier.motion, hold_edits(earlier.motion, timeline, body, targets), body)
    weight = np.exp(-np.square(moved / _MOVED)).astype(np.float32)
    wanted = replace(targets, prior=_moved_prior(targets.prior, start, held, body), landmark_weight=weight)
    if earlier.finished:
        edited = _edited_frames(start, earlier, moved, targets, timeline, body)
        fitted = _fit_around(edited, held, earlier, observations, body, wanted, schedule, reporter)
    else:
        fitted = fit_clip(held, observations, body, wanted, schedule, reporter)
    result: MotionEstimate = hold_edits(fitted, timeline, body, targets)
    missed = farthest_pin(result, timeline, body, targets.pins)
    if missed > TOLERANCE:
        reporter.warning(missed_pin(missed))
    # takes are compared by the same feet, whichever the animator lets slide
    compared = replace(result, foot_contact=earlier.motion.foot_contact)
    return FittedMotion(
        result.motion_incam,
        result.camera,
        result.foot_contact,
        observations.joint_confidence.cpu().numpy(),
        clip_energy(compared, observations, body, targets),
    )


def _edited_frames(
    start: MotionEstimate,
    earlier: EarlierTake,
    moved: Float[np.ndarray, "P T 33"],
    targets: FitTargets,
    timeline: Timeline,
    body: BodyModel,
) -> Bool[np.ndarray, " T"]:
    """Frames in which pins and locked feet have `moved` the earlier take, or something else about it is not as it was."""
    edited = moved.max((0, 2)) > _MOVED
    edited |= _moved_landmarks(earlier.motion, start, body).max((0, 2)) > _RESAMPLED
    edited |= (start.foot_contact != earlier.motion.foot_contact).any((0, 2))
    return edited | changed_frames(earlier.contacts, targets.contacts, timeline.frame_index)


def _fit_around(
    edited: Bool[np.ndarray, " T"],
    start: MotionEstimate,
    earlier: EarlierTake,
    observations: Observations,
    body: BodyModel,
    targets: FitTargets,
    schedule: FitSchedule,
    reporter: Reporter,
) -> MotionEstimate:
    """The start, fitted in the frames around edited ones; it fades out into the rest, which stays as it is."""
    timeline, motion = observations.timeline, start.motion_incam
    weight = fading(edited, timeline)
    stretches = stretches_around(weight > 0, timeline, _CONTEXT_SECONDS)
    enforced = [contact for contact in targets.contacts if contact.state == "enforced"]
    for number, stretch in enumerate(stretches):
        frames = timeline.frame_index[stretch]
        gaps = contact_distances(enforced, earlier.motion.frames(stretch), body, frames)
        is_far = any(gap is not None and gap > _FAR for gap in gaps)
        fitted = fit_clip(
            start.frames(stretch),
            observations.frames(stretch),
            body,
            targets.frames(stretch),
            replace(schedule, fixed_shape=True, slow_changes=is_far),
            SubProgress(reporter, number / len(stretches), 1 / len(stretches)),
        )
        motion = with_stretch(motion, stretch, fitted.motion_incam, weight[stretch])
    return replace(start, motion_incam=motion)


def farthest_pin(motion: MotionEstimate, timeline: Timeline, body: BodyModel, pins: Sequence[Pin]) -> float:
    """metres from the farthest pinned place to its joint; 0 without such pins."""
    joints = pose_motion(body, motion.motion_inworld).joints.cpu().numpy()
    at = {int(frame): index for index, frame in enumerate(timeline.frame_index)}
    return max(
        (
            float(np.linalg.norm(joints[pin.person, at[pin.frame], JOINT_INDEX[pin.joint]] - pin.position))
            for pin in pins
            if pin.position is not None and pin.frame in at
        ),
        default=0.0,
    )


def _moved_prior(
    prior: JointPrior | None, before: MotionEstimate, after: MotionEstimate, body: BodyModel
) -> JointPrior | None:
    """The prior moved with the people."""
    if prior is None:
        return None
    joints = [
        pose_motion(body, motion.motion_incam).joints[:, :, :BODY_COUNT].cpu().numpy() for motion in (before, after)
    ]
    return replace(prior, joints_incam=prior.joints_incam + joints[1] - joints[0])


def _moved_landmarks(before: MotionEstimate, after: MotionEstimate, body: BodyModel) -> Float[np.ndarray, "P T 33"]:
    """metres between where two motions have each landmark."""
    landmarks = [
        posed_landmarks(pose_motion(body, motion.motion_incam), body).cpu().numpy() for motion in (before, after)
    ]
    return np.linalg.norm(landmarks[1] - landmarks[0], axis=-1)


def fading(edited: Bool[np.ndarray, " T"], timeline: Timeline) -> Float[np.ndarray, " T"]:
    """1 where something was edited, fading to 0 along half a cosine in the frames around."""
    part = np.clip(seconds_from(edited, timeline) / _FADE_SECONDS, 0, 1)
    return (0.5 + 0.5 * np.cos(np.pi * part)).astype(np.float32)
