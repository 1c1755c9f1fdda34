"""Rules for strikes: blocked punches and kicks."""

from __future__ import annotations

from itertools import product

import numpy as np

from ...contract.skeleton import REGIONS, split_side
from .interaction import SIDES, Interaction
from .unclaimed_contacts import LOWER_ARM, Found, UnclaimedContacts, limb_of, on_side


def blocking(c: UnclaimedContacts) -> Found:
    """`block`: two arms meet, briefly and fast. The person whose fist comes closer to the other's body throws the punch."""
    for side, other_side in product(SIDES, SIDES):
        met = c.touching(0, on_side(side, *LOWER_ARM), on_side(other_side, *LOWER_ARM, "palm", "hand_back"))
        met |= c.touching(0, on_side(side, *LOWER_ARM, "palm", "hand_back"), on_side(other_side, *LOWER_ARM))
        for run in c.runs(met, 0.05):
            if c.duration(run) > 0.9:
                continue
            arms = ((0, side), (1, other_side))
            if max(c.approach_speed(who, f"{own}_wrist", run) for who, own in arms) < c.limits.block_speed:
                continue
            reach = [
                np.linalg.norm((c.k.joint(who, f"{own}_wrist") - c.k.joint(1 - who, "spine3"))[run], axis=-1).min()
                for who, own in arms
            ]
            puncher = 0 if reach[0] < reach[1] else 1
            if not c.faces(puncher, run) or c.averted(1 - puncher, run):
                continue
            sides = (side, other_side) if puncher == 1 else (other_side, side)
            yield (
                Interaction("block", 1 - puncher, *c.start_and_end(run), *sides),
                {(0, f"{side}_arm"), (1, f"{other_side}_arm")},
            )


def kicking(c: UnclaimedContacts) -> Found:
    """`kick`: a raised foot hits the other while the other foot stands."""
    arms = tuple(region for region in REGIONS if limb_of(region).endswith("arm") or region.endswith("foot"))
    body = tuple(region for region in REGIONS if region not in arms)
    for actor, side in product((0, 1), SIDES):
        leg = on_side(side, "foot", "shin", "knee")
        for run in c.runs(c.touching(actor, leg, (*body, *arms)), 0.05):
            index = SIDES.index(side)
            raised = float(c.k.foot_height[actor, run, index].max())
            stands = float(c.k.foot_height[actor, run, 1 - index].min()) < 0.2
            fast = c.approach_speed(actor, f"{side}_ankle", run) >= c.limits.kick_speed
            if not fast or raised < 0.08 or not stands or c.duration(run) > 1.0:
                continue
            hits_body = c.touching(actor, leg, body)[run].any()
            other_side, part = split_side(c.most_touched(actor, leg, body if hits_body else arms, run))
            interaction = Interaction(
                "kick", actor, *c.start_and_end(run), side, other_side,
                other_region=part, from_behind=c.is_behind(actor, run),
            )  # fmt: skip
            yield interaction, {(actor, f"{side}_leg")}
