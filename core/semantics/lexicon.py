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
_HAND = (
    "".join(rf"(?<!\b{word} )" for word in ("his", "her", "their", "the", "s", "left", "right", "both")) + r"hand\w*"
)
"""The verb, not the noun."""
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
        "hand_over", rf"\b({_HAND}|pass\w*|giv\w*|gav\w*)( \w+){{0,4}} (over|to)\b|\bhand ?over\b|\b(take|receiv)\w* .*\bfrom\b",
        (ContactPattern("fingers:x|palm:x", "fingers:y|palm:y"),), brief=True,
    ),
)  # fmt: skip
"""A clause is parsed by the first pattern that matches, so that particular patterns come before general ones."""

_TARGETS = "chest|belly|face|thigh:y|back"
_LEG_TARGETS = "hips|belly|thigh:y|knee:y|shin:y|calf:y|back"


@dataclass(frozen=True)
class ContactVerb:
    """A verb of contact, and what is in contact unless the clause names other parts."""

    pattern: str
    """Regular expression of its forms."""
    effector: str
    """The part that somebody touches with."""
    brief: bool = False
    """A blow or a tap rather than a hold. One that names no part of the other person is directed at the default targets."""
    targets: str = _TARGETS
    direct: bool = False
    """Whether the part is its direct object (`takes her hand`, not `takes her into his arms`)."""
    name: str = "touch"

    @property
    def by_hand(self) -> bool:
        return self.effector.startswith(("palm", "fingers"))

    def targets_of(self, actor: str) -> str:
        """The default targets of a part that somebody touches with."""
        return _LEG_TARGETS if actor.startswith(("foot", "shin", "knee")) else self.targets


SHOVE = ContactVerb(r"(push|shov)\w*", "palm:x", True, "chest|back|shoulder:y|upper_arm:y", name="shove")
CONTACT_VERBS: tuple[ContactVerb, ...] = (
    ContactVerb(r"kick\w*", "foot:x|shin:x", True),
    ContactVerb(r"(punch|strik|struck|hit)\w*|box(es|ing|ed)", "fingers:x|hand_back:x", True),
    ContactVerb(r"slap\w*|smack\w*", "palm:x", True),
    ContactVerb(r"pat(s|ted|ting)?|tap(s|ped|ping)?", "palm:x|fingers:x", True),
    ContactVerb(r"kiss\w*", "face"),
    ContactVerb(r"headbutt\w*", "head", True),
    ContactVerb(r"elbow(s|ed|ing)", "elbow:x", True),
    ContactVerb(r"knee(s|d|ing)", "knee:x", True),
    ContactVerb(r"lean\w*", "shoulder:x|head|back"),
    ContactVerb(r"(grab|hold|grip|grasp|clutch|seiz|catch|pull|tug)\w*|held|caught", "palm:x|fingers:x"),
    ContactVerb(r"(touch|strok|rub|massag|press|support|feel)\w*|felt", "palm:x|fingers:x"),
    ContactVerb(r"tak(e|es|en|ing)|took", "palm:x|fingers:x", direct=True),
)
"""A clause is parsed by the first verb that it has."""
MEETING_VERBS = r"touch(ed|ing)?|meet(ing)?|met"
"""Verbs of a part that both people have: `their hands touch`."""
OTHER_TOUCHES = (
    r"(chok|strangl|tackl|tickl|pok|nudg|bump|wrestl|cling|clasp|caress|squeez|pinch|brush|trip)\w*|clung"
    r"|link(s|ed|ing)?"
)
CARRYING_VERBS = r"(carr(y|i)|lift|drag|throw|toss)\w*|threw"
"""Verbs of a contact whose parts nobody can guess, and those that are one only if they are done to a person. The user is told
that they were not used."""

