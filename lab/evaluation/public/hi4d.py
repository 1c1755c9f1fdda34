"""Hi4D (Yin et al., CVPR 2023): two people in close contact in a studio, registered SMPL, eight cameras.

To be had from https://hi4d.ait.ethz.ch on application. Layout, as its repository describes it (github.com/yifeiyin04/Hi4D,
dataset.md): FOLDER/pairXX/ACTIONXX/ with `meta.npz` (`start`, `end`: first and last frame; `mono_cam`: the camera chosen for
tasks with one view), `cameras/rgb_cameras.npz` (`ids` [8], `intrinsics` [8,3,3], `extrinsics` [8,3,4] world -> camera),
`images/CAM/000XXX.jpg`, `smpl/000XXX.npz` (`joints_3d` [2,24,3] metres) and `seg/img_seg_mask/CAM/{0,1}/000XXX.png`. The
pictures are undistorted already (issue 4 there), the world has Y up, and the rate is 30 frames a second.

Split: the authors give none (issue 4 there: "a test benchmark"). `test` here is pairs 28, 32 and 37, which Sapiens evaluates on
(github.com/facebookresearch/sapiens, issue 194); `dev` is the rest. BUDDI and CloseInt evaluate on pairs named in files of
theirs that are not in their repositories, CloseInt over all eight cameras on 14 joints regressed for LSP about the middle of
the hips, in windows of 16 frames: our numbers (one camera, 22 joints about the pelvis, whole clips) are not theirs.
"""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from core.motion import BODY_COUNT, Camera

from ..benchmark_clip import OCCLUDED, TRUNCATED, UNKNOWN, VISIBLE
from ..image_sequence import ImageSequence
from .clips import Listed, PublicClip, damaged, folders_in, no_clips, outside, pixels_of, read_arrays
from .smpl_joints import from_smpl, upright, upright_camera

RATE = 30.0
TEST_PAIRS = ("pair28", "pair32", "pair37")
GET_IT = "Apply for Hi4D at https://hi4d.ait.ethz.ch and unpack it so that pair00, pair01, ... lie in the folder."


def listed(folder: Path, split: str) -> list[Listed]:
    """The sequences of a split. UserError `no-public-data` where there are none."""
    found = [
        Listed(f"{pair.name}/{action.name}", re.sub(r"\d+$", "", action.name), (pair.name, action.name))
        for pair in folders_in(folder, "pair*")
        for action in folders_in(pair)
        if (action / "meta.npz").is_file() and (pair.name in TEST_PAIRS) == (split == "test")
    ]
    if not found:
        pairs = " or ".join(TEST_PAIRS) if split == "test" else f"pairs but {', '.join(TEST_PAIRS)}"
        raise no_clips(folder, f"sequences of Hi4D's {pairs}", GET_IT)
    return found


def load(folder: Path, clip: Listed) -> PublicClip:
    """One sequence from the camera that its authors chose."""
    root = folder.joinpath(*clip.place)
    meta = read_arrays(root / "meta.npz", ("start", "end", "mono_cam"))
    number = int(meta["mono_cam"])
    camera = _camera(root / "cameras" / "rgb_cameras.npz", number)
    paths = {int(path.stem): path for path in sorted((root / "images" / str(number)).glob("*.jpg"))}
    frames = [frame for frame in range(int(meta["start"]), int(meta["end"]) + 1) if frame in paths]
    if not frames:
        raise damaged(root / "images" / str(number), "it holds none of the sequence's pictures")
    first = cv2.imread(str(paths[frames[0]]))
    if first is None:
        raise damaged(paths[frames[0]], "it cannot be read")
    size = (first.shape[1], first.shape[0])
    joints = from_smpl(upright(np.stack([_joints(root / "smpl" / f"{frame:06d}.npz") for frame in frames], 1)))
    masks = root / "seg" / "img_seg_mask" / str(number)
    hidden = None
    if masks.is_dir():
        hidden = visibility(joints[:, :, :BODY_COUNT], camera, size, [_masks(masks, frame) for frame in frames])
    return PublicClip(ImageSequence(tuple(paths[frame] for frame in frames), RATE), None, joints, camera, size, hidden)


def visibility(joints: np.ndarray, camera: Camera, size: tuple[int, int], masks: list[np.ndarray | None]) -> np.ndarray:
    """uint8 [2,T,22] of joints [2,T,22,3] by whose mask [2,H,W] they fall on in each frame.

    SEEN on their own person's, HIDDEN on the other's, OUTSIDE the picture; UNKNOWN on neither (next to an outline) or both.
    """
    found = outside(joints, camera, size)
    pixels = np.nan_to_num(pixels_of(joints, camera)[0]).round().astype(int)
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
        raise damaged(path, f"it has no camera {number}")
    world = np.eye(4)
    world[:3] = arrays["extrinsics"][where[0]]
    return Camera(arrays["intrinsics"][where[0]].astype(np.float64), upright_camera(world))


def _joints(path: Path) -> np.ndarray:
    """float64 [2,24,3], NaN where the frame has no registration."""
    if not path.is_file():
        return np.full((2, 24, 3), np.nan)
    joints = read_arrays(path, ("joints_3d",))["joints_3d"]
    if joints.shape != (2, 24, 3):
        raise damaged(path, f"joints_3d has the shape {joints.shape}, not (2, 24, 3)")
    return joints.astype(np.float64)


def _masks(folder: Path, frame: int) -> np.ndarray | None:
    """bool [2,H,W]; None where one is missing."""
    found = (cv2.imread(str(folder / str(person) / f"{frame:06d}.png"), cv2.IMREAD_GRAYSCALE) for person in (0, 1))
    pictures = [picture > 0 for picture in found if picture is not None]
    return np.stack(pictures) if len(pictures) == 2 else None
