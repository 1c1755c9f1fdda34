"""From clips as the 2D stage saw them to the numbers of `noise.Noise`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from scipy.optimize import nnls
from scipy.spatial.transform import Rotation
from scipy.special import ndtr, ndtri

from core.body.rotations import kabsch
from core.perception.landmarks import MIRROR

from ..evaluation.detection_noise.model import (
    BINS,
    BONES,
    CLOSENESS,
    CORRELATION_TIMES,
    ERROR_BINS,
    GROUP,
    GROUPS,
    HAND_BINS,
    LANDMARK_STATES,
    LIMB_BINS,
    LIMBS,
    NO_HAND,
    NOT_FOUND,
    OTHER_PERSON,
    OTHERS_OPPOSITE_LIMB,
    OTHERS_SAME_LIMB,
    OWN_SKELETON,
    PARTS,
    PROBABILITIES,
    REFERENCE_STEP,
    SIDES_SWAPPED,
    UNRELIABLE,
    WRONG_HAND,
    DetectionNoise,
    condition_bins,
)
from ..evaluation.detection_noise.simulate import (
    ANKLES,
    HIPS,
    TRUNK,
    NoiseTargets,
    bone_lengths,
    hand_shapes,
    hand_targets,
    landmarks_about_hips,
    noise_targets,
    person_heights,
    project_hands,
)
from .matching import MatchedClip

_FEW = 100
"""Samples below which a table's cell takes those of its neighbours too."""
_LAGS = (1, 2, 3, 5, 8, 14, 24, 40)
_ROBUST, _STIFF = 0.03, 0.003
"""Heights of a person at which a landmark loses its say about the size, and mean square that speaks for the true size."""
_LITTLE = 0.05
_LONGEST = 0.97
"""Share of the frames in which a bone is no longer than it is then allowed to be."""
_SHORT_LAG = 3
_CLAIMED = 96 / 255
"""Mask value above which a person may be there, as `perception.ambiguity` has it."""
_SHRINK = 4.0
"""Steps of a chain as seen over all bins that count beside those seen in one."""


def fit_detection_noise(clips: Sequence[MatchedClip], provenance: dict[str, Any]) -> DetectionNoise:
    follows = _middle_follows(clips)
    aims = [
        noise_targets(c.projected, c.conditions.landmark_state, c.skeleton_kind, c.limb_kind, follows) for c in clips
    ]
    drawn, about = _drawn(clips, aims)
    aims = [aim.scaled(_notable(size), about) for aim, size in zip(aims, drawn)]
    values: dict[str, Any] = {"provenance": provenance, "middle_follows": follows, "drawn_about": about}
    values |= _chains(clips) | _errors(clips, aims) | _world(clips, aims, drawn) | _hands(clips) | _masks(clips)
    return DetectionNoise(**values)


def _chains(clips: Sequence[MatchedClip]) -> dict[str, Any]:
    whose = [(c.skeleton_kind, c.conditions.closeness_bin) for c in clips]
    limbs = [
        (
            _by_row(c.limb_kind),
            _by_row(c.conditions.limb_bin),
            _by_row(np.repeat(c.skeleton_kind[..., None], 4, 2)) == OWN_SKELETON,
        )
        for c in clips
    ]
    hands = [
        (
            _by_row(c.hand_kind),
            _by_row(c.conditions.hand_bin),
            _by_row(np.repeat(c.skeleton_kind[..., None], 2, 2)) != NOT_FOUND,
        )
        for c in clips
    ]
    rates = [c.rate for c in clips]
    names = (("whose", whose, CLOSENESS, 5), ("limb", limbs, LIMB_BINS, 4), ("hand", hands, HAND_BINS, 3))
    out = {}
    for name, rows, bins, kinds in names:
        out[f"{name}_start"], out[name] = _chain(rows, rates, bins, kinds)
    return out


def _by_row(values: np.ndarray) -> np.ndarray:
    """[P,T,N] -> [P*N,T]"""
    return values.swapaxes(1, 2).reshape(-1, values.shape[1])


