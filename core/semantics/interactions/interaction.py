"""The result of a rule: an interaction, with its name, its time, and who does what to which part of the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...contract.skeleton import Side

InteractionName = Literal[
    "piggyback", "carry", "help_up", "dance_turn", "dance_hold", "hug", "hug_from_behind", "arm_around_shoulder",
    "arm_around_waist", "pull_arm", "hold_arm", "block", "high_five", "handshake", "lead_by_hand", "hold_hands", "hand_over",
    "kick", "hit", "shove", "pat", "touch",
]  # fmt: skip
"""Those of `lexicon.INTERACTION_PATTERNS`, and some of its verbs."""
SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


@dataclass(frozen=True)
class Interaction:
    """One interaction.

    The actor is the person who carries, leads, shoves or lays a hand on the other; None where both do the same.
    """

    name: InteractionName
    actor: int | None
    start: float
    end: float
    """First and last contact, in seconds of the clip's time."""
    actor_side: Side = ""
    """Side of the actor's hand, arm or foot; of person 0's where there is no actor."""
    other_side: Side = ""
    """Side of the other person's limb that is touched."""
    both_hands: bool = False
    """The actor uses both hands."""
    actor_region: str = ""
    """Region of the actor that touches, without side; only of `touch` and `hit`."""
    other_region: str = ""
    """Region of the other person that is touched, without side."""
    count: int = 0
    """How often a hand pats, or joined hands go up and down; 0 where that cannot be counted."""
    from_behind: bool = False
    """The actor stands behind the other person."""

    @property
    def duration(self) -> float:
        return self.end - self.start
