"""From a prompt to hypotheses of contact: a small grammar over the lexicon.

Words seldom say who of the two people in the picture does what, or with which hand, and where they do, writers err
(ProsePose, arXiv 2405.03689, makes the same observation of language models). So a hypothesis holds every reading: roles both ways
and all sides that the words leave open. Which one holds is for the motion to say (`grounding`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from ..contract.skeleton import REGIONS
from . import lexicon
from .lexicon import ContactPattern

_MOST_READINGS = 128
"""Enough for the interaction with most of them, an arm around shoulders: fewer would leave out one of the roles."""
_SIDED_HAND = re.compile(r"\b(left|right) (?:hand|arm|forearm|wrist|palm|fist|foot|leg)s?\b")


@dataclass(frozen=True, order=True)
class RegionPair:
    """A region of one person on a region of the other; persons are 0 and 1, and the first is always 0."""

    region_0: str
    region_1: str


Interpretation = frozenset[RegionPair]
"""What touches if this reading holds, all of it."""


@dataclass(frozen=True)
class ContactHypothesis:
    """One interaction that a clause speaks of."""

    name: str
    """Of `lexicon.INTERACTIONS`, or `touch`."""
    clause: str
    """The clause it was read from."""
    interpretations: tuple[Interpretation, ...]
    brief: bool


@lru_cache(maxsize=64)
def parse_prompt(prompt: str) -> tuple[ContactHypothesis, ...]:
    """What a prompt says about contact, in the order of its clauses; nothing where it says nothing that we know."""
    found: list[ContactHypothesis] = []
    for clause in _clauses(prompt):
        hypothesis = _of_clause(clause)
        if hypothesis is not None and all(other.interpretations != hypothesis.interpretations for other in found):
            found.append(hypothesis)
    return tuple(found)


def _clauses(prompt: str) -> list[str]:
    """Plain words: lower case, no punctuation, cut wherever another action may begin."""
    text = re.sub(r"['’-]", " ", prompt.lower())
    pieces = re.split(r"[.;:!?\n,]+|\b(?:and|then|before|after|while|until|as)\b", text)
    return [words for piece in pieces if (words := " ".join(re.findall(r"[a-z0-9]+", piece)))]


def _of_clause(clause: str) -> ContactHypothesis | None:
    for interaction in lexicon.INTERACTION_PATTERNS:
        match = re.search(interaction.pattern, clause)
        if match and not _denied(clause, match.start()):
            sides = _sides_of_hands(clause, interaction.sides_of_other)
            if interaction.name == "shove" and (parts := _parts_in(_without_means(clause[match.end() :]))):
                meetings: tuple[ContactPattern, ...] = (ContactPattern(interaction.contacts[0].actor, parts[0]),)
            else:
                meetings = interaction.contacts
            return ContactHypothesis(
                interaction.name, clause, _readings(meetings, sides, _roles(clause)), interaction.brief
            )
    return _laid_on(clause) or _touched(clause)


def _laid_on(clause: str) -> ContactHypothesis | None:
    """`puts his left hand on her shoulder`."""
    upon = re.search(
        rf"\b(?:{lexicon.PLACEMENT_VERBS})\b(?P<own>.*?)\b(?:{lexicon.PLACEMENT_PREPOSITIONS})\b(?P<others>.*)", clause
    )
    if upon is None or _denied(clause, upon.start()):
        return None
    own, others = _parts_in(upon["own"], letters="xyzw"), _parts_in(upon["others"])
    if not own or not others:
        return None
    return ContactHypothesis(
        "touch", clause, _readings((ContactPattern(own[-1], others[0]),), {}, _roles(clause)), brief=False
    )


def _touched(clause: str) -> ContactHypothesis | None:
    """`kicks him in the stomach`, `holds her wrist`."""
    for verb, (effector, brief) in lexicon.CONTACT_VERBS.items():
        match = re.search(rf"\b(?:{verb})\b", clause)
        if match and not _denied(clause, match.start()):
            done_to, _, means = clause[match.end() :].partition(" with ")
            others, own = _parts_in(done_to), _parts_in(means, letters="xyzw")
            if not others and len(own) > 1:  # `grabs with his hand her wrist`
                own, others = own[:1], own[1:]
            if not others and not brief:
                continue  # `holds a cup` says nothing about the other
            mine = own[-1] if own else effector
            anywhere = (
                lexicon.DEFAULT_LEG_TARGETS if mine.startswith(("foot", "shin", "knee")) else lexicon.DEFAULT_TARGETS
            )
            meeting = ContactPattern(mine, others[0] if others else anywhere)
            return ContactHypothesis("touch", clause, _readings((meeting,), {}, _roles(clause)), brief)
    return None


def _denied(clause: str, start: int) -> bool:
    return re.search(rf"\b(?:{lexicon.NEGATIONS})\b(?: \w+){{0,3}} ?$", clause[:start]) is not None


def _roles(clause: str) -> tuple[int, ...]:
    """Who may be the one that acts: who is named first, or after `by` (`B is pushed by A`)."""
    named: list[tuple[int, int]] = []
    for name, who in lexicon.PERSON_NAMES.items():
        if re.search(rf"\bby (?:{name})\b", clause):
            return (who,)
        if match := re.search(rf"\b(?:{name})\b", clause):
            named.append((match.start(), who))
    return (min(named)[1],) if named else (0, 1)


def _without_means(words: str) -> str:
    """What stands before `with`."""
    return words.partition(" with ")[0]


def _sides_of_hands(clause: str, done_to: bool = False) -> dict[str, str]:
    """Sides that the words give to hands and arms, by the letters of the lexicon: x the actor's, y the other's.

    What stands after `with` is the actor's; before it, the first is the other's where it is `done_to`, else the actor's.
    """
    before, _, means = clause.partition(" with ")
    own, others = ([] if not words else _SIDED_HAND.findall(words) for words in (means, before))
    letters = "yx" if done_to or own else "xy"
    return dict(zip(letters, others)) | dict(zip("x", own))


def _parts_in(words: str, letters: str = "pqrs") -> list[str]:
    """Parts with their sides, as the lexicon writes them; the letter of an open side differs from part to part.

    Not the lexicon's own letters, so that a knee and the foot that kicks it need not be of one side.
    """
    found: list[str] = []
    for match in re.finditer(r"(?:\b(left|right) )?\b([a-z]+)\b", words):
        word = match[2]
        singular = lexicon.IRREGULAR_PLURALS.get(word, word.removesuffix("s"))
        bare = lexicon.BODY_PART_WORDS.get(word) or lexicon.BODY_PART_WORDS.get(singular)
        if bare is not None:
            mark = match[1] or letters[len(found) % len(letters)]
            found.append("|".join(f"{part}:{mark}" if f"left_{part}" in REGIONS else part for part in bare.split("|")))
    return found


def _readings(
    meetings: tuple[ContactPattern, ...], given: dict[str, str], actors: tuple[int, ...]
) -> tuple[Interpretation, ...]:
    """Every reading of the meetings: sides given (by letter), roles, open sides, alternatives."""
    words = " ".join(f"{meeting.actor} {meeting.other}" for meeting in meetings)
    letters = list(dict.fromkeys(re.findall(r":-?([a-z])\b", words)))
    found: dict[Interpretation, None] = {}
    for actor, values in product(actors, product(*([given[x]] if x in given else ["left", "right"] for x in letters))):
        side = dict(zip(letters, values))
        pairs = [(meeting.actor, meeting.other, actor) for meeting in meetings]
        pairs += [(meeting.actor, meeting.other, 1 - actor) for meeting in meetings if meeting.mutual]
        options = [list(product(_regions(mine, side), _regions(other, side))) for mine, other, _ in pairs]
        for chosen in product(*options):
            ordered = (RegionPair(*(pair if who == 0 else pair[::-1])) for pair, (_, _, who) in zip(chosen, pairs))
            found.setdefault(frozenset(ordered))
    return tuple(found)[:_MOST_READINGS]


def _regions(part: str, side: dict[str, str]) -> list[str]:
    """Regions that a part of the lexicon stands for, sides filled in."""
    names = []
    for option in part.split("|"):
        bare, _, mark = option.partition(":")
        if not mark:
            names.append(bare)
        elif mark.startswith("-"):
            names.append(f"{'left' if side[mark[1:]] == 'right' else 'right'}_{bare}")
        else:
            names.append(f"{side.get(mark, mark)}_{bare}")
    return names
