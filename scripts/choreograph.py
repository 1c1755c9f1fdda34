"""Make interactions of two people with truth, from single-person motion capture: FILE.npz and FILE.json.

    .venv/bin/python scripts/choreograph.py --motion FOLDER --split train --families handshake,hug --count 20 --out FILE
    .venv/bin/python scripts/choreograph.py --motion FOLDER --families hug --count 2 --look FOLDER     contact sheets, too

The same seed gives the same clips, however many workers there are. `--bodies` takes people's own bodies: an npz of `templates`
[N,V,3] and `joint_templates` [N,55,3]; FILE.json then says `bodies`, two numbers a clip.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.body.face import face_landmarks
from core.body.files import DEFAULT_BODY, load_body
from core.choreography.bodies import own_bodies
from core.choreography.families import FAMILIES
from core.choreography.interaction import Interaction, save_interactions
from core.choreography.produce import Made, Order, produce, summary
from core.choreography.wardrobe import OUTFITS, dress, worn
from core.contract.files import read_json, read_npz, write_json
from core.motion import PairMotion, pose_motion

ROOT = Path(__file__).resolve().parents[1]
_SIZE, _LENS = 320, 1.35
"""px of a picture of a contact sheet, and its focal length as a share of that."""
_VIEWS = ((0.4, -3.2, 1.5), (2.6, 2.0, 1.7))
"""metres from between the people to the cameras."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--motion", type=Path, help="folder of motion capture; without it people stand at ease")
    parser.add_argument("--cache", type=Path, default=ROOT / "out" / "motion", help="where motion read once is kept")
    parser.add_argument("--split", choices=("train", "dev", "test"), default="train")
    parser.add_argument("--families", default=",".join(FAMILIES), help="comma-separated (default: all)")
    parser.add_argument("--count", type=int, default=1, help="clips a family")
    parser.add_argument("--first", type=int, default=0, help="number of the first clip of each family")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bodies", type=Path, help="npz of people's own bodies, used instead of shapes of the body")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, help="file to write, without its ending")
    parser.add_argument("--look", type=Path, help="folder for contact sheets of the clips")
    parser.add_argument("--blender", type=Path, default=ROOT / ".venv-blender-4.5" / "bin" / "python")
    arguments = parser.parse_args()
    families = tuple(arguments.families.split(","))
    unknown = [name for name in families if name not in FAMILIES]
    if unknown:
        parser.error(f"unknown families: {', '.join(unknown)}; there are {', '.join(FAMILIES)}")
    torch.set_num_threads(1)
    order = Order(
        arguments.motion,
        arguments.cache,
        arguments.split,
        families,
        arguments.count,
        arguments.seed,
        arguments.bodies,
        arguments.first,
    )
    made: list[Made] = []
    began = time.perf_counter()
    for clip in produce(order, min(arguments.workers, arguments.count * len(families))):
        made.append(clip)
        state = "no good draw" if clip.interaction is None else f"{clip.interaction.frames} frames"
        print(f"{clip.name}: {state}, {clip.seconds:.1f} s", *clip.rejected, sep="\n    ", flush=True)
    good = [clip for clip in made if clip.interaction is not None]
    print(f"{summary(made)}\n{len(good)} clips in {time.perf_counter() - began:.0f} s")
    if arguments.out:
        save_interactions(arguments.out, [clip.interaction for clip in good if clip.interaction])
        if arguments.bodies:
            words = arguments.out.with_suffix(".json")
            write_json(words, {**read_json(words), "bodies": [list(clip.bodies) for clip in good]})
    if arguments.look:
        arguments.look.mkdir(parents=True, exist_ok=True)
        for clip in good:
            look(clip, arguments.bodies, arguments.look / f"{clip.name}.png", arguments.blender)


