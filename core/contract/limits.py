"""What is sane in results, edits and requests. Values beyond these are refused, because nothing real has them."""

from __future__ import annotations

import math

MAX_FRAMES = 50_000
"""Frames of one reconstruction: half an hour at 25 frames per second, of which the arrays take 200 MB."""
MAX_FRAME_INDEX = 10_000_000
"""Number of a frame in a clip."""
MAX_TRACKS = 1_000_000
"""Number of a person among everyone who is followed in a clip."""
MAX_SEED = 2**31 - 1
"""The largest value of Blender's integer properties."""
MAX_PIN_DISTANCE = 100.0
"""Metres of a pinned joint from the world's origin, which is under the two people."""
MAX_ROTATION = 4 * math.pi
"""Length of an axis-angle vector of an edit, radians."""
MAX_VERTICES, MAX_FACES = 200_000, 400_000
"""Of one body's mesh."""
MAX_IMAGE_SIZE = 65_536
"""Width and height of a clip in pixels."""
