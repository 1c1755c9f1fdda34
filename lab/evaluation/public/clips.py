"""A clip of a public dataset as its reader returns it, and how it becomes a clip of a benchmark: through the whole pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Bool, Float, UInt8

from core.body.model import BodyModel
from core.contract.errors import UserError
from core.motion import BODY_COUNT, Camera, PairMotion
from core.transforms import transform_points

from ..benchmark_clip import TRUNCATED, UNKNOWN, BenchmarkClip, GroundTruth
from ..image_sequence import ImageSequence
from ..perception_cache import PerceptionCache


@dataclass(frozen=True)
class ListedClip:
    """A clip of which only names were read."""

    name: str
    """Unique in its dataset."""
    family: str
    """The kind of interaction."""
    location: tuple[str, ...]
    """What its reader needs to find it."""


@dataclass(frozen=True)
class PublicClip:
    """P = 2 people, T frames of the images, from 0. World: metres, Z up; the datasets do not say where the floor is."""

    images: Path | ImageSequence
    """A video, or images."""
    frames: tuple[int, int] | None
    """First and last frame of the video to reconstruct; None for all."""
    joints: Float[np.ndarray, "P T 55 3"]
    """float32, world; NaN where there is no annotation."""
    camera: Camera
    image_size: tuple[int, int]
    visibility: UInt8[np.ndarray, "P T 22"] | None = None
    """None where only truncation is known, which follows from the camera."""
    motion: PairMotion | None = None
    """On `bodies`, which have SMPL-X's topology; None where only joints are annotated."""
    bodies: tuple[BodyModel, BodyModel] | None = None


def benchmark_clip(listed: ListedClip, clip: PublicClip, body: BodyModel, perception: PerceptionCache) -> BenchmarkClip:
    """The clip with its detections; `body` is the body that methods fit.

    Foot contacts and contacts are not annotated in a comparable way: they stay empty, and their metrics undefined. There is no
    sentence, because methods must not know the dataset's own labels.
    """
    if isinstance(clip.images, ImageSequence):
        found, video = perception.detect_two_in_images(clip.images), None
    else:
        found, video = perception.detect_two(clip.images, clip.frames), clip.images
    people, frames = clip.joints.shape[:2]
    visibility = clip.visibility
    if visibility is None:
        visibility = truncation(clip.joints[:, :, :BODY_COUNT], clip.camera, clip.image_size)
    has_meshes = clip.motion is not None and clip.bodies is not None
    has_meshes = has_meshes and all(len(own.v_template) == len(body.v_template) for own in clip.bodies or ())
    truth = GroundTruth(
        motion=clip.motion if has_meshes and clip.motion is not None else _unknown_motion(people, frames),
        bodies=clip.bodies if has_meshes and clip.bodies is not None else (body, body),
        joints=clip.joints,
        foot_contact=np.zeros((people, frames, 2), bool),
        contacts=(),
        camera=clip.camera,
        visibility=visibility,
        has_meshes=has_meshes,
    )
    return BenchmarkClip(listed.name, listed.family, truth, found.detections, (), {"perception": found.seconds}, video)


def truncation(
    joints_inworld: Float[np.ndarray, "P T J 3"], camera: Camera, image_size: tuple[int, int]
) -> UInt8[np.ndarray, "P T J"]:
    """TRUNCATED for joints outside the image, UNKNOWN for all others."""
    pixels, is_in_front = project_inworld(joints_inworld, camera)
    inside = is_in_front & ((pixels >= 0) & (pixels < image_size)).all(-1)
    return np.where(inside | ~np.isfinite(joints_inworld).all(-1), UNKNOWN, TRUNCATED).astype(np.uint8)


def project_inworld(
    points_inworld: Float[np.ndarray, "*batch 3"], camera: Camera
) -> tuple[Float[np.ndarray, "*batch 2"], Bool[np.ndarray, "*batch"]]:
    """px of world points, and whether they are in front of the camera."""
    points_incam = transform_points(camera.T_cw, points_inworld)
    with np.errstate(invalid="ignore", divide="ignore"):
        pixels = points_incam[..., :2] / points_incam[..., 2:] @ camera.K[:2, :2].T + camera.K[:2, 2]
        return pixels, points_incam[..., 2] > 0


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Only the named arrays of an npz, because others may hold pickled objects. UserError `public-data-damaged`."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in names}
    except KeyError as error:
        raise damaged_file(path, f"it has no {error}") from error
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise damaged_file(path, str(error)) from error


def damaged_file(path: Path, problem: str) -> UserError:
    return UserError(
        "public-data-damaged", f"{path} is not as its dataset documents it: {problem}.", "Get a new copy of it."
    )


def no_clips(folder: Path, what: str, how_to_get: str) -> UserError:
    return UserError("no-public-data", f"{folder} holds no {what}.", how_to_get)


def wrong_split(split: str, choices: Sequence[str]) -> UserError:
    return UserError("unknown-split", f"There is no split {split!r}.", f"Choose one of {', '.join(choices)}.")


def subfolders(folder: Path, pattern: str = "*") -> list[Path]:
    return [path for path in sorted(folder.glob(pattern)) if path.is_dir() and not path.name.startswith(".")]


def _unknown_motion(people: int, frames: int) -> PairMotion:
    """NaN everywhere, so that nothing takes it for a motion."""

    def nan(*shape: int) -> np.ndarray:
        return np.full(shape, np.nan, np.float32)

    return PairMotion(
        global_orient=nan(people, frames, 3),
        body_pose=nan(people, frames, BODY_COUNT - 1, 3),
        left_hand_pose=nan(people, frames, 15, 3),
        right_hand_pose=nan(people, frames, 15, 3),
        pelvis=nan(people, frames, 3),
        betas=nan(people, 16),
    )
