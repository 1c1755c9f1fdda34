"""The benchmark on real video, on a made-up studio: a known man before four calibrated cameras, seen without error."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.contract.errors import UserError
from core.contract.skeleton import LANDMARK_INDEX
from core.fitting.camera import intrinsics
from core.motion import Camera, PairMotion
from core.perception.detections import Detections
from lab.evaluation.benchmark_clip import Estimate
from lab.evaluation.perception_cache import CachedDetections, PerceptionCache
from lab.evaluation.real import evaluate_real as real
from lab.evaluation.real.triangulation import read_qualisys, triangulate

FRAMES, RATE, SIZE = 10, 50.0, (600, 800)
FOCAL = 1000.0
DISTANCE, HEIGHT = 5.0, 1.2


def standing(frames: int = FRAMES) -> PairMotion:
    """The man in the middle and a woman two metres beside him; both move an arm."""
    orient = np.zeros((2, frames, 3), np.float32)
    orient[..., 0] = np.pi / 2
    pose = np.zeros((2, frames, 21, 3), np.float32)
    pose[:, :, 17, 1] = np.linspace(0.2, 0.25, frames)
    pelvis = np.zeros((2, frames, 3), np.float32)
    pelvis[..., 2] = 0.93
    pelvis[1, :, 0] = 2.0
    fingers = np.zeros((2, frames, 15, 3), np.float32)
    return PairMotion(orient, pose, fingers, fingers, pelvis, np.zeros((2, 16), np.float32))


def camera_world(angle: float) -> np.ndarray:
    """World -> camera of one who stands DISTANCE from the middle at an angle about it and looks there, level."""
    forward = np.array([np.cos(angle), np.sin(angle), 0.0])
    rotation = np.stack([np.cross(forward, [0, 0, 1.0]), [0, 0, -1.0], forward])
    world = np.eye(4)
    world[:3, :3] = rotation
    world[:3, 3] = -rotation @ (np.array([0, 0, HEIGHT]) - DISTANCE * forward)
    return world


WORLDS = [camera_world(angle) for angle in np.radians([90, 180, 270, 0])]
MATRIX = np.array([[FOCAL, 0, SIZE[0] / 2], [0, FOCAL, SIZE[1] / 2], [0, 0, 1]])


def calibration() -> str:
    """As Qualisys writes it: millimetres, 64ths of a pixel, axes of a camera that looks along -z with y up."""
    cameras = []
    for world in WORLDS:
        turned = np.diag([1.0, -1.0, -1.0]) @ world[:3, :3]
        place = -world[:3, :3].T @ world[:3, 3] * 1000
        numbers = {f"r{row + 1}{column + 1}": turned[row, column] for row in range(3) for column in range(3)}
        numbers |= dict(zip("xyz", place))
        transform = " ".join(f'{name}="{value}"' for name, value in numbers.items())
        lens = (
            f'focalLengthU="{64 * FOCAL}" focalLengthV="{64 * FOCAL}" centerPointU="{32 * SIZE[0]}" '
            f'centerPointV="{32 * SIZE[1]}" radialDistortion1="0" radialDistortion2="0" tangentalDistortion1="0" '
            'tangentalDistortion2="0"'
        )
        cameras.append(f"<camera><transform {transform}/><intrinsic {lens}/></camera>")
    return f"<calibration><cameras>{''.join(cameras)}</cameras></calibration>"


def seen_by(world: np.ndarray, people: tuple[int, ...]) -> Detections:
    """What a faultless 2D stage sees of some of the two."""
    points = real.fitted_landmarks(standing(), load_body(None))[list(people)] @ world[:3, :3].T + world[:3, 3]
    pixels = points[..., :2] / points[..., 2:] @ MATRIX[:2, :2].T + MATRIX[:2, 2]
    hips = points[:, :, [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]].mean(2, keepdims=True)
    count = len(people)
    return Detections(
        frame_index=np.arange(FRAMES, dtype=np.int32),
        time=np.arange(FRAMES) / RATE,
        image_size=np.array(SIZE, np.int32),
        keypoints=np.concatenate([pixels, np.ones((*pixels.shape[:-1], 1))], -1).astype(np.float32),
        ambiguous=np.zeros((count, FRAMES, 33), bool),
        world_landmarks=(points - hips).astype(np.float32),
        found=np.ones((count, FRAMES), bool),
        hands=np.zeros((count, FRAMES, 2, 21, 3), np.float32),
        hand_landmarks=np.zeros((count, FRAMES, 2, 21, 3), np.float32),
        masks=np.zeros((count, FRAMES, 213, 160), np.uint8),
        track_ids=np.arange(count, dtype=np.int32),
        camera_motion=np.zeros(FRAMES, np.float32),
    )


def faultless(self: PerceptionCache, path: Path, people: tuple[int, ...]) -> CachedDetections:
    """Camera N as the file's name says; in other videos what camera 1 sees."""
    number = int(path.stem[-1]) - 1 if path.stem[-1].isdigit() else 0
    return CachedDetections(seen_by(WORLDS[number], people), 1.5)


