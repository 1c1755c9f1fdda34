"""Drives the window of the Blender that runs this: moves the mouse, presses keys, finds buttons by what they do.

A step is a generator that yields the seconds for which Blender's event loop shall run. Blender has to be started with
--enable-event-simulate, which shuts out the real mouse and keyboard.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

Step = Generator[float, None, None]
Point = tuple[int, int]

_SWEEP, _INSIDE = 14, 4
"""px between two places that the mouse looks at for a button, and from its first one down: at a button's very edge Blender says
that it is under the mouse, but a click does nothing."""
_HEADER, _LAST_HEADER, _TO_NEXT_HEADER = 26, 14, 32
"""px from one closed panel's header to the next, from the sidebar's lower end to the last, from a button to one below it."""
_SCROLL, _MOST_SCROLLS = 40, 100
"""px that Blender scrolls at once, and how often at the most: farther than any sidebar is long."""
_REST = 0.4  # seconds after which Blender knows for sure what is under the mouse
_SEARCHES = 3
_DRAWN = ("mesh", "armature", "empty", "camera")
_TITLE = 70  # px from the sidebar's left to the title of a panel
_KEYS = {" ": "SPACE", ".": "PERIOD", ",": "COMMA", "-": "MINUS", "/": "SLASH"} | dict(
    zip("0123456789", ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"))
)


def window() -> Any:
    return bpy.context.window_manager.windows[0]


def area(kind: str = "VIEW_3D") -> Any:
    """The largest area of this kind."""
    return max((each for each in window().screen.areas if each.type == kind), key=lambda each: each.width * each.height)


def region(kind: str = "WINDOW", area_kind: str = "VIEW_3D") -> Any:
    return next(each for each in area(area_kind).regions if each.type == kind)


def override(region_kind: str = "WINDOW", area_kind: str = "VIEW_3D") -> Any:
    """A context in which operators run as if the mouse were in this region."""
    return bpy.context.temp_override(window=window(), area=area(area_kind), region=region(region_kind, area_kind))


def move(to: Point) -> Step:
    _event(to, "MOUSEMOVE")
    yield 0.15


def click(at: Point, **modifiers: bool) -> Step:
    yield from move(at)
    _event(at, "LEFTMOUSE", "PRESS", **modifiers)
    yield 0.1
    _event(at, "LEFTMOUSE", "RELEASE", **modifiers)
    yield 0.4


def drag(start: Point, end: Point, moves: int = 6) -> Step:
    yield from move(start)
    _event(start, "LEFTMOUSE", "PRESS")
    yield 0.15
    for number in range(1, moves + 1):
        fraction = number / moves
        at = (round(start[0] + (end[0] - start[0]) * fraction), round(start[1] + (end[1] - start[1]) * fraction))
        _event(at, "MOUSEMOVE")
        yield 0.12
    _event(end, "LEFTMOUSE", "RELEASE")
    yield 0.4


def press(key: str, at: Point, **modifiers: bool) -> Step:
    """Press a key while the mouse is at a place."""
    yield from move(at)
    _event(at, key, "PRESS", **modifiers)
    _event(at, key, "RELEASE", **modifiers)
    yield 0.3


def write(text: str, at: Point) -> Step:
    """Write a text into the field at a place, in place of what is in it."""
    yield from click(at)
    yield from press("A", at, ctrl=True)
    yield from enter(text, at)


def enter(text: str, at: Point) -> Step:
    """Type a text and press Return, into a field that is being edited or as the amount of a transform."""
    for character in text:
        key = _KEYS.get(character, character.upper())
        _event(at, key, "PRESS", unicode=character)
        _event(at, key, "RELEASE")
        yield 0.05
    yield from press("RET", at)


def scroll_sidebar(pixels: int) -> Step:
    """Scroll the sidebar down, up for negative numbers. The mouse wheel would zoom the view where there is nothing to scroll."""
    operators: Any = bpy.ops.view2d
    scroll = operators.scroll_down if pixels > 0 else operators.scroll_up
    with override("UI"):
        for _ in range(min(abs(pixels) // _SCROLL, _MOST_SCROLLS)):
            if scroll.poll():
                scroll()
    region("UI").tag_redraw()
    yield 0.3


def open_sidebar(tab: str) -> Step:
    area().spaces.active.show_region_ui = True
    yield 0.3
    region("UI").active_panel_category = tab
    area().tag_redraw()
    yield 0.5


def find(wanted: str, found: list[Point], columns: Sequence[float] = (0.5,), scrolls: int = 8) -> Step:
    """Append the place of the button or field whose command or data path contains `wanted`, scrolling the sidebar to it.

    It is looked for in what the sidebar shows, then from its top on. `columns`: where in the sidebar, from 0 at the left to 1 at
    the right.
    """
    for _ in range(_SEARCHES):
        with _empty_view():
            yield _REST
            yield from _sweep(wanted, found, columns, scrolls)
        yield _REST
        if wanted in _under_mouse():
            return
        found.pop()  # the panels above have grown or shrunk meanwhile
    raise AssertionError(f"the button {wanted!r} does not stay in its place")


@contextmanager
def _empty_view() -> Generator[None]:
    """Draw nothing in the view, which lies below the sidebar and is drawn anew with every move of the mouse there.

    Without a GPU that takes seconds, and buttons answer too late.
    """
    space = area().spaces.active
    switches = [(space.overlay, "show_overlays"), *((space, f"show_object_viewport_{kind}") for kind in _DRAWN)]
    before = [getattr(owner, name) for owner, name in switches]
    for owner, name in switches:
        setattr(owner, name, False)
    try:
        yield
    finally:
        for (owner, name), value in zip(switches, before):
            setattr(owner, name, value)


def _sweep(wanted: str, found: list[Point], columns: Sequence[float], scrolls: int) -> Step:
    view = region("WINDOW")
    yield from move((view.x + view.width // 3, view.y + view.height // 2))  # the button that was pressed last lets go
    before = (0, 0)
    for page in range(scrolls + 1):
        if page:
            yield from scroll_sidebar(-20_000 if page == 1 else region("UI").height // 2)
        sidebar = region("UI")
        for y in range(sidebar.y + sidebar.height - 6, sidebar.y + 6, -_SWEEP):
            for column in columns:
                at = (sidebar.x + round(sidebar.width * column), y)
                _event(at, "MOUSEMOVE")
                yield 0.01  # the button before lets go,
                yield 0.01  # and only with the next of Blender's events this one is under the mouse
                if wanted in _under_mouse():
                    for x, y in (at, before):  # a busy Blender says what was under the mouse before
                        place = (x, y - _INSIDE)
                        _event(place, "MOUSEMOVE")
                        yield _REST
                        if wanted in _under_mouse():
                            found.append(place)
                            return
                before = at
    raise AssertionError(f"no button {wanted!r} in the sidebar")


def open_panel_below(operator: str) -> Step:
    """Click on the header that is next below the button of an operator of the add-on."""
    found: list[Point] = []
    yield from find(f"socialmirror.{operator}(", found)
    if found[0][1] - _TO_NEXT_HEADER < region("UI").y + _LAST_HEADER:  # the header is below the sidebar's lower end
        yield from scroll_sidebar(4 * _SCROLL)
        found.clear()
        yield from find(f"socialmirror.{operator}(", found)
    yield from click((region("UI").x + _TITLE, found[0][1] - _TO_NEXT_HEADER))


def open_last_panels(count: int) -> Step:
    """Click on the last headers of the sidebar, from the lowest up, all of which have to be closed."""
    yield from scroll_sidebar(20_000)
    sidebar = region("UI")
    for number in range(count):
        yield from click((sidebar.x + _TITLE, sidebar.y + _LAST_HEADER + number * _HEADER))


def push(operator: str, columns: Sequence[float] = (0.5,)) -> Step:
    """Find the button of an operator of the add-on in the sidebar and click it."""
    found: list[Point] = []
    yield from find(f"socialmirror.{operator}(", found, columns)
    yield from click(found[0])


def fill(field: str, text: str) -> Step:
    """Find the field of a property in the sidebar and write into it."""
    found: list[Point] = []
    yield from find(field, found)
    yield from write(text, found[0])


def choose(field: str, name: str) -> Step:
    """Choose a datablock in a field of the sidebar, by typing its name into the list that opens."""
    found: list[Point] = []
    yield from find(field, found)
    yield from click(found[0])
    yield from enter(name, found[0])


def accept_files(folder: Path, name: str, **properties: Any) -> Step:
    """Accept the file browser that is open, with a folder and with properties of its operator; `name` of a screenshot before."""
    yield 1.0
    space = area("FILE_BROWSER").spaces.active
    space.params.directory = str(folder).encode()
    for key, value in properties.items():
        setattr(space.active_operator, key, value)
    yield 1.5
    screenshot(name)
    inside = region("WINDOW", "FILE_BROWSER")
    yield from press("RET", (inside.x + inside.width // 2, inside.y + 40))
    yield 1.0


def wait(until: Callable[[], bool], seconds: float, what: str) -> Step:
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")
        yield 0.5


def screenshot(name: str) -> None:
    """Save a picture of the whole virtual screen: Blender's own screenshot is black there."""
    folder = Path(os.environ["GUI_OUT"])
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["import", "-window", "root", str(folder / f"{name}.png")], check=True)


def run(story: Callable[[], Step]) -> None:
    """Run a story step by step and end Blender with 0, or with 1 and a traceback."""
    steps = story()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # what was said is known even if Blender ends suddenly

    def tick() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            _end(0)
        except BaseException:
            traceback.print_exc()
            screenshot("failed")
            _end(1)
        return None

    bpy.context.preferences.view.show_splash = False
    bpy.app.timers.register(tick, first_interval=0.5, persistent=True)  # also when another file is opened


def _end(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _event(at: Point, kind: str, value: str = "NOTHING", **details: Any) -> None:
    window().event_simulate(type=kind, value=value, x=at[0], y=at[1], **details)


def _under_mouse() -> str:
    """What the button under the mouse is, as Blender would copy it: its Python command or its data path."""
    manager: Any = bpy.context.window_manager
    operators: Any = bpy.ops.ui
    with override("UI"):
        for copy, arguments in (
            (operators.copy_python_command_button, {}),
            (operators.copy_data_path_button, {"full_path": True}),
        ):
            if copy.poll():
                manager.clipboard = ""
                copy(**arguments)
                if manager.clipboard:
                    return manager.clipboard
    return ""
