"""What the animator changed in an imported reconstruction."""

from __future__ import annotations

import bpy

from ...core.contract.edits import Edits
from ...core.contract.reconstruction import PEOPLE
from .contact_list import read_contacts
from .foot_list import read_foot_contacts
from .pins import read_pins

EDITS_FILE = "edits.json"
"""In a reconstruction's folder: the edits of the last Refine."""


def read_edits(collection: bpy.types.Collection) -> Edits:
    """The contacts of the list, locked keyframes as pins in the world that is shown, and feet that are locked or may slide."""
    pins = [pin for person in range(PEOPLE) for pin in read_pins(collection, person)]
    return Edits(
        contacts=read_contacts(collection),
        pins=tuple(pins),
        feet=read_foot_contacts(collection),
    )
