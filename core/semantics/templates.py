"""Wordings for what `deeds` and `moves` find, as data.

Every wording of a deed is one that `phrases.hypotheses` reads as that deed again (a test holds this), so that a caption says
to the machine what it says to a reader. `{b}` is the other, `{bs}` theirs; `{side}` and `{other_side}` are of the actor's and
the other's limb, `{place}` and `{own}` parts of the other's and of the actor's body. A wording is used only where all that it
names is known.
"""

from __future__ import annotations

from dataclasses import dataclass

from .interactions import InteractionName


@dataclass(frozen=True)
class InteractionTemplates:
    together: tuple[str, ...] = ()
    """After `Two people`."""
    walking: tuple[str, ...] = ()
    """After `Two people`, while both walk."""
    actor: tuple[str, ...] = ()
    """After `One person`."""
    both: tuple[str, ...] = ()
    """After `One person`, with both hands; then `actor` holds what is true of one hand only."""
    other: tuple[str, ...] = ()
    """After the person that it is done to; `{b}` is the actor."""
    behind: tuple[str, ...] = ()
    """After `One person`, who stands behind the other."""


INTERACTION_TEMPLATES: dict[InteractionName, InteractionTemplates] = {
    "handshake": InteractionTemplates(
        together=(
            "shake hands", "exchange a handshake", "greet each other with a handshake", "shake hands with their {side} hands",
        ),
        actor=("shakes {bs} hand", "shakes {bs} {other_side} hand"),
    ),
    "high_five": InteractionTemplates(
        together=("high five", "give each other a high five", "high five with their {side} hands"),
        actor=("gives {b} a high five", "high fives {b} with the {side} hand"),
        both=("high fives {b} with both hands",),
    ),
    "hug": InteractionTemplates(
        together=("hug", "hug each other", "embrace", "hold each other in a hug"),
        actor=("hugs {b}", "embraces {b}", "gives {b} a hug"),
        other=("is hugged by {b}",),
    ),
    "hug_from_behind": InteractionTemplates(
        actor=("hugs {b} from behind", "embraces {b} from behind"),
        other=("is hugged from behind by {b}",),
    ),
    "hold_hands": InteractionTemplates(
        together=("hold hands", "are hand in hand"),
        walking=("walk hand in hand", "walk along holding hands"),
        actor=("holds {bs} {other_side} hand with the {side} hand",),
    ),
    "lead_by_hand": InteractionTemplates(
        actor=("leads {b} by the hand", "pulls {b} along by the hand"),
        other=("is led by the hand by {b}",),
    ),
    "hand_over": InteractionTemplates(
        actor=("hands something over to {b}", "hands something to {b}", "passes something to {b}"),
        other=("takes something from {b}",),
    ),
    "piggyback": InteractionTemplates(
        actor=("carries {b} on their back", "carries {b} piggyback", "gives {b} a piggyback ride"),
        other=("rides piggyback on {b}", "is carried piggyback by {b}"),
    ),
    "carry": InteractionTemplates(actor=("carries {b}", "lifts {b} off the ground"), other=("is carried by {b}",)),
    "dance_hold": InteractionTemplates(
        together=("dance together", "stand in a dance hold", "move together in a closed dance position", "slow dance"),
        actor=("holds {b} in a dance hold with the {side} hand on their back",),
    ),
    "dance_turn": InteractionTemplates(
        actor=(
            "turns {b} under the {side} arm", "spins {b} around under the raised {side} arm",
            "lets {b} turn under the joined hands",
        ),
        other=("turns around under {bs} arm", "spins under {bs} raised {side} arm"),
    ),
    "arm_around_shoulder": InteractionTemplates(
        walking=("walk side by side with an arm around the other's shoulders",),
        actor=(
            "has an arm around {bs} shoulders", "has the {side} arm around {bs} shoulders",
            "keeps the {side} arm around {bs} neck",
        ),
        other=("has {bs} {side} arm around the shoulders",),
    ),
    "arm_around_waist": InteractionTemplates(
        actor=("has an arm around {bs} waist", "has the {side} arm around {bs} waist"),
    ),
    "help_up": InteractionTemplates(
        actor=("helps {b} up", "pulls {b} up from the floor with the {side} hand", "helps {b} up from the floor"),
        both=("pulls {b} up with both hands", "helps {b} up from the floor"),
        other=("is helped up from the floor by {b}",),
    ),
    "pull_arm": InteractionTemplates(
        actor=(
            "pulls {b} along by the {other_side} {place} with the {side} hand", "pulls {b} by the arm",
            "leads {b} by the {place}",
            "pulls {b} along by the {other_side} {place}", "holds {bs} {other_side} {place} with the {side} hand",
        ),
        other=("is pulled along by the {place} by {b}",),
    ),
    "hold_arm": InteractionTemplates(
        actor=("holds {bs} {place}", "holds {bs} {other_side} {place} with the {side} hand", "grips {bs} {other_side} {place}"),
    ),
    "block": InteractionTemplates(
        actor=("blocks {bs} punch", "blocks a punch with the {side} forearm", "wards off a blow with the {side} arm"),
        other=("throws a punch that {b} blocks", "throws a {other_side} punch that {b} blocks"),
    ),
    "kick": InteractionTemplates(
        actor=(
            "kicks {b}", "kicks {b} with the {side} foot", "kicks {bs} {place}",
            "kicks {bs} {other_side} {place} with the {side} foot",
        ),
        behind=("kicks {b} from behind",),
        other=("is kicked in the {place} by {b}",),
    ),
    "hit": InteractionTemplates(
        actor=("hits {b} in the {place}", "hits {bs} {place} with the {side} hand", "strikes {bs} {place}"),
        other=("is hit in the {place} by {b}",),
    ),
    "shove": InteractionTemplates(
        actor=("shoves {b}", "pushes {b}", "pushes {bs} {place} with the {side} hand"),
        both=("shoves {b} with both hands", "pushes {bs} {place} with both hands", "pushes {b}"),
        behind=("shoves {b} from behind",),
        other=("is pushed by {b}",),
    ),
    "pat": InteractionTemplates(
        actor=(
            "pats {b} on the {place}", "pats {bs} {other_side} {place} with the {side} hand",
            "taps {b} on the {other_side} {place}",
        ),
        behind=("pats {b} on the {place} from behind",),
        other=("is patted on the {place} by {b}",),
    ),
    "touch": InteractionTemplates(
        actor=(
            "touches {bs} {place} with the {own}", "touches {bs} {other_side} {place} with the {side} {own}",
            "puts the {side} hand on {bs} {place}", "rests the {side} hand on {bs} {other_side} {place}",
        ),
        both=("puts both hands on {bs} {place}",),
    ),
}  # fmt: skip

