"""A clip of a public data set as its reader hands it on, and how it becomes a shot: from the pixels, through the product."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from core.body.model import BodyModel
from core.contract.errors import UserError
from core.motion import BODY_COUNT, Camera, PairMotion

from ..benchmark_clip import TRUNCATED, UNKNOWN, BenchmarkClip, GroundTruth
from ..image_sequence import ImageSequence
from ..perception_cache import PerceptionCache


@dataclass(frozen=True)
class Listed:
    """A clip before anything of it but names is read."""

    name: str
    """Unique in its set."""
    family: str
    """The kind of action."""
    place: tuple[str, ...]
    """What its reader needs to find it."""


@dataclass(frozen=True)
class PublicClip:
    """P = 2 people, T frames of the pictures, from 0. World: metres, Z up; where its floor is, the sets do not say."""

    pictures: Path | ImageSequence
    """A video, or pictures."""
    frames: tuple[int, int] | None
    """Of the video, first and last that are reconstructed; None for all."""
    joints: np.ndarray
    """float32 [P,T,55,3], NaN where nothing is annotated."""
    camera: Camera
    image_size: tuple[int, int]
    hidden: np.ndarray | None = None
    """uint8 [P,T,22] visibility; None where only the picture's edge is known."""
    motion: PairMotion | None = None
    """On bodies of SMPL-X's topology, with `bodies`; None where there are joints only."""
    bodies: tuple[BodyModel, BodyModel] | None = None


def shot_of(listed: Listed, clip: PublicClip, body: BodyModel, onlooker: PerceptionCache) -> BenchmarkClip:
    """The clip as methods and scores take it; `body` is the one that methods fit.

    Feet and contacts are not annotated in a way that ours could be compared with: they stay empty, and so do the measures of
    them. No sentence: what the sets say of their clips is not for methods to know.
    """
    if isinstance(clip.pictures, ImageSequence):
        seen, video = onlooker.detect_two_in_images(clip.pictures), None
    else:
        seen, video = onlooker.detect_two(clip.pictures, clip.frames), clip.pictures
    people, frames = clip.joints.shape[:2]
    visibility = clip.hidden
    if visibility is None:
        visibility = outside(clip.joints[:, :, :BODY_COUNT], clip.camera, clip.image_size)
    known = clip.motion is not None and clip.bodies is not None
    known = known and all(len(own.v_template) == len(body.v_template) for own in clip.bodies or ())
    truth = GroundTruth(
        motion=clip.motion if known and clip.motion is not None else unknown_motion(people, frames),
        bodies=clip.bodies if known and clip.bodies is not None else (body, body),
        joints=clip.joints,
        foot_contact=np.zeros((people, frames, 2), bool),
        contacts=(),
        camera=clip.camera,
        visibility=visibility,
        has_meshes=known,
    )
    return BenchmarkClip(listed.name, listed.family, truth, seen.detections, (), {"perception": seen.seconds}, video)


def outside(joints: np.ndarray, camera: Camera, image_size: tuple[int, int]) -> np.ndarray:
    """uint8 [P,T,J]: OUTSIDE for joints [P,T,J,3] beyond the picture's edge, UNKNOWN for all others."""
    pixels, before = pixels_of(joints, camera)
    inside = before & ((pixels >= 0) & (pixels < image_size)).all(-1)
    return np.where(inside | ~np.isfinite(joints).all(-1), UNKNOWN, TRUNCATED).astype(np.uint8)


def pixels_of(points: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Where the camera sees world points [...,3]: pixels [...,2], and whether they are before it [...]."""
    seen = points @ camera.T_cw[:3, :3].T + camera.T_cw[:3, 3]
    with np.errstate(invalid="ignore", divide="ignore"):
        pixels = seen[..., :2] / seen[..., 2:] @ camera.K[:2, :2].T + camera.K[:2, 2]
        return pixels, seen[..., 2] > 0


def unknown_motion(people: int, frames: int) -> PairMotion:
    """NaN, so that nobody takes it for one."""

    def nothing(*shape: int) -> np.ndarray:
        return np.full(shape, np.nan, np.float32)

    return PairMotion(
        nothing(people, frames, 3), nothing(people, frames, BODY_COUNT - 1, 3), nothing(people, frames, 15, 3),
        nothing(people, frames, 15, 3), nothing(people, frames, 3), nothing(people, 16),
    )  # fmt: skip


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Some arrays of an npz and no others, for theirs may hold pickled objects. UserError `public-data-damaged`."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in names}
    except KeyError as error:
        raise damaged(path, f"it has no {error}") from error
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise damaged(path, str(error)) from error


def damaged(path: Path, problem: str) -> UserError:
    return UserError("public-data-damaged", f"{path} is not as its data set describes it: {problem}.", "Get it again.")


def no_clips(folder: Path, looked_for: str, get_it: str) -> UserError:
    return UserError("no-public-data", f"{folder} holds no {looked_for}.", get_it)


def folders_in(folder: Path, pattern: str = "*") -> list[Path]:
    return [path for path in sorted(folder.glob(pattern)) if path.is_dir() and not path.name.startswith(".")]


def wrong_split(split: str, choices: Sequence[str]) -> UserError:
    return UserError("unknown-split", f"There is no split {split!r}.", f"Choose one of {', '.join(choices)}.")
