"""Readers of public data sets on made-up folders of the same layout: two people of whom each picture shows two dots.

The dots are drawn by the formula that the set's own tools project with; a reader is right where its truth falls on them, seen
through its camera, and where it stands upright in our world.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from core.body.files import DEFAULT_BODY, load_body
from core.clip import probe, read_frames
from core.contract.errors import UserError
from core.contract.skeleton import BODY_JOINTS, JOINT_INDEX
from core.motion import BODY_COUNT, PairMotion, pose_motion
from core.perception.detections import Detections
from core.reporting import SilentReporter
from lab.evaluation import public
from lab.evaluation.benchmark_clip import OCCLUDED, TRUNCATED, UNKNOWN, VISIBLE, BenchmarkClip, Estimate
from lab.evaluation.image_sequence import ImageSequence, encoded
from lab.evaluation.perception_cache import CachedDetections, PerceptionCache
from lab.evaluation.public import PUBLIC_DATASETS, PublicClip, harmony4d, hi4d
from lab.evaluation.public.clips import project_inworld
from lab.evaluation.public.smpl_joints import SMPL_JOINTS, from_smpl
from lab.evaluation.scores import score

FRAMES = 4
PELVIS, HEAD, WRIST = (JOINT_INDEX[name] for name in ("pelvis", "head", "left_wrist"))
COLOURS = ((0, 0, 255), (0, 255, 0))
"""BGR of the first and the second person's dot."""


def motion() -> PairMotion:
    """Two people 0.8 m from each other who lean, turn and walk; in our world."""
    draw = np.random.default_rng(3)
    orient = np.stack(
        [
            [Rotation.from_euler("zyx", [turn, 0.1, np.pi / 2 + 0.1]).as_rotvec() for _ in range(FRAMES)]
            for turn in (0.4, 2.5)
        ]
    )
    pose = np.repeat(draw.normal(0, 0.3, (2, 1, 21, 3)), FRAMES, 1)
    pelvis = np.zeros((2, FRAMES, 3))
    pelvis[0, :, 0], pelvis[1, :, 0] = -0.4, 0.4
    pelvis[..., 1] = np.linspace(0, 0.2, FRAMES)
    pelvis[..., 2] = 0.95
    fingers = np.zeros((2, FRAMES, 15, 3))
    arrays = (orient, pose, fingers, fingers, pelvis, np.zeros((2, 16)))
    return PairMotion(*(array.astype(np.float32) for array in arrays))


def true_joints() -> np.ndarray:
    """[2,T,55,3] in our world."""
    return pose_motion(load_body(None), motion()).joints.numpy()


def as_smpl(joints: np.ndarray) -> np.ndarray:
    """[2,T,24,3] in SMPL's order, the hands a little beyond the wrists."""
    body = joints[:, :, :BODY_COUNT]
    return np.concatenate([body, body[:, :, -2:] + 0.05], 2)


def y_up(points: np.ndarray) -> np.ndarray:
    """Our points in a world whose Y is our Z."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1)


def looking(place: np.ndarray, at: np.ndarray, up: np.ndarray) -> np.ndarray:
    """[4,4] world -> camera of one at a place who looks at a point."""
    forward = (at - place) / np.linalg.norm(at - place)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    world = np.eye(4)
    world[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    world[:3, 3] = -world[:3, :3] @ place
    return world


def pinhole(points: np.ndarray, K: np.ndarray, world: np.ndarray) -> np.ndarray:
    """The textbook's K [R|t]: pixels of points [...,3]."""
    seen = points @ world[:3, :3].T + world[:3, 3]
    return (seen @ K.T)[..., :2] / seen[..., 2:]


