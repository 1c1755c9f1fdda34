"""Names of the custom properties and attributes that the add-on stores in .blend files.

A file that was saved by an earlier version is read by these names, so they must not change.
"""

from __future__ import annotations

ROLE_PROPERTY = "socialmirror_role"
"""On an object that the add-on made: which one it is, as the functions below write it. ID_PROPERTY is beside it."""

CAMERA_ROLE = "camera"
MARKER_ROLE_PREFIX = "contact:"


def rig_role(person: int) -> str:
    return f"rig:{person}"


def control_rig_role(person: int) -> str:
    return f"controls:{person}"


def skin_role(person: int) -> str:
    return f"skin:{person}"


def ghost_role(kind: str, person: int) -> str:
    """Role of the `rig` or `skin` by which another take is shown."""
    return f"ghost_{kind}:{person}"


def marker_role(contact_id: str, side: str) -> str:
    """Role of the marker on one side, `a` or `b`, of a contact."""
    return f"{MARKER_ROLE_PREFIX}{contact_id}:{side}"


ID_PROPERTY = "socialmirror_id"
FOLDER_PROPERTY = "socialmirror_folder"
RELATIVE_FOLDER_PROPERTY = "socialmirror_relative_folder"
FOLDER_NOTE_PROPERTY = "socialmirror_folder_note"
IMPORTED_CONTACTS_PROPERTY = "socialmirror_imported_contacts"
EDITED_CONTACTS_PROPERTY = "socialmirror_edited_contacts"
REFINED_EDITS_PROPERTY = "socialmirror_refined_edits"
TAKE_PROPERTY = "socialmirror_take"
CLIP_PROPERTY = "socialmirror_clip"
ZERO_FRAME_PROPERTY = "socialmirror_zero"
FRAME_RATE_PROPERTY = "socialmirror_fps"
FIRST_FRAME_PROPERTY = "socialmirror_first"
LAST_FRAME_PROPERTY = "socialmirror_last"
NOTES_PROPERTY = "socialmirror_notes"
CLIP_FRAMES_PROPERTY = "socialmirror_clip_frames"
CLIP_SECONDS_PROPERTY = "socialmirror_clip_seconds"
"""On the collection of an imported reconstruction: see `state.ImportState`, contact_edits.py and waiting_edits.py."""

STRIP_PROPERTY = "socialmirror_strip"
"""On the collection: the movie strip that the result plays in step with, empty if there is none; see frame_rate.py."""

UNFINISHED_PROPERTY = "socialmirror_unfinished"
"""On the collection of an import that is under way."""

TAKE_NOTES_PROPERTY = "socialmirror_take_notes"
"""On the collection: the animator's names and notes, see take_notes.py."""

GHOST_TAKE_PROPERTY = "socialmirror_ghost_take"
"""On the skin of a ghost: the take that it shows."""

CAMERA_STANCE_PROPERTY = "socialmirror_camera_stance"
"""On the collection: how the camera stands with its correction; see correction_state.py."""

PERSON_PROPERTY = "socialmirror_person"
TAKE_FRAMES_PROPERTY = "socialmirror_take_frames"
TAKE_VALUES_PROPERTY = "socialmirror_take_values"
"""On an action that holds a take, with some of the above: see take_values.py."""

LIMB_STATES_PROPERTY = "socialmirror_trust"
"""On an action that holds a take: the states of the limbs, see confidence_overlay.py."""

CAMERA_MOTION_PROPERTY = "socialmirror_camera_motion"
"""On the clip's camera: a digest of the motion that it was keyed with."""

FILLED_IN_PROPERTY = "filled_in"
"""On an armature object, animated: the fraction of the body's joints that the clip does not show in the current frame."""

REGION_ATTRIBUTE = "socialmirror_region"
"""On a skin's mesh, integer per vertex: index into `skeleton.REGIONS`, -1 for none."""

LIMB_ATTRIBUTE = "socialmirror_limb"
MATERIAL_ATTRIBUTE = "socialmirror_material"
OVERLAY_PROPERTY = "socialmirror_overlay"
"""On a skin's mesh: for each face the index into `limb_states.LIMBS`; while the overlay is shown, the materials that faces have
without it, and how many materials these are."""

LIMB_MATERIAL_PROPERTY = "socialmirror_limb_material"
"""On a material that the overlay has made."""
