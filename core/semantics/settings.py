"""Thresholds of the rules that describe a motion in words, and of the captions that are written from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ActionSettings:
    """When a movement of one person counts as an action. Metres, radians, seconds."""

    walk_onset_speed: float = 0.32
    """Speed of the pelvis over the floor that a walk or a step reaches at least."""
    walk_release_speed: float = 0.18
    """Slower than this, a person stands."""
    min_step_length: float = 0.22
    min_walk_length: float = 0.75
    """A shorter walk is called a step."""
    min_turn_speed: float = math.radians(35)
    min_turn_angle: float = math.radians(60)
    min_bend_angle: float = math.radians(38)
    """Lean of the trunk from the vertical."""
    crouch_height: float = 0.72
    """Height of the pelvis, relative to standing, below which a person crouches."""
    floor_height: float = 0.42
    """The same for sitting or lying on the floor."""
    upright_height: float = 0.85
    """The same from which on a person who got up stands."""
    min_lying_angle: float = math.radians(60)
    """Lean of the trunk from which on a person on the floor lies rather than sits."""
    carried_foot_height: float = 0.22
    """Height of both feet above the floor from which on a person is carried."""
    raised_foot_height: float = 0.30
    """Height of one foot from which on a leg is raised, while the other foot stands."""
    max_gap: float = 0.25
    """Interruptions of an action up to this long are closed."""
    min_movement_duration: float = 0.25
    min_pose_duration: float = 0.3


@dataclass(frozen=True)
class InteractionSettings:
    """When contacts and movements count as an interaction. Metres, metres per second, radians, seconds."""

    max_gap: float = 0.3
    """Interruptions of a contact up to this long are closed."""
    min_duration: float = 0.1
    claim_margin: float = 0.4
    """Contacts this long before and after an interaction are explained by it."""
    facing_angle: float = math.radians(65)
    """Largest bearing of the other person at which somebody faces them."""
    averted_angle: float = math.radians(110)
    """Smallest bearing of the other person at which somebody has their back to them."""
    same_heading_angle: float = math.radians(55)
    """Largest difference between two headings that count as the same."""
    dance_turn_angle: float = math.radians(240)
    clasp_distance: float = 0.185
    """Distance of the wrists below which hands clasp; in a touch of fingers or a hand-over they are farther apart."""
    shove_distance: float = 0.05
    """Distance by which a hand moves forwards during the contact of a shove."""
    max_shove_duration: float = 0.95
    pat_prominence: float = 0.015
    """Height by which a hand rises between two pats, or joined hands in a handshake."""
    waist_height: float = -0.08
    """Height of a wrist relative to the other's chest joint below which an arm is around the waist."""
    hit_speed: float = 2.6
    """Speed of a hand just before the contact of a hit."""
    kick_speed: float = 2.0
    """The same for the ankle in a kick."""
    block_speed: float = 1.4
    """The same for the faster of two wrists in a blocked punch."""
    carry_distance: float = 0.6
    """Largest distance between the spines of a person and their bearer."""
    carry_foot_height: float = 0.3
    """Height of the carried person's lower foot above the bearer's."""


@dataclass(frozen=True)
class FormationSettings:
    """When two people count as standing face to face, side by side and so on. Radians, seconds, metres."""

    facing_angle: float = math.radians(50)
    averted_angle: float = math.radians(125)
    same_heading_angle: float = math.radians(60)
    side_by_side_distance: float = 1.6
    window: float = 0.4
    """Duration at each end of a clip over which the formation is judged."""
    min_shared_duration: float = 0.6
    """Shortest time for which both walk, or turn, simultaneously for it to be a shared action."""


@dataclass(frozen=True)
class DescriptionSettings:
    """All thresholds of `describe`."""

    actions: ActionSettings = field(default_factory=ActionSettings)
    interactions: InteractionSettings = field(default_factory=InteractionSettings)
    formations: FormationSettings = field(default_factory=FormationSettings)


@dataclass(frozen=True)
class CaptionSettings:
    """What of a description a caption mentions. Seconds, metres."""

    max_interactions: int = 3
    """The longest interactions are mentioned."""
    approach_window: float = 1.2
    """Time before the first interaction in which a walk up to the other person is mentioned."""
    departure_window: float = 0.4
    """Time before the end of the last interaction from which on a walk away is mentioned."""
    min_approach: float = 0.25
    """Change of the distance that makes a walk one towards or away from the other person."""
    min_overlap: float = 0.3
    """Overlap in time from which on two interactions are joined by `and`, not by `then`."""
    notable_distance: float = 1.0
    """Distance that is mentioned even if nothing is known about the formation."""
    long_duration: float = 2.0
    """Contacts that last longer are described as long ..."""
    short_duration: float = 0.5
    """... and those shorter than this as brief."""


@dataclass(frozen=True)
class GroundingSettings:
    """When a prompt's contacts are accepted for a motion. Distances in metres, times in seconds."""

    max_distance: float = 0.40
    """Contacts whose regions never come closer than this are rejected."""
    occlusion_margin: float = 0.20
    """Added to `max_distance` for regions that are not visible; scaled down by their confidence."""
    probability_credit: float = 0.2
    """Distance by which a certain contact may be farther apart than an improbable one and still be preferred."""
    joint_support: float = 1.4
    """Body parts that are said to touch at the same time bear each other out: of several pairs each has to be only as probable as
    this, divided by their number, of what a single pair has to be. Chosen on the dev split."""
    contact_tolerance: float = 0.12
    """A contact lasts while its distance is at most this much above its minimum."""
    max_brief_duration: float = 0.20
    """Longest duration of blows and taps."""
    smoothing_window: float = 0.10
    """Window of the running mean over distances."""
    span_margin: float = 0.5
    """Time around the frames that a hypothesis names in which it may hold, too: who names them has seen few frames."""
