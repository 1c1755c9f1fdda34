"""Motion on controls: baked from the SMPL-X bones, and written back to the bones as keys of one's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np

from ... import compat
from ...scene.actions import mark_of_take, no_take, polish_of, rekey, take_channelbag
from ...scene.armature import read_rest_pose
from ...scene.evaluated_poses import evaluated_poses, evaluation_scene
from ...scene.fcurves import evaluate_fcurves, location_path, rotation_path, write_fcurves
from ...scene.keyframes import OWN_KEYFRAME, read_places
from ...scene.own_keys import forget_own_keys
from ...scene.polish import Polish, with_keyframes
from ...scene.pose_conversion import basis_matrices
from ...scene.rest_pose import BONES
from ...scene.rotations import (
    axis_angle_to_quaternion,
    inverse_affine,
    make_sign_continuous,
    matrix_to_quaternion,
    quaternion_to_matrix,
)
from ...scene.take_values import CHANNELS, COLUMNS, TakeMark
from ..limbs import pole_positions
from .layout import BODY, LIMB_JOINTS, LIMBS, POLE_DISTANCE, fk_control
from .own_constraints import (
    IK_TYPES,
    Constraint,
    bound_together,
    constraint_of,
    constraints_by_bone,
    controls_muted,
)

Channels = dict[str, tuple[np.ndarray, np.ndarray]]
"""Locations [S,3] and quaternions [S,4] of bones, relative to rest pose and parent."""

_SAME = 2e-4
"""Difference of a channel (quaternion components, metres) up to which a motion is the same."""
_SEEN, _SEEN_BY_IK = 1e-3, 1e-2
"""Differences of a bone's matrix (metres, components of its axes) up to which it is the same, alone and where IK bends it.

