"""The stages of the pipeline in order, each a small function from its inputs to its result; see `stage` for how they are run.

perception ─▶ clip_camera ─▶ observations ─▶ initial_motion ─▶ clip_scene ─▶ joint_prediction ─▶ first_fit ─▶ detected_contacts
                                                                                      │
    caption ◀─ solved_motion ◀─ infilled_motion ◀─ constraints ◀─ prompted_contacts ◀─┘

`annotation` goes on from `perception`; its `words` take part from `sentence` on where there is no prompt, its touches by way of
`suggested_contacts`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from ..body.model import BodyModel
from ..checkpoint import load_or_warn
from ..clip import Clip
from ..contacts import in_detected_frames, measure_contacts, merge_contacts, split_edits, with_detected_ids
from ..contract.contact import Contact
from ..contract.edits import Pin
from ..contract.errors import UserError
from ..contract.foot_contact import FootContact
from ..contract.reconstruction import CameraAgreement, MotionArrays
from ..fitting.camera import KnownCamera
from ..fitting.camera_hypotheses import CameraCandidates, estimate_camera
from ..fitting.corrected_camera import corrected_camera, under_camera
from ..fitting.edited_fit import EarlierTake, fit_edited, hold_edits
from ..fitting.fit import FitSchedule, FittedMotion
from ..fitting.initial import estimate_initial_motion
from ..fitting.prior import InitialMotion, prior_of
from ..fitting.scene_view import SceneView
from ..fitting.size import with_betas
from ..fitting.targets import FitTargets
from ..fitting.windows import fit_clip
from ..imported_motion import ImportedMotion, place_in_clip
from ..infilling.infill import Constraints, InfilledMotion, InfillerModels, InfillScene, infill
from ..infilling.infiller import KIND as INFILLER
from ..infilling.infiller import load_infiller
from ..motion import MotionEstimate, PairMotion
from ..observations.clip_scene import ClipScene
from ..observations.observe import Observations, observe
from ..observations.stabilisation import LARGEST_UNEXPLAINED, estimate_camera_rotation
from ..perception.detections import Detections
from ..perception.movenet_graph import KIND as MOVENET
from ..perception.perceive import detect_people
from ..perception.prompted_graph import KIND as PROMPTED_LANDMARKS
from ..perception.recording import ChunkStore
from ..reporting import Reporter
from ..sam3d_body.initial import initial_motion_from
from ..sam3d_body.lifting import LiftedPeople, lift_people
from ..semantics.captioner import caption_motion
from ..semantics.encoder import TEXT_SIZE, SentenceEncoder, load_cached_encoder
from ..semantics.mirrored_sentence import mirror_sentence
from ..smoothing.smooth import KIND as SMOOTHER
from ..smoothing.smooth import load_smoother
from ..stgcn.inference import KIND as STGCN
from ..stgcn.inference import load_stgcn
from ..stgcn.predict import JointPrediction, predict_joints, with_initial
from .annotation_stages import SuggestedContacts, Words
from .contact_stages import ContactList
from .scene_camera import compare_cameras, look_at_scene
from .settings import FitPhases, InfillStageSettings, PerceptionSettings
from .stage import cache_missing, stage


@dataclass(frozen=True)
class PromptEmbedding:
    """A prompt as a sentence embedding."""

    embedding: Float[np.ndarray, " 384"]
    """Zeros where there is no prompt."""
    mirrored: Float[np.ndarray, " 384"]
    """That of the prompt with left and right exchanged."""

    @classmethod
    def none(cls) -> PromptEmbedding:
        return cls(np.zeros(TEXT_SIZE, np.float32), np.zeros(TEXT_SIZE, np.float32))

    @property
    def given(self) -> bool:
        return bool(self.embedding.any())


@dataclass(frozen=True)
class AgreementOnCamera:
    """Of a model of the scene with people and lines; None where it could make nothing of the scene."""

    found: CameraAgreement | None


@dataclass(frozen=True)
class Caption:
    """A sentence that describes the reconstructed motion; empty where nothing can be said."""

    sentence: str


@stage(version=12, cost=100, weights=(MOVENET, PROMPTED_LANDMARKS))
def perception(
    clip: Clip | None, settings: PerceptionSettings, device: torch.device, reporter: Reporter, chunks: ChunkStore
) -> Detections:
    """The 2D stage. Without a clip (while refining, which never decodes video) its result can only come from the cache."""
    if clip is None:
        raise cache_missing()
    first, last = settings.frames
    return detect_people(
        clip,
        first,
        last,
        people=settings.people,
        marks=settings.people_at,
        described=settings.described,
        device=device,
        with_hub=bool(settings.hub),
        reporter=reporter,
        chunks=chunks,
    )


@stage(version=1, cost=20)
def scene_view(clip: Clip | None, perception: Detections, model: str, reporter: Reporter) -> SceneView:
    """Floor, lens and distances as MoGe-2 sees them in a few frames; `model` is the identity of its files."""
    if clip is None:
        raise cache_missing()
    return look_at_scene(clip, perception, model, reporter)


@stage(version=3, cost=4)
def clip_camera(
    perception: Detections, known: KnownCamera, scene_view: SceneView | None, body: BodyModel, reporter: Reporter
) -> CameraCandidates:
    """The cameras that may have filmed the clip, most likely first; says where the camera travels, which nothing takes out."""
    candidates = estimate_camera(perception, known, body, reporter, scene_view)
    rotation = estimate_camera_rotation(perception, candidates.K[0])
    if rotation.unexplained > LARGEST_UNEXPLAINED:
        reporter.warning(
            f"The camera travels or zooms: the background moves {rotation.unexplained:.0%} of the picture's width farther than "
            "a turning camera explains. Only the turning is removed, so the people will seem to move instead."
        )
    return candidates


@stage(version=1, cost=0.1)
def camera_agreement(
    scene_view: SceneView, embedded_camera: CameraCandidates, perception: Detections, reporter: Reporter
) -> AgreementOnCamera:
    """How far the scene's view is from the camera that is estimated without it."""
    if not scene_view.is_constrained:
        return AgreementOnCamera(None)
    return AgreementOnCamera(compare_cameras(scene_view, embedded_camera, perception, reporter))


