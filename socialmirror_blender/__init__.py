"""The Blender side of SocialMirror."""

from . import properties


def register() -> None:
    properties.register()


def unregister() -> None:
    properties.unregister()
