"""What the 2D stage would have made of two people whose motion is known: tracks with its errors, drawn from `noise.Noise`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy.special import ndtr

from core.body.rotations import axis_angle_to_matrix
from core.contract.skeleton import LANDMARK_INDEX
from core.motion import Camera
from core.observations.observe import line_of_sight_rotation
from core.perception.ambiguity import CONTESTED_TRUST, ambiguous
from core.perception.detections import MASK_WIDTH, Detections
from core.perception.landmarks import MIRROR

from ..occlusion.projection import FINGER_POINTS, ProjectedClip
from .model import (
    BONES,
    ERROR_BINS,
    FROM_OTHER_PERSON,
    GROUP,
    LANDMARK_STATES,
    LIMBS,
    NO_HAND,
    NOT_FOUND,
    OTHER_PERSON,
    OTHER_SIDE,
    OTHERS_OPPOSITE_LIMB,
    OTHERS_SAME_LIMB,
    OWN_LIMB,
    OWN_OPPOSITE_LIMB,
    OWN_SKELETON,
    SIDES_SWAPPED,
    WRONG_HAND,
    DetectionNoise,
    NoiseConditions,
    condition_bins,
    look_up_quantile,
    mix_processes,
    noise_conditions,
    sample_gaussian_processes,
    sample_landmark_processes,
    sample_markov_chains,
)

HIPS = [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]
ANKLES = [LANDMARK_INDEX["left_ankle"], LANDMARK_INDEX["right_ankle"]]
TRUNK = [LANDMARK_INDEX[f"{side}_{part}"] for part in ("shoulder", "hip") for side in ("left", "right")]
_BONES = [(LANDMARK_INDEX["nose"], *TRUNK[:2]), *((limb[1], limb[0], limb[-1]) for limb in LIMBS)]
_BONES += [(TRUNK[corner], limb[-1]) for corner, limb in enumerate(LIMBS)]
_BONES += [(TRUNK[0], TRUNK[2]), (TRUNK[1], TRUNK[3])]
_WAVE = 10
"""px of the masks, the length of the waves in which their outlines sway."""
_WAVES_SPEED = 2.0
"""radians a second."""
SAME_PLACE = 0.03
"""Heights of a person up to which two hands are in one place, so that nobody could say which was seen."""
_ROUNDS, _OFF_TRUNK = 6, 0.9
"""Rounds over all bones in which those that are too long are shortened, and how much of that the ends do that hang on the
trunk; elsewhere both ends give way alike."""
_STEADY = (LANDMARK_INDEX["nose"], *TRUNK)
_BLEND = 3
"""Frames over which errors go from those of one state to those of the next."""


@dataclass(frozen=True)
class NoiseTargets:
    """What the 2D stage looks at when it looks for a person's landmarks, rightly or wrongly."""

    aimed_px: np.ndarray
    """float [P,T,33,2]"""
    skeleton_px: np.ndarray
    """float [P,T,33,2] the same without stolen limbs and exchanged sides: true landmarks of whoever is looked at."""
    state: np.ndarray
    """int [P,T,33]"""
    height_px: np.ndarray
    """float [P,T] px, of that person."""
    scale: np.ndarray
    """float [P,T] how much larger than that the person is drawn."""

    def scaled(self, factor: np.ndarray, about: float) -> NoiseTargets:
        """The same drawn larger by `factor` [P,T] about a point between trunk and ankles, see `Noise.drawn_about`."""
        middle = self.skeleton_px[:, :, TRUNK].mean(2, keepdims=True)
        middle = middle + about * (self.skeleton_px[:, :, ANKLES].mean(2, keepdims=True) - middle)
        larger = factor[..., None, None]
        pixels, person = (middle + larger * (points - middle) for points in (self.aimed_px, self.skeleton_px))
        return NoiseTargets(pixels, person, self.state, self.height_px, factor)


