"""Records are cut along the axes that their annotations name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.records import Record


@dataclass(frozen=True)
class Inner(Record):
    keypoints: Float[np.ndarray, "P T 3"]


@dataclass(frozen=True)
class Outer(Record):
    time: Float[np.ndarray, " T"]
    joints: Float[Tensor, "P T J 3"]
    inner: Inner
    size: Float[np.ndarray, "2"]
    flags: Bool[np.ndarray, " T"] | None = None


def example() -> Outer:
    joints = torch.arange(2 * 5 * 4 * 3.0).reshape(2, 5, 4, 3)
    return Outer(np.arange(5.0), joints, Inner(np.arange(30.0).reshape(2, 5, 3)), np.ones(2))


def test_every_array_with_the_axis_is_cut_and_the_rest_stays():
    whole = example()
    part = whole.frames(slice(1, 4))
    assert part.time.tolist() == [1, 2, 3]
    assert torch.equal(part.joints, whole.joints[:, 1:4])
    assert np.array_equal(part.inner.keypoints, whole.inner.keypoints[:, 1:4])
    assert part.size is whole.size and part.flags is None


def test_frames_may_be_chosen_one_by_one():
    part = example().frames(np.array([4, 0]))
    assert part.time.tolist() == [4, 0]
    assert torch.equal(part.joints, example().joints[:, [4, 0]])


def test_people_taken_apart_and_joined_are_the_same_people():
    whole = example()
    joined = Outer.concatenate([whole.person(0), whole.person(1)])
    assert whole.person(1).joints.shape == (1, 5, 4, 3)
    assert torch.equal(joined.joints, whole.joints)
    assert np.array_equal(joined.inner.keypoints, whole.inner.keypoints)
