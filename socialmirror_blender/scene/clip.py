"""What a reconstruction knows about its clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...core.contract.reconstruction import Info


@dataclass(frozen=True)
class ClipInfo:
    path: Path
    image_size: tuple[int, int]
    """Width and height in pixels."""
    frame_rate: float

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem


def clip_info(info: Info) -> ClipInfo:
    clip = info.clip
    return ClipInfo(Path(clip["path"]), (int(clip["width"]), int(clip["height"])), float(clip["frame_rate"]))