def simulate_detections(
    sight: ProjectedClip,
    camera: Camera,
    image_size: Sequence[int],
    rate: float,
    noise: DetectionNoise,
    rng: np.random.Generator,
) -> Detections:
    """Draw what the 2D stage sees of two people; `rate` in frames a second, sizes in px (width, height).

    Person p of the tracks is person p of the sight, but for the stretches in which the stage takes one for the other.
    """
    seconds = 1 / rate
    frames = sight.landmarks_px.shape[1]
    now = noise_conditions(sight)
    whose = sample_markov_chains(noise.whose_start, noise.whose, now.closeness_bin, seconds, rng)
    bins = condition_bins(now.closeness_bin, whose)
    limbs = _limb_chains(now, whose, noise, seconds, rng)
    aim = noise_targets(sight, now.landmark_state, whose, limbs, noise.middle_follows)
    whole = ndtr(mix_processes(sample_gaussian_processes((frames, 2, 4), seconds, rng), noise.whole_times)).swapaxes(
        0, 1
    )
    aim = aim.scaled(look_up_quantile(noise.drawn_size, (bins,), whole[..., 3]), noise.drawn_about)
    errors = _errors(aim.state, bins, noise, seconds, rng)
    length = _lengths_seen(sight, camera, whose)
    points = aim.aimed_px + errors * aim.height_px[..., None, None]
    points = limit_bone_lengths(points, noise.longest * length * aim.height_px[..., None])
    errors = np.linalg.norm(points - aim.aimed_px, axis=-1) / aim.height_px[..., None]
    confidence = _confidences(aim.state, errors, noise, seconds, rng)
    found = whose != NOT_FOUND
    world = _world(sight, camera, points, whose, aim, length, whole, bins, noise, seconds, rng)
    hands, hand_world = _hands(sight, camera, now, found, noise, seconds, rng)
    points = _held(points, found)
    masks = _masks(sight, points * (MASK_WIDTH / image_size[0]), image_size[0], bins, whose, noise, seconds, rng)
    size = np.array(image_size, np.int32)
    doubtful = ambiguous(points, found, masks, size)
    confidence = confidence * found[..., None] * np.where(doubtful, CONTESTED_TRUST, 1)
    return Detections(
        frame_index=np.arange(frames, dtype=np.int32),
        time=np.arange(frames) * seconds,
        image_size=size,
        keypoints=np.concatenate([points, confidence[..., None]], -1).astype(np.float32),
        ambiguous=doubtful,
        world_landmarks=_held(world, found).astype(np.float32),
        found=found,
        hands=hands.astype(np.float32),
        hand_landmarks=hand_world.astype(np.float32),
        masks=masks,
        track_ids=np.array([0, 1], np.int32),
        camera_motion=np.zeros(frames, np.float32),
        duplicate=np.zeros(frames, bool),
    )


def _limb_chains(
    now: NoiseConditions, whose: np.ndarray, noise: DetectionNoise, seconds: float, rng: np.random.Generator
) -> np.ndarray:
    """int [P,T,4] LIMB_OWN and so on; one's own where the whole person is not."""
    people, frames, count = now.limb_bin.shape
    bins = now.limb_bin.swapaxes(1, 2).reshape(people * count, frames)
    drawn = sample_markov_chains(noise.limb_start, noise.limb, bins, seconds, rng)
    drawn = drawn.reshape(people, count, frames).swapaxes(1, 2)
    return np.where((whose == OWN_SKELETON)[..., None], drawn, OWN_LIMB)


