"""Hands: found on small windows about the wrists, followed, and given to a person and a side all together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..contract.skeleton import LANDMARK_INDEX
from .crops import Crop, crop_from_axis, cut_out, rotation, to_picture
from .landmarks import Pose
from .networks import PerceptionNetworks
from .palms import Detection

SIDES = ("left", "right")
_LEAST_PIXELS = 24
"""Hands that are shorter in the picture are not looked for: the network sees nothing in them."""
_HAND_LENGTH = 0.35
"""A hand's length in body scales, roughly."""
_WINDOW = 1.1
"""Body scales."""
_SEARCH_STEPS = 3
"""Between two searches for a hand that was not there; one that was just lost is searched for at once."""
_PALM_THRESHOLD = 0.5
_LEAST_SCORE, _FOLLOW_SCORE = 0.7, 0.5
"""Of a hand that is found anew, and of one that was there in the last frame."""
_PALM_SCALE, _PALM_SHIFT = 2.6, 0.5
_HAND_SCALE, _HAND_SHIFT = 2.0, 0.1
"""MediaPipe's crops: how much larger than the palm's or the hand's box, and how far shifted towards the fingers."""
_ROI_POINTS = [0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18]
"""Landmarks that the next crop is put around: the wrist, the first three of the thumb, the first two of each finger."""
_WRIST, _INDEX, _MIDDLE, _RING = 0, 5, 9, 13
_SAME_HAND = 0.5
"""Hands whose middles are nearer, in sizes of the larger one, are one hand."""
_REACH = 1.35
"""Body scales from the shoulder beyond which a hand cannot be one's own."""
_UNASSIGNED = 1.3
"""What it costs that a person's hand is none of those found; a found one costs by the next four."""
_SIDE_WEIGHT, _REACH_WEIGHT, _WRIST_WEIGHT, _STAY_WEIGHT = 0.35, 0.5, 0.5, 0.4
"""Of being on the wrong side (a logarithm), far from the shoulder, far from the wrist, and of a hand that stays where it was."""
_HEAD_RADIUS = 0.4
_FOOT_RADIUS, _FOOT_DOUBT = 0.3, 1.5
_WRIST_NEAR = 0.35
"""What looks like a hand on a head is a face unless a wrist is this near to it, on a foot unless a wrist is clearly nearer
than the foot. In body scales."""
_HEAD = [LANDMARK_INDEX[name] for name in ("nose", "left_ear", "right_ear")]
_FEET = [[LANDMARK_INDEX[f"{side}_{part}"] for part in ("heel", "foot_index")] for side in SIDES]


@dataclass(frozen=True)
class Hand:
    """What the hand network sees in one crop."""

    points: np.ndarray
    """float32 [21,2] px"""
    world: np.ndarray
    """float32 [21,3] metres, camera axes"""
    score: float
    right: float
    """Probability that it is a right hand."""
    next_crop: Crop

    @property
    def size(self) -> float:
        return float(np.ptp(self.points, 0).max())


class HandTracker:
    """Call `advance` for each frame in order."""

    def __init__(self, networks: PerceptionNetworks) -> None:
        self._networks = networks
        self._last: dict[tuple[int, int], Hand] = {}
        self._steps = 0

    def advance(self, image: np.ndarray, people: Sequence[Pose | None]) -> dict[tuple[int, int], Hand]:
        """The hands in the next frame, by person and side (0 left, 1 right). image uint8 [H,W,3]."""
        tall = {p: pose for p, pose in enumerate(people) if pose and pose.scale * _HAND_LENGTH >= _LEAST_PIXELS}
        followed = self._predict(image, [hand.next_crop for slot, hand in self._last.items() if slot[0] in tall])
        hands = _distinct([hand for hand in followed if hand.score >= _FOLLOW_SCORE])
        assigned = assign_hands(tall, hands, self._last)
        open_slots = [(p, side) for p in tall for side in (0, 1) if (p, side) not in assigned]
        due = [slot for slot in open_slots if slot in self._last or self._steps % _SEARCH_STEPS == 0]
        if due:
            hands = _distinct([*hands, *self._search(image, _windows(tall, due))])
            assigned = assign_hands(tall, hands, self._last)
        self._last = assigned
        self._steps += 1
        return assigned

    def _predict(self, image: np.ndarray, crops: list[Crop]) -> list[Hand]:
        if not crops:
            return []
        network = self._networks.hand
        crops = [crop.snapped() for crop in crops]
        patches = np.stack([cut_out(image, crop, network.size, replicate=True) for crop in crops])
        outputs = network.run(patches.astype(np.float32) / 255)
        return [_decode(crop, network.size, *arrays) for crop, *arrays in zip(crops, *outputs)]

    def _search(self, image: np.ndarray, windows: list[Crop]) -> list[Hand]:
        palms = self._networks.palms.detect(image, windows, _PALM_THRESHOLD)
        first = [hand for hand in self._predict(image, [_palm_crop(p) for p in palms]) if hand.score >= _LEAST_SCORE]
        second = self._predict(image, [hand.next_crop for hand in first])
        return [b if b.score >= a.score - 0.05 else a for a, b in zip(first, second)]


