"""Rules for interactions of the whole body: carrying, helping up, dancing, hugging, an arm around the other."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from ...contract.skeleton import split_side
from .interaction import SIDES, Interaction
from .unclaimed_contacts import HAND, LOWER_ARM, TRUNK_FRONT, Found, UnclaimedContacts, on_both_sides, on_side, opposite


def carrying(c: UnclaimedContacts) -> Found:
    """`piggyback` and `carry`."""
    spine_distance = np.linalg.norm(c.k.joint(0, "spine2") - c.k.joint(1, "spine2"), axis=-1)
    lower_foot = c.k.foot_height.min(-1)
    for person in (0, 1):
        bearer = 1 - person
        # compared with the bearer's foot as well: where the floor is estimated too low, both seem to be off it
        lifted = lower_foot[person] - lower_foot[bearer] > c.limits.carry_foot_height
        for run in c.runs(c.is_carried(person) & lifted & (spine_distance < c.limits.carry_distance), 0.4):
            if not c.matrix[:, :, run].any():
                continue
            front = (*TRUNK_FRONT, "hips", *on_both_sides("thigh"))
            on_back = c.same_heading(run) and (
                c.averted(bearer, run) or c.touching(bearer, ("back",), front)[run].any()
            )
            yield Interaction("piggyback" if on_back else "carry", bearer, *c.start_and_end(run)), set()


def helping_up(c: UnclaimedContacts) -> Found:
    """`help_up`: somebody rises from the floor while somebody who stands holds their arm."""
    for person in (0, 1):
        helper = 1 - person
        low = np.flatnonzero(c.k.relative_height[person] < 0.6)
        if not len(low):
            continue
        risen = np.flatnonzero(c.k.relative_height[person][low[-1] :] > 0.85)
        helper_stands = c.k.relative_height[helper] > 0.7
        if not len(risen) or c.is_carried(helper).mean() > 0.5:
            continue
        rise = slice(max(int(low[-1]) - c.k.frame_count(1.5), 0), int(low[-1]) + int(risen[0]) + 1)
        holds = {
            side: c.touching(helper, on_side(side, *HAND), on_both_sides(*HAND, *LOWER_ARM, "upper_arm"))
            & helper_stands
            for side in SIDES
        }
        hands = [side for side in SIDES if holds[side][rise].sum() >= c.k.frame_count(0.2)]
        if not hands:
            continue
        by_either = holds["left"] | holds["right"]
        runs = c.runs(by_either)
        if not runs:
            continue
        run = max(runs, key=lambda run: by_either[run.start : min(run.stop, rise.stop)].sum())
        side = "left" if holds["left"][run].sum() > holds["right"][run].sum() else "right"
        taken = c.most_touched(helper, on_side(side, *HAND), on_both_sides(*HAND, *LOWER_ARM), run)
        start, end = c.start_and_end(run)
        yield Interaction("help_up", helper, start, end, side, split_side(taken)[0], len(hands) == 2), set()


def turning_under_arm(c: UnclaimedContacts) -> Found:
    """`dance_turn`: somebody turns around under joined hands that are raised."""
    for turner in (0, 1):
        leader = 1 - turner
        for leader_side, turner_side in product(SIDES, SIDES):
            joined = c.touching(leader, on_side(leader_side, *HAND), on_side(turner_side, *HAND, "wrist"))
            for run in c.runs(joined, 0.3, max_gap=0.9):
                around = slice(max(run.start - c.k.frame_count(0.3), 0), run.stop + c.k.frame_count(0.3))
                raised = c.max_height_over_shoulder(leader, leader_side, run) > 0.12
                turned, leader_turned = (np.ptp(c.k.heading[who, around]) for who in (turner, leader))
                if raised and turned > max(c.limits.dance_turn_angle, 1.5 * leader_turned):
                    yield Interaction("dance_turn", leader, *c.start_and_end(run), leader_side, turner_side), set()


def dance_hold(c: UnclaimedContacts) -> Found:
    """`dance_hold`: face to face, a hand on the other's back and the other hands joined; only the longest."""
    found: list[Interaction] = []
    for actor, side in product((0, 1), SIDES):
        on_back = c.touching(actor, on_side(side, *HAND, "wrist"), ("back", "hips"))
        joined = {other: c.touching(actor, on_side(opposite(side), *HAND), on_side(other, *HAND)) for other in SIDES}
        other = max(SIDES, key=lambda other: int(joined[other].sum()))
        for run in c.runs(on_back & joined[other], 0.5):
            if c.faces(0, run) and c.faces(1, run):
                found.append(Interaction("dance_hold", actor, *c.start_and_end(run), side, other))
    if found:
        yield max(found, key=lambda interaction: interaction.duration), set()


def hugging(c: UnclaimedContacts) -> Found:
    """`hug` and `hug_from_behind`."""
    arms_around = [
        c.touching(who, on_both_sides(*HAND, "wrist", "forearm"), ("back", "hips", "neck")) for who in (0, 1)
    ]
    fronts = c.touching(0, (*TRUNK_FRONT, "hips"), (*TRUNK_FRONT, "hips"))
    held = (arms_around[0] | arms_around[1]) & (fronts | (arms_around[0] & arms_around[1]))
    for run in c.runs(held, 0.3, max_gap=0.5):
        if c.faces(0, run) and c.faces(1, run):
            fraction = [float(arms[run].mean()) for arms in arms_around]
            one_sided = min(fraction) < 0.2 * max(fraction)
            actor = (0 if fraction[0] > fraction[1] else 1) if one_sided else None
            yield Interaction("hug", actor, *c.start_and_end(run)), set()
    for person in (0, 1):
        front_on_back = c.touching(person, TRUNK_FRONT, ("back",))
        arms_on_front = c.touching(
            person, on_both_sides(*HAND, "forearm", "wrist"), (*TRUNK_FRONT, *on_both_sides("shoulder", "upper_arm"))
        )
        for run in c.runs(front_on_back & arms_on_front, 0.3):
            if c.is_behind(person, run):
                yield Interaction("hug_from_behind", person, *c.start_and_end(run), from_behind=True), set()


def arm_around(c: UnclaimedContacts) -> Found:
    """`arm_around_shoulder` and `arm_around_waist`: beside each other, with an arm across the other's back."""
    found: list[Interaction] = []
    for actor, side in product((0, 1), SIDES):
        hand = on_side(side, *HAND)
        on_shoulder = c.touching(actor, hand, (*on_side(side, "shoulder", "upper_arm"), "neck"))
        across = c.touching(actor, on_side(side, "wrist", "forearm", "elbow", "upper_arm"), ("back", "neck"))
        on_trunk = c.touching(actor, hand, ("back", "hips", "belly"))
        joined = c.touching(actor, hand, on_both_sides(*HAND))
        for run in c.runs(on_shoulder | across | on_trunk, 0.6, max_gap=0.6):
            bearing = float(np.median(c.k.bearing(actor)[run]))
            beside = math.radians(25) < abs(bearing) < math.radians(155) and (bearing > 0) == (side == "left")
            opposed = c.heading_difference(run) > math.radians(95) or c.faces(1 - actor, run)
            if not beside or opposed or joined[run].mean() > 0.25:
                continue
            wrist = (c.k.joint(actor, f"{side}_wrist") - c.k.joint(1 - actor, "spine3"))[run, 2]
            high = on_shoulder[run].mean() > 0.1 or float(np.median(wrist)) > c.limits.waist_height
            name = "arm_around_shoulder" if high else "arm_around_waist"
            found.append(Interaction(name, actor, *c.start_and_end(run), side))
    return [(interaction, set()) for interaction in found]
