"""What is said about enforced contacts that stay open."""

from core.contract.contact import Contact
from core.fitting.unmet_edits import open_contact


def test_an_open_contact_is_told_in_the_animators_words() -> None:
    hands = Contact(0, "left_palm", 1, "right_fingers", 10, 20)
    assert open_contact(hands, 0.034).startswith(
        "The enforced contact of Person A's left palm with Person B's right fingers (frames 10 to 20) stays 3.4 cm apart"
    )
    foot = Contact(1, "left_foot", "ground", "ground", 10, 20)
    assert "Person B's left foot with the ground (" in open_contact(foot, 0.02)
