"""Answers of models are read, repaired where that is possible, and refused where it is not."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.annotator.answer import Shown, StretchAnswer, UnusableAnswer, known_part, read_answer
from core.annotator.merging import merge_answers
from core.contract.annotation import SeenTouch
from core.contract.body_parts import PART_KINDS
from tests.core.annotator.answers import GOOD, REFUSAL

STRETCH = Shown(frames=(12, 20, 30, 44), first=10, last=49)


def touch(a: str = "hand", b: str = "back", **fields: object) -> str:
    return json.dumps({"sentence": "They meet.", "touches": [{"A": a, "B": b, **fields}]})


def test_a_good_answer_is_read_as_it_is():
    answer = read_answer(GOOD, STRETCH)
    assert answer == StretchAnswer(
        "Person A puts a hand on person B's back.", (SeenTouch("hand", "back", 10, 37),), "A", ()
    )


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{GOOD}\n```",
        f"Sure! Here is the object:\n{GOOD}\nLet me know if you need more {{}}.",
        f"<think>Maybe {{1}} or [1, 2].</think>{GOOD}",
        f"<think>{'They hug. ' * 2500}</think>\n{GOOD}",
        f'The two (call them {{A}} and {{"name": "B"}}) meet {{\n```json\n{GOOD}\n```',
        GOOD.replace('"who": "A", ', '"who": "A", // acts\n '),
        GOOD.replace("]}", "],}"),
        GOOD.replace('"', "“", 1).replace('"', "”", 1),
        GOOD.replace('"sentence"', "sentence").replace('"touches"', "touches"),
        GOOD.replace('"hand"', "'hand'").replace('"back"', "'back'"),
    ],
)
def test_what_stands_around_the_object_and_small_mistakes_in_it_are_repaired(text):
    answer = read_answer(text, STRETCH)
    assert answer.sentence == "Person A puts a hand on person B's back."
    assert [(each.part_a, each.part_b) for each in answer.touches] == [("hand", "back")]


def test_an_answer_that_breaks_off_keeps_what_is_whole():
    whole = json.dumps(
        {
            "sentence": "They hug.",
            "touches": [{"A": "chest", "B": "chest", "first": 1, "last": 2}, {"A": "hand", "B": "head"}],
        }
    )
    for length in range(len('{"sentence": "They hug.",'), len(whole) - 1):
        answer = read_answer(whole[:length], STRETCH)
        assert answer.sentence == "They hug."
        assert len(answer.touches) <= 2
        assert "The answer broke off and was closed." in answer.notes
    assert [(each.part_a, each.part_b) for each in read_answer(whole[:-20], STRETCH).touches] == [("chest", "chest")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("   \n", "empty"),
        ("They shake hands.", "no JSON object"),
        (REFUSAL, "refusal"),
        (json.dumps({"sentence": "I cannot help with that request.", "touches": []}), "refusal"),
        ("{" * 500, "not valid"),
        ('{"sentence": "a", "sentence": "b"}', "not valid"),
        ('{"sentence": NaN}', "not valid"),
        ("{}", "neither a sentence nor touches"),
        ('{"sentence": "one plain sentence", "touches": []}', "neither a sentence nor touches"),
        ('{"sentence": 5, "touches": "none"}', "neither a sentence nor touches"),
    ],
)
def test_what_cannot_be_repaired_says_why(text, why):
    with pytest.raises(UnusableAnswer, match=why):
        read_answer(text, STRETCH)


def test_a_missing_sentence_is_made_of_the_touches():
    answer = read_answer('{"touches": [{"A": "hand", "B": "upper arm"}]}', STRETCH)
    assert answer.sentence == "Person A's hand touches person B's upper arm."
    assert answer.touches == (SeenTouch("hand", "upper_arm", 10, 49),)


def test_sides_are_taken_out_because_models_get_them_wrong():
    text = json.dumps(
        {
            "sentence": "Person A puts the left hand on person B's right shoulder and turns left.",
            "touches": [{"A": "left hand", "B": "right_shoulder"}],
        }
    )
    answer = read_answer(text, STRETCH)
    assert answer.sentence == "Person A puts the hand on person B's shoulder and turns left."
    assert [(each.part_a, each.part_b) for each in answer.touches] == [("hand", "shoulder")]
    assert sum("Left and right" in note for note in answer.notes) == 2


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("hand", "hand"), ("left_hand_back", "hand"), ("palm of the hand", "hand"), ("fingers", "hand"), ("Wrist", "hand"),
        ("upper back", "back"), ("waist", "chest"), ("stomach", "chest"), ("neck", "head"), ("knees", "shin"),
        ("right upper arm", "upper_arm"), ("upper_arm", "upper_arm"), ("arms", "upper_arm"), ("elbow", "forearm"),
        ("sholder", "shoulder"), ("feet", "foot"), ("A's thigh", "thigh"), ("hips", "hips"),
        ("sword", None), ("", None), ("the air", None), ("42", None),
    ],
)  # fmt: skip
def test_words_for_parts_of_the_body_become_the_parts_that_contacts_know(words, part):
    assert known_part(words) == part


def test_a_touch_of_something_that_is_no_part_of_the_body_is_left_out_with_a_note():
    answer = read_answer(touch(b="sword"), STRETCH)
    assert answer.touches == ()
    assert any("'sword'" in note for note in answer.notes)


@pytest.mark.parametrize(
    ("fields", "span", "repaired"),
    [
        ({"first": 1, "last": 4}, (10, 49), False),
        ({"first": 2, "last": 2}, (16, 25), False),
        ({"first": 3, "last": 2}, (16, 37), False),
        ({"first": "2", "last": "picture 3"}, (16, 37), False),
        ({"first": -5, "last": 99}, (10, 49), True),
        ({"first": 7, "last": 9}, (37, 49), True),
        ({"from": 4, "to": 4}, (37, 49), False),
        ({}, (10, 49), False),
        ({"first": None, "last": [1]}, (10, 49), False),
        ({"first": 1e300, "last": True}, (10, 49), False),
    ],
)
def test_numbers_of_pictures_become_frames_halfway_to_the_next_pictures(fields, span, repaired):
    answer = read_answer(touch(**fields), STRETCH)
    assert (answer.touches[0].frame_start, answer.touches[0].frame_end) == span
    assert any("not shown" in note for note in answer.notes) == repaired


def test_a_long_sentence_is_cut_at_its_end_and_control_characters_go():
    answer = read_answer(json.dumps({"sentence": "They hug.\u0007 " + "And hug again. " * 60}), STRETCH)
    assert len(answer.sentence) <= 240 and answer.sentence.endswith(".")
    assert answer.sentence.startswith("They hug. And")


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=300), st.text(alphabet='{}[]",:\\ab1 ', max_size=200)))
def test_whatever_a_model_says_is_either_read_or_refused(text):
    try:
        answer = read_answer(text, STRETCH)
    except UnusableAnswer:
        return
    for each in answer.touches:
        assert {each.part_a, each.part_b} <= set(PART_KINDS)
        assert STRETCH.first <= each.frame_start <= each.frame_end <= STRETCH.last


@pytest.mark.parametrize("text", ["{" + '"a":' * 100_000, "{'" * 100_000, '{"sentence": "' + "x" * 10**6, "{," * 10**5])
def test_an_endless_answer_is_read_quickly(text):
    started = time.process_time()
    with pytest.raises(UnusableAnswer):
        read_answer(text, STRETCH)
    assert time.process_time() - started < 2


def test_stretches_are_merged_and_what_is_said_twice_is_said_once():
    first = StretchAnswer(
        "They hug.", (SeenTouch("hand", "back", 0, 20), SeenTouch("chest", "chest", 5, 9)), "A", ("n",)
    )
    second = StretchAnswer("They hug", (SeenTouch("hand", "back", 21, 30),), "both", ("n",))
    third = StretchAnswer("They walk away.", (SeenTouch("hand", "back", 40, 50),), "", ())
    merged = merge_answers("Scripted", [first, second, third])
    assert merged.sentence == "They hug. They walk away."
    assert [(each.part_a, each.frame_start, each.frame_end) for each in merged.touches] == [
        ("hand", 0, 30), ("chest", 5, 9), ("hand", 40, 50),
    ]  # fmt: skip
    assert merged.actor == "both" and merged.notes == ("n",)  # one says A, one says both
