"""The contacts that no rule has explained yet, together with the measurements that rules ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, cast

import numpy as np
from jaxtyping import Bool

from ...contract.runs import find_runs
from ...contract.skeleton import REGIONS, split_side
from ..actions import is_carried
from ..kinematics import PairKinematics, wrap_angle
from ..settings import DescriptionSettings
from .interaction import Interaction, InteractionName

Limb = tuple[int, str]
"""A person, and the name of one of their limbs as of `limb_of`."""
Found = Iterable[tuple[Interaction, set[Limb]]]
"""What a rule finds: interactions, and the limbs whose contacts each of them claims."""

HAND = ("palm", "fingers", "hand_back")
LOWER_ARM = ("wrist", "forearm", "elbow")
TRUNK_FRONT = ("chest", "belly")
_LEG = ("thigh", "knee", "shin", "calf")

_WHOLE_BODY_INTERACTIONS: frozenset[InteractionName] = frozenset(
    {"piggyback", "carry", "help_up", "dance_turn", "dance_hold", "hug", "hug_from_behind", "arm_around_shoulder",
     "arm_around_waist", "hold_hands", "lead_by_hand", "pull_arm", "handshake", "high_five"}
)  # fmt: skip
"""Interactions that bring other parts of the bodies into contact as well, which then need no explanation."""


class UnclaimedContacts:
    """The contact matrix of the contacts that are not yet part of an interaction, and the motion around them."""

    def __init__(self, k: PairKinematics, matrix: Bool[np.ndarray, "R R T"], settings: DescriptionSettings) -> None:
        self.k = k
        self.matrix = matrix.copy()
        self.settings = settings
        self.limits = settings.interactions

    # contacts

    def touching(self, person: int, regions: Iterable[str], other_regions: Iterable[str]) -> Bool[np.ndarray, "T"]:
        """Whether any of these regions of a person touches any of those of the other."""
        own, others = ([REGIONS.index(region) for region in names] for names in (regions, other_regions))
        rows, columns = (own, others) if person == 0 else (others, own)
        return np.asarray(self.matrix[np.ix_(rows, columns)].any((0, 1)))

    def runs(
        self, mask: Bool[np.ndarray, "T"], min_duration: float | None = None, max_gap: float | None = None
    ) -> list[slice]:
        """Runs of frames; the durations (seconds) are those of the settings unless given."""
        min_duration = self.limits.min_duration if min_duration is None else min_duration
        max_gap = self.limits.max_gap if max_gap is None else max_gap
        return find_runs(mask, self.k.frame_count(max_gap), self.k.frame_count(min_duration))

    def most_touched(self, person: int, regions: Iterable[str], other_regions: Iterable[str], run: slice) -> str:
        """The region of the other person that these regions touch longest in the run."""
        return max(other_regions, key=lambda region: int(self.touching(person, regions, [region])[run].sum()))

    def claim(self, interaction: Interaction, limbs: set[Limb]) -> None:
        """Remove the contacts that an interaction explains: all of that time, or those of the limbs that take part."""
        time, margin = self.k.time, self.limits.claim_margin
        claimed = (time >= interaction.start - margin) & (time <= interaction.end + margin)
        if interaction.name in _WHOLE_BODY_INTERACTIONS:
            self.matrix[:, :, claimed] = False
            return
        for person, limb in limbs:
            by_region = self.matrix if person == 0 else self.matrix.transpose(1, 0, 2)
            for index, region in enumerate(REGIONS):
                if limb_of(region) == limb:
                    by_region[index][:, claimed] = False

    # the motion meanwhile

    def start_and_end(self, run: slice) -> tuple[float, float]:
        return float(self.k.time[run.start]), float(self.k.time[run.stop - 1])

    def duration(self, run: slice) -> float:
        start, end = self.start_and_end(run)
        return end - start

    def faces(self, person: int, run: slice) -> bool:
        """Whether a person faces the other."""
        return bool(np.median(np.abs(self.k.bearing(person)[run])) < self.limits.facing_angle)

    def averted(self, person: int, run: slice) -> bool:
        """Whether a person has their back to the other."""
        return bool(np.median(np.abs(self.k.bearing(person)[run])) > self.limits.averted_angle)

    def is_behind(self, person: int, run: slice) -> bool:
        """Whether a person stands behind the other and faces their back."""
        return self.faces(person, run) and self.averted(1 - person, run)

    def heading_difference(self, run: slice) -> float:
        """Radians, 0 to pi."""
        return float(np.median(np.abs(wrap_angle(self.k.heading[0, run] - self.k.heading[1, run]))))

    def same_heading(self, run: slice) -> bool:
        return self.heading_difference(run) < self.limits.same_heading_angle

    def is_carried(self, person: int) -> Bool[np.ndarray, "T"]:
        return is_carried(self.k, person, self.settings.actions)

    def max_height_over_shoulder(self, person: int, side: str, run: slice) -> float:
        """Greatest height of the wrist above the shoulder in the run, metres."""
        wrist, shoulder = self.k.joint(person, f"{side}_wrist"), self.k.joint(person, f"{side}_shoulder")
        return float((wrist - shoulder)[run, 2].max())

    def approach_speed(self, person: int, joint: str, run: slice) -> float:
        """Greatest speed of a joint just before the contact, relative to the other's trunk, metres per second."""
        before = slice(max(run.start - self.k.frame_count(0.3), 0), run.start + 1)
        relative = self.k.joint(person, joint) - self.k.joint(1 - person, "spine3")
        return float(self.k.speed(relative)[before].max())

    def oscillations(self, height: np.ndarray) -> int:
        """How often a height goes up and down again."""
        # imported here: it brings scipy.stats, for a second of CPU time at each start
        from scipy.signal import find_peaks  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

        if len(height) < 5:
            return 0
        peaks, _ = cast("tuple[np.ndarray, Any]", find_peaks(height, prominence=self.limits.pat_prominence))
        return len(peaks)

    def leads(self, actor: int, run: slice) -> bool:
        """Whether both walk, the actor ahead of the other, who faces the actor."""
        position = self.k.position
        walked = [float(np.linalg.norm(position[who, run.stop - 1] - position[who, run.start])) for who in (0, 1)]
        ahead = np.median(np.abs(self.k.bearing(actor)[run])) > np.radians(112)
        return min(walked) > 0.3 and bool(ahead) and self.faces(1 - actor, run)

    def draws(self, actor: int, run: slice) -> bool:
        """Whether the other comes towards the actor while the actor does not go to them."""
        position = self.k.position
        frames = slice(run.start, run.stop + self.k.frame_count(0.5))
        towards_actor = position[actor, run.start] - position[1 - actor, run.start]
        towards_actor = towards_actor / max(float(np.linalg.norm(towards_actor)), 1e-6)
        other, own = ((position[who, frames] - position[who, run.start]) @ towards_actor for who in (1 - actor, actor))
        return float(other.max()) > 0.12 and float(own.min()) > -0.1


def limb_of(region: str) -> str:
    """The limb of a region: `trunk`, `head`, `left_arm`, `right_leg` and so on."""
    side, bare = split_side(region)
    if bare in ("shoulder", "chest", "back", "belly", "hips", "neck"):
        return "trunk"
    if bare in ("head", "face"):
        return "head"
    return f"{side}_{'leg' if bare in (*_LEG, 'foot') else 'arm'}"


def on_side(side: str, *regions: str) -> tuple[str, ...]:
    """Regions of one side: `on_side("left", "palm")` -> `("left_palm",)`."""
    return tuple(f"{side}_{region}" for region in regions)


def on_both_sides(*regions: str) -> tuple[str, ...]:
    """Names of regions with the left and then the right side."""
    return on_side("left", *regions) + on_side("right", *regions)


def opposite(side: str) -> Literal["left", "right"]:
    """The other side."""
    return "left" if side == "right" else "right"
