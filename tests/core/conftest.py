"""Two made-up people, and a pipeline whose networks and fit are replaced by them, for tests of all that is around it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.body.mesh import body_arrays
from core.body.model import BodyModel
from core.contract.contact import Contact
from core.contract.reconstruction import Info, Person, Reconstruction, Take
from core.motion import Camera, PairMotion
from core.perception.detections import Detections
from core.progress import Progress

FRAMES = 12
CAPTION = "They stand near each other."
ENERGIES = (1.5, 0.9, 1.2, 1.4, 0.8, 1.1, 1.3, 1.0, 1.6, 1.7)
"""Of the made-up takes, by seed."""


@dataclass
class Recorder:
    """A listener that remembers, and that cancels when told to."""

    stages: list[str] = field(default_factory=list)
    fractions: list[float] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    stop_in: str = ""

    def stage(self, name: str, index: int, count: int) -> None:
        assert 0 <= index < count
        self.stages.append(name)

    def progress(self, progress: Progress) -> None:
        self.fractions.append(progress.fraction)

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def log(self, text: str) -> None:
        self.logs.append(text)

    def cancelled(self) -> bool:
        return bool(self.stop_in) and self.stop_in in self.stages


def made_up_motion(frames: int = FRAMES, seed: int = 0) -> PairMotion:
    """Random but steady poses of two people a metre apart."""
    draw = np.random.default_rng(seed)

    def swing(joints: int, size: float) -> np.ndarray:
        phase, amount = draw.uniform(0, 6, (2, 1, joints, 3)), draw.normal(0, size, (2, 1, joints, 3))
        angle = amount * np.sin(phase + np.arange(frames)[None, :, None, None] / 5)
        return angle.astype(np.float32)

    orient = np.zeros((2, frames, 3), np.float32)
    orient[..., 0] = np.pi / 2  # upright in a Z-up world
    pelvis = np.zeros((2, frames, 3), np.float32)
    pelvis[1, :, 0] = 1.0
    pelvis[..., 1] = np.linspace(0, 0.3, frames)
    pelvis[..., 2] = 0.93
    return PairMotion(
        global_orient=orient + swing(1, 0.2)[:, :, 0],
        body_pose=swing(21, 0.3),
        left_hand_pose=swing(15, 0.2),
        right_hand_pose=swing(15, 0.2),
        pelvis=pelvis,
        betas=draw.normal(0, 0.7, (2, 16)).astype(np.float32),
    )


def made_up_camera() -> Camera:
    world = np.array([[1.0, 0, 0, 0], [0, 0, -1, 1.2], [0, 1, 0, 4], [0, 0, 0, 1]])
    return Camera(np.array([[70.0, 0, 48], [0, 70.0, 32], [0, 0, 1]]), world)


def made_up_tracks(frames: int = FRAMES, first: int = 0) -> Detections:
    draw = np.random.default_rng(1)
    return Detections(
        frame_index=np.arange(first, first + frames, dtype=np.int32),
        time=np.arange(first, first + frames) / 25,
        image_size=np.array([96, 64], np.int32),
        keypoints=draw.uniform(0, 1, (2, frames, 33, 3)).astype(np.float32),
        covariance=np.tile(np.eye(2, dtype=np.float32), (2, frames, 33, 1, 1)),
        world_landmarks=draw.normal(size=(2, frames, 33, 3)).astype(np.float32),
        found=np.ones((2, frames), bool),
        hands=np.zeros((2, frames, 2, 21, 3), np.float32),
        hand_landmarks=np.zeros((2, frames, 2, 21, 3), np.float32),
        masks=draw.integers(0, 255, (2, frames, 106, 160), np.uint8),
        track_ids=np.array([0, 2], np.int32),
        camera_motion=np.zeros(frames, np.float32),
    )


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def clip_file(tmp_path: Path) -> Path:
    """A small video of moving noise that no network would find people in."""
    return write_clip(tmp_path / "clip.mp4")


def write_clip(path: Path, frames: int = FRAMES, seed: int = 0) -> Path:
    draw = np.random.default_rng(seed)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (96, 64))
    for _ in range(frames):
        writer.write(draw.integers(0, 255, (64, 96, 3), np.uint8))
    writer.release()
    return path


@functools.lru_cache
def load_body_once(path: Path | None) -> BodyModel:
    return load_body(path)


def prompted_id(prompt: str) -> str:
    """Id of the contact that the made-up prompt stage finds."""
    return f"asked-for-{prompt.replace(' ', '-')}"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Replace what stages compute by made-up results; returns the names of the stages computed so far.

    The made-up infiller takes part where there are weights of one, as in `infiller`: another seed is another motion.
    """
    from core import checkpoint
    from core.checkpoint import weights_file
    from core.fitting.camera_hypotheses import CameraCandidates
    from core.fitting.fit import FittedMotion
    from core.infilling.infill import InfilledMotion
    from core.motion import MotionEstimate
    from core.pipeline import contact_stages, resolve, result_body, retry, stages
    from core.pipeline.contact_stages import ContactList
    from core.pipeline.stage import Stage
    from core.stgcn.predict import JointPrediction

    for module in (result_body, resolve):
        monkeypatch.setattr(module, "load_body", load_body_once)
    for suspicion in ("is_bad", "may_stray"):  # made-up motions do not lie over made-up people
        monkeypatch.setattr(retry, suspicion, lambda *_: False)
    monkeypatch.setattr(checkpoint, "MODELS", tmp_path / "models")
    computed: list[str] = []
    foot_contact = np.zeros((2, FRAMES, 2), np.float32)

    def incam(seed: int = 0) -> PairMotion:
        return made_up_motion(seed=seed).transformed(made_up_camera().T_cw)

    def fitted(seed: int) -> FittedMotion:
        confidence = np.ones((2, FRAMES, 22), np.float32)
        return FittedMotion(incam(seed), made_up_camera(), foot_contact, confidence, ENERGIES[seed % len(ENERGIES)])

    def infilled(settings: Any, fitted: FittedMotion, constraints: Any, earlier: Any, **_: Any) -> InfilledMotion:
        """The fitted motion as it is where no infiller takes part; its seed can be told from the first beta."""
        if settings is None or not weights_file(stages.INFILLER).is_file():
            return InfilledMotion(fitted.motion_incam, None)
        seed = settings.infill.sampling.seed
        if earlier is not None:
            edited = bool(constraints.targets.pins) or settings.infill.everywhere
            seed = seed_of(fitted.motion_incam, 0) + (seed if edited else 0)
        return InfilledMotion(incam(1000 + seed), None)

    def seed_of(motion: PairMotion, first: int) -> int:
        """Which of the made-up motions from the `first` one on it is."""
        return next((s for s in range(20) if stages.same_motion(motion, incam(first + s), 0.0)), 0)

    def solved(infilled_motion: InfilledMotion, fitted: FittedMotion, constraints: Any, **_: Any) -> FittedMotion:
        pins = 100 * len(constraints.targets.pins)
        return make_fitted(seed_of(infilled_motion.motion_incam, 1000) + pins)

    make_fitted = fitted

    def prompted(prompt: str, **_: Any) -> ContactList:
        touch = Contact(0, "chest", 1, "chest", 3, 4, source="prompt", id=prompted_id(prompt))
        return ContactList((touch,) if prompt else ())

    detected = ContactList((Contact(0, "left_palm", 1, "right_palm", 2, 5, id="c"),))
    makers: dict[str, Callable[..., Any]] = {
        "perception": lambda settings, **_: made_up_tracks(first=settings.frames[0]),
        "clip_camera": lambda **_: CameraCandidates(made_up_camera().K[None], made_up_camera().T_cw[None], np.zeros(1)),
        "initial_motion": lambda **_: MotionEstimate(incam(), made_up_camera(), foot_contact),
        "sentence": lambda **_: stages.PromptEmbedding.none(),
        "joint_prediction": lambda **_: JointPrediction(incam(), None),
        "first_fit": lambda **_: fitted(0),
        "detected_contacts": lambda **_: detected,
        "prompted_contacts": prompted,
        "infilled_motion": infilled,
        "solved_motion": solved,
        "caption": lambda prompt, **_: stages.Caption("" if prompt else CAPTION),
    }

    def replaced(stage: Stage[Any], make: Callable[..., Any]) -> Stage[Any]:
        @functools.wraps(stage.function)
        def run(*, reporter: Any, **inputs: Any) -> Any:
            computed.append(stage.name)
            if stage.name == "perception":
                if inputs["clip"] is None:
                    return stage.function(**inputs, reporter=reporter)
                reporter.warning("The camera moves.")
            for step in range(5):
                reporter.progress(step / 5, stage.name)
            return make(**inputs)

        return replace(stage, function=run)

    for name, make in makers.items():
        module = contact_stages if name.endswith("_contacts") else stages
        monkeypatch.setattr(module, name, replaced(getattr(module, name), make))
    return computed