def picture(dots: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A grey picture with each person's dot [2,2]."""
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    for (x, y), colour in zip(dots, COLOURS):
        cv2.circle(image, (round(16 * float(x)), round(16 * float(y))), 16 * 7, colour, -1, cv2.LINE_AA, 4)
    return image


def dots_in(image: np.ndarray) -> np.ndarray:
    """[2,2] middles of the dots of an RGB picture."""
    found = []
    for channel in (0, 1):
        others = np.delete(image.astype(int), channel, 2).max(2)
        weight = np.clip(image[..., channel].astype(int) - others - 60, 0, None)
        rows, columns = np.nonzero(weight)
        mass = weight[rows, columns]
        found.append([(columns * mass).sum() / mass.sum(), (rows * mass).sum() / mass.sum()])
    return np.array(found)


def assert_on_the_dots(clip: PublicClip, *, within: float = 1.0) -> None:
    """Each frame's true pelvises fall on the dots, seen through the clip's camera, after all that is done to pictures."""

    def check(path: Path) -> None:
        opened = probe(path)
        assert (opened.width, opened.height) == clip.image_size
        frames = list(read_frames(opened, 0, opened.frame_count - 1))
        assert len(frames) == clip.joints.shape[1]
        expected = project_inworld(clip.joints[:, :, PELVIS].astype(float), clip.camera)[0]
        for frame in frames:
            if np.isfinite(expected[:, frame.index]).all():
                assert dots_in(frame.image) == pytest.approx(expected[:, frame.index], abs=within)

    if isinstance(clip.images, ImageSequence):
        with encoded(clip.images) as path:
            check(path)
    else:
        check(clip.images)


def assert_upright(clip: PublicClip) -> None:
    """Metres, Z up: what is above in the truth is above in ours, and as far."""
    true = true_joints()
    known = np.isfinite(clip.joints).all((0, 2, 3)) if clip.motion else np.isfinite(clip.joints[:, :, 0]).all((0, 2))
    ours = clip.joints[:, known, HEAD, 2] - clip.joints[:, known, PELVIS, 2]
    assert ours == pytest.approx((true[:, :, HEAD, 2] - true[:, :, PELVIS, 2])[:, known], abs=0.01)


def write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 98])


HI4D_SIZE = (320, 400)
HI4D_K = np.array([[330.0, 0, 150], [0, 340, 210], [0, 0, 1]])


@pytest.fixture
def hi4d_folder(tmp_path: Path) -> Path:
    """One sequence of a test pair and one of another; the second of two cameras is the chosen one. Its world has Y up."""
    up = np.array([0, 1.0, 0])
    joints = y_up(as_smpl(true_joints()))
    cameras = [
        looking(y_up(np.array(place)), y_up(np.array([0, 0, 1.0])), up) for place in ([0, 4.0, 1.5], [2.0, -3, 1.2])
    ]
    for pair, action in (("pair28", "hug28"), ("pair01", "dance01")):
        root = tmp_path / pair / action
        for folder in ("cameras", "smpl", "images"):
            (root / folder).mkdir(parents=True)
        genders = np.array(["female", "male"], object)  # a pickled array among others must not hinder
        np.savez(root / "meta.npz", start=11, end=11 + FRAMES - 1, mono_cam=28, genders=genders)
        extrinsics = np.stack([camera[:3] for camera in cameras])
        arrays = {"ids": [4, 28], "intrinsics": [HI4D_K] * 2, "extrinsics": extrinsics}
        np.savez(root / "cameras" / "rgb_cameras.npz", **arrays)
        for frame in range(FRAMES):
            np.savez(root / "smpl" / f"{11 + frame:06d}.npz", joints_3d=joints[:, frame])
            for number, camera in zip((4, 28), cameras):
                dots = pinhole(joints[:, frame, PELVIS], HI4D_K, camera)
                write(root / "images" / str(number) / f"{11 + frame:06d}.jpg", picture(dots, HI4D_SIZE))
    return tmp_path


def only(name: str, folder: Path, split: str = "test") -> PublicClip:
    (listed,) = public.list_clips(name, folder, split)
    return PUBLIC_DATASETS[name].load(folder, listed)


