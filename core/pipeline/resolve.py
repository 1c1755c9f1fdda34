"""From a request to what it names: the clip, the body and the models of a reconstruction, each with its identity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from ..annotator.choosing import AnnotatorChoice, choose_annotator
from ..annotator.generator import Annotator
from ..body.files import load_body
from ..body.model import BodyModel
from ..clip import Clip, probe, resolve_range
from ..contract.annotators import SERVER
from ..contract.options import parse_frames
from ..contract.requests import ReconstructRequest
from ..device import choose_device, limit_threads
from ..digests import content_key
from ..hub.store import identity, installed, require
from ..imported_motion import read_imported_pair
from ..perception.backends import backend_identity
from ..perception.hub.networks import choose_tracker, describer_identity, tracker_notice
from ..progress import JobProgress, Listener, Progress
from ..sam3d_body.weights import MODEL as SAM_3D_BODY
from .choices import ClipChoices
from .nodes import ClipInputs, ImportedPair
from .scene_camera import scene_model_identity


@dataclass(frozen=True)
class ResolvedRequest:
    """What a request to reconstruct names, found and loaded."""

    clip: Clip
    body: BodyModel
    """On the CPU."""
    device: torch.device
    imported: ImportedPair | None
    """Another tool's motion of both people."""
    annotator: Annotator | None
    choices: ClipChoices
    """The identities of all of it."""

    def inputs(self) -> ClipInputs:
        return self.choices.inputs(self.clip, self.body.to(self.device), self.imported, self.annotator)

    def without_annotator(self) -> ResolvedRequest:
        return replace(self, annotator=None, choices=replace(self.choices, annotator=""))

    def without_model(self, choice: str) -> ResolvedRequest:
        """The request without the models that one of the choices names (`hub.memory.TooLittleMemory.choice`)."""
        return replace(self, choices=replace(self.choices, **{choice: ""}))


def resolve(request: ReconstructRequest, listener: Listener, annotator_key: str = "") -> ResolvedRequest:
    """Find and load what the request names. `annotator_key` is that of the annotator's server.

    Raises the UserErrors of what is missing, unreadable or not installed; Cancelled while files are hashed or a server is asked.
    """
    check_cancel = JobProgress(listener).check
    device = usable_device(request.device)
    body = load_body(request.body)
    clip = probe(request.clip, check_cancel)
    if clip.is_stretched:
        listener.log(
            f"The clip's pixels are not square. It is read as {clip.width} x {clip.height} px, in which positions are counted."
        )
    frames = resolve_range(clip, *parse_frames(request.frames))
    backend = backend_identity(device)
    content = " ".join(filter(None, (content_key(request.clip, check_cancel), clip.reading)))
    files = request.initial or ()
    imported = read_imported_pair(files) if files else None
    digests = tuple(content_key(file, check_cancel) for file in files)
    annotator = _annotator(request, annotator_key, device, listener, check_cancel)
    hub = choose_tracker(request.perception, device)
    if said := tracker_notice(hub, request.perception):
        listener.log(said)
    choices = ClipChoices(
        clip=content,
        frames=frames,
        people=request.people,
        fov=request.fov,
        body=body.identity,
        backend=backend,
        prompt=(request.prompt or "").strip(),
        people_at=request.people_at,
        initial=digests,
        camera_pitch=request.camera_pitch,
        camera_roll=request.camera_roll,
        camera_height=request.camera_height,
        lifting=lifting_identity(request, device),
        annotator="" if annotator is None else annotator.key,
        scene_model=scene_model_identity(request.camera_model),
        hub=hub,
        described=request.described,
        describer=describer_identity() if request.described is not None else "",
    )
    return ResolvedRequest(clip, body, device, imported, annotator, choices)


def usable_device(name: str) -> torch.device:
    """The device of that name, with torch's threads limited to what helps. UserErrors as in `choose_device`."""
    limit_threads()
    return choose_device(name)


def lifting_identity(request: ReconstructRequest, device: torch.device) -> str:
    """Identity of the model that lifts people to 3D, empty for the embedded networks. UserError `model-missing`."""
    if request.lifting == SAM_3D_BODY:
        require(SAM_3D_BODY)
    elif request.lifting != "auto" or request.initial or device.type == "cpu" or installed(SAM_3D_BODY) is None:
        return ""
    return identity(SAM_3D_BODY)


def _annotator(
    request: ReconstructRequest, key: str, device: torch.device, listener: Listener, check_cancel: Callable[[], None]
) -> Annotator | None:
    choice = AnnotatorChoice(request.annotator, request.annotator_url or "", request.annotator_model or "", key)
    if choice.name == SERVER and not choice.model:
        listener.log("Asking the annotator's server which model it has.")
        listener.progress(Progress("annotation", 0.0, None, "Asking the annotator's server"))
    return choose_annotator(choice, device, check_cancel)
