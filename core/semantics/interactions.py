"""What two people do with each other: named interactions, read off what touches what and how both move meanwhile.

The names are those of `lexicon.INTERACTIONS` and a few of its verbs. Rules, not learning: each says which touches make an
interaction, and takes them away from the rules after it, the more particular before the more general.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from scipy.signal import find_peaks

from ..body.regions import Side, split_side
from ..contract.skeleton import REGIONS
from .actions import is_carried
from .kinematics import PairKinematics, find_runs, wrap_angle

InteractionName = Literal[
    "piggyback", "carry", "help_up", "dance_turn", "dance_hold", "hug", "hug_from_behind", "arm_around_shoulder",
    "arm_around_waist", "pull_arm", "hold_arm", "block", "high_five", "handshake", "lead_by_hand", "hold_hands", "hand_over",
    "kick", "hit", "shove", "pat", "touch",
]  # fmt: skip
SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


@dataclass(frozen=True)
class Interaction:
    """One interaction. The actor is who carries, leads, shoves, lays a hand on the other; None where both do the same."""

    name: InteractionName
    actor: int | None
    start: float
    end: float
    """seconds of the clip's time: the touch itself."""
    actor_side: Side = ""
    """Of the actor's hand, arm or foot that does it; of person 0's where nobody is the actor."""
    other_side: Side = ""
    """Of the other's limb that it is done to."""
    both_hands: bool = False
    """Both hands of the actor do it."""
    actor_region: str = ""
    """Region of the actor that touches, without its side; only of `touch` and `hit`."""
    other_region: str = ""
    """Region of the other that is touched, without its side."""
    count: int = 0
    """How often a hand pats, or clasped hands go up and down; 0 where nobody could count."""
    from_behind: bool = False
    """The actor stands behind the other."""

    @property
    def duration(self) -> float:
        return self.end - self.start


WHOLE: frozenset[InteractionName] = frozenset(
    {"piggyback", "carry", "help_up", "dance_turn", "dance_hold", "hug", "hug_from_behind", "arm_around_shoulder",
     "arm_around_waist", "hold_hands", "lead_by_hand", "pull_arm", "handshake", "high_five"}
)  # fmt: skip
"""Interactions that bring other parts together by the way, which are not worth a word."""

_BRIDGE, _MARGIN = 0.3, 0.4
"""seconds: interruptions of a touch that do not count; what touches so little before or after a deed belongs to it."""
_FACES, _TURNED = math.radians(65), math.radians(110)
"""Bearings of the other within which somebody faces them, and beyond which they are behind."""
_ALIKE = math.radians(55)
"""radians between two headings that count as the same."""
_FULL_TURN = math.radians(240)
_CLASP = 0.185
"""metres between wrists: in a handshake less, when fingers touch or something is handed over more."""
_PUSH, _PUSHES = 0.05, 0.95
"""metres that a hand goes on forwards while it touches, and seconds that it touches at most, in a shove."""
_BOUNCE = 0.015
"""metres that a hand rises between two pats."""
_WAIST = -0.08
"""metres of a wrist against the other's middle of the chest: an arm that lies lower is around the waist."""
_FAST, _SWUNG, _PARRIED = 2.6, 2.0, 1.4
"""metres a second, just before the touch, of a fist that hits, a foot that kicks, the faster arm of a blocked punch."""
_HELD_TO, _LIFTED = 0.6, 0.3
"""metres between the spines within which one may carry the other, and from the bearer's lower foot up to the other's."""
_SHORTEST = 0.1

_HAND = ("palm", "fingers", "hand_back")
_LOWER_ARM = ("wrist", "forearm", "elbow")
_TRUNK_FRONT, _TRUNK_BACK = ("chest", "belly"), ("back", "hips")
_LEG = ("thigh", "knee", "shin", "calf")
_SIDED = {region.partition("_")[2] for region in REGIONS if region.startswith("left_")}


