"""Make the sample clip and its truth: samples/handshake_hug.mp4, handshake_hug_truth.npz and handshake_hug_contacts.json.

    .venv/bin/python scripts/choreograph_sample.py                 about 10 minutes on 2 cores
    .venv/bin/python scripts/choreograph_sample.py --render-only   the clip again, from the truth

Two people of the free body walk up, shake hands, hug and part (`core/choreography`); Blender as a Python module (--blender)
renders them. The truth holds what `reconstruction.npz` holds of a motion, under the same names, and `planted` bool [P,T,2].
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.body.face import face_landmarks
from core.body.files import DEFAULT_BODY, load_body
from core.body.model import BodyModel
from core.body.regions import vertex_regions
from core.choreography.direct import direct
from core.choreography.goals import hand, palm_points
from core.choreography.handshake_hug import handshake_and_hug
from core.choreography.plan import SIDES
from core.choreography.script import Script, planted
from core.choreography.truth import contacts, touching_regions
from core.choreography.wardrobe import OUTFITS, dress, worn
from core.contract.files import read_npz, replacing, write_json, write_npz
from core.evaluation.metrics import penetration, vertex_normals
from core.geometry.soles import sole_vertices
from core.motion import PairMotion, pose_motion

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "samples"
NAME = "handshake_hug"
SIZE = (960, 540)
_LENS, _SENSOR = 35.0, 36.0
"""mm"""
_CAMERA_PLACE, _CAMERA_TARGET = (1.25, -4.0, 1.5), (0.0, 0.0, 0.93)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--render-only", action="store_true")
    parser.add_argument("--motion", type=Path, help="an npz of a motion to use instead of choreographing one")
    parser.add_argument("--blender", type=Path, default=ROOT / ".venv-blender-4.5" / "bin" / "python")
    arguments = parser.parse_args()
    body, script = load_body(None), handshake_and_hug()
    truth_file, contacts_file, clip = (SAMPLES / f"{NAME}{end}" for end in ("_truth.npz", "_contacts.json", ".mp4"))
    if arguments.render_only:
        render(body, script, read_npz(truth_file), clip, arguments.blender)
        return
    motion = PairMotion(**read_npz(arguments.motion)) if arguments.motion else direct(script, body, report=_say)
    skin = pose_motion(body, motion).skin(body).numpy()
    describe(body, script, motion, skin)
    touching = contacts(touching_regions(skin, vertex_regions(body).numpy()))
    print(f"{len(touching)} contacts of regions")
    truth = truth_arrays(body, script, motion)
    render(body, script, truth, clip, arguments.blender)
    write_npz(truth_file, truth)
    write_json(contacts_file, {"body": body.identity, "contacts": [contact.to_json() for contact in touching]})


def truth_arrays(body: BodyModel, script: Script, motion: PairMotion) -> dict[str, np.ndarray]:
    posed = pose_motion(body, motion)
    frames = script.frames
    K, world = camera()
    return {
        "frame_index": np.arange(frames, dtype=np.int32),
        "time": np.arange(frames) / script.rate,
        **vars(motion),
        "jaw_pose": np.zeros((2, frames, 3), np.float32),
        "joints": posed.joints.numpy(),
        "rest_joints": posed.rest[:, 0].numpy(),
        "camera_K": np.tile(K, (frames, 1, 1)).astype(np.float32),
        "camera_world": np.tile(world, (frames, 1, 1)).astype(np.float32),
        "planted": np.array([np.stack([planted(actor, side, frames) for side in SIDES], 1) for actor in script.actors]),
    }


def camera() -> tuple[np.ndarray, np.ndarray]:
    """K [3,3] px and world -> camera [4,4]."""
    focal = SIZE[0] * _LENS / _SENSOR
    K = np.array([[focal, 0, SIZE[0] / 2], [0, focal, SIZE[1] / 2], [0, 0, 1]])
    place, target = np.array(_CAMERA_PLACE), np.array(_CAMERA_TARGET)
    forward = (target - place) / math.dist(target, place)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    world = np.eye(4)
    world[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    world[:3, 3] = -world[:3, :3] @ place
    return K, world


def render(body: BodyModel, script: Script, truth: dict[str, np.ndarray], clip: Path, blender: Path) -> None:
    names = ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose", "pelvis", "betas")
    skin = pose_motion(body, PairMotion(**{name: truth[name] for name in names})).skin(body).numpy()
    faces, face = body.faces.numpy(), face_landmarks(DEFAULT_BODY)
    dressed = [dress(body, face, outfit) for outfit in OUTFITS]
    scene = {
        "vertices": np.stack([worn(skin[p], faces, clothes.thickness) for p, clothes in enumerate(dressed)]),
        "faces": faces.astype(np.int32),
        "materials": np.stack([clothes.materials for clothes in dressed]),
        "colours": np.array([outfit.colours for outfit in OUTFITS], np.float32),
        "camera_K": truth["camera_K"],
        "camera_world": truth["camera_world"],
        "image_size": np.array(SIZE),
        "rate": np.array(script.rate),
        "room": np.array(0),
    }
    with tempfile.TemporaryDirectory(prefix="socialmirror-") as folder, replacing(clip) as rendered:
        write_npz(Path(folder) / "scene.npz", scene)
        command = [str(blender), str(ROOT / "scripts" / "render_clip.py"), str(Path(folder) / "scene.npz")]
        subprocess.run([*command, "--clip", str(rendered)], check=True, stdout=subprocess.DEVNULL)
    print(f"{clip.relative_to(ROOT)}: {clip.stat().st_size / 1e6:.2f} MB")


def describe(body: BodyModel, script: Script, motion: PairMotion, skin: np.ndarray) -> None:
    """Print how good the truth is as a picture of the world."""
    posed = pose_motion(body, motion)
    right = hand("right", posed, palm_points(body)).palm
    shake = slice(script.handshake.start, script.handshake.end + 1)
    apart = 1000 * (right[0] - right[1]).norm(dim=-1)[shake]
    print(
        f"middles of the palms in the handshake: {float(apart.mean()):.1f} mm apart, at most {float(apart.max()):.1f}"
    )
    faces = body.faces.numpy()
    depths = []
    for frame in range(0, script.frames, 2):
        for a, b in ((0, 1), (1, 0)):
            depth = penetration(skin[a, frame], skin[b, frame], vertex_normals(skin[b, frame], faces))
            depths.append((depth[depth > 0].mean() if (depth > 0).any() else 0.0, depth.max()))
    mean, deepest = np.array(depths).T
    print(f"penetration: mean of what is inside {mean[mean > 0].mean():.1f} mm, deepest {deepest.max():.1f} mm")
    soles = skin[:, :, sole_vertices(body).numpy()]
    for p, actor in enumerate(script.actors):
        for foot, side in enumerate(SIDES):
            still = planted(actor, side, script.frames)
            for first, last in _stretches(still):
                middle = soles[p, first : last + 1, foot].mean(1)
                slid = np.linalg.norm(middle - middle[len(middle) // 2], axis=-1).max()
                print(f"person {p} {side:5s} foot, frames {first:3d}-{last:3d}: moves {1000 * slid:.1f} mm")
    print(f"lowest skin {1000 * skin[..., 2].min():.1f} mm")


def _stretches(mask: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]


def _say(step: int, terms: dict[str, float]) -> None:
    print(f"step {step}: " + ", ".join(f"{name} {value:.2f}" for name, value in terms.items()), flush=True)


if __name__ == "__main__":
    main()
