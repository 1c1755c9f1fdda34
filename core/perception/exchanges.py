"""Undoes exchanges: after two people met, each of their tracks may go on with the other one.

Where tracks are exchanged is found by dynamic programming (Viterbi, 1967) over all frames of the clip. Every term is a negative
logarithm of a likelihood: joints move little from frame to frame, people keep their appearance, and where two passes over the
clip saw the same body, they saw the same person. An exchange by one of the passes is found that way, too: at some frame their
tracks cease to agree, and the appearance, and how near the people were to each other in either pass, say which of them was wrong.

Costs are in nats. A step is a frame of the clip, whatever its rate, and so are the lengths of time below. With more frames a
second joints move less from one to the next, and what is counted in every frame weighs more (two passes that agree; the
appearance, up to `_MOST_SAMPLES`), while an exchange costs the same. The values were chosen on rendered clips of 30 frames a
second and on one film: see "Who is who" in docs/benchmarks.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import binary_closing

from ..contract.runs import find_runs
from .assignment import limb_similarity
from .movenet import LIMBS
from .track import SeenT, Sighting, Track

_JUMP_COST = 10.0
"""Nats, for each person: how much less likely it is that their joints are nowhere near where they were than at the same place."""
EXCHANGE_COST = 3.0
"""Nats for an exchange in one particular frame, before anything is known."""
_MEMORY = 10.0
"""Frames of a gap in a track that leave 1/e of the weight of the place before it."""
_SAME_BODY_COST = 2.0
"""Nats, for each person and frame: two passes see the same body, and it is said to be of two people."""
_CORRELATED_FRAMES = 10.0
"""Frames that count as one sample of the appearance: those nearby show it in the same light and from the same side."""
_MOST_SAMPLES = 3.0
"""Effective samples of a stretch between two meetings at most: light and side may be the same for all of it."""
_LEAST_SPREAD = 0.15
"""Least standard deviation of the difference between two people's appearance: from behind they look different."""
_MOST_SAMPLE_COST = 4.0
"""Nats that one sample of the appearance may cost at most."""
_CLOSE_WEIGHT = 0.25
"""Of the appearance of people who are close: each of them has pixels of the other."""
_APART = 1.0
"""Distance of the trunks in scales from which neither hides much of the other."""
_NEAR = 1.6
"""Distance of the trunks in scales within which people meet."""
_SAMPLE = 3
"""Every so many frames that show both are looked at to tell whether they meet."""
_LEAST_TOGETHER = 5
"""Of two tracks that have fewer frames in common, one is not of a person."""
_FLICKER = 5
"""Frames that people must at least be near each other for a meeting."""
_ROUNDS = 2
"""Appearances are fitted to the identities, and identities found by the appearances, this often."""
_DOUBTFUL = 7.0
"""Nats: identities are doubtful if others cost less than this more. Two passes that keep a person's name without any evidence,
where they had both people at one place, are worth 6."""
_ONE_BODY, _SURELY_ONE_BODY = 0.5, 0.6
"""Similarity of the limbs from which two tracks may be on one body, and from which they are."""
_CLEARLY_BETTER = 0.1
"""How much more the other pass must see one person there than the other one."""


def undo_exchanges(
    a: Track[SeenT],
    b: Track[SeenT],
    known: tuple[Track[Sighting], Track[Sighting]] | None = None,
    exchange_cost: float = EXCHANGE_COST,
) -> list[int]:
    """Exchange two tracks wherever that is likelier, and return the steps in which it is not clear whether they are exchanged.

    `known` are the tracks of the same two people in another pass over the clip. The larger `exchange_cost` is, the more seldom
    the pass of a and b exchanges people.
    """
    if not _meet(a, b):
        return []
    steps = np.array(sorted(a.seen.keys() | b.seen.keys()), int)
    own = _arrays((a, b), steps)
    passes = [own] if known is None else [_arrays(known, steps), own]
    exchanged, margin = _likeliest_exchanges(passes, [EXCHANGE_COST, exchange_cost][-len(passes) :])
    mixed = set(steps[exchanged].tolist())
    a.seen, b.seen = _parts_exchanged(a, b, mixed), _parts_exchanged(b, a, mixed)
    doubtful = (margin < _DOUBTFUL) & own.seen.all(0) & (_similarity(own, own, crosswise=True).mean(0) < _ONE_BODY)
    return steps[doubtful].tolist()


