"""The Blender add-on: properties, panels and operators, the process that runs the core, and the scene that shows its results."""

from . import operators, panels, preferences, properties, reconstructions
from .runtime import session


def register() -> None:
    properties.register()
    preferences.register()
    operators.register()
    panels.register()
    session.register(reconstructions.import_outcome)


def unregister() -> None:
    session.unregister()
    panels.unregister()
    operators.unregister()
    preferences.unregister()
    properties.unregister()
