"""Real video as a benchmark: one man seen by four calibrated cameras, and clips whose truth nobody knows.

The folder holds, in itself or in a folder below, what the Pose2Sim project ships as its demo: `Calib.qca.txt`,
`single_cam0N.mp4` (one man) and `multi_cam0N.mp4` (the same frames with a woman before him). The man's limbs are triangulated
from our own 2D detections in the single videos; then each camera's video is reconstructed on its own, with the woman and
without. What is compared are the detector's twelve limb landmarks about the middle of the hips, in the camera's axes.
The triangulated man's bones keep their lengths to 2-7 %, which tells how good this truth is: about 2 cm.

All other videos of the folder in which two people are seen are reconstructed too, and judged by what needs no truth: how
steady, how true to the picture, how deep in each other. `frames.json` there may say which frames: {"NAME.mp4": [10, 110]}.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch

from core.body.files import load_body
from core.body.landmarks import LandmarkRegressor, regress_landmarks
from core.body.model import BodyModel
from core.body.regions import vertex_regions
from core.clip import probe
from core.contract.errors import Cancelled, UserError
from core.contract.files import read_json
from core.contract.skeleton import LANDMARK_INDEX
from core.failures import explain
from core.fitting.initial import estimate_initial_motion
from core.fitting.soles import sole_vertices
from core.motion import BODY_COUNT, MotionEstimate, PairMotion, pose_motion, project
from core.perception.detections import Detections
from core.pipeline import stages
from core.reporting import Reporter, SilentReporter

from .. import baselines, metrics
from ..benchmark_clip import Estimate
from ..methods import METHODS
from ..perception_cache import CachedDetections, PerceptionCache
from ..results import ClipResult, Report, rows_of
from ..scores import SKIN_EVERY, contact_distance, in_camera, of_frames, penetration_depths, touching
from .triangulation import CalibratedCamera, read_qualisys, triangulate

LIMBS = [
    LANDMARK_INDEX[f"{side}_{part}"]
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
]
_HIPS = [LIMBS.index(LANDMARK_INDEX[f"{side}_hip"]) for side in ("left", "right")]
GOOD_ERROR = 25.0
"""px; limbs that the cameras agree on less well say nothing."""
TRUSTED = 0.5
"""Confidence from which a landmark says where something is in the picture."""
LOOKED_AT, STRETCH, LEAST_SHARE = 300, 100, 0.7
"""Without `frames.json`: of a clip's first frames, the stretch in which two people are seen most; in fewer of its frames than
this share, and the clip is left out."""
_MEDIAN = 7
"""frames"""
_OFTEN = 0.3
"""Share of the frames from which somebody in a view may be the man."""
_VIDEOS = (".mp4", ".mov", ".mkv", ".avi", ".webm")
_CALIBRATION = "Calib.qca.txt"
UNTOUCHED = "landmarks"
"""The row of the detector's own metric landmarks, on no body."""

NOTES = (
    "Four views: the man's limbs (shoulders, elbows, wrists, hips, knees, ankles, as the detector means them) are triangulated "
    "from our own detections in the videos that show him alone and steadied over 7 frames of 1/60 s; MPJPE and PA-MPJPE are of "
    "these twelve about the middle of the hips, not of 22 joints about the pelvis. Truth and rows share a detector, so what it "
    "always gets wrong is not seen.",
    "Family `views-alone` is each camera's video of the man alone, `views-hidden` the same frames with a woman before him.",
    "With nobody else in the picture the joint fit is the fit of one person; rows that only exist for two are left out there.",
    f"The row `{UNTOUCHED}` is the detector's metric landmarks themselves; the others are measured on the fitted body.",
    "Family `wild` has no truth. Contact distance is over the contacts that the row itself found; foot slide over feet that the "
    "2D stage shows standing, the same for all rows; reprojection over trusted landmarks, in pixels and in percent of the "
    "person's height in the picture.",
    "The hidden share of a clip is that of its landmarks which the detector does not trust.",
)


@dataclass(frozen=True)
class FourViews:
    """The man, T frames."""

    folder: Path
    views: list[CalibratedCamera]
    limbs: np.ndarray
    """[T,12,3] world metres, NaN where the views do not agree."""


