"""Reads what a file can hold of the look of a material: values of a Principled BSDF, and an image as its base colour."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from ...core.export.animation import Material, Picture
from .. import compat

_NO_MATERIAL = (0.8, 0.8, 0.8, 1.0)
"""What Blender shows where there is no material."""
_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
_VALUES = ("Metallic", "Roughness")


def read_material(material: Any, uv_layer: str) -> Material:
    """The material, or the plain look of a slot without one. `uv_layer` is the name of the UV map that the file gets."""
    if material is None:
        return Material("Material", _NO_MATERIAL)
    shader = compat.surface_shader(material)
    if shader is None:
        return Material(material.name, tuple(material.diffuse_color), material.metallic, material.roughness)
    colour, alpha, metallic, roughness = (shader.inputs[name] for name in ("Base Color", "Alpha", *_VALUES))
    node = _image_node(colour, uv_layer)
    picture = None if node is None else _picture_of(node.image)
    value = material.diffuse_color if colour.is_linked else colour.default_value
    red, green, blue = (1.0, 1.0, 1.0) if picture is not None else tuple(value)[:3]
    return Material(
        material.name,
        (red, green, blue, 1.0 if alpha.is_linked else alpha.default_value),
        metallic.default_value,
        roughness.default_value,
        picture,
        picture is not None and _comes_from(alpha, node, "Alpha"),
    )


def inputs_left_out(material: bpy.types.Material, uv_layer: str) -> list[str]:
    """What `read_material` cannot hold of a material: the names of the shader's inputs, or of what stands for a shader."""
    shader = compat.surface_shader(material)
    if shader is None:
        return [] if compat.surface_tree(material) is None else ["Surface"]
    return list(_inputs_left_out(shader, uv_layer))


def _inputs_left_out(shader: Any, uv_layer: str) -> Iterator[str]:
    node = _image_node(shader.inputs["Base Color"], uv_layer)
    held = node is not None
    for socket in shader.inputs:
        if not socket.is_linked or (socket.name == "Base Color" and held):
            continue
        if not (socket.name == "Alpha" and held and _comes_from(socket, node, "Alpha")):
            yield socket.name


def _image_node(socket: Any, uv_layer: str) -> Any | None:
    """The Image Texture node whose colour is a socket's value by that UV map, None if it has another one."""
    if not socket.is_linked or not _is_image(socket.links[0].from_node):
        return None
    node = socket.links[0].from_node
    return node if _comes_from(socket, node, "Color") and _lies_on(node.inputs["Vector"], uv_layer) else None


def _is_image(node: Any) -> bool:
    """Whether a node shows one image that can be read: no movie, no tiles, and no file that is missing."""
    if node.type != "TEX_IMAGE" or node.image is None or node.projection != "FLAT" or node.mute:
        return False
    return node.image.source in ("FILE", "GENERATED") and min(node.image.size) > 0


def _lies_on(vector: Any, uv_layer: str) -> bool:
    if not vector.is_linked:
        return True  # the UV map for rendering
    link = vector.links[0]
    if link.from_node.type == "UVMAP":
        return link.from_node.uv_map in ("", uv_layer)
    return link.from_node.type == "TEX_COORD" and link.from_socket.name == "UV" and not link.from_node.from_instancer


def _comes_from(socket: Any, node: Any, output: str) -> bool:
    return socket.is_linked and socket.links[0].from_node == node and socket.links[0].from_socket.name == output


def _picture_of(image: Any) -> Picture | None:
    """The image as a PNG or JPEG file: its own one where it is of these kinds. None if there is no room to make one."""
    data = b"" if image.is_dirty else _stored(image)
    kind = next((kind for signature, kind in _SIGNATURES if data.startswith(signature)), "")
    if not kind:
        data, kind = _as_png(image), "image/png"
    return Picture(image.name, data, kind) if data else None


def _stored(image: Any) -> bytes:
    """The image's file, as it is packed or on the disk; empty if there is none."""
    if image.packed_file is not None:
        return bytes(image.packed_file.data)
    try:
        return Path(bpy.path.abspath(image.filepath, library=image.library)).read_bytes() if image.filepath else b""
    except OSError:
        return b""


def _as_png(image: Any) -> bytes:
    kind = image.file_format
    try:
        image.file_format = "PNG"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "image.png"
            image.save(filepath=str(path), save_copy=True)  # a copy of the datablock would lack what was painted
            return path.read_bytes()
    except (RuntimeError, OSError):
        return b""
    finally:
        image.file_format = kind
