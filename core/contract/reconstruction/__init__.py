"""A reconstruction and its folder, which the core writes and the add-on reads.

    DIR/reconstruction.npz    motion, camera and keypoints of the active take (`MotionArrays`)
    DIR/reconstruction.json   where it came from, its contacts and takes (`Info`)
    DIR/body.npz              both meshes, without a model file (`BodyArrays`), in the shapes of the active take
    DIR/takes/ID.npz, .json   every take, including the active one
    DIR/cache/                results of stages (private to the core)

World frame: metres, Z up, floor at z = 0. Rotations: axis-angle in radians relative to the SMPL-X rest pose (Y up,
facing +Z). Camera frame: x right, y down, z forward.
"""

from .records import (
    PEOPLE,
    SCHEMA,
    BodyArrays,
    Info,
    MotionArrays,
    Person,
    Reconstruction,
    Scores,
    Take,
    best_of,
)
from .storage import (
    BODY_FILE,
    INFO_FILE,
    MOTION_FILE,
    TAKES_FOLDER,
    load,
    load_info,
    load_take_motion,
    save,
    take_path,
)
from .validation import BODY_SCHEMA, MOTION_SCHEMA, check_body, check_motion

__all__ = [
    "BODY_FILE",
    "BODY_SCHEMA",
    "INFO_FILE",
    "MOTION_FILE",
    "MOTION_SCHEMA",
    "PEOPLE",
    "SCHEMA",
    "TAKES_FOLDER",
    "BodyArrays",
    "Info",
    "MotionArrays",
    "Person",
    "Reconstruction",
    "Scores",
    "Take",
    "best_of",
    "check_body",
    "check_motion",
    "load",
    "load_info",
    "load_take_motion",
    "save",
    "take_path",
]