Blender's IK ends a little elsewhere when it starts from another pose.
"""
_NOTHING = np.zeros(0)

_POLE_ROUNDS, _POLE_ALIGNED = 3, 1e-3
"""Rounds in which poles are turned, and radians up to which a limb is where it should be."""
_POLE_SAMPLES = 20
"""Frames that suffice to find a pole angle."""
_CARRIERS = [name for limb in LIMBS for name in limb.chain]
"""The bones that IK bends: two of each limb."""


def visible_poses(scene: Any, rig: bpy.types.Object, bones: Sequence[str], frames: np.ndarray) -> np.ndarray:
    """`PoseBone.matrix` [S,B,4,4] of bones in scene frames [S], with constraints and all that animates them."""
    others = [item for item in _targets(rig) if item != rig]
    with evaluation_scene([rig, *others], (scene.render.fps, scene.render.fps_base)) as temporary:
        return evaluated_poses(temporary, [rig], bones, frames.tolist())[1][0]


def bake_onto_controls(scene: Any, rig: bpy.types.Object, controls: Any, frames: np.ndarray) -> None:
    """Key the controls, FK and IK alike, so that the bones move as they do now; nothing follows the controls yet."""
    poses = visible_poses(scene, rig, BONES, frames)
    basis = basis_matrices(poses, read_rest_pose(rig))
    channels = {
        fk_control(bone): _decomposed(basis[:, BONES.index(bone)]) for bone in (*BODY, *LIMB_JOINTS)
    } | _ik_channels(controls, poses)
    action = bpy.data.actions.new(controls.name)
    slot, channelbag = compat.new_channelbag(action, controls.name)
    compat.assign_action(controls, action, slot)
    _write(channelbag, channels, frames)
    bent = _align_poles(scene, controls, poses, frames)
    _write(channelbag, _twist_channels(controls, bent, poses), frames)


def snap(scene: Any, rig: bpy.types.Object, controls: Any, limb_names: Sequence[str]) -> None:
    """Put both the FK and the IK controls of limbs where the bones are seen in the current frame, and key them there."""
    frames = np.array([scene.frame_current])
    # an earlier version left the controls at the world's origin, wherever the armature stands
    to_controls = np.array(controls.matrix_world.inverted_safe() @ rig.matrix_world)
    poses = to_controls @ visible_poses(scene, rig, BONES, frames)
    basis = basis_matrices(poses, read_rest_pose(rig))
    limbs = [limb for limb in LIMBS if limb.name in limb_names]
    fk = {fk_control(bone): _decomposed(basis[:, BONES.index(bone)]) for limb in limbs for bone in limb.joints}
    ik = _ik_channels(controls, poses)
    ends = {name for limb in limbs for name in (limb.end, limb.pole)}
    channelbag: Any = compat.channelbag_of(controls)
    _insert(channelbag, fk | {name: value for name, value in ik.items() if name in ends}, scene.frame_current)
    bent = visible_poses(scene, controls, _CARRIERS, frames)
    for _ in range(_POLE_ROUNDS):
        turned = {name: pole for name, pole in _turned_poles(controls, bent, poses, frames).items() if name in ends}
        if not turned:
            break
        _insert(channelbag, turned, scene.frame_current)
        bent = visible_poses(scene, controls, _CARRIERS, frames)
    twists = _twist_channels(controls, bent, poses)
    wanted = {name for limb in limbs for name in limb.twists}
    _insert(channelbag, {name: twists[name] for name in wanted}, scene.frame_current)


def frames_with_keys(first: int, last: int, *channelbags: Any) -> np.ndarray:
    """Successive scene frames, int [S], from `first` to `last` and on to the outermost keys of channel bags (or None)."""
    ends = [float(first), float(last)]
    for curve in (curve for channelbag in channelbags if channelbag is not None for curve in channelbag.fcurves):
        points = curve.keyframe_points
        if len(points) and ".constraints[" not in curve.data_path:
            ends += [points[0].co.x, points[-1].co.x]
    return np.arange(math.floor(min(ends)), math.ceil(max(ends)) + 1)


def write_back(scene: Any, rig: bpy.types.Object, frames: np.ndarray) -> tuple[int, list[str]]:
    """Key the visible motion in successive scene frames on the SMPL-X bones where it differs from theirs, as the animator's keys.

    Keys of bones that move as their F-curves say are left alone, and where the visible motion is the take's, the take's key comes
    back. Bones with constraints of the animator's own are keyed only if they would not show that motion without the controls, and
    those constraints, which would move the keyed bones on, are muted. Returns the number of bones that were keyed, and which
    constraints were muted. UserError `no-take` if the take's action does not animate the armature.
    """
    poses = visible_poses(scene, rig, BONES, frames)
    basis = basis_matrices(poses, read_rest_pose(rig))
    constraints = constraints_by_bone(rig)
    changed = _key_bones(rig, frames, basis, {bone for bone in BONES if bone not in constraints})
    muted: set[Constraint] = set()
    while constraints:
        with controls_muted(rig):
            apart = dict(zip(BONES, np.abs(visible_poses(scene, rig, BONES, frames) - poses).max((0, 2, 3))))
        moved = {bone for bone, items in constraints.items() if apart.get(bone, 0) > _tolerance(rig, items)}
        wrong = bound_together(moved, constraints)
        if not wrong:
            break
        for name, constraint in sorted(set().union(*(constraints.pop(bone) for bone in wrong)) - muted):
            constraint_of(rig, (name, constraint)).mute = True
            muted.add((name, constraint))
        changed |= _key_bones(rig, frames, basis, wrong)
    return len(changed), [f"{constraint} on {bone} of {rig.name}" for bone, constraint in sorted(muted)]


def _key_bones(rig: bpy.types.Object, frames: np.ndarray, basis: np.ndarray, bones: set[str]) -> set[str]:
    """Key `basis` [S,56,4,4] on some of the bones where it differs from their F-curves. Returns the bones that got keys."""
    mark = mark_of_take(rig)
    if mark is None:
        raise no_take(rig)
    polish, changed = polish_of(rig), set[str]()
    channelbag: Any = take_channelbag(rig)
    for bone, path, size in CHANNELS:
        if bone not in bones:
            continue
        location, rotation = _decomposed(basis[:, BONES.index(bone)])
        at_rest = np.array([1.0, 0.0, 0.0, 0.0]) if size == 4 else np.zeros(3)
        keyed = evaluate_fcurves(channelbag, path, frames, at_rest)
        if size == 4:
            keyed /= np.maximum(np.linalg.norm(keyed, axis=-1, keepdims=True), 1e-9)
        values = _on_the_side_of(keyed, rotation) if size == 4 else location
        places = [read_places(curve)[0][:, 0] for curve in _curves_of(channelbag, path, size)]
        rows = rows_to_key(frames, _differs(values, keyed), np.concatenate([*places, np.zeros(0)]))
        if not rows.any():
            continue
        changed.add(bone)
        taken, at_take = _take_at(mark, path, size, frames)
        like_take = at_take & ~_differs(_on_the_side_of(taken, values) if size == 4 else values, taken)
        for index in range(size):
            curve = (path, index)
            gone = _is_removed(polish, curve, mark, frames)
            polish = with_keyframes(polish, curve, frames[rows & like_take & ~gone], _NOTHING, OWN_KEYFRAME)
            own = rows & ~(like_take & ~gone)
            polish = with_keyframes(polish, curve, frames[own], values[own, index], OWN_KEYFRAME)
    rekey(rig, mark, polish)
    forget_own_keys()
    return changed


def _tolerance(rig: bpy.types.Object, constraints: set[Constraint]) -> float:
    return _SEEN_BY_IK if any(constraint_of(rig, item).type in IK_TYPES for item in constraints) else _SEEN


def rows_to_key(frames: np.ndarray, differs: np.ndarray, keyed: np.ndarray) -> np.ndarray:
    """Which of successive frames [S] need keys [S] where motion differs in some of them from what keys at frames `keyed` say.

    Those are the frames that differ, and all others of the stretches between keys whose shape changes with that.
    """
    stretch = np.searchsorted(np.unique(keyed), frames)
    is_keyed = np.isin(frames, keyed)
    touched = set(stretch[differs].tolist()) | {number + 1 for number in stretch[differs & is_keyed].tolist()}
    return differs | (np.isin(stretch, list(touched)) & ~is_keyed)


def _curves_of(channelbag: Any, path: str, size: int) -> list[Any]:
    found = [channelbag.fcurves.find(path, index=index) for index in range(size)]
    return [curve for curve in found if curve is not None]


def _differs(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which rows [S] of two channels are not the same."""
    return np.abs(values - others).max(-1) > _SAME


