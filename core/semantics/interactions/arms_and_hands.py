"""Rules for interactions of the arms and hands: holding and pulling an arm, joined hands, a hand on the other's body."""

from __future__ import annotations

from itertools import product
from typing import Literal

import numpy as np

from ...contract.runs import find_runs
from ...contract.skeleton import Side, split_side
from .interaction import SIDES, Interaction, InteractionName
from .unclaimed_contacts import HAND, LOWER_ARM, Found, UnclaimedContacts, on_both_sides, on_side, opposite

_BODY = ("chest", "back", "belly", "hips", "neck", "head", "face", *on_both_sides("shoulder", "upper_arm"))
_GRIP = ("palm", "fingers")


def holding_the_arm(c: UnclaimedContacts) -> Found:
    """`pull_arm` and `hold_arm`: a hand grips the other's arm, and the other does not grip back."""
    for actor, side, other_side in product((0, 1), SIDES, SIDES):
        grip = on_side(side, *_GRIP)
        arm = on_side(other_side, *LOWER_ARM, "upper_arm")
        gripped = c.touching(actor, grip, arm)
        gripped_back = c.touching(1 - actor, on_side(other_side, *_GRIP), on_side(side, *LOWER_ARM))
        for run in c.runs(gripped, 0.5):
            if gripped_back[run].sum() > 0.6 * gripped[run].sum():
                continue
            part = split_side(c.most_touched(actor, grip, arm, run))[1]
            palms_together = c.touching(actor, on_side(side, "palm"), on_side(other_side, "palm"))[run].mean()
            if part == "wrist" and palms_together > 0.3:
                continue
            below = c.touching(actor, grip, on_side(other_side, "forearm", "elbow"))[run]
            if part == "upper_arm" and not below.any():
                continue
            name: InteractionName = "pull_arm" if c.leads(actor, run) or c.draws(actor, run) else "hold_arm"
            interaction = Interaction(name, actor, *c.start_and_end(run), side, other_side, other_region=part)
            yield interaction, {(actor, f"{side}_arm"), (1 - actor, f"{other_side}_arm")}


def hands_together(c: UnclaimedContacts) -> Found:
    """`handshake`, `high_five`, `hold_hands`, `lead_by_hand`, `hand_over`, or a `touch` of two hands."""
    met: list[tuple[slice, Side, Side]] = []
    pairs: list[tuple[Side, Side]] = [("left", "left"), ("left", "right"), ("right", "left"), ("right", "right")]
    for side, other_side in pairs:
        for run in c.runs(c.touching(0, on_side(side, *HAND), on_side(other_side, *HAND)), 0.06):
            met.append((run, side, other_side))
    met = [item for item in met if not _only_brush(c, *item)]
    met.sort(key=lambda item: item[0].start - item[0].stop)
    found: list[Interaction] = []
    for run, side, other_side in met:
        start, end = c.start_and_end(run)
        known = next((known for known in found if start <= known.end and known.start <= end), None)
        if known is None:
            found.append(_name_joined_hands(c, run, side, other_side, both_hands=False))
            continue
        second_pair = side != known.actor_side and other_side != known.other_side
        if second_pair and end - start > 0.4 * known.duration and not known.both_hands:
            found[found.index(known)] = _name_joined_hands(c, run, side, other_side, both_hands=True)
    return [(hands, {(0, f"{hands.actor_side}_arm"), (1, f"{hands.other_side}_arm")}) for hands in found]


def _only_brush(c: UnclaimedContacts, run: slice, side: str, other_side: str) -> bool:
    """Whether the hands touch by chance, while one of them lies on the other's trunk for longer."""
    gap = c.k.frame_count(c.limits.max_gap)
    around = slice(max(run.start - gap, 0), run.stop + gap)
    on_trunk = [
        c.touching(person, on_side(own, *HAND), ("chest", "back", *on_both_sides("shoulder")))[around].sum()
        for person, own in ((0, side), (1, other_side))
    ]
    return max(on_trunk) > run.stop - run.start


