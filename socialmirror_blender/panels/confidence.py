"""The panel that says which limbs were seen, and how good the take is."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.contract.reconstruction import PEOPLE, PERSON_NAMES, CameraAgreement, Quality, Stretch
from .. import scene as scenes
from ..reconstructions import active_reconstruction, read_info
from ..scene.confidence_overlay import FramesAndStates, is_overlay_shown, limb_states_of
from ..scene.limb_states import FILLED_IN, LIMBS, STATE_TEXTS, UNCERTAIN, limbs_at
from ..scene.names import rig_role
from ..scene.objects import object_with_role
from ..scene.recent import Recent
from ..text import draw_text
from .sidebar import OnResult

GRADE_TEXTS = {
    "good": "Good: it agrees with the clip.",
    "fair": "Fair: check the frames below.",
    "bad": "Bad in places: check the frames below.",
}
_GRADE_ICONS = {"good": "CHECKMARK", "fair": "INFO", "bad": "ERROR"}
_SHOWN_STRETCHES = 4
_states: Recent[list[FramesAndStates | None]] = Recent(seconds=1.0)
"""Of both people, by import, take and first frame: panels are drawn in every frame while the motion plays."""


class SOCIALMIRROR_PT_confidence(OnResult, bpy.types.Panel):
    bl_label = "Confidence"

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        collection = active_reconstruction(context)
        assert collection is not None  # poll
        _draw_limbs(layout, collection, context.scene.frame_current)
        info = read_info(collection)
        if info is not None and info.quality is not None:
            _draw_quality(layout, info.quality, scenes.read_state(collection).timing)


def limb_line(states: FramesAndStates | None, person: int, frame: int) -> str:
    """What is not plainly seen of a person in a frame, as the skins are coloured: `A: filled in L arm; uncertain R leg`."""
    here = {} if states is None else limbs_at(*states, frame)
    parts = [f"{STATE_TEXTS[state]} {_short(here[state])}" for state in (FILLED_IN, UNCERTAIN) if here.get(state)]
    return f"{'AB'[person]}: {'; '.join(parts) or 'all limbs visible'}"


def _short(limbs: list[str]) -> str:
    if len(limbs) == len(LIMBS):
        return "all limbs"
    return ", ".join(limb.replace("left", "L").replace("right", "R") for limb in limbs)


def quality_text(stretch: Stretch) -> str:
    """What is not good in a stretch of a take, in plain words with a number that can be judged."""
    who = "A person" if stretch.person is None else PERSON_NAMES[stretch.person]
    value = stretch.value
    return {
        "picture": f"{who} is off the clip by {value:.0f} % of their height",
        "limbs": f"{who} has an arm or a leg off the clip by {value:.0f} % of their height",
        "floor": f"{who} stands {value / 10:.0f} cm off the floor",
        "penetration": f"The bodies intersect by {value / 10:.0f} cm",
        "contact": f"A contact has a gap of {value / 10:.0f} cm",
        "smoothness": f"{who} jitters",
        "speed": f"{who} moves at {value:.0f} m/s",
    }[stretch.measure]


def camera_text(camera: CameraAgreement) -> str:
    """How far a model of the scene and what people and lines show agree about the camera."""
    parts: list[str] = []
    if camera.pitch is not None and camera.roll is not None:
        parts.append(f"{abs(camera.pitch):.0f}° {'steeper' if camera.pitch >= 0 else 'flatter'}")
        parts.append(f"turned {abs(camera.roll):.0f}° {'clockwise' if camera.roll >= 0 else 'anticlockwise'}")
    parts.append(f"with a {abs(camera.focal):.0%} {'longer' if camera.focal >= 0 else 'shorter'} lens")
    begins = "The camera is confirmed" if camera.agrees else "The camera is doubtful"
    advice = "" if camera.agrees else " If you know its lens or pitch, give them in Settings."
    return f"{begins}: {camera.model} sees it {', '.join(parts)} than people and lines do.{advice}"


def _draw_limbs(layout: Any, collection: bpy.types.Collection, frame: int) -> None:
    row = layout.row(align=True)
    shown = is_overlay_shown(collection)
    row.operator("socialmirror.confidence_overlay", icon="OVERLAY", depress=shown)
    row.operator("socialmirror.uncertain_stretch", text="", icon="PREV_KEYFRAME").backwards = True
    row.operator("socialmirror.uncertain_stretch", text="", icon="NEXT_KEYFRAME").backwards = False
    if shown:
        row = layout.row(align=True)
        row.label(text="Filled in", icon="COLORSET_03_VEC")
        row.label(text="Uncertain", icon="COLORSET_09_VEC")
    column = layout.column(align=True)
    for person, states in enumerate(_read_states(collection)):
        column.label(text=limb_line(states, person, frame))  # always one line: the panel must not jump while it plays


def _draw_quality(layout: Any, quality: Quality, timing: Any) -> None:
    draw_text(layout, GRADE_TEXTS[quality.grade], icon=_GRADE_ICONS[quality.grade])
    for stretch in quality.stretches[:_SHOWN_STRETCHES]:
        first, last = timing.scene_range(stretch.first, stretch.last)
        row = layout.row()
        draw_text(row, f"{quality_text(stretch)}, frames {first}–{last}", margin=_BUTTON_WIDTH)
        row.operator("socialmirror.jump_to_frame", text="", icon="TIME").frame = first
    more = len(quality.stretches) - _SHOWN_STRETCHES
    if more > 0:
        draw_text(layout, f"and {more} more")
    if quality.camera is not None:
        draw_text(layout, camera_text(quality.camera), icon="CHECKMARK" if quality.camera.agrees else "ERROR")


def _read_states(collection: bpy.types.Collection) -> list[FramesAndStates | None]:
    def read() -> list[FramesAndStates | None]:
        rigs = [object_with_role(collection, rig_role(person)) for person in range(PEOPLE)]
        return [None if rig is None else limb_states_of(rig) for rig in rigs]

    state = scenes.read_state(collection)
    return _states.get((state.id, state.take, state.first_frame), read)


_BUTTON_WIDTH = 40
CLASSES = (SOCIALMIRROR_PT_confidence,)
