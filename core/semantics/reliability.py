"""Removes from a description what could be an artefact of reconstruction, where positions are off by several centimetres."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .actions import ActionName
from .description import Description
from .interactions import Interaction, InteractionName
from .templates import REGION_WORDS

_MOMENTARY: frozenset[InteractionName] = frozenset({"high_five", "kick", "hit", "shove"})
"""Interactions that separate the two people: a longer one at the same time contradicts them."""
_CERTAIN_PART: dict[InteractionName, str] = {
    "hand_over": "fingers",
    "hold_arm": "upper_arm",
    "pull_arm": "upper_arm",
    "pat": "",
}
"""Interactions of a hand of which only the touch is certain unless they last, and the part that is touched for certain (empty:
the part that the interaction names)."""
_COARSE_PART = {
    **dict.fromkeys(("palm", "fingers", "hand_back"), "fingers"),
    **dict.fromkeys(("wrist", "forearm", "elbow", "upper_arm"), "upper_arm"),
    **{part: part for part in ("shoulder", "chest", "back", "head")},
}
"""Parts that hands reach for on purpose, each standing for its neighbours. Other parts come near a hand whenever two people stand
close."""


def _min_interaction_durations() -> Mapping[InteractionName, float]:
    return {
        "piggyback": 1.0, "carry": 1.0, "help_up": 0.5, "dance_turn": 0.5, "dance_hold": 1.0, "hug": 0.5, "hug_from_behind": 0.8,
        "arm_around_shoulder": 1.0, "pull_arm": 2.0, "handshake": 0.4, "lead_by_hand": 1.0, "hold_hands": 1.5,
        "high_five": 0.1, "kick": 0.1, "hit": 0.1, "shove": 0.15, "touch": 0.5,
    }  # fmt: skip


def _min_action_durations() -> Mapping[ActionName, float]:
    return {"walk": 0.4, "turn": 0.4, "bend": 0.8, "raise_arm": 0.8, "crouch": 0.8, "sit": 0.8, "lie": 0.8}


@dataclass(frozen=True)
class ReliabilitySettings:
    """Seconds that a fact must last to be reliable. Facts that are not listed are never reliable."""

    min_interaction_durations: Mapping[InteractionName, float] = field(default_factory=_min_interaction_durations)
    min_action_durations: Mapping[ActionName, float] = field(default_factory=_min_action_durations)


_SETTINGS = ReliabilitySettings()


def keep_reliable_facts(description: Description) -> Description:
    """The description without sides, steps, and whatever is too short to be told from an error of reconstruction."""
    longest: dict[tuple[InteractionName, int | None, str], Interaction] = {}
    for interaction in sorted(description.interactions, key=lambda interaction: interaction.duration):
        if not _looks_like_an_error(interaction, description.interactions):
            coarse = _coarsen(interaction)
            longest[coarse.name, coarse.actor, coarse.other_region] = coarse
    interactions = [
        interaction for interaction in longest.values() if interaction.duration >= _min_duration(interaction)
    ]
    return replace(
        description,
        interactions=tuple(sorted(interactions, key=lambda interaction: (interaction.start, interaction.name))),
        actions=tuple(
            action
            for action in description.actions
            if action.end - action.start >= _SETTINGS.min_action_durations.get(action.name, math.inf)
        ),
        shared_actions=tuple(action for action in description.shared_actions if action.same_direction),
    )


def _min_duration(interaction: Interaction) -> float:
    return _SETTINGS.min_interaction_durations.get(interaction.name, math.inf)


def _looks_like_an_error(interaction: Interaction, interactions: Sequence[Interaction]) -> bool:
    """Whether errors of reconstruction produce this, however long it lasts."""
    if interaction.name == "touch":
        by_hand = REGION_WORDS.get(interaction.actor_region) == "hand"
        return not by_hand or interaction.other_region not in _COARSE_PART
    if interaction.name == "shove" and not interaction.both_hands:
        return True  # any hand that meets a body moves on a little
    simultaneous = (other for other in interactions if other.start < interaction.end and interaction.start < other.end)
    return interaction.name in _MOMENTARY and any(other.duration > interaction.duration for other in simultaneous)


def _coarsen(interaction: Interaction) -> Interaction:
    """The interaction without the details that a small error changes."""
    coarse = replace(interaction, actor_side="", other_side="")
    if coarse.name in _CERTAIN_PART and coarse.duration < _min_duration(coarse):
        part = _CERTAIN_PART[coarse.name] or coarse.other_region
        coarse = replace(coarse, name="touch", actor_region="palm", other_region=part, count=0)
    if coarse.name in ("touch", "pull_arm"):
        return replace(coarse, other_region=_COARSE_PART[coarse.other_region])
    if coarse.name == "dance_hold":
        return replace(coarse, actor=None)
    return replace(coarse, other_region="") if coarse.name in ("kick", "shove") else coarse
