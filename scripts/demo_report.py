"""The last part of `scripts/demo`: errors of the sample against its ground truth, and a contact sheet.

    .venv/bin/python scripts/demo_report.py FOLDER

Reads FOLDER/reconstruction and FOLDER/pictures; writes FOLDER/errors.json and FOLDER/contact_sheet.png.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.body.files import load_body
from core.clip import probe, read_frames
from core.contract.files import write_json
from core.contract.reconstruction import Reconstruction, load
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
from lab.evaluation.scores import compare_joints, score
from lab.paths import SAMPLES

_WIDTH = 480
"""px of a column of the contact sheet."""


def main() -> None:
    folder = Path(sys.argv[1])
    result = load(folder / "reconstruction")
    write_json(folder / "errors.json", measure_errors(folder, result))
    cv2.imwrite(str(folder / "contact_sheet.png"), contact_sheet(Path(result.info.clip["path"]), folder / "pictures"))


def measure_errors(folder: Path, result: Reconstruction) -> dict[str, Any]:
    """Print the errors, and return them with their units."""
    truth = load_truth(SAMPLES / "handshake_hug_truth.npz", SAMPLES / "handshake_hug_contacts.json")
    detections = Cache(folder / "reconstruction" / CACHE_FOLDER).newest(Detections, "perception")
    body = load_body(None)
    clip, estimate = (
        sample_clip("sample", truth, detections, body),
        estimate_from_result(result.motion, result.info.contacts),
    )
    errors = score(clip, estimate, body).metrics
    order = list(compare_joints(clip, estimate, body).order)
    frames, found = result.motion.frame_index, detections.found[order]
    limbs = {
        "ours": limb_errors(truth, limbs_of_joints(estimate, result.motion.joints)[order], frames, found),
        "raw metric landmarks": limb_errors(
            truth, limbs_of_landmarks(detections.world_landmarks)[order], frames, found
        ),
    }
    print("Errors against the ground truth (people and fit share a body model, so real people are harder):")
    for name, value in errors.items():
        print(f"  {name:17s} {value:8.2f} {UNITS[name]}")
    print(f"Twelve limb joints relative to the hips, in frames in which the person was found ({found.mean():.0%}):")
    for name, row in limbs.items():
        print(f"  {name:21s} MPJPE {row['mpjpe']:6.1f} mm   PA-MPJPE {row['pa_mpjpe']:6.1f} mm")
    return {"errors": errors, "units": {name: UNITS[name] for name in errors}, "limbs": limbs}


def contact_sheet(clip: Path, pictures: Path) -> np.ndarray:
    """uint8 BGR, a column for each picture: the clip, the overlay on the clip, the view from the side."""
    columns = []
    overlays = sorted(pictures.glob("overlay_*.png"))
    frames = clip_frames(clip, [int(path.stem.split("_")[1]) for path in overlays])
    for path, frame in zip(overlays, frames):
        overlay = shrink(read_image(path))
        side = shrink(read_image(path.with_name(path.name.replace("overlay", "side"))))
        shown = shrink(frame)
        alpha = 0.75 * overlay[..., 3:].astype(np.float32) / 255
        mixed = (alpha * overlay[..., :3] + (1 - alpha) * shown).astype(np.uint8)
        columns.append(np.vstack([shown, mixed, side[..., :3]]))
    return np.hstack(columns)


def clip_frames(clip: Path, numbers: list[int]) -> list[np.ndarray]:
    """uint8 BGR frames of the clip by their numbers."""
    info = probe(clip)
    chosen = set(numbers)
    found = {frame.index: frame.image for frame in read_frames(info, 0, max(numbers)) if frame.index in chosen}
    return [np.ascontiguousarray(found[number][:, :, ::-1]) for number in numbers]


def read_image(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise FileNotFoundError(path)
    return image


def shrink(image: np.ndarray) -> np.ndarray:
    height = round(image.shape[0] * _WIDTH / image.shape[1])
    return cv2.resize(image, (_WIDTH, height), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