@pytest.fixture
def infiller(quick: list[str], tmp_path: Path) -> list[str]:
    """`quick`, in which seeds make a difference."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "infiller.safetensors").write_bytes(b"made up")
    return quick


@pytest.fixture(scope="session")
def made_up() -> Reconstruction:
    """A reconstruction of two made-up people on the free body, as it would be loaded from its folder."""
    from core.fitting.fit import FittedMotion
    from core.pipeline.results import motion_arrays

    body, motion = load_body_once(None), made_up_motion()
    fitted = FittedMotion(
        motion.transformed(made_up_camera().T_cw),
        made_up_camera(),
        np.zeros((2, FRAMES, 2), np.float32),
        np.ones((2, FRAMES, 22), np.float32),
        1.0,
    )
    info = Info(
        clip={"path": "clip.mp4", "width": 96, "height": 64, "frame_rate": 25.0, "frames": [0, FRAMES - 1]},
        people=(Person(0, "Person A", 0, 1.7), Person(1, "Person B", 1, 1.6)),
        body={"id": body.identity, "path": "default"},
        prompt="",
        prompt_source="none",
        contacts=(),
        take="take-001",
        takes=(Take("take-001", "", 0, 1.0, "reconstruct"),),
        warnings=(),
        seed=0,
        device="cpu",
        versions={},
        seconds={},
    )
    bodies = body_arrays(body, torch.from_numpy(motion.betas))
    return Reconstruction(motion_arrays(fitted, made_up_tracks(), body), bodies, info)
