"""The frame, the clock and the windows of learned models."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.body.rotations import axis_angle_to_matrix
from core.fitting.camera import extrinsics, intrinsics
from core.motion import Camera
from core.representation.ground_view import GroundView, ground_view
from core.representation.resampling import TimeGrid
from core.representation.sliding_windows import blend, blend_weights, sliding_windows
from core.transforms import transform_points


def camera_at(place: tuple[float, float, float], yaw: float, pitch: float = 0.1) -> Camera:
    """A camera that looks along +Y turned by `yaw` to the left, `pitch` down."""
    level = extrinsics(torch.tensor(pitch).double(), torch.tensor(0.0).double(), torch.tensor(0.0).double())
    turn = axis_angle_to_matrix(torch.tensor([0.0, 0.0, -yaw]).double())
    world = torch.eye(4).double()
    world[:3, :3] = level[:3, :3] @ turn
    world[:3, 3] = -world[:3, :3] @ torch.tensor(place).double()
    return Camera(intrinsics(960, 540, None), world.numpy())


def view_of(camera: Camera, *pelvises: tuple[float, float, float]) -> GroundView:
    """The view of two people who stand still at places in the world."""
    return ground_view(camera, points_incam(camera, torch.tensor(pelvises)[:, None].expand(2, 5, 3)))


def points_incam(camera: Camera, points_inworld: torch.Tensor) -> torch.Tensor:
    return transform_points(torch.from_numpy(camera.T_cw).float(), points_inworld)


def test_y_leads_away_from_the_camera_and_x_to_the_right_of_the_picture() -> None:
    # the camera stands at (2, 1) and looks along -X at people around (-2, 1): to its right lies +Y
    camera = camera_at((2.0, 1.0, 1.5), yaw=np.pi / 2)
    view = view_of(camera, (-2.0, 0.0, 0.9), (-2.0, 2.0, 0.9))
    seen = view.points_inview(
        points_incam(camera, torch.tensor([[-2.0, 1.0, 0.0], [-3.0, 1.0, 0.0], [-2.0, 2.0, 0.5]]))
    )
    assert torch.allclose(seen, torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.5]]), atol=1e-5)
    assert torch.allclose(view.camera_centre, torch.tensor([0.0, -4.0, 1.5]), atol=1e-5)
    ahead = view.vectors_incam(torch.tensor([0.0, 1.0, 0.0]))
    assert ahead[2] > 0.99  # the camera's forward axis


def test_the_view_does_not_turn_with_the_optical_axis() -> None:
    cameras = [camera_at((0.3, 0.1, 1.2), yaw) for yaw in (0.0, 0.3)]
    straight, aside = (view_of(camera, (-1.0, 4.0, 0.9), (0.0, 5.0, 0.9)) for camera in cameras)
    place = torch.tensor([1.0, 2.0, 0.5])  # in the world
    one, other = (view.points_inview(points_incam(camera, place)) for view, camera in zip((straight, aside), cameras))
    assert torch.allclose(one, other, atol=1e-5)


def test_straight_from_above_y_is_up_in_the_picture() -> None:
    camera = camera_at((0.0, 0.0, 6.0), yaw=0.4, pitch=np.pi / 2)
    view = view_of(camera, (-0.4, 0.1, 0.9), (0.5, 0.0, 0.9))
    assert torch.allclose(view.vectors_incam(torch.tensor([0.0, 1.0, 0.0])), torch.tensor([0.0, -1.0, 0.0]), atol=1e-5)


def test_there_and_back() -> None:
    draw = torch.Generator().manual_seed(0)
    pelvis = torch.randn(2, 7, 3, generator=draw)
    view = ground_view(camera_at((1.0, -4.0, 1.3), 0.2), pelvis)
    points = 5 * torch.randn(2, 7, 22, 3, generator=draw)
    turns = axis_angle_to_matrix(torch.randn(2, 7, 3, generator=draw))
    assert torch.allclose(view.points_incam(view.points_inview(points)), points, atol=1e-5)
    assert torch.allclose(view.rotations_incam(view.rotations_inview(turns)), turns, atol=1e-6)
    exchanged = ground_view(camera_at((1.0, -4.0, 1.3), 0.2), pelvis.flip(0))
    assert torch.equal(exchanged.T_cv, view.T_cv)
    assert isinstance(view, GroundView)


@pytest.mark.parametrize("rate", [24.0, 25.0, 30.0, 50.0, 59.94])
def test_even_movement_comes_back_from_the_grid_as_it_was(rate: float) -> None:
    time = 3.2 + np.arange(40) / rate
    clock = TimeGrid.of(time)
    assert np.allclose(np.diff(clock.grid_times), 1 / 30) and clock.grid_times[-1] >= time[-1] - 1e-4
    line = torch.from_numpy(time)[None, :, None].expand(2, 40, 3).float()
    on_grid = clock.to_grid(line)
    inside = clock.grid_times <= time[-1]
    assert np.allclose(on_grid[0, inside, 0].numpy(), clock.grid_times[inside], atol=1e-5)
    back = clock.from_grid(on_grid)
    assert torch.allclose(back[:, :-2], line[:, :-2], atol=1e-5)
    assert torch.allclose(back, line, atol=1 / 30)


def test_thirty_frames_a_second_stay_exactly_what_they_are() -> None:
    clock = TimeGrid.of(np.round(7.1 + np.arange(100) / 30, 6))
    values = torch.randn(2, 100, 4)
    turns = axis_angle_to_matrix(torch.randn(2, 100, 22, 3))
    assert torch.equal(clock.from_grid(clock.to_grid(values)), values)
    assert torch.equal(clock.rotations_to_grid(turns), turns)


def test_turning_evenly_stays_even_between_frames() -> None:
    clock = TimeGrid.of(np.arange(25) / 24)
    angle = torch.arange(25) / 24 * 2.0
    turns = axis_angle_to_matrix(torch.nn.functional.pad(angle[:, None], (2, 0)))[None]
    on_grid = clock.rotations_to_grid(turns)
    wanted = axis_angle_to_matrix(
        torch.nn.functional.pad(torch.from_numpy(2 * clock.grid_times)[:, None].float(), (2, 0))
    )
    assert torch.allclose(on_grid[0], wanted, atol=1e-5)


def test_flags_are_those_of_the_nearest_frame() -> None:
    clock = TimeGrid.of(np.array([0.0, 0.1, 0.2]))
    flags = torch.tensor([[False, True, False]])
    assert clock.flags_to_grid(flags)[0].tolist() == [False, False, True, True, True, False, False]


def test_one_frame_is_a_clip_too() -> None:
    clock = TimeGrid.of(np.array([4.0]))
    assert clock.grid_times.tolist() == [4.0]
    assert clock.from_grid(clock.to_grid(torch.ones(2, 1, 3))).tolist() == torch.ones(2, 1, 3).tolist()


@pytest.mark.parametrize("count", [1, 63, 64, 65, 70, 112, 113, 300])
def test_windows_cover_the_clip_and_weigh_one_in_every_frame(count: int) -> None:
    windows = sliding_windows(count)
    total = torch.zeros(count)
    for window, weight in zip(windows, blend_weights(windows)):
        assert len(weight) == window.stop - window.start == min(count, 64)
        assert (weight > 0).all()
        total[window] += weight
    assert torch.allclose(total, torch.ones(count), atol=1e-6)
    assert all(first.stop - second.start >= 16 for first, second in zip(windows, windows[1:]))


def test_blending_parts_of_a_whole_gives_the_whole() -> None:
    whole = torch.randn(2, 150, 5)
    windows = sliding_windows(150)
    assert torch.allclose(blend((whole[:, window] for window in windows), windows), whole, atol=1e-6)


def test_windows_that_disagree_meet_without_a_jump() -> None:
    windows = sliding_windows(200)
    steps = blend((torch.full((1, 64), float(index)) for index in range(len(windows))), windows).diff().abs()
    assert float(steps.max()) <= 1 / 16 + 1e-6


def test_a_stretch_has_the_frames_of_the_grid_around_it() -> None:
    time = 7 + np.arange(60) / 24  # between two frames of the clip the grid has one or two of its own
    grid = TimeGrid.of(time)
    values = torch.from_numpy(np.sin(5 * grid.grid_times)).float()[None]
    for stretch in (slice(0, 60), slice(0, 7), slice(13, 29), slice(41, 42), slice(50, 60)):
        part, in_grid = grid.cut(stretch)
        assert torch.equal(part.from_grid(values[:, in_grid]), grid.from_grid(values)[:, stretch])