def hands_between(frames: Sequence[dict[tuple[int, int], Hand] | None]) -> list[dict[tuple[int, int], Hand]]:
    """The hands of every frame, interpolated where those of some frames (None) were not searched for."""
    searched = [number for number, hands in enumerate(frames) if hands is not None]
    filled: list[dict[tuple[int, int], Hand]] = []
    for number, hands in enumerate(frames):
        if hands is None:
            start = max((k for k in searched if k < number), default=None)
            end = min((k for k in searched if k > number), default=None)
            before = (frames[start] if start is not None else None) or {}
            after = (frames[end] if end is not None else None) or {}
            fraction = (number - start) / (end - start) if start is not None and end is not None else 0.0
            hands = {slot: _mixed(before[slot], after[slot], fraction) for slot in before.keys() & after.keys()}
        filled.append(hands)
    return filled


def _mixed(a: Hand, b: Hand, fraction: float) -> Hand:
    """A hand at a `fraction` of the way from a to b."""
    points, world = (
        ((1 - fraction) * x + fraction * y).astype(np.float32) for x, y in ((a.points, b.points), (a.world, b.world))
    )
    return replace(b, points=points, world=world, score=min(a.score, b.score))


def assign_hands(
    people: dict[int, Pose], hands: Sequence[Hand], last: dict[tuple[int, int], Hand]
) -> dict[tuple[int, int], Hand]:
    """Give hands to (person, side) so that the sum of costs is least; each slot and each hand at most once.

    Costs in body scales: distance from the skeleton's wrist and from the shoulder, the network's opinion of the side, and
    a discount for the hand that the slot had in `last`. What lies on a head or a foot and far from any wrist is no
    hand.
    """
    hands = [hand for hand in hands if not _is_no_hand(hand, people)]
    slots = [(person, side) for person in people for side in (0, 1)]
    if not slots or not hands:
        return {}
    cost = np.full((len(slots), len(hands) + len(slots)), 1e3)
    for row, slot in enumerate(slots):
        cost[row, len(hands) + row] = _UNASSIGNED
        for column, hand in enumerate(hands):
            cost[row, column] = _cost(people[slot[0]], slot[1], hand, last.get(slot))
    rows, columns = linear_sum_assignment(cost)
    return {slots[row]: hands[column] for row, column in zip(rows, columns) if column < len(hands)}


def _cost(pose: Pose, side: int, hand: Hand, before: Hand | None) -> float:
    wrist, scale = hand.points[_WRIST], pose.scale
    reach = _distance(wrist, pose, f"{SIDES[side]}_shoulder") / scale
    if reach > _REACH:
        return 1e3
    to_wrist = _distance(wrist, pose, f"{SIDES[side]}_wrist") / scale
    likely = hand.right if side else 1 - hand.right
    cost = _WRIST_WEIGHT * to_wrist + _REACH_WEIGHT * reach - _SIDE_WEIGHT * np.log(np.clip(likely, 0.02, 1))
    if before is not None:
        moved = np.linalg.norm(hand.points.mean(0) - before.points.mean(0)) / scale
        cost -= _STAY_WEIGHT * np.exp(-((moved / 0.2) ** 2))
    return float(cost)


