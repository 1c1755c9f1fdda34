"""Reads a model's answer about one stretch: finds its JSON object, repairs what can be repaired, drops the rest with a note."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..contract.annotation import ACTORS, MAX_TOUCHES, SeenTouch
from ..contract.body_parts import PART_KINDS, body_part_of
from ..contract.fields import shown
from ..contract.json_reading import JsonLimits, parse_json
from ..contract.skeleton import REGIONS, split_side
from ..semantics.lexicon import BODY_PART_WORDS, IRREGULAR_PLURALS
from .question import SENTENCE_PLACEHOLDER

MAX_ANSWER = 20_000
"""Characters of an answer that are read, after its thoughts."""
_END_OF_THOUGHT = "</think>"
_MOST_BRACES = 12
"""Places where the object may begin that are looked at."""
_SENTENCE = ("sentence", "description", "caption", "summary", "text")
_TOUCHES = ("touches", "contacts", "touch", "contact")
_LONGEST_SENTENCE = 240
_LIMITS = JsonLimits(MAX_ANSWER * 4, depth=8, values=4_000)
_REFUSAL = re.compile(
    r"\b(i(['’]m| am) (sorry|unable|not able)|i (can['’]?t|cannot|won['’]t|will not|am not able to)|as an ai|against my"
    r"|i (do not|don['’]t) (have the ability|feel comfortable))",
    re.IGNORECASE,
)
_SIDES = re.compile(
    r"\b(left|right)[ -](?=(hand|arm|forearm|wrist|palm|fist|elbow|shoulder|leg|knee|foot|thigh|hip|side)s?\b)", re.I
)
_SIMILAR = 0.75
"""Similarity of a word to a known part from which on it is taken for it."""


class UnusableAnswer(ValueError):
    """An answer that cannot be repaired; its text is a phrase for the model and the user that says why."""


@dataclass(frozen=True)
class Shown:
    """What a stretch's question showed."""

    frames: tuple[int, ...]
    """Frames of the clip in the pictures, in order."""
    first: int
    last: int
    """Frames of the stretch, both included."""

    def span(self, first_picture: int, last_picture: int) -> tuple[int, int]:
        """Frames from one picture to another, numbers counted from 1, and half of the way to the pictures beside them."""
        before, after = first_picture - 2, last_picture
        start = self.first if before < 0 else (self.frames[before] + self.frames[first_picture - 1] + 1) // 2
        end = self.last if after >= len(self.frames) else (self.frames[last_picture - 1] + self.frames[after]) // 2
        return start, end


@dataclass(frozen=True)
class StretchAnswer:
    """A usable answer."""

    sentence: str
    touches: tuple[SeenTouch, ...]
    actor: str
    notes: tuple[str, ...]


def read_answer(text: str, stretch: Shown) -> StretchAnswer:
    """Raises UnusableAnswer."""
    notes: list[str] = []
    record = _find_object(text, notes)
    touches = _read_touches(record, stretch, notes)
    sentence = _read_sentence(record, notes)
    if not sentence and touches:
        sentence = _sentence_of(touches)
        notes.append("The sentence was missing and was made of the touches.")
    if not sentence:
        raise UnusableAnswer("it has neither a sentence nor touches")
    if _REFUSAL.search(sentence):
        raise UnusableAnswer(f"it is a refusal ({shown(sentence[:60])})")
    return StretchAnswer(sentence, tuple(touches), _read_actor(record), tuple(dict.fromkeys(notes)))


# the object


def _find_object(text: str, notes: list[str]) -> Mapping[str, Any]:
    """The first JSON object of a text with members that are asked for, else the first one, without what stands around it."""
    text = text.rpartition(_END_OF_THOUGHT)[2][:MAX_ANSWER].strip()
    if not text:
        raise UnusableAnswer("it is empty")
    start = text.find("{")
    if start < 0:
        refused = _REFUSAL.search(text)
        raise UnusableAnswer(f"it is a refusal ({shown(text[:60])})" if refused else "there is no JSON object in it")
    first: tuple[dict[str, Any], str] | None = None
    for _ in range(_MOST_BRACES):
        body, closed = _balanced(text[start:])
        record, note = _parsed(body, closed)
        if record is not None and _member(record, *_SENTENCE, *_TOUCHES) is not None:
            first = record, note
            break
        if record is not None and first is None:
            first = record, note
        start = text.find("{", start + (len(body) if closed else 1))  # prose has braces, too
        if start < 0:
            break
    if first is None:
        raise UnusableAnswer("its JSON is not valid")
    notes += [first[1]] if first[1] else []
    return first[0]


