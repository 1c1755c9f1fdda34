"""A glTF 2.0 document under construction: its lists of objects, its binary buffer, and the bytes of the file."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import __version__

# constants of the format
VERTEX_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
_FLOAT, _UNSIGNED_SHORT, _UNSIGNED_INT = 5126, 5123, 5125
_COMPONENT_TYPES = {
    np.dtype(np.float32): _FLOAT,
    np.dtype(np.uint16): _UNSIGNED_SHORT,
    np.dtype(np.uint32): _UNSIGNED_INT,
}
_ELEMENT_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


@dataclass
class GltfDocument:
    """Objects refer to each other by their index in these lists; arrays lie one after the other in one buffer."""

    nodes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    meshes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    materials: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    textures: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    images: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    skins: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    animations: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    accessors: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    buffer_views: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    buffer: bytearray = field(default_factory=bytearray)

    def add_node(self, node: dict[str, Any]) -> int:
        """Add a node and return its index."""
        self.nodes.append(node)
        return len(self.nodes) - 1

    def add_array(self, values: np.ndarray, target: int | None = None, bounds: bool = False) -> int:
        """Add an array [N] or [N,K] to the buffer and return its accessor.

        `target` is VERTEX_BUFFER or ELEMENT_ARRAY_BUFFER for data of a mesh; `bounds` adds the minimum and the maximum, which the
        format requires for positions and times.
        """
        flat = values.reshape(len(values), -1)
        accessor: dict[str, Any] = {
            "bufferView": self._add_view(flat.tobytes(), target),
            "componentType": _COMPONENT_TYPES[flat.dtype],
            "count": len(flat),
            "type": _ELEMENT_TYPES[flat.shape[1]],
        }
        if bounds:
            accessor |= {"min": flat.min(0).tolist(), "max": flat.max(0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def add_texture(self, name: str, data: bytes, kind: str) -> int:
        """Add a texture of a PNG or JPEG file, unless the document has it already, and return its index."""
        for number, image in enumerate(self.images):
            if self._content(image["bufferView"]) == data:
                return number
        self.images.append({"name": name, "mimeType": kind, "bufferView": self._add_view(data)})
        self.textures.append({"source": len(self.images) - 1})
        return len(self.textures) - 1

    def to_bytes(self, root_nodes: list[int]) -> bytes:
        """The file: a header, a JSON chunk and a binary chunk, both padded to four bytes."""
        document = {
            "asset": {"version": "2.0", "generator": f"SocialMirror {__version__}"},
            "scene": 0,
            "scenes": [{"nodes": root_nodes}],
            "nodes": self.nodes,
            "meshes": self.meshes,
            "materials": self.materials,
            "textures": self.textures,
            "images": self.images,
            "skins": self.skins,
            "animations": self.animations,
            "accessors": self.accessors,
            "bufferViews": self.buffer_views,
            "buffers": [{"byteLength": len(self.buffer)}],
        }
        document = {name: value for name, value in document.items() if value != []}  # empty lists are not allowed
        text = json.dumps(document, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<I4s", len(text), b"JSON") + text
        chunks += struct.pack("<I4s", len(self.buffer), b"BIN\0") + bytes(self.buffer)
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks

    def _add_view(self, data: bytes, target: int | None = None) -> int:
        """Add bytes to the buffer and return the view of them."""
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.buffer), "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self.buffer_views.append(view)
        self.buffer += data
        self.buffer += b"\0" * (-len(self.buffer) % 4)
        return len(self.buffer_views) - 1

    def _content(self, view: int) -> bytes:
        start, length = (self.buffer_views[view][name] for name in ("byteOffset", "byteLength"))
        return bytes(self.buffer[start : start + length])