def noise_targets(
    sight: ProjectedClip, state: np.ndarray, whose: np.ndarray, limbs: np.ndarray, middle_follows: float
) -> NoiseTargets:
    """Whose landmarks are meant: state [P,T,33], whose [P,T], limbs [P,T,4]."""
    pixels, size = sight.landmarks_px.astype(float), sight.height_px.astype(float)
    exchanged, others = (whose == SIDES_SWAPPED)[..., None], (whose == OTHER_PERSON)[..., None]
    aim = np.where(exchanged[..., None], pixels[:, :, MIRROR], np.where(others[..., None], pixels[::-1], pixels))
    aimed = np.where(exchanged, state[:, :, MIRROR], np.where(others, FROM_OTHER_PERSON, state))
    for number, limb in enumerate(LIMBS):
        follow = np.append(np.ones(len(limb) - 1), middle_follows)[:, None]
        own, across = pixels[:, :, list(limb)], pixels[:, :, list(LIMBS[OTHER_SIDE[number]])]
        stolen = {OTHERS_SAME_LIMB: own[::-1], OTHERS_OPPOSITE_LIMB: across[::-1], OWN_OPPOSITE_LIMB: across}
        for kind, theirs in stolen.items():
            people, frames = np.nonzero(limbs[..., number] == kind)
            index = (people[:, None], frames[:, None], list(limb))
            aim[index] = (own + follow * (theirs - own))[people, frames]
            if kind != OWN_OPPOSITE_LIMB:
                aimed[index] = FROM_OTHER_PERSON
    person = np.where(others[..., None], pixels[::-1], pixels)
    return NoiseTargets(aim, person, aimed, np.where(others[..., 0], size[::-1], size), np.ones(size.shape))


def _errors(
    state: np.ndarray, bins: np.ndarray, noise: DetectionNoise, seconds: float, rng: np.random.Generator
) -> np.ndarray:
    """float [P,T,33,2] in heights of the person."""
    frames = state.shape[1]
    drawn = sample_landmark_processes(frames, 2, noise.error_times, noise.error_common, seconds, rng)
    far = np.maximum(np.linalg.norm(drawn, axis=-1), 1e-6)
    direction, share = drawn / far[..., None], 1 - np.exp(-(far**2) / 2)  # two normal numbers are that long (Rayleigh)
    weight = _blended(state)
    total = np.zeros_like(drawn)
    for kind in range(LANDMARK_STATES):
        chosen = np.nonzero(weight[..., kind])
        index = (bins[chosen[:2]], kind, GROUP[chosen[2]])
        error = (
            noise.error_middle[index] + look_up_quantile(noise.error, index, share[chosen])[:, None] * direction[chosen]
        )
        total[chosen] += weight[..., kind][chosen][:, None] * error
    return total


def _blended(state: np.ndarray) -> np.ndarray:
    """[P,T,33,STATES] how much each state counts: all in the middle of its stretch, less near its ends."""
    one = (state[..., None] == np.arange(LANDMARK_STATES)).astype(float)
    reach = _BLEND // 2
    padded = np.concatenate([one[:, :1]] * reach + [one] + [one[:, -1:]] * reach, 1)
    return np.mean([padded[:, shift : shift + one.shape[1]] for shift in range(_BLEND)], 0)


def _confidences(
    state: np.ndarray, size: np.ndarray, noise: DetectionNoise, seconds: float, rng: np.random.Generator
) -> np.ndarray:
    """float [P,T,33] in 0-1, as the state and the error's size [P,T,33] have it."""
    drawn = sample_landmark_processes(state.shape[1], 1, noise.confidence_times, noise.confidence_common, seconds, rng)
    index = (state, np.digitize(size, ERROR_BINS), GROUP)
    return np.clip(look_up_quantile(noise.confidence, index, ndtr(drawn[..., 0])), 0, 1)


def landmarks_about_hips(sight: ProjectedClip, camera: Camera) -> np.ndarray:
    """float [P,T,33,3]: true landmarks about the hips' middle, relative to the line of sight to the trunk."""
    about = sight.landmarks_incam - sight.landmarks_incam[:, :, HIPS].mean(2, keepdims=True)
    middle = torch.from_numpy(sight.landmarks_px[:, :, TRUNK].mean(2)).float()
    turn = line_of_sight_rotation(middle, torch.from_numpy(camera.K).float()).double().numpy()
    return about.astype(float) @ turn