class Evidence:
    """The touches that are not yet part of a deed, and the motion around them."""

    def __init__(self, k: PairKinematics, table: np.ndarray) -> None:
        self.k = k
        self.table = table.copy()

    def touch(self, who: int, own: Iterable[str], other: Iterable[str]) -> np.ndarray:
        """bool [T]: whether any of these regions of `who` touches any of those of the other."""
        mine, theirs = ([REGIONS.index(region) for region in regions] for regions in (own, other))
        rows, columns = (mine, theirs) if who == 0 else (theirs, mine)
        return np.any(self.table[np.ix_(rows, columns)], axis=(0, 1))  # pyright: ignore[reportReturnType]

    def runs(self, mask: np.ndarray, shortest: float = _SHORTEST, bridge: float = _BRIDGE) -> list[slice]:
        return find_runs(mask, self.k.frame_count(bridge), self.k.frame_count(shortest))

    def most(self, who: int, own: Iterable[str], others: Iterable[str], run: slice) -> str:
        """Which of the other's regions is touched longest in the run."""
        return max(others, key=lambda region: int(self.touch(who, own, [region])[run].sum()))

    def span(self, run: slice) -> tuple[float, float]:
        return float(self.k.time[run.start]), float(self.k.time[run.stop - 1])

    def faces(self, who: int, run: slice) -> bool:
        return bool(np.median(np.abs(self.k.bearing(who)[run])) < _FACES)

    def turned_away(self, who: int, run: slice) -> bool:
        return bool(np.median(np.abs(self.k.bearing(who)[run])) > _TURNED)

    def alike(self, run: slice) -> bool:
        """Both look the same way."""
        return bool(np.median(np.abs(wrap_angle(self.k.heading[0, run] - self.k.heading[1, run]))) < _ALIKE)

    def behind(self, who: int, run: slice) -> bool:
        """`who` stands behind the other, looking at their back."""
        return self.faces(who, run) and self.turned_away(1 - who, run)

    def height_over_shoulder(self, who: int, side: str, run: slice) -> float:
        """metres, at its highest."""
        wrist, shoulder = self.k.joint(who, f"{side}_wrist"), self.k.joint(who, f"{side}_shoulder")
        return float((wrist - shoulder)[run, 2].max())

    def coming_in(self, who: int, joint: str, run: slice) -> float:
        """m/s: how fast a joint went just before the touch, against the other's trunk."""
        k = self.k
        before = slice(max(run.start - k.frame_count(0.3), 0), run.start + 1)
        relative = k.joint(who, joint) - k.joint(1 - who, "spine3")
        return float(k.speed(relative)[before].max())

    def forget(self, deed: Interaction, limbs: set[tuple[int, str]]) -> None:
        """Take away what the deed explains: everything meanwhile, or what its limbs touch."""
        k = self.k
        when = (k.time >= deed.start - _MARGIN) & (k.time <= deed.end + _MARGIN)
        if deed.name in WHOLE:
            self.table[:, :, when] = False
            return
        for who, limb in limbs:
            rows = [index for index, region in enumerate(REGIONS) if limb_of(region) == limb]
            for row in rows:
                (self.table if who == 0 else self.table.transpose(1, 0, 2))[row][:, when] = False


def recognize_interactions(k: PairKinematics, table: np.ndarray) -> tuple[Interaction, ...]:
    """All deeds in order of time. `table` as from `touch_table`."""
    evidence = Evidence(k, table)
    found: list[Interaction] = []
    for rule in _RULES:
        for deed, limbs in rule(evidence):
            found.append(deed)
            evidence.forget(deed, limbs)
    return tuple(sorted(found, key=lambda deed: (deed.start, deed.name)))


def limb_of(region: str) -> str:
    side, bare = split_side(region)
    if bare in ("shoulder", "chest", "back", "belly", "hips", "neck"):
        return "trunk"
    if bare in ("head", "face"):
        return "head"
    return f"{side}_{'leg' if bare in (*_LEG, 'foot') else 'arm'}"


def _sided(side: str, *parts: str) -> tuple[str, ...]:
    return tuple(f"{side}_{part}" for part in parts)


