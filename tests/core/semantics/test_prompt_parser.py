"""Prompts are parsed into the contacts that they mention."""

from __future__ import annotations

from itertools import product

import pytest

from core.contract.skeleton import REGIONS
from core.semantics import lexicon
from core.semantics.prompt_parser import RegionPair, parse_prompt, unread_clauses


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


def contacts(prompt: str) -> list[object]:
    """For each touch or shove the pairs of regions that it may be, of either person; otherwise the interaction's name."""
    return [
        {frozenset((p.region_0, p.region_1)) for each in hypothesis.interpretations for p in each}
        if hypothesis.name in ("touch", "shove")
        else hypothesis.name
        for hypothesis in parse_prompt(prompt)
    ]


def pairs(text: str) -> object:
    """The pairs of `palm|fingers left_shoulder`, where a part without a side may be either; a single word is a name."""
    actor, _, other = text.partition(" ")
    return {frozenset(pair) for pair in product(_regions(actor), _regions(other))} if other else text


def _regions(parts: str) -> list[str]:
    return [
        region for part in parts.split("|") for region in (part, f"left_{part}", f"right_{part}") if region in REGIONS
    ]


SHOVE = "palm back|chest|shoulder|upper_arm"


@pytest.mark.parametrize(
    "prompt",
    [
        "They aren't hugging", "They didn’t hug.", "They dont hug", "He isn't touching her shoulder", "He won't touch her face",
        "They cannot touch hands", "She stops holding her hand", "They stop shaking hands", "He refuses to hug her",
        "She fails to touch his hand", "Their hands are not touching", "His hand isn't on her shoulder",
        "Neither of them touches the other", "He doesn't put his hand on her shoulder", "She lets go of his hand",
    ],
)  # fmt: skip
def test_what_is_denied_is_no_contact_and_not_unread(prompt: str) -> None:
    assert (parse_prompt(prompt), unread_clauses(prompt)) == ((), ())


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("He pushes her away without touching her face", [SHOVE]),
        ("Without touching her face he pushes her", [SHOVE]),
        ("He touches her shoulder but not her face", ["fingers|palm shoulder"]),
        ("They do not hug but shake hands", ["handshake"]),
        ("They didn't hug, they shake hands", ["handshake"]),
        ("Instead of hugging they shake hands", ["handshake"]),
    ],
)
def test_a_negation_reaches_no_further_than_its_verb(prompt: str, expected: list[str]) -> None:
    assert contacts(prompt) == list(map(pairs, expected))


@pytest.mark.parametrize(
    "prompt",
    [
        "Without hesitation he hugs her",
        "With no hesitation he hugs her",
        "They hug without letting go",
        "He stops to hug her",
    ],
)
def test_a_word_of_negation_that_negates_something_else(prompt: str) -> None:
    assert one(prompt).name == "hug"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("His elbow hits her in the face", ["elbow face"]),
        ("Her knee hits his stomach", ["knee belly"]),
        ("His left hand hits her face", ["left_fingers|left_hand_back face"]),
        ("Her hands push him", [SHOVE]),
        ("Her shoulder is touched by his hand", ["fingers|palm shoulder"]),
        ("Her cheek is touched by his palm", ["palm face"]),
        ("A is hit in the face by B's elbow", ["elbow face"]),
        ("His knee is kicked by her right foot", ["right_foot knee"]),
        ("He takes a hard kick in the belly from her right foot", ["right_foot belly"]),
        ("She receives a pat on the left shoulder from him", ["fingers|palm left_shoulder"]),
        ("Her wrist is grabbed by him", ["fingers|palm wrist"]),
        ("He is grabbed by the wrist by her", ["fingers|palm wrist"]),
        ("Person A's left hand holds Person B's right wrist", ["left_fingers|left_palm right_wrist"]),
        ("Her shoulder is touched by his left palm", ["left_palm shoulder"]),
        ("With her left hand she grabs his wrist", ["left_palm wrist"]),
        ("With her left hand, she grabs his wrist", ["left_palm wrist"]),
        ("He touches her shoulder using his left hand", ["left_palm shoulder"]),
        ("Person A's right hand rests on Person B's left shoulder", ["right_palm left_shoulder"]),
        ("His hand is on her shoulder", ["palm shoulder"]),
        ("Her hand lies on his chest", ["palm chest"]),
        ("His right hand is in her left hand", ["right_palm left_palm"]),
        ("She leans her head on his shoulder", ["head shoulder"]),
        ("She takes his hand", ["fingers|palm palm"]),
        ("She takes him into her arms", []),
        ("Their hands touch", ["palm palm"]),
        ("Their foreheads are touching", ["face face"]),
    ],
)
def test_parts_before_the_verb_have_their_role(prompt: str, expected: list[str]) -> None:
    assert contacts(prompt) == list(map(pairs, expected))