def _world(
    sight: ProjectedClip,
    camera: Camera,
    points: np.ndarray,
    whose: np.ndarray,
    aim: NoiseTargets,
    length: np.ndarray,
    whole: np.ndarray,
    bins: np.ndarray,
    noise: DetectionNoise,
    seconds: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """float [P,T,33,3] metric landmarks, which lie across the view as the points in the picture do, whatever size those have.

    `length` [P,T,N] of BONES, `whole` [P,T,4] probabilities of what `noise.whole_times` is of.
    """
    true = landmarks_about_hips(sight, camera)
    stature = person_heights(sight, camera)
    others = (whose == OTHER_PERSON)[..., None]
    seen = np.where(others[..., None], true[::-1], true)
    seen_stature = np.where(others[..., 0], stature[::-1, None], stature[:, None])
    shift = (points - aim.skeleton_px) / (aim.height_px * aim.scale)[..., None, None]
    shift = shift - shift[:, :, HIPS].mean(2, keepdims=True)
    across = seen[..., :2] + noise.world_follows * shift * seen_stature[..., None, None]
    mix = noise.world_depth[whose]
    depth = mix[..., :1] * seen[..., 2] + mix[..., 1:] * seen[:, :, MIRROR, 2]
    for axis in (0, 1):
        slope = look_up_quantile(noise.world_turn, (bins, axis), whole[..., 1 + axis])
        depth = depth + slope[..., None] * seen[..., axis]
    size = look_up_quantile(noise.world_size, (bins,), whole[..., 0]) / seen_stature
    shares = ndtr(sample_landmark_processes(whose.shape[1], 3, noise.world_times, noise.world_common, seconds, rng))
    left = look_up_quantile(noise.world_error, (aim.state[..., None], GROUP[:, None], np.arange(3)), shares)
    metric = size[..., None, None] * np.concatenate([across, depth[..., None]], -1) + left
    metric = limit_bone_lengths(metric, noise.world_longest * length * (size * seen_stature)[..., None])
    return metric - metric[:, :, HIPS].mean(2, keepdims=True)


def bone_lengths(sight: ProjectedClip, camera: Camera) -> np.ndarray:
    """float [P,N] of BONES, in heights of the person."""
    ends = np.array(BONES)
    apart = np.linalg.norm(sight.landmarks_incam[:, :, ends[:, 0]] - sight.landmarks_incam[:, :, ends[:, 1]], axis=-1)
    return np.median(apart, 1) / person_heights(sight, camera)[:, None]


def _lengths_seen(sight: ProjectedClip, camera: Camera, whose: np.ndarray) -> np.ndarray:
    """float [P,T,N] of the person who is looked at."""
    length = bone_lengths(sight, camera)[:, None]
    return np.where((whose == OTHER_PERSON)[..., None], length[::-1], length)


def limit_bone_lengths(points: np.ndarray, longest: np.ndarray) -> np.ndarray:
    """Points [P,T,33,D] moved as little as need be until hardly a bone is longer than `longest` [P,T,N]."""
    points = points.copy()
    for _ in range(_ROUNDS):
        for bone, (inner, outer) in enumerate(BONES):
            way = points[:, :, outer] - points[:, :, inner]
            length = np.linalg.norm(way, axis=-1)
            excess = np.maximum(1 - longest[..., bone] / np.maximum(length, 1e-9), 0)[..., None] * way
            share = _OFF_TRUNK if inner in _STEADY else 0.5
            points[:, :, outer] -= share * excess
            points[:, :, inner] += (1 - share) * excess
    return points


def person_heights(sight: ProjectedClip, camera: Camera) -> np.ndarray:
    """float [P] metres that each person is tall, from how tall they would appear."""
    depth = sight.landmarks_incam[:, :, HIPS, 2].mean(2)
    return np.median(sight.height_px * depth, 1) / camera.K[1, 1]


def _hands(
    sight: ProjectedClip,
    camera: Camera,
    now: NoiseConditions,
    found: np.ndarray,
    noise: DetectionNoise,
    seconds: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Hands [P,T,2,21,3] in the picture with confidence, and metric ones."""
    people, frames = found.shape
    bins = now.hand_bin.swapaxes(1, 2).reshape(2 * people, frames)
    kind = (
        sample_markov_chains(noise.hand_start, noise.hand, bins, seconds, rng).reshape(people, 2, frames).swapaxes(1, 2)
    )
    kind = np.where(found[..., None], kind, NO_HAND)
    target = hand_targets(sight, camera, kind == WRONG_HAND)
    wrong = (kind == WRONG_HAND).astype(int)

    def drawn(table: np.ndarray, *shape: int) -> np.ndarray:
        """[P,T,2,*shape] by quantiles [2,Q]."""
        field = mix_processes(
            sample_gaussian_processes((frames, people, 2, *shape), seconds, rng), noise.hand_times
        ).swapaxes(0, 1)
        return look_up_quantile(table, (wrong.reshape(*wrong.shape, *[1] * len(shape)),), ndtr(field))

    length = sight.height_px[..., None, None, None]
    points = project_hands(target, camera)
    points = points + length * (drawn(noise.hand_shift, 1, 2) + drawn(noise.hand_error, FINGER_POINTS, 2))
    turn = axis_angle_to_matrix(torch.from_numpy(drawn(noise.hand_turn, 3))).numpy()
    metric = hand_shapes(target, points, camera) @ turn.swapaxes(-1, -2)
    metric = drawn(noise.hand_size, 1, 1) * metric + drawn(noise.hand_world, FINGER_POINTS, 3)
    score = np.clip(drawn(noise.hand_score), 0, 1) * (kind != NO_HAND)
    seen = kind != NO_HAND
    for side in (0, 1):
        points[:, :, side], metric[:, :, side] = (_held(a[:, :, side], seen[:, :, side]) for a in (points, metric))
    confidence = np.broadcast_to(score[..., None, None], (*points.shape[:-1], 1))
    never = ~seen.any(1)[:, None, :, None, None]
    return np.where(never, 0, np.concatenate([points, confidence], -1)), np.where(never, 0, metric)


def project_hands(hands: np.ndarray, camera: Camera) -> np.ndarray:
    """px [...,2] of hands [...,3] in the camera's frame."""
    return hands[..., :2] / np.maximum(hands[..., 2:], 0.05) * (camera.K[0, 0], camera.K[1, 1]) + camera.K[:2, 2]


def hand_targets(sight: ProjectedClip, camera: Camera, wrong: np.ndarray) -> np.ndarray:
    """float [P,T,2,21,3]: each slot's own hand or, where `wrong` [P,T,2], another of the three.

    That is the nearest in the picture of those that do not lie on one's own, if there is one.
    """
    hands = sight.hand_landmarks_incam.astype(float)
    wrists = project_hands(hands[..., 0, :], camera)
    out = hands.copy()
    for person, frame, side in np.argwhere(wrong):
        apart = np.linalg.norm(wrists[:, frame] - wrists[person, frame, side], axis=-1) / sight.height_px[person, frame]
        apart = np.where(apart < SAME_PLACE, 1e3 - apart, apart)
        apart[person, side] = np.inf
        other = np.unravel_index(int(apart.argmin()), apart.shape)
        out[person, frame, side] = hands[other[0], frame, other[1]]
    return out


def hand_shapes(hands: np.ndarray, points: np.ndarray, camera: Camera) -> np.ndarray:
    """Hands [P,T,2,21,3] about their middle, relative to the line of sight through points [P,T,2,21,2]."""
    turn = (
        line_of_sight_rotation(torch.from_numpy(points.mean(3)).float(), torch.from_numpy(camera.K).float())
        .double()
        .numpy()
    )
    return (hands - hands.mean(3, keepdims=True)) @ turn


def _masks(
    sight: ProjectedClip,
    points: np.ndarray,
    width: int,
    bins: np.ndarray,
    whose: np.ndarray,
    noise: DetectionNoise,
    seconds: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """uint8 [P,T,h,w]: true outlines that sway, with parts of the other person taken in and parts left out.

    points [P,T,33,2] are the landmarks as seen, in the masks' px: what is taken in lies about the skeleton.
    """
    people, frames = whose.shape
    share = ndtr(
        mix_processes(sample_gaussian_processes((frames, people, 3), seconds, rng), noise.mask_times)
    ).swapaxes(0, 1)
    tables = (noise.mask_grown, noise.mask_leaked, noise.mask_missed)
    grown, leaked, missed = (look_up_quantile(table, (bins,), share[..., n]) for n, table in enumerate(tables))
    masks = np.zeros_like(sight.masks)
    for person in range(people):
        waves = rng.standard_normal((2, *(side // _WAVE + 2 for side in masks.shape[2:]))).astype(np.float32)
        waves = [cv2.resize(wave, masks.shape[:1:-1], interpolation=cv2.INTER_CUBIC) for wave in waves]
        for frame in np.flatnonzero(whose[person] != NOT_FOUND):
            aimed = 1 - person if whose[person, frame] == OTHER_PERSON else person
            size = float(sight.height_px[aimed, frame]) * masks.shape[3] / width
            angle = frame * seconds * _WAVES_SPEED
            sway = noise.mask_rough * size * (np.cos(angle) * waves[0] + np.sin(angle) * waves[1])
            masks[person, frame] = altered_mask(
                sight.masks[aimed, frame],
                sight.masks[1 - aimed, frame],
                bones_picture(points[person, frame], masks.shape[2:]),
                grown=float(grown[person, frame]) * size + sway,
                leaked=float(leaked[person, frame]),
                missed=float(missed[person, frame]),
                soft=noise.mask_soft * size,
            )
    return masks


def altered_mask(
    own: np.ndarray,
    other: np.ndarray,
    bones: np.ndarray,
    *,
    grown: np.ndarray | float,
    leaked: float,
    missed: float,
    soft: float,
) -> np.ndarray:
    """A mask uint8 [h,w] whose outline lies `grown` px outside, its edge `soft` px wide.

    It takes in the share `leaked` of the other's mask, what is nearest to the skeleton `bones` bool [h,w], and leaves out the
    share `missed` of its own, what is nearest to the other.
    """
    mine, theirs = own > 127, other > 127
    edge = np.clip(0.5 + (_distance(mine) - _distance(~mine) + grown) / max(soft, 1.0), 0, 1)
    edge[_nearest(mine, _distance(~theirs), missed)] = 0
    edge[theirs] = 0
    edge[_nearest(theirs, _distance(~bones), leaked)] = 1
    return (255 * edge).astype(np.uint8)


def bones_picture(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """bool [h,w]: lines between the landmarks [33,2] px of one skeleton."""
    picture = np.zeros(shape, np.uint8)
    ends = np.clip(points, -1000, 1000).round().astype(np.int32)
    cv2.polylines(picture, [ends[list(bone)] for bone in _BONES], False, 1)
    return picture.astype(bool)


def _distance(mask: np.ndarray) -> np.ndarray:
    """px from each pixel within the mask to the nearest outside of it, 0 outside."""
    return cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)


def _nearest(mask: np.ndarray, distance: np.ndarray, share: float) -> tuple[np.ndarray, ...]:
    """Indices of that share of a mask's pixels, those of least distance."""
    places = np.nonzero(mask)
    count = int(np.clip(share, 0, 1) * len(places[0]))
    chosen = np.argsort(distance[places], kind="stable")[:count]
    return tuple(place[chosen] for place in places)


def _held(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values [P,T,...], where not `known` [P,T] those of the last known frame; before the first, those of it."""
    count = known.shape[1]
    source = np.maximum.accumulate(np.where(known, np.arange(count), -1), 1)
    source = np.where(source < 0, known.argmax(1)[:, None], source)
    return values[np.arange(len(known))[:, None], source]
