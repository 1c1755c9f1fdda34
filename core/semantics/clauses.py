"""Splits a prompt into clauses and finds the parts of the body in them, with their roles around a verb."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from . import lexicon

_PART_WORDS = {
    **{form: part for word, part in lexicon.BODY_PART_WORDS.items() for form in (word, f"{word}s")},
    **{plural: lexicon.BODY_PART_WORDS[word] for plural, word in lexicon.IRREGULAR_PLURALS.items()},
}
_MENTION = re.compile(
    rf"\b(?:(?P<owner>{'|'.join(lexicon.DETERMINERS)}) )?(?P<own>own )?(?:(?P<side>left|right) )?"
    rf"(?P<word>{'|'.join(_PART_WORDS)})\b"
)
_LEADING_INSTRUMENT = re.compile(
    rf"(?P<start>^|[.;:!?\n] *)(?P<instrument>(?:{lexicon.INSTRUMENT_WORDS}) {_MENTION.pattern}),"
)
"""What somebody acts with, as a phrase of its own: `with her left hand, she …`."""
_SEPARATORS = re.compile(r"[.;:!?\n,]+|\b(?:and|then|before|after|while|until|as)\b")
"""What may stand between two clauses."""
_NOT_PARTS = re.compile("|".join(rf"\b(?:{phrase})\b" for phrase in lexicon.NOT_PARTS))
_BEFORE_NOUN = re.compile(
    rf"\b(?:{'|'.join(lexicon.DETERMINERS)}|in|on|onto|against|across|of)(?: (?:left|right|lower|upper|bare))? $"
)
_PLACES = r"in|into|on|onto|at|against|to"
"""Prepositions before the place of a touch, also where it comes after the instrument."""
_OWNER_NAME = r"(?:(?:the |each )?other(?: person| one)?|the \w+|person \w+|\w+)"
_BETWEEN = r"(?: (?:\w+ly|then|now|also|being|been|both|has|have|had))*"
"""Words that may stand between a subject or an auxiliary and its verb."""


@dataclass(frozen=True)
class Mention:
    """A part of the body that a clause mentions, at the characters from `start` to `end`."""

    part: str
    """Of `lexicon.BODY_PART_WORDS`."""
    word: str
    side: str
    """Empty if open."""
    owner: str
    """The determiner before it (`her`), `own`, or empty."""
    start: int
    end: int

    @property
    def is_of_both(self) -> bool:
        """`their hands`."""
        plural = self.word.endswith("s") or self.word in lexicon.IRREGULAR_PLURALS
        return plural and self.owner in ("", "the", "their", "both")


@dataclass(frozen=True)
class VerbPhrase:
    """The parts around a verb by role."""

    agent: Mention | None
    """What does it: the subject, the one after `by` in the passive, or the actor's own that is brought to the other's."""
    instruments: tuple[Mention, ...]
    """What somebody does it with."""
    targets: tuple[Mention, ...]
    """What is touched, of the other person."""
    own: tuple[Mention, ...]
    """What is touched of the actor."""
    on_self: bool
    """Whether nobody but the actor is touched."""
    on_thing: bool
    """Whether a thing is, whatever part it is then brought to."""
    passive: bool


@dataclass(frozen=True)
class Clause:
    """Lower-case words without punctuation, separated by single spaces."""

    words: str
    quote: str = ""
    """The user's own words, with their capitals and apostrophes."""
    same_gender: frozenset[str] = frozenset()
    """Pronouns, keys of `lexicon.GENDERS`, by which both people are called somewhere in the prompt."""
    told_apart: bool = False
    """Whether the prompt calls one of the two `he` and the other `she`."""

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        """The parts of the body in their order."""
        words = _NOT_PARTS.sub(lambda match: "-" * len(match[0]), self.words)
        return tuple(
            Mention(_PART_WORDS[m["word"]], m["word"], m["side"] or "", "own" if m["own"] else m["owner"] or "", *m.span())
            for m in _MENTION.finditer(words)
            if m["word"] not in lexicon.AMBIGUOUS_PARTS or _BEFORE_NOUN.search(words[: m.start("word")])
        )  # fmt: skip

    def between(self, start: int, end: int) -> tuple[Mention, ...]:
        return tuple(mention for mention in self.mentions if start <= mention.start < end)

    def find(self, pattern: str) -> Iterator[re.Match[str]]:
        """Where a verb is that nothing negates."""
        for match in re.finditer(rf"\b(?:{pattern})\b", self.words):
            named = any(mention.end == match.end() and mention.start < match.start() for mention in self.mentions)
            if not named and not self._negates(match.start(), match[0]):  # `her elbows` are no verb
                yield match

    def _negates(self, start: int, verb: str) -> bool:
        before = self.words[:start]
        if re.search(rf"\b(?:{lexicon.NEGATIONS})\b(?: (?!but\b)\w+){{0,3}} ?$", before):
            return True
        next_to = re.search(rf"\b(?:{lexicon.NEGATIONS_OF_NEXT})(?: \w+ly| ever| even)? $", before)
        return next_to is not None and verb.split()[0].endswith("ing")

    def excludes(self, mention: Mention) -> bool:
        """Whether a part is named as one that is not touched."""
        negation = rf"\b(?:{lexicon.NEGATIONS}|(?:{lexicon.NEGATIONS_OF_NEXT})(?= \w+ing)|{lexicon.RELEASES})\b"
        return re.search(negation, self.words[: mention.start]) is not None

    def end_of_targets(self, start: int) -> int:
        """Where it is said after a verb what is not meant, or the end."""
        excluded = re.compile(rf"\b(?:{lexicon.EXCLUSIONS})\b").search(self.words, start)
        return excluded.start() if excluded else len(self.words)

    def is_passive(self, start: int, verb: str) -> bool:
        """`is kicked`, but not `is kicking`."""
        auxiliary = rf"\b(?:{lexicon.AUXILIARIES}){_BETWEEN} $"
        return not verb.split()[0].endswith("ing") and re.search(auxiliary, self.words[:start]) is not None

    def subject_part(self, start: int) -> Mention | None:
        """The part that is the subject of the verb at `start`: `her left hand`."""
        joined = re.compile(rf"{_BETWEEN}(?: (?:{lexicon.AUXILIARIES}))*{_BETWEEN} ")
        found = (each for each in self.between(0, start) if joined.fullmatch(self.words, each.end, start))
        return next((each for each in found if not self._leads(each)), None)

    def _leads(self, mention: Mention) -> bool:
        """Whether the clause begins with what somebody acts with: `with her left hand she`, but not `with her head down she`."""
        if mention != self.mentions[0] or not re.match(rf"(?:{lexicon.INSTRUMENT_WORDS}) ", self.words):
            return False
        return not re.match(rf" (?:{lexicon.PLACEMENT_PREPOSITIONS}|in|of|up|down)\b", self.words[mention.end :])

    def phrase(self, verb: re.Match[str]) -> VerbPhrase:
        """The parts around a verb by role."""
        start, end = verb.span()
        passive = self.is_passive(start, verb[0])
        subject = self.subject_part(start)
        stop = self.end_of_targets(end)
        instrument_at, instruments = self._after(lexicon.INSTRUMENT_WORDS, end, stop)
        agent_at, agents = self._after("by", end, instrument_at) if passive else (instrument_at, ())
        targets = self.between(end, agent_at)
        if not targets:
            targets = tuple(filter(self._is_place, (*agents, *instruments)))
            agents = tuple(each for each in agents if each not in targets)
            instruments = tuple(each for each in instruments if each not in targets)
        instruments = (*filter(self._leads, self.between(0, start)), *instruments)
        if subject and passive:
            targets = targets or (subject,)
        if not targets and len(instruments) > 1:  # `grabs with his hand her wrist`
            instruments, targets = instruments[:1], instruments[1:]
        own = () if passive else tuple(each for each in targets if self.is_own(each, start, end))
        others = tuple(each for each in targets if each not in own)
        brought = tuple(
            each for each in own if others and each.end < others[0].start
        )  # `leans her head on his shoulder`
        named_at = targets[0].start if targets and targets[0].start > end else agent_at
        return VerbPhrase(
            agent=next(iter((*brought, *agents[-1:])), None if passive else subject),
            instruments=instruments,
            targets=others,
            own=own,
            on_self=self._is_on_self(own, end) and not others,
            on_thing=self._is_thing(self.words[end:named_at], with_part=bool(targets)),
            passive=passive,
        )

    def _after(self, words: str, start: int, stop: int) -> tuple[int, tuple[Mention, ...]]:
        """Where one of some words is between two places, and the parts after it; `stop` and none if it is not there."""
        word = re.compile(rf"\b(?:{words})\b").search(self.words, start, stop)
        return (word.start(), self.between(word.end(), stop)) if word else (stop, ())

    def _is_on_self(self, own: tuple[Mention, ...], end: int) -> bool:
        """`touches his face`, `slaps himself`, but not `holds her in his arms`."""
        if own:
            return not self.names_person(end, own[0].start)
        return re.match(r" \w+sel(?:f|ves)\b", self.words[end:]) is not None

    def names_person(self, start: int, end: int | None = None) -> bool:
        """Whether somebody is mentioned in a span, other than as the owner of a part."""
        return any(
            not any(mention.start <= match.start() < mention.end for mention in self.mentions)
            for match in re.compile(rf"\b(?:{lexicon.PEOPLE})\b").finditer(self.words, start, end or len(self.words))
        )

    def _is_place(self, mention: Mention) -> bool:
        """`in the face`, and `by the wrist`, but not `by his elbow`."""
        places = rf"{_PLACES}|by" if mention.owner == "the" else _PLACES
        return re.search(rf"\b(?:{places}) $", self.words[: mention.start]) is not None

    def _is_thing(self, words: str, *, with_part: bool) -> bool:
        """Whether the words after a verb are a thing, such as `the phone to` before a part."""
        ending = r" (?:in|into|to|against)\b" if with_part else r"$"
        thing = re.match(rf" (?:a|an|the|some|something)\b(.*?){ending}", words)
        return thing is not None and not re.search(rf"\b(?:{lexicon.PEOPLE})\b", thing[0])

    def subject_pronoun(self, start: int) -> str:
        """The pronoun of who acts, of `lexicon.GENDERS`; empty if nothing says it."""
        found = [
            (match.start(), pronoun)
            for pronoun, words in lexicon.GENDERS.items()
            if (match := re.search(rf"\b(?:{words})\b", self.words[:start]))
        ]
        if found:
            return min(found)[1]
        subject = self.subject_part(start)
        owners = {possessive: pronoun for pronoun, possessive in lexicon.POSSESSIVES.items()}
        return owners.get(subject.owner, "") if subject else ""

    def is_own(self, mention: Mention, start: int, end: int) -> bool:
        """Whether a part is that of the subject of the verb from `start` to `end`."""
        if mention.owner == "own":
            return True
        pronoun = self.subject_pronoun(start)
        if not pronoun or pronoun in self.same_gender or mention.owner != lexicon.POSSESSIVES[pronoun]:
            return False
        others = rf"\b(?:{lexicon.OBJECTS[pronoun]}|{lexicon.GENDERS[pronoun]})\b"
        return re.search(others, self.words[end : mention.start]) is None

    def is_surely_own(self, mention: Mention) -> bool:
        """Whether a part that seems to be the subject's own cannot be that of somebody with the same pronoun."""
        return self.told_apart or mention.owner == "own"

    def is_others(self, mention: Mention) -> bool:
        """Whether a part is plainly not that of the subject."""
        pronoun = self.subject_pronoun(mention.start)
        if pronoun and mention.owner in lexicon.POSSESSIVES.values():
            return mention.owner != lexicon.POSSESSIVES[pronoun]
        return mention.owner == "s" and self.words[: mention.start].endswith("other ")


