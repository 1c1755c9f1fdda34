"""A reconstruction and its folder, which the core writes and the add-on reads.

    DIR/reconstruction.npz    motion, camera and keypoints of the active take (`MotionArrays`)
    DIR/reconstruction.json   where it came from, its contacts and takes (`Info`)
    DIR/body.npz              both meshes, without a model file (`BodyArrays`), in the shapes of the active take
    DIR/takes/ID.npz, .json   every take, including the active one
    DIR/cache/                results of stages (private to the core)

`digests` in reconstruction.json are the sha256 of the other files, which tell parts of one result from parts of another. For a
moment during a save, and after a crash until the next one, there is also `.unfinished-save.json` (see `journal.py`).

World frame: metres, Z up, floor at z = 0. Rotations: axis-angle in radians relative to the SMPL-X rest pose (Y up,
facing +Z). Camera frame: x right, y down, z forward.
"""

from .journal import (
    BODY_FILE,
    INFO_FILE,
    JOURNAL_FILE,
    MOTION_FILE,
    TAKES_FOLDER,
    finish_interrupted_save,
    refuse_links,
)
from .quality import BAD, FAIR, GOOD, GRADES, MEASURES, CameraAgreement, Measured, Quality, Stretch
from .records import (
    PEOPLE,
    PERSON_NAMES,
    SCHEMA,
    BodyArrays,
    Info,
    MotionArrays,
    Person,
    Reconstruction,
    Scores,
    Take,
    best_of,
    damaged,
)
from .storage import (
    load,
    load_info,
    load_take_motion,
    save,
    take_file,
)
from .validation import BODY_SCHEMA, MOTION_SCHEMA, check_body, check_motion
from .verification import Finding, examine, repair

__all__ = [
    "BAD",
    "BODY_FILE",
    "BODY_SCHEMA",
    "FAIR",
    "GOOD",
    "GRADES",
    "INFO_FILE",
    "JOURNAL_FILE",
    "MEASURES",
    "MOTION_FILE",
    "MOTION_SCHEMA",
    "PEOPLE",
    "PERSON_NAMES",
    "SCHEMA",
    "TAKES_FOLDER",
    "BodyArrays",
    "CameraAgreement",
    "Finding",
    "Info",
    "Measured",
    "MotionArrays",
    "Person",
    "Quality",
    "Reconstruction",
    "Scores",
    "Stretch",
    "Take",
    "best_of",
    "check_body",
    "check_motion",
    "damaged",
    "examine",
    "finish_interrupted_save",
    "load",
    "load_info",
    "load_take_motion",
    "refuse_links",
    "repair",
    "save",
    "take_file",
]