def _chain(rows: Sequence[tuple[np.ndarray, ...]], rates: Sequence[float], bins: int, kinds: int) -> tuple[Any, Any]:
    """Shares [bins,kinds] and steps [bins,kinds,kinds] of a 30th of a second."""
    share, steps = np.zeros((bins, kinds)), np.zeros((bins, kinds, kinds))
    for (states, where, *valid), rate in zip(rows, rates):
        known = valid[0] if valid else np.ones_like(states, bool)
        np.add.at(share, (where[known], states[known]), 1)
        both = known[:, 1:] & known[:, :-1]
        index = (where[:, 1:][both], states[:, :-1][both], states[:, 1:][both])
        weight = np.where(index[1] == index[2], 1.0, REFERENCE_STEP * rate)
        np.add.at(steps, index, weight)
    everywhere = steps.sum(0) / np.maximum(steps.sum((0, 2))[:, None], 1)
    never = steps.sum((0, 2)) == 0
    everywhere[never] = np.eye(kinds)[0]
    steps = steps + _SHRINK * everywhere
    overall = share.sum(0) / share.sum()
    share = share + _SHRINK * overall
    return share / share.sum(-1, keepdims=True), steps / steps.sum(-1, keepdims=True)


def _middle_follows(clips: Sequence[MatchedClip]) -> float:
    """How far elbow or knee go along, least squares over stolen limbs."""
    top = bottom = 0.0
    for clip in clips:
        aim = noise_targets(clip.projected, clip.conditions.landmark_state, clip.skeleton_kind, clip.limb_kind, 1.0)
        for number, limb in enumerate(LIMBS):
            stolen = np.isin(clip.limb_kind[..., number], (OTHERS_SAME_LIMB, OTHERS_OPPOSITE_LIMB))
            own = clip.projected.landmarks_px[..., limb[-1], :][stolen]
            way = aim.aimed_px[..., limb[-1], :][stolen] - own
            top += float((way * (clip.detections.keypoints[..., limb[-1], :2][stolen] - own)).sum())
            bottom += float((way**2).sum())
    return round(float(np.clip(top / max(bottom, 1e-9), 0, 1)), 3) if bottom else 0.5


def _drawn(clips: Sequence[MatchedClip], aims: Sequence[NoiseTargets]) -> tuple[list[np.ndarray], float]:
    """How large skeletons are drawn, [P,T] of each clip, and about which point (see `Noise.drawn_about`)."""
    sizes, top, bottom = [], 0.0, 1e-9
    for clip, aim in zip(clips, aims):
        size, shift = _similarity(clip, aim)
        trunk, ankles = (aim.skeleton_px[:, :, part].mean(2) for part in (TRUNK, ANKLES))
        way = (1 - size)[..., None] * (ankles - trunk) / aim.height_px[..., None]
        told = (clip.skeleton_kind != NOT_FOUND) & (_notable(size) != 1)
        top += float((shift * way)[told].sum())
        bottom += float((way**2)[told].sum())
        sizes.append(size)
    return sizes, round(float(np.clip(top / bottom, -1, 1)), 3)


def _similarity(clip: MatchedClip, aim: NoiseTargets) -> tuple[np.ndarray, np.ndarray]:
    """[P,T] how much larger the skeleton in the picture is than it should be, by most of the landmarks (reweighted), and
    [P,T,2] how far that similarity moves the trunk, in heights of the person."""
    true, seen = (
        points / aim.height_px[..., None, None] for points in (aim.aimed_px, clip.detections.keypoints[..., :2])
    )
    weight = np.ones(true.shape[:-1])
    factor, means = np.ones(true.shape[:2]), (true.mean(2), seen.mean(2))
    left = np.zeros(true.shape[:-1])
    for _ in range(6):
        share = (weight / weight.sum(-1, keepdims=True))[..., None]
        means = ((share * true).sum(2), (share * seen).sum(2))
        a, b = true - means[0][:, :, None], seen - means[1][:, :, None]
        factor = ((share * a * b).sum((2, 3)) + _STIFF) / ((share * a * a).sum((2, 3)) + _STIFF)
        left = np.linalg.norm(b - factor[..., None, None] * a, axis=-1)
        weight = (1 + (left / _ROBUST) ** 2) ** -2
    told = (left < _ROBUST).mean(-1) > 0.5  # else it is no skeleton of another size, just a wrong one
    factor = np.where(told, np.clip(factor, 0.3, 1.3), 1.0)
    trunk = aim.skeleton_px[:, :, TRUNK].mean(2) / aim.height_px[..., None]
    return factor, means[1] + factor[..., None] * (trunk - means[0]) - trunk


