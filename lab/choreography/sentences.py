"""What a clip shows, in words: several sentences a clip, as people caption such clips, true to who does what with which side."""

from __future__ import annotations

from dataclasses import dataclass, field

from numpy.random import Generator

from .timing import Side

_PEOPLE = ("Two people", "Two persons", "The two", "Both people", "A pair of people", "They")
_ROLES = (
    ("one person", "the other"),
    ("one person", "the other person"),
    ("the first person", "the second person"),
    ("somebody", "another person"),
    ("one of the two", "the other one"),
    ("one", "the other"),
    ("a person", "a second person"),
)
"""Who acts, and who is acted on. Nothing is said of looks."""
_COUNT = (3, 4)
"""Sentences a clip, from and to."""
_LONG, _SHORT = 2.5, 0.8
"""seconds that a touch lasts, beyond which it is called long, and below which short."""
_NUMBERS = ("", "once", "twice", "three times", "four times", "five times")


_SIDED = (
    "shoulder", "arm", "upper arm", "elbow", "forearm", "wrist", "hand", "hip", "thigh", "knee", "shin", "calf", "leg", "foot",
)  # fmt: skip
"""Places of which there are a left and a right one."""


@dataclass(frozen=True)
class InteractionFacts:
    """What wordings of a family may mention. The actor is who shakes, shoves, carries, leads; the other whom it is done to."""

    side: Side = "right"
    """Of the actor's hand, arm or foot that does it."""
    other_side: Side = "right"
    """Of the other's hand, arm, leg or shoulder that it is done to, or that answers."""
    both_hands: bool = False
    """The actor uses both."""
    body_part: str = ""
    """Where on the other it is done, without a side: `chest`, `thigh`, `upper_arm`; of who is helped up: `sitting` or `lying`."""
    behind: bool = False
    """The actor stands behind the other."""
    walking: bool = False
    """They walk while it is done."""
    approaching: tuple[bool, bool] = (False, False)
    """Whether the actor, and the other, walks up before it."""
    duration: float | None = None
    """How long the touch lasts, where that is worth a word."""
    repetitions: int = 0
    """How often somebody pats or the hands go up and down; 0 where nobody counted."""
    yields: bool = False
    """The other takes a step back, or comes along."""


@dataclass(frozen=True)
class _Wordings:
    """What follows a subject. `{b}` is the other, `{bs}` theirs, `{side}`, `{other_side}` and `{place}` as in `Details`.

    A wording is left out where it says what is not so: see `_fits`.
    """

    together: tuple[str, ...] = ()
    """After `Two people`."""
    actor: tuple[str, ...] = ()
    """After `One person`."""
    other: tuple[str, ...] = ()
    """After the other, with `{b}` and `{bs}` the actor."""
    walking: tuple[str, ...] = ()
    """After `Two people`, where they walk while it is done."""
    lasting: bool = False
    """Whether how long it takes may be said."""
    counted: bool = False
    """Whether how often it is done may be said."""
    one_hand: tuple[str, ...] = ()
    two_hands: tuple[str, ...] = ()
    """After `One person`, where it is done with one hand, or with both."""
    front: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    """After `One person`, where the actor is before or behind the other."""
    gives_way: tuple[str, ...] = ()
    """After `One person`, where the other gives way."""
    at_place: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """After `One person`, by the place."""


