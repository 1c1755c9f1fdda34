"""How operators tell the user of errors, and why they cannot run."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import Any, Literal

import bpy

from ...core.contract.errors import UserError
from ..reconstructions import active_reconstruction
from ..runtime.session import session
from ..scene.state import is_linked

OperatorReturn = set[Literal["RUNNING_MODAL", "CANCELLED", "FINISHED", "PASS_THROUGH", "INTERFACE"]]
"""What an operator's `execute` and `invoke` return."""
_EXECUTE_ARGUMENTS = 2
"""Blender counts the arguments: `execute` has the operator and the context, `invoke` and `modal` an event, too."""


def reports_errors(run: Callable[..., OperatorReturn]) -> Any:
    """Decorator for `execute`, `invoke` and `modal`: an error is reported to the user as a sentence and cancels the operator."""

    @functools.wraps(run)
    def execute(operator: Any, context: Any) -> OperatorReturn:
        return _reported(operator, lambda: run(operator, context))

    @functools.wraps(run)
    def on_event(operator: Any, context: Any, event: Any) -> OperatorReturn:
        return _reported(operator, lambda: run(operator, context, event))

    return execute if run.__code__.co_argcount == _EXECUTE_ARGUMENTS else on_event


def _reported(operator: Any, run: Callable[[], OperatorReturn]) -> OperatorReturn:
    try:
        return run()
    except UserError as error:
        operator.report({"ERROR"}, str(error))
    except (
        Exception
    ) as error:  # a mistake of ours, or of a file that no check expected: never a dialog with Python's stack
        traceback.print_exc()
        operator.report(
            {"ERROR"},
            f"{operator.bl_label} failed: {type(error).__name__}: {error}. Please report this, with what Blender's console says.",
        )
    return {"CANCELLED"}


def poll_idle(operator: Any) -> bool:
    """For `poll`: whether no job is running."""
    if session.runner.job.active:
        operator.poll_message_set("SocialMirror is working; wait until it is done, or cancel it")
        return False
    return True


def poll_ready(operator: Any) -> bool:
    """For `poll`: whether a job can be started."""
    if not poll_idle(operator):
        return False
    if not session.environment.usable:
        operator.poll_message_set(f"{session.environment.message} {session.environment.hint}")
        return False
    return True


def poll_reconstruction(operator: Any, context: bpy.types.Context) -> bool:
    """For `poll`: whether a reconstruction is active."""
    if active_reconstruction(context) is None:
        operator.poll_message_set("Select an armature of a reconstruction first")
        return False
    return True


def poll_editable(operator: Any, context: bpy.types.Context) -> bool:
    """For `poll`: whether a reconstruction is active that belongs to this file."""
    if not poll_reconstruction(operator, context):
        return False
    collection = active_reconstruction(context)
    if collection is not None and is_linked(collection):
        operator.poll_message_set("This reconstruction is linked: edit it in its own file")
        return False
    return True


class WhileIdle:
    """Mixin for operators that start a job."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_idle(cls)


class OnReconstruction:
    """Mixin for operators that only read the active reconstruction."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_reconstruction(cls, context)


class OnEditableReconstruction:
    """Mixin for operators that change the active reconstruction."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_editable(cls, context)


class OnIdleReconstruction:
    """Mixin for operators that change the active reconstruction while no job does."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_idle(cls) and poll_editable(cls, context)