@pytest.mark.parametrize(
    ("prompt", "of_a", "of_b"),
    [
        ("Person A's left hand holds Person B's right wrist", "left_fingers|left_palm", "right_wrist"),
        ("Person B's shoulder is touched by Person A's left palm", "left_palm", "shoulder"),
        ("Person A's left shoulder is touched", "left_shoulder", "fingers|palm"),
        ("Person A is kicked in the back by the other", "back", "foot|shin"),
        ("Person A's left hand pulls Person B by the right arm", "left_palm", "right_forearm|right_palm|right_wrist"),
    ],
)
def test_roles_of_named_people_follow_the_voice(prompt: str, of_a: str, of_b: str) -> None:
    found = {pair for each in one(prompt).interpretations for pair in each}
    assert {pair.region_0 for pair in found} == set(_regions(of_a))
    assert {pair.region_1 for pair in found} == set(_regions(of_b))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("He touches her shoulder, her elbow and her hand", ["fingers|palm shoulder", "fingers|palm elbow", "fingers|palm palm"]),
        ("Person A slaps Person B on the back and face", ["palm back", "palm face"]),
        ("He puts his left hand on her neck and his right hand on her back", ["left_palm neck", "right_palm back"]),
    ],
)  # fmt: skip
def test_each_part_of_a_list_is_touched(prompt: str, expected: list[str]) -> None:
    assert contacts(prompt) == list(map(pairs, expected))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("She pushes him back", [SHOVE]),
        ("She pushes her back", [SHOVE]),
        ("She pushes him in the back", ["palm back"]),
        ("He rubs her back", ["fingers|palm back"]),
        ("He pulls her back", []),
        ("He kicks back", ["foot|shin back|belly|calf|hips|knee|shin|thigh"]),
        ("They stand face to face", []),
        ("They stand face to face and shake hands", ["handshake"]),
        ("The person on the left hand side shakes hands", ["handshake"]),
    ],
)
def test_words_for_parts_that_mean_none(prompt: str, expected: list[str]) -> None:
    assert contacts(prompt) == list(map(pairs, expected))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("He touches his face", []),
        ("The man touches his face", []),
        ("She touches his face", ["fingers|palm face"]),
        ("Two men fight. One touches his face", ["fingers|palm face"]),
        ("He hits him in his face", ["fingers|hand_back face"]),
        ("A man walks up to another man and touches his shoulder", ["fingers|palm shoulder"]),
        ("He puts his hand on his own chest", []),
        ("Person A puts a hand on his own chest", []),
        ("He puts her hand on his chest", ["palm chest"]),
        ("She puts her hands on her hips", []),
        ("He holds up his hand", []),
        ("He slaps himself", []),
        ("She holds a cup in her hand", []),
        ("He presses the phone to his head", []),
    ],
)
def test_somebody_who_touches_themselves_does_not_touch_the_other(prompt: str, expected: list[str]) -> None:
    assert contacts(prompt) == list(map(pairs, expected))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", ()),
        ("They walk", ()),
        ("Two people stand face to face and talk", ()),
        ("One person raises the left arm, then turns", ()),
        ("A man holds a cup", ()),
        ("She holds a cup in her hand", ()),
        ("They hug", ()),
        ("He holds up his hand and high fives her", ()),
        ("He puts his hand on his own chest", ()),
        ("He carries her, and they hug. He carries her.", ("He carries her",)),
        ("They shake hands, then she sits on his lap", ("she sits on his lap",)),
        ("He pulls her close", ("He pulls her close",)),
        ("He touches his face", ("He touches his face",)),  # whose, if both are men?
        ("They link arms", ("They link arms",)),
        ("He puts his arms around her", ("He puts his arms around her",)),
        ("Cheek to cheek", ("Cheek to cheek",)),
    ],
)
def test_clauses_of_a_touch_that_gives_no_contact_are_unread(prompt: str, expected: tuple[str, ...]) -> None:
    assert unread_clauses(prompt) == expected


def test_all_regions_of_the_lexicon_exist() -> None:
    parts = [
        part
        for interaction in lexicon.INTERACTION_PATTERNS
        for m in interaction.contacts
        for part in (m.actor, m.other)
    ]
    parts += [part for verb in (lexicon.SHOVE, *lexicon.CONTACT_VERBS) for part in (verb.effector, verb.targets)]
    parts += list(lexicon.BODY_PART_WORDS.values())
    for part in parts:
        for option in part.split("|"):
            bare = option.partition(":")[0]
            assert bare in REGIONS or f"left_{bare}" in REGIONS, part


@pytest.mark.parametrize(
    ("prompt", "quotes"),
    [
        ("Chaplin runs: his chest touches the policeman's back.", ["his chest touches the policeman's back"]),
        ("Person B\u2019s hand touches Person A\u2019s back", ["Person B\u2019s hand touches Person A\u2019s back"]),
        ("\u0130 With her left hand, SHE touches  his\tArm; then they hug", ["SHE touches his Arm", "they hug"]),
        ("He touches her elbow, her Wrist", ["He touches her elbow", "her Wrist"]),
    ],
)
def test_a_clause_is_quoted_in_the_users_own_words(prompt: str, quotes: list[str]) -> None:
    found = [hypothesis.clause for hypothesis in parse_prompt(prompt)]
    assert [quote[-len(wanted) :] for quote, wanted in zip(found, quotes, strict=True)] == quotes


@pytest.mark.parametrize(
    ("prompt", "is_open"),
    [
        ("His chest touches the policeman's back", True),
        ("Person B's chest touches person A's back", False),
        ("They shake hands with their right hands", False),
    ],
)
def test_it_is_known_whether_the_words_say_who_does_what(prompt: str, is_open: bool) -> None:
    (hypothesis,) = parse_prompt(prompt)
    assert hypothesis.leaves_people_open == is_open
