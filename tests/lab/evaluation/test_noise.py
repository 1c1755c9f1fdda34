"""The model of the 2D stage's errors: that what is drawn has the sizes, the memory and the failures that it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.contract.errors import UserError
from core.contract.files import read_json, read_npz, write_json
from core.contract.skeleton import LANDMARK_INDEX
from core.fitting.initial import estimate_initial_motion
from core.motion import Camera, PairMotion
from core.perception.detections import MASK_WIDTH, Detections
from core.perception.landmarks import MIRROR
from core.pipeline import stages
from core.reporting import SilentReporter
from lab.evaluation.detection_noise.model import (
    CLEAR,
    CLOSENESS,
    CORRELATION_TIMES,
    FROM_OTHER_PERSON,
    GROUPS,
    LIMB_BINS,
    NOT_FOUND,
    OTHER_PERSON,
    OTHERS_OPPOSITE_LIMB,
    OWN_SKELETON,
    PROBABILITIES,
    SIDES_SWAPPED,
    DetectionNoise,
    load_noise,
    look_up_quantile,
    mix_processes,
    noise_conditions,
    sample_gaussian_processes,
    sample_markov_chains,
    save_noise,
)
from lab.evaluation.detection_noise.simulate import altered_mask, noise_targets, simulate_detections
from lab.evaluation.occlusion.projection import ProjectedClip, project_clip
from lab.noise_fitting.comparison import detection_statistics
from lab.noise_fitting.estimate import fit_detection_noise
from lab.noise_fitting.matching import match_detections

SAMPLE = Path(__file__).resolve().parents[3] / "samples" / "handshake_hug_truth.npz"
SIZE = (960, 540)


@pytest.fixture(scope="module")
def camera() -> Camera:
    arrays = read_npz(SAMPLE)
    return Camera(arrays["camera_K"][0].astype(float), arrays["camera_world"][0].astype(float))


@pytest.fixture(scope="module")
def sight(camera: Camera) -> ProjectedClip:
    arrays = read_npz(SAMPLE)
    motion = {f.name: arrays[f.name][:, 60:110] for f in fields(PairMotion) if f.name != "betas"}
    body = load_body(None)
    return project_clip(PairMotion(**motion, betas=arrays["betas"]), (body, body), camera, SIZE)


Draw = Callable[..., Detections]


@pytest.fixture(scope="module")
def draw(sight: ProjectedClip, camera: Camera) -> Draw:
    def drawn(noise: DetectionNoise, seed: int = 0) -> Detections:
        return simulate_detections(sight, camera, SIZE, 25.0, noise, np.random.default_rng(seed))

    return drawn


def always(noise: DetectionNoise, kind: int) -> DetectionNoise:
    """The same noise, but everybody is given one kind of skeleton all the time, and no limbs are stolen."""
    eye = np.eye(5)[kind]
    limb = np.eye(4)[0]
    return replace(
        noise,
        whose_start=np.tile(eye, (CLOSENESS, 1)),
        whose=np.tile(eye, (CLOSENESS, 5, 1)),
        limb_start=np.tile(limb, (LIMB_BINS, 1)),
        limb=np.tile(limb, (LIMB_BINS, 4, 1)),
    )


def silent(noise: DetectionNoise) -> DetectionNoise:
    """The same, without errors of landmarks."""
    nothing = {name: np.zeros_like(getattr(noise, name)) for name in ("error", "error_middle")}
    return replace(noise, **nothing, drawn_size=np.ones_like(noise.drawn_size))


def test_tracks_are_as_the_2d_stage_makes_them(draw: Draw, sight: ProjectedClip) -> None:
    detections = draw(load_noise())
    frames = sight.landmarks_px.shape[1]
    assert detections.keypoints.shape == (2, frames, 33, 3) and detections.keypoints.dtype == np.float32
    assert detections.world_landmarks.shape == (2, frames, 33, 3)
    assert detections.hands.shape == detections.hand_landmarks.shape == (2, frames, 2, 21, 3)
    assert detections.masks.shape == (2, frames, 90, MASK_WIDTH) and detections.masks.dtype == np.uint8
    for item in ("keypoints", "world_landmarks", "hands", "hand_landmarks"):
        assert np.isfinite(getattr(detections, item)).all()
    confidence = detections.keypoints[..., 2]
    assert (confidence >= 0).all() and (confidence <= 1).all()
    assert (confidence[~detections.found] == 0).all() and (detections.masks[~detections.found] == 0).all()
    np.testing.assert_allclose(np.diff(detections.time), 0.04)


def test_the_fits_first_step_takes_them(draw: Draw) -> None:
    observed = stages.observations(draw(load_noise()), None, torch.device("cpu"))
    initial = estimate_initial_motion(observed, load_body(None), reporter=SilentReporter())
    assert np.isfinite(initial.motion_incam.pelvis).all() and np.isfinite(initial.camera.T_cw).all()


def test_a_seed_draws_the_same_and_another_does_not(draw: Draw) -> None:
    first, again, other = (draw(load_noise(), seed) for seed in (3, 3, 4))
    for item in fields(Detections):
        np.testing.assert_array_equal(getattr(first, item.name), getattr(again, item.name))
    assert not np.allclose(first.keypoints, other.keypoints)


def test_without_errors_landmarks_are_the_true_ones(draw: Draw, sight: ProjectedClip) -> None:
    detections = draw(always(silent(load_noise()), OWN_SKELETON))
    apart = np.linalg.norm(detections.keypoints[..., :2] - sight.landmarks_px, axis=-1) / sight.height_px[..., None]
    assert np.quantile(apart, 0.95) < 0.005 and apart.max() < 0.05, "only what is nearer to the camera looks too long"
    assert detections.found.all()


def test_exchanged_sides_and_the_others_skeleton(draw: Draw, sight: ProjectedClip) -> None:
    exchanged = draw(always(silent(load_noise()), SIDES_SWAPPED))
    apart = np.linalg.norm(exchanged.keypoints[..., :2] - sight.landmarks_px[:, :, MIRROR], axis=-1)
    assert np.quantile(apart, 0.95) < 2
    others = draw(always(silent(load_noise()), OTHER_PERSON))
    apart = np.linalg.norm(others.keypoints[..., :2] - sight.landmarks_px[::-1], axis=-1)
    assert np.quantile(apart, 0.95) < 2
    both = others.masks[0].astype(float) * sight.masks[1]
    assert both.sum() > 0.8 * (sight.masks[1].astype(float) ** 2).sum(), "the mask is the other's too"


def test_nobody_is_found_where_everybody_is_lost(draw: Draw) -> None:
    assert not draw(always(load_noise(), NOT_FOUND)).found.any()


def test_errors_have_the_size_that_the_table_says_in_heights_of_the_person(draw: Draw, sight: ProjectedClip) -> None:
    noise = always(silent(load_noise()), OWN_SKELETON)
    middle = np.zeros_like(noise.error_middle)
    middle[..., 0] = 0.05  # always five percent to the right
    detections = draw(replace(noise, error_middle=middle))
    shift = (detections.keypoints[..., :2] - sight.landmarks_px) / sight.height_px[..., None, None]
    apart = np.linalg.norm(shift - (0.05, 0), axis=-1)
    assert np.quantile(apart, 0.95) < 0.005
    far = draw(replace(noise, error=np.full_like(noise.error, 0.02)))
    apart = np.linalg.norm(far.keypoints[..., :2] - sight.landmarks_px, axis=-1) / sight.height_px[..., None]
    assert abs(np.median(apart) - 0.02) < 1e-3, "two percent, this way or that"


def test_a_stolen_limb_ends_at_the_others_and_counts_as_foreign(sight: ProjectedClip) -> None:
    now = noise_conditions(sight)
    whose = np.full(now.closeness_bin.shape, OWN_SKELETON)
    limbs = np.zeros((*whose.shape, 4), int)
    limbs[0, 10:20, 1] = OTHERS_OPPOSITE_LIMB  # for person 0's right arm, the other's left one
    aim = noise_targets(sight, now.landmark_state, whose, limbs, 0.5)
    wrist, elbow, hip = (LANDMARK_INDEX[f"right_{part}"] for part in ("wrist", "elbow", "hip"))
    theirs = sight.landmarks_px[1, 10:20, LANDMARK_INDEX["left_wrist"]]
    np.testing.assert_allclose(aim.aimed_px[0, 10:20, wrist], theirs)
    assert (aim.state[0, 10:20, wrist] == FROM_OTHER_PERSON).all() and (
        aim.state[0, 10:20, hip] != FROM_OTHER_PERSON
    ).all()
    assert not np.allclose(aim.aimed_px[0, 10:20, elbow], sight.landmarks_px[0, 10:20, elbow])
    np.testing.assert_allclose(aim.aimed_px[0, :10], sight.landmarks_px[0, :10])
    np.testing.assert_allclose(aim.aimed_px[1], sight.landmarks_px[1])


def test_chains_stay_as_long_as_they_are_told(rng: np.random.Generator) -> None:
    steps = np.array([[[0.9, 0.1], [0.3, 0.7]]])
    drawn = sample_markov_chains(np.array([[1.0, 0.0]]), steps, np.zeros((200, 400), int), 1 / 30, rng)
    assert abs((drawn[:, 100:] == 1).mean() - 0.25) < 0.02  # 0.1 / (0.1 + 0.3)
    slower = sample_markov_chains(np.array([[1.0, 0.0]]), steps, np.zeros((200, 400), int), 1 / 60, rng)
    changes = [(np.diff(states[:, 100:]) != 0).mean() for states in (drawn, slower)]
    assert abs(changes[1] / changes[0] - 0.5) < 0.06, "half the time between frames, half the changes"


def test_processes_forget_in_their_time(rng: np.random.Generator) -> None:
    drawn = sample_gaussian_processes((300, 400), 1 / 30, rng)
    assert abs(drawn.std() - 1) < 0.03
    lag = 6
    for number, time in enumerate(CORRELATION_TIMES):
        kept = (drawn[number, lag:] * drawn[number, :-lag]).mean()
        assert abs(kept - np.exp(-lag / 30 / time)) < 0.06
    assert abs(mix_processes(drawn, np.array([0.1, 0.2, 0.3, 0.4])).std() - 1) < 0.04


def test_quantiles_are_read_between_those_kept(rng: np.random.Generator) -> None:
    table = np.stack([PROBABILITIES * 10, -PROBABILITIES])
    share = rng.random(50)
    np.testing.assert_allclose(look_up_quantile(table, (0,), share), 10 * share)
    np.testing.assert_allclose(look_up_quantile(table, (np.array([1] * 50),), share), -share)


def test_masks_take_in_and_leave_out_the_shares_asked_for() -> None:
    own, other = np.zeros((90, 160), np.uint8), np.zeros((90, 160), np.uint8)
    own[20:70, 40:80], other[20:70, 80:120] = 255, 255
    bones = np.zeros((90, 160), bool)
    bones[40:45, 60:110] = True
    plain = {"grown": 0.0, "leaked": 0.0, "missed": 0.0, "soft": 1.0}
    same = altered_mask(own, other, bones, **plain)
    assert ((same > 127) != (own > 127)).mean() < 0.02
    taken = altered_mask(own, other, bones, **(plain | {"leaked": 0.2})) > 127
    assert abs(taken[other > 0].mean() - 0.2) < 0.01
    assert taken[42, 81:109].all(), "what is taken lies about the skeleton"
    left = altered_mask(own, other, bones, **(plain | {"missed": 0.1})) > 127
    assert abs(left[own > 0].mean() - 0.9) < 0.02
    assert left[21:69, 41:70].all() and not left[30, 79], "what is left out lies at the other"
    larger = altered_mask(own, np.zeros_like(own), bones, **(plain | {"grown": 3.0})) > 127
    assert larger[19, 60] and larger[18, 60] and not larger[15, 60]


def test_a_noise_file_comes_back_as_it_was_and_an_old_one_is_refused(tmp_path: Path) -> None:
    noise = load_noise()
    save_noise(tmp_path / "noise.json", noise)
    again = load_noise(tmp_path / "noise.json")
    for item in fields(DetectionNoise):
        if item.name != "provenance":
            np.testing.assert_allclose(getattr(again, item.name), getattr(noise, item.name))
    record = read_json(tmp_path / "noise.json")
    del record["whose"]
    write_json(tmp_path / "old.json", record)
    with pytest.raises(UserError, match="whose") as caught:
        load_noise(tmp_path / "old.json")
    assert caught.value.code == "noise-outdated"


def test_the_fitted_numbers_are_sound() -> None:
    noise = load_noise()
    assert noise.provenance["frames"] > 100
    for steps in (noise.whose, noise.limb, noise.hand):
        np.testing.assert_allclose(steps.sum(-1), 1, atol=1e-3)
        assert (steps >= 0).all()
    assert (np.diff(noise.error, axis=-1) >= 0).all() and (np.diff(noise.confidence, axis=-1) >= 0).all()
    half = (np.array([0.2, 0.8])[:, None] == PROBABILITIES).any(0)
    spread = np.abs(noise.error[0, CLEAR][..., half]).mean()
    assert 0.002 < spread < 0.03, (
        "a landmark that is seen with nobody close is off by a few percent of a person's height"
    )
    middle = noise.world_size[..., PROBABILITIES == 0.5]
    assert ((middle > 1.3) & (middle < 2.1)).all(), "everyone comes out about as tall as people are"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_torch_is_left_as_it_was(draw: Draw) -> None:
    state = torch.get_rng_state()
    draw(load_noise())
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.slow
def test_fitting_finds_again_what_was_drawn(sight: ProjectedClip, camera: Camera) -> None:
    """Tracks drawn from a noise, fitted: error sizes, how metric landmarks follow, and who is found come out as they were."""
    true = always(load_noise(), OWN_SKELETON)
    steps = np.tile(np.eye(5), (CLOSENESS, 1, 1))
    steps[:, OWN_SKELETON, OWN_SKELETON], steps[:, OWN_SKELETON, NOT_FOUND] = 0.95, 0.05
    steps[:, NOT_FOUND, NOT_FOUND], steps[:, NOT_FOUND, OWN_SKELETON] = 0.8, 0.2
    narrow = {"error": 0.3 * true.error, "error_middle": 0.3 * true.error_middle, "world_error": 0.3 * true.world_error}
    true = replace(true, whose=steps, **narrow)
    clips = [
        match_detections(
            f"clip {seed}",
            sight,
            camera,
            25.0,
            simulate_detections(sight, camera, SIZE, 25.0, true, np.random.default_rng(seed)),
        )
        for seed in range(6)
    ]
    found = fit_detection_noise(clips, {})
    lost = np.mean([clip.skeleton_kind == NOT_FOUND for clip in clips])
    assert 0.05 < lost < 0.4
    assert abs(found.whose[:, OWN_SKELETON, NOT_FOUND].mean() * 25 / 30 - 0.05 * 25 / 30) < 0.04
    np.testing.assert_allclose(found.world_follows, true.world_follows, atol=0.15)
    closeness = int(np.bincount(clips[0].conditions.closeness_bin.ravel()).argmax())
    middle = int(np.argmin(np.abs(PROBABILITIES - 0.5)))
    torso = [GROUPS.index(name) for name in ("shoulder", "hip", "knee", "ankle")]
    sizes = found.error[closeness, CLEAR, torso, middle] / true.error[closeness, CLEAR, torso, middle]
    assert ((sizes > 0.5) & (sizes < 2)).all(), sizes


def test_the_comparison_sees_no_difference_between_a_clip_and_itself(sight: ProjectedClip, camera: Camera) -> None:
    detections = simulate_detections(
        sight, camera, SIZE, 25.0, always(silent(load_noise()), OWN_SKELETON), np.random.default_rng(0)
    )
    measured = detection_statistics([match_detections("clip", sight, camera, 25.0, detections)])
    assert measured["PCK@0.03 %"] > 99
    assert measured["whose: nobody %"] == measured["limbs stolen %"] == 0
