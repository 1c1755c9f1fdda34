"""The last part of `scripts/demo`: the sample's errors against its truth, and a contact sheet of clip, overlay and side view.

    .venv/bin/python scripts/demo_report.py FOLDER

Reads FOLDER/reconstruction and FOLDER/pictures; writes FOLDER/errors.json and FOLDER/contact_sheet.png.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.body.files import load_body
from core.clip import probe, read_frames
from core.contract.files import write_json
from core.contract.reconstruction import load
from core.perception.detections import Detections
from core.pipeline.cache import Cache
from core.pipeline.workspace import CACHE_FOLDER
from lab.evaluation.results import UNITS
from lab.evaluation.sample_truth import (
    estimate_from_result,
    limb_errors,
    limbs_of_joints,
    limbs_of_landmarks,
    load_truth,
    sample_clip,
)
from lab.evaluation.scores import compare, score

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
_WIDTH = 480


def main() -> None:
    folder = Path(sys.argv[1])
    result = load(folder / "reconstruction")
    truth = load_truth(SAMPLES / "handshake_hug_truth.npz", SAMPLES / "handshake_hug_contacts.json")
    tracks = Cache(folder / "reconstruction" / CACHE_FOLDER).newest(Detections, "perception")
    body = load_body(None)
    shot, estimate = (
        sample_clip("sample", truth, tracks, body),
        estimate_from_result(result.motion, result.info.contacts),
    )
    ours = score(shot, estimate, body).metrics
    order = list(compare(shot, estimate, body).order)
    frames, found = result.motion.frame_index, tracks.found[order]
    limbs = {
        "ours": limb_errors(truth, limbs_of_joints(estimate, result.motion.joints)[order], frames, found),
        "raw metric landmarks": limb_errors(truth, limbs_of_landmarks(tracks.world_landmarks)[order], frames, found),
    }
    write_json(folder / "errors.json", {"errors": ours, "units": {name: UNITS[name] for name in ours}, "limbs": limbs})
    print("Against the truth (people of the same body model as is fitted, so better than on real people):")
    for name, value in ours.items():
        print(f"  {name:17s} {value:8.2f} {UNITS[name]}")
    print(f"Twelve limb joints about the hips, frames in which the person was found ({found.mean():.0%}):")
    for name, row in limbs.items():
        print(f"  {name:21s} MPJPE {row['mpjpe']:6.1f} mm   PA-MPJPE {row['pa_mpjpe']:6.1f} mm")
    cv2.imwrite(str(folder / "contact_sheet.png"), contact_sheet(Path(result.info.clip["path"]), folder / "pictures"))


def contact_sheet(clip: Path, pictures: Path) -> np.ndarray:
    """uint8 BGR: a column for each picture; clip, overlay on the clip, view from another side."""
    columns = []
    wanted = sorted(pictures.glob("overlay_*.png"))
    frames = clip_frames(clip, [int(path.stem.split("_")[1]) for path in wanted])
    for path, frame in zip(wanted, frames):
        overlay = shrunk(picture(path))
        side = shrunk(picture(path.with_name(path.name.replace("overlay", "side"))))
        seen = shrunk(frame)
        alpha = 0.75 * overlay[..., 3:].astype(np.float32) / 255
        mixed = (alpha * overlay[..., :3] + (1 - alpha) * seen).astype(np.uint8)
        columns.append(np.vstack([seen, mixed, side[..., :3]]))
    return np.hstack(columns)


def clip_frames(clip: Path, numbers: list[int]) -> list[np.ndarray]:
    """uint8 BGR frames of the clip by their numbers."""
    info = probe(clip)
    wanted = set(numbers)
    found = {frame.index: frame.image for frame in read_frames(info, 0, max(numbers)) if frame.index in wanted}
    return [np.ascontiguousarray(found[number][:, :, ::-1]) for number in numbers]


def picture(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise FileNotFoundError(path)
    return image


def shrunk(image: np.ndarray) -> np.ndarray:
    height = round(image.shape[0] * _WIDTH / image.shape[1])
    return cv2.resize(image, (_WIDTH, height), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
