"""From motion to sentences: what a reader would say of two people, without looks, names or guesses at what they feel.

The offline annotator of the prompt box, and training text for every clip. First facts (`describe`), then words (`captions`):
wordings are drawn, facts are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

from ..body.model import BodyModel
from ..contacts import detect_contacts
from ..motion import MotionEstimate, Timeline
from .actions import Action
from .description import Description, Formation, SharedAction, describe
from .interactions import Interaction, InteractionName
from .templates import (
    ACTION_TEMPLATES,
    DIRECTED_FORMATION_TEMPLATES,
    FORMATION_TEMPLATES,
    INTERACTION_TEMPLATES,
    PAIR_NAMES,
    PERSON_NAMES,
    REGION_WORDS,
    ROLE_NAMES,
)

_COMES, _LEAVES = 1.2, 0.4
"""seconds before a deed in which who comes arrives; seconds before its end from which on somebody leaves."""
_WORTH_SAYING = 1.0
"""metres apart from which on that is said though nothing else is known of how they stand."""
_NEARER = 0.25
"""metres that a walk brings somebody nearer for it to be a walk up to the other."""
_LONG, _SHORT = 2.0, 0.5
"""seconds that a touch lasts, beyond which that is said, and below which it is called brief."""
_MEANWHILE = 0.3
"""seconds that two deeds overlap at least to be done at the same time."""
_LASTING = {
    "handshake",
    "hug",
    "hug_from_behind",
    "hold_hands",
    "piggyback",
    "dance_hold",
    "arm_around_shoulder",
    "touch",
}
_COUNTED = ("", "", "twice", "three times", "four times", "five times")
_MOST_DEEDS = 3
_SURE_AFTER: dict[InteractionName, float] = {
    "piggyback": 1.0, "carry": 1.0, "help_up": 0.5, "dance_turn": 0.5, "dance_hold": 1.0, "hug": 0.5, "hug_from_behind": 0.8,
    "arm_around_shoulder": 1.0, "pull_arm": 2.0, "handshake": 0.4, "lead_by_hand": 1.0, "hold_hands": 1.5,
    "high_five": 0.1, "kick": 0.1, "hit": 0.1, "shove": 0.15, "touch": 0.5,
}  # fmt: skip
"""seconds that a deed lasts at least for it to be said of a reconstructed motion. Others are never said of one: two people who
stand close look like that as soon as they are a hand's breadth off."""
_BRIEF: frozenset[InteractionName] = frozenset({"high_five", "kick", "hit", "shove"})
"""Deeds that end what touches: something else that goes on for longer speaks against them."""
_NO_MORE_THAN: dict[InteractionName, str] = {
    "hand_over": "fingers",
    "hold_arm": "upper_arm",
    "pull_arm": "upper_arm",
    "pat": "",
}
"""Deeds of a hand of which only the touch is sure, unless they last, and where that is, if not where the deed says."""
_TOUCHED = {
    **dict.fromkeys(("palm", "fingers", "hand_back"), "fingers"),
    **dict.fromkeys(("wrist", "forearm", "elbow", "upper_arm"), "upper_arm"),
    **{place: place for place in ("shoulder", "chest", "back", "head")},
}
"""Places that hands seek, each for those beside it. What is left out comes near a hand where two people stand close."""
_SURE_MOVES = {"walk": 0.4, "turn": 0.4, "bend": 0.8, "raise_arm": 0.8, "crouch": 0.8, "sit": 0.8, "lie": 0.8}
"""The same of what each does alone."""
_OWN_WALK = {"piggyback", "carry", "dance_turn"}
"""Deeds in which only one of the two walks."""


def annotate_motion(
    estimate: MotionEstimate,
    timeline: Timeline,
    confidence: Float[np.ndarray, "2 T 22"],
    body: BodyModel,
    *,
    named: bool = False,
) -> str:
    """A short sentence for a motion that was reconstructed; its contacts are detected, and what is not sure is not said.

    `confidence` [2,T,22] of the body joints, as for `contacts.detect`. `named` calls the two Person A and Person B.
    """
    contacts = detect_contacts(estimate.motion_incam, timeline, confidence, body)
    description = describe(estimate.motion_inworld, body, contacts, timeline.frame_index, timeline.time)
    return short_caption(keep_reliable_facts(description), named=named)


