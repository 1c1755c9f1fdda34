"""Settings of contact detection, by the contact head and by geometry alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ContactDetectionSettings:
    """Thresholds of `detect_contacts`. Distances are in metres, speeds in metres per second, times in seconds."""

    onset_distance: float = 0.09
    """A contact starts when the distance between two regions falls below this."""
    release_distance: float = 0.14
    """A contact ends when the distance rises above this. Larger than `onset_distance`, which gives the hysteresis."""
    max_relative_speed: float = 1.5
    """Regions that pass each other faster than this do not start a contact, unless they are closer than `certain_distance`."""
    certain_distance: float = 0.03
    """Below this distance a contact starts at any speed."""
    occlusion_margin: float = 0.04
    """Added to the distance of a pair of regions that is not visible at all; scaled down by its confidence."""
    depth_weight: float = 0.25
    """Weight of distances along the line of sight, in 0–1: a single camera measures depth poorly."""
    hand_depth_weight: float = 0.1
    """The same weight between two hands: small parts that stay together in the image are most likely together in depth."""
    nearest_tolerance: float = 0.01
    """A pair counts as mutually nearest while it is at most this much farther apart than the nearest pair."""
    min_nearest_fraction: float = 0.5
    """Fraction of a contact's frames in which its pair of regions must be the nearest one."""
    min_duration: float = 0.12
    """Shorter contacts are dropped."""
    max_gap: float = 0.16
    """Interruptions of a contact up to this long are closed."""
    max_contacts: int = 12
    """Only this many contacts are kept, those with the highest scores."""
    max_interruption: float = 0.5
    """Contacts between the same parts of the body with at most this much time between them are one touch."""


@dataclass(frozen=True)
class ContactDecodingSettings:
    """How the contact head's probabilities become contacts. Metres, seconds; the values were chosen on the dev split."""

    window: float = 1.5
    """Half of the time over which the probability is chosen at which contacts start, see `decoding.onsets`."""
    part_of_best_f1: float = 0.65
    """Contacts start at this part of the best F1 that a list can be expected to have; half is right where probabilities are."""
    least_probability: float = 0.2
    """No contact starts at a lower one."""
    release: float = 0.8
    """A contact ends when its probability falls below this part of that at which contacts start."""
    min_duration: float = 0.1
    max_gap: float = 0.2
    """Interruptions of a contact up to this long are closed."""
    max_interruption: float = 0.5
    """See `ContactDetectionSettings`."""
    region_probability: float = 0.25
    """Pairs of regions that touch at least this probably while their body parts do are listed."""
    region_distance: float = 0.1
    """The odds of a pair of regions fall by e with each of these distances that it is farther apart than the nearest one."""
    max_touches: int = 4


@dataclass(frozen=True)
class LateralBoundSettings:
    """When two body parts are too far apart in the picture to touch. Metres, at the depth of the nearer one.

    Of the frames of true touches that the contact head finds in 34 clips of the dev split, 97 % of those whose parts are plainly
    seen are nearer than `free_gap`. With these values 99 % of all of them are still listed, and a tenth fewer false ones on
    rendered clips. Of 27 triples of values that were tried, those with smaller gaps lose more true ones, and those with a larger
    `sigma_seen` leave most of the false ones.
    """

    free_gap: float = 0.15
    """Gap between the skins across the picture up to which nothing is reduced: errors of the shape and of the bones' lengths."""
    sigma_seen: float = 0.03
    """Standard deviation of the place of a part of confidence 1 across the picture."""
    sigma_unseen: float = 0.08
    """The same for confidence 0; it is interpolated between the two."""