def test_hi4d_is_read_from_the_chosen_camera(hi4d_folder: Path):
    assert [(clip.name, clip.family) for clip in public.list_clips("hi4d", hi4d_folder, "test")] == [
        ("pair28/hug28", "hug")
    ]
    assert [clip.name for clip in public.list_clips("hi4d", hi4d_folder, "dev")] == ["pair01/dance01"]
    clip = only("hi4d", hi4d_folder)
    assert clip.joints[:, :, :BODY_COUNT] == pytest.approx(true_joints()[:, :, :BODY_COUNT], abs=1e-5)
    assert np.isnan(clip.joints[:, :, BODY_COUNT:]).all()
    assert_on_the_dots(clip)
    assert_upright(clip)


def test_hi4d_frames_without_registration_are_unknown(hi4d_folder: Path):
    (hi4d_folder / "pair28" / "hug28" / "smpl" / "000012.npz").unlink()
    clip = only("hi4d", hi4d_folder)
    assert np.isfinite(clip.joints[:, :, 0]).all((0, 2)).tolist() == [True, False, True, True]


def test_hi4d_masks_say_who_hides_whom(hi4d_folder: Path):
    root = hi4d_folder / "pair28" / "hug28"
    clip = only("hi4d", hi4d_folder)
    pixels = project_inworld(clip.joints[:, :, :BODY_COUNT], clip.camera)[0]
    for frame in range(FRAMES):
        for person in (0, 1):
            mask = np.zeros((HI4D_SIZE[1], HI4D_SIZE[0]), np.uint8)
            for point in pixels[person, frame]:
                cv2.circle(mask, [int(value) for value in point.round()], 6, 255, -1)
            # the second person's left hand is before the first one's pelvis, and the first one's right foot is on no mask
            place = [int(value) for value in pixels[0, frame, PELVIS].round()]
            cv2.circle(mask, place, 12, 255 * person, -1)
            foot = [int(value) for value in pixels[0, frame, 11].round()]
            cv2.circle(mask, foot, 9, 0, -1)
            write(root / "seg" / "img_seg_mask" / "28" / str(person) / f"{11 + frame:06d}.png", mask)
    found = only("hi4d", hi4d_folder).visibility
    assert found is not None
    assert (found[0, :, PELVIS] == OCCLUDED).all()
    assert (found[0, :, HEAD] == VISIBLE).all() and (found[1, :, HEAD] == VISIBLE).all()
    assert (found[0, :, 11] == UNKNOWN).all()


def test_joints_beyond_the_pictures_edge_are_outside(hi4d_folder: Path):
    clip = only("hi4d", hi4d_folder)
    joints = clip.joints[:, :, :BODY_COUNT].copy()
    joints[0, :, WRIST] += 30.0
    found = hi4d.visibility(joints, clip.camera, clip.image_size, [None] * FRAMES)
    assert (found[0, :, WRIST] == TRUNCATED).all()
    assert (found[1] == UNKNOWN).all()


def test_a_shot_scores_no_error_for_who_knows_the_motion(hi4d_folder: Path, monkeypatch: pytest.MonkeyPatch):
    """The whole way from files to numbers: Y up, the camera's axes, and what must not be measured is not."""
    monkeypatch.setattr(
        PerceptionCache,
        "detect_two_in_images",
        lambda self, stills: CachedDetections(some_tracks(len(stills.paths)), 3.0),
    )
    body = load_body(None)
    onlooker = PerceptionCache(hi4d_folder / "cache", torch.device("cpu"), SilentReporter())
    (listed,) = public.list_clips("hi4d", hi4d_folder, "test")
    shot = public.load_clip("hi4d", hi4d_folder, listed, body, onlooker)
    assert isinstance(shot, BenchmarkClip) and not shot.truth.has_meshes and shot.seconds == {"perception": 3.0}
    result = score(shot, Estimate(motion(), shot.truth.camera, (), {}), body)
    assert result.metrics["mpjpe"] == pytest.approx(0, abs=0.01)
    assert result.metrics["int"] == pytest.approx(0, abs=0.01)
    assert result.metrics["re"] == pytest.approx(0, abs=0.01)
    assert not {"mpvpe", "contact_distance", "contact_f1", "foot_slide", "mpjpe_seen"} & set(result.metrics)