def bystanding(seen: CachedDetections) -> CachedDetections:
    """The woman comes first but is seen less clearly: the man is whom the views agree on best."""
    keypoints = seen.detections.keypoints.copy()
    keypoints[0, ..., 2] = 0.6
    return replace(seen, detections=replace(seen.detections, keypoints=keypoints))


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the four views, and one clip of two people beside it."""
    views = tmp_path / "views"
    views.mkdir()
    (views / "Calib.qca.txt").write_text(calibration())
    writer = cv2.VideoWriter(str(tmp_path / "dance.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), RATE, SIZE)
    for _ in range(FRAMES):
        writer.write(np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    writer.release()
    monkeypatch.setattr(
        PerceptionCache, "detect_everyone", lambda self, path, frames=None: bystanding(faultless(self, path, (1, 0)))
    )
    monkeypatch.setattr(PerceptionCache, "detect_two", lambda self, path, frames=None: faultless(self, path, (1, 0)))
    return tmp_path


def knowing(change=lambda motion: motion):
    """A method that knows the motion, by the camera that saw the tracks; it numbers people as the tracks do."""

    def method(detections: Detections, body, **_) -> Estimate:
        off = [np.abs(seen_by(world, (1, 0)).keypoints - detections.keypoints).max() for world in WORLDS]
        motion = change(standing())
        turned = {name: value[::-1].copy() for name, value in vars(motion).items()}
        return Estimate(PairMotion(**turned), Camera(MATRIX, WORLDS[int(np.argmin(off))]), (), {"thinking": 2.0})

    return method


def test_a_method_that_knows_the_motion_has_no_error(studio: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(real, "METHODS", {"knowing": knowing()})
    report = real.evaluate_real(studio, ["knowing"], cache=studio / "cache")
    hidden = [clip for clip in report.clips if clip.method == "knowing" and clip.family == "views-hidden"]
    assert len(hidden) == 4
    for clip in hidden:
        assert clip.frames == FRAMES
        assert clip.metrics["mpjpe"] == pytest.approx(0, abs=0.01)
        assert clip.metrics["pa_mpjpe"] == pytest.approx(0, abs=0.01)
        assert clip.metrics["reprojection"] == pytest.approx(0, abs=0.01)
        assert clip.seconds == {"perception": 1.5, "thinking": 2.0}
    landmarks = [clip for clip in report.clips if clip.method == real.UNTOUCHED]
    assert {clip.family for clip in landmarks} == {"views-alone", "views-hidden"}
    assert all(clip.metrics["mpjpe"] < 0.01 for clip in landmarks)
    json.dumps(report.to_json(), allow_nan=False)


def test_errors_are_in_millimetres_of_the_man_and_in_pixels(studio: Path, monkeypatch: pytest.MonkeyPatch):
    def aside(motion: PairMotion) -> PairMotion:
        """Both a hand's breadth along the axis of the camera's picture: their poses stay right."""
        return replace(motion, pelvis=motion.pelvis + np.array([0.1, 0, 0], np.float32))

    def bent(motion: PairMotion) -> PairMotion:
        """The man's left knee bent by a right angle: of twelve limbs only that ankle is elsewhere."""
        pose = motion.body_pose.copy()
        pose[0, :, 3, 0] += np.pi / 2
        return replace(motion, body_pose=pose)

    monkeypatch.setattr(real, "METHODS", {"aside": knowing(aside), "bent": knowing(bent)})
    report = real.evaluate_real(studio, ["aside", "bent"], cache=studio / "cache", clips=1)
    found = {clip.method: clip.metrics for clip in report.clips if clip.family == "views-hidden"}
    assert found["aside"]["mpjpe"] == pytest.approx(0, abs=0.01)
    # a person of 10 cm aside at five metres, in units of the focal length: 20 px, a little less for what is farther
    assert found["aside"]["reprojection"] == pytest.approx(0.1 / DISTANCE * FOCAL, rel=0.05)
    # its share of how tall he stands there: the landmarks from heels to eyes, about 1.6 m
    assert found["aside"]["reprojection_share"] == pytest.approx(100 * 0.1 / 1.6, rel=0.15)
    body = load_body(None)
    shin = float((body.J_template[7] - body.J_template[4]).norm())
    assert found["bent"]["mpjpe"] == pytest.approx(1000 * np.sqrt(2) * shin / 12, rel=0.1)