def _on_the_side_of(quaternions: np.ndarray, others: np.ndarray) -> np.ndarray:
    """`others` [S,4] with the signs of quaternions [S,4]."""
    return others * np.where((others * quaternions).sum(-1, keepdims=True) < 0, -1.0, 1.0)


def _take_at(mark: TakeMark, path: str, size: int, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values [S,n] of a take at scene frames [S], and whether it has keys of its own there."""
    row = np.clip(np.searchsorted(mark.own.frames, frames), 0, len(mark.own.frames) - 1)
    columns = [COLUMNS[(path, index)] for index in range(size)]
    return mark.own.values[row][:, columns].astype(np.float64), mark.own.frames[row] == frames


def _is_removed(polish: Polish, curve: tuple[str, int], mark: TakeMark, frames: np.ndarray) -> np.ndarray:
    """Whether the animator has removed the take's own keyframe at scene frames [S]."""
    gone = polish.removed.get(curve)
    if gone is None:
        return np.zeros(len(frames), dtype=bool)
    return np.isin(frames, mark.own.frames[gone])


def _ik_channels(controls: Any, poses: np.ndarray) -> Channels:
    """Of hands, feet and poles from the poses [S,56,4,4] of the bones."""
    channels: Channels = {}
    for limb in LIMBS:
        upper, lower, last = (poses[:, BONES.index(joint)] for joint in limb.joints)
        rest = np.array(controls.data.bones[limb.end].matrix_local)
        channels[limb.end] = _decomposed(inverse_affine(rest) @ last)
        upper_rest = np.array(controls.data.bones[fk_control(limb.joints[0])].matrix_local)[:3, :3]
        hint = upper[:, :3, :3] @ (upper_rest.T @ limb.bend_hint)
        pole = pole_positions(upper[:, :3, 3], lower[:, :3, 3], last[:, :3, 3], POLE_DISTANCE, hint)
        rest = np.array(controls.data.bones[limb.pole].matrix_local)
        location = (pole - rest[:3, 3]) @ rest[:3, :3]
        channels[limb.pole] = location, np.tile([1.0, 0.0, 0.0, 0.0], (len(pole), 1))
    return channels


def _align_poles(scene: Any, controls: Any, poses: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Turn elbows and knees to where the bones [S,56,4,4] have them: by the constraints' pole angles, then by the poles' keys.

    What a pole angle means at rest is not the same in all versions of Blender, so the bent chains are measured. Returns them as
    they are then, [S,C,4,4] in the order of _CARRIERS.
    """
    some = np.unique(np.linspace(0, len(frames) - 1, _POLE_SAMPLES).round().astype(int))
    constraints = {limb.name: controls.pose.bones[limb.chain[1]].constraints[0] for limb in LIMBS}

    def medians() -> dict[str, float]:
        bent = visible_poses(scene, controls, _CARRIERS, frames[some])
        return {name: float(np.median(error)) for name, error in _pole_errors(bent, poses[some]).items()}

    before = medians()
    for name, constraint in constraints.items():
        constraint.pole_angle -= before[name]
    for name, median in medians().items():
        if abs(median) > abs(before[name]):
            constraints[name].pole_angle += 2 * before[name]
    channelbag: Any = compat.channelbag_of(controls)
    bent = visible_poses(scene, controls, _CARRIERS, frames)
    for _ in range(_POLE_ROUNDS):
        turned = _turned_poles(controls, bent, poses, frames)
        if not turned:
            break
        for name, (locations, _) in turned.items():
            write_fcurves(channelbag, location_path(name), frames, locations)
        bent = visible_poses(scene, controls, _CARRIERS, frames)
    return bent


def _turned_poles(controls: Any, bent: np.ndarray, poses: np.ndarray, frames: np.ndarray) -> Channels:
    """Poles that turn the bent chains [S,C,4,4] to where the bones [S,56,4,4] are, of limbs that are not there yet."""
    channelbag: Any = compat.channelbag_of(controls)
    channels: Channels = {}
    for limb, error in zip(LIMBS, _pole_errors(bent, poses).values()):
        if np.abs(error).max() < _POLE_ALIGNED:
            continue
        root, end = (poses[:, BONES.index(limb.joints[i]), :3, 3] for i in (0, 2))
        rest = np.array(controls.data.bones[limb.pole].matrix_local)
        pole = evaluate_fcurves(channelbag, location_path(limb.pole), frames, np.zeros(3)) @ rest[:3, :3].T
        axis = (end - root) / np.linalg.norm(end - root, axis=-1, keepdims=True)
        turn = quaternion_to_matrix(axis_angle_to_quaternion(axis * error[:, None]))
        moved = root + np.einsum("sab,sb->sa", turn, pole + rest[:3, 3] - root)
        identity = np.tile([1.0, 0.0, 0.0, 0.0], (len(frames), 1))
        channels[limb.pole] = (moved - rest[:3, 3]) @ rest[:3, :3], identity
    return channels


def _pole_errors(bent: np.ndarray, poses: np.ndarray) -> dict[str, np.ndarray]:
    """Radians [S] by which the bent chain of each limb has to turn about the line from its root to its end."""
    errors: dict[str, np.ndarray] = {}
    for limb in LIMBS:
        root, wanted, end = (poses[:, BONES.index(joint), :3, 3] for joint in limb.joints)
        middle = bent[:, _CARRIERS.index(limb.chain[1]), :3, 3]
        axis = (end - root) / np.linalg.norm(end - root, axis=-1, keepdims=True)
        out = [each - root - ((each - root) * axis).sum(-1, keepdims=True) * axis for each in (middle, wanted)]
        errors[limb.name] = np.arctan2((np.cross(out[0], out[1]) * axis).sum(-1), (out[0] * out[1]).sum(-1))
    return errors


def _twist_channels(controls: Any, bent: np.ndarray, poses: np.ndarray) -> Channels:
    """What the bones [S,56,4,4] are rotated by against the chains [S,C,4,4] that IK bends."""
    channels: Channels = {}
    for limb in LIMBS:
        for twist, carrier, joint in zip(limb.twists, limb.chain, limb.joints):
            data = controls.data.bones
            rest = inverse_affine(np.array(data[carrier].matrix_local)) @ np.array(data[twist].matrix_local)
            free = bent[:, _CARRIERS.index(carrier)] @ rest
            turn = inverse_affine(free) @ poses[:, BONES.index(joint)]
            quaternions = make_sign_continuous(matrix_to_quaternion(turn[:, :3, :3]))
            channels[twist] = np.zeros((len(poses), 3)), quaternions
    return channels


def _decomposed(basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Locations and sign-continuous quaternions of matrices [S,4,4]."""
    return basis[:, :3, 3], make_sign_continuous(matrix_to_quaternion(basis[:, :3, :3]))


def _write(channelbag: Any, channels: Channels, frames: np.ndarray) -> None:
    for name, (locations, rotations) in channels.items():
        group = channelbag.groups.get(name) or channelbag.groups.new(name)
        if not name.endswith(".pole"):
            write_fcurves(channelbag, rotation_path(name), frames, rotations, group=group)
        if np.abs(locations).max(initial=0.0) > 1e-6:
            write_fcurves(channelbag, location_path(name), frames, locations, group=group)


def _insert(channelbag: Any, channels: Channels, frame: int) -> None:
    """Key single poses, with the quaternion's sign of the F-curves."""
    for name, (locations, rotations) in channels.items():
        for path, values in ((rotation_path(name), rotations[0]), (location_path(name), locations[0])):
            curves = [channelbag.fcurves.find(path, index=index) for index in range(len(values))]
            if any(curve is None for curve in curves):
                continue
            keyed = np.array([curve.evaluate(frame) for curve in curves])
            sign = -1.0 if len(values) == 4 and float(keyed @ values) < 0 else 1.0
            for curve, value in zip(curves, values.tolist()):
                curve.keyframe_points.insert(frame, sign * value).interpolation = "LINEAR"
                curve.update()


def _targets(rig: Any) -> list[Any]:
    """Objects that the constraints of an armature's bones look at."""
    found = [getattr(constraint, "target", None) for bone in rig.pose.bones for constraint in bone.constraints]
    return [item for number, item in enumerate(found) if item is not None and item not in found[:number]]
