"""The control rig: controls to pose with, the reconstructed motion on them, and the way back to the SMPL-X bones.

The controls are an armature object of their own, whose bones the SMPL-X bones follow by Copy Transforms. So the armature that is
exported, pinned and keyed by takes has the 56 bones of SMPL-X and nothing else, its action stays untouched below, and removing
the controls is deleting one object. The price is a second object in the outliner.
"""
