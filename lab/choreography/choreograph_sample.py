"""Make the sample clip and its truth: samples/handshake_hug.mp4, handshake_hug_truth.npz and handshake_hug_contacts.json.

Two people of the free body walk up, shake hands, hug and part (`sample_scene.py`), on motion capture of the dev split; Blender
as a Python module (--blender) renders them. The truth holds what `reconstruction.npz` holds of a motion, under the same
names, and `planted` bool [P,T,2]; beside the contacts stand the recordings underneath.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from core.body.files import DEFAULT_BODY, load_body
from core.body.model import BodyModel
from core.contract.errors import UserError
from core.contract.files import read_npz, replacing, write_json, write_npz
from core.motion import PairMotion, pose_motion

from ..face_landmarks import face_landmarks
from ..mocap.action_detection import find_windows
from ..mocap.library import load_library
from ..paths import ROOT, SAMPLES
from ..rendering.blender_process import render_movie
from ..rendering.cameras import look_at
from .appearance.clothing import SAMPLE_OUTFITS, dress, offset_by_thickness
from .generation import to_interaction
from .interaction import Interaction
from .sample_scene import compose
from .scene_sampler import SceneSampler
from .solve import solve
from .splits import captures_of
from .validation import validate

NAME = "handshake_hug"
SIZE = (960, 540)
_LENS, _SENSOR = 35.0, 36.0
"""mm"""
_CAMERA_PLACE, _CAMERA_TARGET = (1.25, -4.0, 1.5), (0.0, 0.0, 0.93)


def make_sample(arguments: argparse.Namespace) -> None:
    """Run `python -m lab sample`; the arguments are those of `lab.commands.sample`."""
    torch.set_num_threads(1)  # what a seed gives must not hang on how many there are
    body = load_body(None)
    truth_file, contacts_file, clip = (SAMPLES / f"{NAME}{end}" for end in ("_truth.npz", "_contacts.json", ".mp4"))
    if arguments.render_only:
        render(body, read_npz(truth_file), clip, arguments.blender)
        return
    made = choreographed(body, arguments.motion, arguments.cache, arguments.seed)
    truth = truth_arrays(body, made)
    render(body, truth, clip, arguments.blender)
    write_npz(truth_file, truth)
    words = {"sources": list(made.sources), "contacts": [contact.to_json() for contact in made.contacts]}
    write_json(contacts_file, {"body": body.identity, **words})


def choreographed(body: BodyModel, motion: Path, cache: Path, seed: int) -> Interaction:
    """The sample's interaction. UserError `bad-sample` if it does not pass the checks of ground truth."""
    captures = captures_of(load_library(motion, cache), "dev")
    sampler = SceneSampler(body, lambda kind, frames: find_windows(captures, kind, frames))
    scene = compose(sampler, np.random.default_rng(seed))
    solution = solve(scene, report=_say)
    verdict = validate(scene, solution)
    print(", ".join(f"{name} {value:.1f}" for name, value in verdict.metrics.items()))
    print(f"{scene.frames} frames, {len(verdict.contacts)} contacts of regions, of {', '.join(scene.sources)}")
    if not verdict.ok:
        raise UserError(
            "bad-sample", f"The clip is not good enough: {'; '.join(verdict.reasons)}.", "Try another --seed."
        )
    return to_interaction(NAME, scene, solution, verdict)


def truth_arrays(body: BodyModel, made: Interaction) -> dict[str, np.ndarray]:
    """The arrays of the sample's ground truth, in the world, under their names in the file."""
    posed = pose_motion(body, made.motion)
    frames = made.frames
    K, world = camera()
    return {
        "frame_index": np.arange(frames, dtype=np.int32),
        "time": np.arange(frames) / made.rate,
        **vars(made.motion),
        "jaw_pose": np.zeros((2, frames, 3), np.float32),
        "joints": posed.joints.numpy(),
        "rest_joints": posed.rest[:, 0].numpy(),
        "camera_K": np.tile(K, (frames, 1, 1)).astype(np.float32),
        "camera_world": np.tile(world, (frames, 1, 1)).astype(np.float32),
        "planted": made.foot_contact,
    }


def camera() -> tuple[np.ndarray, np.ndarray]:
    """K [3,3] px, and T_cw [4,4]."""
    focal = SIZE[0] * _LENS / _SENSOR
    K = np.array([[focal, 0, SIZE[0] / 2], [0, focal, SIZE[1] / 2], [0, 0, 1]])
    return K, look_at(np.array(_CAMERA_PLACE), np.array(_CAMERA_TARGET))


def render(body: BodyModel, truth: dict[str, np.ndarray], clip: Path, blender: Path) -> None:
    """Render the interaction as the sample clip, with Blender."""
    names = ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose", "pelvis", "betas")
    skin = pose_motion(body, PairMotion(**{name: truth[name] for name in names})).skin(body).numpy()
    faces, face = body.faces.numpy(), face_landmarks(DEFAULT_BODY)
    dressed = [dress(body, face, outfit) for outfit in SAMPLE_OUTFITS]
    scene = {
        "vertices": np.stack(
            [offset_by_thickness(skin[p], faces, clothes.thickness) for p, clothes in enumerate(dressed)]
        ),
        "faces": faces.astype(np.int32),
        "materials": np.stack([clothes.materials for clothes in dressed]),
        "colours": np.array([outfit.colours for outfit in SAMPLE_OUTFITS], np.float32),
        "camera_K": truth["camera_K"],
        "camera_world": truth["camera_world"],
        "image_size": np.array(SIZE),
        "rate": np.array(1 / np.diff(truth["time"]).mean()),
        "room": np.array(0),
    }
    with replacing(clip) as rendered:
        render_movie(scene, rendered, blender)
    print(f"{clip.relative_to(ROOT)}: {clip.stat().st_size / 1e6:.2f} MB")


def _say(step: int, terms: dict[str, float]) -> None:
    print(f"step {step}: " + ", ".join(f"{name} {value:.2f}" for name, value in terms.items()), flush=True)
