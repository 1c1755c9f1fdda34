"""What captions say is so: on motions made up for it, and on choreographed clips whose contacts are known."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from core.body.files import load_body
from core.contract.contact import Contact
from core.contract.skeleton import BODY_JOINTS
from core.motion import Camera, MotionEstimate, PairMotion, Timeline
from core.semantics.captioner import annotate_motion, generate_captions, keep_reliable_facts, short_caption
from core.semantics.description import Description, describe
from core.semantics.interactions import Interaction
from core.semantics.prompt_parser import parse_prompt
from core.semantics.templates import ACTION_TEMPLATES, INTERACTION_TEMPLATES
from lab.choreography.interaction import Interaction as Clip
from lab.choreography.interaction import load_interactions

BENCHMARK = Path(__file__).resolve().parents[3] / "benchmarks" / "pairs_test"
RATE = 30.0
DEEDS = {
    "handshake": "handshake", "high_five": "high_five", "hug": "hug", "shove": "shove", "pat_shoulder": "pat",
    "arm_around_shoulder": "arm_around_shoulder", "hand_in_hand": "hold_hands", "dance_hold": "dance_hold", "kick": "kick",
    "hand_over": "hand_over", "dance_turn": "dance_turn", "pull_arm": "pull_arm", "help_up": "help_up", "piggyback": "piggyback",
}  # fmt: skip
"""What each family of the benchmark is called by the captioner."""
SAME = {
    "palm": "hand", "fingers": "hand", "hand_back": "hand", "wrist": "hand", "elbow": "forearm", "face": "head",
    "belly": "chest", "hips": "back", "neck": "back",
}  # fmt: skip
"""Neighbouring regions that words do not tell apart."""


@lru_cache
def clips() -> dict[str, list[Clip]]:
    """Three clips of each family."""
    found: dict[str, list[Clip]] = {}
    for clip in load_interactions(BENCHMARK):
        found.setdefault(clip.family, []).append(clip)
    return {family: of_family[:3] for family, of_family in found.items()}


@lru_cache(maxsize=256)
def facts(name: str) -> Description:
    clip = next(clip for family in clips().values() for clip in family if clip.name == name)
    return described(clip.motion, clip.contacts)


def described(motion: PairMotion, contacts: tuple[Contact, ...] = ()) -> Description:
    frames = motion.pelvis.shape[1]
    return describe(motion, load_body(None), contacts, np.arange(frames), np.arange(frames) / RATE)


def part(region: str) -> str:
    side, _, bare = region.partition("_") if region.startswith(("left_", "right_")) else ("", "", region)
    return f"{side}_{SAME.get(bare, bare)}"


def truth(clip: Clip) -> set[tuple[str, str]]:
    pairs = {(part(c.region_a), part(c.region_b), c.person_a) for c in clip.contacts}
    return {(a, b) if who == 0 else (b, a) for a, b, who in pairs}


def agreement(text: str, clip: Clip) -> list[float]:
    """Of each thing that the text says, how much of its best reading is a true touch: who, what, which side."""
    true = truth(clip)
    return [
        max(
            sum((part(t.region_0), part(t.region_1)) in true for t in each) / len(each)
            for each in found.interpretations
        )
        for found in parse_prompt(text)
    ]


def standing(frames: int = 60, apart: float = 2.0) -> PairMotion:
    """A at the origin facing +X, B `apart` metres before A facing A; arms down."""
    upright = np.array([math.pi / 2, 0, 0])
    turned = {who: compose(angle, upright) for who, angle in ((0, math.pi / 2), (1, -math.pi / 2))}
    pose = np.zeros((2, frames, 21, 3), np.float32)
    pose[:, :, BODY_JOINTS.index("left_shoulder") - 1, 2] = -1.2
    pose[:, :, BODY_JOINTS.index("right_shoulder") - 1, 2] = 1.2
    pelvis = np.zeros((2, frames, 3), np.float32)
    pelvis[..., 2], pelvis[1, :, 0] = 0.95, apart
    orient = np.stack([np.tile(turned[who], (frames, 1)) for who in (0, 1)]).astype(np.float32)
    hand = np.zeros((2, frames, 15, 3), np.float32)
    return PairMotion(orient, pose, hand, hand.copy(), pelvis, np.zeros((2, 16), np.float32))


def compose(about_up: float, upright: np.ndarray) -> np.ndarray:
    """Axis-angle of a turn about Z after a given rotation."""
    from scipy.spatial.transform import Rotation

    return (Rotation.from_rotvec([0, 0, about_up]) * Rotation.from_rotvec(upright)).as_rotvec()


def turning(degrees: float, frames: int = 60) -> PairMotion:
    """A turns on the spot by so much, to the left where it is positive."""
    motion = standing(frames)
    angle = np.radians(degrees) * np.clip((np.arange(frames) - 10) / 30, 0, 1)
    orient = motion.global_orient.copy()
    orient[0] = [compose(math.pi / 2 + turn, np.array([math.pi / 2, 0, 0])) for turn in angle]
    return replace(motion, global_orient=orient)


def walking(who: int, to: float, frames: int = 90, apart: float = 3.0) -> PairMotion:
    """One of the two goes along X, from where they stand by `to` metres, within a second and a half."""
    motion = standing(frames, apart)
    pelvis = motion.pelvis.copy()
    pelvis[who, :, 0] += to * np.clip((np.arange(frames) - 15) / 45, 0, 1)
    return replace(motion, pelvis=pelvis)


def test_who_stands_before_whom_and_how_far() -> None:
    text = short_caption(described(standing(apart=2.0)))
    assert "face to face" in text and "about two metres apart" in text
    facing_away = standing()
    orient = facing_away.global_orient.copy()
    orient[1] = orient[0]
    behind = described(replace(facing_away, global_orient=orient)).initial_formation
    assert (behind.name, behind.subject) == ("behind", 0)  # A looks at B's back
    pelvis = facing_away.pelvis.copy()
    pelvis[1, :, :2] = (0, 0.6)
    assert described(replace(facing_away, global_orient=orient, pelvis=pelvis)).initial_formation.name == "side_by_side"


@pytest.mark.parametrize(
    ("degrees", "words"), [(90, "to the left"), (-90, "to the right"), (180, "turns around"), (360, "all the way")]
)
def test_turns_go_to_the_persons_own_side(degrees: float, words: str) -> None:
    assert words in short_caption(described(turning(degrees)), named=True)


def test_walking_up_and_away() -> None:
    assert "Person A walks up to Person B" in short_caption(described(walking(0, 2.0)), named=True)
    assert "Person B walks away" in short_caption(described(walking(1, 1.5)), named=True)
    (move,) = described(walking(0, 2.0)).actions_of(0, "walk")
    assert move.approach == pytest.approx(2.0, abs=0.1) and move.amount == pytest.approx(2.0, abs=0.1)
    assert move.start == pytest.approx(0.5, abs=0.2) and move.end == pytest.approx(2.0, abs=0.2)
    assert not described(standing()).actions


def test_a_lifted_arm_is_of_its_side() -> None:
    motion = standing()
    pose = motion.body_pose.copy()
    pose[1, 20:50, BODY_JOINTS.index("right_shoulder") - 1, 2] = -1.2
    (move,) = described(replace(motion, body_pose=pose)).actions
    assert (move.person, move.name, move.direction) == (1, "raise_arm", "right")


def test_people_who_do_not_touch_are_not_said_to() -> None:
    quiet = [described(walking(0, 1.5)), described(walking(1, -1)), described(turning(180))]
    texts = [generate_captions(description, np.random.default_rng(seed)) for description in quiet for seed in range(20)]
    for text in {text for drawn in texts for text in drawn}:
        assert parse_prompt(text) == (), text


@pytest.mark.parametrize("family", sorted(DEEDS))
def test_choreographed_deeds_are_known(family: str) -> None:
    for clip in clips()[family]:
        assert DEEDS[family] in [deed.name for deed in facts(clip.name).interactions], clip.name


@pytest.mark.parametrize("family", sorted(DEEDS))
def test_captions_read_again_give_the_contacts_they_came_from(family: str) -> None:
    for clip in clips()[family]:
        for text in generate_captions(facts(clip.name), np.random.default_rng(5), 5):
            found = agreement(text, clip)
            assert found and min(found) >= 0.5, f"{clip.name}: {text}"
            if len(parse_prompt(text)[0].interpretations[0]) == 1:
                assert min(found) == 1, f"{clip.name}: {text}"


@pytest.mark.parametrize("family", sorted(DEEDS))
def test_named_captions_have_roles_and_sides_right(family: str) -> None:
    for clip in clips()[family]:
        found = agreement(short_caption(facts(clip.name), named=True), clip)
        assert found and min(found) >= 0.5, clip.name


@pytest.mark.parametrize("family", ["shove", "hug", "piggyback", "dance_turn"])
def test_exchanged_people_exchange_their_names_and_nothing_else(family: str) -> None:
    clip = clips()[family][0]
    motion = PairMotion(**{name: values[::-1].copy() for name, values in vars(clip.motion).items()})
    contacts = tuple(replace(c, person_a=1 - c.person_a, person_b=1 - int(c.person_b)) for c in clip.contacts)
    swapped = described(motion, contacts)
    assert short_caption(swapped) == short_caption(facts(clip.name))
    named = short_caption(facts(clip.name), named=True)
    names = {"Person A": "Person B", "Person B": "Person A"}
    exchanged = "".join(names.get(word, word) for word in _split(named))
    assert short_caption(swapped, named=True) == exchanged


def _split(text: str) -> list[str]:
    import re

    return re.split(r"(Person [AB])", text)


@pytest.mark.parametrize("family", sorted(DEEDS))
def test_careful_captions_say_less_and_nothing_else(family: str) -> None:
    for clip in clips()[family]:
        sure = keep_reliable_facts(facts(clip.name))
        assert {deed.name for deed in sure.interactions} <= {"touch", DEEDS[family]}, clip.name
        text = short_caption(sure)
        assert not {"left", "right", "hands something"} & set(text.split()), text
        assert all(found >= 0.5 for found in agreement(text, clip)), f"{clip.name}: {text}"


@pytest.mark.parametrize(("apart", "lifts"), [(0.7, (0.0, 0.35)), (0.3, (0.15, 0.3))])
def test_who_floats_beside_the_other_is_not_carried(apart: float, lifts: tuple[float, float]) -> None:
    """Reconstructed people stand some way over the floor, and one of them more than the other."""
    motion = standing(apart=apart)
    pelvis = motion.pelvis + np.array([(0, 0, lift) for lift in lifts], np.float32)[:, None]
    description = described(replace(motion, pelvis=pelvis), (Contact(0, "left_fingers", 1, "left_forearm", 0, 59),))
    assert "forearm" in short_caption(description) and "carr" not in short_caption(description)


def test_what_is_soon_over_is_not_said_of_a_reconstruction() -> None:
    """A frame or two of a hug, a thigh at a hip, a shove of who is held: so look errors of a hand's breadth."""
    quiet = described(standing(apart=0.8))

    def said(*deeds: Interaction) -> str:
        return short_caption(keep_reliable_facts(replace(quiet, interactions=deeds)))

    alone = said()
    assert "face to face" in alone
    assert said(Interaction("carry", 0, 0.5, 1.2)) == said(Interaction("hug", None, 0.5, 0.53)) == alone
    assert (
        said(Interaction("touch", 0, 0.0, 1.9, actor_region="thigh", other_region="hips")) == alone
    )  # as whoever stands close does
    assert "carries" in said(Interaction("carry", 0, 0.2, 1.8)) and "hug" in said(Interaction("hug", None, 0.2, 1.8))
    shove = Interaction("shove", 0, 0.8, 1.0, both_hands=True, other_region="chest")
    assert "shoves" in said(shove)
    assert "shoves" not in said(
        shove, Interaction("touch", 1, 0.2, 1.9, actor_region="palm", other_region="back")
    )  # held all the while
    assert "hands something" not in said(Interaction("hand_over", None, 0.2, 1.0, "right", "right"))