@stage(version=5, cost=0.5, stored=False)
def observations(
    perception: Detections, clip_camera: CameraCandidates, choice: int, device: torch.device
) -> Observations:
    """`choice` counts the candidates of the camera from the most likely one."""
    return observe(perception, clip_camera.camera(choice).K, device)


@stage(version=5, cost=3)
def initial_motion(
    observations: Observations, clip_camera: CameraCandidates, choice: int, body: BodyModel, reporter: Reporter
) -> MotionEstimate:
    """The initial motion from the observations alone, under one of the candidates of the camera."""
    return estimate_initial_motion(observations, body, reporter=reporter, camera=clip_camera.camera(choice))


@stage(version=3, cost=1)
def placed_motion(
    observations: Observations,
    imported: tuple[ImportedMotion, ImportedMotion] | None,
    clip_camera: CameraCandidates,
    choice: int,
    body: BodyModel,
) -> MotionEstimate:
    """Another tool's motion in place of the initial one. Without it (while refining) its result can only come from the cache."""
    if imported is None:
        raise cache_missing()
    return place_in_clip(imported, observations, body, clip_camera.camera(choice))


@stage(version=1, cost=400)
def lifted_people(
    clip: Clip | None,
    perception: Detections,
    clip_camera: CameraCandidates,
    choice: int,
    model: str,
    device: torch.device,
    reporter: Reporter,
) -> LiftedPeople:
    """What SAM 3D Body sees of both people. `model` stands for its weights."""
    if clip is None:
        raise cache_missing()
    return lift_people(clip, perception, clip_camera.camera(choice).K, device, reporter)


@stage(version=2, cost=4)
def lifted_motion(
    perception: Detections,
    observations: Observations,
    lifted_people: LiftedPeople,
    clip_camera: CameraCandidates,
    choice: int,
    body: BodyModel,
    reporter: Reporter,
) -> InitialMotion:
    """The initial motion from what SAM 3D Body saw; that of the observations alone where it saw too little."""
    camera = clip_camera.camera(choice)
    rotations = estimate_camera_rotation(perception, camera.K).rotations
    return initial_motion_from(lifted_people, rotations, observations, body, camera, reporter)


@stage(version=1, cost=0.1, stored=False)
def camera_correction(solved_motion: FittedMotion, known: KnownCamera) -> CameraCandidates:
    """The camera of a take with the animator's values in place of its own, as the only candidate."""
    camera = corrected_camera(solved_motion.camera, known)
    return CameraCandidates(camera.K[None], camera.T_cw[None], np.zeros(1))


@stage(version=1, cost=1, stored=False)
def corrected_initial_motion(
    observations: Observations,
    initial: MotionEstimate,
    camera_correction: CameraCandidates,
    known: KnownCamera,
    body: BodyModel,
) -> InitialMotion:
    """The initial motion under the corrected camera; that of observations, another tool or a network that lifts people alike."""
    camera = camera_correction.camera(0)
    return under_camera(initial, camera, observations, body, height_known=known.height is not None)


@stage(version=1, cost=0.5, stored=False)
def clip_scene(observations: Observations, initial_motion: MotionEstimate, body: BodyModel) -> ClipScene:
    """The observations and the initial motion, as the learned models take them."""
    return ClipScene.of(observations, initial_motion, body)