def _meet(a: Track[SeenT], b: Track[SeenT]) -> bool:
    """Whether the two come near each other in some of the frames that show both, if those are not only a few."""
    both = sorted(a.seen.keys() & b.seen.keys())
    if len(both) < _LEAST_TOGETHER:
        return False
    for step in both[::_SAMPLE]:
        p, q = a.seen[step], b.seen[step]
        if np.linalg.norm(p.middle - q.middle) < _NEAR * max(p.scale, q.scale):
            return True
    return False


def leave_each_body_to_one(a: Track[SeenT], b: Track[SeenT], known: tuple[Track[Sighting], Track[Sighting]]) -> None:
    """Where two tracks are on one body, remove what the one shows whose person another pass saw less there.

    The networks answer for whoever is in front when they are asked for somebody who is hidden.
    """
    steps = np.array(sorted(a.seen.keys() & b.seen.keys()), int)
    own = _arrays((a, b), steps)
    shared = _similarity(own, own, crosswise=True)[0] > _SURELY_ONE_BODY
    support = _similarity(own, _arrays(known, steps), crosswise=False)
    for track, mine, others in zip((a, b), support, support[::-1]):
        for step in steps[shared & (others - mine > _CLEARLY_BETTER)].tolist():
            del track.seen[step]


def _parts_exchanged(own: Track[SeenT], other: Track[SeenT], steps: set[int]) -> dict[int, SeenT]:
    """What was seen of a person: the other's track in some steps, their own in the rest."""
    parts = {k: seen for k, seen in own.seen.items() if k not in steps}
    parts |= {k: seen for k, seen in other.seen.items() if k in steps}
    return dict(sorted(parts.items()))


@dataclass(frozen=True)
class _TwoTracks:
    """Two tracks of one pass as arrays over the same T steps; nothing is meant where the person was not seen."""

    steps: Int[np.ndarray, " T"]
    seen: Bool[np.ndarray, "2 T"]
    gap: Float[np.ndarray, " T"]
    """Distance of the trunks in scales; 0 where one of the people is not seen."""
    limbs: Float[np.ndarray, "2 T 12 2"]
    scale: Float[np.ndarray, "2 T"]
    appearance: Float[np.ndarray, "2 T 3 33"]
    """Roots of the `appearance_embedding`, whose squares sum to 1 over the bands; zeros in bands that are not seen."""

    @property
    def apart(self) -> Bool[np.ndarray, " T"]:
        return self.gap > _APART


def _arrays(tracks: tuple[Track[SeenT], Track[SeenT]], steps: Int[np.ndarray, " T"]) -> _TwoTracks:
    count = len(steps)
    seen, middle = np.zeros((2, count), bool), np.zeros((2, count, 2))
    limbs, scale = np.zeros((2, count, 12, 2)), np.ones((2, count))
    appearance = np.zeros((2, count, 3, 33))
    for person, track in enumerate(tracks):
        for place, step in enumerate(steps.tolist()):
            found = track.seen.get(step)
            if found is not None:
                seen[person, place], middle[person, place] = True, found.middle
                limbs[person, place], scale[person, place] = found.keypoints[LIMBS], found.scale
                appearance[person, place] = np.sqrt(found.appearance / len(found.appearance))
    gap = np.linalg.norm(middle[0] - middle[1], axis=-1) / scale.max(0)
    return _TwoTracks(steps, seen, np.where(seen[0] & seen[1], gap, 0.0), limbs, scale, appearance)