def some_tracks(frames: int) -> Detections:
    return Detections(
        frame_index=np.arange(frames, dtype=np.int32),
        time=np.arange(frames) / 30,
        image_size=np.array(HI4D_SIZE, np.int32),
        keypoints=np.zeros((2, frames, 33, 3), np.float32),
        covariance=np.tile(np.eye(2, dtype=np.float32), (2, frames, 33, 1, 1)),
        world_landmarks=np.zeros((2, frames, 33, 3), np.float32),
        found=np.ones((2, frames), bool),
        hands=np.zeros((2, frames, 2, 21, 3), np.float32),
        hand_landmarks=np.zeros((2, frames, 2, 21, 3), np.float32),
        masks=np.zeros((2, frames, 200, 160), np.uint8),
        track_ids=np.arange(2, dtype=np.int32),
        camera_motion=np.zeros(frames, np.float32),
    )


def test_pictures_are_looked_at_once(hi4d_folder: Path, monkeypatch: pytest.MonkeyPatch):
    from lab.evaluation import perception_cache

    asked = []

    def look(clip, first, last, **_) -> Detections:
        asked.append((clip.width, clip.height, round(clip.frame_rate), first, last))
        return some_tracks(FRAMES)

    monkeypatch.setattr(perception_cache, "detect_people", look)
    onlooker = PerceptionCache(hi4d_folder / "cache", torch.device("cpu"), SilentReporter())
    body = load_body(None)
    (listed,) = public.list_clips("hi4d", hi4d_folder, "test")
    once, again = (public.load_clip("hi4d", hi4d_folder, listed, body, onlooker) for _ in range(2))
    assert asked == [(*HI4D_SIZE, 30, 0, FRAMES - 1)]
    assert again.seconds == once.seconds
    assert again.detections.time == pytest.approx(np.arange(FRAMES) / 30)


FISHEYE_SIZE = (600, 400)
FISHEYE_K = np.array([[375.0, 0, 297.5], [0, 372, 201.5], [0, 0, 1]])
FISHEYE = np.array([0.05, 0.02, -0.01, 0.003])