def evaluate_real(
    folder: Path,
    methods: Sequence[str],
    *,
    cache: Path,
    seed: int = 0,
    clips: int | None = None,
    device: torch.device | None = None,
    reporter: Reporter | None = None,
) -> Report:
    """The whole benchmark on the default body. `methods` are names of `methods.METHODS`, `cache` keeps what was seen.

    `clips`: at most so many cameras and so many other videos. A clip or row that fails becomes a note. UserError `no-real-clips`
    where the folder holds nothing to evaluate.
    """
    reporter = reporter or SilentReporter()
    onlooker = PerceptionCache(cache, device or torch.device("cpu"), reporter)
    body = load_body(None)
    views_folder = find_views(folder)
    others = other_videos(folder, views_folder)[:clips]
    if views_folder is None and not others:
        raise UserError(
            "no-real-clips",
            f"{folder} holds no videos.",
            "Put clips of two people there, and Pose2Sim's demo (Calib.qca.txt, single_cam0N.mp4, multi_cam0N.mp4).",
        )
    rows = _Rows(methods, body, seed, reporter)
    results: list[ClipResult] = []
    if views_folder is not None:
        four = read_views(views_folder, onlooker)
        count = len(four.views) if clips is None else min(clips, len(four.views))
        for number in range(count):
            results += rows.tried(f"camera {number + 1}", lambda at: of_one_view(four, at, rows, onlooker), number)
    for path in others:
        results += rows.tried(path.name, lambda video: of_the_wild(video, folder, rows, onlooker), path)
    return Report("real", "all", seed, "real", rows_of(results), tuple(results), (*NOTES, *rows.notes))


def find_views(folder: Path) -> Path | None:
    """Where the four views are: the folder itself or one below it that holds their calibration."""
    return next((path.parent for path in sorted(folder.glob(f"**/{_CALIBRATION}"))), None)


def other_videos(folder: Path, views_folder: Path | None) -> list[Path]:
    """The videos of a folder that are not of the four views."""
    videos = [path for path in sorted(folder.glob("*")) if path.suffix.lower() in _VIDEOS]
    return [path for path in videos if path.parent != views_folder or not path.stem.startswith(("single_", "multi_"))]


class _Rows:
    """Runs methods, and remembers what a reader of the numbers has to know."""

    def __init__(self, methods: Sequence[str], body: BodyModel, seed: int, reporter: Reporter) -> None:
        self.methods, self.body, self.seed, self.reporter = methods, body, seed, reporter
        self.notes: list[str] = []

    def tried(self, clip: str, run: Callable[..., Iterator[ClipResult]], *arguments: object) -> list[ClipResult]:
        """The results of a clip; where it cannot be evaluated, why is noted."""
        self.reporter.log(f"Evaluating {clip}.")
        try:
            return list(run(*arguments))
        except Cancelled:
            raise
        except Exception as error:
            self.notes.append(f"{clip} was left out: {explain(error).message}")
            return []

    def of_two(self, clip: str, detections: Detections) -> Iterator[tuple[str, Estimate]]:
        for name in self.methods:
            yield from self._one(
                name,
                clip,
                lambda method: METHODS[method](
                    detections, self.body, prompt="", seed=self.seed, reporter=SilentReporter()
                ),
            )

    def of_one(self, clip: str, detections: Detections) -> Iterator[tuple[str, Estimate]]:
        """The methods that can do without a second person, on tracks of one."""
        for name in self.methods:
            if name in FOR_ONE:
                yield from self._one(name, clip, lambda method: FOR_ONE[method](detections, self.body))

    def _one(self, name: str, clip: str, run: Callable[[str], Estimate]) -> Iterator[tuple[str, Estimate]]:
        try:
            estimate = run(name)
        except Cancelled:
            raise
        except Exception as error:
            self.notes.append(f"{name} failed on {clip}: {explain(error).message}")
        else:
            yield name, estimate


def _lifted(prepare: Callable[[Detections], Detections]) -> Callable[[Detections, BodyModel], Estimate]:
    def run(detections: Detections, body: BodyModel) -> Estimate:
        motion, camera = baselines.lifted(prepare(detections), body)
        return Estimate(motion, camera, (), {})

    return run


def _initial_motion(detections: Detections, body: BodyModel) -> MotionEstimate:
    observed = stages.observations(detections, None, body.device)
    return estimate_initial_motion(observed, body, reporter=SilentReporter())


def _initial(detections: Detections, body: BodyModel) -> Estimate:
    start = _initial_motion(detections, body)
    return Estimate(start.motion_inworld, start.camera, (), {})


def _fitted(detections: Detections, body: BodyModel) -> Estimate:
    fitted = baselines.fitted_alone(detections, body, SilentReporter())
    return Estimate(fitted.motion_inworld, fitted.camera, (), {})


