"""Captions are true: on synthetic motions, and on choreographed clips whose contacts are annotated."""

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
from core.semantics.captioner import caption_motion, short_caption
from core.semantics.description import Description, describe
from core.semantics.interactions import Interaction
from core.semantics.prompt_parser import parse_prompt
from core.semantics.reliability import keep_reliable_facts
from core.semantics.templates import ACTION_TEMPLATES, INTERACTION_TEMPLATES
from lab.choreography.interaction import Interaction as Clip
from lab.choreography.interaction import load_interactions
from lab.training.captions import generate_captions

BENCHMARK = Path(__file__).resolve().parents[3] / "benchmarks" / "pairs_test"
RATE = 30.0
INTERACTIONS = {
    "handshake": "handshake", "high_five": "high_five", "hug": "hug", "shove": "shove", "pat_shoulder": "pat",
    "arm_around_shoulder": "arm_around_shoulder", "hand_in_hand": "hold_hands", "dance_hold": "dance_hold", "kick": "kick",
    "hand_over": "hand_over", "dance_turn": "dance_turn", "pull_arm": "pull_arm", "help_up": "help_up", "piggyback": "piggyback",
}  # fmt: skip
"""The interaction that each family of the benchmark shows."""
COARSE = {
    "palm": "hand", "fingers": "hand", "hand_back": "hand", "wrist": "hand", "elbow": "forearm", "face": "head",
    "belly": "chest", "hips": "back", "neck": "back",
}  # fmt: skip
"""Neighbouring regions that captions do not distinguish."""


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
    return f"{side}_{COARSE.get(bare, bare)}"


def truth(clip: Clip) -> set[tuple[str, str]]:
    pairs = {(part(c.region_a), part(c.region_b), c.person_a) for c in clip.contacts}
    return {(a, b) if who == 0 else (b, a) for a, b, who in pairs}


def agreement(text: str, clip: Clip) -> list[float]:
    """For each hypothesis in the text, the fraction of true contacts in its best interpretation: people, regions, sides."""
    true = truth(clip)
    return [
        max(
            sum((part(t.region_0), part(t.region_1)) in true for t in each) / len(each)
            for each in found.interpretations
        )
        for found in parse_prompt(text)
    ]


def standing(frames: int = 60, apart: float = 2.0) -> PairMotion:
    """A stands at the origin and faces +X, B stands `apart` metres in front of A and faces A; arms down."""
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
    """Axis-angle of a rotation about Z after a given rotation."""
    from scipy.spatial.transform import Rotation

    return (Rotation.from_rotvec([0, 0, about_up]) * Rotation.from_rotvec(upright)).as_rotvec()


def swaying(motion: PairMotion, about: tuple[float, float]) -> PairMotion:
    """Both turned about Z by their angles, and swaying by 5° to either side."""
    sway = np.radians(5) * np.sin((np.arange(motion.pelvis.shape[1]) - 5.5) / 3)
    orient = motion.global_orient.copy()
    for who, angle in enumerate(about):
        orient[who] = [compose(angle + each, upright) for each, upright in zip(sway, motion.global_orient[who])]
    return replace(motion, global_orient=orient)


def turning(degrees: float, frames: int = 60) -> PairMotion:
    """A turns on the spot by an angle, positive to the left."""
    motion = standing(frames)
    angle = np.radians(degrees) * np.clip((np.arange(frames) - 10) / 30, 0, 1)
    orient = motion.global_orient.copy()
    orient[0] = [compose(math.pi / 2 + turn, np.array([math.pi / 2, 0, 0])) for turn in angle]
    return replace(motion, global_orient=orient)


def walking(who: int, to: float, frames: int = 90, apart: float = 3.0) -> PairMotion:
    """One of the two walks `to` metres along X within a second and a half."""
    motion = standing(frames, apart)
    pelvis = motion.pelvis.copy()
    pelvis[who, :, 0] += to * np.clip((np.arange(frames) - 15) / 45, 0, 1)
    return replace(motion, pelvis=pelvis)


def test_formation_and_distance() -> None:
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
def test_sides_of_turns_are_the_persons_own(degrees: float, words: str) -> None:
    assert words in short_caption(described(turning(degrees)), named=True)