@stage(version=4, cost=4)
def sentence(words: Words, encoder_key: str, device: torch.device, reporter: Reporter) -> PromptEmbedding:
    """The words' embedding. Where there is no encoder, they work through the contacts that they name alone.

    `encoder_key` stands for the encoder's weights in the key of the result.
    """
    if not words.text:
        return PromptEmbedding.none()
    try:
        return PromptEmbedding(*_encoder(device).encode([words.text, mirror_sentence(words.text)]))
    except UserError as error:
        whose = "annotator" if words.suggested else "prompt"
        reporter.warning(f"Of the {whose} only the contacts that it names are used: {error.message} {error.hint}")
        return PromptEmbedding.none()


@lru_cache(maxsize=1)
def _encoder(device: torch.device) -> SentenceEncoder:
    """Loaded once: loading takes longer than encoding."""
    return load_cached_encoder(device)


@stage(version=11, cost=3, weights=(STGCN,))
def joint_prediction(
    clip_scene: ClipScene,
    landmark_scene: ClipScene | None,
    sentence: PromptEmbedding,
    used: bool,
    reporter: Reporter,
) -> JointPrediction:
    """The ST-GCN's joints; the initial motion with its own prior where the network is not `used` or cannot run.

    Where the initial motion knows how sure it is, the ST-GCN starts from the landmarks' own motion instead (`landmark_scene`), as
    it was trained to, and both are weighed against each other.
    """
    initial, own = clip_scene.initial.motion_incam, prior_of(clip_scene.initial)
    unchanged = JointPrediction(initial, own)
    if not used:
        return unchanged
    otherwise = "The motion is fitted without the ST-GCN"
    stgcn = load_or_warn(lambda: load_stgcn(device=clip_scene.device), otherwise, reporter)
    if stgcn is None:
        return unchanged
    text, mirrored = map(torch.from_numpy, (sentence.embedding, sentence.mirrored)) if sentence.given else (None, None)
    evidence = clip_scene if own is None or landmark_scene is None else landmark_scene
    prediction = predict_joints(evidence, stgcn, text, mirrored)
    return (
        prediction
        if own is None
        else with_initial(prediction, clip_scene.initial, own, clip_scene.observations, clip_scene.body)
    )


@stage(version=2, cost=1, stored=False)
def scene_with_bodies(clip_scene: ClipScene, solved_motion: FittedMotion, known: KnownCamera) -> ClipScene:
    """The clip about an initial motion with the bodies of a take, over whose feet a camera of unknown height stands."""
    initial = clip_scene.initial
    motion = with_betas(initial.motion_incam, solved_motion.motion_incam.betas, clip_scene.body)
    shaped = replace(initial, motion_incam=motion)
    height_known = known.height is not None
    observations, body = clip_scene.observations, clip_scene.body
    return replace(
        clip_scene, initial=under_camera(shaped, initial.camera, observations, body, height_known=height_known)
    )


@stage(version=2, cost=0.1, stored=False)
def prediction_with_bodies(
    joint_prediction: JointPrediction, solved_motion: FittedMotion, body: BodyModel
) -> JointPrediction:
    """The prediction for people with the bodies of a take, who look the same in the picture."""
    motion = with_betas(joint_prediction.motion_incam, solved_motion.motion_incam.betas, body)
    return replace(joint_prediction, motion_incam=motion)


@stage(version=14, cost=40)
def first_fit(
    clip_scene: ClipScene, joint_prediction: JointPrediction, phases: FitPhases, reporter: Reporter
) -> FittedMotion:
    """Both people fitted to the observations, before any contacts are known."""
    start = replace(clip_scene.initial, motion_incam=joint_prediction.motion_incam)
    targets = FitTargets(prior=joint_prediction.prior)
    schedule = FitSchedule(phases.for_prior(joint_prediction.prior), phases.fixed_shape)
    return fit_clip(start, clip_scene.observations, clip_scene.body, targets, schedule, reporter)


@stage(version=4, cost=0.1, stored=False)
def constraints(
    detected: ContactList,
    prompted: ContactList,
    suggested: SuggestedContacts | None,
    edited: tuple[Contact, ...],
    pins: tuple[Pin, ...],
    feet: tuple[FootContact, ...],
    sentence: PromptEmbedding,
) -> Constraints:
    """What a take is to honour. The user's contacts take the place of all others of the same regions and time.

    A prompt says what touches, not when: where that was detected, it lasts as long as was detected. What the prompt named and the
    motion does not bear out is listed, rejected, where nothing else is known of it. Contacts that are `edited` in name only, as
    they were detected, override nothing that the prompt names.
    """
    found, edits = split_edits(edited, detected.contacts)
    active = [contact for contact in prompted.contacts if contact.active()]
    borne_out = in_detected_frames(active, found)
    refused = [contact for contact in prompted.contacts if not contact.active()]
    named = borne_out if suggested is None else merge_contacts(suggested.contacts, borne_out)
    named = with_detected_ids(named, found)
    contacts = merge_contacts(refused, merge_contacts(merge_contacts(found, named), edits))
    return Constraints(FitTargets(tuple(contacts), pins, feet), sentence.embedding if sentence.given else None)