FOR_ONE: Mapping[str, Callable[[Detections, BodyModel], Estimate]] = {
    "raw": _lifted(lambda detections: detections),
    "linear": _lifted(lambda detections: baselines.infilled(detections, smooth=False)),
    "spline": _lifted(lambda detections: baselines.infilled(detections, smooth=True)),
    "one-euro": _lifted(baselines.one_euro_filtered),
    "initial": _initial,
    "alone": _fitted,
    "joint-fit": _fitted,
    "product": _fitted,
}
"""What the methods come to where there is one person only: what is learned is learned of pairs."""


def read_views(folder: Path, onlooker: PerceptionCache) -> FourViews:
    """Calibration, and the man's limbs from all cameras. Who of those in each view he is is whom the views agree on best.

    That is asked anew for every frame: a tracker may give him another number half-way.
    """
    views = read_qualisys(folder / _CALIBRATION)
    seen = []
    for number in range(1, len(views) + 1):
        detections = onlooker.detect_everyone(folder / f"single_cam0{number}.mp4").detections
        often = np.flatnonzero(detections.found.mean(1) > _OFTEN)
        seen.append([detections.keypoints[person][:, LIMBS] for person in often])
    candidates = [triangulate(views, np.stack(choice)) for choice in product(*seen)]
    if not candidates:
        raise UserError("nobody", f"Nobody is seen in all views of {folder}.", "Use Pose2Sim's own demo videos.")
    points, errors, scores = (np.stack(part) for part in zip(*candidates))
    best, frames = scores.mean(-1).argmax(0), np.arange(scores.shape[1])
    good = errors[best, frames] < GOOD_ERROR
    return FourViews(folder, views, steadied(np.where(good[..., None], points[best, frames], np.nan)))