def split_into_clauses(prompt: str) -> list[Clause]:
    """Clauses, split wherever another action may begin; what one shares with the clause before it is filled in."""
    # every step keeps the length of the text, so that the user's own words are found again
    text = re.sub(r"['’‘ʼ´`-]", " ", "".join(letter.lower()[:1] for letter in prompt))
    text = _LEADING_INSTRUMENT.sub(r"\g<start>\g<instrument> ", text)
    ends = [*_SEPARATORS.finditer(text)]
    spans = zip([0, *(match.end() for match in ends)], [*(match.start() for match in ends), len(text)])
    found = [
        (words, " ".join(prompt[start:end].split()).strip('"\u201c\u201d'))
        for start, end in spans
        if (words := " ".join(re.findall(r"[a-z0-9]+", text[start:end])))
    ]
    all_words = [words for words, _ in found]
    same_gender = frozenset(pronoun for pronoun in lexicon.GENDERS if _both_are(pronoun, all_words))
    told_apart = all(_is_called(pronoun, all_words) for pronoun in lexicon.GENDERS)
    clauses: list[Clause] = []
    for words, quote in found:
        words = re.sub(r"\b(left|right) hand side\b", r"\1", words)
        words = re.sub(lexicon.RECEIVED_BLOW, r"is \g<blow>\g<where> by", words)
        if clauses:
            words = _fill_in(clauses[-1], words)
        clauses.append(Clause(words, quote, same_gender, told_apart))
    return clauses


