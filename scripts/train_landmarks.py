"""Make `core/body/data/landmarks.npz`: what the detector's 33 landmarks are on the body.

.venv/bin/python scripts/train_landmarks.py --anatomy     from anatomy alone, in seconds
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.body.files import DEFAULT_BODY, load_body
from core.body.landmarks import LANDMARK_WEIGHTS
from core.body.model import BodyModel
from core.contract.files import write_npz
from scripts.landmark_training.prior import SkinPoints, prior_weights, skin_points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anatomy", action="store_true", help="write the weights that learning starts from")
    parser.parse_args()
    body = load_body(None)
    points = skin_points(body, face_landmarks(DEFAULT_BODY))
    save(body, points, prior_weights(points), "anatomy")


def face_landmarks(file: Path) -> np.ndarray:
    """float64 [51,3]: the landmarks of the face that a body file carries, on the mean shape."""
    with np.load(file, allow_pickle=False) as arrays:
        corners = arrays["v_template"][arrays["f"][arrays["lmk_faces_idx"]].astype(np.int64)]
        return (corners * arrays["lmk_bary_coords"][..., None]).sum(1)


def save(body: BodyModel, points: SkinPoints, weights: np.ndarray, trained_on: str) -> None:
    """Skin points by place rather than by number, so that they are found on other meshes too."""
    joint = body.weights.argmax(1).numpy()[points.vertices]
    offset = body.template.numpy()[points.vertices] - body.joint_template.numpy()[joint]
    write_npz(
        LANDMARK_WEIGHTS,
        {
            "joint": joint.astype(np.int32),
            "offset": offset.astype(np.float32),
            "weights": weights.astype(np.float32),
            "trained_on": np.array(trained_on),
        },
    )


if __name__ == "__main__":
    main()
