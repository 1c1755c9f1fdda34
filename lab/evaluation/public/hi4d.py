"""Hi4D (Yin et al., CVPR 2023): two people in close contact in a studio, SMPL registrations, eight cameras.

Available from https://hi4d.ait.ethz.ch on application. Layout, as its repository documents it (github.com/yifeiyin04/Hi4D,
dataset.md): FOLDER/pairXX/ACTIONXX/ with `meta.npz` (`start`, `end`: first and last frame; `mono_cam`: the camera chosen for
tasks with one view), `cameras/rgb_cameras.npz` (`ids` [8], `intrinsics` [8,3,3], `extrinsics` [8,3,4] world -> camera),
`images/CAM/000XXX.jpg`, `smpl/000XXX.npz` (`joints_3d` [2,24,3] metres) and `seg/img_seg_mask/CAM/{0,1}/000XXX.png`. The
images are undistorted (issue 4 there), the world has Y up, and the rate is 30 frames per second.

Split: the authors give none (issue 4 there: "a test benchmark"). `test` here is pairs 28, 32 and 37, which Sapiens evaluates on
(github.com/facebookresearch/sapiens, issue 194); `dev` is the rest. BUDDI and CloseInt evaluate on pairs that are listed in
files outside their repositories, CloseInt with all eight cameras on 14 joints regressed for LSP relative to the middle of the
hips, in windows of 16 frames: our numbers (one camera, 22 joints relative to the pelvis, whole clips) cannot be compared.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from core.motion import BODY_COUNT, Camera

from ..benchmark_clip import OCCLUDED, TRUNCATED, UNKNOWN, VISIBLE
from ..image_sequence import ImageSequence
from .clips import ListedClip, PublicClip, damaged_file, no_clips, project_inworld, read_arrays, subfolders, truncation
from .smpl_joints import camera_z_up, from_smpl, points_z_up

RATE = 30.0
TEST_PAIRS = ("pair28", "pair32", "pair37")
HOW_TO_GET = "Apply for Hi4D at https://hi4d.ait.ethz.ch and unpack it so that pair00, pair01, ... lie in the folder."


def list_clips(folder: Path, split: str) -> list[ListedClip]:
    """The sequences of a split. UserError `no-public-data`."""
    found = [
        ListedClip(f"{pair.name}/{action.name}", re.sub(r"\d+$", "", action.name), (pair.name, action.name))
        for pair in subfolders(folder, "pair*")
        for action in subfolders(pair)
        if (action / "meta.npz").is_file() and (pair.name in TEST_PAIRS) == (split == "test")
    ]
    if not found:
        pairs = " or ".join(TEST_PAIRS) if split == "test" else f"pairs but {', '.join(TEST_PAIRS)}"
        raise no_clips(folder, f"sequences of Hi4D's {pairs}", HOW_TO_GET)
    return found


def load(folder: Path, clip: ListedClip) -> PublicClip:
    """One sequence from the camera that its authors chose."""
    root = folder.joinpath(*clip.location)
    meta = read_arrays(root / "meta.npz", ("start", "end", "mono_cam"))
    number = int(meta["mono_cam"])
    camera = _camera(root / "cameras" / "rgb_cameras.npz", number)
    paths = {int(path.stem): path for path in sorted((root / "images" / str(number)).glob("*.jpg"))}
    frames = [frame for frame in range(int(meta["start"]), int(meta["end"]) + 1) if frame in paths]
    if not frames:
        raise damaged_file(root / "images" / str(number), "it holds no images of the sequence")
    first = cv2.imread(str(paths[frames[0]]))
    if first is None:
        raise damaged_file(paths[frames[0]], "it cannot be read")
    size = (first.shape[1], first.shape[0])
    joints = from_smpl(points_z_up(np.stack([_joints(root / "smpl" / f"{frame:06d}.npz") for frame in frames], 1)))
    masks = root / "seg" / "img_seg_mask" / str(number)
    by_joint = None
    if masks.is_dir():
        by_joint = visibility(joints[:, :, :BODY_COUNT], camera, size, [_masks(masks, frame) for frame in frames])
    return PublicClip(
        ImageSequence(tuple(paths[frame] for frame in frames), RATE), None, joints, camera, size, by_joint
    )


def visibility(
    joints: Float[np.ndarray, "2 T 22 3"], camera: Camera, size: tuple[int, int], masks: Sequence[np.ndarray | None]
) -> UInt8[np.ndarray, "2 T 22"]:
    """Visibility of world joints from the masks bool [2,H,W] of each frame.

    VISIBLE inside their own person's mask, OCCLUDED inside the other's, TRUNCATED outside the image; UNKNOWN inside neither
    (next to an outline) or both.
    """
    found = truncation(joints, camera, size)
    pixels = np.nan_to_num(project_inworld(joints, camera)[0]).round().astype(int)
    for frame, mask in enumerate(masks):
        if mask is None:
            continue
        for person in (0, 1):
            inside = found[person, frame] != TRUNCATED
            column, row = pixels[person, frame][inside].T.clip(0, [[size[0] - 1], [size[1] - 1]])
            own, other = mask[person, row, column], mask[1 - person, row, column]
            known = np.where(own & ~other, VISIBLE, np.where(other & ~own, OCCLUDED, UNKNOWN))
            found[person, frame, inside] = known
    found[~np.isfinite(joints).all(-1)] = UNKNOWN
    return found


def _camera(path: Path, number: int) -> Camera:
    arrays = read_arrays(path, ("ids", "intrinsics", "extrinsics"))
    where = np.flatnonzero(arrays["ids"].astype(int) == number)
    if not len(where):
        raise damaged_file(path, f"it has no camera {number}")
    T_cw = np.eye(4)
    T_cw[:3] = arrays["extrinsics"][where[0]]
    return Camera(arrays["intrinsics"][where[0]].astype(np.float64), camera_z_up(T_cw))


def _joints(path: Path) -> np.ndarray:
    """float64 [2,24,3], NaN for a frame without registration."""
    if not path.is_file():
        return np.full((2, 24, 3), np.nan)
    joints = read_arrays(path, ("joints_3d",))["joints_3d"]
    if joints.shape != (2, 24, 3):
        raise damaged_file(path, f"joints_3d has the shape {joints.shape}, not (2, 24, 3)")
    return joints.astype(np.float64)


def _masks(folder: Path, frame: int) -> np.ndarray | None:
    """bool [2,H,W]; None where one is missing."""
    found = (cv2.imread(str(folder / str(person) / f"{frame:06d}.png"), cv2.IMREAD_GRAYSCALE) for person in (0, 1))
    masks = [image > 0 for image in found if image is not None]
    return np.stack(masks) if len(masks) == 2 else None
