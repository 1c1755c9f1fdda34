"""Takes the reconstructed motion of one or both people to other armatures, with the touch between them kept.

Modules that import bpy read the scene and write keyframes (reading, baking, retargeting); the others (bone_maps, rest, transfer,
feet, anchors, touch, banded) are pure functions on numpy arrays.
"""