@stage(version=10, cost=25, weights=(INFILLER, SMOOTHER))
def infilled_motion(
    clip_scene: ClipScene,
    joint_prediction: JointPrediction,
    fitted: FittedMotion,
    constraints: Constraints,
    earlier: Constraints | None,
    settings: InfillStageSettings | None,
    reporter: Reporter,
) -> InfilledMotion:
    """A take from noise or, given an earlier one's constraints, from that on; the fitted motion where no infiller can run."""
    unchanged = InfilledMotion(fitted.motion_incam, joint_prediction.prior)
    if settings is None or (joint_prediction.prior is None and settings.needs_prediction):
        return unchanged
    try:
        models = _infiller_models(settings, clip_scene.device, reporter)
        held = hold_edits(fitted, clip_scene.observations.timeline, clip_scene.body, constraints.targets)
        scene = InfillScene.of(clip_scene, joint_prediction, held)
        return infill(models, scene, constraints, settings.infill, reporter, earlier)
    except UserError as error:
        what = "stays as in the earlier take" if earlier is not None else "is that of the fit alone"
        reporter.warning(f"Hidden motion could not be sampled and {what}: {error.message} {error.hint}")
        return unchanged


def _infiller_models(settings: InfillStageSettings, device: torch.device, reporter: Reporter) -> InfillerModels:
    infiller = load_infiller(device=device)
    if not settings.smoothing:
        return InfillerModels(infiller, None)
    otherwise = "The motion is not smoothed by the learned smoother"
    return InfillerModels(infiller, load_or_warn(lambda: load_smoother(device=device), otherwise, reporter))


@stage(version=22, cost=30)
def solved_motion(
    clip_scene: ClipScene,
    infilled_motion: InfilledMotion,
    fitted: FittedMotion,
    constraints: Constraints,
    earlier: Constraints | None,
    phases: FitPhases,
    reporter: Reporter,
) -> FittedMotion:
    """The infilled motion fitted to the observations and to the constraints; it holds pins and locked feet exactly.

    `earlier` are the constraints of a take that stays as it is where nothing was edited.
    """
    start = MotionEstimate(infilled_motion.motion_incam, fitted.camera, fitted.foot_contact)
    targets = replace(constraints.targets, prior=infilled_motion.prior)
    # takes share bodies and floor, so that they can be exchanged
    fixed_shape = phases.fixed_shape or is_infilled(infilled_motion, fitted)
    schedule = FitSchedule(phases.for_prior(infilled_motion.prior), fixed_shape)
    contacts = () if earlier is None else earlier.targets.contacts
    take = EarlierTake(fitted, contacts, finished=earlier is not None)
    return fit_edited(start, take, clip_scene.observations, clip_scene.body, targets, schedule, reporter)


@stage(version=5, cost=3)
def caption(
    clip_scene: ClipScene, solved_motion: FittedMotion, constraints: Constraints, prompt: str, reporter: Reporter
) -> Caption:
    """A description of the motion and of the contacts that it reaches, where the user has not given one."""
    if prompt:
        return Caption("")
    timeline, contacts = clip_scene.observations.timeline, constraints.targets.contacts
    measured = measure_contacts(contacts, solved_motion, clip_scene.body, timeline.frame_index)
    sentence = caption_motion(solved_motion, timeline, solved_motion.confidence, measured, clip_scene.body)
    reporter.progress(1.0)
    return Caption(sentence)


def is_infilled(infilled: InfilledMotion, fitted: FittedMotion) -> bool:
    """Whether an infiller took part: where none could, the motion is the fitted one."""
    return not same_motion(infilled.motion_incam, fitted.motion_incam, tolerance=0.0)


def same_motion(one: PairMotion, other: PairMotion | MotionArrays, tolerance: float) -> bool:
    """Whether no parameter of two motions of one clip differs by more than the tolerance (radians, metres)."""
    names = ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose", "pelvis", "betas")
    pairs: Any = ((getattr(one, name), getattr(other, name)) for name in names)
    return all(np.allclose(a, b, rtol=0.0, atol=tolerance) for a, b in pairs)
