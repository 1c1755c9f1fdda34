"""Harmony4D (Khirodkar et al., NeurIPS 2024): hugging, grappling, dancing, martial arts; SMPL from more than twenty cameras.

From huggingface.co/datasets/Jyun-Ting/Harmony4D. Layout (github.com/jyuntins/harmony4d, DOWNLOAD.md and its loaders):
FOLDER/{train,test}/NN_ACTION/NNN_ACTION/ with `exo/camNN/images/NNNNN.jpg` (from 00001 on), `colmap/workplace/cameras.txt` and
`images.txt` (COLMAP's text files: OPENCV_FISHEYE lenses, world -> camera in COLMAP's own world and scale) and
`processed_data/smpl/NNNNN.npy`. SMPL and `joints` (45, of which the first 24 are SMPL's) are in a metric world with Z up
(issues 4 and 9 there); COLMAP's world is a similarity of it.

**Two of its files are pickles, which this code never opens.** If you trust them, convert them once, for every sequence:

    import glob, pathlib, pickle, numpy as np
    people = [np.load(path, allow_pickle=True).item() for path in sorted(glob.glob("processed_data/smpl/*.npy"))]
    stamps = [int(pathlib.Path(path).stem) for path in sorted(glob.glob("processed_data/smpl/*.npy"))]
    joints = np.array([[one[name]["joints"][:24] for one in people] for name in ("aria01", "aria02")])
    np.savez("processed_data/smpl_joints.npz", time_stamps=stamps, joints=joints.astype("float32"))
    transforms = pickle.load(open("colmap/workplace/colmap_from_aria_transforms.pkl", "rb"))
    np.save("colmap/workplace/colmap_from_world.npy", np.asarray(transforms["aria01"], float))

The last two lines are not needed if there is `colmap/workplace/scale.npy`, which takes COLMAP's world to the metric one. The
reader needs `processed_data/smpl_joints.npz` (`time_stamps` int [T], `joints` [2,T,24,3]) and one of the two [4,4] arrays.

Split: the set's own folders, `test` and (as `dev`) `train`. Of each sequence one camera is used, cam01 if it exists, as in the
authors' own scripts for a single view. Images are undistorted and at most 1920 pixels wide. Their frame rate is not documented
where we looked: RATE is an assumption, which jitter and the speed of motions depend on. Published metrics are MPJPE, PA-MPJPE
and PVE of each person.
"""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from core.contract.errors import UserError
from core.contract.rotations import rigid_transform
from core.motion import Camera

from ..image_sequence import FisheyeLens, ImageSequence, undistorting_lens
from .clips import ListedClip, PublicClip, damaged_file, no_clips, read_arrays, subfolders
from .smpl_joints import from_smpl

RATE = 20.0
MOST_WIDTH = 1920
_FOLDERS = {"test": "test", "dev": "train"}
HOW_TO_GET = (
    "Get Harmony4D from huggingface.co/datasets/Jyun-Ting/Harmony4D, so that `train` and `test` lie in the folder."
)
CONVERT = "Convert the dataset's pickles once with the script at the top of lab/evaluation/public/harmony4d.py."


def list_clips(folder: Path, split: str) -> list[ListedClip]:
    """The sequences of a split. UserError `no-public-data`."""
    found = [
        ListedClip(
            f"{action.name}/{sequence.name}", re.sub(r"^\d+_|\d+$", "", action.name), (action.name, sequence.name)
        )
        for action in subfolders(folder / _FOLDERS[split])
        for sequence in subfolders(action)
        if (sequence / "exo").is_dir()
    ]
    if not found:
        raise no_clips(folder, f"sequences in {_FOLDERS[split]}/", HOW_TO_GET)
    return [ListedClip(clip.name, clip.family, (_FOLDERS[split], *clip.location)) for clip in found]


def load(folder: Path, clip: ListedClip) -> PublicClip:
    """One sequence from one camera. UserError `public-data-pickled` if it has not been converted."""
    root = folder.joinpath(*clip.location)
    name, T_cw, lens = _camera(root)
    paths = sorted((root / "exo" / name / "images").glob("*.jpg"))
    stamps, annotated = _annotations(root)
    joints = np.full((2, len(paths), 24, 3), np.nan, np.float32)
    where = {int(stamp): index for index, stamp in enumerate(stamps)}
    for frame, path in enumerate(paths):
        if int(path.stem) in where:
            joints[:, frame] = annotated[:, where[int(path.stem)], :24]
    camera = Camera(lens.pinhole_K, T_cw)
    return PublicClip(ImageSequence(tuple(paths), RATE, lens), None, from_smpl(joints), camera, lens.pinhole_size)