@pytest.fixture(params=["with the glasses", "without"])
def harmony4d_folder(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sequence whose COLMAP world is turned, moved and 1.7 times as large as the metric one with Z up."""
    monkeypatch.setattr(harmony4d, "MOST_WIDTH", 480)
    root = tmp_path / "test" / "01_hugging" / "001_hugging"
    (root / "colmap" / "workplace").mkdir(parents=True)
    (root / "processed_data" / "smpl").mkdir(parents=True)
    joints = as_smpl(true_joints())
    stamps = np.arange(1, FRAMES + 1)
    hands = np.repeat(joints[:, :, :1], 21, 2)
    np.savez(
        root / "processed_data" / "smpl_joints.npz",
        time_stamps=stamps[:-1],
        joints=np.concatenate([joints, hands], 2)[:, :-1],
    )
    camera = looking(np.array([0.5, -3.5, 1.6]), np.array([0, 0, 1.0]), np.array([0, 0, 1.0]))
    to_colmap = np.eye(4)
    to_colmap[:3, :3] = 1.7 * Rotation.from_euler("xyz", [0.3, -1.0, 2.0]).as_matrix()
    to_colmap[:3, 3] = [3.0, -1, 2]
    if request.param == "without":
        np.save(root / "colmap" / "workplace" / "scale.npy", np.linalg.inv(to_colmap))
    else:
        np.save(root / "colmap" / "workplace" / "colmap_from_world.npy", to_colmap)
    # COLMAP sees the same camera at the same place of its larger world
    colmap = np.eye(4)
    colmap[:3, :3] = camera[:3, :3] @ (to_colmap[:3, :3] / 1.7).T
    centre = to_colmap[:3, :3] @ (-camera[:3, :3].T @ camera[:3, 3]) + to_colmap[:3, 3]
    colmap[:3, 3] = -colmap[:3, :3] @ centre
    x, y, z, w = Rotation.from_matrix(colmap[:3, :3]).as_quat()
    place = " ".join(repr(float(value)) for value in (w, x, y, z, *colmap[:3, 3]))
    (root / "colmap" / "workplace" / "images.txt").write_text(
        "# Image list\n# two lines\n# a picture\n# Number\n"
        f"7 0.9 0.1 0.2 0.3 1 2 3 1 aria01/rgb.jpg\n\n8 {place} 4 cam02/00001.jpg\n1.0 2.0 -1\n"
    )
    params = [FISHEYE_K[0, 0], FISHEYE_K[1, 1], FISHEYE_K[0, 2] + 0.5, FISHEYE_K[1, 2] + 0.5, *FISHEYE]
    (root / "colmap" / "workplace" / "cameras.txt").write_text(
        "# Camera list\n#\n#\n1 OPENCV_FISHEYE 1408 1408 1 1 1 1 0 0 0 0\n"
        f"4 OPENCV_FISHEYE {FISHEYE_SIZE[0]} {FISHEYE_SIZE[1]} {' '.join(map(str, params))}\n"
    )
    turned, moved = cv2.Rodrigues(camera[:3, :3])[0], camera[:3, 3].copy()
    for frame in range(FRAMES):
        points = joints[:, frame, PELVIS].reshape(-1, 1, 3).astype(float)
        dots, _ = cv2.fisheye.projectPoints(points, turned, moved, FISHEYE_K, FISHEYE)
        write(root / "exo" / "cam02" / "images" / f"{frame + 1:05d}.jpg", picture(dots[:, 0], FISHEYE_SIZE))
    (root / "exo" / "cam01" / "images").mkdir(parents=True)  # a camera without pictures
    return tmp_path


def test_harmony4d_is_metric_and_straight(harmony4d_folder: Path):
    clip = only("harmony4d", harmony4d_folder)
    assert clip.image_size == (480, 320)
    assert clip.joints[:, :-1, :BODY_COUNT] == pytest.approx(true_joints()[:, :-1, :BODY_COUNT], abs=1e-5)
    assert np.isnan(clip.joints[:, -1]).all()  # the last picture has no annotation
    assert_on_the_dots(clip)
    assert_upright(clip)
    assert [listed.family for listed in public.list_clips("harmony4d", harmony4d_folder, "test")] == ["hugging"]
    # rigid: the camera is as far from the people as it is
    place = -clip.camera.T_cw[:3, :3].T @ clip.camera.T_cw[:3, 3]
    assert place == pytest.approx([0.5, -3.5, 1.6], abs=1e-6)


def test_harmony4ds_pickles_are_not_opened(harmony4d_folder: Path):
    (harmony4d_folder / "test" / "01_hugging" / "001_hugging" / "processed_data" / "smpl_joints.npz").unlink()
    with pytest.raises(UserError, match="Convert the dataset's pickles") as error:
        only("harmony4d", harmony4d_folder)
    assert error.value.code == "public-data-pickled"


DPW_SIZE = (360, 480)
DPW_K = np.array([[400.0, 0, 181], [0, 398, 243], [0, 0, 1]])


@pytest.fixture
def threedpw_folder(tmp_path: Path) -> Path:
    """One sequence of two actors, its camera carried and turned, one frame not aligned; and one sequence of one actor."""
    joints = y_up(as_smpl(true_joints()))
    up = np.array([0, 1.0, 0])
    cameras = np.stack(
        [
            looking(y_up(np.array([0.3 * frame, -3.5, 1.4])), y_up(np.array([0.05 * frame, 0, 1.0])), up)
            for frame in range(FRAMES)
        ]
    )
    valid = np.ones((2, FRAMES), bool)
    valid[1, 1] = False
    (tmp_path / "sequenceFiles" / "test").mkdir(parents=True)
    for name, actors in (("courtyard_hug_00", 2), ("flat_alone_01", 1)):
        np.savez(
            tmp_path / "sequenceFiles" / "test" / f"{name}.npz",
            joints=joints[:actors],
            valid=valid[:actors],
            cam_poses=cameras,
            cam_intrinsics=DPW_K,
        )
    for frame in range(FRAMES):
        dots = pinhole(joints[:, frame, PELVIS], DPW_K, cameras[frame])
        write(tmp_path / "imageFiles" / "courtyard_hug_00" / f"image_{frame:05d}.jpg", picture(dots, DPW_SIZE))
    return tmp_path


def test_3dpw_is_seen_from_the_moving_camera(threedpw_folder: Path):
    (listed,) = public.list_clips("3dpw", threedpw_folder, "test")
    assert (listed.name, listed.family) == (f"courtyard_hug_00 0-{FRAMES - 1}", "hug")
    clip = only("3dpw", threedpw_folder)
    assert_on_the_dots(clip)  # one camera for all frames, though it moved
    assert np.isfinite(clip.joints[:, :, 0]).all((0, 2)).tolist() == [True, False, True, True]
    true = true_joints()
    assert clip.joints[:, 0, :BODY_COUNT] == pytest.approx(true[:, 0, :BODY_COUNT], abs=1e-4)  # the frame it hangs on
    # later ones are the true pose, as rigid as it was
    ours, theirs = (joints[:, 3, :BODY_COUNT] for joints in (clip.joints, true))
    assert np.linalg.norm(ours[0] - ours[1], axis=-1) == pytest.approx(
        np.linalg.norm(theirs[0] - theirs[1], axis=-1), abs=1e-4
    )


def test_3dpw_sequences_are_cut_into_clips(tmp_path: Path):
    (tmp_path / "sequenceFiles" / "test").mkdir(parents=True)
    valid = np.zeros((2, 1000), bool)
    valid[:, 20:720] = True
    for name, seen in (("courtyard_hug_00", valid), ("flat_never_seen_00", np.zeros((2, 10), bool))):
        np.savez(tmp_path / "sequenceFiles" / "test" / f"{name}.npz", valid=seen)
    assert [clip.name for clip in public.list_clips("3dpw", tmp_path, "test")] == [
        "courtyard_hug_00 20-252", "courtyard_hug_00 253-486", "courtyard_hug_00 487-719",
    ]  # fmt: skip


def test_3dpws_pickles_are_not_opened(tmp_path: Path):
    (tmp_path / "sequenceFiles" / "test").mkdir(parents=True)
    (tmp_path / "sequenceFiles" / "test" / "courtyard_hug_00.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(UserError, match="are pickles"):
        public.list_clips("3dpw", tmp_path, "test")


CHI3D_SIZE = (300, 300)
CHI3D_LENS = {"f": [[310.0, 305.0]], "c": [[148.0, 152.0]]}


@pytest.fixture
def chi3d_folder(tmp_path: Path) -> Path:
    """One handshake of the test subject; the free body stands for SMPL-X's."""
    body = load_body(None)
    root = tmp_path / "train" / "s02"
    shutil.copy(DEFAULT_BODY, tmp_path / "SMPLX_NEUTRAL.npz")
    true = motion()
    pelvis = body.J_template[0].numpy()

    def matrices(angles: np.ndarray) -> list:
        return Rotation.from_rotvec(angles.reshape(-1, 3)).as_matrix().reshape(*angles.shape, 3).tolist()

    record = {
        "transl": (true.pelvis - pelvis).tolist(),
        "betas": np.zeros((2, FRAMES, 10)).tolist(),
        "global_orient": matrices(true.global_orient[:, :, None]),
        "body_pose": matrices(true.body_pose),
        "left_hand_pose": matrices(true.left_hand_pose),
        "right_hand_pose": matrices(true.right_hand_pose),
    }
    camera = looking(np.array([-1.0, 3.5, 1.5]), np.array([0, 0, 1.0]), np.array([0, 0, 1.0]))
    place = -camera[:3, :3].T @ camera[:3, 3]
    lens = {"extrinsics": {"R": camera[:3, :3].tolist(), "T": [place.tolist()]}, "intrinsics_wo_distortion": CHI3D_LENS}
    signatures = {"Handshake 3": {"fr_id": 2, "start_fr": 1, "end_fr": 3}}
    for path, content in {
        root / "smplx" / "Handshake 3.json": record,
        root / "camera_parameters" / "50591643" / "Handshake 3.json": lens,
        root / "interaction_contact_signature.json": signatures,
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    video = root / "videos" / "50591643" / "Handshake 3.mp4"
    video.parent.mkdir(parents=True)
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"mp4v"), 50, CHI3D_SIZE)
    focal, centre = np.array(CHI3D_LENS["f"][0]), np.array(CHI3D_LENS["c"][0])
    for frame in range(FRAMES):
        seen = (true_joints()[:, frame, PELVIS] - place) @ camera[:3, :3].T
        writer.write(picture(focal * seen[:, :2] / seen[:, 2:] + centre, CHI3D_SIZE))
    writer.release()
    return tmp_path