def _similarity(p: _TwoTracks, q: _TwoTracks, *, crosswise: bool) -> Float[np.ndarray, "2 T"]:
    """Of each person in p with the same person in q, or with the other one."""
    order = [1, 0] if crosswise else [0, 1]
    scale = np.maximum(p.scale, q.scale[order])
    return np.where(p.seen & q.seen[order], limb_similarity(p.limbs, q.limbs[order], scale), 0.0)


def _likeliest_exchanges(
    passes: Sequence[_TwoTracks], exchange_costs: Sequence[float]
) -> tuple[Bool[np.ndarray, " T"], Float[np.ndarray, " T"]]:
    """Where the last pass has the people exchanged, and how much more the opposite would cost in each step.

    Who is who is settled by the first pass at its anchor: there its tracks are right by definition.
    """
    first = passes[0]
    anchor = _anchor(first)
    jumps = [cost + _JUMP_COST * _kept_places(each) for each, cost in zip(passes, exchange_costs)]
    conflict = np.zeros(len(first.steps))
    if len(passes) > 1:
        agreement = _similarity(*passes, crosswise=False).sum(0) - _similarity(*passes, crosswise=True).sum(0)
        conflict = _SAME_BODY_COST * agreement
    exchanged = margin = _apparently_exchanged(first, anchor)[None]
    for _ in range(_ROUNDS):
        appearance = _fit_appearance(first, exchanged[0])
        appearance_costs = [_appearance_cost(each, appearance) / len(passes) for each in passes]
        exchanged, margin = _dynamic_programme(appearance_costs, jumps, conflict, anchor)
    return exchanged[-1], margin[-1]


def _anchor(tracks: _TwoTracks) -> int:
    """The middle of the longest time for which both are apart, or where they are farthest apart."""
    if not tracks.apart.any():
        return int(tracks.gap.argmax())
    longest = max(find_runs(tracks.apart), key=lambda run: run.stop - run.start)
    return (longest.start + longest.stop - 1) // 2


def _around(place: int, true: Bool[np.ndarray, " T"]) -> Bool[np.ndarray, " T"]:
    """The stretch of `true` values that a place lies in."""
    stretch = np.cumsum(~true)
    return true & (stretch == stretch[place])


def _kept_places(tracks: _TwoTracks) -> Float[np.ndarray, " T"]:
    """How much better (-2 to 2) the joints in each step fit the same track's last ones than the other track's."""
    count = len(tracks.steps)
    places = np.maximum.accumulate(np.where(tracks.seen, np.arange(count), -1), axis=1)
    before = np.concatenate([np.full((2, 1), -1), places[:, :-1]], 1)
    total = np.zeros(count)
    for person, other, sign in ((0, 0, 1), (1, 1, 1), (0, 1, -1), (1, 0, -1)):
        last = before[other]
        memory = np.exp(np.minimum(1 - (tracks.steps - tracks.steps[last]), 0) / _MEMORY)
        scale = np.maximum(tracks.scale[person], tracks.scale[other, last])
        alike = limb_similarity(tracks.limbs[person], tracks.limbs[other, last], scale)
        total += sign * np.where(tracks.seen[person] & (last >= 0), memory * alike, 0.0)
    # one person who jumps to where the other one was has not been exchanged with them
    return np.where(tracks.seen[0] & tracks.seen[1], total, np.maximum(total, 0.0))


@dataclass(frozen=True)
class _AppearanceModel:
    """How two people's appearances differ. Roots of histograms are compared; their distance is Hellinger's."""

    middle: Float[np.ndarray, "3 33"]
    """Halfway between the two people."""
    odds: Float[np.ndarray, "3 33"]
    """The product of this and a deviation from the middle is the logarithm of the odds that the first person is seen."""


