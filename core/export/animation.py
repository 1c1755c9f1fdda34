"""Two people's motion as files need it: 56 bones at a uniform rate, in plain arrays that do not depend on any format.

Whatever was reconstructed or posed becomes an `Animation`; all writers start from it. Every bone's rotation and position are in
the world, so that another root or origin changes nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..contract.contact import Contact
from ..contract.rotations import Y_UP_TO_Z_UP, rigid_transform
from ..contract.skeleton import BONE_PARENTS


@dataclass(frozen=True)
class Picture:
    """An image file."""

    name: str
    data: bytes
    kind: str
    """image/png or image/jpeg."""


@dataclass(frozen=True)
class Material:
    name: str
    colour: tuple[float, float, float, float]
    """Linear red, green, blue, and opacity."""
    metallic: float = 0.0
    roughness: float = 0.8
    picture: Picture | None = None
    """Multiplies the colour, where the UVs put it."""
    is_cut_out: bool = False
    """Whether the picture's alpha is that of the material."""


@dataclass(frozen=True)
class Skin:
    """A person's mesh in the rest pose. V vertices, F triangles, K influences a vertex."""

    vertices: np.ndarray
    """[V,3] metres, Y up, soles on y = 0."""
    faces: np.ndarray
    """int [F,3]"""
    uv: np.ndarray
    """[F,3,2] for each corner of each triangle, the origin at the bottom."""
    bones: np.ndarray
    """int [V,K] into BONES."""
    weights: np.ndarray
    """[V,K]; rows sum to 1, unused entries are 0."""
    materials: tuple[Material, ...] = ()
    """None where there is only the body: the files then have a colour for each person."""
    face_materials: np.ndarray | None = None
    """int [F] into `materials`; None where the first one is that of all faces."""


@dataclass(frozen=True)
class SmplxShape:
    """What only AMASS files hold."""

    betas: np.ndarray
    """[16]"""
    pelvis: np.ndarray
    """[3] metres, position of the pelvis in the rest pose of SMPL-X itself, whose origin is not on the floor."""
    body: str
    """Name and digest of the body file that the betas belong to."""


@dataclass(frozen=True)
class AnimatedPerson:
    """One person. T frames, 56 bones."""

    index: int
    name: str
    rest: np.ndarray
    """[56,3] metres: heads of the bones in a T-pose, Y up and facing +Z, `root` at the origin and the soles on y = 0."""
    rotations: np.ndarray
    """[T,56,3,3] from the rest pose to the world, which is Z up."""
    positions: np.ndarray
    """[T,56,3] metres, in the world."""
    skin: Skin | None = None
    shape: SmplxShape | None = None

    def local_transforms(self) -> tuple[np.ndarray, np.ndarray]:
        """Rotations [T,56,3,3] and translations [T,56,3] relative to each bone's parent; the root's to a world that is Y up."""
        world_to_file = Y_UP_TO_Z_UP.T
        rotations, translations = np.empty_like(self.rotations), np.empty_like(self.positions)
        for bone, parent in enumerate(BONE_PARENTS):
            turn, origin = world_to_file, np.zeros(3)
            if parent >= 0:
                turn, origin = self.rotations[:, parent].swapaxes(-1, -2), self.positions[:, parent]
            rotations[:, bone] = turn @ self.rotations[:, bone]
            translations[:, bone] = (turn @ (self.positions[:, bone] - origin)[..., None])[..., 0]
        return rotations, translations

    def rest_translations(self) -> np.ndarray:
        """[56,3] metres, of each bone relative to its parent in the rest pose."""
        return np.array([self.rest[bone] - (self.rest[p] if p >= 0 else 0) for bone, p in enumerate(BONE_PARENTS)])

    def root_matrices(self) -> np.ndarray:
        """[T,4,4] from the rest pose, stood upright, to the world: the identity is a root at the origin that faces -Y."""
        return rigid_transform(self.rotations[:, 0] @ Y_UP_TO_Z_UP.T, self.positions[:, 0])


@dataclass(frozen=True)
class Animation:
    """Two people over T frames."""

    clip: str
    """Name of the clip, for the files and the animations in them."""
    frame_rate: float
    """Frames per second."""
    clip_frames: np.ndarray
    """[T] the frame of the clip, possibly fractional, that each frame shows."""
    people: tuple[AnimatedPerson, ...]
    contacts: tuple[Contact, ...] = ()
    """Their frames are those of the clip."""

    def rows(self, rows: np.ndarray) -> Animation:
        """Only some of the frames."""
        people = tuple(
            replace(person, rotations=person.rotations[rows], positions=person.positions[rows])
            for person in self.people
        )
        return replace(self, clip_frames=self.clip_frames[rows], people=people)

    def frame_of(self, clip_frame: float) -> int:
        """The frame, counted from 0, that is nearest to one of the clip; below 0 before the first, T or more after the last."""
        if len(self.clip_frames) == 1:
            return round(float(clip_frame - self.clip_frames[0]))
        steps = np.diff(self.clip_frames)
        if clip_frame < self.clip_frames[0]:
            return round(float((clip_frame - self.clip_frames[0]) / steps[0]))
        if clip_frame > self.clip_frames[-1]:
            return len(steps) + round(float((clip_frame - self.clip_frames[-1]) / steps[-1]))
        return round(float(np.interp(clip_frame, self.clip_frames, np.arange(len(self.clip_frames)))))
