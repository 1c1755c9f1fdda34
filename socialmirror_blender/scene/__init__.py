"""The scene's side of a reconstruction: plain arrays become armatures, actions, cameras and markers, and edits become plain data.

Modules that import bpy change or read datablocks; the others (rotations, rest_pose, pose_conversion, timeline, motion) are pure
functions on numpy arrays.
"""

from .contact_list import read_contacts
from .contact_markers import sync_markers
from .edits import read_edits
from .importing import import_reconstruction
from .objects import rig_of, skin_of
from .pins import lock_keyframes, locked_frames, unlock_keyframes
from .state import find_reconstruction, read_state, reconstruction_collections
from .takes import update_take

__all__ = [
    "find_reconstruction",
    "import_reconstruction",
    "lock_keyframes",
    "locked_frames",
    "read_contacts",
    "read_edits",
    "read_state",
    "reconstruction_collections",
    "rig_of",
    "skin_of",
    "sync_markers",
    "unlock_keyframes",
    "update_take",
]
