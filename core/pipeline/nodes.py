"""How the stages depend on each other: for a clip, for a first take of it, and for one that goes on from an earlier take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from ..annotator.generator import Annotator
from ..body.model import BodyModel
from ..checkpoint import weights_file
from ..clip import Clip
from ..contract.contact import REACHED_DISTANCE, Contact
from ..contract.edits import Pin
from ..contract.foot_contact import FootContact
from ..contract.requests import DEFAULT_SMOOTHNESS
from ..digests import content_key
from ..fitting.camera import KnownCamera
from ..fitting.fit import FittedMotion
from ..fitting.prior import InitialMotion
from ..fitting.scene_view import SceneView
from ..imported_motion import ImportedMotion
from ..infilling.infill import Constraints, InfilledMotion
from ..motion import MotionEstimate
from ..observations.clip_scene import ClipScene
from ..perception.detections import Detections
from ..sam3d_body.lifting import LiftedPeople
from ..semantics.encoder import encoder_file
from ..stgcn.predict import JointPrediction
from . import annotation_stages, contact_stages, stages
from .annotation_stages import Annotations, SuggestedContacts, Words
from .contact_stages import ContactList
from .settings import PerceptionSettings, PipelineSettings, Resampling
from .stage import Given, Node
from .stages import AgreementOnCamera, Caption, PromptEmbedding

_MISSED = 2 * REACHED_DISTANCE
"""metres that stand for the distance of every contact that an earlier take missed."""


ImportedPair = tuple[ImportedMotion, ImportedMotion]
AnnotationNode = Node[Annotations] | Given[Annotations]
InitialNode = Node[MotionEstimate] | Node[InitialMotion]


@dataclass(frozen=True)
class ClipInputs:
    """What is reconstructed, and with which body."""

    clip: Given[Clip | None]
    """None while refining, which never decodes video."""
    perception: PerceptionSettings
    known: KnownCamera
    body: Given[BodyModel]
    imported: Given[ImportedPair | None] | None = None
    """The initial motion from another tool; the pair itself is None while refining, which only reads the cache."""
    lifting: str = ""
    """Identity of the model that lifts people to 3D; empty for the networks that come with the product."""
    annotator: Given[Annotator | None] | None = None
    """The vision–language model that looks at the clip; None for none. The model itself is None while refining."""
    scene_model: str = ""
    """Identity of the model that looks at the scene for the camera; empty: none does."""

    @property
    def device(self) -> Given[torch.device]:
        """In no key: the same result is valid on every device."""
        return Given(self.body.value.device, "")


@dataclass(frozen=True)
class Lifting:
    """A model of the hub that lifts people to 3D from the clip's pictures."""

    clip: Given[Clip | None]
    model: str
    """Identity of its weights."""
    seen: Given[LiftedPeople] | None = None
    """What it sees, where that is known already, as in a benchmark."""


@dataclass(frozen=True)
class TakeSettings:
    """What the animator decides about one take."""

    prompt: str = ""
    contacts: tuple[Contact, ...] = ()
    """As edited; of a first take none."""
    pins: tuple[Pin, ...] = ()
    feet: tuple[FootContact, ...] = ()
    seed: int = 0
    smoothness: float = DEFAULT_SMOOTHNESS
    """Strength of the sequence smoother, 0-1."""
    finds_contacts: bool = True
    """Whether contacts are found beside these; not where an edited take keeps its prompt, as all that was found is among them."""


@dataclass(frozen=True)
class CorrectedCamera:
    """A camera of which the animator knows better than a take that was made; all takes under it keep that take's bodies."""

    known: KnownCamera
    take: Node[FittedMotion]


@dataclass(frozen=True)
class SceneNodes:
    """A clip's scene, and the initial motion that it is about."""

    initial: InitialNode
    scene: Node[ClipScene]


@dataclass(frozen=True)
class ClipNodes:
    """What all takes of a clip share."""

    detections: Node[Detections] | Given[Detections]
    initial: InitialNode
    scene: Node[ClipScene]
    body: Given[BodyModel]
    device: Given[torch.device]
    annotation: AnnotationNode | None = None
    """None without an annotator."""
    corrected: CorrectedCamera | None = None
    """Where the animator knows the camera better than a take of the clip."""
    agreement: Node[AgreementOnCamera] | None = None
    """None where no model looks at the scene."""
    landmarks: SceneNodes | None = None
    """The clip about the motion that the landmarks show, where a model of the hub lifts the people for `scene`."""


