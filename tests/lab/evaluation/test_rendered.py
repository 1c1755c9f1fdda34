"""Rendered clips: their truth lies on their pixels, they come back as they were written, and what is amiss with them is said.

The clip in tests/core/data/rendered was rendered from the sample's truth (frames of the hug) with
`python -m lab render ... --frames 24 --width 640 --seed 31`.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.body.model import rest_vertices
from core.contract.errors import UserError
from core.motion import Camera, pose_motion
from core.projection import project
from lab.evaluation.benchmark_clip import OCCLUDED, VISIBLE
from lab.evaluation.rendered import RenderedClip, heldout_body, is_complete, load_rendered, save_rendered

SET = Path(__file__).resolve().parents[2] / "core" / "data" / "rendered"
FRAMES = (2, 12, 21)


@pytest.fixture(scope="module")
def clip() -> RenderedClip:
    (only,) = load_rendered(SET, load_body(None))
    return only


def pictures(video: Path, frames: tuple[int, ...]) -> np.ndarray:
    """float32 [N,h,w,3], slightly blurred, so that the codec's noise does not count."""
    capture, found = cv2.VideoCapture(str(video)), []
    for frame in frames:
        capture.set(cv2.CAP_PROP_POS_FRAMES, frame)
        done, picture = capture.read()
        assert done
        found.append(cv2.GaussianBlur(picture, (0, 0), 1.0).astype(np.float32))
    capture.release()
    return np.stack(found)


def changed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """bool [h,w] where two pictures differ, small gaps closed."""
    differs = (np.abs(one - other).max(-1) > 12).astype(np.uint8)
    return cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)) > 0


def pixels(points: np.ndarray, camera: Camera) -> np.ndarray:
    found, _ = project(torch.from_numpy(points).double(), torch.from_numpy(camera.K), torch.from_numpy(camera.T_cw))
    return found.numpy()


def silhouette(vertices: np.ndarray, faces: np.ndarray, camera: Camera, shape: tuple[int, ...]) -> np.ndarray:
    """bool [h,w]: every triangle of the true skin filled."""
    drawn = np.zeros(shape, np.uint8)
    for triangle in np.round(pixels(vertices, camera)).astype(np.int32)[faces]:
        cv2.fillConvexPoly(drawn, triangle, 1)
    return drawn > 0


def test_the_true_skins_lie_on_the_people_in_the_pictures(clip: RenderedClip) -> None:
    body = clip.truth.bodies[0]
    skin = pose_motion(body, clip.truth.motion).skin(body).numpy()
    first, second = (pictures(video, FRAMES) for video in clip.alone)
    for number, frame in enumerate(FRAMES):
        # both videos of one person alone differ where either of them is
        shown = changed(first[number], second[number])
        faces = body.faces.numpy()
        either = [silhouette(skin[person, frame], faces, clip.truth.camera, shown.shape) for person in (0, 1)]
        true = either[0] | either[1]
        assert (shown & true).sum() / (shown | true).sum() > 0.9


def test_joints_that_are_seen_are_on_the_person_and_hidden_ones_on_the_other(clip: RenderedClip) -> None:
    both, videos = pictures(clip.video, FRAMES), [pictures(video, FRAMES) for video in clip.alone]
    right, count = 0, 0
    for number, frame in enumerate(FRAMES):
        for person in (0, 1):
            # without the person the picture changes where they were in sight
            in_sight = changed(both[number], videos[1 - person][number])
            place = np.floor(pixels(clip.truth.joints[person, frame, :22], clip.truth.camera)).astype(int)
            state = clip.truth.visibility[person, frame]
            there = in_sight[place[:, 1], place[:, 0]]
            right += int((there == (state == VISIBLE)).sum())
            count += len(state)
            assert set(state.tolist()) <= {VISIBLE, OCCLUDED}
    assert (clip.truth.visibility == OCCLUDED).mean() > 0.2
    assert right / count > 0.85


def test_a_clip_says_what_it_is(clip: RenderedClip) -> None:
    capture = cv2.VideoCapture(str(clip.video))
    size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    assert size == clip.image_size
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(clip.rate)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == clip.truth.joints.shape[1]
    assert clip.family == "hug" and clip.sentences and clip.look["room"]
    assert all(0 <= c.frame_start <= c.frame_end < clip.truth.joints.shape[1] for c in clip.truth.contacts)


def test_people_with_bodies_of_their_own_come_back_in_the_same_skin(clip: RenderedClip, tmp_path: Path) -> None:
    body, motion = load_body(None), clip.truth.motion
    swollen = body.v_template + 0.02 * torch.nn.functional.normalize(body.v_template, dim=-1)
    other = heldout_body(body, swollen.numpy(), body.J_template.numpy() * 1.01)
    truth = replace(clip.truth, bodies=(body, other))
    shutil.copy(clip.video, tmp_path / "pair.mp4")
    save_rendered(tmp_path, replace(clip, name="pair", truth=truth))
    (back,) = load_rendered(tmp_path, body)
    assert back.alone == () and back.sentences == clip.sentences and back.truth.contacts == clip.truth.contacts
    for person, before in enumerate((body, other)):
        skins = [pose_motion(own, motion).skin(own)[person, 5].numpy() for own in (before, back.truth.bodies[person])]
        np.testing.assert_allclose(skins[1], skins[0], atol=1e-5)
    assert float((rest_vertices(back.truth.bodies[1], torch.ones(16)) - swollen).abs().max()) < 1e-6
    np.testing.assert_array_equal(back.truth.visibility, clip.truth.visibility)


def test_a_missing_set_says_how_to_render_one(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(UserError, match=r"python -m lab render") as caught:
            load_rendered(folder, load_body(None))
        assert caught.value.code == "no-rendered-clips"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "hug.mp4").unlink(), "hug.mp4 is missing"),
        (lambda folder: (folder / "hug.json").unlink(), "hug.json is missing"),
        (lambda folder: (folder / "hug_alone1.mp4").unlink(), "video of only one of its people alone"),
        (lambda folder: (folder / "hug.npz").write_bytes((folder / "hug.npz").read_bytes()[:5000]), "cannot be read"),
        (lambda folder: shorten(folder / "hug.npz"), "planted has the shape"),
        (lambda folder: forget(folder / "hug.json", "sentences"), "'sentences' is missing"),
    ],
)
def test_damaged_clips_say_what_is_wrong(damage, said: str, tmp_path: Path) -> None:
    folder = shutil.copytree(SET, tmp_path / "set")
    damage(folder)
    with pytest.raises(UserError, match=said) as caught:
        load_rendered(folder, load_body(None))
    assert caught.value.code == "rendered-clip-damaged"
    assert "render it again" in caught.value.hint


def shorten(path: Path) -> None:
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez(path, **{**arrays, "planted": arrays["planted"][:, :-1]})


def forget(path: Path, name: str) -> None:
    words = json.loads(path.read_text())
    del words[name]
    path.write_text(json.dumps(words))


def test_what_is_complete_is_not_rendered_again(tmp_path: Path) -> None:
    folder = shutil.copytree(SET, tmp_path / "set")
    assert is_complete(folder, "hug") and not is_complete(folder, "another")
    (folder / "hug.json").unlink()
    assert not is_complete(folder, "hug")