_FAMILIES: dict[str, _Wordings] = {
    "handshake": _Wordings(
        together=(
            "shake hands", "shake each other's {side} hand", "greet each other with a handshake",
            "reach out and shake hands", "clasp {side} hands and shake them", "exchange a handshake",
            "stand face to face and shake hands", "meet for a handshake with their {side} hands",
        ),
        actor=(
            "shakes {bs} hand", "holds out the {side} hand and shakes hands with {b}",
            "takes {bs} {other_side} hand and shakes it", "gives {b} a handshake",
        ),
        other=("takes {bs} outstretched {side} hand and shakes it",),
        lasting=True,
    ),
    "high_five": _Wordings(
        together=(
            "high five", "give each other a high five", "slap their raised hands together",
            "clap hands above their shoulders", "celebrate with a high five", "raise a hand and high five each other",
        ),
        one_hand=(
            "raises the {side} hand and high fives {b}", "claps the {side} palm against {bs} {other_side} palm",
            "gives {b} a high five with the {side} hand",
        ),
        two_hands=("gives {b} a high five with both hands", "raises both hands and claps them against {bs}"),
    ),
    "hug": _Wordings(
        together=(
            "hug", "hug each other", "embrace", "hold each other in a hug", "put their arms around each other",
            "share a hug", "wrap their arms around each other",
        ),
        front=(
            "hugs {b}", "puts both arms around {b}", "wraps the arms around {bs} back", "takes {b} into the arms",
            "steps in and embraces {b}",
        ),
        behind=("hugs {b} from behind", "puts both arms around {b} from behind"),
        lasting=True,
    ),
    "shove": _Wordings(
        actor=(
            "shoves {b}", "pushes {b} away", "gives {b} a shove", "gives {b} a push on the {place}",
            "pushes against {bs} {place}",
        ),
        one_hand=(
            "shoves {b} with the {side} hand", "pushes {bs} {place} with the {side} hand",
            "gives {b} a one-handed push",
        ),
        two_hands=(
            "shoves {b} with both hands", "pushes {bs} {place} with both hands", "plants both hands on {bs} {place} and pushes",
        ),
        front=("pushes {b} backwards",),
        behind=("shoves {b} from behind", "pushes {b} forwards from behind"),
        gives_way=("shoves {b}, who stumbles", "pushes {b} off balance"),
        other=("is shoved by {b}", "gets pushed on the {place} by {b}"),
    ),
    "pat_shoulder": _Wordings(
        actor=(
            "pats {b} on the shoulder", "pats {bs} {other_side} shoulder", "gives {b} a pat on the {other_side} shoulder",
            "pats {bs} shoulder with the {side} hand", "lays the {side} hand on {bs} {other_side} shoulder and pats it",
            "reaches out and pats {b} on the shoulder", "claps {b} on the {other_side} shoulder with the {side} hand",
        ),
        behind=("pats {b} on the shoulder from behind", "comes from behind and taps {bs} {other_side} shoulder"),
        front=("stands in front of {b} and pats the {other_side} shoulder",),
        other=("gets a pat on the {other_side} shoulder from {b}",),
        counted=True,
    ),
    "arm_around_shoulder": _Wordings(
        actor=(
            "puts the {side} arm around {bs} shoulders", "puts an arm around {b}", "lays the {side} arm over {bs} shoulders",
            "holds {b} around the shoulders", "rests the {side} hand on {bs} far shoulder",
            "stands beside {b} with an arm around the shoulders",
        ),
        together=("are side by side, one with the {side} arm around the other's shoulders",),
        walking=("walk side by side, one with an arm around the other's shoulders",),
        other=("has {bs} {side} arm around the shoulders",),
        lasting=True,
    ),
    "hand_in_hand": _Wordings(
        together=(
            "hold hands", "are hand in hand", "hold hands side by side",
        ),
        walking=(
            "walk hand in hand", "walk side by side, holding hands", "hold hands while walking", "stroll along hand in hand",
            "walk forwards together and hold each other's hand",
        ),
        actor=(
            "holds {bs} {other_side} hand with the {side} hand", "has {bs} {other_side} hand in the {side} hand",
            "keeps hold of {bs} {other_side} hand",
        ),
        lasting=True,
    ),
    "dance_hold": _Wordings(
        together=(
            "dance together", "dance in a closed hold", "hold each other in a dance position", "dance face to face as a couple",
            "take each other into a ballroom hold", "sway together in a dance hold",
        ),
        actor=(
            "leads {b} in a dance", "has the {side} hand on {bs} back and dances with them",
            "holds {b} for a dance, the {side} hand on the back",
        ),
        other=("follows {bs} lead in a dance",),
        lasting=True,
    ),
    "dance_turn": _Wordings(
        actor=(
            "turns {b} under the {side} arm", "lifts the {side} hand and spins {b} around", "leads {b} into a turn under the arm",
            "twirls {b}", "raises the {side} arm and lets {b} turn beneath it",
        ),
        other=(
            "turns under {bs} raised {side} arm", "spins around while holding {bs} hand",
            "makes a turn beneath {bs} arm, {other_side} hand in the leader's",
        ),
        together=("do a dance turn, one turning under the other's {side} arm", "dance, and one spins under the joined hands"),
    ),
    "touch_anywhere": _Wordings(
        actor=(
            "touches {b}", "touches {bs} {other_side} {place}", "puts the {side} hand on {bs} {place}",
            "lays a hand on {bs} {place}", "reaches out and touches {bs} {place}", "reaches for {bs} {other_side} {place}",
        ),
        other=("is touched on the {place} by {b}",),
        lasting=True,
    ),
    "block_punch": _Wordings(
        actor=(
            "throws a {side} punch that {b} blocks", "punches at {b}, who blocks it with the {other_side} forearm",
            "punches with the {side} fist and is blocked", "swings the {side} fist at {b}, who fends it off",
            "tries to hit {b}, but the blow is blocked",
        ),
        other=(
            "blocks {bs} {side} punch", "raises the {other_side} arm and blocks {bs} punch",
            "stops {bs} {side} fist with the {other_side} forearm", "wards off a punch from {b}",
        ),
        together=("spar: one punches, the other blocks with the {other_side} arm",),
    ),
    "kick": _Wordings(
        actor=(
            "kicks {b}", "kicks {b} with the {side} foot", "kicks {bs} {place}", "kicks {b} against the {other_side} {place}",
            "swings the {side} leg and hits {bs} {place}", "lands a kick with the {side} foot on {bs} {place}",
            "gives {b} a kick",
        ),
        gives_way=("kicks {b}, who steps back",),
        behind=("kicks {b} from behind",),
        other=("is kicked on the {place} by {b}", "takes a kick from {bs} {side} foot"),
    ),
    "pull_arm": _Wordings(
        actor=(
            "pulls {b} by the arm", "pulls {b} by the {other_side} arm", "grabs {bs} {other_side} {place} and pulls",
            "takes hold of {bs} {place} and tugs at it", "grips {bs} {other_side} {place} with the {side} hand and pulls",
            "tugs at {bs} {other_side} arm", "tries to drag {b} along by the arm",
        ),
        two_hands=("pulls {bs} {other_side} arm with both hands", "grabs {bs} {place} with both hands and pulls"),
        gives_way=("pulls {b} along by the {other_side} arm", "pulls {b} a step closer by the {place}"),
        other=("is pulled by the {other_side} arm by {b}",),
    ),
    "help_up": _Wordings(
        actor=(
            "helps {b} up from the floor", "pulls {b} up from the ground", "helps {b} to stand up",
            "reaches down and pulls {b} to the feet",
        ),
        one_hand=(
            "gives {b} the {side} hand and helps them up", "takes {bs} {other_side} hand and pulls them up from the floor",
        ),
        two_hands=("takes both of {bs} hands and pulls them up from the floor", "helps {b} up with both hands"),
        at_place={
            "sitting": ("helps {b}, who sits on the floor, to get up",),
            "lying": ("helps {b}, who lies on the floor, to get up",),
        },
        other=("gets up from the floor with {bs} help", "is pulled up from the ground by {b}"),
    ),
    "piggyback": _Wordings(
        actor=(
            "carries {b} on the back", "carries {b} piggyback", "gives {b} a piggyback ride",
            "has {b} on the back and holds their legs", "bears {b} on the back, arms under their thighs",
        ),
        other=(
            "rides on {bs} back", "is carried piggyback by {b}", "clings to {bs} back, arms around the shoulders",
            "gets a piggyback ride from {b}",
        ),
        walking=("walk as one, one carrying the other piggyback", "go along, one on the other's back"),
        lasting=True,
    ),
    "hand_over": _Wordings(
        actor=(
            "hands something to {b}", "hands {b} something small", "passes something to {b} with the {side} hand",
            "puts something into {bs} {other_side} hand", "reaches out and gives something to {b}",
            "gives {b} something with the {side} hand", "passes an object over to {b}",
        ),
        other=("takes something from {bs} {side} hand", "receives something from {b} with the {other_side} hand"),
        together=("exchange something from hand to hand",),
    ),
}  # fmt: skip


