"""Parses a prompt into hypotheses of contact, with a small grammar over the lexicon.

Prompts seldom say which of the two people does what, or with which hand, and where they do, they are often wrong (ProsePose,
arXiv 2405.03689, finds the same of language models). A hypothesis therefore holds all interpretations: both assignments of the
roles and every side that is left open. `grounding` chooses the interpretation that fits the motion.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from itertools import cycle, pairwise, product

import numpy as np
from jaxtyping import Bool

from ..contract.body_parts import BODY_PARTS, PART_INDEX, body_part_of
from ..contract.skeleton import REGIONS
from . import lexicon
from .clauses import Clause, Mention, VerbPhrase, find_placement, split_into_clauses
from .lexicon import ContactPattern, ContactVerb

_MAX_INTERPRETATIONS = 128
"""Enough for the interaction with the most of them, an arm around the shoulders."""
_SIDED_LIMB = re.compile(r"\b(left|right) (?:hand|arm|forearm|wrist|palm|fist|foot|leg)s?\b")
_NOT_DIRECT = r"\b(?:in|into|on|onto|off|at|to|from|under|against|around|over|with|up|out)\b"
"""Words between a verb and a part that is not its direct object."""
_ACTOR_VARIABLES, _OTHER_VARIABLES = "xyzw", "pqrs"
"""Names of open sides. Those of the other's parts differ from those of the lexicon's patterns, so that a foot and the knee that
it kicks need not be of one side."""


@dataclass(frozen=True, order=True)
class RegionPair:
    """A region of person 0 that is in contact with a region of person 1."""

    region_0: str
    region_1: str


Interpretation = frozenset[RegionPair]
"""The contacts that all hold if a hypothesis is meant this way."""


@dataclass(frozen=True)
class ContactHypothesis:
    """One interaction that a clause of the prompt mentions."""

    name: str
    """Of `lexicon.INTERACTION_PATTERNS`, or `touch`."""
    clause: str
    """The user's own words that it was parsed from."""
    interpretations: tuple[Interpretation, ...]
    brief: bool
    """A blow or a tap rather than a hold."""
    frames: tuple[int, int] | None = None
    """First and last frame of the clip in which it is said to happen; None where nothing says so, as in a prompt."""

    @property
    def leaves_people_open(self) -> bool:
        """Whether the words do not say which of the two does what, so that the motion decides."""
        exchanged = {frozenset(RegionPair(*astuple(pair)[::-1]) for pair in each) for each in self.interpretations}
        same = all(pair.region_0 == pair.region_1 for each in self.interpretations for pair in each)
        return not same and exchanged == set(self.interpretations)


def part_hypothesis(name: str, words: str, contact: ContactPattern, frames: tuple[int, int]) -> ContactHypothesis:
    """A part of person 0, the `actor` of the pattern, that touches one of person 1 in some frames; all open sides are tried."""
    return ContactHypothesis(name, words, _interpret((contact,), {}, (0,)), brief=False, frames=frames)


@lru_cache(maxsize=64)
def parse_prompt(prompt: str) -> tuple[ContactHypothesis, ...]:
    """The contacts that a prompt mentions, in the order of its clauses; empty if it mentions none that the lexicon knows."""
    found: list[ContactHypothesis] = []
    for clause in split_into_clauses(prompt):
        hypothesis = _parse_clause(clause)
        if hypothesis is not None and all(other.interpretations != hypothesis.interpretations for other in found):
            found.append(hypothesis)
    return tuple(found)


def unread_clauses(prompt: str) -> tuple[str, ...]:
    """The clauses, in the user's own words, that seem to mention a contact of the two, of which `parse_prompt` makes none."""
    clauses = split_into_clauses(prompt)
    return tuple({c.words: c.quote for c in clauses if _parse_clause(c) is None and _mentions_touch(c)}.values())


def _parse_clause(clause: Clause) -> ContactHypothesis | None:
    return (
        _match_interaction(clause)
        or _match_contact_verb(clause, lexicon.SHOVE)
        or _match_resting(clause)
        or _match_meeting(clause)
        or _match_placement(clause)
        or next(filter(None, (_match_contact_verb(clause, verb) for verb in lexicon.CONTACT_VERBS)), None)
    )


def _match_interaction(clause: Clause) -> ContactHypothesis | None:
    """`shakes hands with`, `hugs`: the first pattern of the lexicon that matches."""
    for interaction in lexicon.INTERACTION_PATTERNS:
        for match in clause.find(interaction.pattern):
            sides = _given_sides(clause, match, interaction.sides_of_other)
            actors = _possible_actors(clause, passive=clause.is_passive(match.start(), match[0]))
            interpretations = _interpret(interaction.contacts, sides, actors)
            return ContactHypothesis(interaction.name, clause.quote, interpretations, interaction.brief)
    return None


