"""Draws the add-on's panels without a window: a layout that takes everything and remembers texts and buttons."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import bpy


class Layout:
    """Stands in for `UILayout`; what it makes shares its lists of texts, buttons and names of properties."""

    def __init__(self, texts: list[str], buttons: list[str], properties: list[str] | None = None) -> None:
        self.texts, self.buttons = texts, buttons
        self.properties = [] if properties is None else properties

    def label(self, *, text: str = "", icon: str = "NONE") -> None:
        check_icon(icon)
        self.texts.append(text)

    def operator(self, name: str, *, icon: str = "NONE", **_: Any) -> Any:
        check_icon(icon)
        self.buttons.append(name.removeprefix("socialmirror."))
        return SimpleNamespace()

    def menu(self, name: str, *, text: str = "", icon: str = "NONE") -> None:
        check_icon(icon)
        self.texts.append(text or getattr(bpy.types, name).bl_label)
        draw(getattr(bpy.types, name), self)

    def operator_menu_enum(self, name: str, _prop: str, *, text: str = "") -> Any:
        self.texts.append(text)
        return self.operator(name)

    def prop_search(self, *_: Any, **__: Any) -> None:
        pass

    def prop(self, owner: Any, name: str, *, text: str = "", icon: str = "NONE", **__: Any) -> None:
        check_icon(icon)
        self.texts += [text] if text else []
        if name.startswith('["'):
            owner.path_resolve(name)  # a custom property
            return
        kind: Any = getattr(owner, "bl_rna", None)  # stand-ins of operators have none
        assert name in kind.properties if kind is not None else hasattr(owner, name), name
        self.properties.append(name)

    def progress(self, *, factor: float, text: str) -> None:
        self.texts.append(text)

    def template_list(self, name: str, _id: str, data: Any, prop: str, *_: Any, **__: Any) -> None:
        context = SimpleNamespace(region=SimpleNamespace(width=300))
        for index, item in enumerate(getattr(data, prop)):
            getattr(bpy.types, name).draw_item(None, context, self, data, item, 0, data, "", index, 0)

    def separator(self) -> None:
        pass

    def _part(self, *_: Any, **__: Any) -> Layout:
        return Layout(self.texts, self.buttons, self.properties)

    row = column = box = split = _part


def check_icon(name: str) -> None:
    """Icons differ between versions of Blender, and an unknown one ends the drawing of a panel."""
    layout: Any = bpy.types.UILayout
    icons = layout.bl_rna.functions["label"].parameters["icon"]
    assert name in icons.enum_items, name


def draw(kind: Any, layout: Layout) -> None:
    kind.draw(SimpleNamespace(layout=layout), bpy.context)


def draw_sidebar() -> Layout:
    """Every panel of the add-on, as Blender draws them."""
    layout = Layout([], [])
    for name in dir(bpy.types):
        if name.startswith("SOCIALMIRROR_PT_"):
            kind = getattr(bpy.types, name)
            if not hasattr(kind, "poll") or kind.poll(bpy.context):
                draw(kind, layout)
    return layout