def test_every_wording_of_a_deed_is_understood() -> None:
    values = {
        "{b}": "the other",
        "{bs}": "the other's",
        "{side}": "right",
        "{other_side}": "left",
        "{place}": "chest",
        "{own}": "hand",
    }
    for name, words in INTERACTION_TEMPLATES.items():
        if name == "carry":  # who carries whom, and how, says nothing of regions
            continue
        of_one = (*words.actor, *words.both, *words.other, *words.behind)
        for subject, phrases in (("One person", of_one), ("Two people", (*words.together, *words.walking))):
            for phrase in phrases:
                text = f"{subject} {phrase}."
                for mark, word in values.items():
                    text = text.replace(
                        mark, {"pull_arm": "wrist", "hold_arm": "wrist"}.get(name, word) if mark == "{place}" else word
                    )
                assert parse_prompt(text), text


def test_what_one_does_alone_is_no_touch() -> None:
    for phrase in (phrase for phrases in ACTION_TEMPLATES.values() for phrase in phrases):
        assert parse_prompt(f"One person {phrase}, then turns.".replace("{b}", "the other")) == (), phrase


def test_words_vary_and_facts_do_not() -> None:
    description = facts(clips()["shove"][0].name)
    assert short_caption(description) == short_caption(description)
    once, again = (generate_captions(description, np.random.default_rng(3)) for _ in range(2))
    assert once == again
    many = {text for seed in range(15) for text in generate_captions(description, np.random.default_rng(seed))}
    assert len(many) > 12
    assert all(len(set(drawn)) == len(drawn) <= 4 for drawn in (once, again))