def _parsed(body: str, closed: bool) -> tuple[dict[str, Any] | None, str]:
    """The object of a text that begins with one, None where it cannot be repaired, and a note on what was repaired."""
    for repair in (_as_it_is, _with_plain_punctuation):
        try:
            record = parse_json(repair(body), _LIMITS)
        except (ValueError, RecursionError):
            continue
        if not isinstance(record, dict):
            break
        repaired = "" if repair is _as_it_is else "The answer's JSON was repaired."
        return cast("dict[str, Any]", record), repaired if closed else "The answer broke off and was closed."
    return None, ""


def _balanced(text: str) -> tuple[str, bool]:
    """The text up to the end of the object that it begins with, and whether that has an end; one that has none is closed.

    Of an object that breaks off, the unfinished member of the innermost list or object is left out.
    """
    open_brackets: list[str] = []
    quoted = escaped = False
    complete = 0  # end of the last finished member
    brackets_then: list[str] = []
    for position, character in enumerate(text):
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
            continue
        if character == '"':
            quoted = True
        elif character in "{[":
            open_brackets.append("}" if character == "{" else "]")
        elif character in "}]":
            if open_brackets:
                open_brackets.pop()
            if not open_brackets:
                return text[: position + 1], True
            complete, brackets_then = position + 1, list(open_brackets)
        elif character == "," and open_brackets:
            complete, brackets_then = position, list(open_brackets)
    return text[:complete] + "".join(reversed(brackets_then)), False


def _as_it_is(text: str) -> str:
    return text


def _with_plain_punctuation(text: str) -> str:
    """Typographic and single quotes as double ones, Python's words as JSON's, no commas before closing brackets, names quoted."""
    text = re.sub("[“”„]", '"', text)
    text = re.sub(r"(?<=[\[{,:])(\s*)'((?:[^'\\]|\\.)*?)'(?=\s*[\]},:])", _double_quoted, text)
    text = re.sub(r"([{,]\s*)([A-Za-z_]+)(\s*:)", r'\1"\2"\3', text)
    text = re.sub(r"//[^\n\"]*(?=\n)", "", text)
    text = re.sub(r",\s*(?=[\]}])", "", text)
    for word, value in (("None", "null"), ("True", "true"), ("False", "false")):
        text = re.sub(rf"(:\s*){word}\b", rf"\1{value}", text)
    return text


def _double_quoted(match: re.Match[str]) -> str:
    inner = match[2].replace('"', "'")
    return f'{match[1]}"{inner}"'


# its members


def _member(record: Mapping[str, Any], *names: str) -> Any:
    """The member with the first of these names, in any case."""
    lower = {str(name).strip().lower(): value for name, value in record.items()}
    return next((lower[name] for name in names if lower.get(name) is not None), None)


