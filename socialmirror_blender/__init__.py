"""The Blender side of SocialMirror: what the user sees, the process that computes, and the scene it fills."""

from . import operators, panels, preferences, properties, reconstructions
from .runtime import session


def register() -> None:
    properties.register()
    preferences.register()
    operators.register()
    panels.register()
    session.register(reconstructions.apply)


def unregister() -> None:
    session.unregister()
    panels.unregister()
    operators.unregister()
    preferences.unregister()
    properties.unregister()
