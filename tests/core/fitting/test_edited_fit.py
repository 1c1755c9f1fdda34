"""Which frames an edited take may leave the earlier one in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.contract.contact import Contact
from core.fitting.edited_fit import _changed_contacts, _fading
from core.motion import Timeline

TIMELINE = Timeline(np.arange(100, 150, dtype=np.int32), 50 + np.arange(50) / 25)
SHAKE = Contact(0, "right_palm", 1, "right_palm", 110, 114, vertex_a=7)


@pytest.mark.parametrize(
    "changes", [{"vertex_a": 8}, {"vertex_b": 3}, {"vertex_a": None}, {"state": "enforced"}, {"weight": 0.5}]
)
def test_frames_of_a_contact_whose_marker_was_moved_are_fitted_again(changes: dict[str, object]) -> None:
    changed = _changed_contacts([SHAKE], [replace(SHAKE, **changes)], TIMELINE)
    assert TIMELINE.frame_index[changed].tolist() == [110, 111, 112, 113, 114]
    assert not _changed_contacts([SHAKE], [replace(SHAKE, id="another", distance=0.2)], TIMELINE).any()


def test_what_is_fitted_again_fades_into_the_rest_by_the_time_to_it() -> None:
    edited = np.zeros(50, bool)
    edited[[20, 21, 45]] = True
    weight = _fading(edited, TIMELINE)
    assert weight[[20, 21, 45]].tolist() == [1, 1, 1] and weight[0] == 0
    assert weight[25] == pytest.approx(0.5 + 0.5 * np.cos(np.pi * 4 / 25 / 0.4)) and weight[16] == weight[25]
    assert not _fading(np.zeros(50, bool), TIMELINE).any()