@pytest.mark.slow
def test_clips_without_truth_are_judged_by_what_needs_none(studio: Path, monkeypatch: pytest.MonkeyPatch):
    def into_each_other(motion: PairMotion) -> PairMotion:
        pelvis = motion.pelvis.copy()
        pelvis[1, :, 0] = 0.1
        return replace(motion, pelvis=pelvis)

    def sliding(motion: PairMotion) -> PairMotion:
        pelvis = motion.pelvis.copy()
        pelvis[..., 1] += 0.02 * np.arange(FRAMES, dtype=np.float32)
        return replace(motion, pelvis=pelvis)

    def trembling(motion: PairMotion) -> PairMotion:
        pelvis = motion.pelvis.copy()
        pelvis[:, ::2, 2] += 0.001
        return replace(motion, pelvis=pelvis)

    changes = {"into": into_each_other, "sliding": sliding, "trembling": trembling}
    methods = {"knowing": knowing()} | {name: knowing(change) for name, change in changes.items()}
    monkeypatch.setattr(real, "METHODS", methods)
    report = real.evaluate_real(studio, list(methods), cache=studio / "cache")
    wild = {clip.method: clip for clip in report.clips if clip.family == "wild"}
    assert wild["knowing"].clip == f"dance 0-{FRAMES - 1}"
    assert "mpjpe" not in wild["knowing"].metrics
    assert "contact_distance" not in wild["knowing"].metrics  # it found no contacts
    assert wild["knowing"].metrics["penetration_max"] == 0
    assert wild["into"].metrics["penetration_max"] > 50
    assert wild["knowing"].metrics["foot_slide"] == pytest.approx(0, abs=0.01)
    assert wild["sliding"].metrics["foot_slide"] == pytest.approx(20, rel=0.01)
    assert wild["knowing"].metrics["jitter"] < 1
    # up and down by a millimetre from frame to frame: the third difference of 0, a, 0, a is 4 a
    assert wild["trembling"].metrics["jitter"] == pytest.approx(4 * 0.001 * RATE**3, rel=0.01)


def test_a_row_that_fails_is_a_note_and_the_others_stay(studio: Path, monkeypatch: pytest.MonkeyPatch):
    def failing(detections: Detections, body, **_) -> Estimate:
        raise ValueError("Nobody is there.")

    monkeypatch.setattr(real, "METHODS", {"failing": failing, "knowing": knowing()})
    report = real.evaluate_real(studio, ["failing", "knowing"], cache=studio / "cache", clips=1)
    (note,) = (note for note in report.notes if "failing failed on camera 1, a woman before him" in note)
    assert "Nobody is there." in note
    assert {row.method for row in report.rows} == {real.UNTOUCHED, "knowing"}


def test_methods_for_one_person_run_on_the_man_alone(studio: Path):
    report = real.evaluate_real(studio, ["raw", "one-euro"], cache=studio / "cache", clips=1)
    alone = {clip.method: clip.metrics for clip in report.clips if clip.family == "views-alone"}
    assert set(alone) == {real.UNTOUCHED, "raw", "one-euro"}
    # seen without error by a camera of unknown focal length: what is left is the lifting's own
    assert all(metrics["mpjpe"] < 45 for metrics in alone.values())


def test_the_man_is_followed_where_the_tracker_takes_him_for_another(studio: Path):
    view = read_qualisys(studio / "views" / "Calib.qca.txt")[0]
    limbs = real.fitted_landmarks(standing(), load_body(None))[0][:, real.LIMBS]
    true = limbs @ view.T_cw[:3, :3].T + view.T_cw[:3, 3]
    true[4] = np.nan  # known by nobody: he stays who he was
    detections = seen_by(WORLDS[0], (0, 1))
    swapped = {name: getattr(detections, name).copy() for name in ("keypoints", "world_landmarks", "found")}
    for array in swapped.values():
        array[:, 5:] = array[::-1, 5:]
    him, numbers = real.followed(replace(detections, **swapped), view, true)
    assert numbers == 2
    assert him.found.shape == (1, FRAMES)
    assert him.keypoints[0] == pytest.approx(detections.keypoints[0])
    assert him.world_landmarks[0] == pytest.approx(detections.world_landmarks[0])


