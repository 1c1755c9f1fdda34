"""Two networks' knowledge of one person joined, and what is read from masks and tracks before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.contract.errors import Cancelled
from core.contract.marks import PersonMark
from core.contract.skeleton import LANDMARK_INDEX
from core.perception import tracker
from core.perception.crops import Crop
from core.perception.hub.fusion import fused
from core.perception.hub.keypoints import HubKeypoints
from core.perception.hub.masked_people import box_of_mask, whole_box
from core.perception.hub.pair_tracking import prompts_by_step, showing, starting_step
from core.perception.landmarks import Pose
from core.perception.movenet import KEYPOINTS, FoundPerson
from core.perception.scan import FrameFindings
from core.perception.skeletons import SHARED
from core.perception.track import Sighting, Track
from core.perception.tracker import ClipSteps
from tests.core.perception.hub.scripted import crossing, visible, write_crossing

_WRIST, _ELBOW = KEYPOINTS.index("left_wrist"), KEYPOINTS.index("left_elbow")
_SCALE = 60.0


def _keypoints(points: np.ndarray, sigma: float = 2.0, confidence: float = 0.9) -> HubKeypoints:
    covariance = np.tile(sigma**2 * np.eye(2, dtype=np.float32), (17, 1, 1))
    return HubKeypoints(points.astype(np.float32), np.full(17, confidence, np.float32), covariance)


def _pose(points: np.ndarray, sigma: float = 2.0, confidence: float = 0.9) -> Pose:
    """With the keypoints at `points`, and all other landmarks at (7, 7)."""
    everything = np.full((33, 2), 7, np.float32)
    everything[SHARED] = points
    crop, ones = Crop(160, 120, 200), np.ones(33, np.float32)
    covariance = np.tile(sigma**2 * np.eye(2, dtype=np.float32), (33, 1, 1))
    world, mask = np.zeros((33, 3), np.float32), np.zeros((0, 0), np.uint8)
    return Pose(crop, crop, 0.9, everything, confidence * ones, ones, ones, world, mask, covariance)


@pytest.fixture
def points() -> np.ndarray:
    return crossing(4)[0, 0]


def test_two_that_agree_meet_nearer_to_the_one_that_knows_better(points: np.ndarray) -> None:
    pose, own = fused(_pose(points + [3, 0], sigma=3.0), _keypoints(points, sigma=1.0), _SCALE)
    assert own
    assert pose.points[SHARED] == pytest.approx(points + [0.3, 0], abs=0.01)
    sigma = np.sqrt(pose.covariance[SHARED][:, 0, 0])
    assert ((sigma > 1.0) & (sigma < 1.5)).all(), (
        "their errors are not independent: together they know no better than one"
    )
    assert (pose.visibility * pose.presence)[SHARED] == pytest.approx(0.9)


def test_where_they_contradict_the_likelier_stands_with_the_others_place_in_its_covariance(points: np.ndarray) -> None:
    elsewhere = points.copy()
    elsewhere[_WRIST] += [40, 0]
    pose, own = fused(_pose(elsewhere, confidence=0.3), _keypoints(points), _SCALE)
    wrist = SHARED[_WRIST]
    assert own and pose.points[wrist] == pytest.approx(points[_WRIST])
    assert pose.visibility[wrist] == pytest.approx(0.9 * 0.75, abs=0.01)
    assert np.sqrt(pose.covariance[wrist, 0, 0]) == pytest.approx(np.sqrt(2**2 + 0.25 * 40**2), rel=0.01)
    assert np.sqrt(pose.covariance[wrist, 1, 1]) == pytest.approx(2, rel=0.01)
    moved = pose.points[LANDMARK_INDEX["left_index"]] - 7
    assert moved == pytest.approx(points[_WRIST] - elsewhere[_WRIST]), "fingers go with the wrist"
    reverse, _ = fused(_pose(elsewhere), _keypoints(points, confidence=0.3), _SCALE)
    assert reverse.points[wrist] == pytest.approx(elsewhere[_WRIST])


def test_a_pose_of_somebody_else_is_not_the_persons_own(points: np.ndarray) -> None:
    pose, own = fused(_pose(points + [90, 0], confidence=0.8), _keypoints(points), _SCALE)
    assert not own and pose.points[SHARED] == pytest.approx(points)


def test_the_box_of_a_person_is_of_their_large_pieces_and_of_where_they_are_expected(points: np.ndarray) -> None:
    size, masks = (256, 256), np.zeros((2, 256, 256), np.uint8)
    masks[0, 50:100, 60:90] = masks[1, 120:200, 60:90] = 255
    masks[0, 240:242, 5:7] = 255  # a speck
    seen = box_of_mask(masks[0], (512, 256))
    assert seen is not None and seen.tolist() == [120, 50, 180, 100]
    assert box_of_mask(np.zeros((256, 256), np.uint8), size) is None
    body = np.stack([np.full(17, 75.0), np.linspace(52, 150, 17)], 1).astype(np.float32)
    whole = FoundPerson(0.9, np.zeros(4, np.float32), body, np.ones(17, np.float32))
    box = np.array([60, 50, 90, 100], np.float32)
    assert whole_box(box, whole, masks, 0, size).tolist() == [60, 50, 90, 150]
    assert whole_box(box, whole, masks[::-1].copy(), 0, size).tolist() == box.tolist(), "that skeleton is the other's"
    assert whole_box(box, None, masks, 0, size) is box


def _tracks(frames: int) -> list[Track[Sighting]]:
    """Of two who cross; alone in the picture they are clear."""
    found: list[Track[Sighting]] = []
    everyone = crossing(frames)
    for person in (0, 1):
        track: Track[Sighting] = Track()
        for step, both in enumerate(everyone):
            share = (visible(both, (320, 240))[person] > 0).mean() / max(
                (visible(both, (320, 240))[0] > 0).mean(), 1e-9
            )
            body, sure = both[person], np.full(17, 0.9 * share, np.float32)
            sighting = FoundPerson(0.9, np.concatenate([body.min(0), body.max(0)]), body, sure)
            track.seen[step] = Sighting(sighting, np.zeros((3, 33), np.float32), True)
        found.append(track)
    return found


def _findings(frames: int, first: int = 0) -> list[FrameFindings]:
    return [FrameFindings(first + k, k / 25, k == 3, (), np.eye(3), False) for k in range(frames)]


def test_people_are_shown_to_sam_where_they_are_apart_and_where_the_user_clicked(tmp_path: Path) -> None:
    tracks = _tracks(20)
    values = {step: showing(tracks, step) for step in range(20)}
    assert starting_step(values) == 0 and min(values, key=lambda step: values[step]) in (9, 10)
    clip = write_crossing(tmp_path / "crossing.mp4", crossing(20))
    steps = ClipSteps(clip, _findings(20), 0)
    body = tracks[1].seen[2].middle
    marks = PersonMark(0, 10, 10, 90, 200), PersonMark(2, *body.tolist(), *body.tolist())
    prompts = prompts_by_step(steps, tracks, marks, 0)
    assert set(prompts) == {0, 2}, "a box has chosen its track already; a click says more"
    assert prompts[2][1].clicks == pytest.approx(body[None]) and len(prompts[2][0].clicks) == 0
    assert prompts[2][0].not_here == pytest.approx(body[None]), "where one is the other is not"
    middle = prompts_by_step(steps, tracks, None, 10)[10]
    assert all(len(prompt.not_here) == 1 for prompt in middle), "each stands within the other's box"


def test_a_clip_is_gone_through_backwards_in_blocks_and_repeated_frames_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_crossing(tmp_path / "crossing.mp4", crossing(20))
    monkeypatch.setattr(tracker, "_MOST_BYTES", 1)
    steps = ClipSteps(clip, _findings(20), -2)
    forward, backward = dict(steps.forward(-2)), dict(steps.backward(17))
    assert list(forward) == [-2, -1, 0, *range(2, 18)] and list(backward) == list(forward)[::-1]
    assert all(np.array_equal(forward[step], backward[step]) for step in forward)

    def cancel() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        next(ClipSteps(clip, _findings(20), -2, cancel).backward(17))
    assert steps.position(-2) == "frame 1 of 18" and steps.position(17) == "frame 18 of 18"
