"""The parser's vocabulary, as data: how interactions are phrased, and which parts of the two bodies are in contact in them.

Notation of a part: the name of a region without its side, a colon, and its side, which is `left`, `right` or a variable; `-x` is
the side opposite to that of the variable `x`. `palm:x|wrist:x` is one or the other. Regions without a side (`back`) stand alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ContactPattern:
    """A part of the person who acts that is in contact with a part of the other person."""

    actor: str
    other: str
    mutual: bool = False
    """The other person does the same to the actor."""


@dataclass(frozen=True)
class InteractionPattern:
    """How an interaction is phrased, and the contacts that it consists of."""

    name: str
    pattern: str
    """Regular expression for a clause of lower-case words without punctuation, separated by single spaces."""
    contacts: tuple[ContactPattern, ...]
    brief: bool = False
    """A blow or a tap rather than a hold."""
    sides_of_other: bool = False
    """The side of a hand or an arm in the clause is that of the other person, unless it comes after `with`."""


_CHEST_TO_CHEST = ContactPattern("chest", "chest")
_DETERMINERS = "each|the|a|an|his|her|their|other|another|one|person|man|woman|s|left|right"
"""Words between `shakes` and `hand`."""
_ARMS_AROUND = (ContactPattern("palm:left", "back", mutual=True), ContactPattern("palm:right", "back", mutual=True))

INTERACTION_PATTERNS: tuple[InteractionPattern, ...] = (
    InteractionPattern(
        "hug_from_behind",
        r"\b(hug|embrac|cuddl)\w* .*\bfrom behind\b|\bfrom behind\b.* (hug|embrac|cuddl)\w*",
        (
            ContactPattern("chest", "back"), ContactPattern("palm:left", "belly|chest"),
            ContactPattern("palm:right", "belly|chest"),
        ),
    ),
    InteractionPattern("hug", r"\b(hug|embrac|cuddl)\w*\b", (_CHEST_TO_CHEST, *_ARMS_AROUND)),
    InteractionPattern(
        "handshake", rf"\b(shak\w*|shook) (({_DETERMINERS}) )*(\w+ )?hands?\b|\bhand ?shak\w*\b",
        (ContactPattern("palm:x", "palm:x"),),
    ),
    InteractionPattern(
        "high_five", r"\bhigh (\w+ )?fiv\w*\b|\b(clap|slap)\w* (their )?hands together\b",
        (ContactPattern("palm:x", "palm:y"),), brief=True,
    ),
    InteractionPattern(
        "hold_hands", r"\b(hold|held|holding|holds|join\w*|tak\w*|took) (each other s )?(both )?hands\b|\bhand in hand\b",
        (ContactPattern("palm:x", "palm:y"),),
    ),
    InteractionPattern(
        "piggyback", r"\bpiggy ?back\w*\b|\bcarr\w* .*\bon (his|her|their|the) back\b|\bon (his|her|their) back\b.*\bcarr\w*\b",
        (
            ContactPattern("back", "chest|belly"), ContactPattern("palm:left", "thigh:left"),
            ContactPattern("palm:right", "thigh:right"),
        ),
    ),
    InteractionPattern(
        "dance_hold", r"\b(waltz\w*|slow danc\w*|ballroom|danc\w* hold|closed (dance )?position)\b|\bdanc\w* .*\btogether\b",
        (ContactPattern("palm:x", "back"), ContactPattern("palm:-x", "palm:x"), ContactPattern("shoulder:x", "palm:-x")),
    ),
    InteractionPattern(
        "dance_turn", r"\b(turn|spin|twirl)\w* .*\b(under|beneath|below)\b.* (arms?|hands?)\b|\btwirl\w*\b",
        (ContactPattern("fingers:x|palm:x", "fingers:y|palm:y"),),
    ),
    InteractionPattern(
        "arm_around_shoulder", r"\barms? (a|)round .*\b(shoulders?|neck)\b",
        (ContactPattern("palm:x|forearm:x", "shoulder:y|upper_arm:y"), ContactPattern("forearm:x|upper_arm:x", "back|neck")),
    ),
    InteractionPattern(
        "arm_around_waist", r"\barms? (a|)round .*\b(waist|hips?)\b", (ContactPattern("palm:x|forearm:x", "hips|back|belly"),)
    ),
    InteractionPattern(
        "help_up", r"\b(help|pull|lift)\w* .*\b(up|to (his|her|their) feet)\b",
        (ContactPattern("palm:x", "palm:y|wrist:y|forearm:y"),),
    ),
    InteractionPattern(
        "pull_arm", r"\b(pull|tug|drag|lead|led)\w* .*\bby (the|his|her|their|one) (\w+ )?(forearm|arm|hand|wrist|sleeve)\b",
        (ContactPattern("palm:x", "wrist:y|forearm:y|palm:y"),), sides_of_other=True,
    ),
    InteractionPattern(
        "block", r"\b(block|parr|deflect|ward)\w*\b",
        (ContactPattern("forearm:x|wrist:x", "forearm:y|wrist:y"),), brief=True,
    ),
    InteractionPattern(
        "hand_over", r"\b(hand|pass|giv|gav)\w*( \w+){0,4} (over|to)\b|\bhand ?over\b|\b(take|receiv)\w* .*\bfrom\b",
        (ContactPattern("fingers:x|palm:x", "fingers:y|palm:y"),), brief=True,
    ),
    InteractionPattern(
        "shove", r"\b(push|shov)\w*\b", (ContactPattern("palm:x", "chest|back|shoulder:y|upper_arm:y"),), brief=True,
    ),
)  # fmt: skip
"""A clause is parsed by the first pattern that matches, so that particular patterns come before general ones."""

CONTACT_VERBS: dict[str, tuple[str, bool]] = {
    r"kick\w*": ("foot:x|shin:x", True),
    r"(punch|strik|struck|hit)\w*|box(es|ing|ed)": ("fingers:x|hand_back:x", True),
    r"slap\w*|smack\w*": ("palm:x", True),
    r"pat(s|ted|ting)?|tap(s|ped|ping)?": ("palm:x|fingers:x", True),
    r"kiss\w*": ("face", False),
    r"headbutt\w*": ("head", True),
    r"elbow(s|ed|ing)": ("elbow:x", True),
    r"knee(s|d|ing)": ("knee:x", True),
    r"lean\w*": ("shoulder:x|head|back", False),
    r"(grab|hold|grip|grasp|clutch|seiz|catch|pull|tug)\w*|held|caught": ("palm:x|fingers:x", False),
    r"(touch|strok|rub|massag|press|support|feel)\w*|felt": ("palm:x|fingers:x", False),
}
"""Verbs of contact, each with the part that somebody touches with unless the clause names another, and whether it is brief."""

DEFAULT_TARGETS = "chest|belly|face|thigh:y|back"
DEFAULT_LEG_TARGETS = "hips|belly|thigh:y|knee:y|shin:y|calf:y|back"
"""The parts that are touched by a hand, or by a leg, where the clause does not name any."""

PLACEMENT_VERBS = r"(put|lay|laid|plac|rest|keep|kept|press|set|wrap|throw|threw|drap|ha)\w*|with"
"""Words before the part of the actor that is placed on the other person."""
PLACEMENT_PREPOSITIONS = r"on|onto|upon|against|around|round|over|at|to|behind|under"

BODY_PART_WORDS: dict[str, str] = {
    "head": "head", "hair": "head", "forehead": "face", "face": "face", "cheek": "face", "chin": "face", "nose": "face",
    "mouth": "face", "neck": "neck", "throat": "neck", "nape": "neck", "chest": "chest", "breast": "chest", "back": "back",
    "spine": "back", "belly": "belly", "stomach": "belly", "waist": "belly|hips|back", "side": "belly|hips|back",
    "hip": "hips", "bottom": "hips", "shoulder": "shoulder", "arm": "upper_arm|forearm", "bicep": "upper_arm",
    "elbow": "elbow", "forearm": "forearm", "wrist": "wrist", "hand": "palm", "palm": "palm", "fist": "fingers",
    "knuckle": "hand_back", "finger": "fingers", "leg": "thigh|shin|calf", "thigh": "thigh", "lap": "thigh", "knee": "knee",
    "shin": "shin", "calf": "calf", "foot": "foot", "ankle": "foot",
}  # fmt: skip
"""Everyday words for parts of the body, in the singular, and the regions without side that they mean."""
IRREGULAR_PLURALS = {"feet": "foot", "calves": "calf", "thighs": "thigh"}
NEGATIONS = r"not|never|without|no|nobody|doesn t|don t|do not|avoid\w*|almost|nearly"
PERSON_NAMES = {r"(person|figure) (a|one|1)": 0, r"(person|figure) (b|two|2)": 1}
"""Names of the two people in the product. `The first person` is not one: it refers to whoever the text mentions first."""
