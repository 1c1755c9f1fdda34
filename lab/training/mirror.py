"""An interaction in the mirror: left and right exchanged in the motion, in what touches and in the words."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from core.contract.contact import Contact
from core.contract.skeleton import BODY_JOINTS, mirrored
from core.motion import PairMotion

from ..choreography.interaction import Interaction

_JOINTS = [BODY_JOINTS.index(mirrored(name)) - 1 for name in BODY_JOINTS[1:]]
_ACROSS = np.array([-1, 1, 1], np.float32)
_TURNS = np.array([1, -1, -1], np.float32)
"""A turn about an axis within the mirror turns the other way; about the one across it, as before."""
_SIDE = re.compile(r"\b(left|right)\b", re.IGNORECASE)


def mirrored_interaction(interaction: Interaction) -> Interaction:
    """The same in the plane x = 0. People keep their shapes: bodies are alike on both sides but for millimetres."""
    motion = interaction.motion
    return replace(
        interaction,
        motion=PairMotion(
            global_orient=motion.global_orient * _TURNS,
            body_pose=motion.body_pose[:, :, _JOINTS] * _TURNS,
            left_hand_pose=motion.right_hand_pose * _TURNS,
            right_hand_pose=motion.left_hand_pose * _TURNS,
            pelvis=motion.pelvis * _ACROSS,
            betas=motion.betas,
        ),
        foot_contact=interaction.foot_contact[:, :, ::-1].copy(),
        contacts=tuple(_mirrored_contact(contact) for contact in interaction.contacts),
        sentences=tuple(mirrored_words(sentence) for sentence in interaction.sentences),
    )


def mirrored_words(sentence: str) -> str:
    """ "left" for "right" and the other way round."""

    def other(match: re.Match[str]) -> str:
        word = match[0]
        exchanged = "right" if word.lower() == "left" else "left"
        return exchanged.capitalize() if word[0].isupper() else exchanged

    return _SIDE.sub(other, sentence)


def _mirrored_contact(contact: Contact) -> Contact:
    return replace(contact, region_a=mirrored(contact.region_a), region_b=mirrored(contact.region_b))