def _fit_appearance(tracks: _TwoTracks, exchanged: Bool[np.ndarray, " T"]) -> _AppearanceModel:
    """From the steps in which both people are apart. Differences between the people are taken for normally distributed."""
    first, second = np.where(exchanged[:, None, None], tracks.appearance[::-1], tracks.appearance)[:, tracks.apart]
    shown = first.any(-1) & second.any(-1)
    count = np.maximum(shown.sum(0), 1)[:, None]
    differences = np.where(shown[..., None], first - second, 0.0)
    mean = differences.sum(0) / count
    middle = np.where(shown[..., None], first + second, 0.0).sum(0) / (2 * count)
    distance = float(np.linalg.norm(mean))
    if distance == 0.0:
        return _AppearanceModel(middle, mean)
    spread = float(((differences * mean).sum((1, 2)) / distance).std())
    return _AppearanceModel(middle, 2 * mean / max(spread, _LEAST_SPREAD) ** 2)


def _appearance_cost(tracks: _TwoTracks, appearance: _AppearanceModel) -> Float[np.ndarray, " T"]:
    """What it costs by the appearance to call the people exchanged; below 0 where they look exchanged."""
    shown = tracks.appearance.any(-1, keepdims=True)
    deviation = np.where(shown, tracks.appearance - appearance.middle, 0.0)
    value = np.clip((deviation * appearance.odds).sum((2, 3)), -_MOST_SAMPLE_COST / 2, _MOST_SAMPLE_COST / 2)
    return _effective_samples(tracks.apart) * (value[0] - value[1])


def _effective_samples(apart: Bool[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
    """How many independent samples of the appearance each step counts."""
    bridged = apart | binary_closing(apart, np.ones(_FLICKER))
    stretch = np.cumsum(np.diff(bridged, prepend=bridged[:1]))
    length = np.bincount(stretch)[stretch]
    return np.where(apart, 1.0, _CLOSE_WEIGHT) * np.minimum(1 / _CORRELATED_FRAMES, _MOST_SAMPLES / length)


def _apparently_exchanged(tracks: _TwoTracks, anchor: int) -> Bool[np.ndarray, " T"]:
    """Where the appearances look exchanged beside those around the anchor.

    An exchange turns a difference into its opposite, and so leaves the axis of the differences as it is.
    """
    shown = tracks.appearance.any(-1, keepdims=True).all(0)
    differences = np.where(shown, tracks.appearance[0] - tracks.appearance[1], 0.0).reshape(len(tracks.steps), -1)
    if not tracks.apart.any():
        return np.zeros(len(differences), bool)
    axis = np.linalg.svd(differences[tracks.apart], full_matrices=False)[2][0]
    values = differences @ axis
    return values < 0 if values[_around(anchor, tracks.apart)].sum() >= 0 else values > 0


def _dynamic_programme(
    appearance_costs: Sequence[Float[np.ndarray, " T"]],
    jumps: Sequence[Float[np.ndarray, " T"]],
    conflict: Float[np.ndarray, " T"],
    anchor: int,
) -> tuple[Bool[np.ndarray, "N T"], Float[np.ndarray, "N T"]]:
    """Where each of N passes has the people exchanged, and how much more the opposite would cost.

    `appearance_costs` are those of being exchanged, `jumps` those of an exchange before each step, `conflict` those of two passes
    that name the people differently. Nobody is exchanged in the first pass at the `anchor`.
    """
    states = np.array(list(product((0, 1), repeat=len(appearance_costs))))
    cost = np.stack(list(appearance_costs), 1) @ states.T + np.outer(conflict, np.ptp(states, axis=1))
    cost[anchor, states[:, 0] == 1] = np.inf
    changes = (states[:, None] != states[None]).astype(float)
    transition = np.einsum("nt,abn->tab", np.stack(list(jumps)), changes)
    forward, backward = np.zeros(cost.shape), np.zeros(cost.shape)
    for step in range(1, len(cost)):
        forward[step] = ((forward[step - 1] + cost[step - 1])[:, None] + transition[step]).min(0)
    for step in range(len(cost) - 2, -1, -1):
        backward[step] = ((backward[step + 1] + cost[step + 1])[None] + transition[step + 1]).min(1)
    total = forward + cost + backward
    kept, other = (
        np.stack([total[:, states[:, n] == value].min(1) for n in range(len(appearance_costs))]) for value in (0, 1)
    )
    return other < kept, np.abs(other - kept)
