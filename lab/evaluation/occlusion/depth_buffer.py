"""Depth buffers of coarse meshes in numpy: triangles are filled with points, which numpy scatters faster than polygons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from core.perception.crops import mask_height
from core.perception.detections import MASK_WIDTH

NEAR = 0.05
"""metres in front of the camera; anything nearer is not drawn."""
_OCCLUDER_DISTANCE = 0.02
"""metres that another person's skin must lie in front of a joint to occlude it: less than the flesh over most joints."""
_PROBE_RADIUS = 0.02
"""metres; visibility is decided by a majority of the joint's own position and four positions this far around it."""
_MOST_STEPS = 16
"""Largest number of points along the longest edge of a triangle."""


@dataclass(frozen=True)
class ProjectedPoints:
    """Points of two people whose visibility is asked for, in one frame."""

    incam: Float[np.ndarray, "2 n 3"]
    px: Float[np.ndarray, "2 n 2"]
    flesh: Float[np.ndarray, "2 n"]
    """metres of the person's own flesh that may lie in front of the point."""
    focal: float
    """px"""


@dataclass(frozen=True)
class DepthBuffer:
    """The size of the buffers for images of one size: the masks' size, or twice that for landscape images."""

    width: int
    height: int
    scale: float
    """Buffer pixels per image pixel."""
    image_size: tuple[int, int]
    mask_size: tuple[int, int]

    @classmethod
    def for_image(cls, image_size: Sequence[int]) -> DepthBuffer:
        """For images of (width, height) px."""
        width, height = int(image_size[0]), int(image_size[1])
        mask = (MASK_WIDTH, mask_height((width, height), MASK_WIDTH))
        factor = 2 if width >= height else 1
        return cls(factor * mask[0], factor * mask[1], factor * MASK_WIDTH / width, (width, height), mask)

    def draw(
        self, vertices_incam: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], K: Float[np.ndarray, "3 3"]
    ) -> Float[np.ndarray, "h w"]:
        """float32 depth in metres of a mesh; infinite where there is none."""
        buffer = np.full(self.width * self.height, np.inf, np.float32)
        z = vertices_incam[:, 2]
        xy = project_points(vertices_incam, K) * self.scale
        corners = xy[faces]
        edge = corners[:, 1:] - corners[:, :1]
        # the image's y axis points down, so that front faces are clockwise
        is_front = edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0] < 0
        is_inside = ((corners.max(1) >= 0) & (corners.min(1) < (self.width, self.height))).all(1)
        drawn = np.flatnonzero(is_front & is_inside & (z[faces] > NEAR).all(1))
        squared = [(edge[drawn, 0] ** 2).sum(1), (edge[drawn, 1] ** 2).sum(1)]
        squared.append(((edge[drawn, 0] - edge[drawn, 1]) ** 2).sum(1))
        longest = np.sqrt(np.max(squared, 0))
        steps = np.clip(2 ** np.ceil(np.log2(np.maximum(longest, 1) * 1.2)), 2, _MOST_STEPS).astype(int)
        for count in np.unique(steps):
            triangles = np.concatenate([xy, z[:, None]], 1)[faces[drawn[steps == count]]].astype(np.float32)
            self._scatter(buffer, (_barycentric_grid(int(count)) @ triangles).reshape(-1, 3))
        return _fill_holes(buffer.reshape(self.height, self.width))

    def masks(self, depths: Float[np.ndarray, "2 h w"]) -> UInt8[np.ndarray, "2 mask_height mask_width"]:
        """Masks in 0-255 of the visible parts of two people, from their depth buffers."""
        is_first = depths[0] < depths[1]
        visible = [is_first, np.isfinite(depths[1]) & ~is_first]
        full = [(255 * mask.astype(np.uint8)) for mask in visible]
        return np.stack([cv2.resize(mask, self.mask_size, interpolation=cv2.INTER_AREA) for mask in full])

    def occlusion(
        self, depths: Float[np.ndarray, "2 h w"], points: ProjectedPoints
    ) -> tuple[Bool[np.ndarray, "2 n"], Bool[np.ndarray, "2 n"], Bool[np.ndarray, "2 n"]]:
        """Which points of two people are occluded by the other, are occluded by their own body, and lie outside the image."""
        depth = points.incam[..., 2]
        radius = self.scale * points.focal * _PROBE_RADIUS / np.maximum(depth, NEAR)
        probes = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)])
        place = np.floor(self.scale * points.px[:, :, None] + radius[..., None, None] * probes).astype(int)
        column, row = np.clip(place[..., 0], 0, self.width - 1), np.clip(place[..., 1], 0, self.height - 1)
        people = np.arange(2)[:, None, None]
        other, own = depths[1 - people, row, column], depths[people, row, column]
        by_other = (other < depth[..., None] - _OCCLUDER_DISTANCE).sum(-1) >= 3
        by_self = (own < (depth - points.flesh)[..., None]).sum(-1) >= 3
        outside = np.any((points.px < 0) | (points.px >= self.image_size), axis=-1)
        return by_other, by_self, outside

    def _scatter(self, buffer: np.ndarray, points: np.ndarray) -> None:
        column, row = points[:, 0].astype(np.int32), points[:, 1].astype(np.int32)
        valid = (points[:, 0] >= 0) & (points[:, 1] >= 0) & (column < self.width) & (row < self.height)
        place = (row * self.width + column)[valid]
        np.minimum.at(buffer, place, points[valid, 2])


def project_points(points_incam: Float[np.ndarray, "*n 3"], K: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "*n 2"]:
    """px; points behind the camera land far outside the image."""
    depth = points_incam[..., 2:]
    pixels = points_incam[..., :2] / np.maximum(depth, NEAR) * (K[0, 0], K[1, 1]) + K[:2, 2]
    return np.where(depth > NEAR, pixels, -1e5)


def front_fractions(depths: Float[np.ndarray, "2 h w"]) -> Float[np.ndarray, " 2"]:
    """Share of the pixels covered by both people in which each is in front; 0.5 where there are none."""
    both = np.isfinite(depths).all(0)
    if not both.any():
        return np.array([0.5, 0.5])
    first = float((depths[0] < depths[1])[both].mean())
    return np.array([first, 1 - first])


@lru_cache(maxsize=8)
def _barycentric_grid(count: int) -> np.ndarray:
    """float32 [K,3]: points spread over a triangle, with `count` intervals along an edge."""
    whole = [(i, j, count - i - j) for i in range(count + 1) for j in range(count + 1 - i)]
    return (np.array(whole) / count).astype(np.float32)


def _fill_holes(depth: np.ndarray) -> np.ndarray:
    """Single pixels that no point has met take the depth around them (a morphological closing)."""
    far = 1e6
    finite = np.where(np.isfinite(depth), depth, far).astype(np.float32)
    kernel = np.ones((3, 3), np.uint8)
    filled = cv2.dilate(cv2.erode(finite, kernel), kernel)
    return np.where(finite < far, depth, np.where(filled < far, filled, np.inf)).astype(np.float32)
