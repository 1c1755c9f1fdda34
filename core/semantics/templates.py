"""Templates of captions, as data.

The parser reads every template of an interaction as that interaction again (a test checks this), so that a caption means the same
to the product as to its reader. Placeholders: `{other}` and `{other's}` stand for the other person, `{actor_side}` and
`{other_side}` for the side of the limb of each, `{actor_part}` and `{other_part}` for the part of the body. A template is used
only where all of its placeholders are known.
"""

from __future__ import annotations

from dataclasses import dataclass

from .actions import ActionName
from .interactions import InteractionName


@dataclass(frozen=True)
class InteractionTemplates:
    """Verb phrases for one interaction, by their subject."""

    together: tuple[str, ...] = ()
    """After `Two people`."""
    walking: tuple[str, ...] = ()
    """After `Two people`, while both walk."""
    actor: tuple[str, ...] = ()
    """After `One person`, who is the actor."""
    both_hands: tuple[str, ...] = ()
    """After the actor, who uses both hands; `actor` then holds only what is true of one hand."""
    other: tuple[str, ...] = ()
    """After the person who is acted on; `{other}` is the actor."""
    from_behind: tuple[str, ...] = ()
    """After the actor, who stands behind the other."""


INTERACTION_TEMPLATES: dict[InteractionName, InteractionTemplates] = {
    "handshake": InteractionTemplates(
        together=(
            "shake hands",
            "exchange a handshake",
            "greet each other with a handshake",
            "shake hands with their {actor_side} hands",
        ),
        actor=("shakes {other's} hand", "shakes {other's} {other_side} hand"),
    ),
    "high_five": InteractionTemplates(
        together=("high five", "give each other a high five", "high five with their {actor_side} hands"),
        actor=("gives {other} a high five", "high fives {other} with the {actor_side} hand"),
        both_hands=("high fives {other} with both hands",),
    ),
    "hug": InteractionTemplates(
        together=("hug", "hug each other", "embrace", "hold each other in a hug"),
        actor=("hugs {other}", "embraces {other}", "gives {other} a hug"),
        other=("is hugged by {other}",),
    ),
    "hug_from_behind": InteractionTemplates(
        actor=("hugs {other} from behind", "embraces {other} from behind"),
        other=("is hugged from behind by {other}",),
    ),
    "hold_hands": InteractionTemplates(
        together=("hold hands", "are hand in hand"),
        walking=("walk hand in hand", "walk along holding hands"),
        actor=("holds {other's} {other_side} hand with the {actor_side} hand",),
    ),
    "lead_by_hand": InteractionTemplates(
        actor=("leads {other} by the hand", "pulls {other} along by the hand"),
        other=("is led by the hand by {other}",),
    ),
    "hand_over": InteractionTemplates(
        actor=("hands something over to {other}", "hands something to {other}", "passes something to {other}"),
        other=("takes something from {other}",),
    ),
    "piggyback": InteractionTemplates(
        actor=("carries {other} on their back", "carries {other} piggyback", "gives {other} a piggyback ride"),
        other=("rides piggyback on {other}", "is carried piggyback by {other}"),
    ),
    "carry": InteractionTemplates(
        actor=("carries {other}", "lifts {other} off the ground"), other=("is carried by {other}",)
    ),
    "dance_hold": InteractionTemplates(
        together=("dance together", "stand in a dance hold", "move together in a closed dance position", "slow dance"),
        actor=("holds {other} in a dance hold with the {actor_side} hand on their back",),
    ),
    "dance_turn": InteractionTemplates(
        actor=(
            "turns {other} under the {actor_side} arm",
            "spins {other} around under the raised {actor_side} arm",
            "lets {other} turn under the joined hands",
        ),
        other=("turns around under {other's} arm", "spins under {other's} raised {actor_side} arm"),
    ),
    "arm_around_shoulder": InteractionTemplates(
        walking=("walk side by side with an arm around the other's shoulders",),
        actor=(
            "has an arm around {other's} shoulders",
            "has the {actor_side} arm around {other's} shoulders",
            "keeps the {actor_side} arm around {other's} neck",
        ),
        other=("has {other's} {actor_side} arm around the shoulders",),
    ),
    "arm_around_waist": InteractionTemplates(
        actor=("has an arm around {other's} waist", "has the {actor_side} arm around {other's} waist"),
    ),
    "help_up": InteractionTemplates(
        actor=(
            "helps {other} up",
            "pulls {other} up from the floor with the {actor_side} hand",
            "helps {other} up from the floor",
        ),
        both_hands=("pulls {other} up with both hands", "helps {other} up from the floor"),
        other=("is helped up from the floor by {other}",),
    ),
    "pull_arm": InteractionTemplates(
        actor=(
            "pulls {other} along by the {other_side} {other_part} with the {actor_side} hand",
            "pulls {other} by the arm",
            "leads {other} by the {other_part}",
            "pulls {other} along by the {other_side} {other_part}",
            "holds {other's} {other_side} {other_part} with the {actor_side} hand",
        ),
        other=("is pulled along by the {other_part} by {other}",),
    ),
    "hold_arm": InteractionTemplates(
        actor=(
            "holds {other's} {other_part}",
            "holds {other's} {other_side} {other_part} with the {actor_side} hand",
            "grips {other's} {other_side} {other_part}",
        ),
    ),
    "block": InteractionTemplates(
        actor=(
            "blocks {other's} punch",
            "blocks a punch with the {actor_side} forearm",
            "wards off a blow with the {actor_side} arm",
        ),
        other=("throws a punch that {other} blocks", "throws a {other_side} punch that {other} blocks"),
    ),
    "kick": InteractionTemplates(
        actor=(
            "kicks {other}",
            "kicks {other} with the {actor_side} foot",
            "kicks {other's} {other_part}",
            "kicks {other's} {other_side} {other_part} with the {actor_side} foot",
        ),
        from_behind=("kicks {other} from behind",),
        other=("is kicked in the {other_part} by {other}",),
    ),
    "hit": InteractionTemplates(
        actor=(
            "hits {other} in the {other_part}",
            "hits {other's} {other_part} with the {actor_side} hand",
            "strikes {other's} {other_part}",
        ),
        other=("is hit in the {other_part} by {other}",),
    ),
    "shove": InteractionTemplates(
        actor=("shoves {other}", "pushes {other}", "pushes {other's} {other_part} with the {actor_side} hand"),
        both_hands=(
            "shoves {other} with both hands",
            "pushes {other's} {other_part} with both hands",
            "pushes {other}",
        ),
        from_behind=("shoves {other} from behind",),
        other=("is pushed by {other}",),
    ),
    "pat": InteractionTemplates(
        actor=(
            "pats {other} on the {other_part}",
            "pats {other's} {other_side} {other_part} with the {actor_side} hand",
            "taps {other} on the {other_side} {other_part}",
        ),
        from_behind=("pats {other} on the {other_part} from behind",),
        other=("is patted on the {other_part} by {other}",),
    ),
    "touch": InteractionTemplates(
        actor=(
            "touches {other's} {other_part} with the {actor_part}",
            "touches {other's} {other_side} {other_part} with the {actor_side} {actor_part}",
            "puts the {actor_side} hand on {other's} {other_part}",
            "rests the {actor_side} hand on {other's} {other_side} {other_part}",
        ),
        both_hands=("puts both hands on {other's} {other_part}",),
    ),
}

