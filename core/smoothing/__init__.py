"""The sequence smoother: removes jitter from a take of a whole clip, as much as each joint needs in each frame."""
