"""Reads what the line about the next step depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...core.contract.reconstruction import PEOPLE, PERSON_NAMES
from .. import compat, folders
from .. import scene as scenes
from ..properties import settings_of
from ..reconstructions import active_reconstruction, read_info
from ..runtime import paths
from ..runtime.session import session
from ..scene.actions import seems_to_show_take, shows_baked
from ..scene.names import rig_role
from ..scene.objects import has_control_rig, object_with_role
from ..scene.result_prompt import wanted_prompt
from ..viewing import is_seen_through_camera
from .next_step import ResultState, SidebarState


def read_sidebar_state(context: bpy.types.Context) -> SidebarState:
    settings, collection = settings_of(context), active_reconstruction(context)
    return SidebarState(
        environment=session.environment,
        online=bpy.app.online_access,
        job=session.runner.job,
        pending=None if session.pending is None else session.notice,
        importing=session.importing is not None,
        has_clip=_has_clip(context, settings),
        has_sample=paths.sample_clip().is_file(),
        result=None if collection is None else _result_state(context, collection),
        results_in_scene=len(scenes.reconstructions_in(context.scene)),
    )


def _has_clip(context: bpy.types.Context, settings: Any) -> bool:
    if settings.source == "STRIP":
        return any(strip.name == settings.strip for strip in compat.movie_strips(context))
    try:
        path = Path(bpy.path.abspath(settings.filepath))
        return bool(settings.filepath) and (not folders.may_open(path) or path.is_file())
    except (OSError, ValueError):
        return False


def _result_state(context: bpy.types.Context, collection: bpy.types.Collection) -> ResultState:
    info = read_info(collection)
    rigs = [object_with_role(collection, rig_role(person)) for person in range(PEOPLE)]
    return ResultState(
        folder_found=info is not None,
        deleted=next((PERSON_NAMES[person] for person, rig in enumerate(rigs) if rig is None), ""),
        baked=tuple(rig.name for rig in rigs if rig is not None and shows_baked(rig)),
        elsewhere=next((rig.name for rig in rigs if rig is not None and not seems_to_show_take(rig)), ""),
        edits=scenes.count_waiting_edits(collection),
        prompt_waits=info is not None and wanted_prompt(collection) is not None,
        camera_view=is_seen_through_camera(context.scene),
        controls=has_control_rig(collection),
    )
