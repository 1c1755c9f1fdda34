"""Renders people in a room on the CPU or GPU with OpenGL: tens of times faster than Blender's Workbench, for training pictures.

Textured people, the rooms of `rooms.py`, one light with shadows. `moderngl` opens a context without a window (EGL); Mesa's
llvmpipe serves machines without a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from core.contract.errors import UserError

from .room_mesh import room_mesh
from .rooms import ROOMS

NOTHING = 255
"""Value of pixels without a person in `Picture.person`."""
_NEAR, _FAR = 0.1, 120.0
"""metres"""
_SAMPLES = 2
"""Per pixel and axis."""
_SHADOW_SIZE = 768
_SHADOW_REACH = 2.2
"""metres around the people that the light's view covers."""

_VERTEX = """
#version 330
uniform mat4 model;
uniform mat4 to_clip;
uniform mat4 to_light;
in vec3 position;
in vec3 normal;
in vec3 colour;
in vec2 uv;
out vec3 v_normal;
out vec3 v_colour;
out vec2 v_uv;
out vec3 v_light;
void main() {
    vec4 world = model * vec4(position, 1.0);
    gl_Position = to_clip * world;
    v_normal = mat3(model) * normal;
    v_colour = colour;
    v_uv = uv;
    v_light = (to_light * world).xyz * 0.5 + 0.5;
}
"""
_FRAGMENT = """
#version 330
uniform sampler2D albedo;
uniform sampler2DShadow shadow;
uniform bool textured;
uniform mat3 tint;
uniform vec3 light;
uniform float ambient;
uniform float exposure;
uniform float shade;
uniform float person;
in vec3 v_normal;
in vec3 v_colour;
in vec2 v_uv;
in vec3 v_light;
layout(location = 0) out vec4 picture;
layout(location = 1) out vec4 number;
void main() {
    vec3 base = textured ? max(tint * pow(texture(albedo, v_uv).rgb, vec3(2.2)), 0.0) : v_colour;
    vec3 n = normalize(v_normal);
    float facing = max(dot(n, light), 0.0);
    float inside = step(0.0, v_light.x) * step(v_light.x, 1.0) * step(0.0, v_light.y) * step(v_light.y, 1.0);
    float open = mix(1.0, texture(shadow, v_light - vec3(0.0, 0.0, 0.004)), inside * shade);
    vec3 linear = base * exposure * (ambient * (0.8 + 0.4 * n.z) + facing * open);
    picture = vec4(pow(clamp(linear, 0.0, 1.0), vec3(1.0 / 2.2)), 1.0);
    number = vec4(person / 255.0, 0.0, 0.0, 1.0);
}
"""
_SHADOW_VERTEX = """
#version 330
uniform mat4 to_clip;
in vec3 position;
void main() { gl_Position = to_clip * vec4(position, 1.0); }
"""
_SHADOW_FRAGMENT = "#version 330\nvoid main() {}\n"


@dataclass(frozen=True)
class Figure:
    """One person in one frame."""

    vertices: Float[np.ndarray, "V 3"]
    """With clothes; world, metres, Z up."""
    texture: UInt8[np.ndarray, "S S 3"]
    """sRGB, top row first."""
    tint: Float[np.ndarray, "3 3"]
    """Linear RGB -> linear RGB of the texture: clothes of another colour."""


@dataclass(frozen=True)
class View:
    """From where a scene is seen, in which room and light."""

    K: Float[np.ndarray, "3 3"]
    """px; principal point anywhere, also outside the picture."""
    T_cw: Float[np.ndarray, "4 4"]
    """World -> camera (x right, y down, z forward)."""
    room: int
    """Index into ROOMS."""
    room_world: Float[np.ndarray, "4 4"]
    """Room -> world."""
    light: Float[np.ndarray, " 3"]
    """Unit direction in the world that the light comes from."""
    exposure: float = 1.0
    ambient: float = 0.4
    shade: float = 1.0
    """How dark cast shadows are, 0-1."""