def _both_sides(*parts: str) -> tuple[str, ...]:
    return _sided("left", *parts) + _sided("right", *parts)


def _other(side: str) -> Literal["left", "right"]:
    return "left" if side == "right" else "right"


_Found = Iterable[tuple[Interaction, set[tuple[int, str]]]]


def _carried(e: Evidence) -> _Found:
    apart = np.linalg.norm(e.k.joint(0, "spine2") - e.k.joint(1, "spine2"), axis=-1)
    for who in (0, 1):
        bearer = 1 - who
        higher = (
            e.k.foot_height[who].min(-1) - e.k.foot_height[bearer].min(-1) > _LIFTED
        )  # where both are off it, the floor is wrong
        for run in e.runs(is_carried(e.k, who) & higher & (apart < _HELD_TO), 0.4):
            if not e.table[:, :, run].any():
                continue
            on_back = e.alike(run) and (
                e.turned_away(bearer, run)
                or e.touch(bearer, ("back",), (*_TRUNK_FRONT, "hips", *_both_sides("thigh")))[run].any()
            )
            yield Interaction("piggyback" if on_back else "carry", bearer, *e.span(run)), set()


def _helped_up(e: Evidence) -> _Found:
    for who in (0, 1):
        height = e.k.relative_height[who]
        low = np.flatnonzero(height < 0.6)
        if not len(low):
            continue
        up = np.flatnonzero(height[low[-1] :] > 0.85)
        stands = e.k.relative_height[1 - who] > 0.7
        if not len(up) or is_carried(e.k, 1 - who).mean() > 0.5:
            continue
        rise = slice(max(int(low[-1]) - e.k.frame_count(1.5), 0), int(low[-1]) + int(up[0]) + 1)
        held = {
            side: e.touch(1 - who, _sided(side, *_HAND), _both_sides(*_HAND, *_LOWER_ARM, "upper_arm")) & stands
            for side in SIDES
        }
        hands = [side for side in SIDES if held[side][rise].sum() >= e.k.frame_count(0.2)]
        if not hands:
            continue
        whole = held["left"] | held["right"]
        touching = e.runs(whole)
        if not touching:
            continue
        run = max(touching, key=lambda run: whole[run.start : min(run.stop, rise.stop)].sum())
        side = "left" if held["left"][run].sum() > held["right"][run].sum() else "right"
        taken = e.most(1 - who, _sided(side, *_HAND), _both_sides(*_HAND, *_LOWER_ARM), run)
        yield Interaction("help_up", 1 - who, *e.span(run), side, split_side(taken)[0], len(hands) == 2), set()


def _turned_under(e: Evidence) -> _Found:
    for turner in (0, 1):
        leader = 1 - turner
        for own, other in product(SIDES, SIDES):
            held = e.touch(leader, _sided(own, *_HAND), _sided(other, *_HAND, "wrist"))
            for run in e.runs(held, 0.3, bridge=0.9):
                around = slice(max(run.start - e.k.frame_count(0.3), 0), run.stop + e.k.frame_count(0.3))
                heading = e.k.heading[turner, around]
                raised = e.height_over_shoulder(leader, own, run) > 0.12
                if raised and np.ptp(heading) > max(_FULL_TURN, 1.5 * np.ptp(e.k.heading[leader, around])):
                    yield Interaction("dance_turn", leader, *e.span(run), own, other), set()


def _held_to_dance(e: Evidence) -> _Found:
    found: list[Interaction] = []
    for actor, side in product((0, 1), SIDES):
        around = e.touch(actor, _sided(side, *_HAND, "wrist"), ("back", "hips"))
        joined = {other: e.touch(actor, _sided(_other(side), *_HAND), _sided(other, *_HAND)) for other in SIDES}
        other = max(SIDES, key=lambda other: int(joined[other].sum()))
        for run in e.runs(around & joined[other], 0.5):
            if e.faces(0, run) and e.faces(1, run):
                found.append(Interaction("dance_hold", actor, *e.span(run), side, other))
    if found:
        yield max(found, key=lambda deed: deed.duration), set()