def test_chi3d_is_posed_by_the_body_in_its_folder(chi3d_folder: Path):
    (listed,) = public.list_clips("chi3d", chi3d_folder, "test")
    assert (listed.name, listed.family) == ("s02/Handshake 3", "handshake")
    clip = only("chi3d", chi3d_folder)
    assert clip.frames == (0, FRAMES - 1)
    assert clip.joints == pytest.approx(true_joints(), abs=1e-5)
    assert_on_the_dots(clip, within=1.5)  # a lossy codec
    assert_upright(clip)
    assert clip.motion is not None and clip.motion.pelvis == pytest.approx(motion().pelvis, abs=1e-5)


def test_chi3d_needs_smplx(chi3d_folder: Path):
    (chi3d_folder / "SMPLX_NEUTRAL.npz").unlink()
    with pytest.raises(UserError, match="annotated in SMPL-X's parameters"):
        only("chi3d", chi3d_folder)


@pytest.mark.parametrize("name", PUBLIC_DATASETS)
def test_a_set_that_is_not_there_says_how_to_get_it(name: str, tmp_path: Path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError) as error:
            public.list_clips(name, folder, "test")
        assert error.value.code == "no-public-data"
        assert "folder" in error.value.hint
    with pytest.raises(UserError, match="no split"):
        public.list_clips(name, tmp_path, "training")


