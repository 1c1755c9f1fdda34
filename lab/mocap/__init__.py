"""Motion capture as clips of the SMPL-X body.

`library` finds and reads the recordings of a folder (`readers`), `retargeting` brings them to our body as a `Capture`,
`action_detection` finds windows of walking, standing, kicking and so on, and `motion_clip`, `blending` and `foot_ik` turn windows
into clips of any length with planted feet.
"""
