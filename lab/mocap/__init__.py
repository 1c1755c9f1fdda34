"""Motion capture read as motion of our body: files of the field's sets, retargeted to SMPL-X rotations."""
