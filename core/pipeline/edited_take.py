"""The take that `refine` makes: the active one with a new prompt and the animator's edits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..contract.contact import Contact
from ..contract.frames import frames_in_words
from ..contract.reconstruction import Info
from ..contract.requests import RefineRequest
from .nodes import TakeSettings
from .provenance import Provenance

_NAMED = ("prompt", "annotator")
"""Sources of contacts that somebody has named in words."""


@dataclass(frozen=True)
class EditedTake:
    """What `refine` is to make."""

    prompt: str
    """Of the result: the user's, or the caption that stood in for one."""
    prompt_source: str
    settings: TakeSettings
    """Of the first seed."""

    @property
    def user_prompt(self) -> str:
        """Empty where the prompt is a caption, which steers nothing."""
        return self.prompt if self.prompt_source == "user" else ""


def edited_take(before: Info, request: RefineRequest, origin: Provenance) -> EditedTake:
    """The active take with the edits. A new prompt replaces the old one, and the contacts that the old one named go with it.

    What the reconstruction had detected in their place comes back, unless the user has removed, rejected or changed it.
    """
    edits = request.edits
    given = edits.prompt if request.prompt is None else request.prompt
    prompt = before.prompt if given is None else given.strip()
    contacts = before.contacts if edits.contacts is None else edits.contacts
    contacts = (*contacts, *_removed(before.contacts, contacts))
    is_new = prompt != before.prompt
    source = before.prompt_source
    if is_new:
        source = "user" if prompt else "none"
        contacts = tuple(contact for contact in contacts if not _only_named(contact))
    settings = TakeSettings(
        prompt if source == "user" else "",
        contacts,
        edits.pins,
        edits.feet,
        seed=request.seed,
        smoothness=origin.smoothness if request.smoothness is None else request.smoothness,
        finds_contacts=is_new,
    )
    return EditedTake(prompt, source, settings)


def edits_outside(frames: tuple[int, int], take: TakeSettings) -> list[str]:
    """A sentence for each kind of edits that lie outside the clip's frames (first, last) and so have no effect."""
    first, last = frames
    outside = {
        "pinned keys": sum(not first <= pin.frame <= last for pin in take.pins),
        "contacts": sum(contact.frame_end < first or contact.frame_start > last for contact in take.contacts),
        "feet": sum(
            foot.mode != "reconstructed" and (foot.frame_end < first or foot.frame_start > last) for foot in take.feet
        ),
    }
    return [
        f"{count} {what} lie outside {frames_in_words(frames)} and have no effect."
        for what, count in outside.items()
        if count
    ]


def _only_named(contact: Contact) -> bool:
    """Whether only the prompt or the annotator asked for the contact, and the user has not decided about it since."""
    return contact.source in _NAMED and contact.state == "auto"


def _removed(before: Sequence[Contact], now: Sequence[Contact]) -> list[Contact]:
    """Contacts that the user has deleted, but not added: rejected, or another prompt would bring them back.

    One that another contact covers since that was moved there has not been deleted.
    """
    remaining = {contact.id for contact in now}
    return [
        replace(contact, state="rejected")
        for contact in before
        if contact.source != "user"
        and contact.id not in remaining
        and not any(each.source == "user" and each.covers(contact) for each in now)
    ]