def _hugged(e: Evidence) -> _Found:
    around = [e.touch(who, _both_sides(*_HAND, "wrist", "forearm"), ("back", "hips", "neck")) for who in (0, 1)]
    chests = e.touch(0, (*_TRUNK_FRONT, "hips"), (*_TRUNK_FRONT, "hips"))
    for run in e.runs((around[0] | around[1]) & (chests | (around[0] & around[1])), 0.3, bridge=0.5):
        if e.faces(0, run) and e.faces(1, run):
            share = [float(arms[run].mean()) for arms in around]
            one_sided = min(share) < 0.2 * max(share)
            actor = (0 if share[0] > share[1] else 1) if one_sided else None
            yield Interaction("hug", actor, *e.span(run)), set()
    for who in (0, 1):
        front = e.touch(who, _TRUNK_FRONT, ("back",))
        arms = e.touch(
            who, _both_sides(*_HAND, "forearm", "wrist"), (*_TRUNK_FRONT, *_both_sides("shoulder", "upper_arm"))
        )
        for run in e.runs(front & arms, 0.3):
            if e.behind(who, run):
                yield Interaction("hug_from_behind", who, *e.span(run), from_behind=True), set()


def _arm_around(e: Evidence) -> _Found:
    found: list[Interaction] = []
    for actor, side in product((0, 1), SIDES):
        hand = _sided(side, *_HAND)
        over = e.touch(actor, hand, (*_sided(side, "shoulder", "upper_arm"), "neck"))
        across = e.touch(actor, _sided(side, "wrist", "forearm", "elbow", "upper_arm"), ("back", "neck"))
        laid = e.touch(actor, hand, ("back", "hips", "belly"))
        joined = e.touch(actor, hand, _both_sides(*_HAND))
        for run in e.runs(over | across | laid, 0.6, bridge=0.6):
            bearing = float(np.median(e.k.bearing(actor)[run]))
            beside = math.radians(25) < abs(bearing) < math.radians(155) and (bearing > 0) == (side == "left")
            apart = np.median(np.abs(wrap_angle(e.k.heading[0, run] - e.k.heading[1, run])))
            if not beside or apart > math.radians(95) or e.faces(1 - actor, run) or joined[run].mean() > 0.25:
                continue
            wrist = (e.k.joint(actor, f"{side}_wrist") - e.k.joint(1 - actor, "spine3"))[run, 2]
            high = over[run].mean() > 0.1 or float(np.median(wrist)) > _WAIST
            found.append(Interaction("arm_around_shoulder" if high else "arm_around_waist", actor, *e.span(run), side))
    return [(deed, set()) for deed in found]


def _held_by_the_arm(e: Evidence) -> _Found:
    for actor, own, other in product((0, 1), SIDES, SIDES):
        held = e.touch(actor, _sided(own, "palm", "fingers"), _sided(other, *_LOWER_ARM, "upper_arm"))
        back = e.touch(1 - actor, _sided(other, "palm", "fingers"), _sided(own, *_LOWER_ARM))
        for run in e.runs(held, 0.5):
            if back[run].sum() > 0.6 * held[run].sum():
                continue
            parts = _sided(other, *_LOWER_ARM, "upper_arm")
            part = split_side(e.most(actor, _sided(own, "palm", "fingers"), parts, run))[1]
            palms = e.touch(actor, _sided(own, "palm"), _sided(other, "palm"))[run].mean()
            if part == "wrist" and palms > 0.3:
                continue
            if (
                part == "upper_arm"
                and not e.touch(actor, _sided(own, "palm", "fingers"), _sided(other, "forearm", "elbow"))[run].any()
            ):
                continue
            name: InteractionName = "pull_arm" if _leads(e, actor, run) or _draws(e, actor, run) else "hold_arm"
            yield (
                Interaction(name, actor, *e.span(run), own, other, other_region=part),
                {(actor, f"{own}_arm"), (1 - actor, f"{other}_arm")},
            )