def _notable(size: np.ndarray) -> np.ndarray:
    """The factor, or 1 where it is little and no kind of error of its own."""
    return np.where(np.abs(size - 1) < _LITTLE, 1.0, size)


def _errors(clips: Sequence[MatchedClip], aims: Sequence[NoiseTargets]) -> dict[str, Any]:
    errors = [
        (c.detections.keypoints[..., :2] - a.aimed_px) / a.height_px[..., None, None] for c, a in zip(clips, aims)
    ]
    found = [
        np.broadcast_to((c.skeleton_kind != NOT_FOUND)[..., None], (*c.skeleton_kind.shape, len(GROUP))) for c in clips
    ]
    group = [np.broadcast_to(GROUP, f.shape) for f in found]
    where = [
        np.broadcast_to(condition_bins(c.conditions.closeness_bin, c.skeleton_kind)[..., None], f.shape)
        for c, f in zip(clips, found)
    ]
    state = [a.state for a in aims]
    keys, counts, pooling = (where, state, group), (BINS, LANDMARK_STATES, len(GROUPS)), ((1, 2), (1,))
    middle = np.stack(
        [
            _table([e[..., axis] for e in errors], found, keys, counts, pooling)[0][..., len(PROBABILITIES) // 2]
            for axis in (0, 1)
        ],
        -1,
    )
    about = [e - middle[w, s, g] for e, w, s, g in zip(errors, where, state, group)]
    table, ranks = _table([np.linalg.norm(e, axis=-1) for e in about], found, keys, counts, pooling)
    both = [_around(e, rank) for e, rank in zip(about, ranks)]
    sizes = [np.digitize(np.linalg.norm(e, axis=-1), ERROR_BINS) for e in errors]
    confidence, sure = _table(
        [c.confidence for c in clips],
        found,
        (state, sizes, group),
        (LANDMARK_STATES, len(ERROR_BINS) + 1, len(GROUPS)),
        ((0, 1), (0,)),
    )
    sure = _together(sure)
    rates = [c.rate for c in clips]
    return {
        "longest": _longest(clips, aims),
        "error_middle": middle,
        "error": table,
        "error_times": _times_of_groups(both, rates),
        "error_common": _common(both),
        "confidence": confidence,
        "confidence_times": _times_of_groups(sure, rates),
        "confidence_common": _common(sure),
    }


@dataclass(frozen=True)
class _Scores:
    """Of a clip: values as standard normal scores within their cell, and the number of the cell; nan and -1 where not valid."""

    score: np.ndarray
    cell: np.ndarray


def _around(error: np.ndarray, rank: _Scores) -> _Scores:
    """The two normal numbers [...,2] of errors [...,2] whose sizes have the scores: as long as the rank says (Rayleigh)."""
    far = np.sqrt(-2 * np.log(1 - ndtr(rank.score)))
    direction = error / np.maximum(np.linalg.norm(error, axis=-1, keepdims=True), 1e-9)
    return _Scores(far[..., None] * direction, np.stack([rank.cell, rank.cell], -1))


def _longest(clips: Sequence[MatchedClip], aims: Sequence[NoiseTargets]) -> np.ndarray:
    """[N] of BONES in the picture."""
    rows = []
    for clip, aim in zip(clips, aims):
        points = clip.detections.keypoints[..., :2] / aim.height_px[..., None, None]
        rows.append(_ratios(points, bone_lengths(clip.projected, clip.camera)[:, None], clip.skeleton_kind))
    return np.quantile(np.concatenate(rows), _LONGEST, axis=0).clip(1.0, None)


def _ratios(points: np.ndarray, length: np.ndarray, whose: np.ndarray) -> np.ndarray:
    """[F,N] lengths of bones between points [P,T,33,D] against [P,1,N] or [P,T,N], where somebody was found."""
    ends = np.array(BONES)
    long = np.linalg.norm(points[:, :, ends[:, 0]] - points[:, :, ends[:, 1]], axis=-1)
    return (long / np.where((whose == OTHER_PERSON)[..., None], length[::-1], length))[whose != NOT_FOUND]


def _table(
    values: Sequence[np.ndarray],
    valid: Sequence[np.ndarray],
    keys: Sequence[Sequence[np.ndarray]],
    sizes: tuple[int, ...],
    pooling: Sequence[tuple[int, ...]] = (),
) -> tuple[np.ndarray, list[_Scores]]:
    """Quantiles [*sizes,Q] by integer keys, and the scores.

    Cells with few samples take those of all cells that have the first of `pooling`'s keys in common with them, then the
    second's, and so on; at last those of all.
    """
    flat = np.concatenate([v[m] for v, m in zip(values, valid)])
    where = [np.concatenate([k[m] for k, m in zip(key, valid)]) for key in keys]
    number = np.ravel_multi_index(tuple(where), sizes)
    every = tuple(range(len(sizes)))
    table = np.zeros((*sizes, len(PROBABILITIES)))
    score = np.zeros(len(flat))
    for cell, index in enumerate(np.ndindex(*sizes)):
        inside = number == cell
        pool = flat[inside]
        for shared in (every, *pooling, ()):
            if len(pool) >= _FEW:
                break
            pool = flat[np.all([where[k] == index[k] for k in shared], 0)] if shared else flat
        table[index] = np.quantile(pool, PROBABILITIES)
        rank = np.searchsorted(np.sort(pool), flat[inside], side="left") + 0.5
        score[inside] = ndtri(np.clip(rank / (len(pool) + 1), 1e-3, 1 - 1e-3))
    out, start = [], 0
    for v, m in zip(values, valid):
        scores, cells = np.full(v.shape, np.nan), np.full(v.shape, -1)
        count = int(m.sum())
        scores[m], cells[m] = score[start : start + count], number[start : start + count]
        start += count
        out.append(_Scores(scores, cells))
    return table, out


def _together(*axes: Sequence[_Scores]) -> list[_Scores]:
    """The scores of several axes, beside each other."""
    return [_Scores(np.stack([s.score for s in clip], -1), np.stack([s.cell for s in clip], -1)) for clip in zip(*axes)]


def _times_of_groups(scores: Sequence[_Scores], rates: Sequence[float]) -> np.ndarray:
    """[G,C] from scores [P,T,33,A]."""
    chosen = [
        [_Scores(s.score[:, :, g == GROUP], s.cell[:, :, g == GROUP]) for s in scores] for g in range(len(GROUPS))
    ]
    return np.stack([_times(some, rates) for some in chosen])


def _times(scores: Sequence[_Scores], rates: Sequence[float]) -> np.ndarray:
    """[C] shares of the processes whose sum has the memory of the scores [P,T,...].

    Over short lags by the median step within a cell, for rare jumps are not what makes the usual step; over long ones by the
    correlation.
    """
    rows, wanted = [], []
    for lag in _LAGS:
        valid = [(s.cell[:, lag:] >= 0) & (s.cell[:, :-lag] >= 0) for s in scores]
        if lag <= _SHORT_LAG:
            valid = [v & (s.cell[:, lag:] == s.cell[:, :-lag]) for v, s in zip(valid, scores)]
        late = np.concatenate([s.score[:, lag:][v] for v, s in zip(valid, scores)])
        early = np.concatenate([s.score[:, :-lag][v] for v, s in zip(valid, scores)])
        if len(late) < _FEW:
            continue
        kept = (late * early).mean() / (late**2).mean()
        if lag <= _SHORT_LAG:
            kept = 1 - (np.median(np.abs(late - early)) / 0.6745) ** 2 / 2
        rows.append(np.exp(-lag / np.mean(rates) / CORRELATION_TIMES))
        wanted.append(float(np.clip(kept, 0, 1)))
    rows.append(100 * np.ones(len(CORRELATION_TIMES)))
    wanted.append(100.0)
    weight = np.array(
        [1 / (1.02 - w) if w <= 1 else 1.0 for w in wanted]
    )  # small steps are what acceleration is made of
    share = nnls(np.array(rows) * weight[:, None], np.array(wanted) * weight)[0]
    return share / share.sum()


def _common(scores: Sequence[_Scores]) -> np.ndarray:
    """[2] mean correlation of landmarks of different parts, and what those of one part have beyond that."""
    flat = np.concatenate([s.score.swapaxes(2, 3).reshape(-1, s.score.shape[2]) for s in scores])
    flat = flat[~np.isnan(flat).any(1)]
    together = np.corrcoef(flat.T)
    same = (PARTS[:, None] == PARTS) & (PARTS[:, None] > 0)  # of the face's eleven, one is as good as all
    same &= ~np.eye(len(PARTS), dtype=bool)
    person = max(0.0, float(np.nanmean(together[PARTS[:, None] != PARTS])))
    limb = max(0.0, float(np.nanmean(together[same])) - person)
    return np.array([person, min(limb, 0.95 - person)])


def _world(clips: Sequence[MatchedClip], aims: Sequence[NoiseTargets], drawn: Sequence[np.ndarray]) -> dict[str, Any]:
    seen = [_Metric(clip, aim) for clip, aim in zip(clips, aims)]
    found = [c.skeleton_kind != NOT_FOUND for c in clips]
    follows = np.ones(2)
    for _ in range(3):
        scale = [s.scale(follows) for s in seen]
        follows = _follows(seen, scale, found)
    scale = [s.scale(follows) for s in seen]
    mix = _depth_mix(clips, seen, scale)
    left, slopes = zip(*(s.left(k, follows, mix) for s, k in zip(seen, scale)))
    where = [condition_bins(c.conditions.closeness_bin, c.skeleton_kind) for c in clips]
    rates = [c.rate for c in clips]
    sizes = [k * s.stature for s, k in zip(seen, scale)]
    in_picture = _table([_notable(size) for size in drawn], found, (where,), (BINS,))[0]
    drawn_scores = _table(drawn, found, (where,), (BINS,))[1]
    size, size_scores = _table(sizes, found, (where,), (BINS,))
    turns, turn_scores = zip(*(_table([s[..., axis] for s in slopes], found, (where,), (BINS,)) for axis in (0, 1)))
    every = [np.broadcast_to(f[..., None], (*f.shape, len(GROUP))) for f in found]
    group = [np.broadcast_to(GROUP, e.shape) for e in every]
    state = [a.state for a in aims]
    tables, scores = zip(
        *(
            _table([e[..., axis] for e in left], every, (state, group), (LANDMARK_STATES, len(GROUPS)), ((0,),))
            for axis in (0, 1, 2)
        )
    )
    together = _together(*scores)
    long = [
        _ratios(
            s.seen / (k * s.stature)[..., None, None], bone_lengths(c.projected, c.camera)[:, None], c.skeleton_kind
        )
        for c, s, k in zip(clips, seen, scale)
    ]
    return {
        "drawn_size": in_picture,
        "world_longest": np.quantile(np.concatenate(long), _LONGEST, axis=0).clip(1.0, None),
        "world_size": size,
        "world_turn": np.stack(turns, 1),
        "world_follows": follows,
        "world_depth": mix,
        "world_error": np.stack(tables, -2),
        "world_times": _times_of_groups(together, rates),
        "world_common": _common(together),
        "whole_times": np.stack([_times(s, rates) for s in (size_scores, *turn_scores, drawn_scores)]),
    }


class _Metric:
    """Metric landmarks of a clip beside the true ones of whoever was looked at."""

    def __init__(self, clip: MatchedClip, aim: NoiseTargets) -> None:
        true, stature = landmarks_about_hips(clip.projected, clip.camera), person_heights(clip.projected, clip.camera)
        self.whose = clip.skeleton_kind
        others = (clip.skeleton_kind == OTHER_PERSON)[..., None, None]
        self.true = np.where(others, true[::-1], true)
        self.stature = np.where(others[..., 0, 0], stature[::-1, None], stature[:, None])
        shift = (clip.detections.keypoints[..., :2] - aim.skeleton_px) / (aim.height_px * aim.scale)[..., None, None]
        self.shift = (shift - shift[:, :, HIPS].mean(2, keepdims=True)) * self.stature[..., None, None]
        seen = clip.detections.world_landmarks.astype(float)
        self.seen = seen - seen[:, :, HIPS].mean(2, keepdims=True)

    def scale(self, follows: np.ndarray) -> np.ndarray:
        """[P,T] what makes the true ones as large as the seen ones, across the view."""
        across = self.true[..., :2] + follows * self.shift
        scale = (across * self.seen[..., :2]).sum((2, 3)) / (across**2).sum((2, 3))
        return np.clip(scale, 0.2, 2.0)

    def left(self, scale: np.ndarray, follows: np.ndarray, mix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the model does not explain, metres [P,T,33,3], and the slopes of depth [P,T,2]."""
        across = self.true[..., :2] + follows * self.shift
        depth = self.seen[..., 2] / scale[..., None] - self._mixed(mix)
        plane = self.true[..., :2]
        normal = np.einsum("ptli,ptlj->ptij", plane, plane) + 0.3 * np.eye(2)
        slopes = np.linalg.solve(normal, np.einsum("ptli,ptl->pti", plane, depth)[..., None])[..., 0]
        depth = depth - (plane * slopes[:, :, None]).sum(-1)
        left = self.seen[..., :2] - scale[..., None, None] * across
        return np.concatenate([left, (scale[..., None] * depth)[..., None]], -1), slopes

    def _mixed(self, mix: np.ndarray) -> np.ndarray:
        return mix[self.whose, :1] * self.true[..., 2] + mix[self.whose, 1:] * self.true[:, :, MIRROR, 2]


def _follows(seen: Sequence[_Metric], scale: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> np.ndarray:
    """[2] by least squares on what the scale leaves."""
    top, bottom = np.zeros(2), np.zeros(2)
    for metric, factor, valid in zip(seen, scale, found):
        wanted = metric.seen[..., :2] / factor[..., None, None] - metric.true[..., :2]
        top += (wanted * metric.shift)[valid].sum((0, 1))
        bottom += (metric.shift**2)[valid].sum((0, 1))
    return np.clip(top / np.maximum(bottom, 1e-9), 0, 1.2)


def _depth_mix(clips: Sequence[MatchedClip], seen: Sequence[_Metric], scale: Sequence[np.ndarray]) -> np.ndarray:
    """[4,2] how much of a landmark's own depth and of that on the other side is in the metric one, by whose skeleton it is."""
    mix = np.tile([1.0, 0.0], (5, 1))
    for kind in (OWN_SKELETON, SIDES_SWAPPED, OTHER_PERSON, UNRELIABLE):
        rows, wanted = [], []
        for clip, metric, factor in zip(clips, seen, scale):
            chosen = clip.skeleton_kind == kind
            true = metric.true[..., 2]
            rows.append(np.stack([true, true[:, :, MIRROR]], -1)[chosen].reshape(-1, 2))
            wanted.append((metric.seen[..., 2] / factor[..., None])[chosen].ravel())
        both, depth = np.concatenate(rows), np.concatenate(wanted)
        if len(both) > _FEW * len(GROUP) / 3:
            mix[kind] = np.linalg.lstsq(both, depth, rcond=None)[0]
    return mix


def _hands(clips: Sequence[MatchedClip]) -> dict[str, Any]:
    shifts, errors, scores, turns, left, sizes, kinds, keep = [], [], [], [], [], [], [], []
    for clip in clips:
        assigned = clip.hand_kind != NO_HAND
        target = hand_targets(clip.projected, clip.camera, clip.hand_kind == WRONG_HAND)
        length = clip.projected.height_px[..., None, None, None]
        error = (clip.detections.hands[..., :2] - project_hands(target, clip.camera)) / length
        shift = error.mean(3)
        true = hand_shapes(target, clip.detections.hands[..., :2], clip.camera)
        seen = clip.detections.hand_landmarks - clip.detections.hand_landmarks.mean(3, keepdims=True)
        turn, size, rest = _fitted_hands(true, seen.astype(float))
        keep.append(assigned)
        kinds.append((clip.hand_kind == WRONG_HAND).astype(int))
        shifts.append(shift)
        errors.append(error - shift[:, :, :, None])
        scores.append(clip.detections.hands[..., 0, 2])
        turns.append(turn)
        sizes.append(size)
        left.append(rest)
    table = _HandTables(kinds, keep)
    shift = table.of(shifts)
    several = [np.broadcast_to(k[..., None], s.shape) for s, k in zip(shifts, keep)]
    kind = [np.broadcast_to(k[..., None], s.shape) for s, k in zip(shifts, kinds)]
    along = _table(shifts, several, (kind,), (2,))[1]
    return {
        "hand_shift": shift,
        "hand_error": table.of(errors),
        "hand_score": table.of(scores),
        "hand_turn": table.of(turns),
        "hand_world": table.of(left),
        "hand_size": table.of(sizes),
        "hand_times": _times(along, [c.rate for c in clips]),
    }


class _HandTables:
    """Quantiles [2,Q] of what belongs to hands [P,T,2,...] given to the right slot, and to a wrong one."""

    def __init__(self, kinds: Sequence[np.ndarray], keep: Sequence[np.ndarray]) -> None:
        self._kinds, self._keep = kinds, keep

    def of(self, values: Sequence[np.ndarray]) -> np.ndarray:
        rows = []
        for kind in (0, 1):
            chosen = [v[m & (k == kind)].ravel() for v, k, m in zip(values, self._kinds, self._keep)]
            pool = np.concatenate(chosen)
            if len(pool) < _FEW:
                pool = np.concatenate([v[m].ravel() for v, m in zip(values, self._keep)])
            rows.append(np.quantile(pool, PROBABILITIES) if len(pool) else np.zeros(len(PROBABILITIES)))
        return np.array(rows)


def _fitted_hands(true: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turns [P,T,2,3] radians, sizes [P,T,2] and what is left [P,T,2,21,3] between hands [P,T,2,21,3] about their middles."""
    turn = kabsch(torch.from_numpy(true), torch.from_numpy(seen)).numpy()
    turned = true @ turn.swapaxes(-1, -2)
    size = (turned * seen).sum((-1, -2)) / np.maximum((turned**2).sum((-1, -2)), 1e-9)
    vector = Rotation.from_matrix(turn.reshape(-1, 3, 3)).as_rotvec().reshape(*turn.shape[:-2], 3)
    return vector, size, seen - size[..., None, None] * turned


def _masks(clips: Sequence[MatchedClip]) -> dict[str, Any]:
    measured = [_mask_numbers(clip) for clip in clips]
    where = [condition_bins(c.conditions.closeness_bin, c.skeleton_kind) for c in clips]
    kept = [np.isin(c.skeleton_kind, (OWN_SKELETON, SIDES_SWAPPED, UNRELIABLE)) for c in clips]
    out: dict[str, Any] = {}
    scores = []
    for number, name in enumerate(("grown", "leaked", "missed")):
        table, score = _table(
            [np.nan_to_num(m[..., number]) for m in measured],
            [k & ~np.isnan(m[..., number]) for k, m in zip(kept, measured)],
            (where,),
            (BINS,),
        )
        out[f"mask_{name}"] = table
        scores.append(score)
    soft = np.concatenate([m[k][:, 3:] for m, k in zip(measured, kept)])
    return out | {
        "mask_soft": round(float(np.nanmedian(soft[:, 0])), 4),
        "mask_rough": round(float(np.nanmedian(np.maximum(soft[:, 1] - soft[:, 0] / 4, 0))) * 1.25, 4),
        "mask_times": _times(_together(*scores), [c.rate for c in clips]),
    }


def _mask_numbers(clip: MatchedClip) -> np.ndarray:
    """[P,T,5] grown, leaked, missed and soft as `observe.altered_mask` means them, and the mean distance of outlines.

    nan where that cannot be told.
    """
    people, frames = clip.skeleton_kind.shape
    scale = clip.projected.masks.shape[3] / clip.detections.image_size[0]
    out = np.full((people, frames, 5), np.nan)
    for person in range(people):
        for frame in np.flatnonzero(clip.skeleton_kind[person] != NOT_FOUND):
            mine, theirs = clip.projected.masks[person, frame] > 127, clip.projected.masks[1 - person, frame] > 127
            seen = clip.detections.masks[person, frame] / 255
            size = clip.projected.height_px[person, frame] * scale
            inner = _eroded(mine)
            edge = mine & ~inner
            apart = ~_dilated(theirs, 4) & ~inner
            border = float((edge & apart).sum())
            if border > 15:
                out[person, frame, 0] = (seen[apart & _near(mine)].sum() - edge[apart].sum()) / border / size
                between = (seen > 0.1) & (seen < 0.9) & apart & _near(mine)
                out[person, frame, 3] = between.sum() / border / 0.8 / size
                out[person, frame, 4] = np.abs(seen - edge)[apart & _near(mine)].sum() / border / size
            if theirs.sum() > 15:
                out[person, frame, 1] = (seen[theirs] > _CLAIMED).mean()
            if inner.sum() > 15:
                out[person, frame, 2] = (seen[inner] <= _CLAIMED).mean()
    return out


def _eroded(mask: np.ndarray) -> np.ndarray:
    return cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


def _dilated(mask: np.ndarray, reach: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)).astype(bool)


def _near(mask: np.ndarray) -> np.ndarray:
    return _dilated(mask, 6)
