"""What everybody starts from stays what it is."""

from __future__ import annotations

import torch

from core.fitting.limits import relaxed_pose


def test_who_changes_a_relaxed_pose_changes_their_own() -> None:
    before = relaxed_pose()
    mine = relaxed_pose()
    mine[:] = 7.0
    assert torch.equal(relaxed_pose(), before)
