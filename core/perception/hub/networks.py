"""The hub's networks of the 2D stage together: whether they are there, how they are loaded, what stands for them in keys."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...hub.store import identity, installed
from .keypoints import VITPOSE, KeypointNetwork, VitPose
from .naming import GROUNDING_DINO
from .person_detector import D_FINE, RF_DETR, DetrDetector, PersonDetector
from .running import HubModelKind, HubNetwork, Pulse
from .video_masks import SAM2, MaskNetwork, Sam2

VERSION = 1
"""Rises when the same networks and pictures give other results; part of `hub_identity`."""


@dataclass(frozen=True)
class HubNetworks:
    """The networks of the 2D stage that come from the hub."""

    people: PersonDetector
    keypoints: KeypointNetwork
    masks: MaskNetwork


def kinds() -> tuple[HubModelKind, HubModelKind, HubModelKind]:
    """The models that are used: RF-DETR for people, or D-FINE where that is there and RF-DETR is not; ViTPose++; SAM 2.1."""
    detector = D_FINE if installed(RF_DETR.name) is None and installed(D_FINE.name) is not None else RF_DETR
    return detector, VITPOSE, SAM2


def available() -> bool:
    """Whether all of them are there."""
    return all(installed(kind.name) is not None for kind in kinds())


def choose_tracker(wanted: str, device: torch.device) -> str:
    """`hub_identity` where the hub's networks track people, empty where the embedded ones do; `wanted` is one of `PERCEPTION`.

    "auto" takes the hub's where they are there and a GPU runs them. UserError `model-missing` or `model-damaged` for "hub".
    """
    if wanted == "hub" or (wanted == "auto" and device.type == "cuda" and available()):
        return hub_identity()
    return ""


def tracker_notice(chosen: str, wanted: str) -> str:
    """A sentence for the log on which networks track people, empty where there was no choice; `chosen` is of `choose_tracker`."""
    if chosen:
        return "People are looked for with the downloaded models RF-DETR, SAM 2.1 and ViTPose++."
    if wanted == "auto" and available():
        return "People are looked for with the embedded networks: without a GPU those of the hub take long (--perception hub)."
    return ""


def describer_identity() -> str:
    """What stands for the network that understands descriptions of people. UserError `model-missing` or `model-damaged`."""
    return f"{VERSION} {identity(GROUNDING_DINO.name)}"


def hub_identity() -> str:
    """What stands for the networks in the keys of results. UserError `model-missing`."""
    return " ".join((str(VERSION), *(f"{kind.name}:{identity(kind.name)}" for kind in kinds())))


def load_hub_networks(device: torch.device, pulse: Pulse) -> HubNetworks:
    """The networks on a device; each is loaded when it is first asked. UserError `model-missing`."""
    detector, keypoints, masks = (HubNetwork(kind, device, pulse) for kind in kinds())
    return HubNetworks(DetrDetector(detector), VitPose(keypoints), Sam2(masks))
