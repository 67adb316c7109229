"""Meshes and a camera as binary glTF 2.0 (GLB).

glTF looks along -z with y up, this project along +z with y down. Vertices are written as they are, in the
camera's metres; a node above them turns them by 180° about x for viewers.
Specification: Khronos Group, glTF 2.0, sections 3.6 (accessors), 3.10 (cameras) and 4.4 (GLB).
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from hint_tools.formats.meshes import NamedMesh

_MAGIC, _VERSION = 0x46546C67, 2
_JSON, _BINARY = 0x4E4F534A, 0x004E4942
_FLOAT, _UNSIGNED_SHORT, _UNSIGNED_INT = 5126, 5123, 5125
_VERTICES, _INDICES = 34962, 34963
"""Targets of buffer views."""
_LARGEST_SHORT = 65534
"""65535 restarts a primitive."""
_HALF_TURN_ABOUT_X = [1.0, 0.0, 0.0, 0.0]
_NEAR_M = 0.01
_ROUGHNESS = 0.8


@dataclass(frozen=True, slots=True)
class View:
    """The camera that took the picture, its axis through the middle.

    Args:
        focal_px: focal length.
        width_px: of the picture.
        height_px: of the picture.
    """

    focal_px: float
    width_px: int
    height_px: int


@dataclass(slots=True)
class _Buffer:
    """Binary data under construction, with its views and accessors."""

    data: bytearray = field(default_factory=bytearray)
    views: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)

    def add(self, values: npt.NDArray[Any], component: int, kind: str, target: int, **more: Any) -> int:
        """The accessor's number of `values`, appended at the next multiple of four bytes."""
        raw = values.tobytes()
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(raw), "target": target})
        self.accessors.append(
            {"bufferView": len(self.views) - 1, "componentType": component, "count": len(values), "type": kind, **more}
        )
        self.data += raw + b"\0" * (-len(raw) % 4)
        return len(self.accessors) - 1


def encode_glb(meshes: Sequence[NamedMesh], view: View | None = None) -> bytes:
    """One scene with a node for each mesh and, where `view` is given, the camera; the same input, the same bytes."""
    buffer = _Buffer()
    nodes: list[dict[str, Any]] = [{"name": "camera frame", "rotation": _HALF_TURN_ABOUT_X, "children": []}]
    entries, materials = [], []
    for number, mesh in enumerate(meshes):
        entries.append({"name": mesh.name, "primitives": [_primitive(buffer, mesh, number)]})
        materials.append(_material(mesh))
        nodes[0]["children"].append(len(nodes))
        nodes.append({"name": mesh.name, "mesh": number})
    roots = [0]
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "hint-tools"},
        "scene": 0,
        "scenes": [{"nodes": roots}],
        "nodes": nodes,
        "meshes": entries,
        "materials": materials,
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}],
    }
    if view is not None:
        document["cameras"] = [_camera(view)]
        roots.append(len(nodes))
        nodes.append({"name": "camera", "camera": 0})
    return _container(document, bytes(buffer.data))


def _primitive(buffer: _Buffer, mesh: NamedMesh, material: int) -> dict[str, Any]:
    positions = mesh.vertices.astype("<f4")
    low, high = positions.min(axis=0).tolist(), positions.max(axis=0).tolist()
    short = len(positions) <= _LARGEST_SHORT
    indices = mesh.faces.reshape(-1).astype("<u2" if short else "<u4")
    return {
        "attributes": {
            "POSITION": buffer.add(positions, _FLOAT, "VEC3", _VERTICES, min=low, max=high),
            "NORMAL": buffer.add(mesh.normals.astype("<f4"), _FLOAT, "VEC3", _VERTICES),
        },
        "indices": buffer.add(indices, _UNSIGNED_SHORT if short else _UNSIGNED_INT, "SCALAR", _INDICES),
        "material": material,
    }


def _material(mesh: NamedMesh) -> dict[str, Any]:
    surface = {"baseColorFactor": [*mesh.colour, 1.0], "metallicFactor": 0.0, "roughnessFactor": _ROUGHNESS}
    return {"name": mesh.name, "pbrMetallicRoughness": surface}


def _camera(view: View) -> dict[str, Any]:
    perspective = {
        "aspectRatio": view.width_px / view.height_px,
        "yfov": 2 * math.atan(view.height_px / 2 / view.focal_px),
        "znear": _NEAR_M,
    }
    return {"type": "perspective", "perspective": perspective}


def _container(document: dict[str, Any], binary: bytes) -> bytes:
    text = json.dumps(document, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + len(binary)
    head = struct.pack("<III", _MAGIC, _VERSION, total)
    return b"".join(
        [head, struct.pack("<II", len(text), _JSON), text, struct.pack("<II", len(binary), _BINARY), binary]
    )
