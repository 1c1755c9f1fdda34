"""Recognition of interactions (handshake, hug, shove, ...) from the contacts of two people and their movements.

Rules instead of learning: each rule names the contacts that make an interaction and claims them, so that the rules after it do
not explain them again. More particular interactions come before more general ones.
"""

from .interaction import SIDES, Interaction, InteractionName
from .recognition import recognize_interactions

__all__ = ["SIDES", "Interaction", "InteractionName", "recognize_interactions"]