REGION_WORDS: dict[str, str] = {
    "palm": "hand", "fingers": "hand", "hand_back": "hand", "upper_arm": "arm", "belly": "stomach", "hips": "hip",
}  # fmt: skip
"""Everyday words for regions; others are called as they are."""

PAIR_NAMES = ("Two people", "The two", "Both people", "They", "Two persons")
ROLE_NAMES = (
    ("one person", "the other"),
    ("one person", "the other person"),
    ("somebody", "another person"),
    ("one of the two", "the other"),
)
"""Who acts, and who it is done to, where they have no names. None of these is taken for a name by `lexicon.NAMED`."""
PERSON_NAMES = ("Person A", "Person B")

FORMATION_TEMPLATES: dict[str, tuple[str, ...]] = {
    "face_to_face": ("stand face to face", "face each other", "stand in front of each other"),
    "side_by_side": ("stand side by side", "stand next to each other"),
    "back_to_back": ("stand back to back", "stand turned away from each other"),
}
"""After `Two people`."""
DIRECTED_FORMATION_TEMPLATES: dict[str, tuple[str, ...]] = {
    "behind": ("stands behind {b}", "stands at {bs} back"),
    "faces": ("faces {b}", "stands facing {b}"),
}
"""After the one that it says."""

ACTION_TEMPLATES: dict[tuple[str, str], tuple[str, ...]] = {
    ("walk", "nearer"): ("walks up to {b}", "walks towards {b}", "comes closer to {b}"),
    ("walk", "farther"): ("walks away", "walks off"),
    ("walk", "forwards"): ("walks forwards", "walks along"),
    ("walk", "backwards"): ("walks backwards",),
    ("walk", "sideways"): ("walks sideways",),
    ("step", "nearer"): ("steps up to {b}", "steps closer to {b}", "moves closer to {b}"),
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
"""After `One person`: kinds of moves, and which way."""
