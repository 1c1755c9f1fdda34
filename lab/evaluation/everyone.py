"""Follows everyone in a clip, where the product follows two people."""

from __future__ import annotations

import torch

from core.clip import Clip
from core.perception.everyone import Everyone
from core.perception.identity import real_people
from core.perception.perceive import follow_tracks, identify, networks_for, scan_clip
from core.perception.tracker import EmbeddedTracker
from core.reporting import Reporter


def find_everyone(clip: Clip, first: int, last: int, *, device: torch.device, reporter: Reporter) -> Everyone:
    """One person or many in frames `first` to `last`, both included, without hands."""
    networks = networks_for(clip, device, "auto", reporter)
    scan = scan_clip(clip, first, last, networks, reporter)
    people = real_people(identify(scan), len(scan.findings))
    return follow_tracks(clip, scan, people, EmbeddedTracker(networks), reporter)
