"""Prompts are parsed into the contacts that they mention."""

from __future__ import annotations

import pytest

from core.contract.skeleton import REGIONS
from core.semantics import lexicon
from core.semantics.prompt_parser import RegionPair, parse_prompt


def one(prompt: str):
    found = parse_prompt(prompt)
    assert len(found) == 1, [hypothesis.name for hypothesis in found]
    return found[0]


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("Two men shake hands.", "handshake"),
        ("They're shaking hands in an office", "handshake"),
        ("a firm handshake", "handshake"),
        ("The friends give each other a high-five", "high_five"),
        ("a couple hugging", "hug"),
        ("She embraces him from behind", "hug_from_behind"),
        ("A boy pushes another boy", "shove"),
        ("the two walk hand in hand", "hold_hands"),
        ("A father carries his daughter on his back", "piggyback"),
        ("two people waltz", "dance_hold"),
        ("He puts an arm around her shoulders", "arm_around_shoulder"),
        ("one helps the other up from the floor", "help_up"),
        ("He drags her by the arm", "pull_arm"),
        ("the left one blocks a punch", "block"),
        ("He hands the book over to her", "hand_over"),
        ("One person shakes the other's right hand", "handshake"),
        ("he turns her under his raised arm", "dance_turn"),
        ("A man kicks the other in the stomach", "touch"),
        ("She kisses his cheek", "touch"),
        ("he pats him on the shoulder", "touch"),
    ],
)
def test_usual_phrases_of_interactions_are_parsed(prompt: str, name: str) -> None:
    assert one(prompt).name == name


@pytest.mark.parametrize(
    "prompt", ["", "Two people talk.", "A man holds a cup", "they do not shake hands", "walking, never hugging"]
)
def test_prompts_without_contact_give_no_hypothesis(prompt: str) -> None:
    assert parse_prompt(prompt) == ()


def test_a_handshake_joins_two_right_or_two_left_hands() -> None:
    assert set(one("They shake hands").interpretations) == {
        frozenset({RegionPair("right_palm", "right_palm")}),
        frozenset({RegionPair("left_palm", "left_palm")}),
    }


def test_given_sides_are_kept_and_roles_stay_open() -> None:
    interpretations = one("She puts her left hand on his right shoulder").interpretations
    assert set(interpretations) == {
        frozenset({RegionPair("left_palm", "right_shoulder")}),
        frozenset({RegionPair("right_shoulder", "left_palm")}),
    }


def test_open_sides_give_all_interpretations() -> None:
    interpretations = one("He lays a hand on her knee").interpretations
    assert len(interpretations) == 8  # two roles, two hands, two knees


def test_a_named_person_is_the_actor() -> None:
    interpretations = one("Person B kicks person A in the back").interpretations
    assert {pair.region_0 for interpretation in interpretations for pair in interpretation} == {"back"}
    interpretations = one("Person A slaps person B in the face").interpretations
    assert {pair.region_1 for interpretation in interpretations for pair in interpretation} == {"face"}


def test_the_first_person_of_a_sentence_need_not_be_person_a() -> None:
    interpretations = one("The second person kicks the first person in the back").interpretations
    assert {"back", "left_foot"} <= {pair.region_0 for interpretation in interpretations for pair in interpretation}


def test_the_person_after_by_is_the_actor() -> None:
    interpretations = one("Person B is kicked in the back by person A").interpretations
    assert {pair.region_1 for interpretation in interpretations for pair in interpretation} == {"back"}


def test_the_instrument_is_not_the_target() -> None:
    places = {
        pair.region_1
        for interpretation in one("Person A shoves person B with both hands").interpretations
        for pair in interpretation
    }
    assert "chest" in places and not {"left_palm", "right_palm"} & places
    interpretation = one("Person A kicks person B with the left foot").interpretations
    assert {pair.region_0 for each in interpretation for pair in each} == {"left_foot"}
    assert "left_foot" not in {pair.region_1 for each in interpretation for pair in each}
    interpretations = one("Person A pushes person B's left arm with the right hand").interpretations
    assert {pair.region_0 for each in interpretations for pair in each} == {"right_palm"}


def test_the_arm_that_somebody_is_pulled_by_is_the_others() -> None:
    interpretations = one("Person A pulls person B by the left arm").interpretations
    assert {pair.region_1.split("_")[0] for each in interpretations for pair in each} == {"left"}
    assert {pair.region_0 for each in interpretations for pair in each} == {"left_palm", "right_palm"}


def test_a_dance_hold_may_be_the_other_way_round() -> None:
    interpretations = one("Two people dance together").interpretations
    assert any(
        {RegionPair("right_palm", "back"), RegionPair("left_palm", "right_palm")} <= interpretation
        for interpretation in interpretations
    )
    assert any(
        {RegionPair("left_palm", "back"), RegionPair("right_palm", "left_palm")} <= interpretation
        for interpretation in interpretations
    )


def test_a_hug_is_several_contacts_at_once() -> None:
    interpretation = one("They hug").interpretations[0]
    assert RegionPair("chest", "chest") in interpretation
    assert {"left_palm", "right_palm"} <= {pair.region_0 for pair in interpretation}
    assert {"left_palm", "right_palm"} <= {pair.region_1 for pair in interpretation}


def test_the_instrument_may_follow_the_target() -> None:
    interpretations = one("He touches her knee with his left elbow").interpretations
    assert frozenset({RegionPair("left_elbow", "right_knee")}) in interpretations
    assert all(
        "elbow" in pair.region_0 + pair.region_1 for interpretation in interpretations for pair in interpretation
    )


def test_several_actions_give_several_hypotheses_in_order() -> None:
    names = [hypothesis.name for hypothesis in parse_prompt("They shake hands, then hug and walk away hand in hand.")]
    assert names == ["handshake", "hug", "hold_hands"]


def test_all_regions_of_the_lexicon_exist() -> None:
    parts = [
        part
        for interaction in lexicon.INTERACTION_PATTERNS
        for m in interaction.contacts
        for part in (m.actor, m.other)
    ]
    parts += [effector for effector, _ in lexicon.CONTACT_VERBS.values()] + list(lexicon.BODY_PART_WORDS.values())
    for part in parts:
        for option in part.split("|"):
            bare = option.partition(":")[0]
            assert bare in REGIONS or f"left_{bare}" in REGIONS, part
