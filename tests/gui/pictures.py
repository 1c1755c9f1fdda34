"""Cuts the pictures of the docs out of the story's screenshots: python tests/gui/pictures.py SCREENSHOTS DOCS.

`scripts/story --docs` runs it. What is cut away is the frame of the window and the row with the clip's path.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2

_QUALITY = 82
_VIEW = slice(85, 1285)
"""Columns (px) of a screenshot that show the clip's picture and the sidebar."""
PICTURES: dict[str, tuple[str, slice, slice]] = {
    "panel.jpg": ("3_result", slice(222, 812), _VIEW),
    "first-result-confidence.jpg": ("3_confidence", slice(222, 812), _VIEW),
    "contacts.jpg": ("4_marker_moved", slice(85, 875), _VIEW),
    "control-rig.jpg": ("8_control_rig", slice(160, 812), _VIEW),
    "takes.jpg": ("7_ghost", slice(222, 812), _VIEW),
    "retarget-window.jpg": ("10_rigify", slice(160, 812), _VIEW),
}
"""For each picture the screenshot, and its rows and columns (px). Rows above 222 show the path of the clip on this machine."""


def cut(screenshots: Path, docs: Path) -> None:
    for name, (screenshot, rows, columns) in PICTURES.items():
        picture = cv2.imread(str(screenshots / f"{screenshot}.png"))
        if picture is None:
            raise SystemExit(f"There is no screenshot {screenshot}.png in {screenshots}. Run scripts/story first.")
        cv2.imwrite(str(docs / name), picture[rows, columns], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])


if __name__ == "__main__":
    cut(Path(sys.argv[1]), Path(sys.argv[2]))