def keep_reliable_facts(description: Description) -> Description:
    """What of the facts still holds where bodies are a hand's breadth off: no sides, no steps, nothing that is soon over."""
    longest: dict[tuple, Interaction] = {}
    for deed in sorted(description.interactions, key=lambda deed: deed.duration):
        if not _doubtful(deed, description.interactions):
            deed = _coarse(deed)
            longest[deed.name, deed.actor, deed.other_region] = deed
    deeds = [deed for deed in longest.values() if deed.duration >= _SURE_AFTER.get(deed.name, math.inf)]
    return replace(
        description,
        interactions=tuple(sorted(deeds, key=lambda deed: (deed.start, deed.name))),
        actions=tuple(m for m in description.actions if m.end - m.start >= _SURE_MOVES.get(m.name, math.inf)),
        shared_actions=tuple(rhythm for rhythm in description.shared_actions if rhythm.same_direction),
    )


def _doubtful(deed: Interaction, deeds: Sequence[Interaction]) -> bool:
    """Whether it looks as errors do, however long it lasts."""
    if deed.name == "touch":
        return REGION_WORDS.get(deed.actor_region) != "hand" or deed.other_region not in _TOUCHED
    if deed.name == "shove" and not deed.both_hands:
        return True  # a hand that meets a body goes on a little, whatever it wants there
    meanwhile = (other for other in deeds if other.start < deed.end and deed.start < other.end)
    return deed.name in _BRIEF and any(other.duration > deed.duration for other in meanwhile)


def _coarse(deed: Interaction) -> Interaction:
    """The same without what a small error changes."""
    deed = replace(deed, actor_side="", other_side="")
    if deed.name in _NO_MORE_THAN and deed.duration < _SURE_AFTER.get(deed.name, math.inf):
        place = _NO_MORE_THAN[deed.name] or deed.other_region
        deed = replace(deed, name="touch", actor_region="palm", other_region=place, count=0)
    if deed.name in ("touch", "pull_arm"):
        return replace(deed, other_region=_TOUCHED[deed.other_region])
    if deed.name == "dance_hold":
        return replace(deed, actor=None)
    return replace(deed, other_region="") if deed.name in ("kick", "shove") else deed


def short_caption(description: Description, *, named: bool = False) -> str:
    """What happens, as plainly and particularly as it can be said, always in the same words: one or two sentences."""
    writer = _Writer(description, np.random.default_rng(0), named=named, plain=True)
    return writer.story() if description.interactions else writer.quiet_story()


def generate_captions(
    description: Description, rng: Generator, count: int = 4, *, named: bool = False
) -> tuple[str, ...]:
    """At most `count` different captions of one clip, the first the shortest; all true, each saying more or less of it."""
    found: dict[str, None] = {}
    for attempt in range(4 * count):
        writer = _Writer(description, rng, named=named)
        if not description.interactions:
            text = writer.quiet_story()
        else:
            text = (writer.deeds_only, writer.story, writer.long_story)[
                min(attempt, 2) if attempt < 3 else int(rng.integers(3))
            ]()
        if text:
            found.setdefault(text)
        if len(found) == count:
            break
    return tuple(found)


@dataclass(frozen=True)
class _Clause:
    """A verb with what belongs to it. `who` is its subject, None for both."""

    who: int | None
    words: str