@dataclass(frozen=True)
class FoundContacts:
    """The contacts of a take beside those that the animator edited."""

    detected: Node[ContactList] | Given[ContactList]
    prompted: Node[ContactList] | Given[ContactList]
    suggested: Node[SuggestedContacts] | None
    """None without an annotator, and where there is a prompt."""

    @classmethod
    def none(cls) -> FoundContacts:
        nothing = Given(ContactList(()), "")
        return cls(nothing, nothing, None)


@dataclass(frozen=True)
class TakeNodes:
    """One take."""

    settings: TakeSettings
    sentence: Node[PromptEmbedding]
    prediction: Node[JointPrediction]
    starting_fit: Node[FittedMotion]
    """What the infilling starts from: the first fit, or an earlier take."""
    found: FoundContacts
    constraints: Node[Constraints]
    infilled: Node[InfilledMotion]
    motion: Node[FittedMotion]
    caption: Node[Caption]
    suggested: Node[SuggestedContacts] | None
    """Of the take that the clip was reconstructed with; None without an annotator."""
    refines: bool
    """Whether it goes on from an earlier take."""

    @property
    def targets(self) -> list[Node[Any]]:
        always: list[Node[Any]] = [self.motion, self.caption, self.constraints]
        return always if self.suggested is None else [*always, self.suggested]


def clip_nodes(inputs: ClipInputs, choice: int = 0) -> ClipNodes:
    """`choice` counts the candidates of the clip's camera from the most likely one."""
    detections = stages.perception.node(clip=inputs.clip, settings=inputs.perception, device=inputs.device)
    start = Lifting(inputs.clip, inputs.lifting) if inputs.lifting else inputs.imported
    scene = None
    if inputs.scene_model:
        scene = stages.scene_view.node(clip=inputs.clip, perception=detections, model=inputs.scene_model)
    clip = nodes_of_detections(detections, inputs.known, inputs.body, start, choice, scene)
    if scene is not None:
        embedded = stages.clip_camera.node(perception=detections, known=inputs.known, scene_view=None, body=inputs.body)
        agreement = stages.camera_agreement.node(scene_view=scene, embedded_camera=embedded, perception=detections)
        clip = replace(clip, agreement=agreement)
    if inputs.annotator is None:
        return clip
    annotation = annotation_stages.annotation.node(
        clip=inputs.clip, perception=detections, annotator=inputs.annotator, device=inputs.device
    )
    return replace(clip, annotation=annotation)


def nodes_of_detections(
    detections: Node[Detections] | Given[Detections],
    known: KnownCamera,
    body: Given[BodyModel],
    start: Given[ImportedPair | None] | Lifting | None = None,
    choice: int = 0,
    scene_view: Node[SceneView] | None = None,
) -> ClipNodes:
    """For detections that are known already, as in a benchmark. `start`: where the initial motion comes from if not from them."""
    device = Given(body.value.device, "")
    camera = stages.clip_camera.node(perception=detections, known=known, scene_view=scene_view, body=body)
    observed = stages.observations.node(perception=detections, clip_camera=camera, choice=choice, device=device)
    embedded = stages.initial_motion.node(observations=observed, clip_camera=camera, choice=choice, body=body)

    def scene_about(initial: InitialNode) -> SceneNodes:
        return SceneNodes(initial, stages.clip_scene.node(observations=observed, initial_motion=initial, body=body))

    initial, landmarks = embedded, None
    if isinstance(start, Given):
        initial = stages.placed_motion.node(
            observations=observed, imported=start, clip_camera=camera, choice=choice, body=body
        )
    elif start is not None:
        people = start.seen or stages.lifted_people.node(
            clip=start.clip, perception=detections, clip_camera=camera, choice=choice, model=start.model, device=device
        )
        initial = stages.lifted_motion.node(
            perception=detections,
            observations=observed,
            lifted_people=people,
            clip_camera=camera,
            choice=choice,
            body=body,
        )
        landmarks = scene_about(embedded)
    scene = scene_about(initial).scene
    return ClipNodes(detections, initial, scene, body, device, landmarks=landmarks)