def _annotations(root: Path) -> tuple[np.ndarray, np.ndarray]:
    """Time stamps [T] and joints [2,T,24 or more,3]."""
    path = root / "processed_data" / "smpl_joints.npz"
    if not path.is_file():
        if (root / "processed_data" / "smpl").is_dir():
            raise UserError("public-data-pickled", f"The annotations of {root} are pickles.", CONVERT)
        raise damaged_file(path, "it is missing")
    arrays = read_arrays(path, ("time_stamps", "joints"))
    stamps, joints = arrays["time_stamps"], arrays["joints"]
    if joints.ndim != 4 or joints.shape[:2] != (2, len(stamps)) or joints.shape[2] < 24 or joints.shape[3] != 3:
        raise damaged_file(path, f"joints has the shape {joints.shape}, not (2, {len(stamps)}, 24, 3)")
    return stamps, joints


def _camera(root: Path) -> tuple[str, np.ndarray, FisheyeLens]:
    """Name, metric world -> camera [4,4] and lens of the first camera that has images and a calibration."""
    calibration = root / "colmap" / "workplace"
    lenses, extrinsics = read_cameras(calibration / "cameras.txt"), read_images(calibration / "images.txt")
    for folder in subfolders(root / "exo", "cam*"):
        first = next(iter(sorted((folder / "images").glob("*.jpg"))), None)
        if first is None or folder.name not in extrinsics:
            continue
        number, T_cw = extrinsics[folder.name]
        image = cv2.imread(str(first))
        if image is None:
            raise damaged_file(first, "it cannot be read")
        K, distortion = lenses[number]
        lens = undistorting_lens(K, distortion, (image.shape[1], image.shape[0]), MOST_WIDTH)
        return folder.name, metric_camera(T_cw, _to_colmap(calibration)), lens
    raise damaged_file(root, "none of its exo cameras has images and a calibration")


def metric_camera(
    colmap_camera: Float[np.ndarray, "4 4"], to_colmap: Float[np.ndarray, "4 4"]
) -> Float[np.ndarray, "4 4"]:
    """Metric world -> camera, from COLMAP's world -> camera and the similarity from the metric world to COLMAP's.

    The product of the two contains the similarity's scale; divided by it, it is rigid and the camera's frame metric.
    """
    product = colmap_camera @ to_colmap
    T_cw = np.eye(4)
    T_cw[:3] = product[:3] / float(np.cbrt(np.linalg.det(product[:3, :3])))
    return T_cw


def _to_colmap(calibration: Path) -> np.ndarray:
    """[4,4] similarity from the metric world to COLMAP's."""
    for name, invert in (("scale.npy", True), ("colmap_from_world.npy", False)):
        path = calibration / name
        if path.is_file():
            try:
                matrix = np.load(path, allow_pickle=False).astype(np.float64)
            except (OSError, ValueError, EOFError) as error:
                raise damaged_file(path, str(error)) from error
            if matrix.shape != (4, 4):
                raise damaged_file(path, f"it has the shape {matrix.shape}, not (4, 4)")
            return np.linalg.inv(matrix) if invert else matrix
    raise UserError("public-data-pickled", f"The transform from Aria's world in {calibration} is a pickle.", CONVERT)


def read_cameras(path: Path) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """K [3,3] and k1 to k4 [4] of every OPENCV_FISHEYE camera in COLMAP's cameras.txt, by its number."""
    found = {}
    for line in _lines(path):
        words = line.split()
        if len(words) == 12 and words[1] == "OPENCV_FISHEYE":
            fx, fy, cx, cy, *distortion = (float(word) for word in words[4:])
            # COLMAP's pixel centres have half-integer coordinates
            K = np.array([[fx, 0, cx - 0.5], [0, fy, cy - 0.5], [0, 0, 1]])
            found[int(words[0])] = (K, np.array(distortion))
    return found


def read_images(path: Path) -> dict[str, tuple[int, np.ndarray]]:
    """Number and [4,4] world -> camera of every camera in COLMAP's images.txt, by the folder of its first image.

    An image takes two lines, of which the second, its points, may be empty. The cameras are static.
    """
    found: dict[str, tuple[int, np.ndarray]] = {}
    for line in sorted(_lines(path)[::2], key=lambda line: line.split()[-1] if line.split() else ""):
        words = line.split()
        if len(words) != 10 or "/" not in words[9]:
            continue
        w, x, y, z = (float(word) for word in words[1:5])
        translation = np.array([float(word) for word in words[5:8]])
        T_cw = rigid_transform(Rotation.from_quat([x, y, z, w]).as_matrix(), translation)
        found.setdefault(words[9].split("/")[0], (int(words[8]), T_cw))
    return found


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    except (OSError, UnicodeDecodeError) as error:
        raise damaged_file(path, str(error)) from error
