"""SocialMirror's reconstruction core: a clip of two people in contact becomes two SMPL-X motions in one world.

The core never imports bpy. Blender shares `core.contract` with it and talks to `python -m core serve`.
"""

__version__ = "0.2.0"