def nodes_under_camera(clip: ClipNodes, take: TakeNodes, known: KnownCamera) -> ClipNodes:
    """The clip under the camera of a take as the animator has corrected it; what takes of it are like: `CorrectedCamera`."""
    camera = stages.camera_correction.node(solved_motion=take.motion, known=known)
    observed = stages.observations.node(perception=clip.detections, clip_camera=camera, choice=0, device=clip.device)

    def corrected(initial: InitialNode) -> SceneNodes:
        motion = stages.corrected_initial_motion.node(
            observations=observed, initial=initial, camera_correction=camera, known=known, body=clip.body
        )
        return SceneNodes(motion, stages.clip_scene.node(observations=observed, initial_motion=motion, body=clip.body))

    about = corrected(clip.initial)
    return replace(
        clip,
        initial=about.initial,
        scene=about.scene,
        landmarks=None if clip.landmarks is None else corrected(clip.landmarks.initial),
        corrected=CorrectedCamera(known, take.motion),
    )


def first_take_nodes(clip: ClipNodes, take: TakeSettings, settings: PipelineSettings) -> TakeNodes:
    """The nodes of a first take of a clip, which is made from its detections alone."""
    scene, settings = _with_known_bodies(clip, settings)
    words = _words(clip, take.prompt, clip.annotation)
    sentence = _sentence(clip, take.prompt, clip.annotation, settings)
    prediction = stages.joint_prediction.node(
        clip_scene=clip.scene,
        landmark_scene=None if clip.landmarks is None else clip.landmarks.scene,
        sentence=sentence,
        used=settings.stgcn,
    )
    if clip.corrected is not None:
        prediction = stages.prediction_with_bodies.node(
            joint_prediction=prediction, solved_motion=clip.corrected.take, body=clip.body
        )
    fitted = stages.first_fit.node(clip_scene=scene, joint_prediction=prediction, phases=settings.first_fit)
    detected = contact_stages.detected_contacts.node(
        clip_scene=scene, joint_prediction=prediction, first_fit=fitted, words=words
    )
    prompted = _prompted_contacts(scene, prediction, fitted, take.prompt)
    suggested = None
    if clip.annotation is not None:
        suggested = contact_stages.suggested_contacts.node(
            clip_scene=scene,
            joint_prediction=prediction,
            fitted=fitted,
            annotation=clip.annotation,
            used=not take.prompt,
        )
    found = FoundContacts(detected, prompted, None if take.prompt else suggested)
    constraints = _constraints(take, found, sentence)
    infilled = stages.infilled_motion.node(
        clip_scene=scene,
        joint_prediction=prediction,
        fitted=fitted,
        constraints=constraints,
        earlier=None,
        settings=_available(settings).infill_stage(take.seed, take.smoothness),
    )
    motion = stages.solved_motion.node(
        clip_scene=scene,
        infilled_motion=infilled,
        fitted=fitted,
        constraints=constraints,
        earlier=None,
        phases=settings.contact_fit,
    )
    caption = stages.caption.node(clip_scene=scene, solved_motion=motion, constraints=constraints, prompt=take.prompt)
    return TakeNodes(
        settings=take,
        sentence=sentence,
        prediction=prediction,
        starting_fit=fitted,
        found=found,
        constraints=constraints,
        infilled=infilled,
        motion=motion,
        caption=caption,
        suggested=suggested,
        refines=False,
    )