class _Writer:
    """Puts facts into sentences; who is called what stays the same within one caption."""

    def __init__(self, description: Description, rng: Generator, *, named: bool, plain: bool = False) -> None:
        self.facts = description
        self.rng = rng
        self.named = named
        self.plain = plain
        self.roles = ROLE_NAMES[0] if plain else self.draw(ROLE_NAMES)
        self.people = PAIR_NAMES[0] if plain else self.draw(PAIR_NAMES)
        self.known: dict[int, str] = {}
        """Who was spoken of already, and what they are called from then on."""
        self.spoken = False
        """Whether anybody was spoken of, so that both are `they`."""
        self.walked = False
        self.met: set[int] = set()
        """Whom a clause was about that somebody does something to."""

    def draw(self, options: Sequence):
        return options[int(self.rng.integers(len(options)))]

    # whole captions

    def deeds_only(self) -> str:
        """Only what they do with each other."""
        deeds = self.main_deeds()
        links = [[self.deed(deeds[0])]]
        self.chain(links, deeds)
        return self.sentence(links)

    def story(self) -> str:
        """Coming, deeds, leaving."""
        deeds = self.main_deeds()
        coming = self.coming(deeds[0])
        subject = coming[0].who if len(coming) == 1 else None
        links = [[*coming, self.deed(deeds[0], lasting=not self.plain, subject=subject)]]
        self.chain(links, deeds)
        leaving = self.leaving(deeds[-1])
        return self.sentence([*links, leaving] if leaving else links)

    def chain(self, links: list[list[_Clause]], deeds: list[Interaction]) -> None:
        """Add all but the first: `and` where it is done at the same time, else `then`."""
        for before, deed in zip(deeds, deeds[1:]):
            clause = self.deed(deed)
            if deed.start < before.end - _MEANWHILE:
                links[-1].append(clause)
            else:
                links.append([clause])

    def long_story(self) -> str:
        """How they stand first, then the story."""
        begin = self.standing(self.facts.initial_formation, opening=True)
        told = self.story()
        return f"{begin} {told}" if begin else told

    def quiet_story(self) -> str:
        """Where nobody touches anybody: how they stand, and who does what."""
        parts = [self.together(rhythm) for rhythm in self.facts.shared_actions[:1]]
        spoken = [rhythm.name for rhythm in self.facts.shared_actions[:1]]
        moves = [move for move in self.facts.actions if move.name not in spoken and move.name != "carried"]
        if not self.plain and moves and self.rng.random() < 0.3:
            moves = moves[: int(self.rng.integers(1, len(moves) + 1))]
        again = any(
            rhythm.formation.name == self.facts.initial_formation.name == "side_by_side"
            for rhythm in self.facts.shared_actions[:1]
        )
        first = not (parts or moves) or (not again and (self.plain or self.rng.random() < 0.7))
        begin = self.standing(self.facts.initial_formation, opening=True) if first else ""
        told = [self.sentence([[clause]]) for clause in parts]
        told += [self.sentence([[self.move(move)] for move in moves[:2]])] if moves else []
        return " ".join(text for text in (begin, *told) if text)

    # facts that are worth a word

    def main_deeds(self) -> list[Interaction]:
        deeds = [deed for deed in self.facts.interactions if deed.name != "touch"] or list(self.facts.interactions)
        chosen = sorted(deeds, key=lambda deed: -deed.duration)[:_MOST_DEEDS]
        return sorted(chosen, key=lambda deed: (deed.start, -deed.duration, deed.name))

    def coming(self, deed: Interaction) -> list[_Clause]:
        """Who walks up to the other before the first deed."""
        came = {
            move.person: move
            for move in self.facts.actions
            if move.name in ("walk", "step")
            and move.approach > _NEARER
            and deed.start - _COMES < move.end
            and move.start < deed.start
        }
        if len(came) == 2:
            verb = "walk" if all(move.name == "walk" for move in came.values()) else "move"
            return [_Clause(None, f"{verb} {self.say('up to each other', 'towards each other')}")]
        return [self.move(move) for move in came.values()]

    def leaving(self, deed: Interaction) -> list[_Clause]:
        """Who goes away after the last deed."""
        gone = {
            move.person: move
            for move in self.facts.actions
            if move.name in ("walk", "step") and move.approach < -_NEARER and move.start > deed.end - _LEAVES
        }
        if len(gone) == 2:
            return [_Clause(None, self.say("step apart", "part", "move apart"))]
        return [self.move(move) for move in gone.values()]

    def say(self, *options: str) -> str:
        return options[0] if self.plain else self.draw(options)

    # clauses

    def deed(self, deed: Interaction, *, lasting: bool = False, subject: int | None = None) -> _Clause:
        """In a wording about `subject` where there is one."""
        words = INTERACTION_TEMPLATES[deed.name]
        actor = deed.actor
        walking = any(
            r.name == "walk"
            and r.same_direction
            and min(r.end, deed.end) - max(r.start, deed.start) > 0.5 * min(deed.duration, 2.0)
            for r in self.facts.shared_actions
        )
        acting = (words.both or words.actor) if deed.both_hands else words.actor
        if deed.from_behind and words.behind:
            acting = (*acting, *words.behind)
        options: list[tuple[int | None, str]] = []
        if actor is None:
            options += [(None, phrase) for phrase in (words.walking if walking and words.walking else words.together)]
            options += [] if options and self.plain else [(subject or 0, phrase) for phrase in acting]
        else:
            options += [(None, phrase) for phrase in words.walking] if walking and self.rng.random() < 0.3 else []
            options += [(actor, phrase) for phrase in acting]
            options += [] if self.plain else [(1 - actor, phrase) for phrase in words.other]
        options = [(who, phrase) for who, phrase in options if _fits(phrase, deed)]
        if subject is not None and actor is not None:
            options = [item for item in options if item[0] == subject] or options
        if self.plain:
            who, phrase = max(options, key=lambda item: item[1].count("{"))
        else:
            who, phrase = self.draw(options)
        text = _filled(phrase, deed)
        if (
            walking
            and actor is not None
            and "walk" not in text
            and deed.name not in ("pull_arm", "lead_by_hand", *_OWN_WALK)
        ):
            text += "" if deed.name == "hold_hands" or self.walked else " while walking"
            self.walked = True
        if deed.name == "pat" and not self.plain and deed.count < len(_COUNTED) and self.rng.random() < 0.5:
            text = f"{text} {_COUNTED[deed.count]}".strip()
        if lasting and deed.name in _LASTING and self.rng.random() < 0.5:
            text += self.length(deed.duration)
        return _Clause(who, text)

    def length(self, seconds: float) -> str:
        if seconds < _SHORT:
            return " briefly"
        if seconds < _LONG:
            return "" if seconds < 0.8 else " for " + self.say("about a second", "a moment")
        count = round(seconds)
        return " for " + self.say(f"about {_number(count)} seconds", "a long moment", "a while")

    def move(self, move: Action) -> _Clause:
        way = str(move.direction)
        if move.name in ("walk", "step"):
            if abs(move.approach) > _NEARER:
                way = "nearer" if move.approach > 0 else "farther"
        elif move.name == "turn":
            way = "full" if move.amount > 300 else "around" if move.amount > 140 else way
        elif move.name in ("bend", "crouch", "sit", "lie", "get_up"):
            way = ""
        return _Clause(move.person, self.say(*ACTION_TEMPLATES[move.name, way]))

    def together(self, rhythm: SharedAction) -> _Clause:
        if rhythm.name == "turn":
            return _Clause(None, "turn the same way together" if rhythm.same_direction else "turn at the same time")
        if not rhythm.same_direction:
            return _Clause(None, self.say("walk in different directions", "walk different ways"))
        beside = rhythm.formation.name == "side_by_side"
        return _Clause(
            None, "walk side by side" if beside else self.say("walk in the same direction", "walk along together")
        )

    def standing(self, standing: Formation, *, opening: bool) -> str:
        """A sentence of its own."""
        walks = opening and any(move.name == "walk" and move.start < 0.5 for move in self.facts.actions)
        apart = _distance(standing.distance)
        if standing.name in FORMATION_TEMPLATES:
            words = self.say(*FORMATION_TEMPLATES[standing.name])
            words = words.replace("stand ", "are ") if walks and words.startswith("stand ") else words
            words += f", {apart}" if apart and (self.plain or self.rng.random() < 0.6) else ""
            return self.sentence([[_Clause(None, words)]])
        if standing.subject is not None:
            words = self.say(*DIRECTED_FORMATION_TEMPLATES[standing.name])
            words = words.replace("stands ", "is ") if walks and words.startswith("stands ") else words
            return self.sentence([[_Clause(standing.subject, words)]])
        return self.sentence([[_Clause(None, f"are {apart}")]]) if standing.distance > _WORTH_SAYING else ""

    # sentences

    def sentence(self, links: list[list[_Clause]]) -> str:
        """A chain of events as one sentence: `and` within a link, `then` between links, a subject only where it changes."""
        text = ""
        last: int | None = -1
        for clauses in links:
            for index, clause in enumerate(clauses):
                same = clause.who == last
                joint = (
                    "" if not text else " and " if index else self.say(", then ", " and then ") if same else ", then "
                )
                subject = "" if same else self.subject(clause.who) + " "
                text += joint + subject + self.with_other(clause, same)
                last = clause.who
        return f"{text[0].upper()}{text[1:]}." if text else ""

    def subject(self, who: int | None) -> str:
        if who is not None:
            return self.called(who)
        name = "they" if self.spoken else self.people
        self.spoken = True
        return name

    def called(self, who: int) -> str:
        self.spoken = True
        if self.named:
            return PERSON_NAMES[who]
        if who in self.known:
            return self.known[who]
        first = 1 - who not in self.known
        self.known[who] = "the first" if first else "the other"
        return self.roles[0 if first else 1]

    def with_other(self, clause: _Clause, same: bool) -> str:
        """The clause's words with the other's name, or `them` where the sentence has just named the other."""
        if clause.who is None or "{b" not in clause.words:
            return clause.words
        other = 1 - clause.who
        pronoun = same and other in self.met
        name = "them" if pronoun else self.called(other)
        self.met.add(other)
        return clause.words.replace("{bs}", "their" if pronoun else f"{name}'s").replace("{b}", name)