PLACEMENT_VERBS = r"(put|lay|laid|plac|rest|keep|kept|press|set|wrap|throw|threw|drap)\w*|ha(s|ve|d|ving)|with"
"""Words before the part of the actor that is placed on the other person."""
PLACEMENT_PREPOSITIONS = r"on|onto|upon|against|around|round|over|at|to|behind|under"
RESTING_VERBS = (
    r"(?:is|are|was|were)(?: (?:placed|put|laid|pressed|wrapped|resting|lying|still|now))*"
    r"|(?:rest|land|remain|stay)(?:s|ed)?|lies|lay"
)
"""Words between a part and such a preposition: `his hand is on her shoulder`."""
INSTRUMENT_WORDS = r"with|using"
"""Words before the part that somebody acts with."""
AUXILIARIES = r"is|are|was|were|be|been|being|get|gets|got|getting"
"""Verbs before a participle in the passive."""
RECEIVED_BLOW = (
    r"\b(?:tak(?:es?|ing)|took|receiv\w*|gets?|got) (?:a|an|one|the|another)(?: \w+)?"
    r" (?P<blow>kick|punch|hit|slap|smack|pat|tap|push|shove|headbutt)(?P<where>\b.*?) from\b"
)
"""A blow as a noun: `takes a hard kick in the belly from him`."""

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
IRREGULAR_PLURALS = {"feet": "foot", "calves": "calf"}
AMBIGUOUS_PARTS = ("back", "face", "faces")
"""Words that are a part only after a word that a noun follows, such as a determiner."""
DETERMINERS = ("the", "a", "an", "his", "her", "their", "my", "your", "its", "one", "both", "own", "s", "other")
NOT_PARTS = (
    r"(face|back) to \1", r"side by side", r"(?:push|shov|pull|tug|drag)\w* her back",
    r"at (?:his|her|their|(?:\w+ )+s) back",
)  # fmt: skip
"""Phrases with words for parts that mean none; `\\1` is their first group."""

CONTRACTIONS = r"(?:do|does|did|is|are|was|were|has|have|had|wo|would|could|ca|should|must|need|ai)n ?t"
NEGATIONS = (
    r"not|never|cannot|(?<!with )no|nobody|neither|nor|almost|nearly|avoid\w*|(?:refus|fail|declin|forg[eo]t)\w* to"
    rf"|{CONTRACTIONS}"
)
"""Words that negate a verb which follows within a few words."""
NEGATIONS_OF_NEXT = r"without|instead of|rather than|from|stop\w*|ceas\w*|quit\w*"
"""Words that negate only a verb in -ing right after them (`without touching`, but `without hesitation he hugs her`)."""
EXCLUSIONS = rf"without|instead of|rather than|not|never|{CONTRACTIONS}"
"""Words after a verb from which on nothing is its target."""
RELEASES = r"let(s|ting)? go|releas\w*"

PERSON_NAMES = {r"(person|figure) (a|one|1)": 0, r"(person|figure) (b|two|2)": 1}
"""Names of the two people in the product. `The first person` is not one: it refers to whoever the text mentions first."""
GENDERS: dict[str, str] = {
    "he": r"he|man|boy|guy|father|dad|brother|son|husband|boyfriend|gentleman|grandfather|groom|king|prince",
    "she": r"she|woman|girl|lady|mother|mum|mom|sister|daughter|wife|girlfriend|grandmother|bride|queen|princess",
}
"""Words for a person who acts, by pronoun. A part with the pronoun's possessive is then that person's own."""
POSSESSIVES, OBJECTS = {"he": "his", "she": "her"}, {"he": "him", "she": "her"}
PLURALS: dict[str, str] = {
    "he": r"men|boys|guys|brothers|fathers|gentlemen|males", "she": r"women|girls|ladies|sisters|mothers|females",
}  # fmt: skip
PEOPLE = (
    r"him|her|them|each|other|others|another|one|first|second|person|people|figure|child|kid|baby|friend|partner|leader|opponent"
    rf"|attacker|stranger|dancer|somebody|someone|{GENDERS['he']}|{GENDERS['she']}"
)
"""Words for the one who is acted on; other nouns after an article are things."""