def write_sentences(family: str, details: InteractionFacts, rng: Generator) -> tuple[str, ...]:
    """Three or four different sentences about one clip. KeyError for a family that has no words yet."""
    words = _FAMILIES[family]
    candidates = list(_candidates(words, details))
    wanted = int(rng.integers(_COUNT[0], _COUNT[1] + 1))
    found: dict[str, str] = {}
    for index in rng.permutation(len(candidates)):
        kind, phrase = candidates[index]
        found.setdefault(phrase, _sentence(kind, phrase, words, details, rng))
        if len(found) == wanted:
            break
    return tuple(found.values())


def _candidates(words: _Wordings, details: InteractionFacts) -> list[tuple[str, str]]:
    """(kind of subject, phrase) of everything that is true."""
    acting = [
        *words.actor,
        *(words.two_hands if details.both_hands else words.one_hand),
        *(words.behind if details.behind else words.front),
        *(words.gives_way if details.yields else ()),
        *words.at_place.get(details.body_part, ()),
    ]
    together = words.walking if details.walking and words.walking else words.together
    phrases = [("together", phrase) for phrase in together]
    phrases += [("actor", phrase) for phrase in acting] + [("other", phrase) for phrase in words.other]
    return [(kind, phrase) for kind, phrase in phrases if _fits(phrase, details)]