def _leads(e: Evidence, actor: int, run: slice) -> bool:
    """Both go, the actor before the other, who looks at the actor."""
    gone = [float(np.linalg.norm(e.k.position[who, run.stop - 1] - e.k.position[who, run.start])) for who in (0, 1)]
    ahead = np.median(np.abs(e.k.bearing(actor)[run])) > math.radians(112)
    return min(gone) > 0.3 and bool(ahead) and e.faces(1 - actor, run)


def _draws(e: Evidence, actor: int, run: slice) -> bool:
    """The other comes nearer, or follows, while the actor does not come to them."""
    k = e.k
    after = slice(run.start, run.stop + k.frame_count(0.5))
    towards = k.position[actor, run.start] - k.position[1 - actor, run.start]
    towards = towards / max(float(np.linalg.norm(towards)), 1e-6)
    other, own = ((k.position[who, after] - k.position[who, run.start]) @ towards for who in (1 - actor, actor))
    return float(other.max()) > 0.12 and float(own.min()) > -0.1


def _blocked(e: Evidence) -> _Found:
    arm = ("wrist", "forearm", "elbow")
    for own, other in product(SIDES, SIDES):
        met = e.touch(0, _sided(own, *arm), _sided(other, *arm, "palm", "hand_back"))
        met |= e.touch(0, _sided(own, *arm, "palm", "hand_back"), _sided(other, *arm))
        for run in e.runs(met, 0.05):
            if e.span(run)[1] - e.span(run)[0] > 0.9:
                continue
            fast = e.coming_in(0, f"{own}_wrist", run), e.coming_in(1, f"{other}_wrist", run)
            if max(fast) < _PARRIED:
                continue
            nearer = [
                np.linalg.norm((e.k.joint(who, f"{side}_wrist") - e.k.joint(1 - who, "spine3"))[run], axis=-1).min()
                for who, side in ((0, own), (1, other))
            ]
            puncher = 0 if nearer[0] < nearer[1] else 1  # whose fist came nearer to the other's body
            if not e.faces(puncher, run) or e.turned_away(1 - puncher, run):
                continue
            sides = (own, other) if puncher == 1 else (other, own)
            yield (
                Interaction("block", 1 - puncher, *e.span(run), sides[0], sides[1]),
                {(0, f"{own}_arm"), (1, f"{other}_arm")},
            )


def _hand_in_hand(e: Evidence) -> _Found:
    found: list[tuple[slice, Side, Side]] = []
    pairs: list[tuple[Side, Side]] = [("left", "left"), ("left", "right"), ("right", "left"), ("right", "right")]
    for own, other in pairs:
        met = e.touch(0, _sided(own, *_HAND), _sided(other, *_HAND))
        for run in e.runs(met, 0.06):
            found.append((run, own, other))
    found = sorted((item for item in found if not _by_the_way(e, *item)), key=lambda item: item[0].start - item[0].stop)
    taken: list[Interaction] = []
    for run, own, other in found:
        start, end = e.span(run)
        known = next((d for d in taken if start <= d.end and d.start <= end), None)
        if known is not None:
            crossed = own != known.actor_side and other != known.other_side and end - start > 0.4 * known.duration
            if crossed and not known.both_hands:
                taken[taken.index(known)] = _of_hands(e, run, own, other, both=True)
            continue
        taken.append(_of_hands(e, run, own, other, both=False))
    return [(deed, {(0, f"{deed.actor_side}_arm"), (1, f"{deed.other_side}_arm")}) for deed in taken]


def _by_the_way(e: Evidence, run: slice, own: str, other: str) -> bool:
    """Hands that brush each other while one of them is on the other's trunk for longer."""
    around = slice(max(run.start - e.k.frame_count(_BRIDGE), 0), run.stop + e.k.frame_count(_BRIDGE))
    laid = [
        e.touch(who, _sided(side, *_HAND), ("chest", "back", *_both_sides("shoulder")))[around].sum()
        for who, side in ((0, own), (1, other))
    ]
    return max(laid) > run.stop - run.start


