"""The extension that Blender loads. Nothing is imported before Blender asks, so that the core works without bpy."""


def register() -> None:
    from . import socialmirror_blender

    socialmirror_blender.register()


def unregister() -> None:
    from . import socialmirror_blender

    socialmirror_blender.unregister()