def _fits(phrase: str, details: InteractionFacts) -> bool:
    """Whether a wording names nothing that is not known, or not so."""
    if "{place}" in phrase and not details.body_part:
        return False
    if "{other_side} {place}" in phrase and _place(details) not in _SIDED:
        return False
    if details.both_hands and any(word in phrase for word in ("{side} hand", "{side} palm", "one-handed", "a hand")):
        return False
    if details.walking and not {"stand", "stands"}.isdisjoint(phrase.split()):
        return False
    return not (details.behind and any(word in phrase for word in ("face to face", "in front")))


def _place(details: InteractionFacts) -> str:
    return details.body_part.replace("_", " ")


def _sentence(kind: str, phrase: str, words: _Wordings, details: InteractionFacts, rng: Generator) -> str:
    # who is named first has the name that goes first, also where it is done to them
    first, second = _ROLES[int(rng.integers(len(_ROLES)))]
    subject = _PEOPLE[int(rng.integers(len(_PEOPLE)))] if kind == "together" else first
    before = _arriving(kind, phrase, second, details, rng)
    mentioned = before and kind != "together"
    said = phrase.format(
        b="them" if mentioned else second,
        bs="their" if mentioned else f"{second}'s",
        side=details.side,
        other_side=details.other_side,
        place=_place(details),
    )
    text = f"{subject} {before}{said}{_ending(words, details, rng)}"
    return f"{text[0].upper()}{text[1:]}."


def _arriving(kind: str, phrase: str, second: str, details: InteractionFacts, rng: Generator) -> str:
    """Words of who walks up before, now and then."""
    if rng.random() < 0.4 or phrase.startswith(("are ", "has ", "comes ")) or ", " in phrase:
        return ""
    if kind == "together":
        return "walk up to each other and " if all(details.approaching) else ""
    comes = details.approaching[1 if kind == "other" else 0]
    return f"walks up to {second} and " if comes else ""


def _ending(words: _Wordings, details: InteractionFacts, rng: Generator) -> str:
    """How often or how long, now and then."""
    if rng.random() < 0.5:
        return ""
    if words.counted and 0 < details.repetitions < len(_NUMBERS):
        return f" {_NUMBERS[details.repetitions]}"
    if not words.lasting or details.duration is None:
        return ""
    if details.duration < _SHORT:
        return (" for a moment", " briefly")[int(rng.integers(2))]
    if details.duration > _LONG and rng.random() < 0.5:
        return (" for a while", " for a long moment")[int(rng.integers(2))]
    whole = round(details.duration)
    return f" for about {('a', 'a', 'two', 'three', 'four', 'five')[min(whole, 5)]} second{'s' if whole > 1 else ''}"
