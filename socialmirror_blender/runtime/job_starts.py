"""Starts jobs: those of the worker, and the installer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...core.contract.errors import UserError
from . import launches
from .environment_watch import follow_other_blenders, installation_begins
from .origins import Origin
from .process import Launch
from .redraw import redraw
from .session import session


def ask_worker(kind: str, fields: dict[str, Any], origin: Origin | None = None) -> None:
    """Begin a job of the worker. UserError if the environment is not ready or a job is running."""
    follow_other_blenders()
    if not session.environment.usable:
        raise UserError("environment", session.environment.message, session.environment.hint)
    launch = launches.worker_launch(session.environment.interpreter, bpy.app.online_access)
    start_job(launch, kind, fields, origin)


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
