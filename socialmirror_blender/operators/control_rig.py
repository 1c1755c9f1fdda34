"""Operators of the control rig: make it, snap limbs between FK and IK, hold feet, thin its keys out, and bake it back."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from math import radians
from typing import Any

import bpy

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import PEOPLE
from .. import compat
from .. import scene as scenes
from ..reconstructions import active_reconstruction, require_reconstruction
from ..rigging.control_rig.building import build_control_rig, follow, let_go, stand_with, stands_at_origin
from ..rigging.control_rig.fewer_keys import reduce_keys
from ..rigging.control_rig.layout import LIMBS
from ..rigging.control_rig.motion import bake_onto_controls, frames_with_keys, snap, write_back
from ..rigging.control_rig.standing import ik_share, lock_foot
from ..scene.actions import is_below_layers, mark_of_take, require_takes, take_channelbag
from ..scene.armature import read_rest_pose
from ..scene.datablocks import remove_new_datablocks_on_error
from ..scene.fcurves import property_path
from ..scene.foot_list import read_foot_contacts
from ..scene.names import control_rig_role, rig_role, skin_role
from ..scene.objects import control_rig_of, has_control_rig, object_with_role
from ..scene.shown import require_shown
from ..text import counted
from .reporting import OnEditableReconstruction, OperatorReturn, poll_editable, reports_errors

_LIMB_ITEMS = [("ALL", "All Limbs", ""), *((limb.name, limb.name.replace("_", " ").title(), "") for limb in LIMBS)]


class _OnControls:
    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        collection = active_reconstruction(context)
        if collection is None or not has_control_rig(collection):
            cls.poll_message_set("Add a control rig first")
            return False
        return poll_editable(cls, context)


class SOCIALMIRROR_OT_control_rig_add(OnEditableReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.control_rig_add"
    bl_label = "Add Control Rig"
    bl_description = (
        "Add controls to pose with: IK hands and feet, spine, head, hips and root. They take over the motion, and the SMPL-X "
        "bones follow them"
    )
    bl_options = {"REGISTER", "UNDO"}

    both: bpy.props.BoolProperty(
        name="Both People", description="Add controls to both people. Off: only to the selected one", default=True
    )

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        chosen = list(range(PEOPLE)) if self.both else [_selected_person(context, collection)]
        missing = [person for person in chosen if control_rig_of(collection, person) is None]
        if not missing:
            raise UserError(
                "has-controls", "There is a control rig already.", "Bake it back first to make another one."
            )
        rigs = [scenes.rig_of(collection, person) for person in missing]
        require_takes(rigs)
        for rig in rigs:
            read_rest_pose(rig)  # before anything is made
        require_shown(context.view_layer, collection, rigs)
        with remove_new_datablocks_on_error(), _undone_on_error(context, rigs):
            self.make(context, collection, dict(zip(missing, rigs)))
        context.scene.frame_set(context.scene.frame_current)
        return {"FINISHED"}

    def make(
        self, context: bpy.types.Context, collection: bpy.types.Collection, rigs: dict[int, bpy.types.Object]
    ) -> None:
        """Make controls for people, whose armatures follow them from then on, and select them in pose mode."""
        state = scenes.read_state(collection)
        if context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        made: list[bpy.types.Object] = []
        for person, rig in rigs.items():
            frames = frames_with_keys(state.first_frame, state.last_frame, take_channelbag(rig))
            controls = build_control_rig(context, collection, person)
            bake_onto_controls(context.scene, rig, controls, frames)
            follow(rig, controls)
            rig.hide_set(True)
            made.append(controls)
        for item in context.selected_objects:
            item.select_set(False)
        for controls in made:
            controls.select_set(True)
        context.view_layer.objects.active = made[0]
        bpy.ops.object.mode_set(mode="POSE")


class SOCIALMIRROR_OT_control_rig_remove(_OnControls, bpy.types.Operator):
    bl_idname = "socialmirror.control_rig_remove"
    bl_label = "Bake Back"
    bl_description = (
        "Remove the controls. What you changed with them becomes your own keys on the SMPL-X bones, for Refine"
    )
    bl_options = {"REGISTER", "UNDO"}

    keep: bpy.props.BoolProperty(
        name="Keep Motion",
        description="Bake the controls' motion to the bones. Off: the bones move as before the control rig",
        default=True,
    )

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        state = scenes.read_state(collection)
        found = [(person, control_rig_of(collection, person)) for person in range(PEOPLE)]
        pairs = [(scenes.rig_of(collection, person), controls) for person, controls in found if controls is not None]
        require_shown(context.view_layer, None, [rig for rig, _ in pairs])
        for rig, _ in pairs if self.keep else ():
            _check_can_be_keyed(rig)
        if context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        changed, muted = [0 for _ in pairs], list[str]()
        for number, (rig, controls) in enumerate(pairs if self.keep else ()):
            channelbags = take_channelbag(rig), compat.channelbag_of(controls)
            frames = frames_with_keys(state.first_frame, state.last_frame, *channelbags)
            if stands_at_origin(controls):
                stand_with(controls, rig)  # else keys would take people from where their armature stands to the origin
            changed[number], theirs = write_back(context.scene, rig, frames)
            muted += theirs
        # no controls are removed before the motion of all is baked, which may fail
        for (rig, controls), count in zip(pairs, changed):
            let_go(rig)
            remove_controls(controls, keep_action=bool(count) or not self.keep)
            rig.hide_set(False)
            context.view_layer.objects.active = rig
            rig.select_set(True)
        context.scene.frame_set(context.scene.frame_current)
        self.report({"INFO"}, _baked_text(sum(changed)) if self.keep else "The controls are removed")
        if muted:
            self.report({"WARNING"}, f"Muted, because the keys now hold the motion that was shown: {', '.join(muted)}")
        return {"FINISHED"}


class SOCIALMIRROR_OT_control_rig_snap(_OnControls, bpy.types.Operator):
    bl_idname = "socialmirror.control_rig_snap"
    bl_label = "Snap FK/IK"
    bl_description = (
        "Switch limbs between FK and IK. The controls that take over are put where the limbs are now, and keyed. A switch that "
        "is keyed, or with Auto Keying, gets a key here, which holds until its next one; otherwise it changes in all frames"
    )
    bl_options = {"REGISTER", "UNDO"}

    limb: bpy.props.EnumProperty(name="Limb", description="Limb to switch", items=_LIMB_ITEMS)
    to_ik: bpy.props.BoolProperty(name="To IK", description="Switch to IK. Off: to FK", default=True)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        state = scenes.read_state(collection)
        names = [limb.name for limb in LIMBS if self.limb in ("ALL", limb.name)]
        for person in range(PEOPLE):
            controls: Any = control_rig_of(collection, person)
            if controls is None or (context.object != controls and context.object in _all_controls(collection)):
                continue
            snap(context.scene, scenes.rig_of(collection, person), controls, names)
            for name in names:
                _switch(context, controls, name, float(self.to_ik), state.first_frame)
            controls.data.collections["FK"].is_visible = any(controls[limb.name] < 1 for limb in LIMBS)
            controls.update_tag()
        context.scene.frame_set(context.scene.frame_current)
        return {"FINISHED"}


class SOCIALMIRROR_OT_control_rig_reduce(_OnControls, bpy.types.Operator):
    bl_idname = "socialmirror.control_rig_reduce"
    bl_label = "Decimate Keyframes"
    bl_description = "Remove keyframes of the controls that interpolating the others replaces within a tolerance"
    bl_options = {"REGISTER", "UNDO"}

    distance: bpy.props.FloatProperty(
        name="Distance",
        description="How far a control may move off its path",
        default=0.01,
        min=0.0005,
        max=0.2,
        unit="LENGTH",
    )
    angle: bpy.props.FloatProperty(
        name="Angle",
        description="How far a control may turn off its rotation",
        default=radians(2),
        min=radians(0.1),
        max=radians(30),
        subtype="ANGLE",
    )

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        before = after = 0
        for controls in _all_controls(require_reconstruction(context)):
            counts = reduce_keys(controls, self.distance, self.angle)
            before, after = before + counts[0], after + counts[1]
        self.report({"INFO"}, f"Kept {after} of {before} keyframes")
        return {"FINISHED"}


class SOCIALMIRROR_OT_control_rig_feet(_OnControls, bpy.types.Operator):
    bl_idname = "socialmirror.control_rig_feet"
    bl_label = "Hold Locked Feet"
    bl_description = "Keep the IK feet still where the panel Feet locks them, as Refine does for the SMPL-X bones"
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        timing = scenes.read_state(collection).timing
        locked = [foot for foot in read_foot_contacts(collection) if foot.mode == "lock"]
        count, on_fk = 0, list[str]()
        for person in range(PEOPLE):
            controls = control_rig_of(collection, person)
            for side in ("left", "right") if controls is not None else ():
                spans = [
                    timing.scene_range(foot.frame_start, foot.frame_end)
                    for foot in locked
                    if (foot.person, foot.foot) == (person, side)
                ]
                shares = [ik_share(controls, f"{side}_leg", *span) for span in spans]
                held = [span for span, (_, most) in zip(spans, shares) if most > 0]
                if held:
                    lock_foot(controls, side, held, compat.frame_rate(context.scene))
                    count += len(held)
                if any(least < 1 for least, _ in shares):
                    name = scenes.rig_of(collection, person).name
                    on_fk.append(
                        f"The {side} leg of {name} is on FK while its foot is locked: its IK foot cannot hold it."
                    )
        to_ik = "Switch it to IK for all frames of the lock, and press Hold Locked Feet again."
        if on_fk and not count:
            raise UserError("on-fk", " ".join(on_fk), to_ik)
        if not count:
            raise UserError(
                "no-locked-feet",
                "No foot of a person with controls is locked.",
                "Set feet to Locked in the panel Feet first.",
            )
        context.scene.frame_set(context.scene.frame_current)
        self.report({"INFO"}, f"Held {count} foot contacts")
        if on_fk:
            self.report({"WARNING"}, f"{' '.join(on_fk)} {to_ik}")
        return {"FINISHED"}


def remove_controls(controls: Any, *, keep_action: bool) -> None:
    """Remove a control armature. Its action stays in the file where there is more in it than the bones say."""
    action = controls.animation_data.action if controls.animation_data else None
    armature = controls.data
    bpy.data.objects.remove(controls)
    bpy.data.armatures.remove(armature)
    if action is not None and keep_action:
        action.use_fake_user = True
    elif action is not None and action.users == 0:
        bpy.data.actions.remove(action)


def _baked_text(bones: int) -> str:
    return (
        f"Your changes are keys on {counted(bones, 'bone')} now" if bones else "Nothing was changed with the controls"
    )


@contextmanager
def _undone_on_error(context: bpy.types.Context, rigs: list[bpy.types.Object]) -> Generator[None]:
    """Let armatures follow nothing, and give visibility, selection and mode back, if the block raises."""
    layer: Any = context.view_layer
    active, selected = layer.objects.active, list(layer.objects.selected)
    mode, hidden = active.mode if active is not None else "OBJECT", [rig.hide_get() for rig in rigs]
    try:
        yield
    except BaseException:
        if layer.objects.active is not None and layer.objects.active.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        for rig, was_hidden in zip(rigs, hidden):
            let_go(rig)
            rig.hide_set(was_hidden)
        for item in layer.objects:
            item.select_set(item in selected)
        layer.objects.active = active
        if mode != "OBJECT":
            bpy.ops.object.mode_set(mode=mode)
        raise


def _check_can_be_keyed(rig: bpy.types.Object) -> None:
    """UserError `layered` or `no-take` if controls cannot be baked onto an armature."""
    if is_below_layers(rig):
        raise UserError(
            "layered",
            f"The take of {rig.name} lies in the NLA below your own layers, over which controls cannot be baked.",
            "Take the layers away first, or remove the controls without keeping their motion.",
        )
    if mark_of_take(rig) is None:
        raise UserError(
            "no-take",
            f"{rig.name} does not move as the take does: its action is another one, or none.",
            "Assign the take's action again in the Action Editor, or remove the controls without keeping their motion.",
        )


def _selected_person(context: bpy.types.Context, collection: bpy.types.Collection) -> int:
    """The person whose armature, skin or controls are the active object. UserError `no-person` if it is none of them."""
    active = context.object
    for person in range(PEOPLE):
        theirs = [rig_role(person), skin_role(person), control_rig_role(person)]
        if active is not None and any(active == object_with_role(collection, role) for role in theirs):
            return person
    raise UserError("no-person", "Neither person is selected.", "Click on one of the two people first.")


def _switch(context: bpy.types.Context, controls: Any, limb: str, value: float, first_frame: int) -> None:
    """Switch a limb: in all frames, or from the current one on if the switch is keyed or Auto Keying is on."""
    path = property_path(limb)
    channelbag: Any = compat.channelbag_of(controls)
    is_keyed = channelbag is not None and channelbag.fcurves.find(path) is not None
    if is_keyed or context.scene.tool_settings.use_keyframe_insert_auto:
        if not is_keyed and first_frame < context.scene.frame_current:
            controls.keyframe_insert(path, frame=first_frame)
        controls[limb] = value
        controls.keyframe_insert(path, frame=context.scene.frame_current)
        channelbag = compat.channelbag_of(controls)
        curve = channelbag.fcurves.find(path)
        for point in curve.keyframe_points:
            if not is_keyed or round(point.co.x) == context.scene.frame_current:
                point.interpolation = "CONSTANT"
        curve.update()
    controls[limb] = value


def _all_controls(collection: bpy.types.Collection) -> list[bpy.types.Object]:
    found = [control_rig_of(collection, person) for person in range(PEOPLE)]
    return [controls for controls in found if controls is not None]


CLASSES = (
    SOCIALMIRROR_OT_control_rig_add,
    SOCIALMIRROR_OT_control_rig_remove,
    SOCIALMIRROR_OT_control_rig_snap,
    SOCIALMIRROR_OT_control_rig_reduce,
    SOCIALMIRROR_OT_control_rig_feet,
)