def _match_contact_verb(clause: Clause, verb: ContactVerb) -> ContactHypothesis | None:
    """`kicks him in the stomach`, `holds her wrist`, `her wrist is held by his left hand`."""
    for match in clause.find(verb.pattern):
        phrase = clause.phrase(match)
        named = phrase.targets[0].start if phrase.targets else match.end()
        indirect = verb.direct and re.search(_NOT_DIRECT, clause.words[match.end() : named])
        if phrase.on_self or indirect or (not verb.brief and (phrase.on_thing or not phrase.targets)):
            continue  # `holds a cup` does not mention the other person
        actor = _effector(phrase, verb)
        other = _notation(phrase.targets, _OTHER_VARIABLES)[0] if phrase.targets else verb.targets_of(actor)
        actors = _possible_actors(clause, passive=phrase.passive)
        return _touch(clause, actor, other, actors, brief=verb.brief, name=verb.name)
    return None


def _effector(phrase: VerbPhrase, verb: ContactVerb) -> str:
    """The part that somebody touches with, in the lexicon's notation."""
    if phrase.instruments:
        return _notation(phrase.instruments, _ACTOR_VARIABLES)[-1]
    if phrase.agent is None:
        return verb.effector
    if phrase.agent.word in ("hand", "hands") and verb.by_hand:  # which part of it, the verb tells
        return verb.effector.replace(":x", f":{phrase.agent.side or 'x'}")
    return _notation([phrase.agent], _ACTOR_VARIABLES)[0]


def _match_resting(clause: Clause) -> ContactHypothesis | None:
    """`his hand is on her shoulder`."""
    resting = re.compile(rf" (?:{lexicon.RESTING_VERBS})(?: \w+ly)? (?:{lexicon.PLACEMENT_PREPOSITIONS}|in)\b")
    for mention in clause.mentions:
        match = resting.match(clause.words, mention.end)
        others = clause.between(match.end(), clause.end_of_targets(match.end())) if match else ()
        if match and others and not clause.is_own(others[0], mention.end + 1, match.end()):
            parts = _notation([mention], _ACTOR_VARIABLES)[0], _notation(others, _OTHER_VARIABLES)[0]
            return _touch(clause, *parts, _possible_actors(clause))
    return None


def _match_meeting(clause: Clause) -> ContactHypothesis | None:
    """`their hands touch`."""
    for match in clause.find(lexicon.MEETING_VERBS):
        part = clause.subject_part(match.start())
        if part and part.is_of_both and not clause.between(match.end(), len(clause.words)):
            parts = _notation([part], _ACTOR_VARIABLES)[0], _notation([part], _OTHER_VARIABLES)[0]
            return _touch(clause, *parts, _possible_actors(clause))
    return None


def _match_placement(clause: Clause) -> ContactHypothesis | None:
    """`puts his left hand on her shoulder`."""
    match = find_placement(clause)
    if match is None:
        return None
    actor_parts = clause.between(*match.span("actor"))
    other_parts = clause.between(match.start("other"), clause.end_of_targets(match.end("actor")))
    if not actor_parts or not other_parts:
        return None
    if clause.is_own(other_parts[0], match.start(), match.end("actor")) and not clause.is_others(actor_parts[-1]):
        return None  # `puts her hands on her hips`, but not `puts her hand on his chest` of himself
    parts = _notation(actor_parts, _ACTOR_VARIABLES)[-1], _notation(other_parts, _OTHER_VARIABLES)[0]
    return _touch(clause, *parts, _possible_actors(clause))


def _touch(
    clause: Clause, actor: str, other: str, actors: Sequence[int], *, brief: bool = False, name: str = "touch"
) -> ContactHypothesis:
    return ContactHypothesis(name, clause.quote, _interpret((ContactPattern(actor, other),), {}, actors), brief)


def _mentions_touch(clause: Clause) -> bool:
    """Whether a clause names a touch of the two that it does not deny."""
    return _has_verb_of_touch(clause) or _has_part_of_other(clause)


def _has_verb_of_touch(clause: Clause) -> bool:
    verbs = "|".join(verb.pattern for verb in (lexicon.SHOVE, *lexicon.CONTACT_VERBS) if not verb.direct)
    for match in clause.find(rf"{verbs}|{lexicon.OTHER_TOUCHES}|{lexicon.CARRYING_VERBS}"):
        phrase = clause.phrase(match)
        if phrase.on_thing or (phrase.on_self and all(map(clause.is_surely_own, phrase.own))):
            continue
        carries = re.fullmatch(lexicon.CARRYING_VERBS, match[0])
        if clause.names_person(match.end()) or (clause.mentions and not carries):
            return True
        if re.match(r"(?:they|both|two)\b", clause.words) and re.fullmatch(lexicon.OTHER_TOUCHES, match[0]):
            return True
    return False


