"""What a take is to honour: contacts that were found, that the prompt names and that the user decided about."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from core.contract.contact import Contact
from core.fitting.targets import FitTargets
from core.pipeline import contact_stages
from core.pipeline.contact_stages import ContactList, prompted_contacts
from core.pipeline.stages import Constraints, PromptEmbedding, constraints
from core.semantics.grounding import Refusal
from core.semantics.prompt_parser import parse_prompt
from tests.core.conftest import Recorder

DOUBTED = Contact(0, "right_palm", 1, "right_palm", 20, 40, source="prompt", state="rejected", probability=0.1)


def honoured(detected: tuple[Contact, ...] = (), edited: tuple[Contact, ...] = ()) -> tuple[Contact, ...]:
    """Where the prompt named a handshake that the motion does not bear out."""
    made: Constraints = constraints.function(
        ContactList(detected), ContactList((DOUBTED,)), None, edited, (), (), PromptEmbedding.none()
    )
    assert isinstance(made.targets, FitTargets)
    return made.targets.contacts


def test_a_doubted_contact_of_the_prompt_is_listed_and_not_used() -> None:
    [listed] = honoured()
    assert listed == DOUBTED and not listed.active()


def test_what_was_found_there_is_used_all_the_same() -> None:
    found = Contact(0, "right_palm", 1, "right_palm", 25, 45, probability=0.6)
    assert honoured((found,)) == (found,)


def test_a_user_who_knows_better_enforces_it() -> None:
    enforced = replace(DOUBTED, state="enforced")
    assert honoured(edited=(enforced,)) == (enforced,)


def test_what_the_prompt_names_lasts_as_long_as_it_was_detected() -> None:
    named = replace(DOUBTED, state="auto", frame_start=33, frame_end=36)
    parts = Contact(0, "right_fingers", 1, "right_hand_back", 25, 35), Contact(0, "right_palm", 1, "right_palm", 34, 48)
    later, elsewhere = replace(parts[0], frame_start=60, frame_end=70), Contact(0, "left_palm", 1, "right_palm", 10, 50)
    made: Constraints = constraints.function(
        ContactList((*parts, later, elsewhere)), ContactList((named,)), None, (), (), (), PromptEmbedding.none()
    )
    [asked] = [contact for contact in made.targets.contacts if contact.source == "prompt"]
    assert asked == replace(named, frame_start=25, frame_end=48, id=parts[1].id, touch=parts[1].id)
    assert {each.id for each in made.targets.contacts} == {each.id for each in (*parts, later, elsewhere)}


def test_a_detected_contact_that_nobody_edited_overrides_nothing_that_the_prompt_names() -> None:
    found = Contact(0, "right_palm", 1, "right_palm", 25, 45, weight=0.6, probability=0.6)
    named = replace(DOUBTED, state="auto")
    for listed, sources in ((found, ["prompt"]), (replace(found, state="enforced"), ["detected"])):
        listed = listed.measured(0.3)
        made: Constraints = constraints.function(
            ContactList((found,)), ContactList((named,)), None, (listed,), (), (), PromptEmbedding.none()
        )
        assert [contact.source for contact in made.targets.contacts] == sources


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("They walk.", []),
        ("They aren't hugging.", []),
        ("She sits on his lap. She sits on his lap, then he carries her.", ["She sits on his lap", "he carries her"]),
    ],
)
def test_a_clause_that_names_no_contact_that_can_be_read_is_told_once(
    prompt: str, named: list[str], recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = SimpleNamespace(motion_incam=None, timeline=None, confidence=None, body=None)
    monkeypatch.setattr(contact_stages, "_contact_scene", lambda *_: scene)
    monkeypatch.setattr(contact_stages, "ground_hypotheses", lambda *_: ([], []))
    reporter = SimpleNamespace(warning=recorder.warnings.append, progress=lambda _: None)
    assert prompted_contacts.function(None, None, None, prompt, reporter) == ContactList(())
    assert [warning.split("\u201c")[1].split("\u201d")[0] for warning in recorder.warnings] == named


@pytest.mark.parametrize(
    ("prompt", "is_open"),
    [
        ("Chaplin runs: his chest touches the policeman's back.", True),
        ("Person A's chest touches person B's back", False),
    ],
)
def test_a_refused_touch_is_told_as_it_was_read_and_how_to_say_it_the_other_way_round(
    prompt: str, is_open: bool, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = SimpleNamespace(motion_incam=None, timeline=None, confidence=None, body=None)
    [hypothesis] = parse_prompt(prompt)
    refused = Refusal(hypothesis, (replace(DOUBTED, region_a="chest", region_b="back"),))
    monkeypatch.setattr(contact_stages, "_contact_scene", lambda *_: scene)
    monkeypatch.setattr(contact_stages, "load_contact_head", lambda: None)
    monkeypatch.setattr(contact_stages, "ground_hypotheses", lambda *_: ([], [refused]))
    reporter = SimpleNamespace(warning=recorder.warnings.append, progress=lambda _: None)
    prompted_contacts.function(None, None, None, prompt, reporter)
    [warning] = recorder.warnings
    assert prompt.split(": ")[-1].strip(".") in warning and "A chest \u2013 B back" in warning
    assert ("the other way round" in warning) == is_open