def refined_take_nodes(clip: ClipNodes, take: TakeSettings, settings: PipelineSettings, start: TakeNodes) -> TakeNodes:
    """The nodes of a take that goes on from another one, the `start`, with the animator's edits."""
    scene, settings = _with_known_bodies(clip, settings)
    has_new_prompt = bool(take.prompt) and take.prompt != start.settings.prompt
    sentence = _sentence(clip, take.prompt, None, settings) if has_new_prompt else start.sentence
    found = _found_again(take, start, scene) if take.finds_contacts else FoundContacts.none()
    constraints = _constraints(take, found, sentence)
    resampling = Resampling(start.settings.smoothness, has_new_prompt)
    infilled = stages.infilled_motion.node(
        clip_scene=scene,
        joint_prediction=start.prediction,
        fitted=start.motion,
        constraints=constraints,
        earlier=start.constraints,
        settings=_available(settings).infill_stage(take.seed, take.smoothness, resampling),
    )
    motion = stages.solved_motion.node(
        clip_scene=scene,
        infilled_motion=infilled,
        fitted=start.motion,
        constraints=constraints,
        earlier=None if has_new_prompt else start.constraints,  # a new prompt may change the whole take
        phases=settings.edit_fit,
    )
    return TakeNodes(
        settings=take,
        sentence=sentence,
        prediction=start.prediction,
        starting_fit=start.motion,
        found=found,
        constraints=constraints,
        infilled=infilled,
        motion=motion,
        caption=start.caption,
        suggested=None,
        refines=True,
    )


def _with_known_bodies(clip: ClipNodes, settings: PipelineSettings) -> tuple[Node[ClipScene], PipelineSettings]:
    """The clip's scene and the settings; under a corrected camera about the bodies of the take, which then stay as they are."""
    if clip.corrected is None:
        return clip.scene, settings
    scene = stages.scene_with_bodies.node(
        clip_scene=clip.scene, solved_motion=clip.corrected.take, known=clip.corrected.known
    )
    return scene, settings.keeping_shapes


def _constraints(take: TakeSettings, found: FoundContacts, sentence: Node[PromptEmbedding]) -> Node[Constraints]:
    return stages.constraints.node(
        detected=found.detected,
        prompted=found.prompted,
        suggested=found.suggested,
        edited=tuple(_as_asked(contact) for contact in take.contacts),
        pins=take.pins,
        feet=take.feet,
        sentence=sentence,
    )


def _prompted_contacts(
    scene: Node[ClipScene], prediction: Node[JointPrediction], fitted: Node[FittedMotion], prompt: str
) -> Node[ContactList]:
    return contact_stages.prompted_contacts.node(
        clip_scene=scene, joint_prediction=prediction, fitted=fitted, prompt=prompt
    )


def _found_again(take: TakeSettings, start: TakeNodes, scene: Node[ClipScene]) -> FoundContacts:
    """What there is beside the edits under another prompt than before: all of the start under its own prompt, else what was
    detected in it and what the new one names."""
    if take.prompt == start.settings.prompt:
        return start.found
    if not take.prompt:
        return replace(FoundContacts.none(), detected=start.found.detected)
    prompted = _prompted_contacts(scene, start.prediction, start.motion, take.prompt)
    return FoundContacts(start.found.detected, prompted, None)


def _as_asked(contact: Contact) -> Contact:
    """Without its distance, which differs from take to take and belongs in no key: all that counts is whether the earlier take
    missed it. Then it pulls by half (`Contact.effective_weight`)."""
    return contact.measured(_MISSED if contact.reached is False else None)


def _words(clip: ClipNodes, prompt: str, annotation: AnnotationNode | None) -> Node[Words]:
    """The prompt or, where there is none, what the annotation says."""
    if prompt or annotation is None:
        return annotation_stages.words.node(prompt=prompt, annotation=None, clip_scene=None)
    return annotation_stages.words.node(prompt="", annotation=annotation, clip_scene=clip.scene)


def _sentence(
    clip: ClipNodes, prompt: str, annotation: AnnotationNode | None, settings: PipelineSettings
) -> Node[PromptEmbedding]:
    """The embedding of what is said; of nothing where the settings have no text."""
    if not settings.text:
        prompt, annotation = "", None
    file = encoder_file()
    has_words = bool(prompt) or annotation is not None
    key = content_key(file) if has_words and file.is_file() else ""
    words = _words(clip, prompt, annotation)
    return stages.sentence.node(words=words, encoder_key=key, device=clip.device)


def _available(settings: PipelineSettings) -> PipelineSettings:
    """Without weights there is no infiller: then seed and smoothness change nothing, and are part of no key."""
    return settings if weights_file(stages.INFILLER).is_file() else replace(settings, infill=None)