def test_jumps_of_single_frames_are_taken_out_of_the_truth():
    walking = np.zeros((40, 2, 3))
    walking[:, :, 0] = (0.01 * np.arange(40))[:, None]
    jumping = walking.copy()
    jumping[20, 1, 2] += 0.5
    jumping[30, 0] = np.nan
    steady = real.steadied(jumping)
    assert np.isnan(steady[30, 0]).all() and np.isfinite(np.delete(steady[:, 0], 30, 0)).all()
    assert steady[10:25] == pytest.approx(walking[10:25], abs=1e-3)


def test_two_people_are_looked_for_where_frames_are_not_said(studio: Path):
    onlooker = PerceptionCache(studio / "cache", torch.device("cpu"), None)  # pyright: ignore[reportArgumentType]
    assert real.frames_of(studio / "dance.mp4", studio, onlooker) == (0, FRAMES - 1)
    (studio / "frames.json").write_text('{"dance.mp4": [3, 7]}')
    assert real.frames_of(studio / "dance.mp4", studio, onlooker) == (3, 7)
    (studio / "frames.json").write_text('{"dance.mp4": "3:7"}')
    with pytest.raises(UserError, match="'3:7'"):
        real.frames_of(studio / "dance.mp4", studio, onlooker)


def test_the_stretch_in_which_two_are_seen_most():
    found = np.zeros((3, 250), bool)
    found[0] = True
    found[1, 40:100] = True
    found[2, 100:130] = True
    assert real.best_stretch(found) == (30, 129)
    found[1:, 85:] = False
    assert real.best_stretch(found) is None
    assert real.best_stretch(np.ones((2, 12), bool)) == (0, 11)


def test_an_empty_folder_is_said(tmp_path: Path):
    with pytest.raises(UserError, match="holds no videos"):
        real.evaluate_real(tmp_path, ["raw"], cache=tmp_path / "cache")


def test_what_was_seen_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from lab.evaluation import perception_cache as perceived

    clip = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"mp4v"), 25, (96, 64))
    for shade in range(5):
        writer.write(np.full((64, 96, 3), 40 * shade, np.uint8))
    writer.release()
    asked = []

    def look(clip, first, last, **_) -> Detections:
        asked.append((first, last))
        return seen_by(WORLDS[0], (0, 1))

    monkeypatch.setattr(perceived, "detect_people", look)
    onlooker = PerceptionCache(tmp_path / "cache", torch.device("cpu"), _Quiet())  # pyright: ignore[reportArgumentType]
    first = onlooker.detect_two(clip)
    again = onlooker.detect_two(clip)
    onlooker.detect_two(clip, (1, 3))
    assert asked == [(0, 4), (1, 3)]
    assert again.seconds == first.seconds
    assert np.array_equal(again.detections.keypoints, first.detections.keypoints)


class _Quiet:
    def log(self, text: str) -> None:
        pass


def test_the_made_up_calibration_is_read_as_meant(studio: Path):
    for view, world in zip(read_qualisys(studio / "views" / "Calib.qca.txt"), WORLDS):
        assert view.T_cw == pytest.approx(world, abs=1e-9)
        assert pytest.approx(MATRIX) == view.K
    assert intrinsics(*SIZE, None)[0, 0] == pytest.approx(FOCAL)  # what methods assume where nothing is known


def test_views_that_disagree_take_no_part_in_a_point(studio: Path):
    views = read_qualisys(studio / "views" / "Calib.qca.txt")
    place = np.array([[0.2, -0.3, 1.1], [0.0, 0.4, 0.5], [0.1, 0.1, 1.7]])
    seen = np.ones((4, 3, 3))
    for camera, world in enumerate(WORLDS):
        points = place @ world[:3, :3].T + world[:3, 3]
        seen[camera, :, :2] = points[:, :2] / points[:, 2:] @ MATRIX[:2, :2].T + MATRIX[:2, 2]
    seen[1, 0, 0] += 150  # one camera takes something else for the first point
    seen[2:, 1, 2] = 0.2  # two cameras hardly see the second
    seen[1:, 2, 2] = 0.2  # and only one sees the third
    point, error, support = triangulate(views, seen)
    assert point[:2] == pytest.approx(place[:2], abs=1e-6)
    assert error[:2] == pytest.approx(0, abs=1e-3)
    assert support[:2] == pytest.approx([3, 2], abs=0.01)
    assert np.isnan(point[2]).all() and np.isnan(error[2])


def test_a_file_that_is_no_calibration_is_said(tmp_path: Path):
    for text, problem in (("no xml", "is no Qualisys calibration"), ("<calibration/>", "holds no cameras")):
        (tmp_path / "Calib.qca.txt").write_text(text)
        with pytest.raises(UserError, match=problem):
            read_qualisys(tmp_path / "Calib.qca.txt")
