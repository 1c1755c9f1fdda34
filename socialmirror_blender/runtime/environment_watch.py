"""Keeps the session's environment in step with the disk, the installer and what the worker says of itself."""

from __future__ import annotations

import threading
from dataclasses import replace

from ...core.contract.messages import Message
from . import environment as environments
from . import environment_files, paths
from .environment import Environment, EnvironmentState
from .job import Job, JobState
from .session import session


def refresh_environment() -> None:
    """Read the environment's state from the disk again."""
    if session.environment.state is EnvironmentState.INSTALLING and session.runner.job.active:
        return
    try:
        facts = paths.read_facts()
    except (OSError, ValueError) as error:
        session.environment = Environment(
            EnvironmentState.BROKEN,
            message=f"SocialMirror's folder cannot be read: {error}.",
            hint="Give yourself the right to read and write it.",
        )
    else:
        ours = session.runner.job.kind == "install" and session.runner.child_pid is not None
        session.environment = environments.assess(replace(facts, being_made=facts.being_made and not ours))


def follow_other_blenders() -> None:
    """Take notice where another Blender has replaced the environment that both use."""
    try:
        record = paths.read_facts().record
    except OSError:
        return
    if record is not None and session.environment.own and record.interpreter != session.environment.interpreter:
        refresh_environment()


def worker_is_ready(answer: Message) -> None:
    """Take notice of the worker's answer `ready`."""
    session.environment = environments.examined(session.environment, answer["device"], answer["doctor"])


def job_has_failed(code: str) -> None:
    """Take notice of a job that failed because networks are missing."""
    if code.startswith(("weight-", "wheel-")):
        session.environment = environments.weights_missing(session.environment)


def installation_begins() -> None:
    session.environment = environments.installing(session.environment)


def installation_has_ended() -> None:
    session.environment = replace(session.environment, state=EnvironmentState.NOT_INSTALLED)
    refresh_environment()


def installer_has_ended(job: Job) -> None:
    """Look again once the installer, which puts things in order after its answer, has ended."""
    refresh_environment()
    if job.state is not JobState.DONE:  # it may have been killed
        folder = paths.environments_folder()
        threading.Thread(target=environment_files.clean, args=(folder,), name="SocialMirror clean", daemon=True).start()
