"""Colours of the two people and of contacts, linear RGB."""

from __future__ import annotations

PERSON_COLORS = ((0.80, 0.42, 0.20), (0.16, 0.38, 0.72))
"""Skin of Person A (orange) and of Person B (blue)."""

FILLED_IN_COLOR, UNCERTAIN_COLOR = (0.16, 0.60, 0.22), (0.85, 0.78, 0.25)
"""Limbs that the clip does not show, as the dope sheet has it in green, and those that it shows only in part."""

BONE_COLOR_SETS = ("THEME02", "THEME04")
"""Blender's bone colour sets that match PERSON_COLORS."""

CONTACT_COLORS = {"auto": (1.0, 0.75, 0.1), "enforced": (0.15, 0.9, 0.3)}
"""Contact markers by the contact's state; a rejected contact has no markers."""
