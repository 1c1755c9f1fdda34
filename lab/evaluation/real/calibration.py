"""Calibrated cameras from a Qualisys calibration file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Float

from core.contract.errors import UserError
from core.contract.rotations import rigid_transform

_SUBPIXELS = 64
"""Qualisys writes focal lengths and principal points in 64ths of a pixel."""


@dataclass(frozen=True)
class CalibratedCamera:
    """Camera frame: x right, y down, z forward. World: metres, Z up."""

    K: Float[np.ndarray, "3 3"]
    """float64, px."""
    distortion: Float[np.ndarray, " 4"]
    """float64, k1, k2, p1, p2 of OpenCV's model."""
    T_cw: Float[np.ndarray, "4 4"]
    """float64, world -> camera."""


def read_qualisys(path: Path) -> list[CalibratedCamera]:
    """The cameras of a Qualisys calibration (`*.qca.txt`, XML), in the file's order. UserError `bad-calibration`."""
    try:
        cameras = ElementTree.parse(path).getroot().find("cameras")
    except (OSError, ElementTree.ParseError) as error:
        raise UserError(
            "bad-calibration", f"{path} is not a Qualisys calibration: {error}.", "Give its .qca.txt file."
        ) from error
    if cameras is None:
        raise UserError("bad-calibration", f"{path} holds no cameras.", "Give a .qca.txt file of Qualisys.")
    return [_camera(element) for element in cameras]


def _camera(element: ElementTree.Element) -> CalibratedCamera:
    transform, intrinsic = element.find("transform"), element.find("intrinsic")
    if transform is None or intrinsic is None:
        raise UserError(
            "bad-calibration", "A camera of the calibration has no transform or no intrinsics.", "Export it again."
        )
    rotation = np.array([[float(transform.attrib[f"r{row}{column}"]) for column in (1, 2, 3)] for row in (1, 2, 3)])
    position = np.array([float(transform.attrib[axis]) for axis in "xyz"]) / 1000
    rotation = np.diag([1.0, -1.0, -1.0]) @ rotation  # Qualisys' cameras look along -z with y up

    def pixels(name: str) -> float:
        return float(intrinsic.attrib[name]) / _SUBPIXELS

    K = np.array(
        [
            [pixels("focalLengthU"), 0, pixels("centerPointU")],
            [0, pixels("focalLengthV"), pixels("centerPointV")],
            [0, 0, 1],
        ]
    )
    names = ("radialDistortion1", "radialDistortion2", "tangentalDistortion1", "tangentalDistortion2")
    distortion = np.array([float(intrinsic.attrib[name]) for name in names])
    return CalibratedCamera(K, distortion, rigid_transform(rotation, -rotation @ position))
