"""The Blender add-on: its user interface, the process that runs the core, and the scene that shows its results."""

from . import (
    camera_events,
    contact_events,
    dropping,
    file_events,
    menus,
    operators,
    overlays,
    panels,
    preferences,
    properties,
    reconstruction_properties,
    reconstructions,
    retarget_properties,
)
from .runtime import polling
from .scene.ghost import place_ghosts
from .scene.unkeyed_pose import unkeyed_pose


def register() -> None:
    properties.register()
    reconstruction_properties.register()
    retarget_properties.register()
    reconstruction_properties.ghost_listeners.append(place_ghosts)
    preferences.register()
    operators.register()
    panels.register()
    menus.register()
    dropping.register()
    polling.register(reconstructions.import_outcome, unkeyed_pose)
    file_events.register()
    camera_events.register()
    contact_events.register()
    overlays.register()


def unregister() -> None:
    overlays.unregister()
    contact_events.unregister()
    camera_events.unregister()
    file_events.unregister()
    polling.unregister()
    dropping.unregister()
    menus.unregister()
    panels.unregister()
    operators.unregister()
    preferences.unregister()
    retarget_properties.unregister()
    reconstruction_properties.ghost_listeners.remove(place_ghosts)
    reconstruction_properties.unregister()
    properties.unregister()
