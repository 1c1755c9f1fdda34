"""The benchmark `real`: one man filmed by four calibrated cameras, and videos without ground truth.

The folder, or one below it, holds the demo videos of the Pose2Sim project: `Calib.qca.txt`, `single_cam0N.mp4` (one man) and
`multi_cam0N.mp4` (the same frames with a woman in front of him). The man's limbs are triangulated from our own 2D detections in
the single videos. Then the video of each camera is reconstructed by itself, with and without the woman, and the detector's
twelve limb landmarks are compared, relative to the middle of the hips and in the camera's axes. The triangulated bones keep
their lengths to 2-7 %, which puts the accuracy of this ground truth at about 2 cm.

All other videos of the folder with two people are reconstructed, too, and measured by metrics that need no ground truth. A file
`frames.json` beside them may give the frames: {"NAME.mp4": [10, 110]}.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from core.body.files import load_body
from core.contract.errors import UserError
from core.reporting import Reporter, SilentReporter

from ..perception_cache import PerceptionCache
from ..results import ClipResult, Report, make_rows
from .calibrated_views import CALIBRATION, LANDMARKS_ROW, evaluate_view, read_views
from .method_runner import MethodRunner
from .unannotated_videos import evaluate_video

_VIDEOS = (".mp4", ".mov", ".mkv", ".avi", ".webm")
NOTES = (
    "Calibrated views: the man's limbs (shoulders, elbows, wrists, hips, knees, ankles, as the detector defines them) are "
    "triangulated from our own detections in the videos that show him alone, and smoothed over 7 frames of 1/60 s. MPJPE and "
    "PA-MPJPE are over these twelve relative to the middle of the hips, not over 22 joints relative to the pelvis. Ground truth "
    "and methods share a detector, so that its systematic errors do not show.",
    "`mpjpe_openpose` and `pa_mpjpe_openpose` are the same against limbs that the authors of the recording triangulated from "
    "another detector's keypoints (man_openpose.npz beside the videos): independent of ours, with other definitions of shoulders "
    "and hips. Camera errors are against the calibration.",
    "Family `views-alone` is each camera's video of the man alone, `views-hidden` the same frames with a woman in front of him.",
    "With nobody else in the video the joint fit is the fit of one person; rows that need two people are left out.",
    f"The row `{LANDMARKS_ROW}` is the detector's own metric landmarks; all others are measured on the fitted body.",
    "Families `wild: VIDEO` have no ground truth, one row each. Contact distance is over the contacts that the row itself "
    "detected; foot slide over foot contacts of the initial motion, the same for all rows; reprojection over confident "
    "landmarks, in pixels and in percent of the person's height in the image.",
    "The hidden share of a clip is the share of its landmarks with low confidence.",
)


def evaluate_real(
    folder: Path,
    methods: Sequence[str],
    perception: PerceptionCache,
    *,
    seed: int = 0,
    clips: int | None = None,
    reporter: Reporter | None = None,
) -> Report:
    """Run methods, by their names in `methods.METHODS`, on all videos of the folder, with the default body.

    `clips` limits both the number of cameras and the number of other videos. A clip or method that fails becomes a note.
    UserError `no-real-clips` where the folder holds nothing to evaluate.
    """
    views_folder = find_views(folder)
    videos = other_videos(folder, views_folder)[:clips]
    if views_folder is None and not videos:
        raise UserError(
            "no-real-clips",
            f"{folder} holds no videos.",
            "Put videos of two people there, and Pose2Sim's demo (Calib.qca.txt, single_cam0N.mp4, multi_cam0N.mp4).",
        )
    runner = MethodRunner(methods, load_body(None), seed, reporter or SilentReporter())
    results: list[ClipResult] = []
    if views_folder is not None:
        views = read_views(views_folder, perception)
        for number in range(len(views.cameras))[:clips]:
            results += runner.try_clip(
                f"camera {number + 1}", partial(evaluate_view, views, number, runner, perception)
            )
    for path in videos:
        results += runner.try_clip(path.name, partial(evaluate_video, path, folder, runner, perception))
    return Report("real", "all", seed, "real", make_rows(results), tuple(results), (*NOTES, *runner.notes))


def find_views(folder: Path) -> Path | None:
    """The folder, or one below it, that holds the calibration of the views."""
    return next((path.parent for path in sorted(folder.glob(f"**/{CALIBRATION}"))), None)


def other_videos(folder: Path, views_folder: Path | None) -> list[Path]:
    """The videos of the folder that do not belong to the calibrated views."""
    videos = [path for path in sorted(folder.glob("*")) if path.suffix.lower() in _VIDEOS]
    return [path for path in videos if path.parent != views_folder or not path.stem.startswith(("single_", "multi_"))]