def test_pictures_that_cannot_be_read_are_named(hi4d_folder: Path):
    clip = only("hi4d", hi4d_folder)
    assert isinstance(clip.images, ImageSequence)
    write(clip.images.paths[2], np.zeros((50, 60, 3), np.uint8))
    with pytest.raises(UserError, match="differ in size"), encoded(clip.images):
        pass
    clip.images.paths[2].write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"000013.jpg cannot be read"), encoded(clip.images):
        pass


def test_files_that_are_not_as_described_are_named(hi4d_folder: Path):
    root = hi4d_folder / "pair28" / "hug28"
    np.savez(root / "smpl" / "000011.npz", joints_3d=np.zeros((2, 22, 3)))
    with pytest.raises(UserError, match=r"000011.npz is not as its dataset documents it: .*\(2, 22, 3\)"):
        only("hi4d", hi4d_folder)
    np.savez(root / "cameras" / "rgb_cameras.npz", ids=np.array([4]))
    with pytest.raises(UserError, match=r"rgb_cameras.npz is not .*intrinsics"):
        only("hi4d", hi4d_folder)


def test_smpls_joints_are_ours_by_name():
    joints = np.arange(24.0)[:, None] * np.ones(3)
    ours = from_smpl(joints)
    assert SMPL_JOINTS[20:] == ("left_wrist", "right_wrist", "left_hand", "right_hand")
    for name in BODY_JOINTS:
        assert ours[JOINT_INDEX[name], 0] == SMPL_JOINTS.index(name)
    assert np.isnan(ours[BODY_COUNT:]).all()
