"""Harmony4D (Khirodkar et al., NeurIPS 2024): hugging, grappling, dancing, martial arts; SMPL from more than twenty cameras.

From huggingface.co/datasets/Jyun-Ting/Harmony4D. Layout (github.com/jyuntins/harmony4d, DOWNLOAD.md and its loaders):
FOLDER/{train,test}/NN_ACTION/NNN_ACTION/ with `exo/camNN/images/NNNNN.jpg` (from 00001 on), `colmap/workplace/cameras.txt` and
`images.txt` (COLMAP's text files: OPENCV_FISHEYE lenses, world -> camera in COLMAP's own world and scale) and
`processed_data/smpl/NNNNN.npy`. SMPL and `joints` (45, of which the first 24 are SMPL's) are in a metric world with Z up
(issues 4 and 9 there); COLMAP's world is a similarity of it.

**Two things are pickles, which we never open.** Convert them once, in a Python of yours, if you trust the files; for every
sequence:

    import glob, pathlib, pickle, numpy as np
    people = [np.load(path, allow_pickle=True).item() for path in sorted(glob.glob("processed_data/smpl/*.npy"))]
    stamps = [int(pathlib.Path(path).stem) for path in sorted(glob.glob("processed_data/smpl/*.npy"))]
    joints = np.array([[one[name]["joints"][:24] for one in people] for name in ("aria01", "aria02")])
    np.savez("processed_data/smpl_joints.npz", time_stamps=stamps, joints=joints.astype("float32"))
    transforms = pickle.load(open("colmap/workplace/colmap_from_aria_transforms.pkl", "rb"))
    np.save("colmap/workplace/colmap_from_world.npy", np.asarray(transforms["aria01"], float))

The last two lines are not needed where `colmap/workplace/scale.npy` is there, which takes COLMAP's world to the metric one.
So what is read is `processed_data/smpl_joints.npz` (`time_stamps` int [T], `joints` [2,T,24,3]) and one of the two [4,4] arrays.

Split: the set's own folders, `test` and (as `dev`) `train`. Of each sequence one camera, cam01 where it is there, as the
authors' own scripts do for a single view. The pictures are straightened and made no wider than 1920 pixels. At which rate they
were taken is not written where we looked: RATE is assumed, on which jitter depends, and how fast methods think people move.
Published are MPJPE, PA-MPJPE and PVE of each person.
"""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from core.contract.errors import UserError
from core.motion import Camera

from ..image_sequence import FisheyeLens, ImageSequence, straightened
from .clips import Listed, PublicClip, damaged, folders_in, no_clips, read_arrays
from .smpl_joints import from_smpl

RATE = 20.0
MOST_WIDTH = 1920
_FOLDERS = {"test": "test", "dev": "train"}
GET_IT = "Get Harmony4D from huggingface.co/datasets/Jyun-Ting/Harmony4D, so that `train` and `test` lie in the folder."
CONVERT = "Convert the set's pickles once with the few lines that lab/evaluation/public/harmony4d.py begins with."


def listed(folder: Path, split: str) -> list[Listed]:
    """The sequences of a split. UserError `no-public-data` where there are none."""
    found = [
        Listed(f"{action.name}/{sequence.name}", re.sub(r"^\d+_|\d+$", "", action.name), (action.name, sequence.name))
        for action in folders_in(folder / _FOLDERS[split])
        for sequence in folders_in(action)
        if (sequence / "exo").is_dir()
    ]
    if not found:
        raise no_clips(folder, f"sequences in {_FOLDERS[split]}/", GET_IT)
    return [Listed(clip.name, clip.family, (_FOLDERS[split], *clip.place)) for clip in found]


def load(folder: Path, clip: Listed) -> PublicClip:
    """One sequence from one camera. UserError `public-data-pickled` where it still has to be converted."""
    root = folder.joinpath(*clip.place)
    name, world, lens = _camera(root)
    paths = sorted((root / "exo" / name / "images").glob("*.jpg"))
    stamps, annotated = _annotations(root)
    joints = np.full((2, len(paths), 24, 3), np.nan, np.float32)
    where = {int(stamp): index for index, stamp in enumerate(stamps)}
    for frame, path in enumerate(paths):
        if int(path.stem) in where:
            joints[:, frame] = annotated[:, where[int(path.stem)], :24]
    camera = Camera(lens.straight_K, world)
    return PublicClip(ImageSequence(tuple(paths), RATE, lens), None, from_smpl(joints), camera, lens.straight_size)