def look(clip: Made, bodies: Path | None, path: Path, blender: Path) -> None:
    """Draw eight moments of a clip from two sides."""
    assert clip.interaction is not None
    frames = np.unique(moments(clip.interaction, 8))
    skins, body = skins_of(clip, bodies, frames), load_body(None)
    faces, face = body.faces.numpy(), face_landmarks(DEFAULT_BODY)
    outfits = [OUTFITS[(2 * hash_of(clip.name) + p) % len(OUTFITS)] for p in (0, 1)]
    dressed = [dress(body, face, outfit) for outfit in outfits]
    vertices = np.stack([worn(skins[p], faces, clothes.thickness) for p, clothes in enumerate(dressed)])
    focal = _LENS * _SIZE
    K = np.array([[focal, 0, _SIZE / 2], [0, focal, _SIZE / 2], [0, 0, 1]])
    middles = vertices.mean((0, 2)) * (1, 1, 0) + (0, 0, 0.9)
    rows = []
    with tempfile.TemporaryDirectory(prefix="socialmirror-") as folder:
        for view in _VIEWS:
            scene = {
                "vertices": vertices - (middles * (1, 1, 0))[:, None],
                "faces": faces.astype(np.int32),
                "materials": np.stack([clothes.materials for clothes in dressed]),
                "colours": np.array([outfit.colours for outfit in outfits], np.float32),
                "camera_K": np.tile(K, (len(frames), 1, 1)).astype(np.float32),
                "camera_world": np.tile(looking(np.array(view)), (len(frames), 1, 1)).astype(np.float32),
                "image_size": np.array([_SIZE, _SIZE]),
                "rate": np.array(clip.interaction.rate),
                "room": np.array(0),
            }
            np.savez(Path(folder) / "scene.npz", **scene)
            command = [str(blender), str(ROOT / "scripts" / "render_clip.py"), str(Path(folder) / "scene.npz")]
            subprocess.run([*command, "--frames", folder], check=True, stdout=subprocess.DEVNULL)
            pictures = [cv2.imread(str(Path(folder) / f"{index:04d}.png")) for index in range(len(frames))]
            rows.append(np.concatenate([np.asarray(picture) for picture in pictures], 1))
    for index, frame in enumerate(frames):
        cv2.putText(rows[0], str(frame), (index * _SIZE + 8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2)
    cv2.imwrite(str(path), np.concatenate(rows))
    print(path)


def moments(clip: Interaction, count: int) -> np.ndarray:
    """Frames to look at: the ends, and more of them where the two touch."""
    weight = np.ones(clip.frames)
    for contact in clip.contacts:
        weight[max(contact.frame_start - 6, 0) : contact.frame_end + 7] = 3.0
    share = np.concatenate([[0], np.cumsum(weight)[:-1]]) / weight[:-1].sum()
    return np.searchsorted(share, np.linspace(0, 1, count) - 1e-9).clip(0, clip.frames - 1)


def skins_of(clip: Made, bodies: Path | None, frames: np.ndarray) -> np.ndarray:
    """[2,F,V,3]"""
    assert clip.interaction is not None
    motion, body = clip.interaction.motion, load_body(None)
    own = None if bodies is None else own_bodies(body, read_npz(bodies))
    skins = []
    for p, number in enumerate(clip.bodies):
        parts = {
            name: value[p : p + 1] if name == "betas" else value[p : p + 1, frames]
            for name, value in vars(motion).items()
        }
        person = body if own is None or number is None else own[number]
        skins.append(pose_motion(person, PairMotion(**parts)).skin(person)[0].numpy())
    return np.stack(skins)


def looking(place: np.ndarray) -> np.ndarray:
    """World -> camera [4,4] of a camera at `place` that looks at a point 0.9 m above the origin."""
    forward = np.array([0, 0, 0.9]) - place
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    world = np.eye(4)
    world[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    world[:3, 3] = -world[:3, :3] @ place
    return world


def hash_of(name: str) -> int:
    return sum(name.encode())


if __name__ == "__main__":
    main()