def _has_part_of_other(clause: Clause) -> bool:
    """`sits on his lap` of her, `puts his arms around her`, `cheek to cheek`."""
    placed = find_placement(clause)
    if placed and clause.between(*placed.span("actor")) and clause.names_person(placed.start("other")):
        return True
    mentions = tuple(mention for mention in clause.mentions if not clause.excludes(mention))
    return any(map(clause.is_others, mentions)) or any(
        re.fullmatch(rf" (?:{lexicon.PLACEMENT_PREPOSITIONS}|in) ", clause.words[first.end : second.start])
        and not (clause.is_own(second, first.start, first.end) and clause.is_surely_own(second))
        for first, second in pairwise(mentions)
    )


def _possible_actors(clause: Clause, *, passive: bool = False) -> tuple[int, ...]:
    """The named person who acts: the one after `by` (`B is pushed by A`), else the first. Both if nobody is named."""
    named: list[tuple[int, int]] = []
    for name, person in lexicon.PERSON_NAMES.items():
        if re.search(rf"\bby (?:{name})\b", clause.words):
            return (person,)
        if match := re.search(rf"\b(?:{name})\b", clause.words):
            named.append((match.start(), person))
    if not named:
        return (0, 1)
    first = min(named)[1]
    return (1 - first,) if passive else (first,)


def _given_sides(clause: Clause, verb: re.Match[str], sides_of_other: bool) -> dict[str, str]:
    """Sides that the clause gives to hands and arms: `x` is the actor's in the lexicon's patterns, `y` the other's.

    Those of the subject and of what somebody acts with are the actor's. Of the rest, the first is the other's if
    `sides_of_other`, else the actor's.
    """
    words = clause.words
    subject = None if clause.is_passive(verb.start(), verb[0]) else clause.subject_part(verb.start())
    instrument = re.search(rf"\b(?:{lexicon.INSTRUMENT_WORDS})\b", words)
    actor_sides: list[str] = []
    other_sides: list[str] = []
    for limb in _SIDED_LIMB.finditer(words):
        is_subject = subject is not None and subject.start <= limb.start() < subject.end
        is_instrument = instrument is not None and instrument.start() < limb.start()
        leads = instrument is not None and instrument.start() == 0
        (actor_sides if is_subject or (is_instrument and not (leads and actor_sides)) else other_sides).append(limb[1])
    variables = "yx" if sides_of_other or actor_sides else "xy"
    return dict(zip(variables, other_sides)) | dict(zip("x", actor_sides))


def _notation(mentions: Sequence[Mention], variables: str) -> list[str]:
    """Parts in the lexicon's notation; each open side gets a variable of its own."""
    found: list[str] = []
    for mention, variable in zip(mentions, cycle(variables)):
        side = mention.side or variable
        parts = mention.part.split("|")
        found.append("|".join(f"{bare}:{side}" if f"left_{bare}" in REGIONS else bare for bare in parts))
    return found


def _interpret(
    contacts: Sequence[ContactPattern], given_sides: Mapping[str, str], actors: Sequence[int]
) -> tuple[Interpretation, ...]:
    """All interpretations of contact patterns: every actor, every open side, every alternative of a part."""
    notation = " ".join(f"{contact.actor} {contact.other}" for contact in contacts)
    variables: list[str] = list(dict.fromkeys(re.findall(r":-?([a-z])\b", notation)))
    choices = [[given_sides[name]] if name in given_sides else ["left", "right"] for name in variables]
    found: dict[Interpretation, None] = {}
    for actor, values in product(actors, product(*choices)):
        sides = dict(zip(variables, values))
        directed = [(contact.actor, contact.other, actor) for contact in contacts]
        directed += [(contact.actor, contact.other, 1 - actor) for contact in contacts if contact.mutual]
        options = [list(product(_expand_part(own, sides), _expand_part(other, sides))) for own, other, _ in directed]
        for chosen in product(*options):
            pairs = (RegionPair(*(pair if who == 0 else pair[::-1])) for pair, (_, _, who) in zip(chosen, directed))
            found.setdefault(frozenset(pairs))
    return tuple(found)[:_MAX_INTERPRETATIONS]


def _expand_part(part: str, sides: Mapping[str, str]) -> list[str]:
    """The regions that a part in the lexicon's notation may be, with the sides of its variables."""
    regions: list[str] = []
    for alternative in part.split("|"):
        bare, _, side = alternative.partition(":")
        if not side:
            regions.append(bare)
        elif side.startswith("-"):
            regions.append(f"{'left' if sides[side[1:]] == 'right' else 'right'}_{bare}")
        else:
            regions.append(f"{sides.get(side, side)}_{bare}")
    return regions


def named_parts(hypotheses: Sequence[ContactHypothesis]) -> Bool[np.ndarray, "Q Q"] | None:
    """The pairs of body parts that some interpretation of the hypotheses joins; None if there are no hypotheses."""
    if not hypotheses:
        return None
    named = np.zeros((len(BODY_PARTS), len(BODY_PARTS)), bool)
    for hypothesis in hypotheses:
        for pair in (pair for interpretation in hypothesis.interpretations for pair in interpretation):
            named[PART_INDEX[body_part_of(pair.region_0)], PART_INDEX[body_part_of(pair.region_1)]] = True
    return named
