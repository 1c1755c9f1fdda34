"""The parts of the 2D stage on made-up skeletons and pictures, where the right answer is known."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from core.clip import Frame
from core.contract.errors import UserError
from core.contract.marks import PersonMark
from core.contract.skeleton import LANDMARK_INDEX
from core.perception.appearance import appearance_embedding, appearance_similarity
from core.perception.assignment import UNASSIGNED, assign, same_body, similarity
from core.perception.background import BackgroundMotion, apply_homography, background_lines, displacement
from core.perception.crops import Crop, crop_from_axis, cut_out, put_back, tile_windows, to_crop, to_picture
from core.perception.detections import MASK_WIDTH, Detections
from core.perception.hands import Hand, assign_hands, hands_between
from core.perception.identity import (
    AFTER_EMBRACES,
    choose_marked,
    choose_two,
    mostly_inferred,
    real_people,
    resolve_identities,
)
from core.perception.landmarks import MIRROR, Pose
from core.perception.left_right import with_consistent_sides
from core.perception.linking import link
from core.perception.movenet import SMALL_INPUT_SIZE, FoundPerson
from core.perception.pair_poses import PersonBeside
from core.perception.scan import FrameFindings, Scanner, distinct_people
from core.perception.scene_cuts import SceneCuts
from core.perception.skeletons import SHARED, body_crop, person_of_pose, pose_of_person, with_keypoints
from core.perception.track import Sighting, Track, TrackedPose
from core.perception.truncation import without_truncated_legs

_RATE = 30.0
_SIZE = (640, 360)
_TORSO = 80.0


def _skeleton(x: float, y: float = 180.0, torso: float = _TORSO) -> np.ndarray:
    """float32 [33,2], somebody who stands and faces us, the middle of the torso at (x, y)."""
    places = {
        "nose": (0, -0.85), "ear": (0.1, -0.85), "shoulder": (0.32, -0.5), "elbow": (0.42, 0.1), "wrist": (0.45, 0.6),
        "pinky": (0.47, 0.75), "index": (0.44, 0.75), "thumb": (0.4, 0.7), "hip": (0.2, 0.5), "knee": (0.2, 1.35),
        "ankle": (0.2, 2.2), "heel": (0.18, 2.3), "foot_index": (0.24, 2.35),
    }  # fmt: skip
    points = np.zeros((33, 2), np.float32)
    for name, index in LANDMARK_INDEX.items():
        part = name.removeprefix("left_").removeprefix("right_")
        across, down = places.get(part, (0.0, -0.85))
        # We see a person who faces us mirrored: their left is at our right.
        points[index] = (across if name.startswith("left_") else -across, down)
    return points * torso + np.array([x, y], np.float32)


_COVARIANCE = np.tile(np.eye(2, dtype=np.float32), (33, 1, 1))


def _pose(x: float, quality: float = 0.9, points: np.ndarray | None = None) -> Pose:
    crop = Crop(x, 180, 300)
    points = _skeleton(x) if points is None else points
    ones = np.ones(33, np.float32)
    world = np.zeros((33, 3), np.float32)
    return Pose(crop, crop, quality, points, ones, ones, ones, world, np.zeros((0, 0), np.uint8), _COVARIANCE)


def _person(x: float, score: float = 0.9, quality: float = 0.9, torso: float = _TORSO, y: float = 180.0) -> FoundPerson:
    points = _skeleton(x, y, torso)[SHARED]
    box = np.concatenate([points.min(0), points.max(0)])
    return FoundPerson(score, box, points, np.full(17, quality, np.float32))


def _appearance(shade: int) -> np.ndarray:
    appearance = np.zeros((3, 33), np.float32)
    appearance[:, shade] = 0.5
    appearance[:, 8 + 12] = 0.5
    return appearance


def _track(
    places: dict[int, float], shade: int | dict[int, int], quality: float = 0.9, torso: float = _TORSO
) -> Track[Sighting]:
    shades = shade if isinstance(shade, dict) else dict.fromkeys(places, shade)
    return Track(
        {k: Sighting(_person(x, 0.9, quality, torso), _appearance(shades[k]), True) for k, x in places.items()}
    )


def _observed(pose: Pose) -> TrackedPose:
    return TrackedPose(pose, _appearance(1), 0.9, b"")


def _hand(x: float, y: float, right: float, score: float = 0.9) -> Hand:
    points = np.array([x, y], np.float32) + np.random.default_rng(0).uniform(-8, 8, (21, 2)).astype(np.float32)
    points[0] = (x, y)
    return Hand(points, np.zeros((21, 3), np.float32), score, right, Crop(x, y, 40))


# Crops


@pytest.mark.parametrize("angle", [0.0, 0.7, -2.5])
def test_a_patch_shows_the_crop_and_can_be_put_back(angle: float) -> None:
    image = np.zeros((360, 640, 3), np.uint8)
    cv2.circle(image, (400, 200), 12, (255, 255, 255), -1)
    crop = Crop(380, 190, 160, angle)
    patch = cut_out(image, crop, 256, replicate=False)
    y, x = np.argwhere(patch[..., 0] > 127).mean(0)
    assert np.allclose(to_picture(crop, np.array([x, y]) / 256), [400, 200], atol=1.0)
    back = put_back(patch[..., 0], crop, _SIZE, 320)
    assert back.shape == (180, 320)
    y, x = np.argwhere(back > 127).mean(0)
    assert (x, y) == pytest.approx((200, 100), abs=1.0)


def test_a_crop_stands_with_the_body() -> None:
    lying = crop_from_axis(np.array([100.0, 100.0]), np.array([160.0, 100.0]), 1.25)
    assert lying.size == pytest.approx(150)
    assert np.allclose(to_picture(lying, np.array([0.5, 0.0])), [175, 100])  # the head is at our right


@pytest.mark.parametrize("size", [(640, 360), (360, 640), (500, 500), (101, 77)])
@pytest.mark.parametrize("fraction", [0.6, 0.4])
def test_tiles_cover_the_picture(size: tuple[int, int], fraction: float) -> None:
    covered = np.zeros((size[1], size[0]), bool)
    for tile in tile_windows(*size, fraction):
        left, top = max(0, round(tile.x - tile.size / 2)), max(0, round(tile.y - tile.size / 2))
        covered[top : round(tile.y + tile.size / 2), left : round(tile.x + tile.size / 2)] = True
    assert covered.all()


# Whose skeleton is it


def _compare(*people: FoundPerson) -> tuple[np.ndarray, np.ndarray]:
    return similarity(people, people), same_body(people, people)


def test_skeletons_agree_with_themselves_and_not_with_a_neighbours() -> None:
    alike, _ = _compare(_person(200), _person(202), _person(330))
    assert alike[0, 0] == pytest.approx(1)
    assert alike[0, 1] > 0.95
    assert alike[0, 2] < 0.05


def test_a_skeleton_on_anothers_trunk_is_of_the_same_body_even_with_limbs_of_its_own() -> None:
    invented = _person(200)
    invented.points[[7, 8, 9, 10, 13, 14, 15, 16]] += np.array([90, -60], np.float32)
    alike, one_body = _compare(_person(200), invented)
    assert alike[0, 1] < 0.5
    assert one_body[0, 1] > 0.9


def test_two_people_do_not_share_one_body() -> None:
    _, one_body = _compare(_person(200), _person(205), _person(330))
    values = np.array([[2.6, 2.5, -np.inf], [2.4, 2.45, 1.5]])
    assert assign(values, one_body, 0.9) == [0, 2]


def test_who_is_hidden_has_no_candidate() -> None:
    _, one_body = _compare(_person(200), _person(205))
    assert assign(np.array([[2.6, 2.5], [1.8, 1.9]]), one_body, 0.9) == [0, UNASSIGNED]


def test_nobody_is_found_in_an_empty_picture() -> None:
    assert assign(np.zeros((2, 0)), np.zeros((0, 0)), 0.9) == [UNASSIGNED, UNASSIGNED]


def test_somebody_who_is_found_in_two_windows_is_one_person() -> None:
    clear, again, other = _person(200), _person(203, score=0.5), _person(300, score=0.6)
    assert distinct_people([again, other, clear]) == [clear, other]


# Keypoints and landmarks


def test_a_pose_and_its_keypoints_are_the_same_points() -> None:
    pose = _pose(200)
    person = person_of_pose(pose)
    back = pose_of_person(person, np.full(17, 0.6), pose.world)
    assert np.allclose(back.points[SHARED], pose.points[SHARED])
    assert back.visibility[SHARED] == pytest.approx(0.6)
    thumb, wrist = LANDMARK_INDEX["left_thumb"], LANDMARK_INDEX["left_wrist"]
    assert np.allclose(back.points[thumb], pose.points[wrist]) and back.visibility[thumb] == 0


def test_the_crop_of_a_person_holds_all_of_them_and_stands_with_them() -> None:
    crop = body_crop(_person(200))
    places = to_crop(crop, _skeleton(200))
    assert places.min() > 0 and places.max() < 1
    assert abs(crop.angle) < 0.01
    assert np.allclose(to_picture(crop, places), _skeleton(200), atol=0.01)


def test_keypoints_that_replace_landmarks_take_the_fingers_along() -> None:
    pose, person = _pose(200), _person(200)
    wrist, thumb = LANDMARK_INDEX["left_wrist"], LANDMARK_INDEX["left_thumb"]
    replaced = np.equal(SHARED, wrist)
    person.points[replaced] += (30, 10)
    changed = with_keypoints(pose, person, replaced, np.where(replaced, 0.4, 1.0))
    assert changed.points[wrist] - pose.points[wrist] == pytest.approx([30, 10])
    assert changed.points[thumb] - pose.points[thumb] == pytest.approx([30, 10])
    assert changed.visibility[wrist] == pytest.approx(0.4) and changed.visibility[thumb] == 0
    untouched = np.setdiff1d(
        np.arange(33), [wrist, *(LANDMARK_INDEX[f"left_{n}"] for n in ("thumb", "index", "pinky"))]
    )
    assert np.allclose(changed.points[untouched], pose.points[untouched])
    assert np.allclose(changed.visibility[untouched], 1)


# Left and right


def _exchanged(pose: Pose) -> Pose:
    return replace(pose, points=pose.points[MIRROR])


def _x_of_left_wrist(track: Track[TrackedPose]) -> list[float]:
    wrist = LANDMARK_INDEX["left_wrist"]
    return [float(seen.pose.points[wrist, 0]) for _, seen in sorted(track.seen.items())]


def test_sides_that_were_exchanged_for_some_frames_are_put_right() -> None:
    track = Track({k: _observed(_pose(200.0 + k)) for k in range(60)})
    before = _x_of_left_wrist(track)
    for step in range(20, 35):
        track.seen[step] = replace(track.seen[step], pose=_exchanged(track.seen[step].pose))
    assert _x_of_left_wrist(with_consistent_sides(track)) == pytest.approx(before)


def test_a_person_who_turns_round_keeps_the_new_naming() -> None:
    """Sides cross slowly while somebody turns: nothing jumps, and nothing is exchanged."""
    track: Track[TrackedPose] = Track()
    for step in range(60):
        points = _skeleton(0)
        points[:, 0] = 200 + points[:, 0] * np.cos(np.pi * step / 59)
        track.seen[step] = _observed(_pose(200, points=points))
    assert _x_of_left_wrist(with_consistent_sides(track)) == pytest.approx(_x_of_left_wrist(track))


# Appearance


def _leg_visibility(y: float, squeezed: float = 1.0) -> np.ndarray:
    """float [3], of the left hip, knee and ankle of somebody whose legs are found that much shorter than they are."""
    points = _skeleton(300, y)
    hip = points[LANDMARK_INDEX["left_hip"], 1]
    legs = [index for name, index in LANDMARK_INDEX.items() if name.endswith(("knee", "ankle", "heel", "foot_index"))]
    points[legs, 1] = hip + squeezed * (points[legs, 1] - hip)
    track = Track({0: TrackedPose(_pose(300, points=points), np.zeros((3, 33), np.float32), 0.9, b"")})
    pose = without_truncated_legs(track, _SIZE).seen[0].pose
    return pose.visibility[[LANDMARK_INDEX[f"left_{part}"] for part in ("hip", "knee", "ankle")]]


def test_legs_that_a_network_squeezes_into_a_medium_shot_do_not_count_as_seen() -> None:
    hip, knee, ankle = _leg_visibility(y=295, squeezed=0.17)  # all of the legs in the lowest 25 px of 360
    assert hip == 1
    assert knee < 0.05 and ankle < 0.05


def test_an_ankle_cut_off_at_the_shin_leaves_the_knee_seen() -> None:
    points = _skeleton(300, 215)
    points[LANDMARK_INDEX["left_ankle"], 1] = 357
    track = Track({0: TrackedPose(_pose(300, points=points), np.zeros((3, 33), np.float32), 0.9, b"")})
    visibility = without_truncated_legs(track, _SIZE).seen[0].pose.visibility
    assert visibility[LANDMARK_INDEX["left_knee"]] > 0.9
    assert visibility[LANDMARK_INDEX["left_ankle"]] < 0.3


def test_whole_people_are_seen_wherever_they_stand_and_so_are_bent_legs() -> None:
    assert (_leg_visibility(y=170) == 1).all()  # 14 px above the edge
    assert (_leg_visibility(y=150, squeezed=0.4) == 1).all()  # crouches in the middle


def test_clothes_tell_people_apart() -> None:
    image = np.full((360, 640, 3), 128, np.uint8)
    image[:, 100:300] = (200, 30, 30)
    image[:, 400:600] = (30, 30, 200)
    red, red_again, blue = (appearance_embedding(image, _person(x)) for x in (200, 210, 500))
    assert np.allclose(red.sum(1), 1)
    assert appearance_similarity(red, red_again) > 0.99
    assert appearance_similarity(red, blue) < 0.6


def test_who_is_barely_seen_looks_like_nobody_in_particular() -> None:
    assert appearance_similarity(np.zeros((3, 33), np.float32), _appearance(3)) == 0.5


# From frame to frame


def _findings(*frames: list[tuple[float, int]], cut: int | None = None) -> list[FrameFindings]:
    """Frames with people at (x, shade)."""
    return [
        FrameFindings(
            k, k / 25, False, tuple(Sighting(_person(x), _appearance(s), True) for x, s in people), np.eye(3), k == cut
        )
        for k, people in enumerate(frames)
    ]


def test_people_are_linked_from_frame_to_frame_by_place_and_clothes() -> None:
    frames = [[(200 + 5.0 * k, 1), (400 - 5.0 * k, 6)][:: 1 if k % 2 else -1] for k in range(40)]
    tracks = link(_findings(*frames), _RATE)
    assert sorted(len(track.seen) for track in tracks) == [40, 40]
    for track in tracks:
        assert len({int(seen.appearance[0].argmax()) for seen in track.seen.values()}) == 1


def test_somebody_who_is_hidden_for_some_frames_keeps_their_track() -> None:
    frames = [[(200.0, 1), (300.0, 6)] if not 10 <= k < 18 else [(200.0, 1)] for k in range(30)]
    assert sorted(len(track.seen) for track in link(_findings(*frames), _RATE)) == [22, 30]


@pytest.mark.parametrize(("rate", "kept"), [(15.0, False), (30.0, True), (60.0, True)])
def test_how_long_somebody_may_be_hidden_is_counted_in_seconds(rate: float, kept: bool) -> None:
    """Hidden for ten frames: two thirds of a second, a third, or a sixth."""
    frames = [[(200.0, 1), (300.0, 6)] if not 10 <= k < 20 else [(200.0, 1)] for k in range(30)]
    assert len(link(_findings(*frames), rate)) == (2 if kept else 3)


def test_nobody_is_followed_across_a_cut() -> None:
    tracks = link(_findings(*[[(200.0, 1)]] * 20, cut=12), _RATE)
    assert sorted((track.first, track.last) for track in tracks) == [(0, 11), (12, 19)]


def test_two_who_are_seen_equally_well_are_both_followed_no_farther_than_a_cut() -> None:
    tracks = link(_findings(*[[(200.0, 1), (400.0, 6)]] * 20, cut=12), _RATE)
    assert sorted((track.first, track.last) for track in tracks) == [(0, 11), (0, 11), (12, 19), (12, 19)]
    assert [tracks.index(track) for track in tracks] == [0, 1, 2, 3]


def test_in_frames_without_detection_people_are_between_the_detections() -> None:
    looks = _findings(*[[(200 + 10.0 * k, 1), (500.0, 6)] if k < 8 else [(200 + 10.0 * k, 1)] for k in range(13)])
    findings = [found if k % 4 == 0 else replace(found, sightings=(), searched=False) for k, found in enumerate(looks)]
    walking, standing = sorted(link(findings, _RATE), key=lambda track: -len(track.seen))
    assert list(walking.seen) == list(range(13))
    for step, seen in walking.seen.items():
        np.testing.assert_allclose(seen.middle, looks[step].sightings[0].middle, atol=0.01)
    # nobody knows where somebody is after the last look that shows them
    assert list(standing.seen) == list(range(5))


def test_the_first_pass_looks_at_some_frames_and_where_it_is_told_to() -> None:
    asked: list[list[float]] = []

    class Nobody:
        at_once = 2

        def find_everywhere(self, images: Sequence[np.ndarray]) -> list[list[FoundPerson]]:
            asked.append([float(image[0, 0, 0]) for image in images])
            return [[] for _ in images]

        def find(self, image: np.ndarray, windows: list[Crop], side: int = 0) -> list[Any]:
            return [([], None) for _ in windows]

    networks: Any = SimpleNamespace(people=Nobody())
    scanner = Scanner(networks, (64, 36), stride=3)
    frames = [Frame(k, k / 30, np.full((36, 64, 3), k, np.uint8), duplicate=k == 5) for k in range(8)]
    shown, found = zip(*scanner.scan(frames, always=(7,)))
    assert (
        [frame.index for frame in shown] == list(range(8))
        and asked == [[0, 3], [7]]
        and [one.searched for one in found] == [True, *[False] * 2, True, *[False] * 3, True]
    )
    assert found[5].duplicate and [one.index for one in found] == list(range(8))


def test_a_picture_that_stands_still_is_in_memory_once() -> None:
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def still() -> Iterator[Frame]:
        nonlocal most
        for k in range(50):
            image = np.full((36, 64, 3), 9, np.uint8)
            alive.append(weakref.ref(image))
            yield Frame(k, k / 30, image, duplicate=k > 0)
            del image
            most = max(most, sum(reference() is not None for reference in alive))

    networks: Any = SimpleNamespace(people=_Crowd())
    networks.people.at_once = 4
    shown = [
        (frame.index, found.duplicate) for frame, found in Scanner(networks, (64, 36)).scan(still(), pictured=(25,))
    ]
    assert shown == [(k, k > 0) for k in range(50)]
    assert most <= 4


class _Crowd:
    """Finds the same people in the whole picture and in every window, and counts the windows."""

    def __init__(self, *everywhere: FoundPerson) -> None:
        self.everywhere, self.windows = list(everywhere), 0
        self.at_once = 1

    def find_everywhere(self, images: Sequence[np.ndarray]) -> list[list[FoundPerson]]:
        return [self.everywhere for _ in images]

    def find(self, _: np.ndarray, windows: list[Crop], side: int = 0) -> list[Any]:
        self.windows += len(windows) if side == SMALL_INPUT_SIZE else 0
        return [([], None) for _ in windows]


def test_the_first_pass_asks_for_whoever_hides_behind_the_only_person(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = PersonBeside(_person(240, score=0.6, quality=0.6), 0.5)
    asked: list[FoundPerson] = []

    def beside(_: Any, image: np.ndarray, person: FoundPerson, maps: Any) -> PersonBeside:
        asked.append(person)
        return hidden

    monkeypatch.setattr("core.perception.scan.person_beside", beside)
    frame = Frame(0, 0.0, np.zeros((360, 640, 3), np.uint8), duplicate=False)
    for people in ([_person(200)], [_person(200), _person(400)]):
        networks: Any = SimpleNamespace(people=_Crowd(*people), pair=None)
        [(_, found)] = Scanner(networks, (640, 360)).scan([frame])
        assert [sighting.is_inferred for sighting in found.sightings] == [False, len(people) == 1]
    assert len(asked) == 1 and asked[0].points[0, 0] == pytest.approx(200)
    hidden = replace(hidden, visibility=0.1)
    alone: Any = SimpleNamespace(people=_Crowd(_person(200)), pair=None)
    [(_, found)] = Scanner(alone, (640, 360)).scan([frame])
    assert len(found.sightings) == 1


def test_small_people_are_looked_at_closely_only_while_the_whole_picture_shows_them_less_clearly() -> None:
    small = [_person(x, torso=20.0, y=100.0) for x in (200, 400)]
    crowd = _Crowd(*small)
    networks: Any = SimpleNamespace(people=crowd, pair=None)
    scanner = Scanner(networks, (1280, 720))
    frames = [Frame(k, k / 10, np.full((720, 1280, 3), k, np.uint8), duplicate=False) for k in range(3)]
    scanned = scanner.scan(frames)
    for _ in frames[:2]:
        next(scanned)
    assert crowd.windows == 0
    crowd.everywhere = [replace(person, confidence=np.full(17, 0.2, np.float32)) for person in small]
    next(scanned)
    assert crowd.windows > 0


def test_who_was_only_inferred_must_be_there_for_longer() -> None:
    seen, inferred = _track(dict.fromkeys(range(100), 200.0), 1), _track(dict.fromkeys(range(40, 60), 260.0), 6)
    assert len(real_people([seen, inferred], 100)) == 2
    unsure = Track({k: replace(sighting, is_inferred=True) for k, sighting in inferred.seen.items()})
    assert real_people([seen, unsure], 100) == [seen] and len(real_people([seen, unsure], 60)) == 2
    assert mostly_inferred(unsure) and not mostly_inferred(seen)


def test_what_was_inferred_in_a_few_frames_makes_nobody_of_a_doubtful_track() -> None:
    track = _track(dict.fromkeys(range(5), 200.0), 1)
    doubtful = {
        k: replace(s, person=replace(s.person, score=0.3, confidence=np.full(17, 0.22, np.float32)))
        for k, s in track.seen.items()
    }
    sure = replace(track.seen[4], is_inferred=True)
    assert real_people([Track(doubtful | {5: sure})], 20) == []
    assert len(real_people([Track(doubtful | dict.fromkeys(range(5, 10), sure))], 20)) == 1


def test_somebody_who_is_surely_there_is_a_person_though_half_of_the_limbs_are_outside_the_picture() -> None:
    def track(score: float) -> Track[Sighting]:
        person = _person(300, score=score, quality=0.2)
        return Track({step: Sighting(person, np.zeros((3, 33), np.float32), True) for step in range(20)})

    assert len(real_people([track(0.9), track(0.3)], 20)) == 1


def test_hands_that_were_not_looked_for_are_between_those_that_were() -> None:
    def hand(x: float) -> Hand:
        return Hand(np.full((21, 2), x, np.float32), np.zeros((21, 3), np.float32), 0.9, 0.5, Crop(x, 0, 30))

    one, both = {(0, 0): hand(10)}, {(0, 0): hand(14), (1, 1): hand(80)}
    filled = hands_between([one, None, both, None])
    assert filled[0] == one and filled[2] == both
    assert list(filled[1]) == [(0, 0)] and filled[1][0, 0].points[0, 0] == 12
    assert filled[3] == {}


def test_steps_count_from_the_given_one() -> None:
    (track,) = link(_findings(*[[(200.0, 1)]] * 5), _RATE, first_step=-3)
    assert (track.first, track.last) == (-3, 1)


# Identity over the clip


def test_a_track_that_broke_is_joined() -> None:
    still = _track(dict.fromkeys(range(100), 500.0), shade=6)
    before, after = _track(dict.fromkeys(range(40), 200.0), 1), _track(dict.fromkeys(range(55, 100), 220.0), 1)
    tracks = resolve_identities([before, still, after], _RATE)
    assert len(tracks) == 2
    assert len(tracks[1].seen) == 85


def test_a_track_that_went_astray_for_long_is_joined_after_an_embrace_only() -> None:
    def tracks() -> list[Track[Sighting]]:
        still = _track(dict.fromkeys(range(150), 250.0), shade=6)
        astray, found_again = (_track(dict.fromkeys(steps, 200.0), 1) for steps in (range(90), range(50, 150)))
        return [still, astray, found_again]

    assert [len(track.seen) for track in resolve_identities(tracks(), _RATE)][:2] == [150, 100]
    assert [len(track.seen) for track in resolve_identities(tracks(), _RATE, AFTER_EMBRACES)][:2] == [150, 150]


@pytest.mark.parametrize(
    ("x", "torso", "joined"),
    [(220.0, 80.0, True), (220.0, 55.0, True), (220.0, 22.0, False), (450.0, 55.0, False)],
    ids=["same place", "further away", "another one at the far wall", "too far for somebody that small"],
)
def test_somebody_of_another_size_is_another_person(x: float, torso: float, joined: bool) -> None:
    before = _track(dict.fromkeys(range(40), 200.0), 1)
    after = _track(dict.fromkeys(range(52, 100), x), 1, torso=torso)
    assert len(resolve_identities([before, after], _RATE)) == (1 if joined else 2)


def test_nobody_comes_back_at_the_other_end_of_the_picture_however_long_they_are_away() -> None:
    before, after = _track(dict.fromkeys(range(40), 50.0), 1), _track(dict.fromkeys(range(140, 200), 600.0), 1)
    assert len(resolve_identities([before, after], _RATE)) == 2


def test_a_person_is_not_linked_to_one_of_a_third_of_the_size() -> None:
    near, far = Sighting(_person(200.0), _appearance(1), True), Sighting(_person(210.0, torso=26), _appearance(1), True)
    findings = [
        FrameFindings(k, k / 25, False, (near if k < 10 else far,), np.eye(3), False) for k in range(20) if k != 10
    ]
    assert sorted(len(track.seen) for track in link(findings, _RATE)) == [9, 10]


def test_the_first_two_frames_of_a_person_are_kept_and_lone_ones_are_not() -> None:
    glimpse, person = _track({3: 60.0, 4: 70.0}, 1), _track({k: 50.0 + 10 * k for k in range(7, 60)}, 1)
    (track,) = resolve_identities([person, glimpse, _track({20: 500.0, 21: 500.0}, 6), _track({41: 480.0}, 1)], _RATE)
    assert track.first == 3 and len(track.seen) == 55


def test_different_looks_are_not_joined() -> None:
    assert (
        len(
            resolve_identities(
                [_track(dict.fromkeys(range(40), 200.0), 1), _track(dict.fromkeys(range(45, 90), 200.0), 6)],
                _RATE,
            )
        )
        == 2
    )


def test_people_exchanged_while_they_crossed_are_put_right() -> None:
    """Two people walk through each other; the tracker let each go back to where it came from."""
    steps = range(100)
    left = {k: 320 - abs(k - 50) * 5.0 for k in steps}
    right = {k: 320 + abs(k - 50) * 5.0 for k in steps}
    a = _track(left, {k: 1 if k < 50 else 6 for k in steps})
    b = _track(right, {k: 6 if k < 50 else 1 for k in steps})
    first, second = resolve_identities([a, b], _RATE)
    for track, shade in ((first, 1), (second, 6)):
        assert all(seen.appearance[0, shade] > 0 for step, seen in track.seen.items() if abs(step - 50) > 3)
    assert first.seen[0].person.points[0, 0] < 320 < first.seen[99].person.points[0, 0]


def test_people_who_meet_and_part_again_keep_their_names() -> None:
    steps = range(100)
    a = _track({k: 320 - abs(k - 50) * 5.0 for k in steps}, 1)
    b = _track({k: 320 + abs(k - 50) * 5.0 for k in steps}, 6)
    first, _ = resolve_identities([a, b], _RATE)
    assert first.seen[0].person.points[0, 0] < 320 > first.seen[99].person.points[0, 0]


def test_the_two_who_are_together_are_chosen_left_one_first() -> None:
    steps = range(60)
    bystander = _track(dict.fromkeys(steps, 20.0), 3, quality=0.5)
    right, left = _track(dict.fromkeys(steps, 400.0), 1), _track(dict.fromkeys(range(50), 300.0), 6)
    assert choose_two([right, left, bystander], 60, None) == (1, 0)


def test_the_users_choice_stands() -> None:
    detections = [_track(dict.fromkeys(range(60), x), 1) for x in (400.0, 300.0, 20.0)]
    assert choose_two(detections, 60, (2, 0)) == (2, 0)
    for people in ((0, 3), (1, 1), (-1, 0)):
        with pytest.raises(UserError) as caught:
            choose_two(detections, 60, people)
        assert caught.value.code == "bad-people"


def test_who_is_clicked_on_or_boxed_is_chosen() -> None:
    tracks = [_track(dict.fromkeys(range(20), x), 1) for x in (100.0, 300.0, 500.0)]
    box = _person(100).box
    marks = (PersonMark(12, 505, 150, 505, 150), PersonMark(10, *(float(side) for side in box)))
    assert choose_marked(tracks, 5, marks, _RATE) == (2, 0)
    for wrong in (marks[0], PersonMark(12, 10, 10, 10, 10), replace(marks[1], frame=90)):
        with pytest.raises(UserError) as caught:
            choose_marked(tracks, 5, (marks[0], wrong), _RATE)
        assert caught.value.code == "bad-people"


def test_three_who_are_close_are_not_chosen_from_without_the_user() -> None:
    tracks = [_track(dict.fromkeys(range(60), x), 1) for x in (200.0, 300.0, 400.0)]
    with pytest.raises(UserError) as caught:
        choose_two(tracks, 60, None)
    assert caught.value.code == "ambiguous-people" and "0 and 1" in caught.value.message
    assert choose_two(tracks, 60, (1, 2)) == (1, 2)
    again = [*tracks[:2], _track(dict.fromkeys(range(60), 202.0), 1)]  # the first person, found twice
    assert set(choose_two(again, 60, None)) in ({0, 1}, {1, 2})


@pytest.mark.parametrize(
    ("detections", "code"),
    [
        ([], "nobody"),
        ([_track({0: 200.0, 1: 200.0}, 1)], "nobody"),
        ([_track(dict.fromkeys(range(100), 200.0), 1)], "one-person"),
        ([_track(dict.fromkeys(range(100), 200.0), 1), _track({0: 300.0, 1: 300.0}, 6)], "one-person"),
        ([_track(dict.fromkeys(range(50), 200.0), 1), _track(dict.fromkeys(range(50, 100), 300.0), 6)], "one-person"),
    ],
)
def test_fewer_than_two_people_are_named(detections: list[Track[Sighting]], code: str) -> None:
    with pytest.raises(UserError) as caught:
        choose_two(detections, 100, None)
    assert caught.value.code == code and caught.value.hint


# Ambiguous landmarks


# Hands


def test_hands_go_to_the_nearest_fitting_slots() -> None:
    people = {0: _pose(200), 1: _pose(330)}
    a, b = _skeleton(200), _skeleton(330)
    places = {(p, s): skeleton[LANDMARK_INDEX[f"{side}_wrist"]] for p, skeleton in enumerate((a, b))
              for s, side in enumerate(("left", "right"))}  # fmt: skip
    hands = {slot: _hand(*(place + 4), right=0.9 * slot[1] + 0.05) for slot, place in places.items()}
    assert assign_hands(people, list(hands.values())[::-1], {}) == hands


def test_the_side_of_a_hand_settles_who_holds_whom() -> None:
    """Two hands clasped at one place between two people: the left one belongs to the left hand of one of them."""
    a, b = _skeleton(200), _skeleton(330)
    meet = (a[LANDMARK_INDEX["left_wrist"]] + b[LANDMARK_INDEX["right_wrist"]]) / 2
    left, right = _hand(*meet, right=0.05), _hand(*(meet + 3), right=0.95)
    assert assign_hands({0: _pose(200), 1: _pose(330)}, [right, left], {}) == {(0, 0): left, (1, 1): right}


def test_time_settles_a_tie() -> None:
    people = {0: _pose(200)}
    middle = _hand(200, 235, right=0.5)
    before = replace(middle, points=middle.points + 1)
    assert assign_hands(people, [middle], {(0, 1): before}) == {(0, 1): middle}
    assert assign_hands(people, [middle], {(0, 0): before}) == {(0, 0): middle}


@pytest.mark.parametrize("landmark", ["nose", "left_foot_index"])
def test_faces_and_feet_are_no_hands(landmark: str) -> None:
    x, y = _skeleton(200)[LANDMARK_INDEX[landmark]]
    assert assign_hands({0: _pose(200)}, [_hand(x, y, right=0.9)], {}) == {}


def test_a_hand_out_of_reach_is_nobodys() -> None:
    assert assign_hands({0: _pose(200)}, [_hand(420, 200, right=0.05)], {}) == {}


# Camera


def _texture(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(0, 255, (60, 100, 3)).astype(np.uint8)
    return cv2.resize(noise, (1000, 600), interpolation=cv2.INTER_CUBIC)


def test_a_moving_camera_is_measured_and_a_moving_person_is_not() -> None:
    motion, still = BackgroundMotion(), BackgroundMotion()
    texture, nobody = _texture(), np.zeros((90, 160), np.uint8)
    for step in range(30):
        seen = motion.advance(texture[100:460, 100 + 8 * step : 740 + 8 * step], nobody)
        np.testing.assert_allclose(
            apply_homography(seen, np.array([0.5, 0.2])), [0.5 + 8 * step / 640, 0.2], atol=0.004
        )
        assert displacement(seen, 360 / 640) == pytest.approx(8 * step / 640, abs=0.004)
        walking = texture[100:460, 100:740].copy()
        walking[60:340, 16 * step : 16 * step + 120] = _texture(1)[:280, : len(walking[0, 16 * step : 16 * step + 120])]
        people = np.zeros((90, 160), np.uint8)
        people[15:85, 4 * step : 4 * step + 30] = 255
        assert displacement(still.advance(walking, people), 360 / 640) < 0.002


def test_the_motion_of_a_tall_picture_is_in_units_of_its_width() -> None:
    motion, texture = BackgroundMotion(), cv2.resize(_texture(), (600, 1000))
    nobody = np.zeros((160, 90), np.uint8)
    for step in range(4):
        seen = motion.advance(texture[100:740, 100 + 8 * step : 460 + 8 * step], nobody)
        there = apply_homography(seen, np.array([0.5, 0.2]))
        np.testing.assert_allclose(there, [0.5 + 8 * step / 360, 0.2], atol=0.004)


def test_a_background_without_detail_says_nothing() -> None:
    motion = BackgroundMotion()
    for _ in range(3):
        seen = motion.advance(np.full((360, 640, 3), 90, np.uint8), np.zeros((90, 160), np.uint8))
        np.testing.assert_array_equal(seen, np.eye(3))


def test_lines_of_the_background_are_found_and_those_of_people_and_the_border_are_not() -> None:
    picture = np.full((360, 640, 3), 200, np.uint8)
    for x in (100, 400):
        picture[60:300, x : x + 20] = 30
    picture[:, :3] = 0
    people = np.zeros((90, 160), np.uint8)
    people[:, 90:120] = 255  # about the second stripe
    lines = background_lines(picture, people)
    assert len(lines) == 2 and set(np.round(lines[:, [0, 2]].mean(1), -1)) == {100, 120}
    assert np.abs(lines[:, 3] - lines[:, 1]).min() > 200


# Overlay


def test_a_cut_is_found_and_motion_and_a_change_of_light_are_none() -> None:
    cuts = SceneCuts()
    street, hall = _texture(0), np.clip(_texture(5).astype(int) // 3 + (120, 20, 0), 0, 255).astype(np.uint8)
    for step in range(10):
        assert not cuts.is_cut(np.roll(street, 6 * step, 1))
    assert not cuts.is_cut(np.clip(street.astype(int) + 25, 0, 255).astype(np.uint8))
    assert cuts.is_cut(hall)
    assert not cuts.is_cut(hall)
    assert cuts.is_cut(street)


@pytest.fixture
def made_up_pair() -> Detections:
    """Frames 7 and 8; the second person is found in the second frame only."""
    keypoints = np.ones((2, 2, 33, 3), np.float32)
    keypoints[0, ..., :2], keypoints[1, ..., :2] = _skeleton(200), _skeleton(400)
    found = np.array([[True, True], [False, True]])
    return Detections(
        frame_index=np.array([7, 8], np.int32),
        time=np.array([0.28, 0.32]),
        image_size=np.array(_SIZE, np.int32),
        keypoints=keypoints,
        covariance=np.tile(np.eye(2, dtype=np.float32), (2, 2, 33, 1, 1)),
        world_landmarks=np.zeros((2, 2, 33, 3), np.float32),
        found=found,
        hands=np.zeros((2, 2, 2, 21, 3), np.float32),
        hand_landmarks=np.zeros((2, 2, 2, 21, 3), np.float32),
        masks=np.zeros((2, 2, 90, MASK_WIDTH), np.uint8),
        track_ids=np.array([0, 1], np.int32),
        camera_motion=np.zeros(2, np.float32),
    )
