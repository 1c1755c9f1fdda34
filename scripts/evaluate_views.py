"""One camera against truth from several: MPJPE of a person reconstructed from one view, half hidden by another.

    .venv/bin/python scripts/evaluate_views.py DATA [--out FOLDER] [--cameras 1 2 3 4]

DATA holds what the Pose2Sim project ships as its demo: `Calib.qca.txt`, `single_cam0N.mp4` (one man) and `multi_cam0N.mp4`
(the same frames with a woman before him). The man's joints are triangulated from our own 2D detections in the single videos;
each multi video is then reconstructed on its own. Compared are the detector's twelve limb landmarks, ours (on the fitted body)
and the detector's raw metric ones, each about the middle of the hips, in the camera's axes.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import product
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.body.files import load_body  # noqa: E402
from core.body.landmarks import LandmarkRegressor, landmarks  # noqa: E402
from core.cache import Cache  # noqa: E402
from core.clip import probe  # noqa: E402
from core.contract.reconstruction import MotionArrays, load  # noqa: E402
from core.contract.skeleton import LANDMARK_INDEX  # noqa: E402
from core.evaluation.metrics import mpjpe, pa_mpjpe  # noqa: E402
from core.evaluation.multiview import View, read_qualisys, triangulate  # noqa: E402
from core.motion import PairMotion, pose_motion  # noqa: E402
from core.perception.stage import assemble, find_everyone  # noqa: E402
from core.perception.tracks import Tracks  # noqa: E402
from core.pipeline import Request, reconstruct  # noqa: E402
from core.report import SilentReporter  # noqa: E402
from core.terminal import Terminal  # noqa: E402
from core.workspace import CACHE_FOLDER  # noqa: E402

LIMBS = [
    LANDMARK_INDEX[f"{side}_{part}"]
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
]
HIPS = [LIMBS.index(LANDMARK_INDEX[f"{side}_hip"]) for side in ("left", "right")]
GOOD_ERROR = 25.0
"""px; limbs that reproject worse say nothing."""


def detected(clip_path: Path) -> list[np.ndarray]:
    """33 landmarks [T,33,3] (px, confidence) of everyone seen in at least half of the clip."""
    clip = probe(clip_path)
    everyone = find_everyone(clip, 0, clip.frame_count - 1, device=torch.device("cpu"), reporter=SilentReporter())
    tracks = assemble(everyone, range(len(everyone.tracks)))
    return [tracks.keypoints[person] for person in range(len(tracks.found)) if tracks.found[person].mean() > 0.5]


def truth_of_the_man(data: Path, views: list[View]) -> np.ndarray:
    """Limb landmarks [T,12,3] in world metres, NaN where the views do not agree.

    Who of those in each view is the man is whom the views agree on best.
    """
    seen = [detected(data / f"single_cam0{number}.mp4") for number in range(1, len(views) + 1)]
    candidates = [triangulate(views, np.stack([limbs[:, LIMBS] for limbs in choice])) for choice in product(*seen)]
    point, error, _ = max(candidates, key=lambda candidate: candidate[2].mean())
    return np.where((error < GOOD_ERROR)[..., None], point, np.nan)


def one_view(data: Path, number: int, view: View, truth: np.ndarray, folder: Path) -> dict[str, float]:
    """Errors in millimetres of one multi video, ours beside the raw metric landmarks, on the same frames."""
    target = folder / f"multi_cam0{number}"
    reconstruct(Request(data / f"multi_cam0{number}.mp4"), target, Terminal(sys.stderr))
    motion = load(target).motion
    tracks = Cache(target / CACHE_FOLDER).newest(Tracks, "perception")
    in_camera = truth @ view.world[:3, :3].T + view.world[:3, 3]
    person = whose(tracks.keypoints[:, :, LIMBS], view, in_camera)
    frames = np.isfinite(truth[motion.frame_index]).all((1, 2)) & tracks.found[person]
    true = in_camera[motion.frame_index][frames]
    ours = fitted_limbs(motion)[person][frames]
    raw = tracks.world_landmarks[person][:, LIMBS][frames]
    confidence = tracks.keypoints[person, frames][:, LIMBS, 2]
    return {
        "frames": int(frames.sum()),
        "confidence": float(confidence.mean()),
        "ours_mpjpe": about_hips_error(ours, true),
        "raw_mpjpe": about_hips_error(raw, true),
        "ours_pa_mpjpe": float(pa_mpjpe(ours, true)),
        "raw_pa_mpjpe": float(pa_mpjpe(raw, true)),
    }


def whose(keypoints: np.ndarray, view: View, true: np.ndarray) -> int:
    """Which of the two people's limbs [2,T,12,3] (px) lies on the man's true ones [T,12,3] in this camera's frame."""
    seen = true[..., :2] / true[..., 2:] @ view.K[:2, :2].T + view.K[:2, 2]
    off = np.linalg.norm(keypoints[..., :2] - seen[None, : keypoints.shape[1]], axis=-1)
    return int(np.nanmedian(off, axis=(1, 2)).argmin())


def fitted_limbs(motion: MotionArrays) -> np.ndarray:
    """Limb landmarks [2,T,12,3] on the fitted bodies, in the axes of the camera."""
    body = load_body(None)
    regressor = LandmarkRegressor.for_body(body)
    pair = PairMotion(
        motion.global_orient,
        motion.body_pose,
        motion.left_hand_pose,
        motion.right_hand_pose,
        motion.pelvis,
        motion.betas,
    )
    posed = pose_motion(body, pair)
    points = landmarks(regressor, posed.joints, posed.skin(body.subset(regressor.vertices)))[:, :, LIMBS].numpy()
    return np.einsum("tij,ptkj->ptki", motion.camera_world[:, :3, :3], points)


def about_hips_error(points: np.ndarray, true: np.ndarray) -> float:
    """MPJPE in millimetres of [T,12,3], both about the middle of the hips."""
    return mpjpe(points - points[:, HIPS].mean(1, keepdims=True), true - true[:, HIPS].mean(1, keepdims=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "views")
    parser.add_argument("--cameras", type=int, nargs="+", default=[1, 2, 3, 4])
    options = parser.parse_args()
    views = read_qualisys(options.data / "Calib.qca.txt")
    truth = truth_of_the_man(options.data, views)
    print(f"truth: {np.isfinite(truth).all((1, 2)).sum()} of {len(truth)} frames have all twelve joints")
    rows = {}
    print(f"{'camera':>8} {'frames':>7} {'conf.':>6} {'MPJPE':>8} {'raw':>8} {'PA-MPJPE':>9} {'raw':>8}   (mm)")
    for number in options.cameras:
        row = rows[number] = one_view(options.data, number, views[number - 1], truth, options.out)
        print(
            f"{number:>8} {row['frames']:>7.0f} {row['confidence']:>6.2f} {row['ours_mpjpe']:>8.1f} "
            f"{row['raw_mpjpe']:>8.1f} {row['ours_pa_mpjpe']:>9.1f} {row['raw_pa_mpjpe']:>8.1f}",
            flush=True,
        )
    names = ("ours_mpjpe", "raw_mpjpe", "ours_pa_mpjpe", "raw_pa_mpjpe")
    mean = {name: float(np.mean([row[name] for row in rows.values()])) for name in names}
    print(f"{'mean':>8} {'':>14} " + " ".join(f"{mean[name]:>8.1f}" for name in names))
    report = options.out / "views.json"
    report.write_text(json.dumps({"cameras": rows, "mean": mean}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