def test_walking_up_and_away() -> None:
    assert "Person A walks up to Person B" in short_caption(described(walking(0, 2.0)), named=True)
    assert "Person B walks away" in short_caption(described(walking(1, 1.5)), named=True)
    (action,) = [action for action in described(walking(0, 2.0)).actions if action.name == "walk"]
    assert action.approach == pytest.approx(2.0, abs=0.1) and action.amount == pytest.approx(2.0, abs=0.1)
    assert action.start == pytest.approx(0.5, abs=0.2) and action.end == pytest.approx(2.0, abs=0.2)
    assert not described(standing()).actions


def test_a_raised_arm_has_its_side() -> None:
    motion = standing()
    pose = motion.body_pose.copy()
    pose[1, 20:50, BODY_JOINTS.index("right_shoulder") - 1, 2] = -1.2
    (action,) = described(replace(motion, body_pose=pose)).actions
    assert (action.person, action.name, action.direction) == (1, "raise_arm", "right")


def test_captions_mention_no_contact_where_there_is_none() -> None:
    quiet = [described(walking(0, 1.5)), described(walking(1, -1)), described(turning(180))]
    texts = [generate_captions(description, np.random.default_rng(seed)) for description in quiet for seed in range(20)]
    for text in {text for drawn in texts for text in drawn}:
        assert parse_prompt(text) == (), text


@pytest.mark.parametrize("family", sorted(INTERACTIONS))
def test_choreographed_interactions_are_recognised(family: str) -> None:
    for clip in clips()[family]:
        assert INTERACTIONS[family] in [interaction.name for interaction in facts(clip.name).interactions], clip.name


@pytest.mark.parametrize("family", sorted(INTERACTIONS))
def test_parsing_a_caption_gives_the_contacts_that_it_came_from(family: str) -> None:
    for clip in clips()[family]:
        for text in generate_captions(facts(clip.name), np.random.default_rng(5), 5):
            found = agreement(text, clip)
            assert found and min(found) >= 0.5, f"{clip.name}: {text}"
            if len(parse_prompt(text)[0].interpretations[0]) == 1:
                assert min(found) == 1, f"{clip.name}: {text}"


@pytest.mark.parametrize("family", sorted(INTERACTIONS))
def test_named_captions_have_correct_roles_and_sides(family: str) -> None:
    for clip in clips()[family]:
        found = agreement(short_caption(facts(clip.name), named=True), clip)
        assert found and min(found) >= 0.5, clip.name


@pytest.mark.parametrize("family", ["shove", "hug", "piggyback", "dance_turn"])
def test_swapping_the_people_swaps_only_their_names(family: str) -> None:
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


@pytest.mark.parametrize("family", sorted(INTERACTIONS))
def test_captions_of_reliable_facts_have_fewer_details_and_no_other_facts(family: str) -> None:
    for clip in clips()[family]:
        reliable = keep_reliable_facts(facts(clip.name))
        assert {interaction.name for interaction in reliable.interactions} <= {"touch", INTERACTIONS[family]}, clip.name
        text = short_caption(reliable)
        assert not {"left", "right", "hands something"} & set(text.split()), text
        assert all(found >= 0.5 for found in agreement(text, clip)), f"{clip.name}: {text}"


@pytest.mark.parametrize(("apart", "lifts"), [(0.7, (0.0, 0.35)), (0.3, (0.15, 0.3))])
def test_a_person_who_floats_beside_the_other_is_not_carried(apart: float, lifts: tuple[float, float]) -> None:
    """Reconstructed people may float above the floor, one of them higher than the other."""
    motion = standing(apart=apart)
    pelvis = motion.pelvis + np.array([(0, 0, lift) for lift in lifts], np.float32)[:, None]
    description = described(replace(motion, pelvis=pelvis), (Contact(0, "left_fingers", 1, "left_forearm", 0, 59),))
    assert "forearm" in short_caption(description) and "carr" not in short_caption(description)