def _of_hands(e: Evidence, run: slice, own: Side, other: Side, *, both: bool) -> Interaction:
    """What it is that two hands do with each other."""
    start, end = e.span(run)
    wrists = e.k.joint(0, f"{own}_wrist")[run] - e.k.joint(1, f"{other}_wrist")[run]
    clasped = float(np.median(np.linalg.norm(wrists, axis=-1))) < _CLASP
    high = min(e.height_over_shoulder(0, own, run), e.height_over_shoulder(1, other, run)) > -0.08
    face = e.faces(0, run) and e.faces(1, run)
    leader = next((who for who in (0, 1) if _leads(e, who, run)), None)
    name: InteractionName = "touch"
    actor, times = None, 0
    if high and end - start < 0.8:
        name = "high_five"
    elif leader is not None and end - start > 0.6:
        name, actor = "lead_by_hand", leader
    elif own == other and face and clasped and not both:
        name, times = (
            "handshake",
            _bounces((e.k.joint(0, f"{own}_wrist") + e.k.joint(1, f"{other}_wrist"))[run, 2] / 2, run),
        )
    elif both or end - start > (2.0 if face and not clasped else 1.2) or (clasped and (not face or own != other)):
        name = "hold_hands"
    elif face and end - start > 0.15:
        name = "hand_over"
    sides = (own, other) if actor in (None, 0) else (other, own)
    plain = name == "touch"
    return Interaction(
        name, actor, start, end, *sides, both, "fingers" if plain else "", "fingers" if plain else "", times
    )


def _bounces(height: np.ndarray, run: slice) -> int:
    """How often a height goes up and down again."""
    if run.stop - run.start < 5:
        return 0
    return len(find_peaks(height, prominence=_BOUNCE)[0])


def _kicked(e: Evidence) -> _Found:
    for actor, side in product((0, 1), SIDES):
        others = tuple(region for region in REGIONS if limb_of(region)[-3:] != "arm" and not region.endswith("foot"))
        arms = tuple(region for region in REGIONS if region not in others)
        own = _sided(side, "foot", "shin", "knee")
        for run in e.runs(e.touch(actor, own, (*others, *arms)), 0.05):
            index = SIDES.index(side)
            up = float(e.k.foot_height[actor, run, index].max())
            stands = float(e.k.foot_height[actor, run, 1 - index].min()) < 0.2
            if e.coming_in(actor, f"{side}_ankle", run) < _SWUNG or up < 0.08 or not stands:
                continue
            if e.span(run)[1] - e.span(run)[0] > 1.0:
                continue
            body = e.touch(actor, own, others)[run].any()
            hit_side, hit = split_side(e.most(actor, own, others if body else arms, run))
            limbs = {(actor, f"{side}_leg")}
            yield (
                Interaction(
                    "kick", actor, *e.span(run), side, hit_side, other_region=hit, from_behind=e.behind(actor, run)
                ),
                limbs,
            )


_BODY = ("chest", "back", "belly", "hips", "neck", "head", "face", *_both_sides("shoulder", "upper_arm"))


def _hand_on_body(e: Evidence) -> _Found:
    done: list[tuple[int, slice]] = []
    for actor, side in product((0, 1), SIDES):
        hand = _sided(side, *_HAND)
        for run in e.runs(e.touch(actor, hand, _BODY), 0.06):
            if any(who == actor and run.start < other.stop and other.start < run.stop for who, other in done):
                continue
            second = e.touch(actor, _sided(_other(side), *_HAND), _BODY)[run]
            deed = _of_a_hand(e, actor, side, run, both=bool(second.mean() > 0.4))
            if deed is None:
                continue
            if deed.both_hands:
                done.append((actor, run))
            limbs = {(actor, f"{side}_arm")} | ({(actor, f"{_other(side)}_arm")} if deed.both_hands else set())
            yield deed, limbs


