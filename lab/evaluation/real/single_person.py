"""The benchmark's methods for a video of one person: what is learned is learned of pairs, and the joint fit fits one person."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.body.model import BodyModel
from core.fitting.initial import estimate_initial_motion
from core.motion import MotionEstimate
from core.perception.detections import Detections
from core.reporting import SilentReporter

from .. import baselines
from ..benchmark_clip import Estimate
from ..initial_estimate import observe_with_default_camera

SinglePersonMethod = Callable[[Detections, BodyModel], Estimate]


def initial_motion(detections: Detections, body: BodyModel) -> MotionEstimate:
    """The motion that the fit starts from."""
    observations = observe_with_default_camera(detections, body.device)
    return estimate_initial_motion(observations, body, reporter=SilentReporter())


def _lifted(prepare: Callable[[Detections], Detections]) -> SinglePersonMethod:
    def method(detections: Detections, body: BodyModel) -> Estimate:
        motion, camera = baselines.lifted(prepare(detections), body)
        return Estimate(motion, camera, (), {})

    return method


def _initial(detections: Detections, body: BodyModel) -> Estimate:
    initial = initial_motion(detections, body)
    return Estimate(initial.motion_inworld, initial.camera, (), {})


def _fitted(detections: Detections, body: BodyModel) -> Estimate:
    fitted = baselines.fitted_alone(detections, body, SilentReporter())
    return Estimate(fitted.motion_inworld, fitted.camera, (), {})


SINGLE_PERSON_METHODS: Mapping[str, SinglePersonMethod] = {
    "raw": _lifted(lambda detections: detections),
    "linear": _lifted(lambda detections: baselines.infilled(detections, smooth=False)),
    "spline": _lifted(lambda detections: baselines.infilled(detections, smooth=True)),
    "one-euro": _lifted(baselines.one_euro_filtered),
    "initial": _initial,
    "alone": _fitted,
    "joint-fit": _fitted,
    "product": _fitted,
}
"""By the name of the row."""
