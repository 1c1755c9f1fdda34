"""Sentences say what is so, in several wordings."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from lab.choreography import sentences
from lab.choreography.sentences import InteractionFacts, write_sentences
from lab.choreography.splits import SPLITS, families_of

FAMILIES = sorted({family for split in SPLITS for family in families_of(split)})
CASES = {
    "plain": InteractionFacts(),
    "left": InteractionFacts(side="left", other_side="left", body_part="chest"),
    "crossed": InteractionFacts(
        side="left", other_side="right", body_part="thigh", yields=True, duration=3.0, repetitions=2
    ),
    "behind": InteractionFacts(behind=True, body_part="back", both_hands=True, approaching=(True, False), duration=0.5),
    "walking": InteractionFacts(walking=True, duration=1.6, approaching=(True, True)),
}


def many(family: str, details: InteractionFacts, count: int = 60) -> set[str]:
    return {line for seed in range(count) for line in write_sentences(family, details, np.random.default_rng(seed))}


def test_every_family_has_words_and_every_word_a_family() -> None:
    assert sorted(sentences._FAMILIES) == FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_there_are_several_wordings_a_clip_and_more_a_family(family: str) -> None:
    for seed in range(20):
        found = write_sentences(family, InteractionFacts(body_part="chest"), np.random.default_rng(seed))
        assert 3 <= len(found) <= 4 and len(set(found)) == len(found)
    # only what follows the subject counts, up to its first four words
    subject = re.compile(r"^(.*? (person|people|persons|two|one|them)|They|Both people|Somebody|One) ")
    assert (
        len({tuple(subject.sub("", line).split()[:4]) for line in many(family, InteractionFacts(body_part="chest"))})
        >= 6
    )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("case", CASES)
def test_sentences_are_whole(family: str, case: str) -> None:
    for line in many(family, CASES[case]):
        assert re.fullmatch(r"[A-Z][a-z,':\- ]+\.", line), line
        assert "  " not in line and " ." not in line and "the the" not in line


@pytest.mark.parametrize("family", FAMILIES)
def test_left_and_right_are_as_in_the_clip(family: str) -> None:
    """The same words with the sides exchanged, where the sides are: so every side that is said comes from the clip."""
    seen = ""
    for seed in range(30):
        for details in (CASES["crossed"], replace(CASES["crossed"], side="right")):
            flipped = replace(
                details,
                side="left" if details.side == "right" else "right",
                other_side="left" if details.other_side == "right" else "right",
            )
            lines = " ".join(write_sentences(family, details, np.random.default_rng(seed)))
            other = " ".join(write_sentences(family, flipped, np.random.default_rng(seed)))
            exchanged = re.sub("left|right", lambda side: "right" if side[0] == "left" else "left", lines)
            assert other == exchanged
            seen += lines
    assert ("left" in seen) == (family not in ("hug", "piggyback"))


def test_the_acting_hand_is_the_actors() -> None:
    details = InteractionFacts(side="left", other_side="right")
    lines = many("pat_shoulder", details)
    assert any("left hand" in line for line in lines) and any("right shoulder" in line for line in lines)
    assert not any("left shoulder" in line or "right hand" in line for line in lines)
    assert not any("left thigh" in line for line in many("kick", replace(details, body_part="thigh")))
    assert any("right thigh" in line for line in many("kick", replace(details, body_part="thigh")))
    assert not any("right chest" in line for line in many("kick", replace(details, body_part="chest")))
    assert any("right upper arm" in line for line in many("pull_arm", replace(details, body_part="upper_arm")))


def test_nothing_is_said_that_is_not_known() -> None:
    assert not any("chest" in line for line in many("shove", InteractionFacts()))
    assert any("chest" in line for line in many("shove", InteractionFacts(body_part="chest")))
    assert not any("behind" in line for line in many("hug", InteractionFacts()))
    behind = many("hug", InteractionFacts(behind=True))
    assert any("from behind" in line for line in behind) and not any("face to face" in line for line in behind)
    assert not any("both hands" in line for line in many("shove", InteractionFacts()))
    assert not any("left hand" in line for line in many("shove", InteractionFacts(side="left", both_hands=True)))
    assert not any("walk" in line for line in many("hand_in_hand", InteractionFacts()))
    assert any("walk" in line for line in many("hand_in_hand", InteractionFacts(walking=True)))
    assert not any("walks up" in line for line in many("kick", InteractionFacts(approaching=(False, False))))
    assert not any("stumbles" in line for line in many("shove", InteractionFacts()))


def test_who_walks_up_is_who_comes() -> None:
    lines = many("pat_shoulder", InteractionFacts(approaching=(True, False)))
    assert any(re.match(r"\w.* walks up to .* and (pats|gives|lays|claps)", line) for line in lines)
    assert not any("walks up" in line and "gets a pat" in line for line in lines)


def test_lengths_and_counts_are_said_as_they_are() -> None:
    long = many("hug", InteractionFacts(duration=3.2))
    assert any("about three seconds" in line for line in long)
    assert not any("briefly" in line or "two seconds" in line for line in long)
    assert any("twice" in line for line in many("pat_shoulder", InteractionFacts(repetitions=2)))
    assert not any("twice" in line for line in many("handshake", InteractionFacts(repetitions=2)))


def test_the_same_seed_gives_the_same_sentences() -> None:
    first, again = (write_sentences("kick", InteractionFacts(), np.random.default_rng(5)) for _ in range(2))
    assert first == again