def test_captions_start_with_a_capital_and_end_with_a_stop() -> None:
    for family in clips().values():
        for clip in family[:1]:
            for text in generate_captions(facts(clip.name), np.random.default_rng(1), 5):
                assert text[0].isupper() and text.endswith(".") and "  " not in text and "{" not in text


def test_contacts_are_detected_where_nobody_knows_them() -> None:
    clip = clips()["handshake"][0]
    touch = min(contact.frame_start for contact in clip.contacts)
    few = slice(max(touch - 4, 0), touch + 14)
    motion = PairMotion(**{
        name: values if name == "betas" else values[:, few] for name, values in vars(clip.motion).items()
    })  # fmt: skip
    frames = motion.pelvis.shape[1]
    middle = motion.pelvis.mean((0, 1))
    world = np.eye(4)
    world[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]  # looks along +Y from 4 m away
    world[:3, 3] = -world[:3, :3] @ (middle + [0, -4, 0])
    camera = Camera(np.array([[900, 0, 480], [0, 900, 270], [0, 0, 1]], float), world)
    index, seconds = np.arange(frames), np.arange(frames) / RATE
    confidence = np.ones((2, frames, 22), np.float32)
    estimate = MotionEstimate(motion.transformed(world), camera, np.zeros((2, frames, 2), np.float32))
    assert "shake hands" in annotate_motion(estimate, Timeline(index, seconds), confidence, load_body(None))