REGION_WORDS: dict[str, str] = {
    "palm": "hand", "fingers": "hand", "hand_back": "hand", "upper_arm": "arm", "belly": "stomach", "hips": "hip",
}  # fmt: skip
"""Everyday words for regions; the others keep their names."""

PAIR_NAMES = ("Two people", "The two", "Both people", "They", "Two persons")
ROLE_NAMES = (
    ("one person", "the other"),
    ("one person", "the other person"),
    ("somebody", "another person"),
    ("one of the two", "the other"),
)
"""The person mentioned first and the other one, without names. `lexicon.PERSON_NAMES` matches none of these."""

FORMATION_TEMPLATES: dict[str, tuple[str, ...]] = {
    "face_to_face": ("stand face to face", "face each other", "stand in front of each other"),
    "side_by_side": ("stand side by side", "stand next to each other"),
    "back_to_back": ("stand back to back", "stand turned away from each other"),
}
"""After `Two people`."""
DIRECTED_FORMATION_TEMPLATES: dict[str, tuple[str, ...]] = {
    "behind": ("stands behind {other}", "stands at {other's} back"),
    "faces": ("faces {other}", "stands facing {other}"),
}
"""After the person who stands behind or faces the other."""

ACTION_TEMPLATES: dict[tuple[ActionName, str], tuple[str, ...]] = {
    ("walk", "nearer"): ("walks up to {other}", "walks towards {other}", "comes closer to {other}"),
    ("walk", "farther"): ("walks away", "walks off"),
    ("walk", "forwards"): ("walks forwards", "walks along"),
    ("walk", "backwards"): ("walks backwards",),
    ("walk", "sideways"): ("walks sideways",),
    ("step", "nearer"): ("steps up to {other}", "steps closer to {other}", "moves closer to {other}"),
    ("step", "farther"): ("steps away", "moves a step away"),
    ("step", "forwards"): ("steps forwards",),
    ("step", "backwards"): ("steps backwards",),
    ("step", "sideways"): ("steps aside",),
    ("turn", "left"): ("turns to the left", "turns left"),
    ("turn", "right"): ("turns to the right", "turns right"),
    ("turn", "around"): ("turns around",),
    ("turn", "full"): ("turns all the way around", "spins around once"),
    ("bend", ""): ("bends forwards", "bends down"),
    ("raise_arm", "left"): ("raises the left arm", "lifts the left arm"),
    ("raise_arm", "right"): ("raises the right arm", "lifts the right arm"),
    ("raise_arm", "both"): ("raises both arms", "lifts both arms"),
    ("raise_leg", "left"): ("raises the left leg",),
    ("raise_leg", "right"): ("raises the right leg",),
    ("crouch", ""): ("crouches", "goes down"),
    ("sit", ""): ("sits on the floor",),
    ("lie", ""): ("is down on the floor", "lies on the floor"),
    ("get_up", ""): ("gets up", "rises to stand"),
}
"""After `One person`, by the name of the action and its direction."""

NUMBER_WORDS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip
REPETITION_WORDS = ("", "", "twice", "three times", "four times", "five times")
"""How often something is done."""
