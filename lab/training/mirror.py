"""Mirrors an interaction for data augmentation: left and right exchanged in the motion, the contacts and the sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.contract.contact import Contact
from core.contract.skeleton import BODY_JOINTS, mirrored
from core.motion import PairMotion
from core.semantics.mirrored_sentence import mirror_sentence

from ..choreography.interaction import Interaction

_BODY_POSE = [BODY_JOINTS.index(mirrored(name)) - 1 for name in BODY_JOINTS[1:]]
"""The joints of a body pose, which has no pelvis, in mirrored order."""
_POINTS = np.array([-1, 1, 1], np.float32)
_AXIS_ANGLES = np.array([1, -1, -1], np.float32)
"""A rotation about an axis in the mirror plane is reversed; one about the axis across it stays."""


def mirror_interaction(interaction: Interaction) -> Interaction:
    """The interaction mirrored in the plane x = 0."""
    return replace(
        interaction,
        motion=mirror_motion(interaction.motion),
        foot_contact=interaction.foot_contact[:, :, ::-1].copy(),
        contacts=tuple(_mirror_contact(contact) for contact in interaction.contacts),
        sentences=tuple(mirror_sentence(sentence) for sentence in interaction.sentences),
    )


def mirror_motion(motion: PairMotion) -> PairMotion:
    """The motion mirrored in the plane x = 0. Shapes stay: bodies are symmetric but for millimetres."""
    return PairMotion(
        global_orient=motion.global_orient * _AXIS_ANGLES,
        body_pose=motion.body_pose[:, :, _BODY_POSE] * _AXIS_ANGLES,
        left_hand_pose=motion.right_hand_pose * _AXIS_ANGLES,
        right_hand_pose=motion.left_hand_pose * _AXIS_ANGLES,
        pelvis=motion.pelvis * _POINTS,
        betas=motion.betas,
    )


def _mirror_contact(contact: Contact) -> Contact:
    return replace(contact, region_a=mirrored(contact.region_a), region_b=mirrored(contact.region_b))
