"""Contacts between the two people: detected from the proximity of skin regions, measured, and merged with the user's."""

from .detection import find_contacts, part_probabilities
from .distances import depth_discounted_distances, measure_contacts, region_distances, region_pair_confidence
from .merging import in_detected_frames, merge_contacts, split_edits, with_detected_ids
from .proximity import detect_contacts
from .regions import load_region_frequencies, spread_over_regions
from .scene import ContactScene
from .settings import ContactDetectionSettings
from .unreached import unreached_warnings

__all__ = [
    "ContactDetectionSettings",
    "ContactScene",
    "depth_discounted_distances",
    "detect_contacts",
    "find_contacts",
    "in_detected_frames",
    "load_region_frequencies",
    "measure_contacts",
    "merge_contacts",
    "part_probabilities",
    "region_distances",
    "region_pair_confidence",
    "split_edits",
    "spread_over_regions",
    "unreached_warnings",
    "with_detected_ids",
]
