"""The scene's side of a reconstruction: plain arrays become armatures, actions, cameras and markers, and edits become plain data.

Modules that import bpy change or read datablocks; the others (rotations, rest_pose, pose_conversion, timeline, motion) are pure
functions on numpy arrays.
"""

from .contact_list import read_contacts
from .contact_markers import adopt_moved_markers, sync_markers
from .copies import separate_copies
from .datablocks import Steps, at_once
from .edits import EDITS_FILE, read_edits
from .frame_rate import fits_frame_rate, is_same_rate, key_for_scene_rate, set_strip
from .importing import (
    ImportOptions,
    import_reconstruction,
    import_steps,
    match_scene_to_clip,
    remove_unfinished_imports,
    use_camera,
)
from .linking import check_belongs, folder_of, keep_links, link_to, move_results_beside, take_results_back
from .objects import rig_of, skin_of
from .pinned_range import lock_range
from .pins import (
    count_pins_outside,
    frames_of_clip,
    list_pins,
    lock_keyframes,
    set_pin_type,
    unlock_keyframes,
)
from .state import (
    editable_reconstructions,
    find_reconstruction,
    folder_note,
    is_linked,
    read_state,
    reconstruction_collections,
    reconstructions_in,
    set_folder_note,
)
from .takes import keep_unlinked_takes, show_take_steps, update_take
from .waiting_edits import count_waiting_edits, edit_marks, forget_count, remember_refined

__all__ = [
    "EDITS_FILE",
    "ImportOptions",
    "Steps",
    "adopt_moved_markers",
    "at_once",
    "check_belongs",
    "count_pins_outside",
    "count_waiting_edits",
    "edit_marks",
    "editable_reconstructions",
    "find_reconstruction",
    "fits_frame_rate",
    "folder_note",
    "folder_of",
    "forget_count",
    "frames_of_clip",
    "import_reconstruction",
    "import_steps",
    "is_linked",
    "is_same_rate",
    "keep_links",
    "keep_unlinked_takes",
    "key_for_scene_rate",
    "link_to",
    "list_pins",
    "lock_keyframes",
    "lock_range",
    "match_scene_to_clip",
    "move_results_beside",
    "read_contacts",
    "read_edits",
    "read_state",
    "reconstruction_collections",
    "reconstructions_in",
    "remember_refined",
    "remove_unfinished_imports",
    "rig_of",
    "separate_copies",
    "set_folder_note",
    "set_pin_type",
    "set_strip",
    "show_take_steps",
    "skin_of",
    "sync_markers",
    "take_results_back",
    "unlock_keyframes",
    "update_take",
    "use_camera",
]
