"""Frames in the core's sentences are named in one way, so that the add-on can show them as its scene counts."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.clip import check_range
from core.contacts import unreached_warnings
from core.contract.contact import Contact
from core.contract.errors import UserError
from core.contract.frames import frame_in_words, frames_in_words, renumber
from core.fitting.unmet_edits import open_contact
from core.perception import perceive
from core.pipeline.edited_take import edits_outside
from core.pipeline.nodes import TakeSettings

CORE = Path(__file__).resolve().parents[3] / "core"
TOUCH = Contact(0, "left_palm", 1, "chest", 3, 40, source="user", state="enforced")


def later(text: str) -> str:
    return renumber(text, lambda frame: frame + 50)


def test_frames_are_found_as_they_are_written() -> None:
    assert later(f"They part at {frame_in_words(12)}.") == "They part at frame 62."
    stretches = (3, 9), (20, 31), (40, 41), (60, 70), (80, 81)
    for count, more in ((1, ""), (2, ""), (3, ""), (4, " and 1 more stretch"), (5, " and 2 more stretches")):
        text = frames_in_words(*stretches[:count])
        assert text.endswith(more)
        shifted = frames_in_words(*((first + 50, last + 50) for first, last in stretches[:count]))
        assert later(f"A jitters in {text}, by 12 mm.") == f"A jitters in {shifted}, by 12 mm."


def test_sentences_of_earlier_versions_are_read() -> None:
    assert later("The contact (frames 3-40) stays 4 cm apart.") == "The contact (frames 53-90) stays 4 cm apart."


@pytest.mark.parametrize(
    "text",
    [
        "Finding people, frame 33 of 91",
        "frame 12.mp4 is not a video.",
        "frames 12-40.mp4 is not a video.",
        "What was found is shown in C:\\clips\\frame 7\\logs\\people-frame-6.png.",
        "The range has 700 frames; 600 are possible.",
        "The motion has 40 frames, but 60 are needed.",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert later(text) == text


def cut() -> UserError:
    findings = [SimpleNamespace(index=index, is_cut=index == 41) for index in range(3, 60)]
    scan: Any = SimpleNamespace(findings=findings)
    with pytest.raises(UserError) as caught:
        perceive.check_cuts(scan)
    return caught.value


def outside() -> UserError:
    clip: Any = SimpleNamespace(frame_count=61)
    with pytest.raises(UserError) as caught:
        check_range(clip, 5, 90)
    return caught.value


def doubtful() -> str:
    said: list[str] = []
    reporter: Any = SimpleNamespace(warning=said.append)
    perceive.warn_of_doubtful([*range(5, 30), *range(200, 230)], 30.0, reporter)
    return said[0]


@pytest.mark.parametrize(
    ("sentence", "frames"),
    [
        (cut().message, [41]),
        (cut().hint, [3, 40]),
        (outside().message, [0, 60, 5, 90]),
        (doubtful(), [5, 29, 200, 229]),
        (unreached_warnings([TOUCH.measured(0.2)])[0], [3, 40]),
        (open_contact(TOUCH, 0.04), [3, 40]),
        (edits_outside((50, 60), TakeSettings(contacts=(TOUCH,)))[0], [50, 60]),
    ],
)
def test_all_frames_of_a_sentence_are_renumbered_and_nothing_else(sentence: str, frames: list[int]) -> None:
    seen: list[int] = []

    def unchanged(frame: int) -> int:
        seen.append(frame)
        return frame

    assert renumber(sentence, unchanged) == sentence
    assert seen == frames


def test_no_sentence_of_the_core_names_frames_in_another_way() -> None:
    """Every f-string in which a value follows the word frame or frames, and does not count what is done."""
    others: list[str] = []
    for path in CORE.rglob("*.py"):
        if path == CORE / "contract" / "frames.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.JoinedStr):
                continue
            text = "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)  # pyright: ignore[reportArgumentType, reportCallIssue]
            if re.search(r"\b[Ff]rames?(?: from| numbers?)? \0(?! of \0)", text):
                others.append(f"{path.relative_to(CORE)}:{node.lineno}: {ast.unparse(node)}")
    assert others == []
