"""The lab's tests share the core's fixtures."""

from tests.core.conftest import clip_file, infiller, made_up, quick, recorder

__all__ = ["clip_file", "infiller", "made_up", "quick", "recorder"]