def steadied(points: np.ndarray) -> np.ndarray:
    """Points [T,N,3] without the jumps of single frames: medians over _MEDIAN frames, then means. NaN stays where it was.

    At 60 frames a second a man's limbs move by less than what a detector's landmarks jump.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # frames without truth
        for average in (np.nanmedian, np.nanmean):
            # never more frames on one side than on the other: the clip's ends would lag behind
            reach = [min(_MEDIAN // 2, frame, len(points) - 1 - frame) for frame in range(len(points))]
            windows = [points[frame - half : frame + half + 1] for frame, half in enumerate(reach)]
            points = np.where(np.isfinite(points), np.stack([average(window, axis=0) for window in windows]), np.nan)
    return points


def of_one_view(four: FourViews, number: int, rows: _Rows, onlooker: PerceptionCache) -> Iterator[ClipResult]:
    """Both videos of a camera, from 0: the man alone, and with the woman before him."""
    view = four.views[number]
    true = four.limbs @ view.T_cw[:3, :3].T + view.T_cw[:3, 3]
    alone = onlooker.detect_everyone(four.folder / f"single_cam0{number + 1}.mp4")
    him, numbers = followed(alone.detections, view, true)
    if numbers > 1:
        rows.notes.append(f"Camera {number + 1}, the man alone: the 2D stage took him for {numbers} people in turn.")
    clip = f"camera {number + 1}, the man alone"
    only_him = replace(alone, detections=him)
    yield from _against_truth(clip, "views-alone", true, only_him, 0, rows.of_one(clip, him), rows.body)
    hidden = onlooker.detect_two(four.folder / f"multi_cam0{number + 1}.mp4")
    man = whose(hidden.detections.keypoints[:, :, LIMBS], view, true)
    clip = f"camera {number + 1}, a woman before him"
    yield from _against_truth(clip, "views-hidden", true, hidden, man, rows.of_two(clip, hidden.detections), rows.body)


def followed(detections: Detections, view: CalibratedCamera, true: np.ndarray) -> tuple[Detections, int]:
    """Tracks of the man alone, whoever the tracker took him for in each frame, and how many people that were.

    In the video without the woman his identity is not what is asked; where his limbs [T,12,3] truly are says who he is.
    """
    off = np.where(
        detections.found, _limbs_off(detections.keypoints[:, :, LIMBS], view, true[detections.frame_index]), np.inf
    )
    known = np.asarray(np.isfinite(off).any(0))
    numbers = np.where(known, off.argmin(0), -1)
    # where nothing is known: as in the frame before
    numbers = numbers[np.maximum.accumulate(np.where(known, np.arange(len(known)), 0))].clip(0)
    one = {name: getattr(detections, name)[numbers, np.arange(len(known))][None] for name in _BY_PERSON}
    man = int(np.bincount(numbers).argmax())
    return replace(detections, **one, track_ids=detections.track_ids[man : man + 1]), len(np.unique(numbers[known]))


_BY_PERSON = ("keypoints", "ambiguous", "world_landmarks", "found", "hands", "hand_landmarks", "masks")


def _against_truth(
    clip: str,
    family: str,
    true: np.ndarray,
    seen: CachedDetections,
    man: int,
    estimates: Iterator[tuple[str, Estimate]],
    body: BodyModel,
) -> Iterator[ClipResult]:
    """true [T,12,3] camera frame; `man` is his number in the tracks."""
    detections = seen.detections
    whole = np.isfinite(true[detections.frame_index]).all((1, 2)) & detections.found[man]
    if not whole.any():
        raise UserError("no-truth", "in no frame is the truth known and the man seen.", "")
    expected = true[detections.frame_index][whole]
    hidden = 1 - float((detections.keypoints[man][:, LIMBS, 2] >= TRUSTED).mean())

    def result(method: str, limbs: np.ndarray, more: Mapping[str, float], seconds: Mapping[str, float]) -> ClipResult:
        found = {"mpjpe": about_hips_error(limbs, expected), "pa_mpjpe": metrics.pa_mpjpe(limbs, expected)}
        timed = {"perception": seen.seconds, **seconds}
        return ClipResult(clip, family, method, int(whole.sum()), {**found, **more}, {}, hidden, 0.0, timed)

    yield result(UNTOUCHED, detections.world_landmarks[man][:, LIMBS][whole], {}, {})
    for name, estimate in estimates:
        limbs = fitted_limbs(estimate, body)[man][whole]
        yield result(name, limbs, without_truth(estimate, detections, body, people=(man,)), estimate.seconds)


def of_the_wild(path: Path, folder: Path, rows: _Rows, onlooker: PerceptionCache) -> Iterator[ClipResult]:
    seen = onlooker.detect_two(path, frames_of(path, folder, onlooker))
    detections = seen.detections
    hidden = 1 - float((detections.keypoints[:, :, LIMBS, 2] >= TRUSTED).mean())
    clip = f"{path.stem} {detections.frame_index[0]}-{detections.frame_index[-1]}"
    for name, estimate in rows.of_two(clip, detections):
        found = without_truth(estimate, detections, rows.body) | between(estimate, detections.frame_index, rows.body)
        share = float(touching(estimate.contacts, detections.frame_index).any((1, 2)).mean())
        timed = {"perception": seen.seconds, **estimate.seconds}
        yield ClipResult(clip, "wild", name, len(detections.frame_index), found, {}, hidden, share, timed)


def frames_of(path: Path, folder: Path, onlooker: PerceptionCache) -> tuple[int, int]:
    """First and last frame to reconstruct: as `frames.json` says, else where two people are seen most.

    UserError `not-two` where two are seen too seldom.
    """
    said = folder / "frames.json"
    if said.is_file():
        frames = read_json(said).get(path.name)
        if isinstance(frames, list) and len(frames) == 2 and all(isinstance(frame, int) for frame in frames):
            return frames[0], frames[1]
        if frames is not None:
            raise UserError("bad-range", f"{said} gives it the frames {frames!r}.", "Write first and last: [10, 110].")
    looked = onlooker.detect_everyone(path, (0, min(LOOKED_AT, probe(path).frame_count) - 1)).detections
    stretch = best_stretch(looked.found)
    if stretch is None:
        raise UserError("not-two", "two people are seen too seldom in it.", "Name its frames in frames.json.")
    return int(looked.frame_index[stretch[0]]), int(looked.frame_index[stretch[1]])


def best_stretch(found: np.ndarray) -> tuple[int, int] | None:
    """First and last position of the STRETCH in which at least two of those found [P,T] are seen most; None where too seldom."""
    two = found.sum(0) >= 2
    length = min(STRETCH, len(two))
    if length == 0:
        return None
    sums = np.convolve(two, np.ones(length, int), "valid")
    first = int(sums.argmax())
    return (first, first + length - 1) if sums[first] >= LEAST_SHARE * length else None


def without_truth(
    estimate: Estimate, detections: Detections, body: BodyModel, people: Sequence[int] = (0, 1)
) -> dict[str, float]:
    """What can be said of some of the people without knowing what happened: jitter, foot slide and reprojection."""
    posed = pose_motion(body, estimate.motion)
    chosen = list(people)
    joints = posed.joints.cpu().numpy()[chosen, :, :BODY_COUNT]
    feet = posed.skin(body.subset(sole_vertices(body).flatten())).unflatten(2, (2, -1)).mean(3).cpu().numpy()[chosen]
    standing = _initial_motion(detections, body).foot_contact[chosen] > 0.5
    rate = 1 / float(np.median(np.diff(detections.time)))
    found = {"jitter": metrics.jitter(joints, rate)} if len(detections.time) > 3 else {}
    if (standing[:, 1:] & standing[:, :-1]).any():
        found["foot_slide"] = metrics.foot_slide(feet, standing)
    return found | reprojection(estimate, detections, body, chosen)


def reprojection(
    estimate: Estimate, detections: Detections, body: BodyModel, people: Sequence[int]
) -> dict[str, float]:
    """How far the landmarks of the fitted bodies are from where they were seen: px, and percent of the person's height there."""
    chosen = list(people)
    points = torch.from_numpy(fitted_landmarks(estimate.motion, body))
    camera = (torch.as_tensor(matrix, dtype=points.dtype) for matrix in (estimate.camera.K, estimate.camera.T_cw))
    pixels = project(points, *camera)[0].numpy()[chosen]
    keypoints = detections.keypoints[chosen]
    seen = (keypoints[..., 2] >= TRUSTED) & ~detections.ambiguous[chosen] & detections.found[chosen][..., None]
    if not seen.any():
        return {}
    height = stages.observations(detections, None, torch.device("cpu")).box_height.numpy()[chosen]
    off = np.linalg.norm(pixels - keypoints[..., :2], axis=-1)
    return {
        "reprojection": float(off[seen].mean()),
        "reprojection_share": float((100 * off / height[..., None])[seen].mean()),
    }