def _annotations(root: Path) -> tuple[np.ndarray, np.ndarray]:
    """Time stamps [T] and joints [2,T,24 or more,3]."""
    path = root / "processed_data" / "smpl_joints.npz"
    if not path.is_file():
        if (root / "processed_data" / "smpl").is_dir():
            raise UserError("public-data-pickled", f"The annotations of {root} are pickles.", CONVERT)
        raise damaged(path, "it is missing")
    arrays = read_arrays(path, ("time_stamps", "joints"))
    stamps, joints = arrays["time_stamps"], arrays["joints"]
    if joints.ndim != 4 or joints.shape[:2] != (2, len(stamps)) or joints.shape[2] < 24 or joints.shape[3] != 3:
        raise damaged(path, f"joints has the shape {joints.shape}, not (2, {len(stamps)}, 24, 3)")
    return stamps, joints


def _camera(root: Path) -> tuple[str, np.ndarray, FisheyeLens]:
    """The name of the first camera that has pictures and a calibration, its [4,4] metric world -> camera, and its lens."""
    calibration = root / "colmap" / "workplace"
    lenses, places = read_cameras(calibration / "cameras.txt"), read_images(calibration / "images.txt")
    for folder in folders_in(root / "exo", "cam*"):
        first = next(iter(sorted((folder / "images").glob("*.jpg"))), None)
        if first is None or folder.name not in places:
            continue
        number, world = places[folder.name]
        picture = cv2.imread(str(first))
        if picture is None:
            raise damaged(first, "it cannot be read")
        K, distortion = lenses[number]
        size = (picture.shape[1], picture.shape[0])
        return folder.name, metric_camera(world, _to_colmap(calibration)), straightened(K, distortion, size, MOST_WIDTH)
    raise damaged(root, "none of its exo cameras has pictures and a calibration")


def metric_camera(colmap_camera: np.ndarray, to_colmap: np.ndarray) -> np.ndarray:
    """[4,4] metric world -> camera, from COLMAP's world -> camera and the similarity from the metric world to COLMAP's.

    The product of the two scales; divided by the scale it is rigid again, and the camera's frame metric.
    """
    both = colmap_camera @ to_colmap
    scale = float(np.cbrt(np.linalg.det(both[:3, :3])))
    world = np.eye(4)
    world[:3] = both[:3] / scale
    return world


def _to_colmap(calibration: Path) -> np.ndarray:
    """[4,4] similarity from the metric world to COLMAP's."""
    for name, invert in (("scale.npy", True), ("colmap_from_world.npy", False)):
        path = calibration / name
        if path.is_file():
            try:
                matrix = np.load(path, allow_pickle=False).astype(np.float64)
            except (OSError, ValueError, EOFError) as error:
                raise damaged(path, str(error)) from error
            if matrix.shape != (4, 4):
                raise damaged(path, f"it has the shape {matrix.shape}, not (4, 4)")
            return np.linalg.inv(matrix) if invert else matrix
    raise UserError("public-data-pickled", f"The transform from Aria's world in {calibration} is a pickle.", CONVERT)


def read_cameras(path: Path) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """K [3,3] and k1 to k4 of every OPENCV_FISHEYE camera in COLMAP's cameras.txt, by its number."""
    found = {}
    for line in _lines(path):
        words = line.split()
        if len(words) == 12 and words[1] == "OPENCV_FISHEYE":
            fx, fy, cx, cy, *distortion = (float(word) for word in words[4:])
            # COLMAP's pixel centres are at halves
            K = np.array([[fx, 0, cx - 0.5], [0, fy, cy - 0.5], [0, 0, 1]])
            found[int(words[0])] = (K, np.array(distortion))
    return found


def read_images(path: Path) -> dict[str, tuple[int, np.ndarray]]:
    """Number and [4,4] world -> camera of every camera in COLMAP's images.txt, by the folder of its first picture.

    A picture is two lines, of which the second, its points, may be empty. The cameras stand still.
    """
    found: dict[str, tuple[int, np.ndarray]] = {}
    for line in sorted(_lines(path)[::2], key=lambda line: line.split()[-1] if line.split() else ""):
        words = line.split()
        if len(words) != 10 or "/" not in words[9]:
            continue
        w, x, y, z = (float(word) for word in words[1:5])
        world = np.eye(4)
        world[:3, :3] = Rotation.from_quat([x, y, z, w]).as_matrix()
        world[:3, 3] = [float(word) for word in words[5:8]]
        found.setdefault(words[9].split("/")[0], (int(words[8]), world))
    return found


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    except (OSError, UnicodeDecodeError) as error:
        raise damaged(path, str(error)) from error
