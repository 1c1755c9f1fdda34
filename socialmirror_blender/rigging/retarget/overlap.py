"""Finds where two characters lie deeper in each other than the reconstructed people do, so that the solver can part them.

A vertex is inside the other skin if it lies behind the tangent plane of the nearest vertex there. That needs no faces, and for
smooth skins that are not far inside each other it is the depth. Arms and hands among themselves are left to their touches, which
say where they lie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .anchors import ARM_PARTS, Skin, anchor_at, posed_points, sampled
from .rest import RestCharacter
from .touch import Separation, Side

_EVERY = 3
"""Frames between two that are looked at."""
_MOST_VERTICES = 2000
"""Of a skin."""
_DEEPEST = 0.15
"""Metres; what is farther inside is taken for a part of the body that happens to be behind."""
_SLACK = 0.003
"""Metres by which characters may lie deeper in each other than the reconstructed people."""
_SPAN = 10
"""Frames that one separation holds at most, since other points are the deepest ones later."""


@dataclass(frozen=True)
class Actor:
    """One of the two whose skins may not lie in each other: a person of the reconstruction, or a character with a motion."""

    skin: Skin
    rest: RestCharacter
    rotations: np.ndarray
    """[T,J,3,3] from the rest pose to the world."""
    positions: np.ndarray
    """[T,J,3]"""
    number: int = -1
    """Index of the character among those that are solved, -1 for a person who is not."""

    def side(self, vertex: int) -> Side:
        """A vertex of the skin as the side of a separation."""
        anchor = anchor_at(self.skin, vertex)
        if self.number >= 0:
            return Side(self.number, anchor, None)
        place, weights = anchor.place[None], anchor.weights[None]
        return Side(-1, None, posed_points(self.rest, self.rotations, self.positions, place, weights)[:, 0])

    def normals(self, vertices: np.ndarray, frames: slice) -> np.ndarray:
        """[t,n,3] unit normals of vertices in the world."""
        turned = np.einsum("tjab,nb->tnja", self.rotations[frames], self.skin.normals[vertices])
        mean = np.einsum("tnja,nj->tna", turned, self.skin.weights[vertices])
        return mean / np.maximum(np.linalg.norm(mean, axis=-1, keepdims=True), 1e-9)


@dataclass(frozen=True)
class Overlap:
    """The deepest place of one part of the body in a part of the other person's."""

    frame: int
    inside: int
    """Vertex of the actor that is inside."""
    under: int
    """The vertex of the other actor whose surface it is behind."""
    depth: float


Parts = tuple[int, int, int]
"""Which actor is inside (0 or 1), the part of its body, and the part of the other's (see `PART_OF_JOINT`)."""
Overlaps = Mapping[Parts, Sequence[Overlap]]


def find_overlaps(actors: tuple[Actor, Actor]) -> Overlaps:
    """The overlaps of two actors in every third frame, in order."""
    vertices = [sampled(np.arange(len(actor.skin.vertices)), _MOST_VERTICES) for actor in actors]
    parts = [actor.skin.parts[chosen] for actor, chosen in zip(actors, vertices)]
    found: dict[Parts, list[Overlap]] = {}
    for frame in range(0, len(actors[0].positions), _EVERY):
        at = slice(frame, frame + 1)
        points, normals = [], []
        for actor, chosen in zip(actors, vertices):
            skin = actor.skin
            posed = posed_points(
                actor.rest, actor.rotations[at], actor.positions[at], skin.vertices[chosen], skin.weights[chosen]
            )
            points.append(posed[0])
            normals.append(actor.normals(chosen, at)[0])
        for who, other in ((0, 1), (1, 0)):
            near = _within_box(points[who], points[other])
            rows, under, depths = _depths(points[who][near], normals[who][near], points[other], normals[other])
            rows = near[rows]
            deepest: dict[Parts, int] = {}
            for index in np.argsort(depths).tolist():
                deepest[who, int(parts[who][rows[index]]), int(parts[other][under[index]])] = index
            for key, index in deepest.items():
                inside, beneath = vertices[who][rows[index]], vertices[other][under[index]]
                found.setdefault(key, []).append(Overlap(frame, int(inside), int(beneath), float(depths[index])))
    return found


def find_separations(actors: tuple[Actor, Actor], reconstructed: Overlaps) -> list[Separation]:
    """What parts two actors where they overlap more than the reconstructed people do in the same frames."""
    separations: list[Separation] = []
    for key, overlaps in find_overlaps(actors).items():
        if ARM_PARTS.issuperset(key[1:]):
            continue
        known = {overlap.frame: overlap.depth for overlap in reconstructed.get(key, ())}
        deeper = [each for each in overlaps if each.depth > known.get(each.frame, 0.0) + _SLACK]
        for span in _spans(deeper):
            worst = max(span, key=lambda each: each.depth - known.get(each.frame, 0.0))
            first, second = actors[key[0]], actors[1 - key[0]]
            allowed = max(known.get(each.frame, 0.0) for each in span)
            separations.append(
                Separation(
                    (first.side(worst.inside), second.side(worst.under)),
                    span[0].frame,
                    span[-1].frame,
                    second.normals(np.array([worst.under]), slice(None))[:, 0],
                    allowed,
                )
            )
    return separations


def _spans(overlaps: Sequence[Overlap]) -> list[list[Overlap]]:
    spans: list[list[Overlap]] = []
    for each in overlaps:
        follows = bool(spans) and each.frame - spans[-1][-1].frame <= _EVERY and each.frame - spans[-1][0].frame < _SPAN
        if follows:
            spans[-1].append(each)
        else:
            spans.append([each])
    return spans


def _within_box(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Rows of the points [n,3] in the bounding box of the others [m,3]."""
    return np.flatnonzero(((points >= others.min(0)) & (points <= others.max(0))).all(-1))


def _depths(
    points: np.ndarray, normals: np.ndarray, surface: np.ndarray, outwards: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of the points that are inside, the rows of the surface that they are behind, and how deep (metres)."""
    if not len(points):
        nothing = np.zeros(0, dtype=int)
        return nothing, nothing, np.zeros(0)
    squared = (points**2).sum(-1)[:, None] + (surface**2).sum(-1) - 2 * points @ surface.T
    nearest = squared.argmin(-1)
    depth = -((points - surface[nearest]) * outwards[nearest]).sum(-1)
    facing = (normals * outwards[nearest]).sum(-1) < 0  # or it is the far side of a thin part
    close = squared[np.arange(len(points)), nearest] < _DEEPEST**2
    inside = np.flatnonzero((depth > 0) & facing & close)
    return inside, nearest[inside], depth[inside]