def _is_no_hand(hand: Hand, people: dict[int, Pose]) -> bool:
    """Faces and bare feet look like hands to the network: a hand there must have somebody's wrist near it."""
    middle = hand.points.mean(0)
    to_wrist = min(
        _distance(hand.points[_WRIST], p, f"{side}_wrist") / p.scale for p in people.values() for side in SIDES
    )
    for pose in people.values():
        to_head = float(np.linalg.norm(middle - pose.points[_HEAD].mean(0))) / pose.scale
        to_foot = min(float(np.linalg.norm(middle - pose.points[foot].mean(0))) for foot in _FEET) / pose.scale
        if (to_head < _HEAD_RADIUS and to_wrist > _WRIST_NEAR) or to_foot < min(_FOOT_RADIUS, _FOOT_DOUBT * to_wrist):
            return True
    return False


def _distance(point: np.ndarray, pose: Pose, landmark: str) -> float:
    return float(np.linalg.norm(point - pose.points[LANDMARK_INDEX[landmark]]))


def _windows(people: dict[int, Pose], slots: list[tuple[int, int]]) -> list[Crop]:
    """Where to search for the hands of the slots: around the knuckles of the skeleton, one window for hands together."""
    windows: list[Crop] = []
    for person, side in slots:
        pose = people[person]
        names = [f"{SIDES[side]}_{part}" for part in ("wrist", "index", "pinky")]
        x, y = pose.points[[LANDMARK_INDEX[name] for name in names]].mean(0)
        window = Crop(float(x), float(y), _WINDOW * pose.scale)
        if all(np.hypot(window.x - w.x, window.y - w.y) > 0.25 * w.size for w in windows):
            windows.append(window)
    return windows


def _distinct(hands: list[Hand]) -> list[Hand]:
    """One of each, the clearest."""
    kept: list[Hand] = []
    for hand in sorted(hands, key=lambda hand: -hand.score):
        middle = hand.points.mean(0)
        if all(np.linalg.norm(middle - k.points.mean(0)) > _SAME_HAND * max(hand.size, k.size) for k in kept):
            kept.append(hand)
    return kept


def _decode(crop: Crop, side: int, points: np.ndarray, score: np.ndarray, right: np.ndarray, world: np.ndarray) -> Hand:
    places = to_picture(crop, points.reshape(21, 3)[:, :2] / side).astype(np.float32)
    metric = world.reshape(21, 3).copy()
    metric[:, :2] = metric[:, :2] @ rotation(crop.angle).T
    return Hand(places, metric, float(score[0]), float(right[0]), _hand_crop(places))


def _hand_crop(points: np.ndarray) -> Crop:
    """Where the same hand is to be looked for next: around palm and lower fingers, fingers up."""
    knuckles = ((points[_INDEX] + points[_RING]) / 2 + points[_MIDDLE]) / 2
    angle = crop_from_axis(points[_WRIST], knuckles, 1.0).angle
    turned = points[_ROI_POINTS] @ rotation(angle)
    low, high = turned.min(0), turned.max(0)
    x, y = rotation(angle) @ ((low + high) / 2)
    return _towards_fingers(Crop(float(x), float(y), float((high - low).max()), angle), _HAND_SCALE, _HAND_SHIFT)


def _palm_crop(palm: Detection) -> Crop:
    angle = crop_from_axis(palm.points[0], palm.points[2], 1.0).angle
    x, y = (palm.box[:2] + palm.box[2:]) / 2
    size = float((palm.box[2:] - palm.box[:2]).max())
    return _towards_fingers(Crop(float(x), float(y), size, angle), _PALM_SCALE, _PALM_SHIFT)


def _towards_fingers(crop: Crop, scale: float, shift: float) -> Crop:
    x, y = rotation(crop.angle) @ (0.0, -shift * crop.size)
    return Crop(crop.x + float(x), crop.y + float(y), max(crop.size * scale, 1.0), crop.angle)