@dataclass(frozen=True)
class Picture:
    """One rendered picture of H × W pixels."""

    colour: UInt8[np.ndarray, "H W 3"]
    """RGB"""
    person: UInt8[np.ndarray, "H W"]
    """Number of the person seen at each pixel, or NOTHING."""


class GlRenderer:
    """Renders pictures of at most `side` px a side of people who share the faces [F,3] and texture coordinates [F,3,2].

    UserError `no-opengl` where no context can be opened.
    """

    def __init__(self, faces: Int[np.ndarray, "F 3"], uv: Float[np.ndarray, "F 3 2"], side: int) -> None:
        self.side = side
        self._faces = faces
        self._context: Any = _open_context()
        context = self._context
        self._program = context.program(vertex_shader=_VERTEX, fragment_shader=_FRAGMENT)
        self._shadow_program = context.program(vertex_shader=_SHADOW_VERTEX, fragment_shader=_SHADOW_FRAGMENT)
        size = (side * _SAMPLES, side * _SAMPLES)
        self._target = context.framebuffer(
            [context.texture(size, 4), context.texture(size, 4)], context.depth_renderbuffer(size)
        )
        self._shadow = context.depth_texture((_SHADOW_SIZE, _SHADOW_SIZE))
        self._shadow.compare_func = "<="
        self._shadow_target = context.framebuffer(depth_attachment=self._shadow)
        self._uv = context.buffer(np.ascontiguousarray(uv, np.float32).tobytes())
        self._corners = context.buffer(reserve=faces.size * 24, dynamic=True)
        self._person = context.vertex_array(
            self._program, [(self._corners, "3f 3f", "position", "normal"), (self._uv, "2f", "uv")]
        )
        self._shadow_caster = context.vertex_array(self._shadow_program, [(self._corners, "3f 12x", "position")])
        self._rooms: dict[int, Any] = {}
        self._textures: dict[int, Any] = {}
        self._program["albedo"].value, self._program["shadow"].value = 0, 1

    def render(self, figures: Sequence[Figure], view: View, size: tuple[int, int] | None = None) -> Picture:
        """A picture of (width, height) px, or of the whole square; what is cut off takes no time."""
        context, program = self._context, self._program
        width, height = (each * _SAMPLES for each in size or (self.side, self.side))
        context.enable(context.DEPTH_TEST)
        corners = [_corners(figure.vertices, self._faces) for figure in figures]
        to_light = _light_projection(np.mean([figure.vertices.mean(0) for figure in figures], 0), view.light)
        self._shadow_target.use()
        self._shadow_target.clear(depth=1.0)
        _write_matrix(self._shadow_program["to_clip"], to_light)
        for each in corners:
            self._corners.write(each)
            self._shadow_caster.render()

        self._target.use()
        self._target.scissor = 0, 0, width, height
        sky = np.clip(np.array(ROOMS[view.room].sky) * view.exposure, 0, 1) ** (1 / 2.2)
        self._target.clear(*sky.tolist(), 1.0)
        self._shadow.use(1)
        _write_matrix(program["to_clip"], _projection(view.K, self.side) @ view.T_cw)
        _write_matrix(program["to_light"], to_light)
        program["light"].value = tuple(view.light.tolist())
        program["ambient"].value, program["exposure"].value = view.ambient, view.exposure
        program["shade"].value = view.shade
        program["textured"].value, program["person"].value = False, float(NOTHING)
        _write_matrix(program["model"], view.room_world)
        self._room(view.room).render()
        program["textured"].value = True
        _write_matrix(program["model"], np.eye(4))
        for number, (figure, each) in enumerate(zip(figures, corners)):
            self._corners.write(each)
            self._texture(figure.texture).use(0)
            program["person"].value = float(number)
            _write_matrix(program["tint"], figure.tint)
            self._person.render()
        return self._read(width, height)

    def _read(self, width: int, height: int) -> Picture:
        """The picture from as many pixels of the target."""
        colour, number = (
            np.frombuffer(self._target.read((0, 0, width, height), 3, each), np.uint8).reshape(height, width, 3)
            for each in (0, 1)
        )
        # the target was cleared to the sky in both attachments: only pixels whose second channel is 0 were drawn
        number = np.where(number[..., 1] == 0, number[..., 0], NOTHING).astype(np.uint8)
        middle = slice(_SAMPLES // 2, None, _SAMPLES)
        size = width // _SAMPLES, height // _SAMPLES
        picture = cv2.resize(colour, size, interpolation=cv2.INTER_AREA)
        return Picture(picture, np.ascontiguousarray(number[middle, middle]))

    def _room(self, number: int) -> Any:
        if number not in self._rooms:
            data = self._context.buffer(_room_corners(number).tobytes())
            self._rooms[number] = self._context.vertex_array(
                self._program, [(data, "3f 3f 3f", "position", "normal", "colour")]
            )
        return self._rooms[number]

    def _texture(self, texture: np.ndarray) -> Any:
        """The texture on the device; those of `lru_cache`d outfits are uploaded once."""
        key = id(texture)
        if key not in self._textures:
            made = self._context.texture(texture.shape[1::-1], 3, np.ascontiguousarray(texture[::-1]).tobytes())
            made.build_mipmaps()
            # the array is kept, so that its id stays its own
            self._textures[key] = (made, texture)
        return self._textures[key][0]


def _open_context() -> Any:
    try:
        import moderngl  # only the lab needs it, and only for this

        create: Any = moderngl.create_context  # settings of backends are not typed
        return create(standalone=True, backend="egl")
    except Exception as error:  # moderngl raises its own and plain exceptions, by what is missing
        raise UserError(
            "no-opengl",
            f"Pictures cannot be rendered: OpenGL does not start ({error}).",
            "Install the lab's requirements (`pip install -r lab/requirements.txt`) and a driver, for example Mesa with EGL.",
        ) from error


def _write_matrix(uniform: Any, matrix: np.ndarray) -> None:
    uniform.write(np.ascontiguousarray(matrix.T, np.float32).tobytes())


def _corners(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    """Position and normal of every corner of every triangle, float32."""
    corners = vertices[faces]
    by_face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.stack(
        [
            sum(np.bincount(faces[:, corner], by_face[:, axis], len(vertices)) for corner in range(3))
            for axis in range(3)
        ],
        1,
    )
    return np.concatenate([corners, normals[faces]], -1).astype(np.float32).tobytes()


@lru_cache(maxsize=len(ROOMS))
def _room_corners(number: int) -> Float[np.ndarray, "N 9"]:
    """Position, normal and colour of the corners of a room's triangles, room axes."""
    room = room_mesh(ROOMS[number])
    rows = []
    for face, colour in zip(room.faces, room.face_colours):
        points = room.vertices[list(face)]
        normal = np.cross(points[1] - points[0], points[2] - points[0])
        normal = normal / max(float(np.linalg.norm(normal)), 1e-12)
        for second in range(1, len(face) - 1):
            rows += [[*points[k], *normal, *room.colours[colour]] for k in (0, second, second + 1)]
    return np.array(rows, np.float32)


def _projection(K: np.ndarray, side: int) -> Float[np.ndarray, "4 4"]:
    """Camera axes -> clip space; the top row of the picture is the first row that is read."""
    matrix = np.zeros((4, 4))
    matrix[0, :3] = 2 * K[0] / side - (0, 0, 1)
    matrix[1, :3] = 2 * K[1] / side - (0, 0, 1)
    matrix[2, 2:] = (_FAR + _NEAR) / (_FAR - _NEAR), -2 * _FAR * _NEAR / (_FAR - _NEAR)
    matrix[3, 2] = 1
    return matrix


def _light_projection(middle: np.ndarray, light: np.ndarray) -> Float[np.ndarray, "4 4"]:
    """World -> the orthographic view of the light around the people."""
    forward = -light / np.linalg.norm(light)
    right = np.cross(forward, (0, 1, 0) if abs(forward[2]) > 0.9 else (0, 0, 1))
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward]) / _SHADOW_REACH
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes, -axes @ middle
    return matrix