def between(estimate: Estimate, frames: np.ndarray, body: BodyModel) -> dict[str, float]:
    """Distance of the regions that the estimate says touch, and how deep the two are in each other, every SKIN_EVERY-th frame."""
    strided = of_frames(estimate.motion, np.arange(0, len(frames), SKIN_EVERY))
    skin = pose_motion(body, strided).skin(body).cpu().numpy()
    depth = penetration_depths(skin, body.faces.cpu().numpy())
    found = {
        "penetration_mean": float(depth.mean()) if len(depth) else 0.0,
        "penetration_max": float(depth.max(initial=0)),
    }
    touch = touching(estimate.contacts, frames)[::SKIN_EVERY]
    if touch.any():
        found["contact_distance"] = contact_distance(touch, skin, vertex_regions(body).cpu().numpy())
    return found


def whose(keypoints: np.ndarray, view: CalibratedCamera, true: np.ndarray) -> int:
    """Which person's limbs [P,T,12,3] (px) lie on the man's true ones [T,12,3] in this camera's frame."""
    return int(np.nanmedian(_limbs_off(keypoints, view, true[: keypoints.shape[1]]), axis=1).argmin())


def _limbs_off(keypoints: np.ndarray, view: CalibratedCamera, true: np.ndarray) -> np.ndarray:
    """[P,T] px, the median distance of a person's limbs from the true ones; NaN where the truth is not known."""
    seen = true[..., :2] / true[..., 2:] @ view.K[:2, :2].T + view.K[:2, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # frames without truth
        return np.nanmedian(np.linalg.norm(keypoints[..., :2] - seen, axis=-1), axis=2)


def fitted_landmarks(motion: PairMotion, body: BodyModel) -> np.ndarray:
    """The detector's landmarks [P,T,33,3] on posed bodies, world."""
    regressor = LandmarkRegressor.for_body(body)
    posed = pose_motion(body, motion)
    return regress_landmarks(regressor, posed.joints, posed.skin(body.subset(regressor.vertices))).cpu().numpy()


def fitted_limbs(estimate: Estimate, body: BodyModel) -> np.ndarray:
    """Limb landmarks [P,T,12,3] on the fitted bodies, in the camera's frame."""
    return in_camera(fitted_landmarks(estimate.motion, body)[:, :, LIMBS], estimate.camera.T_cw)


def about_hips_error(points: np.ndarray, true: np.ndarray) -> float:
    """MPJPE in millimetres of limbs [T,12,3], both about the middle of the hips."""
    return metrics.mpjpe(points - points[:, _HIPS].mean(1, keepdims=True), true - true[:, _HIPS].mean(1, keepdims=True))