def _read_sentence(record: Mapping[str, Any], notes: list[str]) -> str:
    value = _member(record, *_SENTENCE)
    if isinstance(value, list):
        value = " ".join(str(part) for part in cast("list[Any]", value) if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    sentence = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    if sentence.strip(" .<>").lower() == SENTENCE_PLACEHOLDER:
        return ""
    plain = _SIDES.sub("", sentence)
    if plain != sentence:
        notes.append("Left and right were taken out of the sentence; the geometry decides the sides.")
    if len(plain) > _LONGEST_SENTENCE:
        whole = re.match(rf"(.{{20,{_LONGEST_SENTENCE}}}[.!?])(\s|$)", plain)
        plain = whole[1] if whole else plain[:_LONGEST_SENTENCE].rsplit(" ", 1)[0].rstrip(",;") + "."
        notes.append("The sentence was shortened.")
    return plain


def _read_actor(record: Mapping[str, Any]) -> str:
    value = _member(record, "who", "actor", "acts")
    word = str(value).strip().lower().removeprefix("person ") if isinstance(value, str) else ""
    found = {actor.lower(): actor for actor in ACTORS}
    return "both" if word in ("a and b", "both people", "a,b", "a, b") else found.get(word, "")


def _read_touches(record: Mapping[str, Any], stretch: Shown, notes: list[str]) -> list[SeenTouch]:
    value = _member(record, *_TOUCHES)
    entries: Sequence[Any] = (
        cast("list[Any]", value) if isinstance(value, list) else [value] if isinstance(value, dict) else []
    )
    touches: dict[tuple[str, str, int, int], SeenTouch] = {}
    for entry in entries[:MAX_TOUCHES]:
        touch = _read_touch(cast("dict[str, Any]", entry), stretch, notes) if isinstance(entry, dict) else None
        if touch is not None:
            touches.setdefault((touch.part_a, touch.part_b, touch.frame_start, touch.frame_end), touch)
    return list(touches.values())


def _read_touch(entry: Mapping[str, Any], stretch: Shown, notes: list[str]) -> SeenTouch | None:
    """None, with a note, where one of the parts is none that is known."""
    parts: list[str] = []
    for names in (("a", "person a", "part_a", "part a"), ("b", "person b", "part_b", "part b")):
        said = _member(entry, *names)
        if isinstance(said, str) and re.search(r"\b(left|right)\b", said, re.I):
            notes.append("Left and right were taken out of the touches; the geometry decides the sides.")
        part = known_part(said) if isinstance(said, str) else None
        if part is None:
            notes.append(f"A touch was left out: {shown(said)} is no part of the body that is known.")
            return None
        parts.append(part)
    first, last = _read_span(entry, stretch, notes)
    return SeenTouch(parts[0], parts[1], first, last)


def _read_span(entry: Mapping[str, Any], stretch: Shown, notes: list[str]) -> tuple[int, int]:
    """Frames of the clip; the whole stretch where the answer gives none."""
    count = len(stretch.frames)
    numbers = [_whole_number(_member(entry, *names)) for names in (("first", "from", "start"), ("last", "to", "end"))]
    given = [number for number in numbers if number is not None]
    if not given:
        return stretch.first, stretch.last
    first, last = min(given), max(given)
    if not 1 <= first <= last <= count:
        notes.append("A touch named pictures that were not shown; the nearest were taken.")
    return stretch.span(min(max(first, 1), count), min(max(last, 1), count))


def _whole_number(value: Any) -> int | None:
    if isinstance(value, str) and (found := re.search(r"\d{1,6}", value)):
        return int(found[0])
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6:
        return round(value)
    return None


def known_part(words: str) -> str | None:
    """The body part, one of `PART_KINDS`, that words such as `his right palm` name; None if none is near enough."""
    plain = re.sub(r"\bhand back\b", "hand", words.lower().replace("_", " ")).replace("upper arm", "upperarm")
    found = re.findall(r"[a-z]+", plain)
    for word in reversed(found):  # `palm of the hand` and `right upper arm` end with the part
        if word in _PARTS:
            return _PARTS[word]
        singular = IRREGULAR_PLURALS.get(word, word.removesuffix("s"))
        if singular in _PARTS:
            return _PARTS[singular]
    for word in found:
        near = difflib.get_close_matches(word, _PARTS, n=1, cutoff=_SIMILAR) if len(word) > 3 else []
        if near:
            return _PARTS[near[0]]
    return None


def _part_words() -> dict[str, str]:
    """Words for parts of the body, in the singular, and the body parts that they mean."""
    words: dict[str, str] = {}
    for region in REGIONS:
        bare = split_side(region)[1]
        words[bare.replace("_", "")] = split_side(body_part_of(region))[1]
    for word, regions in BODY_PART_WORDS.items():
        words.setdefault(word, words[regions.split("|")[0].replace("_", "")])
    words |= {"torso": "chest", "body": "chest", "trunk": "chest", "toe": "foot", "abdomen": "chest", "buttock": "hips"}
    return words | {part.replace("_", ""): part for part in PART_KINDS}


_PARTS = _part_words()


def _sentence_of(touches: Sequence[SeenTouch]) -> str:
    """A sentence of touches alone."""
    said = [
        f"person A's {touch.part_a.replace('_', ' ')} touches person B's {touch.part_b.replace('_', ' ')}"
        for touch in touches
    ]
    sentence = " and ".join(dict.fromkeys(said[:3]))
    return f"{sentence[:1].upper()}{sentence[1:]}."