def _of_a_hand(
    e: Evidence, actor: int, side: Literal["left", "right"], run: slice, *, both: bool
) -> Interaction | None:
    """What it is that a hand does on the other's body; None where it only brushes by."""
    k = e.k
    start, end = e.span(run)
    hand = _sided(side, *_HAND)
    hit_side, place = split_side(e.most(actor, hand, _BODY, run))
    wrist = k.joint(actor, f"{side}_wrist")
    towards = k.position[1 - actor, run.start] - k.position[actor, run.start]
    towards = towards / max(float(np.linalg.norm(towards)), 1e-6)
    pushed = float(((wrist[run, :2] - wrist[run.start, :2]) @ towards).max())
    speed = e.coming_in(actor, f"{side}_wrist", run)
    relative = (wrist - k.joint(1 - actor, "spine3"))[run]
    laid = e.touch(actor, hand, _BODY)
    bounces = max(_bounces(relative[:, 2], run), len(find_runs(laid[run], 1, 2)) - 1)
    behind = e.behind(actor, run)
    details = {"actor_side": side, "other_side": hit_side, "other_region": place, "from_behind": behind}
    palm = e.touch(actor, _sided(side, "palm"), _BODY)[run].any()
    if speed > _FAST and end - start < 0.4 and place in ("face", "head", "chest", "belly") and not both:
        return Interaction("hit", actor, start, end, actor_region="palm" if palm else "fingers", **details)
    pushes = place in ("chest", "back", "belly", "shoulder", "upper_arm")
    if end - start < _PUSHES and pushes and pushed > (_PUSH / 2 if both else _PUSH) and (both or bounces < 1):
        if both:
            hit_side, place = split_side(e.most(actor, (*hand, *_sided(_other(side), *_HAND)), _BODY, run))
            details |= {"other_side": hit_side, "other_region": place}
        return Interaction("shove", actor, start, end, both_hands=both, **details)
    if place in ("shoulder", "upper_arm", "back", "head", "chest") and bounces >= 1 and not both and end - start < 3:
        return Interaction("pat", actor, start, end, count=bounces + 1, **details)
    if end - start < 0.2:
        return None
    return Interaction("touch", actor, start, end, both_hands=both, actor_region="palm", **details)


def _plain_touches(e: Evidence) -> _Found:
    """What no other rule names: the longest touch of every pair of limbs."""
    limbs: dict[tuple[str, str], np.ndarray] = {}
    for row, column in np.argwhere(e.table.any(2)).tolist():
        key = limb_of(REGIONS[row]), limb_of(REGIONS[column])
        limbs[key] = limbs.get(key, np.zeros(len(e.k.time), bool)) | e.table[row, column]
    for (mine, theirs), mask in limbs.items():
        rows = [region for region in REGIONS if limb_of(region) == mine]
        columns = [region for region in REGIONS if limb_of(region) == theirs]
        for run in e.runs(mask, 0.3):
            own = e.most(1, columns, rows, run)
            other = e.most(0, [own], columns, run)
            actor = 0 if _reaches(own) >= _reaches(other) else 1
            first, second = (own, other) if actor == 0 else (other, own)
            (side, part), (other_side, place) = split_side(first), split_side(second)
            part, place = ("palm" if name in _HAND else name for name in (part, place))
            yield (
                Interaction("touch", actor, *e.span(run), side, other_side, actor_region=part, other_region=place),
                set(),
            )


def _reaches(region: str) -> int:
    """How much it is a thing that one touches with."""
    bare = split_side(region)[1]
    order = (
        *_HAND,
        "foot",
        "wrist",
        "forearm",
        "elbow",
        "knee",
        "head",
        "face",
        "shoulder",
        "upper_arm",
        "shin",
        "thigh",
        "calf",
    )
    return -order.index(bare) if bare in order else -len(order)


_RULES: tuple[Callable[[Evidence], _Found], ...] = (
    _carried, _helped_up, _turned_under, _held_to_dance, _hugged, _arm_around, _held_by_the_arm, _hand_in_hand, _blocked, _kicked,
    _hand_on_body, _plain_touches,
)  # fmt: skip