def _both_are(pronoun: str, clauses: list[str]) -> bool:
    """Whether both people are called by one pronoun: `two men`, `another woman`, `he pushes him`."""
    nouns, object_ = lexicon.GENDERS[pronoun], lexicon.OBJECTS[pronoun]
    alike = re.compile(
        rf"\b(?:{lexicon.PLURALS[pronoun]})\b|\b(?:other|another|second) (?:{nouns})\b"
        rf"|\b(?:{nouns})\b.* {object_}(?: (?:in|on|at|by|with|from|to|away|back|up|down|off|over|against)\b|$)"
    )
    return any(map(alike.search, clauses))


def _is_called(pronoun: str, clauses: list[str]) -> bool:
    words = rf"\b(?:{lexicon.GENDERS[pronoun]}|{lexicon.POSSESSIVES[pronoun]}|{lexicon.OBJECTS[pronoun]})\b"
    return any(re.search(words, clause) for clause in clauses)


def _fill_in(previous: Clause, words: str) -> str:
    """`her elbow` after `he touches her shoulder` is `he touches her elbow`; so is a second `his hand on her back` completed."""
    item = re.fullmatch(
        rf"(?:also )?(?P<place>(?:{_PLACES}) )?(?:{_OWNER_NAME} (?=s ))?(?P<part>{_MENTION.pattern})", words
    )
    if item and previous.mentions:
        alike = [each for each in previous.mentions if each.owner == item["owner"]] or previous.mentions
        replaced = alike[-1]
        owner = "" if item["owner"] or item["own"] or not replaced.owner else f"{replaced.owner} "
        return f"{previous.words[: replaced.start]}{owner}{item['part']}{previous.words[replaced.end :]}"
    placed = find_placement(previous)
    if placed and re.match(rf"{_MENTION.pattern} (?:{lexicon.PLACEMENT_PREPOSITIONS})\b", words):
        return f"{previous.words[: placed.start('actor')]} {words}"
    return words


def find_placement(clause: Clause) -> re.Match[str] | None:
    """`puts his hand on her shoulder`, with the groups `actor` and `other`."""
    placed = rf"(?:{lexicon.PLACEMENT_VERBS})\b(?P<actor>.*?)\b(?:{lexicon.PLACEMENT_PREPOSITIONS})\b(?P<other>.*)"
    return next(clause.find(placed), None)