def test_short_interactions_are_not_reliable() -> None:
    """Errors of several centimetres look like a hug of a frame or two, a thigh at a hip, a shove of somebody who is held."""
    quiet = described(standing(apart=0.8))

    def caption(*interactions: Interaction) -> str:
        return short_caption(keep_reliable_facts(replace(quiet, interactions=interactions)))

    alone = caption()
    assert "face to face" in alone
    assert caption(Interaction("carry", 0, 0.5, 1.2)) == caption(Interaction("hug", None, 0.5, 0.53)) == alone
    assert (
        caption(Interaction("touch", 0, 0.0, 1.9, actor_region="thigh", other_region="hips")) == alone
    )  # happens whenever people stand close
    assert "carries" in caption(Interaction("carry", 0, 0.2, 1.8)) and "hug" in caption(
        Interaction("hug", None, 0.2, 1.8)
    )
    shove = Interaction("shove", 0, 0.8, 1.0, both_hands=True, other_region="chest")
    assert "shoves" in caption(shove)
    assert "shoves" not in caption(
        shove, Interaction("touch", 1, 0.2, 1.9, actor_region="palm", other_region="back")
    )  # held all the time
    assert "hands something" not in caption(Interaction("hand_over", None, 0.2, 1.0, "right", "right"))


def test_every_template_of_an_interaction_is_parsed() -> None:
    values = {
        "{other}": "the other",
        "{other's}": "the other's",
        "{actor_side}": "right",
        "{other_side}": "left",
        "{other_part}": "chest",
        "{actor_part}": "hand",
    }
    for name, words in INTERACTION_TEMPLATES.items():
        if name == "carry":  # says nothing about regions
            continue
        by_one = (*words.actor, *words.both_hands, *words.other, *words.from_behind)
        for subject, phrases in (("One person", by_one), ("Two people", (*words.together, *words.walking))):
            for phrase in phrases:
                text = f"{subject} {phrase}."
                for mark, word in values.items():
                    text = text.replace(
                        mark,
                        {"pull_arm": "wrist", "hold_arm": "wrist"}.get(name, word) if mark == "{other_part}" else word,
                    )
                assert parse_prompt(text), text


def test_actions_of_one_person_are_not_parsed_as_contact() -> None:
    for phrase in (phrase for phrases in ACTION_TEMPLATES.values() for phrase in phrases):
        assert parse_prompt(f"One person {phrase}, then turns.".replace("{other}", "the other")) == (), phrase


@pytest.mark.parametrize(
    ("about", "formation", "subject"),
    [((math.pi, math.pi), "back_to_back", None), ((0, math.pi), "behind", 0), ((0, 0), "face_to_face", None)],
)
def test_people_who_sway_stand_as_they_would_without(
    about: tuple[float, float], formation: str, subject: int | None
) -> None:
    found = described(swaying(standing(apart=0.8), about)).initial_formation
    assert (found.name, found.subject) == (formation, subject)


def test_wording_varies_with_the_seed_only() -> None:
    description = facts(clips()["shove"][0].name)
    assert short_caption(description) == short_caption(description)
    once, again = (generate_captions(description, np.random.default_rng(3)) for _ in range(2))
    assert once == again
    many = {text for seed in range(15) for text in generate_captions(description, np.random.default_rng(seed))}
    assert len(many) > 12
    assert all(len(set(drawn)) == len(drawn) <= 4 for drawn in (once, again))


def test_captions_are_sentences() -> None:
    for family in clips().values():
        for clip in family[:1]:
            for text in generate_captions(facts(clip.name), np.random.default_rng(1), 5):
                assert text[0].isupper() and text.endswith(".") and "  " not in text and "{" not in text


def test_a_caption_names_the_contacts_that_are_used_and_reached_and_no_others() -> None:
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
    timeline, confidence, body = Timeline(index, seconds), np.ones((2, frames, 22), np.float32), load_body(None)
    estimate = MotionEstimate(motion.transformed(world), camera, np.zeros((2, frames, 2), np.float32))

    def caption(*contacts: Contact) -> str:
        return caption_motion(estimate, timeline, confidence, contacts, body)

    palms = Contact(0, "right_palm", 1, "right_palm", 4, 13)
    assert "shake hands" in caption(palms)
    others = replace(palms, region_a="left_palm"), replace(palms, frame_start=90, frame_end=99)
    for unused in (replace(palms, state="rejected"), replace(palms, reached=False), *others):
        assert "hand" not in caption(unused)
    assert "hand" not in caption()
