"""Pictures rendered with OpenGL show people where the camera projects them."""

from __future__ import annotations

import numpy as np
import pytest

from core.body.files import load_body
from core.contract.errors import UserError
from lab.rendering.cameras import look_at
from lab.rendering.gl_renderer import NOTHING, Figure, GlRenderer, View

pytest.importorskip("moderngl")
SIDE = 128
K = np.array([[150.0, 0, 64], [0, 150, 64], [0, 0, 1]])


@pytest.fixture(scope="module")
def renderer() -> GlRenderer:
    body = load_body(None)
    try:
        return GlRenderer(body.faces.numpy().astype(np.int64), body.uv.numpy(), SIDE)
    except UserError as error:
        pytest.skip(error.message)


def _figure(x: float, y: float) -> Figure:
    """The mean shape with arms out, upright on the floor, in one colour."""
    rest = load_body(None).v_template.numpy()
    upright = np.stack([rest[:, 0] + x, y - rest[:, 2], rest[:, 1] - rest[:, 1].min()], 1)
    return Figure(upright, np.full((16, 16, 3), (220, 40, 40), np.uint8), np.eye(3))


def _view(room: int) -> View:
    T_cw = look_at(np.array([0.0, -4.0, 1.4]), np.array([0.0, 0, 0.9]))
    return View(K, T_cw, room, np.eye(4), np.array([0.3, -0.8, 0.5]))


def _projected(figure: Figure) -> np.ndarray:
    T_cw = _view(0).T_cw
    incam = figure.vertices @ T_cw[:3, :3].T + T_cw[:3, 3]
    return (incam @ K.T)[:, :2] / incam[:, 2:]


def test_each_person_is_numbered_where_the_camera_projects_them(renderer: GlRenderer) -> None:
    figures = [_figure(-0.6, 0), _figure(0.7, 0.5)]
    picture = renderer.render(figures, _view(0))
    for number, figure in enumerate(figures):
        row, column = np.nonzero(picture.person == number)
        px = _projected(figure)
        assert abs(row.min() - px[:, 1].min()) < 2 and abs(row.max() - px[:, 1].max()) < 2
        if number == 0:
            assert abs(column.min() - px[:, 0].min()) < 2
    red = picture.colour[picture.person == 0].astype(int)
    assert (red[:, 0] > red[:, 1]).mean() > 0.95
    assert (picture.person == NOTHING).mean() > 0.4


def test_whoever_is_nearer_hides_the_other(renderer: GlRenderer) -> None:
    near, far = _figure(0, -1), _figure(0, 0.5)
    assert (renderer.render([far, near], _view(0)).person == 1).sum() > (
        5 * (renderer.render([far, near], _view(0)).person == 0).sum()
    )


def test_rooms_and_light_change_the_picture_but_not_who_is_where(renderer: GlRenderer) -> None:
    pictures = [renderer.render([_figure(0, 0)], _view(room)) for room in (0, 2)]
    np.testing.assert_array_equal(pictures[0].person, pictures[1].person)
    background = pictures[0].person == NOTHING
    assert np.abs(pictures[0].colour[background].astype(int) - pictures[1].colour[background]).mean() > 10
