"""Describes the core's Python environment as plain data: what is on the disk, the state that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from ...core.contract.disk_space import NEEDED_SPACE


class EnvironmentState(Enum):
    NOT_INSTALLED = "not installed"
    INSTALLING = "installing"
    READY = "ready"
    BROKEN = "broken"
    UPDATE_REQUIRED = "update required"
    WEIGHTS_MISSING = "weights missing"


@dataclass(frozen=True)
class Record:
    """`environment.json`, which the installer writes last, so that only a complete environment has one."""

    interpreter: str
    folder: str
    """The add-on's own environment folder; empty where the user named the interpreter."""
    requirements: str
    """Fingerprint of the packages that were installed, see `environment_files.fingerprint`."""
    weights: bool
    """Whether the networks' weights were present."""


@dataclass(frozen=True)
class Facts:
    """What is on the disk of an environment."""

    record: Record | None
    interpreter_exists: bool
    interrupted: bool
    """Whether an installation was begun and not finished."""
    requirements: str
    """Fingerprint of the packages that this version needs."""
    being_made: bool = False
    """Whether another Blender is making an environment just now."""
    own_interpreter: str = ""
    """Of a fitting environment of the add-on's own while the user's interpreter is used, else empty."""


@dataclass(frozen=True)
class Environment:
    state: EnvironmentState
    interpreter: str = ""
    own: bool = True
    """Whether the add-on made it; else the user named the interpreter."""
    own_interpreter: str = ""
    """Of the add-on's own environment while the user's interpreter is used; empty where there is none that fits."""
    message: str = ""
    hint: str = ""
    device: str = ""
    """The device that it computes on, empty before its first answer."""
    lacks_encoder: bool = False
    """Whether it has no sentence encoder, without which a prompt counts for less."""
    notes: tuple[str, ...] = ()
    """What its own checks found that installing cannot mend, such as little room on the disk."""

    @property
    def usable(self) -> bool:
        return self.state is EnvironmentState.READY


def assess(facts: Facts) -> Environment:
    """The environment, with the state that follows from what is on the disk."""
    record = facts.record
    if record is None:
        if facts.being_made:
            return Environment(
                EnvironmentState.NOT_INSTALLED,
                message="Another Blender is installing SocialMirror.",
                hint="Install here too: it waits for the other one, and uses the same environment.",
            )
        if facts.interrupted:
            return Environment(
                EnvironmentState.NOT_INSTALLED,
                message="The last installation did not finish.",
                hint="Install again; what was downloaded already is used.",
            )
        return Environment(
            EnvironmentState.NOT_INSTALLED,
            message="SocialMirror needs a Python environment of its own.",
            hint=f"Install it once: it takes some minutes and {NEEDED_SPACE}. Blender's own Python stays as it is.",
        )
    environment = Environment(
        EnvironmentState.READY, record.interpreter, own=bool(record.folder), own_interpreter=facts.own_interpreter
    )
    if not facts.interpreter_exists:
        return replace(
            environment,
            state=EnvironmentState.BROKEN,
            message=f"The environment's Python is gone: {record.interpreter}.",
            hint="Repair the environment. A new version of Blender or of Python may have replaced it.",
        )
    if record.requirements != facts.requirements:
        return replace(
            environment,
            state=EnvironmentState.UPDATE_REQUIRED,
            message="This version of SocialMirror needs newer packages.",
            hint="Update the environment. The old one stays until the new one works.",
        )
    if not record.weights:
        return weights_missing(environment)
    return environment


def installing(environment: Environment) -> Environment:
    return replace(environment, state=EnvironmentState.INSTALLING, message="", hint="")


def weights_missing(environment: Environment) -> Environment:
    return replace(
        environment,
        state=EnvironmentState.WEIGHTS_MISSING,
        message="The networks that find people in the clip are missing.",
        hint="Download them once.",
    )


def examined(environment: Environment, device: str, checks: Sequence[dict[str, Any]]) -> Environment:
    """The environment after it has examined itself. `checks` are the `doctor` of the worker's answer `ready`."""
    if environment.state is EnvironmentState.INSTALLING:
        return environment
    notes = tuple(f"{check['name']}: {check['detail']}. {check['fix']}".strip() for check in checks if is_note(check))
    environment = replace(environment, notes=notes)
    broken = [check for check in checks if is_broken(check)]
    if broken:
        first = broken[0]
        return replace(
            environment,
            state=EnvironmentState.BROKEN,
            device=device,
            message=f"The environment is damaged: {first['name']}: {first['detail']}.",
            hint="Repair the environment." if environment.own else first["fix"],
        )
    if any(is_weight(check) and is_failing(check) for check in checks):
        return replace(weights_missing(environment), device=device)
    lacks_encoder = any(is_weight(check) and not check["ok"] for check in checks)
    return replace(
        environment, state=EnvironmentState.READY, device=device, message="", hint="", lacks_encoder=lacks_encoder
    )


def is_failing(check: dict[str, Any]) -> bool:
    """Whether a check of `doctor` has found something without which nothing can be reconstructed."""
    return not check["ok"] and check.get("needed", True)


def is_broken(check: dict[str, Any]) -> bool:
    """Whether a check of `doctor` has found what only installing the environment again can mend."""
    return is_failing(check) and check.get("by_installing", False)


def is_note(check: dict[str, Any]) -> bool:
    """Whether a check of `doctor` has found something that the user should know, and no installation mends."""
    told = is_failing(check) or (not check["ok"] and check["name"] == "disk")
    return told and not is_broken(check) and not is_weight(check)


def is_weight(check: dict[str, Any]) -> bool:
    """Whether a check of `doctor` is about a network's weights."""
    return check["name"].startswith("weights")
