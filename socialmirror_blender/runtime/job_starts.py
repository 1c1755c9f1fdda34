"""Starts jobs: those of the worker, and the installer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...core.contract.annotators import SERVER, server_address
from ...core.contract.errors import UserError
from . import launches
from .environment_watch import follow_other_blenders, installation_begins
from .origins import Origin
from .process import Launch
from .redraw import redraw
from .session import session


def ask_worker(kind: str, fields: dict[str, Any], origin: Origin | None = None) -> None:
    """Begin a job of the worker.

    UserError if the environment is not ready or a job is running, `offline` for an annotator on another machine while online
    access is off.
    """
    follow_other_blenders()
    if not session.environment.usable:
        raise UserError("environment", session.environment.message, session.environment.hint)
    if fields.get("annotator") == SERVER:
        require_reachable(fields["annotator_url"])
        fields = fields | {"annotator_key": session.annotator_key}
    launch = launches.worker_launch(session.environment.interpreter, bpy.app.online_access)
    start_job(launch, kind, fields, origin)


def require_reachable(annotator_url: str) -> None:
    """UserError `offline` for an annotator's server on another machine while online access is off, `bad-annotator` for none."""
    address = server_address(annotator_url)
    if not address.is_this_machine and not bpy.app.online_access:
        raise UserError(
            "offline",
            f"The annotator's server {address.host} is another computer, and Blender's online access is off.",
            "Turn on Preferences > System > Network > Allow Online Access, or choose another annotator.",
        )


def start_installation(interpreter: str = "", torch_index: str = "") -> None:
    """Make the environment, or check and use `interpreter` if the user named one."""
    start_job(launches.installer_launch(bpy.app.online_access, interpreter, torch_index), "install", None, None)
    installation_begins()


def start_job(launch: Launch, kind: str, fields: dict[str, Any] | None, origin: Origin | None) -> None:
    """UserError if a job is running, or its process cannot be started."""
    session.runner.start(launch, kind, fields)
    session.origin, session.title, session.in_queue = origin, _title(fields or {}, origin), False
    session.frames = (fields or {}).get("frames")
    session.notice = ""
    redraw()


def _title(fields: dict[str, Any], origin: Origin | None) -> str:
    if origin is not None and origin.strip:
        return origin.strip
    return Path(str(fields.get("clip") or fields.get("folder") or "")).name
