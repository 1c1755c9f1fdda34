"""Parses a prompt into hypotheses of contact, with a small grammar over the lexicon.

Prompts seldom say which of the two people does what, or with which hand, and where they do, they are often wrong (ProsePose,
arXiv 2405.03689, finds the same of language models). A hypothesis therefore holds all interpretations: both assignments of the
roles and every side that is left open. `grounding` chooses the interpretation that fits the motion.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from jaxtyping import Bool

from ..contract.body_parts import BODY_PARTS, PART_INDEX, body_part_of
from ..contract.skeleton import REGIONS
from . import lexicon
from .lexicon import ContactPattern

_MAX_INTERPRETATIONS = 128
"""Enough for the interaction with the most of them, an arm around the shoulders."""
_SIDED_LIMB = re.compile(r"\b(left|right) (?:hand|arm|forearm|wrist|palm|fist|foot|leg)s?\b")
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
    """The words that it was parsed from."""
    interpretations: tuple[Interpretation, ...]
    brief: bool
    """A blow or a tap rather than a hold."""
    frames: tuple[int, int] | None = None
    """First and last frame of the clip in which it is said to happen; None where nothing says so, as in a prompt."""


def part_hypothesis(name: str, words: str, contact: ContactPattern, frames: tuple[int, int]) -> ContactHypothesis:
    """A part of person 0, the `actor` of the pattern, that touches one of person 1 in some frames; all open sides are tried."""
    return ContactHypothesis(name, words, _interpret((contact,), {}, (0,)), brief=False, frames=frames)


@lru_cache(maxsize=64)
def parse_prompt(prompt: str) -> tuple[ContactHypothesis, ...]:
    """The contacts that a prompt mentions, in the order of its clauses; empty if it mentions none that the lexicon knows."""
    found: list[ContactHypothesis] = []
    for clause in _split_into_clauses(prompt):
        hypothesis = _parse_clause(clause)
        if hypothesis is not None and all(other.interpretations != hypothesis.interpretations for other in found):
            found.append(hypothesis)
    return tuple(found)


def _split_into_clauses(prompt: str) -> list[str]:
    """Lower-case words without punctuation, split wherever another action may begin."""
    text = re.sub(r"['’-]", " ", prompt.lower())
    pieces = re.split(r"[.;:!?\n,]+|\b(?:and|then|before|after|while|until|as)\b", text)
    return [words for piece in pieces if (words := " ".join(re.findall(r"[a-z0-9]+", piece)))]


def _parse_clause(clause: str) -> ContactHypothesis | None:
    return _match_interaction(clause) or _match_placement(clause) or _match_contact_verb(clause)


def _match_interaction(clause: str) -> ContactHypothesis | None:
    """`shakes hands with`, `hugs`: the first pattern of the lexicon that matches."""
    for interaction in lexicon.INTERACTION_PATTERNS:
        match = re.search(interaction.pattern, clause)
        if match and not _is_negated(clause, match.start()):
            sides = _given_sides(clause, interaction.sides_of_other)
            contacts = interaction.contacts
            target, _, _ = clause[match.end() :].partition(" with ")
            if interaction.name == "shove" and (parts := _parse_parts(target, _OTHER_VARIABLES)):
                contacts = (ContactPattern(contacts[0].actor, parts[0]),)
            interpretations = _interpret(contacts, sides, _possible_actors(clause))
            return ContactHypothesis(interaction.name, clause, interpretations, interaction.brief)
    return None


def _match_placement(clause: str) -> ContactHypothesis | None:
    """`puts his left hand on her shoulder`."""
    match = re.search(
        rf"\b(?:{lexicon.PLACEMENT_VERBS})\b(?P<actor>.*?)\b(?:{lexicon.PLACEMENT_PREPOSITIONS})\b(?P<other>.*)", clause
    )
    if match is None or _is_negated(clause, match.start()):
        return None
    actor_parts = _parse_parts(match["actor"], _ACTOR_VARIABLES)
    other_parts = _parse_parts(match["other"], _OTHER_VARIABLES)
    if not actor_parts or not other_parts:
        return None
    contact = ContactPattern(actor_parts[-1], other_parts[0])
    return ContactHypothesis("touch", clause, _interpret((contact,), {}, _possible_actors(clause)), brief=False)


def _match_contact_verb(clause: str) -> ContactHypothesis | None:
    """`kicks him in the stomach`, `holds her wrist`."""
    for verb, (effector, brief) in lexicon.CONTACT_VERBS.items():
        match = re.search(rf"\b(?:{verb})\b", clause)
        if not match or _is_negated(clause, match.start()):
            continue
        target, _, instrument = clause[match.end() :].partition(" with ")
        other_parts = _parse_parts(target, _OTHER_VARIABLES)
        actor_parts = _parse_parts(instrument, _ACTOR_VARIABLES)
        if not other_parts and len(actor_parts) > 1:  # `grabs with his hand her wrist`
            actor_parts, other_parts = actor_parts[:1], actor_parts[1:]
        if not other_parts and not brief:
            continue  # `holds a cup` does not mention the other person
        actor_part = actor_parts[-1] if actor_parts else effector
        by_leg = actor_part.startswith(("foot", "shin", "knee"))
        default = lexicon.DEFAULT_LEG_TARGETS if by_leg else lexicon.DEFAULT_TARGETS
        contact = ContactPattern(actor_part, other_parts[0] if other_parts else default)
        return ContactHypothesis("touch", clause, _interpret((contact,), {}, _possible_actors(clause)), brief)
    return None


def _is_negated(clause: str, start: int) -> bool:
    """Whether one of the four words before a position negates what follows."""
    return re.search(rf"\b(?:{lexicon.NEGATIONS})\b(?: \w+){{0,3}} ?$", clause[:start]) is not None


def _possible_actors(clause: str) -> tuple[int, ...]:
    """The named person who acts: the one after `by` (`B is pushed by A`), else the first. Both if nobody is named."""
    named: list[tuple[int, int]] = []
    for name, person in lexicon.PERSON_NAMES.items():
        if re.search(rf"\bby (?:{name})\b", clause):
            return (person,)
        if match := re.search(rf"\b(?:{name})\b", clause):
            named.append((match.start(), person))
    return (min(named)[1],) if named else (0, 1)


def _given_sides(clause: str, sides_of_other: bool) -> dict[str, str]:
    """Sides that the clause gives to hands and arms: `x` is the actor's in the lexicon's patterns, `y` the other's.

    A side after `with` is the actor's. Of those before, the first is the other's if `sides_of_other`, else the actor's.
    """
    before, _, instrument = clause.partition(" with ")
    actor_sides: list[str] = _SIDED_LIMB.findall(instrument)
    variables = "yx" if sides_of_other or actor_sides else "xy"
    return dict(zip(variables, _SIDED_LIMB.findall(before))) | dict(zip("x", actor_sides))


def _parse_parts(words: str, variables: str) -> list[str]:
    """The parts of the body that are mentioned, in the lexicon's notation; each open side gets a variable of its own."""
    found: list[str] = []
    for match in re.finditer(r"(?:\b(left|right) )?\b([a-z]+)\b", words):
        word = match[2]
        singular = lexicon.IRREGULAR_PLURALS.get(word, word.removesuffix("s"))
        part = lexicon.BODY_PART_WORDS.get(word) or lexicon.BODY_PART_WORDS.get(singular)
        if part is not None:
            side = match[1] or variables[len(found) % len(variables)]
            found.append("|".join(f"{bare}:{side}" if f"left_{bare}" in REGIONS else bare for bare in part.split("|")))
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
