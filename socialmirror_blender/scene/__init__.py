"""Plain data <-> datablocks: a reconstruction becomes rigs, keys, camera and contacts; edits come back as plain data."""

from .contacts import read_list, sync_handles, write_list
from .pins import lock_keys, locked_frames, unlock_keys
from .reconstruction import import_reconstruction, read_edits, update_take
from .state import find_import, imports, is_import, read_state, reconstruction_id, rig_of, skin_of

__all__ = [
    "find_import",
    "import_reconstruction",
    "imports",
    "is_import",
    "lock_keys",
    "locked_frames",
    "read_edits",
    "read_list",
    "read_state",
    "reconstruction_id",
    "rig_of",
    "skin_of",
    "sync_handles",
    "unlock_keys",
    "update_take",
    "write_list",
]
