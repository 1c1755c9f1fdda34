"""Retargeting: a recorded skeleton's motion becomes motion of the SMPL-X body."""
