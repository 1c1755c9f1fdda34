"""What operators that move the playhead have in common."""

FRAME_CHANGE = "Frame Change"
"""The undo group of Blender's own jumps. A jump that were no undo step would be undone together with what is done after it."""