def _fits(phrase: str, deed: Interaction) -> bool:
    """Whether all that a wording names is known of the deed, and so."""
    if "{side}" in phrase and not deed.actor_side:
        return False
    if "{other_side}" in phrase and not deed.other_side:
        return False
    if "{place}" in phrase and not deed.other_region:
        return False
    if (
        "hand" in phrase
        and deed.name == "touch"
        and "{own}" not in phrase
        and REGION_WORDS.get(deed.actor_region, deed.actor_region) != "hand"
    ):
        return False
    if deed.actor is None and "{side} hand" in phrase.replace("other_side", "") and "{other_side}" not in phrase:
        return deed.actor_side == deed.other_side  # `with their right hands`
    return not (deed.both_hands and "{side}" in phrase)


def _filled(phrase: str, deed: Interaction) -> str:
    """The wording with sides and parts; the people stay open."""
    values = {
        "{other_side}": deed.other_side,
        "{side}": deed.actor_side,
        "{place}": REGION_WORDS.get(deed.other_region, deed.other_region),
        "{own}": REGION_WORDS.get(deed.actor_region, deed.actor_region),
    }
    for mark, value in values.items():
        phrase = phrase.replace(mark, value)
    return phrase


def _distance(metres: float) -> str:
    """Empty where it is neither near nor worth a number."""
    if metres < 0.45:
        return "close together"
    if metres < 0.75:
        return ""
    if metres < 1.25:
        return "about a metre apart"
    halves = round(metres * 2)
    whole, half = divmod(halves, 2)
    if half:
        return f"about {_number(whole)} and a half metres apart" if whole > 1 else "about a metre and a half apart"
    return f"about {_number(whole)} metres apart"


def _number(count: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    return words[count] if count < len(words) else str(count)