def _name_joined_hands(
    c: UnclaimedContacts, run: slice, side: Side, other_side: Side, *, both_hands: bool
) -> Interaction:
    """What two hands, that of person 0 and that of person 1, do with each other."""
    start, end = c.start_and_end(run)
    duration = end - start
    wrist, other_wrist = c.k.joint(0, f"{side}_wrist")[run], c.k.joint(1, f"{other_side}_wrist")[run]
    clasped = float(np.median(np.linalg.norm(wrist - other_wrist, axis=-1))) < c.limits.clasp_distance
    heights = c.max_height_over_shoulder(0, side, run), c.max_height_over_shoulder(1, other_side, run)
    face = c.faces(0, run) and c.faces(1, run)
    leader = next((person for person in (0, 1) if c.leads(person, run)), None)
    name: InteractionName = "touch"
    actor, count = None, 0
    if min(heights) > -0.08 and duration < 0.8:
        name = "high_five"
    elif leader is not None and duration > 0.6:
        name, actor = "lead_by_hand", leader
    elif side == other_side and face and clasped and not both_hands:
        name, count = "handshake", c.oscillations((wrist + other_wrist)[:, 2] / 2)
    elif (
        both_hands
        or duration > (2.0 if face and not clasped else 1.2)
        or (clasped and (not face or side != other_side))
    ):
        name = "hold_hands"
    elif face and duration > 0.15:
        name = "hand_over"
    sides = (side, other_side) if actor in (None, 0) else (other_side, side)
    part = "fingers" if name == "touch" else ""
    return Interaction(name, actor, start, end, *sides, both_hands, part, part, count)


def hand_on_body(c: UnclaimedContacts) -> Found:
    """`hit`, `shove`, `pat` and `touch` by one or both hands on the trunk, the head or an upper arm."""
    with_both_hands: list[tuple[int, slice]] = []
    for actor, side in product((0, 1), SIDES):
        for run in c.runs(c.touching(actor, on_side(side, *HAND), _BODY), 0.06):
            if any(who == actor and run.start < both.stop and both.start < run.stop for who, both in with_both_hands):
                continue
            second_hand = c.touching(actor, on_side(opposite(side), *HAND), _BODY)[run]
            interaction = _name_hand_on_body(c, actor, side, run, both_hands=bool(second_hand.mean() > 0.4))
            if interaction is None:
                continue
            limbs = {(actor, f"{side}_arm")}
            if interaction.both_hands:
                with_both_hands.append((actor, run))
                limbs.add((actor, f"{opposite(side)}_arm"))
            yield interaction, limbs


def _name_hand_on_body(
    c: UnclaimedContacts, actor: int, side: Literal["left", "right"], run: slice, *, both_hands: bool
) -> Interaction | None:
    """What a hand does on the other's body; None where it only brushes past."""
    k = c.k
    start, end = c.start_and_end(run)
    duration = end - start
    hand = on_side(side, *HAND)
    other_side: Side
    other_side, place = split_side(c.most_touched(actor, hand, _BODY, run))
    wrist = k.joint(actor, f"{side}_wrist")
    towards = k.position[1 - actor, run.start] - k.position[actor, run.start]
    towards = towards / max(float(np.linalg.norm(towards)), 1e-6)
    pushed = float(((wrist[run, :2] - wrist[run.start, :2]) @ towards).max())
    relative_height = (wrist - k.joint(1 - actor, "spine3"))[run, 2]
    contact_runs = find_runs(c.touching(actor, hand, _BODY)[run], 1, 2)
    bounces = max(c.oscillations(relative_height), len(contact_runs) - 1)
    behind = c.is_behind(actor, run)

    def interaction(
        name: InteractionName, actor_region: str = "", both_hands: bool = False, count: int = 0
    ) -> Interaction:
        return Interaction(
            name, actor, start, end, side, other_side, both_hands, actor_region, place, count, behind
        )  # fmt: skip

    fast = c.approach_speed(actor, f"{side}_wrist", run) > c.limits.hit_speed
    if fast and duration < 0.4 and place in ("face", "head", "chest", "belly") and not both_hands:
        palm = c.touching(actor, on_side(side, "palm"), _BODY)[run].any()
        return interaction("hit", "palm" if palm else "fingers")
    min_push = c.limits.shove_distance / 2 if both_hands else c.limits.shove_distance
    can_be_pushed = place in ("chest", "back", "belly", "shoulder", "upper_arm")
    steady = both_hands or bounces < 1
    if duration < c.limits.max_shove_duration and can_be_pushed and pushed > min_push and steady:
        if both_hands:
            both = (*hand, *on_side(opposite(side), *HAND))
            other_side, place = split_side(c.most_touched(actor, both, _BODY, run))
        return interaction("shove", both_hands=both_hands)
    can_be_patted = place in ("shoulder", "upper_arm", "back", "head", "chest")
    if can_be_patted and bounces >= 1 and not both_hands and duration < 3:
        return interaction("pat", count=bounces + 1)
    if duration < 0.2:
        return None
    return interaction("touch", "palm", both_hands)
