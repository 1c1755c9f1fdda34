"""The extension that Blender loads. Nothing is imported before Blender asks, so that the core works without bpy."""

# *Reload Scripts* runs this file again, and would otherwise go on with the modules as they were
if "register" in globals():
    import sys

    for name in [name for name in sys.modules if name.startswith(f"{__name__}.")]:
        del sys.modules[name]
    for name in ("core", "socialmirror_blender"):
        globals().pop(name, None)


def register() -> None:
    from . import socialmirror_blender

    socialmirror_blender.register()


def unregister() -> None:
    from . import socialmirror_blender

    socialmirror_blender.unregister()
