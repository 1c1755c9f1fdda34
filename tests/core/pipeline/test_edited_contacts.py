"""What Refine makes of the contacts that come back from the animator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.body.files import load_body
from core.contract.contact import Contact
from core.contract.edits import Edits
from core.contract.reconstruction import Reconstruction
from core.contract.requests import RefineRequest
from core.fitting.camera import KnownCamera
from core.pipeline.cache import MemoryCache
from core.pipeline.choices import ClipChoices
from core.pipeline.edited_take import edited_take
from core.pipeline.nodes import TakeNodes, TakeSettings, first_take_nodes, nodes_of_detections, refined_take_nodes
from core.pipeline.provenance import Provenance
from core.pipeline.retry import Variant
from core.pipeline.settings import PipelineSettings
from core.pipeline.stage import Given, run
from core.progress import JobProgress
from tests.core.conftest import Recorder, made_up_tracks

TOUCH = Contact(0, "right_palm", 1, "right_palm", 3, 9, weight=0.9, id="touch")


@pytest.fixture
def refined():
    """Refine a take with one contact."""
    body = load_body(None)
    clip = nodes_of_detections(Given(made_up_tracks(), ""), KnownCamera(), Given(body, body.identity))
    first = first_take_nodes(clip, TakeSettings(), PipelineSettings())

    def refine(contact: Contact) -> TakeNodes:
        edited = TakeSettings(contacts=(contact,), finds_contacts=False)
        return refined_take_nodes(clip, edited, PipelineSettings(), first)

    return refine


def asked(take: TakeNodes) -> Contact:
    constraints = run([take.constraints], MemoryCache(), JobProgress(Recorder()))[take.constraints]
    (contact,) = constraints.targets.contacts
    return contact


def test_a_missed_contact_pulls_by_less_in_the_next_take_and_keeps_its_weight(refined):
    missed = asked(refined(TOUCH.measured(0.3)))
    assert missed.weight == 0.9 and missed.effective_weight == 0.5
    assert asked(refined(replace(TOUCH, state="enforced").measured(0.3))).effective_weight == 0.9
    assert asked(refined(TOUCH.measured(0.02))).effective_weight == 0.9


def test_how_near_a_take_came_to_a_contact_makes_no_new_take(refined):
    assert refined(TOUCH.measured(0.02)).motion.key == refined(TOUCH.measured(0.03)).motion.key
    assert refined(TOUCH.measured(0.2)).motion.key == refined(TOUCH.measured(0.3)).motion.key
    assert refined(TOUCH.measured(0.3)).motion.key != refined(TOUCH.measured(0.02)).motion.key


def test_a_contact_is_rejected_where_it_was_removed_and_not_where_another_one_was_moved_onto_it(
    made_up: Reconstruction,
):
    beside = replace(TOUCH, region_a="right_forearm", id="beside")
    before = replace(made_up.info, contacts=(TOUCH, beside))
    origin = Provenance(ClipChoices("", (0, 9), None, None, "", ""), Variant(), 0, 0.7, 0.7)

    def next_contacts(*left: Contact) -> list[tuple[str, str]]:
        request = RefineRequest(edits=Edits(contacts=left))
        taken = edited_take(before, request, origin).settings.contacts
        return [(contact.id, contact.state) for contact in taken]

    moved = replace(beside, region_a=TOUCH.region_a, vertex_a=7, source="user", state="enforced")
    assert next_contacts(moved) == [("beside", "enforced")]
    assert next_contacts(beside) == [("beside", "auto"), ("touch", "rejected")]
